//! The kill matrix as it is recorded: which case comes to which verdict under which fault.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::runs::{FaultRun, Outcome, Proof, ProvenCase};
use crate::verdict::Verdict;

/// Fault id → what comes of the suites. A fault of another profile than `portable` is recorded under that profile;
/// under `portable` all cases pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matrix {
    /// The scenarios that it was made of, as `suite/scenario`. Of others it says nothing.
    scenarios: BTreeSet<String>,
    faults: BTreeMap<String, Row>,
}

/// What comes of the suites under one fault: ids of cases by verdict, a scenario's id for all its cases; what is not
/// named passes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// Why no case has run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    fail: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    inconclusive: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    blocked: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    not_supported: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    error: BTreeSet<String>,
    /// Observations that are otherwise than without the fault.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    observed: BTreeSet<String>,
}

/// The recorded matrix cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("suites/kill-matrix.json is no kill matrix: {0}")]
pub struct MatrixError(#[from] serde_json::Error);

impl Matrix {
    /// The matrix compiled into the binary.
    ///
    /// # Errors
    /// [`MatrixError`] where the file in `suites/` is off; a test holds it right.
    pub fn embedded() -> Result<Self, MatrixError> {
        Ok(serde_json::from_str(include_str!("../../suites/kill-matrix.json"))?)
    }

    /// The matrix of a proof.
    #[must_use]
    pub fn of(proof: &Proof) -> Self {
        Self {
            scenarios: proof.cases.iter().map(|case| case.scenario.clone()).collect(),
            faults: proof.own_runs().map(|(fault, run)| (fault.id.to_owned(), Row::of(run, &proof.cases))).collect(),
        }
    }

    /// The verdict recorded for a case under a fault; none where there is no record of it, or the run is recorded to be
    /// stopped.
    pub(super) fn verdict(&self, fault: &str, case: &ProvenCase) -> Option<Verdict> {
        let row = self.faults.get(fault).filter(|row| row.stopped.is_none() && self.scenarios.contains(&case.scenario));
        row.map(|row| row.verdict(case))
    }

    /// Ids of the cases that are recorded to fail under a fault.
    #[must_use]
    pub fn to_fail<'c>(&self, fault: &str, cases: &'c [ProvenCase]) -> Vec<&'c str> {
        let fails = |case: &&ProvenCase| self.verdict(fault, case) == Some(Verdict::Fail);
        cases.iter().filter(fails).map(|case| case.id.as_str()).collect()
    }

    /// Whether a scenario, or any of these cases of it, is recorded to fail under a fault.
    pub fn any_fails<'c>(&self, fault: &str, scenario: &str, mut cases: impl Iterator<Item = &'c str>) -> bool {
        let Some(row) = self.faults.get(fault) else { return false };
        row.fail.contains(scenario) || cases.any(|case| row.fail.contains(case))
    }

    /// Why a run under a fault is recorded to be stopped.
    pub(super) fn stopped(&self, fault: &str) -> Option<&str> {
        self.faults.get(fault)?.stopped.as_deref()
    }

    /// Ids of faults, scenarios and cases that are recorded and that there are none of, or the other way round.
    pub(super) fn out_of_date(&self, faults: &[&'static str], cases: &[ProvenCase]) -> BTreeSet<String> {
        let scenarios = || cases.iter().map(|case| case.scenario.clone());
        let known: BTreeSet<String> = cases.iter().map(|case| case.id.clone()).chain(scenarios()).collect();
        let named = self.faults.values().flat_map(Row::named).chain(&self.scenarios);
        let gone = named.filter(|id| !known.contains(*id)).cloned();
        let gone_faults = self.faults.keys().filter(|fault| !faults.contains(&fault.as_str())).cloned();
        let new = scenarios().filter(|scenario| !self.scenarios.contains(scenario));
        let new_faults =
            faults.iter().filter(|fault| !self.faults.contains_key(**fault)).map(|fault| (*fault).to_owned());
        gone.chain(gone_faults).chain(new).chain(new_faults).collect()
    }

    /// As it is written to `suites/kill-matrix.json`.
    ///
    /// # Errors
    /// Where it cannot be written as JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl Row {
    fn of(run: &FaultRun, cases: &[ProvenCase]) -> Self {
        let not_passed = match &run.outcome {
            Outcome::Stopped(why) => return Self { stopped: Some(why.clone()), ..Self::default() },
            Outcome::Ran(not_passed) => not_passed,
        };
        let verdict = |case: &ProvenCase| not_passed.get(&case.id).map_or(Verdict::Pass, |found| found.verdict);
        let mut by_scenario: BTreeMap<&str, BTreeSet<Verdict>> = BTreeMap::new();
        for case in cases {
            by_scenario.entry(&case.scenario).or_default().insert(verdict(case));
        }
        let mut row = Self::default();
        for case in cases {
            let alike = by_scenario.get(case.scenario.as_str()).is_some_and(|verdicts| verdicts.len() == 1);
            let name = if alike { &case.scenario } else { &case.id };
            if let Some(named) = row.of_verdict(verdict(case)) {
                named.insert(name.clone());
            }
        }
        row
    }

    fn of_verdict(&mut self, verdict: Verdict) -> Option<&mut BTreeSet<String>> {
        match verdict {
            Verdict::Pass | Verdict::Skipped | Verdict::ExpectedFailure | Verdict::UnexpectedPass => None,
            // Nothing is run again in a proof.
            Verdict::Fail | Verdict::Inconsistent => Some(&mut self.fail),
            Verdict::Inconclusive => Some(&mut self.inconclusive),
            Verdict::Blocked => Some(&mut self.blocked),
            Verdict::NotSupported => Some(&mut self.not_supported),
            Verdict::Error => Some(&mut self.error),
            Verdict::Observed => Some(&mut self.observed),
        }
    }

    fn by_verdict(&self) -> [(Verdict, &BTreeSet<String>); 6] {
        [
            (Verdict::Fail, &self.fail),
            (Verdict::Inconclusive, &self.inconclusive),
            (Verdict::Blocked, &self.blocked),
            (Verdict::NotSupported, &self.not_supported),
            (Verdict::Error, &self.error),
            (Verdict::Observed, &self.observed),
        ]
    }

    fn named(&self) -> impl Iterator<Item = &String> {
        self.by_verdict().into_iter().flat_map(|(_, named)| named)
    }

    fn verdict(&self, case: &ProvenCase) -> Verdict {
        let names = |named: &BTreeSet<String>| named.contains(&case.id) || named.contains(&case.scenario);
        let found = self.by_verdict().into_iter().find(|(_, named)| names(named));
        found.map_or(Verdict::Pass, |(verdict, _)| verdict)
    }
}
