//! `ssecheck judge`: evidence that was kept, judged again.

use std::path::PathBuf;

use super::choice::{Choice, ChoiceArguments, ChoiceError};
use super::report_target::{ReportError, is_in};
use super::run::Screen;
use super::run_reports::{ReportArguments, RunReportError};
use super::suites::{self, BuiltInError};
use super::{complain, exit_code};
use crate::archive::{self, Archive, ArchiveError, Manifest};
use crate::profile;
use crate::record::{self, Context, ProfileRecord, RunRecord};

/// Arguments of `judge`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_JUDGE)]
pub(super) struct Arguments {
    /// The folder that `run --evidence DIR` wrote
    #[arg(value_name = "DIR")]
    evidence: PathBuf,
    #[command(flatten)]
    choice: ChoiceArguments,
    /// Profile to judge by; that of the run when absent
    #[arg(long, value_name = "NAME|FILE")]
    profile: Option<String>,
    #[command(flatten)]
    reports: ReportArguments,
}

const AFTER_JUDGE: &str = "\
No request is sent. With the suites and the profile of the run every verdict is the same. With others a case is judged by what \
they expect now; where they ask for something else than the evidence is of, it is skipped, and the run counts as incomplete.

Examples:
  ssecheck run --evidence evidence --report json=then.json
  ssecheck judge evidence --report json=now.json && ssecheck diff then.json now.json
  ssecheck judge evidence --profile aws --report html=aws.html

Exit codes: as of `run`; 2 also where the evidence cannot be read or was changed.";

#[derive(Debug, thiserror::Error)]
enum JudgeError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    #[error(
        "the run was judged by a profile of the user's own, {0}; say where it is with --profile FILE, or choose another"
    )]
    OwnProfile(String),
    #[error("the evidence {} is not as a run keeps it: {}; run again", folder.display(), contradictions.join("; "))]
    Contradictory { folder: PathBuf, contradictions: Vec<String> },
    #[error(transparent)]
    BuiltIn(#[from] BuiltInError),
    #[error("the report {} would be written into the evidence; choose another path", report.display())]
    ReportInEvidence { report: PathBuf },
    #[error(transparent)]
    Target(#[from] ReportError),
    #[error(transparent)]
    Report(#[from] RunReportError),
    #[error("cannot write to the terminal: {0}")]
    Output(std::io::Error),
}

/// The profile to judge by. The evidence may be a stranger's: it names no file to read.
fn profile_of<'a>(arguments: &'a Arguments, manifest: &'a Manifest) -> Result<&'a str, JudgeError> {
    let ProfileRecord { id, file, .. } = &manifest.profile;
    match &arguments.profile {
        Some(profile) => Ok(profile),
        None if file.is_none() && !profile::is_path(id) => Ok(id),
        None => Err(JudgeError::OwnProfile(file.clone().unwrap_or_else(|| id.clone()))),
    }
}

/// The record of the run as it is judged by its evidence: with the cases, the profile and the baseline that were chosen by `arguments`.
///
/// # Errors
/// [`ArchiveError`] where a file cannot be read, was changed, or does not belong to the evidence.
pub(super) fn record_of(
    archive: &Archive,
    arguments: &ChoiceArguments,
    choice: Choice,
) -> Result<RunRecord, ArchiveError> {
    let manifest = archive.manifest();
    let mut limits = manifest.limits.clone();
    if manifest.ssecheck != env!("CARGO_PKG_VERSION") {
        limits.push(format!("the evidence was kept by ssecheck {}", manifest.ssecheck));
    }
    limits.extend(archive.limits());
    limits.extend(choice.limits.iter().filter(|limit| !manifest.limits.contains(limit)).cloned());
    let mut circumstances = manifest.circumstances.clone();
    circumstances.iter_mut().for_each(|it| it.settings.extend(arguments.options(&choice)));
    let context = Context {
        endpoint: manifest.endpoint.clone(),
        plain_endpoint: manifest.plain_endpoint.clone(),
        is_embedded: manifest.embedded,
        label: manifest.label.clone(),
        suite_digest: choice.suites_digest.clone(),
        is_complete: manifest.complete && choice.is_complete,
        shard: choice.shard.clone(),
        limits,
        circumstances,
        evidence_digest: Some(archive.digest().to_owned()),
    };
    let run = archive::judge(archive, choice.plan, &choice.profile, choice.baseline)?;
    Ok(RunRecord::of(run, &choice.profile, &choice.rules, &context))
}

pub(super) fn judge(arguments: &Arguments) -> u8 {
    let judged = || -> Result<RunRecord, JudgeError> {
        let archive = Archive::open(&arguments.evidence)?;
        let manifest = archive.manifest();
        let choice = arguments.choice.load(profile_of(arguments, manifest)?)?;
        if arguments.profile.is_none() && ProfileRecord::of(&choice.profile) != manifest.profile {
            super::say(&format!("ssecheck: the profile {} says something else now than in the run", choice.profile.id));
        }
        let mut files = arguments.reports.files().map(|(_, file)| file);
        if let Some(report) = files.find(|file| is_in(file, &arguments.evidence)) {
            return Err(JudgeError::ReportInEvidence { report: report.to_owned() });
        }
        arguments.reports.check()?;
        let built_in = suites::built_in(&choice.profile.id)?;
        let run = record_of(&archive, &arguments.choice, choice)?;
        let contradictions = record::contradictions(&run, &built_in);
        if !contradictions.is_empty() {
            return Err(JudgeError::Contradictory { folder: arguments.evidence.clone(), contradictions });
        }
        let screen = Screen::new(arguments.reports.take_stdout());
        screen.finish(&run).map_err(JudgeError::Output)?;
        arguments.reports.write(&run)?;
        super::say("ssecheck: evidence is not signed; a certificate that names it shows that it was not edited");
        Ok(run)
    };
    match judged() {
        Ok(run) => exit_code::of(&run),
        Err(error) => complain(&error, exit_code::USAGE),
    }
}
