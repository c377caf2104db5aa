//! `ssecheck merge`

use std::io;
use std::path::PathBuf;

use clap::ValueHint;

use super::report_target::ReportError;
use super::run::{Screen, level_asked_for};
use super::run_reports::{ReportArguments, RunReportError};
use super::suites::{self, BuiltInError};
use super::{complain, exit_code};
use crate::record::{self, MergeError, RecordError, RunRecord};
use crate::report::RunFormat;
use crate::rules::{Catalogue, CatalogueError};
use crate::suite::model::Certification;

/// Arguments of `merge`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// Records of all shards (`run --shard I/N --report json=PATH`), in any order
    #[arg(value_name = "SHARD.json", required = true, value_hint = ValueHint::FilePath)]
    shards: Vec<PathBuf>,
    /// Fail unless this certification level is reached by all shards together
    #[arg(long, value_name = "LEVEL", value_enum)]
    certify: Option<Certification>,
    #[command(flatten)]
    reports: ReportArguments,
}

const AFTER: &str = "\
Examples:
  ssecheck run --shard 1/2 --run-id nightly-7 --report json=1.json      # on one machine
  ssecheck run --shard 2/2 --run-id nightly-7 --report json=2.json      # on another
  ssecheck merge 1.json 2.json --report json=run.json --report html=report.html

Without --report it writes reports/run.json. The record is, but for ids and times, that of a run without shards.

Refused are shards that are missing or there twice, cases that are in two of them or in none, shards of another run, other suites, rules, \
profiles, settings, endpoints, servers or programs, shards that were made more than a day apart, and records that contradict \
themselves. Records are not signed: whoever had them could edit them. Only `ssecheck certify`, on one machine, signs.

Exit codes:
  0    all required scenarios of all shards passed
  1    a required scenario failed, or the level of --certify is not reached
  2    a record cannot be read, they are not all shards of one run, or a report cannot be written
  3    a required scenario was left without a verdict
  130  a shard was interrupted";

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error(transparent)]
    BuiltIn(#[from] BuiltInError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Target(#[from] ReportError),
    #[error(transparent)]
    Report(#[from] RunReportError),
    #[error("the outcome cannot be shown: {0}")]
    Output(io::Error),
}

pub(super) fn merge(arguments: &Arguments) -> u8 {
    match merged(arguments) {
        Ok(run) => exit_code::of(&run).max(level_asked_for(&run, arguments.certify)),
        Err(error) => complain(&error, exit_code::USAGE),
    }
}

fn merged(arguments: &Arguments) -> Result<RunRecord, Error> {
    let reports = arguments.reports.clone().or(RunFormat::Json);
    reports.check()?;
    let read = |path: &PathBuf| Ok::<_, RecordError>((path.display().to_string(), record::read(path)?));
    let shards = arguments.shards.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let profile = shards.first().map_or("", |(_, run)| run.profile.id.as_str());
    let built_in = suites::built_in(profile)?;
    let run = record::merge(shards, &Catalogue::embedded()?, &built_in)?;
    Screen::new(reports.take_stdout()).finish(&run).map_err(Error::Output)?;
    super::say("ssecheck: the record is not signed; nothing shows that the shards were not edited");
    reports.write(&run)?;
    Ok(run)
}
