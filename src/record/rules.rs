//! What a run says of each rule.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{CaseRecord, RunRecord};
use crate::verdict::Verdict;

/// Whether a rule is obeyed, by all that a run says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Obedience {
    /// Some case that cites it passes, and none accuses it.
    Kept,
    /// Some case fails and accuses it, whether or not that was declared or known.
    Broken,
    /// Neither: no case that cites it came to a verdict.
    NotJudged,
}

impl Obedience {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Broken => "broken",
            Self::NotJudged => "not judged",
        }
    }
}

/// The cases that have to do with a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RuleCounts {
    /// How many of those that cite it pass.
    pub passed: usize,
    /// How many fail and accuse it.
    pub accusing: usize,
    /// How many of those that cite it fail for another rule, or come to no verdict.
    pub others: usize,
}

impl RuleCounts {
    /// What they say of the rule.
    #[must_use]
    pub fn obedience(&self) -> Obedience {
        match (self.accusing, self.passed) {
            (0, 0) => Obedience::NotJudged,
            (0, _) => Obedience::Kept,
            _ => Obedience::Broken,
        }
    }
}

/// What a run says of the rules that its cases cite or accuse. Declared and known failures are failures.
#[must_use]
pub fn rule_counts(run: &RunRecord) -> BTreeMap<&str, RuleCounts> {
    let mut counts: BTreeMap<&str, RuleCounts> = BTreeMap::new();
    for case in &run.cases {
        let accused = accused(case);
        for rule in accused {
            counts.entry(rule).or_default().accusing += 1;
        }
        for rule in case.rules.iter().filter(|rule| !accused.contains(rule)) {
            let counts = counts.entry(rule).or_default();
            if case.found == Verdict::Pass { counts.passed += 1 } else { counts.others += 1 }
        }
    }
    counts
}

/// The rules that a failing case accuses.
pub(super) fn accused(case: &CaseRecord) -> &[String] {
    if case.found == Verdict::Fail { case.accused() } else { &[] }
}
