//! The runs of a proof: one against the endpoint without faults for each profile, and one for each fault.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::coverage::Coverage;
use super::matrix::Matrix;
use crate::embedded::{self, EmbeddedError};
use crate::faults::{Fault, Faults};
use crate::plan::{Plan, PlannedCase, Selection, plan};
use crate::profile::Profile;
use crate::runner::{self, PrepareError, RunError, RunResult};
use crate::suite::Suite;
use crate::verdict::Verdict;

/// The profile that suites are written for; others ask for more.
pub(super) const PORTABLE: &str = "portable";
/// For a case with its controls, against an endpoint on the same machine.
pub(super) const SCENARIO_TIMEOUT: Duration = Duration::from_secs(120);

/// What is proven, and how.
pub struct Options {
    /// The faults to switch on, one at a time.
    pub faults: Vec<&'static Fault>,
    /// Parts of case ids, any one of which will do; all cases when empty.
    pub only: Vec<String>,
    /// Whether these are all built-in cases against all faults.
    pub complete: bool,
    /// Whether the faults are a survey of hundreds, for which heavy cases are run only where they are about the rules that a fault breaks.
    pub is_survey: bool,
    /// Whether also those cases are run against a fault that give it no occasion to show.
    pub every_case: bool,
    /// How many endpoints run at the same time.
    pub jobs: usize,
    /// The verdicts that are recorded.
    pub expected: Matrix,
}

/// A proof cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// No endpoint.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// No case is selected.
    #[error("no case of these suites is selected; `ssecheck list` shows what --only chooses from")]
    NothingSelected,
    /// Stopped by the user.
    #[error("interrupted")]
    Interrupted,
}

/// All runs of a proof.
pub struct Proof {
    /// The cases, in the order of the suites.
    pub cases: Vec<ProvenCase>,
    /// The runs against the endpoint without faults, one for each profile.
    pub honest: Vec<FaultRun>,
    /// The runs against faults. A fault of another profile than `portable` is run under both.
    pub runs: Vec<FaultRun>,
    /// The verdicts that were expected.
    pub expected: Matrix,
    /// Whether these are all built-in cases against all faults.
    pub complete: bool,
    /// Whether all faults were run, so that what none of them catches is unproven.
    pub all_faults: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// A case that is to be proven.
#[derive(Debug, Clone)]
pub struct ProvenCase {
    /// The case's id.
    pub id: String,
    /// Id of its suite.
    pub suite: String,
    /// `suite/scenario`: what its id begins with.
    pub scenario: String,
    /// The rules that it cites.
    pub rules: Vec<String>,
    /// Whether it has a refusal with a positive control.
    pub has_control: bool,
    /// Whether it is run only against faults of the rules that it cites.
    pub heavy: bool,
    /// Other profiles than `portable` under which something besides is asked for.
    pub profiles: BTreeSet<String>,
}

/// One run of all cases.
pub struct FaultRun {
    /// The fault switched on; none in a run against the endpoint without faults.
    pub fault: Option<&'static Fault>,
    /// The profile judged by.
    pub profile: String,
    /// What came of it.
    pub outcome: Outcome,
    /// The number of cases that were run.
    pub cases_run: usize,
    /// How long it took.
    pub elapsed: Duration,
}

/// What came of a run.
pub enum Outcome {
    /// The cases that did not pass, by id.
    Ran(BTreeMap<String, NotPassed>),
    /// The endpoint could not be tested, for this reason; no case has run.
    Stopped(String),
}

/// A case that did not pass.
#[derive(Debug, Clone)]
pub struct NotPassed {
    /// What became of it.
    pub verdict: Verdict,
    /// The rules that the judgement is about.
    pub rules: Vec<String>,
    /// One sentence: why.
    pub reason: String,
}

impl FaultRun {
    /// What came of these cases, where they did not pass.
    fn of(&self, cases: &[PlannedCase]) -> BTreeMap<String, NotPassed> {
        let Outcome::Ran(not_passed) = &self.outcome else { return BTreeMap::new() };
        let ids = cases.iter().map(|planned| &planned.case.id);
        ids.filter_map(|id| not_passed.get_key_value(id)).map(|(id, case)| (id.clone(), case.clone())).collect()
    }

    /// The run with what came of cases that come out alike with the fault and without.
    fn with(mut self, alike: BTreeMap<String, NotPassed>) -> Self {
        if let Outcome::Ran(not_passed) = &mut self.outcome {
            not_passed.extend(alike);
        }
        self
    }

    /// The fault switched on, where the run is under the profile that it departs from.
    #[must_use]
    pub fn own_fault(&self) -> Option<&'static Fault> {
        self.fault.filter(|fault| fault.profile == self.profile)
    }

    /// The cases that failed, with the rules that they accuse.
    pub fn failed(&self) -> impl Iterator<Item = (&str, &NotPassed)> {
        self.told().filter(|(_, case)| case.verdict == Verdict::Fail)
    }

    /// The cases that failed, and the observations that differ from those without the fault, with the rules that they are about.
    pub fn told(&self) -> impl Iterator<Item = (&str, &NotPassed)> {
        let not_passed = match &self.outcome {
            Outcome::Ran(cases) => Some(cases),
            Outcome::Stopped(_) => None,
        };
        let cases = not_passed.into_iter().flatten().map(|(id, case)| (id.as_str(), case));
        cases.filter(|(_, case)| matches!(case.verdict, Verdict::Fail | Verdict::Observed))
    }

    /// Takes out the observations, and returns them by case.
    fn take_observations(&mut self) -> BTreeMap<String, String> {
        let Outcome::Ran(not_passed) = &mut self.outcome else { return BTreeMap::new() };
        let observed = not_passed.extract_if(.., |_, case| case.verdict == Verdict::Observed);
        observed.map(|(id, case)| (id, case.reason)).collect()
    }

    /// Leaves out the observations that are the same without the fault.
    fn without_equal_observations(mut self, honest: &BTreeMap<String, String>) -> Self {
        if let Outcome::Ran(not_passed) = &mut self.outcome {
            not_passed.retain(|id, case| case.verdict != Verdict::Observed || honest.get(id) != Some(&case.reason));
        }
        self
    }
}

impl Proof {
    /// The runs under the profile that their fault departs from, with that fault.
    pub fn own_runs(&self) -> impl Iterator<Item = (&'static Fault, &FaultRun)> {
        self.runs.iter().filter_map(|run| Some((run.own_fault()?, run)))
    }
}

/// Makes all runs. `done` is told of each as it ends.
///
/// # Errors
/// [`ProveError`].
pub async fn prove(
    suites: &[Arc<Suite>],
    options: Options,
    done: impl Fn(&FaultRun),
    cancelled: CancellationToken,
) -> Result<Proof, ProveError> {
    let clock = Instant::now();
    let mut profiles: BTreeSet<&str> = options.faults.iter().map(|fault| fault.profile).collect();
    profiles.insert(PORTABLE);
    // Faults are caught by rules; what a server is known to do otherwise is of no concern here.
    let plan_of = |profile| plan(suites, &Selection { profile, only: options.only.clone() });
    let plans: BTreeMap<&str, Plan> =
        profiles.iter().map(|profile| (*profile, plan_of(Arc::new(Profile::named(profile))))).collect();
    let cases = cases(&plans[PORTABLE]);
    if cases.is_empty() {
        return Err(ProveError::NothingSelected);
    }
    let plan_for = |profile: &str, fault: Option<&'static Fault>| {
        let mut plan = plans[profile].clone();
        let is_about = |rules: &[String]| fault.is_none_or(|f| rules.iter().any(|r| f.breaks.contains(&r.as_str())));
        let is_narrowed = fault.is_some_and(|fault| fault.is_narrowed()) && !options.is_survey;
        plan.cases.retain(|planned| !planned.case.heavy || is_narrowed || is_about(&planned.case.rules));
        plan
    };
    let jobs = options.jobs.max(1);
    let mut coverage = BTreeMap::new();
    for id in profiles.iter().filter(|_| !options.every_case) {
        let profile = Arc::new(Profile::named(id));
        let is_run = |fault: &&&'static Fault| *id == PORTABLE || fault.profile == *id;
        let faults: Vec<&'static Fault> = options.faults.iter().filter(is_run).copied().collect();
        coverage.insert(*id, Coverage::of(plans[id].clone(), &faults, &profile, jobs, &cancelled).await?);
    }
    let runs = async |wanted: Vec<(Option<&'static Fault>, &str)>, alike: &BTreeMap<&str, &FaultRun>| {
        let runs = futures_util::stream::iter(wanted)
            .map(|(fault, profile)| {
                let (mut plan, cancelled) = (plan_for(profile, fault), cancelled.clone());
                let mut not_run = Vec::new();
                if let Some(fault) = fault {
                    let coverage: Option<&Coverage> = coverage.get(profile);
                    let reaches = |planned: &PlannedCase| coverage.is_none_or(|c| c.reaches(fault, &planned.case.id));
                    not_run = plan.cases.extract_if(.., |planned| !reaches(planned)).collect();
                }
                let alike = alike.get(profile).map_or_else(BTreeMap::new, |honest| honest.of(&not_run));
                let running = tokio::spawn(run(fault, profile.to_owned(), plan, cancelled));
                // A run that panics takes the proof with it.
                async move {
                    let run = running.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
                    run.map(|run| run.with(alike))
                }
            })
            .buffered(jobs);
        let runs: Vec<Result<FaultRun, ProveError>> = runs.inspect(|run| run.iter().for_each(&done)).collect().await;
        runs.into_iter().collect::<Result<Vec<FaultRun>, _>>()
    };
    let mut honest = runs(profiles.iter().map(|profile| (None, *profile)).collect(), &BTreeMap::new()).await?;
    let observed: BTreeMap<String, BTreeMap<String, String>> =
        honest.iter_mut().map(|run| (run.profile.clone(), run.take_observations())).collect();
    let alike = honest.iter().map(|run| (run.profile.as_str(), run)).collect();
    let mut wanted = Vec::new();
    for fault in &options.faults {
        wanted.push((Some(*fault), fault.profile));
        if fault.profile != PORTABLE {
            wanted.push((Some(*fault), PORTABLE));
        }
    }
    let runs = runs(wanted, &alike).await?;
    let runs = runs.into_iter().map(|run| match observed.get(&run.profile) {
        Some(observed) => run.without_equal_observations(observed),
        None => run,
    });
    let runs = runs.collect();
    let all_faults = options.faults.len() == Fault::all().count();
    let Options { expected, complete, .. } = options;
    Ok(Proof { cases, honest, runs, expected, complete, all_faults, elapsed: clock.elapsed() })
}

fn cases(plan: &Plan) -> Vec<ProvenCase> {
    let of = |planned: &PlannedCase| {
        let case = &planned.case;
        let under = case.steps.iter().flat_map(|step| step.expect_under.keys());
        ProvenCase {
            id: case.id.clone(),
            suite: planned.suite.id.clone(),
            scenario: format!("{}/{}", planned.suite.id, case.scenario),
            rules: case.rules.to_vec(),
            has_control: !planned.controls.is_empty(),
            heavy: case.heavy,
            profiles: under.filter(|profile| *profile != PORTABLE).cloned().collect(),
        }
    };
    plan.cases.iter().map(of).collect()
}

async fn run(
    fault: Option<&'static Fault>,
    profile: String,
    plan: Plan,
    cancelled: CancellationToken,
) -> Result<FaultRun, ProveError> {
    let clock = Instant::now();
    let cases_run = plan.cases.len();
    let faults = Faults::of(&fault.into_iter().collect::<Vec<_>>());
    let (endpoint, client) = embedded::faulty(faults).await?;
    let options = runner::Options::of_embedded(Arc::new(Profile::named(&profile)), SCENARIO_TIMEOUT);
    // The runner reports as it goes; here only the result counts.
    let (events, _) = mpsc::unbounded_channel();
    let result = runner::run(plan, client, options, events, cancelled).await;
    endpoint.stop().await;
    let outcome = match result {
        Ok(run) if run.interrupted => return Err(ProveError::Interrupted),
        Ok(run) => Outcome::Ran(not_passed(&run)),
        Err(RunError { cause: PrepareError::Interrupted, .. }) => return Err(ProveError::Interrupted),
        Err(error) => Outcome::Stopped(stopped(&error.cause).to_owned()),
    };
    Ok(FaultRun { fault, profile, outcome, cases_run, elapsed: clock.elapsed() })
}

fn not_passed(run: &RunResult) -> BTreeMap<String, NotPassed> {
    let cases = run.cases.iter().filter(|case| case.judgement.verdict != Verdict::Pass);
    cases
        .map(|case| {
            let not_passed = NotPassed {
                verdict: case.judgement.verdict,
                rules: case.rules_judged().to_vec(),
                reason: case.judgement.reason.clone(),
            };
            (case.planned.case.id.clone(), not_passed)
        })
        .collect()
}

/// Why a run was stopped, in words that are the same each time.
fn stopped(error: &PrepareError) -> &'static str {
    match error {
        PrepareError::Unreachable { .. } => "unreachable",
        PrepareError::Credentials { .. } => "credentials refused",
        PrepareError::Bucket { .. } => "no bucket",
        PrepareError::SseCBlocked { .. } => "SSE-C blocked on the bucket",
        PrepareError::SseCRefused { .. } => "SSE-C refused",
        PrepareError::TlsEndsInFront { .. } => "SSE-C refused for want of TLS",
        PrepareError::Ledger(_) => "no ledger",
        PrepareError::Interrupted => "interrupted",
    }
}
