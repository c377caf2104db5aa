//! What a proof comes to: a list of everything that is not as it must be.

use std::collections::BTreeSet;
use std::fmt;

use super::runs::{FaultRun, NotPassed, Outcome, Proof, ProvenCase};
use crate::faults::Fault;
use crate::verdict::{Verdict, profile_rule};

/// Something that keeps the suites from being proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// A case does not pass on the endpoint without faults.
    HonestAccused {
        /// The profile judged by.
        profile: String,
        /// The case, or why none has run.
        case: String,
        /// What became of it.
        verdict: String,
    },
    /// No case fails under a fault that breaks a rule, or a run comes out well that must not.
    Survivor {
        /// The fault.
        fault: &'static str,
    },
    /// A case fails under a fault that breaks none of the rules which it accuses.
    InnocentAccused {
        /// The fault.
        fault: &'static str,
        /// The case.
        case: String,
        /// The rules that it accuses.
        rules: Vec<String>,
    },
    /// A fault of another profile's wording makes a case fail under `portable`.
    PortableAccused {
        /// The fault.
        fault: &'static str,
        /// The case.
        case: String,
    },
    /// No fault that breaks a rule makes a case fail that cites it.
    Unproven {
        /// The case.
        case: String,
        /// The rule.
        rule: String,
    },
    /// A fault breaks a rule, it says, of which no failing case accuses it.
    Unevidenced {
        /// The fault.
        fault: &'static str,
        /// The rule.
        rule: &'static str,
    },
    /// A case passes under a fault that leaves nothing for it to rest on.
    FalsePass {
        /// The fault.
        fault: &'static str,
        /// The case.
        case: String,
    },
    /// A case comes to another verdict than recorded.
    Changed {
        /// The fault.
        fault: &'static str,
        /// The case, or `all` where the run was stopped or is recorded to be.
        case: String,
        /// As recorded.
        expected: String,
        /// As it came.
        actual: String,
    },
    /// The record names a fault or a case that there is none of, or does not know one that there is.
    OutOfDate {
        /// The id.
        id: String,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HonestAccused { profile, case, verdict } => {
                write!(f, "without a fault, under profile {profile}, {case} comes out as {verdict}")
            }
            Self::Survivor { fault } => write!(f, "the fault {fault} survives: no scenario catches it"),
            Self::InnocentAccused { fault, case, rules } => {
                write!(
                    f,
                    "under the fault {fault}, {case} fails and accuses {}, which it does not break",
                    rules.join(", ")
                )
            }
            Self::PortableAccused { fault, case } => {
                write!(f, "under the fault {fault}, which is none under portable, {case} does not pass there")
            }
            Self::Unevidenced { fault, rule } => {
                write!(f, "the fault {fault} is said to break {rule}, of which no failing case accuses it")
            }
            Self::FalsePass { fault, case } => write!(f, "under the fault {fault}, {case} passes, and nothing may"),
            Self::Unproven { case, rule } => write!(f, "no fault that breaks {rule} makes {case} fail"),
            Self::Changed { fault, case, expected, actual } => {
                write!(f, "under the fault {fault}, {case} comes out as {actual}; recorded is {expected}")
            }
            Self::OutOfDate { id } => write!(f, "suites/kill-matrix.json is out of date: {id} is new, or gone"),
        }
    }
}

impl Problem {
    /// The kind of problem, in one word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::HonestAccused { .. } => "honest-accused",
            Self::Survivor { .. } => "survivor",
            Self::InnocentAccused { .. } => "innocent-accused",
            Self::PortableAccused { .. } => "portable-accused",
            Self::Unevidenced { .. } => "unevidenced",
            Self::FalsePass { .. } => "false-pass",
            Self::Unproven { .. } => "unproven",
            Self::Changed { .. } => "changed",
            Self::OutOfDate { .. } => "out-of-date",
        }
    }
}

/// What became of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// A case fails under it; or where it breaks no rule, a case comes to no verdict.
    Caught,
    /// None of the cases run is recorded to catch it, and none did.
    NotMet,
    /// It should have been caught.
    Survived,
}

impl Proof {
    /// What became of the fault of a run.
    #[must_use]
    pub fn fate(&self, fault: &Fault, run: &FaultRun) -> Fate {
        let caught = match &run.outcome {
            Outcome::Stopped(_) => fault.breaks.is_empty(),
            Outcome::Ran(cases) => cases.values().any(|case| catches(fault, case)),
        };
        let is_recorded = |case| self.expected.verdict(fault.id, case).is_some_and(|verdict| is_caught(fault, verdict));
        if caught {
            Fate::Caught
        } else if self.complete || self.cases.iter().any(is_recorded) {
            Fate::Survived
        } else {
            Fate::NotMet
        }
    }

    /// The cases that do not pass on the endpoint without faults.
    pub(super) fn honest_problems(&self) -> Vec<Problem> {
        self.honest.iter().flat_map(honest).collect()
    }

    /// Everything that is not as it must be; empty where the suites are proven.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.honest_problems();
        for run in &self.runs {
            if let Some(fault) = run.own_fault() {
                let survived = self.fate(fault, run) == Fate::Survived;
                problems.extend(survived.then_some(Problem::Survivor { fault: fault.id }));
                problems.extend(innocent(fault, run));
                problems.extend(self.false_passes(fault, run));
                problems.extend(self.changed(fault, run));
            } else if let Some(fault) = run.fault {
                problems.extend(portable(fault, run));
            }
        }
        if self.all_faults {
            problems.extend(self.cases.iter().flat_map(|case| self.unproven(case)));
        }
        if self.complete {
            problems.extend(self.own_runs().flat_map(|(fault, run)| unevidenced(fault, run)));
            let faults: Vec<&str> = Fault::all().map(|fault| fault.id).collect();
            let ids = self.expected.out_of_date(&faults, &self.cases);
            problems.extend(ids.into_iter().map(|id| Problem::OutOfDate { id }));
        }
        problems
    }

    fn false_passes(&self, fault: &'static Fault, run: &FaultRun) -> Vec<Problem> {
        let Outcome::Ran(not_passed) = &run.outcome else { return Vec::new() };
        let may_not =
            |case: &&ProvenCase| !case.heavy && (fault.nothing_passes || (fault.refuses_nothing && case.has_control));
        let passed = self.cases.iter().filter(may_not).filter(|case| !not_passed.contains_key(&case.id));
        passed.map(|case| Problem::FalsePass { fault: fault.id, case: case.id.clone() }).collect()
    }

    fn changed(&self, fault: &'static Fault, run: &FaultRun) -> Vec<Problem> {
        let changed = |case: &str, expected: &str, actual: &str| Problem::Changed {
            fault: fault.id,
            case: case.to_owned(),
            expected: expected.to_owned(),
            actual: actual.to_owned(),
        };
        let cases = match (&run.outcome, self.expected.stopped(fault.id)) {
            (Outcome::Stopped(why), expected) if expected == Some(why) => return Vec::new(),
            (Outcome::Stopped(why), expected) => {
                return vec![changed("all", expected.unwrap_or("a run"), &format!("stopped: {why}"))];
            }
            (Outcome::Ran(_), Some(why)) => return vec![changed("all", &format!("stopped: {why}"), "a run")],
            (Outcome::Ran(cases), None) => cases,
        };
        let of = |case: &ProvenCase| {
            let actual = cases.get(&case.id).map_or(Verdict::Pass, |found| found.verdict);
            let expected = self.expected.verdict(fault.id, case)?;
            (actual != expected).then(|| changed(&case.id, expected.as_str(), actual.as_str()))
        };
        self.cases.iter().filter_map(of).collect()
    }

    /// Rules that a case cites, and profiles that it asks something for, without a fault that makes it fail for them.
    fn unproven(&self, case: &ProvenCase) -> Vec<Problem> {
        let of_profiles = case.profiles.iter().map(|profile| profile_rule(profile));
        let obligations: Vec<String> = case.rules.iter().cloned().chain(of_profiles).collect();
        let mut proven = BTreeSet::new();
        for (fault, run) in self.own_runs() {
            let failed = run.told().filter(|(id, _)| *id == case.id);
            proven.extend(
                failed.flat_map(|(_, found)| &found.rules).filter(|rule| fault.breaks.contains(&rule.as_str())),
            );
        }
        let missing = obligations.into_iter().filter(|rule| !proven.contains(rule));
        missing.map(|rule| Problem::Unproven { case: case.id.clone(), rule }).collect()
    }
}

/// Whether a case shows a fault; an observation does where it is about a rule that the fault concerns.
fn catches(fault: &Fault, case: &NotPassed) -> bool {
    let concerns = || case.rules.iter().any(|rule| fault.breaks.contains(&rule.as_str()));
    is_caught(fault, case.verdict) && (case.verdict != Verdict::Observed || concerns())
}

/// A fault that breaks a rule must make a case fail; one that breaks none must keep one from a verdict.
fn is_caught(fault: &Fault, verdict: Verdict) -> bool {
    match verdict {
        Verdict::Fail | Verdict::Inconsistent | Verdict::Observed => true,
        Verdict::Inconclusive | Verdict::Blocked | Verdict::Error => fault.breaks.is_empty(),
        // No departures are declared in a proof.
        Verdict::ExpectedFailure | Verdict::UnexpectedPass => false,
        Verdict::Pass | Verdict::NotSupported | Verdict::Skipped => false,
    }
}

fn not_passed(run: &FaultRun) -> Vec<(String, String)> {
    match &run.outcome {
        Outcome::Stopped(why) => vec![("the run".to_owned(), format!("stopped: {why}"))],
        Outcome::Ran(cases) => cases.iter().map(|(id, case)| (id.clone(), in_words(case))).collect(),
    }
}

fn in_words(case: &NotPassed) -> String {
    format!("{}: {}", case.verdict.as_str(), case.reason)
}

fn honest(run: &FaultRun) -> Vec<Problem> {
    let accused = |(case, verdict)| Problem::HonestAccused { profile: run.profile.clone(), case, verdict };
    not_passed(run).into_iter().map(accused).collect()
}

/// An observation may differ: it accuses nobody.
fn portable(fault: &'static Fault, run: &FaultRun) -> Vec<Problem> {
    let accused = |case: &&NotPassed| case.verdict != Verdict::Observed;
    match &run.outcome {
        Outcome::Stopped(_) => vec!["the run"],
        Outcome::Ran(cases) => cases.iter().filter(|(_, case)| accused(case)).map(|(id, _)| id.as_str()).collect(),
    }
    .into_iter()
    .map(|case| Problem::PortableAccused { fault: fault.id, case: case.to_owned() })
    .collect()
}

fn unevidenced(fault: &'static Fault, run: &FaultRun) -> Vec<Problem> {
    let accused: BTreeSet<&str> = run.told().flat_map(|(_, found)| &found.rules).map(String::as_str).collect();
    let without = fault.breaks.iter().filter(|rule| !accused.contains(**rule));
    without.map(|rule| Problem::Unevidenced { fault: fault.id, rule }).collect()
}

fn innocent(fault: &'static Fault, run: &FaultRun) -> Vec<Problem> {
    let innocent = |found: &NotPassed| -> Vec<String> {
        found.rules.iter().filter(|rule| !fault.breaks.contains(&rule.as_str())).cloned().collect()
    };
    let accused = run.failed().map(|(case, found)| (case.to_owned(), innocent(found)));
    accused
        .filter(|(_, rules)| !rules.is_empty())
        .map(|(case, rules)| Problem::InnocentAccused { fault: fault.id, case, rules })
        .collect()
}
