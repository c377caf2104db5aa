//! Derives what limits a run from other members of its record or certificate, so that a limit that was left out is detected.

use super::circumstances::{Circumstances, REFERENCE};
use super::model::RunRecord;
use crate::verdict::Verdict;

/// What is recorded of a run and decides whether it is limited.
#[derive(Debug, Clone, Copy)]
pub struct Limiting<'a> {
    /// Whether ssecheck's own reference endpoint was tested.
    pub is_of_the_reference: bool,
    /// How the run was made; absent in former formats.
    pub circumstances: Option<&'a Circumstances>,
    /// Whether it was compared with a baseline.
    pub has_baseline: bool,
    /// Whether the profile was read from a file.
    pub has_own_profile: bool,
    /// Whether a profile or a baseline excused or contradicted any case.
    pub has_declared_failures: bool,
    /// Whether it is one shard of several.
    pub is_shard: bool,
    /// Whether it was stopped.
    pub is_interrupted: bool,
}

impl<'a> Limiting<'a> {
    /// Reads it off a record.
    #[must_use]
    pub fn of(run: &'a RunRecord) -> Self {
        let declared = [Verdict::ExpectedFailure, Verdict::UnexpectedPass];
        Self {
            is_of_the_reference: run.is_of_the_reference(),
            circumstances: run.circumstances.as_ref(),
            has_baseline: run.baseline.is_some(),
            has_own_profile: run.profile.file.is_some(),
            has_declared_failures: run.cases.iter().any(|case| declared.contains(&case.verdict)),
            is_shard: run.shard.is_some(),
            is_interrupted: run.interrupted,
        }
    }

    /// Names what limits the run; empty where nothing does.
    #[must_use]
    pub fn causes(&self) -> Vec<&'static str> {
        let has = |setting: &str| self.circumstances.is_some_and(|it| it.settings.contains_key(setting));
        let is_set = |flag: &str| self.circumstances.is_some_and(|it| it.is_set(flag));
        // A record of a former format does not say whether the reference was asked for by name, nor was it then.
        let is_unasked_reference = self.is_of_the_reference && self.circumstances.is_some() && !is_set(REFERENCE);
        let causes = [
            (is_unasked_reference, "ssecheck's own reference endpoint"),
            (is_set("insecure"), "--insecure"),
            (has("suites"), "suites of the tester's own"),
            (has("only"), "--only"),
            (self.is_shard || has("shard"), "--shard"),
            (self.has_baseline, "a baseline"),
            (self.has_own_profile, "a profile of the tester's own"),
            (self.has_declared_failures, "failures that are declared or known"),
            (self.is_interrupted, "an interruption"),
        ];
        causes.into_iter().filter(|(is_there, _)| *is_there).map(|(_, cause)| cause).collect()
    }
}
