//! The suites that a command works on.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::plan::capabilities;
use crate::profile::ProfileError;
use crate::record::BuiltIn;
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
    /// Mistakes of single files, and then those that lie between files.
    #[error("{}", .files.iter().map(ToString::to_string).chain(.between.iter().map(ToString::to_string)).collect::<Vec<_>>().join("\n\n"))]
    Mistakes { files: Vec<FileDiagnostics>, between: Vec<BetweenFiles> },
}

/// A mistake that no file shows by itself.
#[derive(Debug, thiserror::Error)]
pub(super) enum BetweenFiles {
    /// Two files have one id.
    #[error("{first} and {second} both have the suite id `{id}`; give one of them another")]
    DoubledId { id: String, first: String, second: String },
    /// Two capabilities have one id.
    #[error("{file}: there is another capability `{id}`; give this one another id")]
    DoubledCapability { id: String, file: String },
    /// A scenario requires what nobody declares.
    #[error("{file}: scenario `{scenario}` requires `{id}`, and there is no such capability{help}")]
    UnknownCapability { id: String, file: String, scenario: Arc<str>, help: String },
}

/// What is built in cannot be used; tests hold that it can.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuiltInError {
    #[error(transparent)]
    Suites(#[from] SuitesError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

/// What is built in, as far as it is of the profile of this id.
pub(super) fn built_in(profile: &str) -> Result<BuiltIn, BuiltInError> {
    let (suites, rules) = load(&[])?;
    Ok(BuiltIn::of(profile, &suites, &rules)?)
}

/// The suites of the paths, or those built in, and the rules they cite. The built-in capabilities are always there.
pub(super) fn load(paths: &[PathBuf]) -> Result<(Vec<Arc<Suite>>, Catalogue), SuitesError> {
    let rules = Catalogue::embedded()?;
    let built_in = suite::embedded();
    let sources = if paths.is_empty() { built_in.clone() } else { suite::from_paths(paths)? };
    let (mut suites, mut files) = check(&sources, &rules);
    let mut between = doubled_ids(&suites);
    if suites.iter().all(|suite| suite.id != CAPABILITIES) {
        let capabilities: Vec<SuiteSource> =
            built_in.into_iter().filter(|source| source.name.ends_with(CAPABILITIES_FILE)).collect();
        let (built_in, mistakes) = check(&capabilities, &rules);
        suites.extend(built_in);
        files.extend(mistakes);
    }
    // A capability may be one of a file that could not be read.
    between.extend(check_capabilities(&suites, files.is_empty()));
    if files.is_empty() && between.is_empty() {
        Ok((suites, rules))
    } else {
        Err(SuitesError::Mistakes { files, between })
    }
}

/// Id of the suite that holds the built-in capabilities.
const CAPABILITIES: &str = "capabilities";
/// Its file.
const CAPABILITIES_FILE: &str = "/capabilities.json";

/// Suites that have the id of another.
fn doubled_ids(suites: &[Arc<Suite>]) -> Vec<BetweenFiles> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let mut doubled = Vec::new();
    for suite in suites {
        if let Some(first) = seen.insert(&suite.id, &suite.file) {
            let (first, second) = (first.to_owned(), suite.file.clone());
            doubled.push(BetweenFiles::DoubledId { id: suite.id.clone(), first, second });
        }
    }
    doubled
}

/// Capabilities that have the id of another; and, if all are known, those that a scenario requires and nobody declares.
fn check_capabilities(suites: &[Arc<Suite>], are_all_known: bool) -> Vec<BetweenFiles> {
    let all = capabilities(suites);
    let (mut known, mut mistakes) = (BTreeSet::new(), Vec::new());
    for needed in &all {
        if !known.insert(needed.id()) {
            let (id, file) = (needed.id().to_owned(), needed.suite.file.clone());
            mistakes.push(BetweenFiles::DoubledCapability { id, file });
        }
    }
    let mut reported = BTreeSet::new();
    let cases = suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case)));
    for (suite, case) in cases.filter(|_| are_all_known) {
        let options = case.steps.iter().filter_map(|step| step.request.sse_c_if.as_ref());
        for id in case.requires.iter().chain(options).filter(|id| !known.contains(id.as_str())) {
            if reported.insert((&suite.file, &case.scenario, id)) {
                let help = near_miss(id, known.iter().copied()).map(|near| format!("; did you mean `{near}`?"));
                let (file, scenario) = (suite.file.clone(), Arc::clone(&case.scenario));
                let help = help.unwrap_or_default();
                mistakes.push(BetweenFiles::UnknownCapability { id: id.clone(), file, scenario, help });
            }
        }
    }
    mistakes
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

/// The suites without mistakes, and all mistakes of all others.
fn check(sources: &[SuiteSource], rules: &Catalogue) -> (Vec<Arc<Suite>>, Vec<FileDiagnostics>) {
    let (mut suites, mut mistakes) = (Vec::new(), Vec::new());
    for loaded in load_each(sources, rules) {
        match loaded {
            Ok(suite) => suites.push(Arc::new(suite)),
            Err(diagnostics) => mistakes.push(diagnostics),
        }
    }
    (suites, mistakes)
}
