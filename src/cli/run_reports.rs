//! The reports of a run: `--report` of `run`, `certify`, `judge` and `report render`.

use super::report_target::{self, ReportError, ReportFormat, ReportTarget};
use crate::record::RunRecord;
use crate::report::{RenderError, RunFormat};

impl ReportFormat for RunFormat {
    const ALL: &'static [(&'static str, Self)] = RunFormat::ALL;

    fn default_path(self) -> &'static str {
        self.default_path()
    }
}

/// Which reports are written.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ReportArguments {
    /// Report to write: junit, json, html; PATH may be `-` for standard output; may be repeated
    #[arg(long, value_name = "FORMAT[=PATH]", value_parser = ReportTarget::<RunFormat>::parse)]
    report: Vec<ReportTarget<RunFormat>>,
}

/// Reports could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunReportError {
    #[error(transparent)]
    Target(#[from] ReportError),
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl ReportArguments {
    /// Writes this report where none is asked for.
    pub fn or(mut self, default: RunFormat) -> Self {
        if self.report.is_empty() {
            self.report.push(ReportTarget::new(default, None));
        }
        self
    }

    /// Whether one of them goes to standard output, so that nothing else may.
    pub fn take_stdout(&self) -> bool {
        report_target::takes_stdout(&self.report)
    }

    /// Finds out before anything is sent that a report cannot be written.
    pub fn check(&self) -> Result<(), ReportError> {
        report_target::check(&self.report)
    }

    /// Writes them all.
    pub fn write(&self, run: &RunRecord) -> Result<(), RunReportError> {
        for report in &self.report {
            report.write(&report.format.render(run)?)?;
        }
        Ok(())
    }
}
