//! The suites that a command works on.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::plan::capabilities;
use crate::rules::{Catalogue, CatalogueError};
use crate::suite::limits::Budget;
use crate::suite::{self, FileDiagnostics, SourceError, Suite, SuiteSource, near_miss};

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
    /// Two capabilities have one id.
    #[error("{file}: there is another capability `{id}`; give this one another id")]
    DoubledCapability { id: String, file: String },
    /// A case requires what nobody declares.
    #[error("{case} requires `{id}`, and there is no such capability{help}")]
    UnknownCapability { id: String, case: String, help: String },
}

/// The suites of the paths, or those built in, and the rules they cite. The built-in capabilities are always there.
pub(super) fn load(paths: &[PathBuf]) -> Result<(Vec<Arc<Suite>>, Catalogue), SuitesError> {
    let rules = Catalogue::embedded()?;
    let built_in = suite::embedded();
    let sources = if paths.is_empty() { built_in.clone() } else { suite::from_paths(paths)? };
    let mut suites = check(&sources, &rules)?;
    if suites.iter().all(|suite| suite.id != CAPABILITIES) {
        let capabilities: Vec<SuiteSource> =
            built_in.into_iter().filter(|source| source.name.ends_with(CAPABILITIES_FILE)).collect();
        suites.extend(check(&capabilities, &rules)?);
    }
    check_capabilities(&suites)?;
    Ok((suites, rules))
}

/// Id of the suite that holds the built-in capabilities.
const CAPABILITIES: &str = "capabilities";
/// Its file.
const CAPABILITIES_FILE: &str = "/capabilities.json";

/// Every capability has one id, and every one that a case requires is there.
fn check_capabilities(suites: &[Arc<Suite>]) -> Result<(), SuitesError> {
    let all = capabilities(suites);
    let mut known = BTreeSet::new();
    for needed in &all {
        if !known.insert(needed.id()) {
            let (id, file) = (needed.id().to_owned(), needed.suite.file.clone());
            return Err(SuitesError::DoubledCapability { id, file });
        }
    }
    for suite in suites {
        for case in &suite.cases {
            let options = case.steps.iter().filter_map(|step| step.request.sse_c_if.as_ref());
            if let Some(id) = case.requires.iter().chain(options).find(|id| !known.contains(id.as_str())) {
                let help = near_miss(id, known.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
                let (id, case) = (id.clone(), case.id.clone());
                return Err(SuitesError::UnknownCapability { id, case, help: help.unwrap_or_default() });
            }
        }
    }
    Ok(())
}

/// Each suite, or what is wrong with it, in their order.
fn load_each(sources: &[SuiteSource], rules: &Catalogue) -> Vec<Result<Suite, FileDiagnostics>> {
    if !sources.iter().all(SuiteSource::is_built_in) {
        let mut budget = Budget::default();
        return sources.iter().map(|source| suite::load_within(source, rules, &mut budget)).collect();
    }
    // Those come to no more than all may, together: they can be loaded at the same time.
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((index, source)) = sources.iter().enumerate().nth(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((index, suite::load(source, rules)));
        }
        done
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(sources.len());
    let mut done: Vec<_> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let joined = others.into_iter().map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        joined.flatten().chain(own).collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, loaded)| loaded).collect()
}

/// All suites, or all mistakes of all files.
fn check(sources: &[SuiteSource], rules: &Catalogue) -> Result<Vec<Arc<Suite>>, SuitesError> {
    let (mut suites, mut mistakes) = (Vec::new(), Vec::new());
    for loaded in load_each(sources, rules) {
        match loaded {
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
