//! `ssecheck judge`: evidence that was kept, judged again.

use std::path::PathBuf;

use super::choice::{ChoiceArguments, ChoiceError};
use super::report_target::ReportError;
use super::run::Screen;
use super::run_reports::{ReportArguments, RunReportError};
use super::{complain, exit_code};
use crate::archive::{self, Archive, ArchiveError};
use crate::record::{Context, RunRecord};
use crate::report::printable;

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
    #[error(transparent)]
    Target(#[from] ReportError),
    #[error(transparent)]
    Report(#[from] RunReportError),
    #[error("cannot write to the terminal: {0}")]
    Output(std::io::Error),
}

pub(super) fn judge(arguments: &Arguments) -> u8 {
    let judged = || -> Result<RunRecord, JudgeError> {
        let archive = Archive::open(&arguments.evidence)?;
        let manifest = archive.manifest();
        let of_run = manifest.profile.file.as_deref().unwrap_or(&manifest.profile.id);
        let choice = arguments.choice.load(arguments.profile.as_deref().unwrap_or(of_run))?;
        arguments.reports.check()?;
        let mut limits = manifest.limits.clone();
        limits.extend(choice.limits.iter().filter(|limit| !manifest.limits.contains(limit)).cloned());
        let context = Context {
            endpoint: manifest.endpoint.clone(),
            plain_endpoint: manifest.plain_endpoint.clone(),
            is_embedded: manifest.embedded,
            label: manifest.label.clone(),
            suite_digest: choice.suites_digest.clone(),
            is_complete: manifest.complete && choice.is_complete,
            limits,
            evidence_digest: Some(archive.digest().to_owned()),
        };
        let run = archive::judge(&archive, choice.plan, &choice.profile, choice.baseline)?;
        let run = RunRecord::of(&run, &choice.profile, &choice.rules, &context);
        let screen = Screen::new(arguments.reports.take_stdout());
        screen.finish(&run).map_err(JudgeError::Output)?;
        arguments.reports.write(&run)?;
        Ok(run)
    };
    match judged() {
        Ok(run) => exit_code::of(&run),
        Err(error) => complain(&printable(&error.to_string()), exit_code::USAGE),
    }
}
