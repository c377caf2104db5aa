//! One case: its steps in order, and its positive controls.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{FutureExt as _, StreamExt as _};
use http::Method;
use md5::{Digest as _, Md5};

use super::judge::{Ended, Scene, Stopped, lacking};
use super::recorder::Cut;
use super::{CaseResult, Preparation, Shared};
use crate::client::{BuildError, CustomerKey, Earlier, Place, Prepared, Target, build, storage_probe};
use crate::config::Addressing;
use crate::evidence::{Answer, Exchange, Redactor, Reply};
use crate::ledger::Made;
use crate::plan::{Control, Needed, PlannedCase};
use crate::suite::body::Body;
use crate::suite::model::{BucketKind, Certification, KeyForm, Operation, Step};
use crate::suite::{Case, Suite};
use crate::verdict::{Facts, Judgement, Mismatch, StepsOutcome, Terms, Transcript, Verdict, judge_steps};

/// A run of steps and how it came out.
#[derive(Debug)]
pub struct StepsRun {
    /// What was sent and what came back; the runs of equal controls share it.
    pub transcript: Arc<Transcript>,
    /// How it came out.
    pub outcome: StepsOutcome,
    /// Why it ended whatever came back, if so.
    pub stopped: Option<Stopped>,
}

/// A positive control as it went.
#[derive(Debug)]
pub struct ControlRun {
    /// Id of the step that was put right.
    pub step: String,
    /// Equal for controls that send the same.
    pub identity: String,
    /// How it went.
    pub run: StepsRun,
}

/// The probe of a capability as it went.
#[derive(Debug)]
pub struct ProbeRun {
    /// Id of the capability.
    pub id: String,
    /// The level of certification that asks for it.
    pub level: Certification,
    /// How it went.
    pub run: StepsRun,
}

/// The exchanges of steps that are being sent.
#[derive(Default)]
struct SoFar(std::sync::Mutex<Transcript>);

impl SoFar {
    fn transcript(&self) -> std::sync::MutexGuard<'_, Transcript> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn begin(&self, facts: Facts) {
        self.transcript().facts = facts;
    }

    fn add(&self, exchange: Exchange) {
        self.transcript().exchanges.push(exchange);
    }

    fn judged(&self, steps: &[Step], terms: Terms<'_>) -> StepsOutcome {
        judge_steps(steps, terms, &self.transcript())
    }

    /// The run of steps that has ended so.
    fn run(&self, ended: Ended) -> StepsRun {
        let transcript = Arc::new(std::mem::take(&mut *self.transcript()));
        StepsRun { transcript, outcome: ended.outcome, stopped: ended.stopped }
    }
}

/// How a case went.
enum Went {
    /// It was not run, or not to its end.
    LeftOut { verdict: Verdict, reason: String, incomplete: bool },
    /// The endpoint lacks what it needs.
    Lacks { judgement: Box<Judgement>, probe: Arc<ProbeRun> },
    /// Its steps were sent, as far as they came out.
    Ran { ended: Ended, controls: Vec<ControlRun> },
}

impl Went {
    fn interrupted() -> Self {
        Self::LeftOut { verdict: Verdict::Skipped, reason: "the run was interrupted".to_owned(), incomplete: true }
    }

    fn skipped(reason: &str, incomplete: bool) -> Self {
        Self::LeftOut { verdict: Verdict::Skipped, reason: reason.to_owned(), incomplete }
    }
}

/// How many steps of a group are on their way at the same time.
const TOGETHER: usize = 16;

impl Shared {
    pub(super) async fn case(&self, planned: PlannedCase) -> CaseResult {
        let started = Instant::now();
        let so_far = SoFar::default();
        // Nothing that a panic leaves behind is looked at again but the exchanges, each of which is whole.
        let result = match AssertUnwindSafe(self.went(&planned, &so_far)).catch_unwind().await {
            Ok(Went::LeftOut { verdict, reason, incomplete }) => {
                let judgement = Judgement::new(verdict, reason, Vec::new());
                CaseResult { incomplete, ..CaseResult::of(planned, judgement) }
            }
            Ok(Went::Lacks { judgement, probe }) => {
                CaseResult { missing: Some(probe), ..CaseResult::of(planned, *judgement) }
            }
            Ok(Went::Ran { ended, controls }) => CaseResult::concluded(planned, so_far.run(ended), controls),
            Err(_) => {
                let scene = self.scene(&planned.suite, &planned.case, false);
                let ended = scene.stopped(&planned.case.steps, Stopped::Panicked);
                CaseResult::concluded(planned, so_far.run(ended), Vec::new())
            }
        };
        let settled = result.settled(&self.options.profile, self.options.baseline.as_deref());
        CaseResult { elapsed: started.elapsed(), ..settled }
    }

    /// How a case went.
    async fn went(&self, planned: &PlannedCase, so_far: &SoFar) -> Went {
        if let Some(left_out) = self.left_out(planned) {
            return left_out;
        }
        for needed in &planned.needs {
            let Ok(probe) = self.probe(needed).await else { return Went::interrupted() };
            if let Some(judgement) = lacking(needed, &probe) {
                return Went::Lacks { judgement: Box::new(judgement), probe };
            }
        }
        let timed = tokio::time::timeout(self.options.scenario_timeout, self.judged(planned, so_far)).await;
        match timed {
            Ok(Ok((ended, controls))) => Went::Ran { ended, controls },
            Ok(Err(Cut)) => Went::interrupted(),
            Err(_) => {
                let scene = self.scene(&planned.suite, &planned.case, false);
                let ended = self.out_of_time("scenario", scene, &planned.case.steps);
                Went::Ran { ended, controls: Vec::new() }
            }
        }
    }

    fn scene<'s>(&'s self, suite: &'s Suite, case: &'s Case, control: bool) -> Scene<'s> {
        Scene { suite, case, control, profile: &self.options.profile.id }
    }

    /// How steps end that are cut off because they take too long.
    fn out_of_time(&self, what: &str, scene: Scene<'_>, steps: &[Step]) -> Ended {
        let limit = self.options.scenario_timeout.as_secs();
        let took = format!("it took longer than {limit} seconds (--scenario-timeout)");
        scene.stopped(steps, Stopped::Unjudgeable(Mismatch::new(what, "to end in time", took)))
    }

    /// Finds out whether the endpoint has a capability, once in a run.
    async fn probe(&self, needed: &Needed) -> Result<Arc<ProbeRun>, Cut> {
        let key = needed.id().to_owned();
        let cell = Arc::clone(self.probes.lock().await.entry(key).or_default());
        // Where this is cut off, or panics, the cell stays empty for who comes next.
        let probed = cell.get_or_try_init(|| async {
            let id = needed.id().to_owned();
            let place = format!("probes/{id}");
            let case = &needed.capability.probe;
            let scene = self.scene(&needed.suite, case, false);
            let so_far = SoFar::default();
            let running = self.steps(scene, &case.steps, &place, &so_far);
            let timed = tokio::time::timeout(self.options.scenario_timeout, running).await;
            let ended = timed.unwrap_or_else(|_| Ok(self.out_of_time("probe", scene, &case.steps)))?;
            Ok(Arc::new(ProbeRun { id, level: needed.level(), run: so_far.run(ended) }))
        });
        probed.await.map(Arc::clone)
    }

    /// Why a case is not run at all, if so.
    fn left_out(&self, planned: &PlannedCase) -> Option<Went> {
        if self.recorder.go_on().is_err() {
            return Some(Went::interrupted());
        }
        if planned.needs_plain_endpoint() && self.client.target().plain.is_none() {
            let reason = if self.options.no_plain_listener {
                "the service has no plain-HTTP listener, says --plain-endpoint none"
            } else {
                "no plain-HTTP endpoint is known: give --plain-endpoint URL, or `none` if the service has none"
            };
            return Some(Went::skipped(reason, !self.options.no_plain_listener));
        }
        if planned.case.bucket == BucketKind::Own && self.options.bucket.is_some() {
            return Some(Went::skipped("it needs a bucket of its own: leave --bucket out to have it run", false));
        }
        None
    }

    async fn judged(&self, planned: &PlannedCase, so_far: &SoFar) -> Result<(Ended, Vec<ControlRun>), Cut> {
        let slug = planned.case.id.replace(['[', ']'], "/").replace(',', ".");
        let scene = self.scene(&planned.suite, &planned.case, false);
        let own = self.steps(scene, &planned.case.steps, slug.trim_end_matches('/'), so_far).await?;
        let mut controls = Vec::new();
        for control in &planned.controls {
            controls.push(self.control(planned, control, slug.trim_end_matches('/')).await?);
        }
        Ok((own, controls))
    }

    /// Runs a control, unless an equal one has run before. What came is judged for each case by itself: findings are about
    /// the rules of a case.
    async fn control(&self, planned: &PlannedCase, control: &Control, slug: &str) -> Result<ControlRun, Cut> {
        let cell = Arc::clone(self.controls.lock().await.entry(control.identity.clone()).or_default());
        let scene = self.scene(&planned.suite, &planned.case, true);
        let sent = cell.get_or_try_init(|| async {
            let place = format!("{slug}/control-of-{}", control.step);
            let so_far = SoFar::default();
            let ended = self.steps(scene, &control.steps, &place, &so_far).await?;
            Ok(so_far.run(ended))
        });
        let StepsRun { transcript, stopped, .. } = sent.await?;
        let run = scene.judged(&control.steps, Arc::clone(transcript), stopped.clone());
        Ok(ControlRun { step: control.step.clone(), identity: control.identity.clone(), run })
    }

    /// Sends steps in order, as far as they come out as expected. What came stands in `so_far`, also when this is cut off, which
    /// it is between requests only: what a server is about to store could not be removed.
    async fn steps(&self, scene: Scene<'_>, steps: &[Step], slug: &str, so_far: &SoFar) -> Result<Ended, Cut> {
        let Scene { suite, case, .. } = scene;
        let bucket = match self.bucket_for(case.bucket).await? {
            Ok(bucket) => bucket,
            Err(why) => {
                let mismatch = Mismatch::new("bucket", format!("a bucket that is {}", case.bucket.as_str()), why);
                // What the endpoint cannot set up it lacks; that no bucket could be made says nothing of it.
                let is_own = case.bucket == BucketKind::Own;
                let stopped = if is_own { Stopped::Unjudgeable(mismatch) } else { Stopped::Blocked(mismatch) };
                return Ok(scene.stopped(steps, stopped));
            }
        };
        let place = Place { bucket, prefix: format!("{}{}/{slug}/", self.options.prefix, self.run_id) };
        let sent: BTreeSet<&str> = steps.iter().flat_map(|step| step.request.key_names()).collect();
        let sent = suite.keys.iter().filter(|(name, _)| sent.contains(name.as_str()));
        let keys: BTreeMap<String, CustomerKey> =
            sent.map(|(name, declared)| (name.clone(), CustomerKey::of(declared))).collect();
        let redactor = Redactor::new(keys.iter().map(|(name, key)| (name.as_str(), key.bytes())));
        let sent_bodies = bodies_of(suite, steps);
        let facts = facts(&keys, steps.iter().any(Step::asks_for_md5s).then_some(&sent_bodies));
        let mut answers: BTreeMap<String, Answer> = BTreeMap::new();
        let own = case.own_rules();
        so_far.begin(facts);
        let target = self.client.target();
        for group in steps.chunk_by(|a, b| a.together.is_some() && a.together == b.together) {
            let earlier = Earlier { keys: &keys, bodies: &suite.bodies, answers: &answers, steps };
            let mut sending = Vec::new();
            for step in group {
                #[cfg(test)]
                super::tests::panic_if_asked(step, scene.control);
                let prepared = build(&step.request, &place, target, &earlier).and_then(|it| stays(it, target, &place));
                let (place, redactor, sent_bodies) = (&place, &redactor, &sent_bodies);
                sending.push(async move {
                    if let Ok(prepared) = &prepared {
                        self.record(step, prepared, place)?;
                    }
                    self.recorder.go_on()?;
                    Ok(self.client.send(&step.id, false, prepared, redactor, sent_bodies).await)
                });
            }
            let exchanges: Vec<Result<_, Cut>> = futures_util::stream::iter(sending).buffered(TOGETHER).collect().await;
            for (step, exchange) in group.iter().zip(exchanges) {
                let exchange = exchange?;
                let object_key = exchange.sent.object_key.clone();
                let may_be_stored = matches!(exchange.reply, Reply::Answer(_) | Reply::Closed(_) | Reply::Interrupted);
                if let Reply::Answer(answer) = &exchange.reply {
                    answers.insert(step.id.clone(), answer.clone());
                }
                so_far.add(exchange);
                if may_be_stored && step.asks_for_storage() {
                    let probe = storage_probe(&object_key, &place.bucket, target);
                    so_far.add(self.client.send(&step.id, true, probe, &redactor, &sent_bodies).await);
                }
            }
            let outcome = so_far.judged(group, scene.terms(&own));
            // What follows would rest on a step that did not come out: it decides.
            if outcome != StepsOutcome::Held {
                return Ok(Ended { outcome, stopped: None });
            }
        }
        Ok(Ended { outcome: StepsOutcome::Held, stopped: None })
    }

    /// Enters in the ledger what a request may make: any but a GET or HEAD may make the object that it addresses, also one that
    /// removes it (a delete marker), or that a server takes for another.
    fn record(&self, step: &Step, prepared: &Prepared, place: &Place) -> Result<(), Cut> {
        if prepared.method == Method::GET || prepared.method == Method::HEAD {
            return Ok(());
        }
        let bucket = || place.bucket.clone();
        for name in step.request.delete.iter().flatten() {
            self.recorder.may_make(Made::Object { bucket: bucket(), key: place.key(name) })?;
        }
        if prepared.object_key.is_empty() {
            return Ok(());
        }
        let key = prepared.object_key.clone();
        self.recorder.may_make(match step.request.operation {
            Some(Operation::CreateMultipartUpload) => Made::Upload { bucket: bucket(), key },
            _ => Made::Object { bucket: bucket(), key },
        })
    }

    /// The bucket for a run of steps; made for it where it must be its own.
    async fn bucket_for(&self, kind: BucketKind) -> Result<Result<String, String>, Cut> {
        if kind != BucketKind::Own {
            return Ok(self.buckets.of(kind).map(str::to_owned).map_err(str::to_owned));
        }
        self.recorder.go_on()?;
        let number = self.own_buckets.fetch_add(1, Ordering::Relaxed) + 1;
        let name = format!("{}-own-{number}", self.run_id.bucket());
        let (housekeeper, recorder, options) = (&self.housekeeper, &self.recorder, &self.options);
        let made = Preparation { housekeeper, recorder, options }.make_own(&name).await;
        self.recorder.go_on()?;
        Ok(made.map(|()| name))
    }
}

/// The request, if it addresses what it is meant to: of a key with a segment `..` a URL makes another key, which may be a
/// neighbour's.
fn stays(prepared: Prepared, target: &Target, place: &Place) -> Result<Prepared, BuildError> {
    let key = if prepared.form.is_some() { "" } else { prepared.object_key.as_str() };
    let path = match target.addressing {
        Addressing::Path if key.is_empty() => format!("/{}", place.bucket),
        Addressing::Path => format!("/{}/{key}", place.bucket),
        Addressing::Virtual => format!("/{key}"),
    };
    if percent_encoding::percent_decode_str(prepared.url.path()).eq(path.bytes()) {
        return Ok(prepared);
    }
    Err(BuildError::Unsendable(format!("the object key `{}`, of which a URL makes another,", prepared.object_key)))
}

fn bodies_of(suite: &Suite, steps: &[Step]) -> BTreeMap<String, Body> {
    let names = steps.iter().filter_map(|step| step.request.body.as_ref());
    names.filter_map(|name| Some((name.clone(), suite.bodies.get(name)?.clone()))).collect()
}

/// What expectations refer to. Digesting every body is most of a run's work: it is done where a step asks for it.
fn facts(keys: &BTreeMap<String, CustomerKey>, bodies: Option<&BTreeMap<String, Body>>) -> Facts {
    let mut facts = Facts::default();
    for (name, key) in keys {
        facts.key_md5.insert(name.clone(), STANDARD.encode(key.md5()));
    }
    let Some(bodies) = bodies else { return facts };
    let md5 = |bytes: &[u8]| hex::encode(Md5::digest(bytes));
    for (name, body) in bodies {
        let bytes = body.bytes();
        facts.md5s.insert(md5(&bytes), format!("body `{name}`"));
        facts.md5s.insert(md5(STANDARD.encode(&bytes).as_bytes()), format!("the base64 text of body `{name}`"));
    }
    for (name, key) in keys {
        facts.md5s.insert(md5(key.bytes()), format!("customer key {name}"));
        let base64 = key.form(KeyForm::Base64);
        facts.md5s.insert(md5(base64.as_bytes()), format!("the base64 text of customer key {name}"));
        for (body_name, body) in bodies {
            let mut both = key.bytes().to_vec();
            both.extend_from_slice(&body.bytes());
            facts.md5s.insert(md5(&both), format!("customer key {name} followed by body `{body_name}`"));
        }
    }
    facts
}
