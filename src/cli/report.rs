//! `ssecheck report`: reports of runs that were recorded.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::report_target::ReportError;
use super::run_reports::{ReportArguments, RunReportError};
use super::suites::{self, BuiltInError};
use super::{complain, exit_code};
use crate::record::{self, RecordError};
use crate::report::RunFormat;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the reports of a run that was recorded (`run --report json=PATH`)
    Render(RenderArguments),
}

#[derive(Debug, Args)]
#[command(after_help = AFTER_RENDER)]
struct RenderArguments {
    /// The record of the run
    #[arg(value_name = "RUN.json")]
    run: PathBuf,
    #[command(flatten)]
    reports: ReportArguments,
}

const AFTER_RENDER: &str = "\
Without --report it writes reports/report.html. The reports are, to the byte, those that the run would have written. A record that \
contradicts itself, or the suites built in where it was made with those, is refused. Records and reports are not signed.

Exit codes:
  0    the reports are written
  2    the record cannot be read or contradicts itself, or a report cannot be written";

#[derive(Debug, thiserror::Error)]
enum RenderError {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    BuiltIn(#[from] BuiltInError),
    #[error("{} is not as a run writes it: {}; run again", path.display(), contradictions.join("; "))]
    Contradictory { path: PathBuf, contradictions: Vec<String> },
    #[error(transparent)]
    Target(#[from] ReportError),
    #[error(transparent)]
    Report(#[from] RunReportError),
}

pub(super) fn report(arguments: Arguments) -> u8 {
    let Command::Render(arguments) = arguments.command;
    match render(arguments) {
        Ok(()) => exit_code::PASSED,
        Err(error) => complain(&error, exit_code::USAGE),
    }
}

fn render(arguments: RenderArguments) -> Result<(), RenderError> {
    let run = record::read(&arguments.run)?;
    let contradictions = record::contradictions(&run, &suites::built_in(&run.profile.id)?);
    if !contradictions.is_empty() {
        return Err(RenderError::Contradictory { path: arguments.run, contradictions });
    }
    let reports = arguments.reports.or(RunFormat::Html);
    reports.check()?;
    reports.write(&run)?;
    super::say("ssecheck: the reports are of a record that is not signed; nothing shows that it was not edited");
    Ok(())
}
