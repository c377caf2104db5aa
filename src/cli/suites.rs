//! The suites that a command works on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::rules::{Catalogue, CatalogueError};
use crate::suite::{self, FileDiagnostics, SourceError, Suite, SuiteSource};

/// The suites cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SuitesError {
    /// A path cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The rule catalogue is off.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// Suite files with mistakes.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n"))]
    Mistakes(Vec<FileDiagnostics>),
    /// Two files have one id.
    #[error("{first} and {second} both have the suite id `{id}`; give one of them another")]
    DoubledId { id: String, first: String, second: String },
}

/// The suites of the paths, or those built in, and the rules they cite.
pub(super) fn load(paths: &[PathBuf]) -> Result<(Vec<Arc<Suite>>, Catalogue), SuitesError> {
    let rules = Catalogue::embedded()?;
    let sources = if paths.is_empty() { suite::embedded() } else { suite::from_paths(paths)? };
    let suites = check(&sources, &rules)?;
    Ok((suites, rules))
}

/// All suites, or all mistakes of all files.
fn check(sources: &[SuiteSource], rules: &Catalogue) -> Result<Vec<Arc<Suite>>, SuitesError> {
    let (mut suites, mut mistakes) = (Vec::new(), Vec::new());
    for source in sources {
        match suite::load(source, rules) {
            Ok(suite) => suites.push(Arc::new(suite)),
            Err(diagnostics) => mistakes.push(diagnostics),
        }
    }
    if !mistakes.is_empty() {
        return Err(SuitesError::Mistakes(mistakes));
    }
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for suite in &suites {
        if let Some(first) = seen.insert(&suite.id, &suite.file) {
            let (first, second) = (first.to_owned(), suite.file.clone());
            return Err(SuitesError::DoubledId { id: suite.id.clone(), first, second });
        }
    }
    Ok(suites)
}
