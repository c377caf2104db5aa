//! Runs a plan against an endpoint: prepares a bucket, schedules cases, cleans up.

mod bucket;
mod case;
mod error;
mod facts;
mod judge;
mod plain_listener;
mod preflight;
mod recorder;
mod rounds;
mod setting;
mod steps;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt as _;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex, OnceCell};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use case::folder_of;
pub use case::{ControlRun, ProbeRun, StepsRun};
pub use error::{PrepareError, RunError};
pub use judge::{Scene, Stopped};

use bucket::{Buckets, Preparation};
use recorder::Recorder;

use crate::baseline::{Baseline, Standing};
use crate::client::{Client, SentAgain, Throttling};
use crate::evidence::{Exchange, Peers};
use crate::housekeeping::{Housekeeper, Removal, Scope};
use crate::ledger::{Ledger, RunId};
use crate::plan::{Plan, PlannedCase};
use crate::profile::Profile;
use crate::suite::model::BucketKind;
use crate::verdict::{Finding, Judgement, SseCSupport, Transcript, Verdict};

/// For as long a policy or another setting of a bucket is given to take effect, and a second to pass.
pub const STEP_SETTLING: Duration = Duration::from_secs(20);

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
    /// How often a case that does not pass is run again, on fresh objects.
    pub retries: u32,
    /// The profile judged by.
    pub profile: Arc<Profile>,
    /// The failures that are known.
    pub baseline: Option<Arc<Baseline>>,
    /// Whether buckets that the run makes are set up to allow SSE-C.
    pub allow_ssec: bool,
    /// Why scenarios over plain HTTP need not be run, where the user declares it.
    pub no_plain_listener: Option<&'static str>,
    /// Whether the first exchanges find out what the endpoint does with SSE-C as a whole.
    pub looks_first: bool,
    /// Whether all cases are run also where those exchanges show that the endpoint refuses or ignores SSE-C.
    pub asks_all: bool,
    /// For as long a step that settles is sent again ([`Step::settles`](crate::suite::model::Step::settles)).
    pub settling: Duration,
    /// Whether what was sent and came back is kept of cases that pass, too: evidence is made of it.
    pub keeps_all: bool,
    /// Where the run enters what it makes, and what its id is from; none where all is gone with this process anyway.
    pub ledger: Option<Arc<Ledger>>,
}

impl Options {
    /// Of a run against an embedded endpoint, with which all that is made goes in the end.
    #[must_use]
    pub fn of_embedded(profile: Arc<Profile>, scenario_timeout: Duration) -> Self {
        Self {
            bucket: None,
            prefix: "ssecheck/".to_owned(),
            jobs: 8,
            scenario_timeout,
            retries: 0,
            profile,
            baseline: None,
            allow_ssec: false,
            no_plain_listener: None,
            looks_first: false,
            asks_all: false,
            settling: Duration::ZERO,
            keeps_all: false,
            ledger: None,
        }
    }
}

/// What happens in a run, in order; every report is a reader of these.
#[derive(Debug)]
pub enum Event {
    /// What the endpoint does with SSE-C as a whole is known.
    Support(SseCSupport),
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
    /// The verdicts of all attempts, in order; empty where it was run once.
    pub attempts: Vec<Verdict>,
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
    /// When its last request was answered.
    pub ended: SystemTime,
    /// How long it took, from the first request to the last.
    pub elapsed: Duration,
    /// What the keys of all its objects begin with.
    pub prefix: String,
    /// Names of the buckets that it used, made, or tried to make, sorted.
    pub buckets: Vec<String>,
    /// Who was at the other end of its connections.
    pub peers: Peers,
    /// The endpoint's `Server` header, where it sent one.
    pub server: Option<String>,
    /// What the endpoint does with SSE-C as a whole; `None` where the first exchanges did not tell.
    pub support: Option<SseCSupport>,
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
    /// How much was sent again, by the reason.
    pub sent_again: BTreeMap<SentAgain, u64>,
    /// What was sent to make buckets and to remove what was made, and what came back: where evidence is made of it, else only what
    /// gave a customer key back.
    pub housekeeping: Vec<Exchange>,
    /// Whether `housekeeping` lacks nothing that it should hold: it is bounded.
    pub has_all_housekeeping: bool,
}

/// What cases share.
struct Shared {
    client: Client,
    housekeeper: Housekeeper,
    recorder: Recorder,
    options: Options,
    run_id: RunId,
    buckets: Buckets,
    controls: Mutex<HashMap<String, Arc<OnceCell<StepsRun>>>>,
    /// For each kind of bucket, why refusals over plain HTTP prove nothing there, if so.
    plain_listeners: Mutex<BTreeMap<BucketKind, Arc<OnceCell<Option<String>>>>>,
    /// What is known of the endpoint's capabilities.
    probes: Mutex<HashMap<String, Arc<OnceCell<Arc<ProbeRun>>>>>,
    /// How many buckets were made for single runs of steps.
    own_buckets: AtomicUsize,
}

/// Runs a plan. Everything that the run makes is removed at the end, also after a failure and when `cancelled`: then no step
/// is begun any more, and the cases that are not done are skipped. A ledger in which nothing is left is removed, too.
///
/// # Errors
/// [`RunError`] where the endpoint cannot be tested at all, or what is made not be recorded.
pub async fn run(
    plan: Plan,
    client: Client,
    options: Options,
    events: UnboundedSender<Event>,
    cancelled: CancellationToken,
) -> Result<RunResult, RunError> {
    let session = Session::begin(&plan.bucket_kinds(), client, options, cancelled).await?;
    let cases = session.cases(plan, &events).await;
    let _ = events.send(Event::CleaningUp);
    session.end(cases).await
}

/// A run whose buckets are made, and which takes plan after plan until it is ended.
pub struct Session {
    shared: Arc<Shared>,
    prefix: String,
    cancelled: CancellationToken,
    started: SystemTime,
    clock: Instant,
}

impl Session {
    /// Makes the buckets of these kinds.
    ///
    /// # Errors
    /// [`RunError`] where the endpoint cannot be tested at all, or what is made not be recorded; what was made by then is removed.
    pub async fn begin(
        kinds: &BTreeSet<BucketKind>,
        client: Client,
        options: Options,
        cancelled: CancellationToken,
    ) -> Result<Self, RunError> {
        let started = SystemTime::now();
        let clock = Instant::now();
        let run_id = options.ledger.as_ref().map_or_else(RunId::random, |ledger| ledger.head().run.clone());
        let prefix = format!("{}{run_id}/", options.prefix);
        let housekeeper = Housekeeper::new(client.clone(), options.keeps_all);
        let client = client.until(&cancelled);
        let recorder = Recorder::new(options.ledger.clone(), &cancelled);
        let preparation = Preparation { housekeeper: &housekeeper, recorder: &recorder, options: &options };
        let buckets = match preparation.prepare(&prefix, &run_id, kinds).await {
            Ok(buckets) => buckets,
            Err(cause) => {
                let (given, jobs) = (options.bucket.as_deref(), options.jobs.max(1));
                let left_behind = clean_up(&housekeeper, &recorder, given, &prefix, jobs).await;
                let cause = if cancelled.is_cancelled() { PrepareError::Interrupted } else { cause };
                let cause = recorder.take_broken().map_or(cause, PrepareError::Ledger);
                return Err(RunError { cause, left_behind });
            }
        };
        let shared = Arc::new(Shared {
            client,
            housekeeper,
            recorder,
            options,
            run_id,
            buckets,
            controls: Mutex::default(),
            plain_listeners: Mutex::default(),
            probes: Mutex::default(),
            own_buckets: AtomicUsize::new(0),
        });
        Ok(Self { shared, prefix, cancelled, started, clock })
    }

    /// Runs the cases of a plan; in its order. Of those that the first exchanges have decided one is run, which shows it.
    pub async fn cases(&self, plan: Plan, events: &UnboundedSender<Event>) -> Vec<Arc<CaseResult>> {
        if let Some(support) = self.shared.buckets.support {
            let _ = events.send(Event::Support(support));
        }
        let Some((shown, reason)) = self.shared.decided(&plan) else {
            return self.shared.cases(plan, events, self.jobs()).await;
        };
        let not_run = |planned: &PlannedCase| {
            let judgement = Judgement::new(Verdict::Skipped, reason.clone(), Vec::new());
            Arc::new(CaseResult { incomplete: true, ..CaseResult::of(planned.clone(), judgement) })
        };
        let mut results: Vec<_> = plan.cases.iter().map(not_run).collect();
        let one = Plan { cases: vec![plan.cases[shown].clone()] };
        for result in self.shared.cases(one, events, 1).await {
            results[shown] = result;
        }
        results
    }

    /// Removes the objects and uploads that were made so far, keeps the buckets, and takes it that the results so far were
    /// dropped. What cannot be removed is named by [`end`](Self::end).
    pub async fn clear(&self) {
        let removal = Removal::new(&self.shared.housekeeper, Scope::Prefix(&self.prefix), self.jobs());
        let mut buckets = self.shared.recorder.buckets(self.shared.options.bucket.as_deref());
        buckets.iter_mut().for_each(|bucket| bucket.is_made = false);
        removal.remove(&buckets).await;
        self.shared.controls.lock().await.clear();
        self.shared.client.forget_answers();
    }

    /// Whether the run is to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.is_cancelled() || self.shared.recorder.go_on().is_err()
    }

    /// Whether the endpoint has a listener without TLS.
    #[must_use]
    pub fn has_plain_listener(&self) -> bool {
        self.shared.client.target().plain.is_some()
    }

    fn jobs(&self) -> usize {
        self.shared.options.jobs.max(1)
    }

    /// Removes everything that the run made, and then its ledger; the run as it went, with these of its cases.
    ///
    /// # Errors
    /// [`RunError`] where what was made could not be recorded.
    pub async fn end(self, cases: Vec<Arc<CaseResult>>) -> Result<RunResult, RunError> {
        let Self { shared, prefix, cancelled, started, clock } = self;
        let (given, jobs) = (shared.options.bucket.as_deref(), shared.options.jobs.max(1));
        let left_behind = clean_up(&shared.housekeeper, &shared.recorder, given, &prefix, jobs).await;
        if let Some(broken) = shared.recorder.take_broken() {
            return Err(RunError { cause: PrepareError::Ledger(broken), left_behind });
        }
        Ok(RunResult {
            id: shared.run_id.to_string(),
            bucket: shared.buckets.plain.clone(),
            buckets: shared.recorder.all_buckets(given),
            peers: shared.client.peers(),
            prefix,
            started,
            ended: SystemTime::now(),
            elapsed: clock.elapsed(),
            server: shared.buckets.server.clone(),
            support: shared.buckets.support,
            cases,
            left_behind,
            interrupted: cancelled.is_cancelled(),
            baseline: shared.options.baseline.clone(),
            probes: probed(&*shared.probes.lock().await),
            throttling: shared.client.throttling(),
            sent_again: shared.client.sent_again(),
            has_all_housekeeping: !shared.housekeeper.has_dropped(),
            housekeeping: shared.housekeeper.take_exchanges(),
        })
    }
}

/// Removes everything that the run made, and then its ledger; what could not be removed.
async fn clean_up(
    housekeeper: &Housekeeper,
    recorder: &Recorder,
    given: Option<&str>,
    prefix: &str,
    jobs: usize,
) -> Vec<String> {
    let removal = Removal::new(housekeeper, Scope::Prefix(prefix), jobs);
    let mut left_behind = removal.remove(&recorder.buckets(given)).await.left_behind;
    if left_behind.is_empty() {
        left_behind.extend(recorder.all_removed());
    }
    left_behind
}

impl Shared {
    /// Where an endpoint gives all objects away, the case that shows it, and why the others are not run.
    fn decided(&self, plan: &Plan) -> Option<(usize, String)> {
        let support = self.buckets.support.filter(|support| support.is_decisive() && !self.options.asks_all)?;
        let shows = |planned: &PlannedCase| {
            let reads = planned.case.rules.iter().any(|rule| rule == READ_NEEDS_KEY);
            reads && planned.needs.is_empty() && !planned.needs_plain_endpoint()
        };
        let shown = plan.cases.iter().position(shows)?;
        Some((shown, format!("{} --all runs every case all the same.", support.sentence())))
    }

    /// Runs the cases, `jobs` at a time, on all processors; in the order of the plan.
    async fn cases(self: &Arc<Self>, plan: Plan, events: &UnboundedSender<Event>, jobs: usize) -> Vec<Arc<CaseResult>> {
        let _ = events.send(Event::Started { cases: plan.cases.len() });
        let running = futures_util::stream::iter(plan.cases.into_iter().enumerate()).map(|(index, planned)| {
            let (shared, events) = (Arc::clone(self), events.clone());
            let running = tokio::spawn(async move {
                let mut result = shared.case(planned).await;
                if !shared.options.keeps_all && result.judgement.verdict == Verdict::Pass {
                    result.forget_exchanges();
                }
                let result = Arc::new(result);
                let _ = events.send(Event::CaseDone(Arc::clone(&result)));
                (index, result)
            });
            // It ends with this run, whatever becomes of it; its own panics it has caught.
            let running = AbortOnDropHandle::new(running);
            async move { running.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())) }
        });
        let mut results: Vec<(usize, Arc<CaseResult>)> = running.buffer_unordered(jobs).collect().await;
        results.sort_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }
}

/// The probes that were made, in the order of their ids.
fn probed(probes: &HashMap<String, Arc<OnceCell<Arc<ProbeRun>>>>) -> Vec<Arc<ProbeRun>> {
    let mut probes: Vec<Arc<ProbeRun>> = probes.values().filter_map(|cell| cell.get().cloned()).collect();
    probes.sort_by(|a, b| a.id.cmp(&b.id));
    probes
}

/// The rule that is broken where an endpoint gives all objects away.
const READ_NEEDS_KEY: &str = "read-needs-key";

/// What is kept of what was sent and came back where nothing is: one for all cases.
static NOTHING: LazyLock<Arc<Transcript>> = LazyLock::new(Arc::default);

impl CaseResult {
    /// A case of which nothing was sent yet.
    pub(crate) fn of(planned: PlannedCase, judgement: Judgement) -> Self {
        let (elapsed, incomplete) = (Duration::ZERO, false);
        let (controls, attempts) = (Vec::new(), Vec::new());
        Self { planned, judgement, standing: None, own: None, controls, missing: None, attempts, elapsed, incomplete }
    }

    /// Leaves out what was sent and came back in its own steps.
    fn forget_exchanges(&mut self) {
        if let Some(own) = &mut self.own {
            own.transcript = Arc::clone(&NOTHING);
        }
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
