//! Reads the records of runs.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::model::{FORMER_FORMAT, OLDEST_FORMAT};
use super::{FORMAT, RunRecord};
use crate::bounded;
use crate::rules::Catalogue;

/// The largest record that is read, in bytes.
const MAX_FILE: u64 = 256 * 1024 * 1024;

/// A record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Its file cannot be read.
    #[error("cannot read {}: {error}; `ssecheck run --report json=PATH` writes the record of a run", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no record.
    #[error("{} is no record of a run (`ssecheck run --report json=PATH` writes one): {error}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why; tells line and column.
        error: serde_json::Error,
    },
    /// It is of another format.
    #[error("{} is `{found}`, and this ssecheck reads `{FORMAT}`, `{FORMER_FORMAT}` and `{OLDEST_FORMAT}`; use the version that wrote it, or run again", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it says that it is.
        found: String,
    },
}

#[derive(Deserialize)]
struct Head {
    format: String,
}

/// Reads the record of a run.
///
/// # Errors
/// [`RecordError`].
pub fn read(path: &Path) -> Result<RunRecord, RecordError> {
    parse(&read_bytes(path)?, path)
}

/// The file of a record, as it is.
///
/// # Errors
/// [`RecordError::Unreadable`].
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, RecordError> {
    bounded::read(path, MAX_FILE).map_err(|error| RecordError::Unreadable { path: path.to_owned(), error })
}

/// The record that a file holds; the path is for messages.
///
/// # Errors
/// [`RecordError`].
pub fn parse(text: &[u8], path: &Path) -> Result<RunRecord, RecordError> {
    let malformed = |error| RecordError::Malformed { path: path.to_owned(), error };
    let head: Head = serde_json::from_slice(text).map_err(malformed)?;
    let mut record: RunRecord = match head.format.as_str() {
        FORMAT | FORMER_FORMAT | OLDEST_FORMAT => serde_json::from_slice(text).map_err(malformed)?,
        _ => return Err(RecordError::Format { path: path.to_owned(), found: head.format }),
    };
    if head.format == OLDEST_FORMAT {
        // The catalogue that is built in is right; a test holds it so.
        let rules = Catalogue::embedded().unwrap_or_default();
        for rule in &mut record.rules {
            rule.harm = rules.get(&rule.id).map_or(rule.harm, |known| known.harm);
        }
    }
    // Records of former versions do not tell it.
    record.explain();
    if head.format != FORMAT && record.complete {
        record.certification = record.attainments();
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::{case, run};
    use super::*;
    use crate::verdict::Verdict;

    proptest! {
        /// Else a report of the record would not be that of the run.
        #[test]
        fn what_is_read_is_what_was_written(seconds in 0.0..100_000.0f64) {
            let mut written = run(vec![case("s/a", Verdict::Fail, "r")]);
            written.cases[0].seconds = seconds;
            let text = written.to_json().expect("it is JSON");
            let file = tempfile::NamedTempFile::new().expect("a file can be made");
            std::fs::write(file.path(), &text).expect("it can be written");
            let read = read(file.path()).expect("it is a record");
            prop_assert!(read.to_json().expect("it is JSON") == text, "{seconds:?} became {:?}", read.cases[0].seconds);
        }
    }
}
