//! The formats of a run's report, each rendered from the record and nothing else.

use super::text::json;
use super::{HtmlError, JunitError, badge, github, html, junit, markdown, tap};
use crate::record::RunRecord;

/// What a run can be reported as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunFormat {
    /// JUnit XML.
    Junit,
    /// The record of the run.
    Json,
    /// A page to look at.
    Html,
    /// Markdown, for the summary of a GitHub step.
    Markdown,
    /// TAP version 14.
    Tap,
    /// Annotations of GitHub Actions.
    Github,
    /// A badge, as SVG.
    Badge,
}

/// A report cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// As JUnit XML.
    #[error(transparent)]
    Junit(#[from] JunitError),
    /// As JSON.
    #[error("cannot write the record of the run: {0}")]
    Json(#[from] serde_json::Error),
    /// As HTML.
    #[error(transparent)]
    Html(#[from] HtmlError),
}

impl RunFormat {
    /// All formats, by the name that users write.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("junit", Self::Junit),
        ("json", Self::Json),
        ("html", Self::Html),
        ("markdown", Self::Markdown),
        ("tap", Self::Tap),
        ("github", Self::Github),
        ("badge", Self::Badge),
    ];

    /// Where a report goes unless told; `-` is standard output.
    #[must_use]
    pub fn default_path(self) -> &'static str {
        match self {
            Self::Junit => "reports/junit.xml",
            Self::Json => "reports/run.json",
            Self::Html => "reports/report.html",
            Self::Markdown => "reports/summary.md",
            Self::Tap | Self::Github => "-",
            Self::Badge => "reports/badge.svg",
        }
    }

    /// The report.
    ///
    /// # Errors
    /// [`RenderError`].
    pub fn render(self, run: &RunRecord) -> Result<Vec<u8>, RenderError> {
        Ok(match self {
            Self::Junit => junit(run)?,
            Self::Json => json(&String::from_utf8_lossy(&run.to_json()?)).into_bytes(),
            Self::Html => html(run)?,
            Self::Markdown => markdown(run).into_bytes(),
            Self::Tap => tap(run).into_bytes(),
            Self::Github => github(run).into_bytes(),
            Self::Badge => badge(run).into_bytes(),
        })
    }
}
