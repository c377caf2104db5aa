//! Runs a plan against an endpoint: prepares a bucket, schedules cases, cleans up.

mod bucket;
mod case;
mod judge;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt as _;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex, OnceCell};
use tokio_util::sync::CancellationToken;

pub use bucket::PrepareError;
pub use case::{ControlRun, ProbeRun, StepsRun};
pub use judge::{Scene, Stopped, lacking};

use crate::baseline::{Baseline, Standing};
use crate::client::{Client, Journal, Throttling};
use crate::evidence::Exchange;
use crate::plan::{Plan, PlannedCase};
use crate::profile::Profile;
use crate::suite::model::BucketKind;
use crate::verdict::{Finding, Judgement};

/// How a run is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// An existing bucket, in which only the run's own prefix is touched; one is made when absent.
    pub bucket: Option<String>,
    /// What the keys of all objects begin with, before the run's id.
    pub prefix: String,
    /// How many cases run at the same time.
    pub jobs: usize,
    /// For a case with its controls.
    pub scenario_timeout: Duration,
    /// The profile judged by.
    pub profile: Arc<Profile>,
    /// The failures that are known.
    pub baseline: Option<Arc<Baseline>>,
    /// Whether buckets that the run makes are set up to allow SSE-C.
    pub allow_ssec: bool,
    /// Whether the user said that the service has no plain-HTTP listener.
    pub no_plain_listener: bool,
}

/// What happens in a run, in order; every report is a reader of these.
#[derive(Debug)]
pub enum Event {
    /// Cases are about to run.
    Started {
        /// How many.
        cases: usize,
    },
    /// A case is done.
    CaseDone(Arc<CaseResult>),
    /// All cases are done; what the run made is being removed.
    CleaningUp,
}

/// A case as it went.
#[derive(Debug)]
pub struct CaseResult {
    /// The case.
    pub planned: PlannedCase,
    /// What became of it.
    pub judgement: Judgement,
    /// How that compares with the baseline, where one is given and has something to say.
    pub standing: Option<Standing>,
    /// Its own steps.
    pub own: Option<StepsRun>,
    /// Its controls.
    pub controls: Vec<ControlRun>,
    /// The probe that shows that it lacks what it needs.
    pub missing: Option<Arc<ProbeRun>>,
    /// How long it took, its controls included where it was the first to need them.
    pub elapsed: Duration,
    /// A required scenario was left out for want of configuration: the run is not complete.
    pub incomplete: bool,
}

/// A run as it went.
#[derive(Debug)]
pub struct RunResult {
    /// The run's id: part of every object key it made.
    pub id: String,
    /// The bucket it used.
    pub bucket: String,
    /// When it started.
    pub started: SystemTime,
    /// How long it took, from the first request to the last.
    pub elapsed: Duration,
    /// The endpoint's `Server` header, where it sent one.
    pub server: Option<String>,
    /// The cases, in the order of the plan.
    pub cases: Vec<Arc<CaseResult>>,
    /// What could not be removed.
    pub left_behind: Vec<String>,
    /// Whether it was stopped before all cases were run.
    pub interrupted: bool,
    /// The baseline that it was compared with.
    pub baseline: Option<Arc<Baseline>>,
    /// The probes that were made.
    pub probes: Vec<Arc<ProbeRun>>,
    /// How often the endpoint said that it was busy.
    pub throttling: Throttling,
    /// What was sent to make buckets and to remove what was made, and what came back.
    pub housekeeping: Vec<Exchange>,
}

/// What cases share.
struct Shared {
    client: Client,
    /// Makes buckets; what it sends is kept.
    housekeeper: Client,
    options: Options,
    run_id: String,
    buckets: bucket::Buckets,
    controls: Mutex<HashMap<String, Arc<OnceCell<StepsRun>>>>,
    /// What is known of the endpoint's capabilities.
    probes: Mutex<HashMap<String, Arc<OnceCell<Arc<ProbeRun>>>>>,
    /// Buckets made for single runs of steps.
    own_buckets: Mutex<Vec<String>>,
    cancelled: CancellationToken,
}

/// Runs a plan. Everything that the run makes is removed at the end, also after a failure and when `cancelled`.
///
/// # Errors
/// [`PrepareError`] where the endpoint cannot be tested at all; then no case has run.
pub async fn run(
    plan: Plan,
    client: Client,
    options: Options,
    events: UnboundedSender<Event>,
    cancelled: CancellationToken,
) -> Result<RunResult, PrepareError> {
    let started = SystemTime::now();
    let clock = Instant::now();
    let run_id = run_id();
    let kinds: BTreeSet<BucketKind> = plan.bucket_kinds();
    let prefix = format!("{}{run_id}/", options.prefix);
    let journal = Journal::default();
    let housekeeper = client.journaled(&journal);
    let prepared = tokio::select! {
        prepared = bucket::prepare(&housekeeper, &options, &prefix, &run_id, &kinds) => prepared,
        () = cancelled.cancelled() => {
            let perhaps = bucket::Buckets::perhaps_made(options.bucket.as_deref(), &run_id, &kinds);
            let left_behind = bucket::clean_up(&housekeeper, &perhaps, &prefix, options.jobs.max(1)).await;
            Err(PrepareError::Interrupted { left_behind })
        }
    };
    let buckets = prepared?;
    let jobs = options.jobs.max(1);
    let shared = Shared {
        client,
        housekeeper,
        options,
        run_id,
        buckets,
        controls: Mutex::default(),
        probes: Mutex::default(),
        own_buckets: Mutex::default(),
        cancelled,
    };
    let _ = events.send(Event::Started { cases: plan.cases.len() });
    let mut results: Vec<(usize, Arc<CaseResult>)> = futures_util::stream::iter(plan.cases.into_iter().enumerate())
        .map(|(index, planned)| {
            let (shared, events) = (&shared, &events);
            async move {
                let result = Arc::new(shared.case(planned).await);
                let _ = events.send(Event::CaseDone(Arc::clone(&result)));
                (index, result)
            }
        })
        .buffer_unordered(jobs)
        .collect()
        .await;
    results.sort_by_key(|(index, _)| *index);
    let _ = events.send(Event::CleaningUp);
    let mut buckets = shared.buckets;
    buckets.add(shared.own_buckets.into_inner());
    let left_behind = bucket::clean_up(&shared.housekeeper, &buckets, &prefix, jobs).await;
    Ok(RunResult {
        id: shared.run_id,
        bucket: buckets.plain.clone(),
        started,
        elapsed: clock.elapsed(),
        server: buckets.server.clone(),
        cases: results.into_iter().map(|(_, result)| result).collect(),
        left_behind,
        interrupted: shared.cancelled.is_cancelled(),
        baseline: shared.options.baseline,
        probes: probed(shared.probes.into_inner()),
        throttling: shared.client.throttling(),
        housekeeping: std::mem::take(&mut *journal.lock().unwrap_or_else(PoisonError::into_inner)),
    })
}

/// The probes that were made, in the order of their ids.
fn probed(probes: HashMap<String, Arc<OnceCell<Arc<ProbeRun>>>>) -> Vec<Arc<ProbeRun>> {
    let mut probes: Vec<Arc<ProbeRun>> = probes.into_values().filter_map(|cell| cell.get().cloned()).collect();
    probes.sort_by(|a, b| a.id.cmp(&b.id));
    probes
}

/// Unique among runs: 10 random bytes in hexadecimal.
fn run_id() -> String {
    let mut bytes = [0; 10];
    rand::RngCore::fill_bytes(&mut rand::rng(), &mut bytes);
    hex::encode(bytes)
}

impl CaseResult {
    /// A case of which nothing was sent yet.
    pub(crate) fn of(planned: PlannedCase, judgement: Judgement) -> Self {
        let (elapsed, incomplete) = (Duration::ZERO, false);
        Self { planned, judgement, standing: None, own: None, controls: Vec::new(), missing: None, elapsed, incomplete }
    }

    /// Ids of the rules that the judgement is about: those of its first finding, else the case's.
    #[must_use]
    pub fn rules_judged(&self) -> &[String] {
        let accused = self.judgement.accused();
        if accused.is_empty() { &self.planned.case.rules } else { accused }
    }

    /// The exchange that one of its findings is about.
    #[must_use]
    pub fn exchange_of(&self, finding: &Finding) -> Option<&Exchange> {
        if finding.control {
            return self.controls.iter().find_map(|control| control.run.transcript.of(&finding.step));
        }
        let run = self.own.as_ref().or(self.missing.as_ref().map(|probe| &probe.run));
        run?.transcript.of(&finding.step)
    }
}
