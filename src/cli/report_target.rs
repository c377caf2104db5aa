//! `--report FORMAT=PATH`

use std::io;
use std::path::{Path, PathBuf};

/// The formats of a command's reports.
pub(super) trait ReportFormat: Copy + 'static {
    /// All of them, by the name that users write.
    const ALL: &'static [(&'static str, Self)];
}

/// A report to write.
#[derive(Debug, Clone)]
pub(super) struct ReportTarget<F> {
    pub format: F,
    pub path: PathBuf,
}

/// A report cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the report {}: {error}; choose another with --report", path.display())]
pub(super) struct ReportError {
    path: PathBuf,
    error: io::Error,
}

impl<F: ReportFormat> ReportTarget<F> {
    /// Reads `FORMAT=PATH`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known = text.split_once('=').filter(|(_, path)| !path.is_empty());
        let found = known.and_then(|(name, path)| Some((F::ALL.iter().find(|(known, _)| *known == name)?.1, path)));
        let (format, path) = found.ok_or_else(|| {
            let formats: Vec<String> = F::ALL.iter().map(|(name, _)| format!("{name}=PATH")).collect();
            format!("write {}", formats.join(" or "))
        })?;
        Ok(Self { format, path: path.into() })
    }

    /// Finds out before the work is done that the report cannot be written.
    pub fn check_writable(&self) -> Result<(), ReportError> {
        let made = folder_of(&self.path).map_or(Ok(()), std::fs::create_dir_all);
        let opened = made.and_then(|()| std::fs::OpenOptions::new().create(true).append(true).open(&self.path));
        opened.map(drop).map_err(|error| ReportError { path: self.path.clone(), error })
    }

    /// Writes the report.
    pub fn write(&self, document: &[u8]) -> Result<(), ReportError> {
        std::fs::write(&self.path, document).map_err(|error| ReportError { path: self.path.clone(), error })
    }
}

fn folder_of(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty())
}
