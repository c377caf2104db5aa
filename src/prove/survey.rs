//! What became of faults that are not in the catalogue: narrowed ones, and those that nobody chose.

use super::problems::Problem;
use super::runs::{Outcome, Proof};
use crate::faults::Fault;
use crate::verdict::Verdict;

/// Faults outside the catalogue, by what became of each.
#[derive(Debug, Default)]
pub struct Survey {
    /// A case fails: a run ends with exit code 1.
    pub caught: Vec<&'static Fault>,
    /// No case fails, but some come to no verdict, or the run is stopped.
    pub noticed: Vec<&'static Fault>,
    /// Cases give it an occasion to show, and come out as without it.
    pub escaped: Vec<&'static Fault>,
    /// No case gives it an occasion to show.
    pub unasked: Vec<&'static Fault>,
    /// Verdicts that are not as they must be without a fault.
    pub problems: Vec<Problem>,
}

impl Survey {
    /// Of the runs of a proof.
    #[must_use]
    pub fn of(proof: &Proof) -> Self {
        let mut survey = Self { problems: proof.honest_problems(), ..Self::default() };
        for (fault, run) in proof.own_runs() {
            let list = match &run.outcome {
                Outcome::Stopped(_) => &mut survey.noticed,
                Outcome::Ran(cases) if cases.values().any(|case| case.verdict == Verdict::Fail) => &mut survey.caught,
                Outcome::Ran(cases) if !cases.is_empty() => &mut survey.noticed,
                Outcome::Ran(_) if run.cases_run == 0 => &mut survey.unasked,
                Outcome::Ran(_) => &mut survey.escaped,
            };
            list.push(fault);
        }
        survey
    }

    /// The number of faults.
    #[must_use]
    pub fn total(&self) -> usize {
        self.caught.len() + self.noticed.len() + self.escaped.len() + self.unasked.len()
    }
}
