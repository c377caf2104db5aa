//! What became of faults that are not in the catalogue: narrowed and generated ones.

use std::collections::{BTreeMap, BTreeSet};

use super::problems::Problem;
use super::runs::{NotPassed, Outcome, PORTABLE, Proof};
use crate::faults::Fault;
use crate::verdict::Verdict;

/// Narrowed and generated faults, by what became of each.
#[derive(Debug, Default)]
pub struct Survey {
    /// A case fails: a run ends with exit code 1.
    pub caught: Vec<&'static Fault>,
    /// No case fails, but some come to no verdict, or the run is stopped.
    pub noticed: Vec<&'static Fault>,
    /// Cases trigger it, and come out as without it.
    pub escaped: Vec<&'static Fault>,
    /// No case triggers it.
    pub not_triggered: Vec<&'static Fault>,
    /// Verdicts that are not as they must be without a fault.
    pub problems: Vec<Problem>,
}

impl Survey {
    /// Of the runs of a proof.
    #[must_use]
    pub fn of(proof: &Proof) -> Self {
        let honest = proof.honest.iter().find_map(|run| match &run.outcome {
            Outcome::Ran(cases) if run.profile == PORTABLE => Some(cases),
            _ => None,
        });
        let without = |id: &str| honest.and_then(|cases| cases.get(id)).map(|case| case.verdict);
        // Verdicts that are other than without the fault.
        let differing = |cases: &BTreeMap<String, NotPassed>| -> BTreeSet<Verdict> {
            cases.iter().filter(|(id, case)| without(id) != Some(case.verdict)).map(|(_, case)| case.verdict).collect()
        };
        let mut survey = Self { problems: proof.honest_problems(), ..Self::default() };
        for (fault, run) in proof.own_runs() {
            let list = match &run.outcome {
                Outcome::Stopped(_) => &mut survey.noticed,
                Outcome::Ran(cases) if differing(cases).contains(&Verdict::Fail) => &mut survey.caught,
                Outcome::Ran(cases) if !differing(cases).is_empty() => &mut survey.noticed,
                Outcome::Ran(_) if run.cases_run == 0 => &mut survey.not_triggered,
                Outcome::Ran(_) => &mut survey.escaped,
            };
            list.push(fault);
        }
        survey
    }

    /// The number of faults.
    #[must_use]
    pub fn total(&self) -> usize {
        self.caught.len() + self.noticed.len() + self.escaped.len() + self.not_triggered.len()
    }
}
