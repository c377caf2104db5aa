//! The reports of a run: `--report` of `run`, `certify`, `judge` and `report render`.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::report_target::{self, Destination, ReportError, ReportFormat, ReportTarget};
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
    /// Report to write, also several; `-` for PATH is standard output
    ///
    /// junit (reports/junit.xml), json (the record of the run, reports/run.json), html (reports/report.html), markdown
    /// (reports/summary.md, for $GITHUB_STEP_SUMMARY), tap (TAP 14, standard output), github (annotations, standard output),
    /// badge (reports/badge.svg)
    #[arg(long, value_name = "FORMAT[=PATH]", value_parser = ReportTarget::<RunFormat>::parse)]
    report: Vec<ReportTarget<RunFormat>>,
}

/// A report that was written.
pub(super) struct WrittenReport<'a> {
    pub format: RunFormat,
    /// Its file; none where it went to standard output.
    pub file: Option<&'a Path>,
    pub sha256: [u8; 32],
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

    /// Whether a report of this format is asked for.
    pub fn has(&self, format: RunFormat) -> bool {
        self.report.iter().any(|report| report.format == format)
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
    pub fn write(&self, run: &RunRecord) -> Result<Vec<WrittenReport<'_>>, RunReportError> {
        let mut written = Vec::new();
        for report in &self.report {
            let document = report.format.render(run)?;
            report.write(&document)?;
            let sha256 = Sha256::digest(&document).into();
            written.push(WrittenReport { format: report.format, file: report.to.file(), sha256 });
        }
        Ok(written)
    }

    /// The files that they go to, with their formats.
    pub fn files(&self) -> impl Iterator<Item = (RunFormat, &Path)> {
        self.report.iter().filter_map(|report| Some((report.format, report.to.file()?)))
    }

    /// Writes this report, too, to this file.
    pub fn and(mut self, format: RunFormat, file: PathBuf) -> Self {
        self.report.push(ReportTarget { format, to: Destination::File(file) });
        self
    }
}
