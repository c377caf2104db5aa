//! Steps in order: built, recorded, sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::StreamExt as _;
use http::Method;

use super::bucket::NoBucket;
use super::case::StepsRun;
use super::facts::{bodies_of, facts};
use super::judge::{Ended, Scene, Stopped};
use super::recorder::Cut;
use super::rounds::{PAUSE, Rounds};
use super::{Preparation, Shared};
use crate::client::{
    Connections, CustomerKey, Disclosures, Earlier, ExchangeId, Place, Prepared, SentAgain, build, existence_probe,
    storage_probe,
};
use crate::evidence::{Answer, Exchange, Framing, Redactor, Reply};
use crate::ledger::Made;
use crate::suite::model::{BucketKind, Operation, Step};
use crate::verdict::{Facts, Mismatch, StepsOutcome, Terms, Transcript, judge_steps};

/// The exchanges of steps that are being sent.
#[derive(Default)]
pub(super) struct SoFar(std::sync::Mutex<Transcript>);

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

    fn count(&self) -> usize {
        self.transcript().exchanges.len()
    }

    /// Takes back all exchanges but the first `count`.
    fn truncate(&self, count: usize) {
        self.transcript().exchanges.truncate(count);
    }

    /// Notes with the last request how it was sent.
    fn remark(&self, remark: Option<String>) {
        let mut transcript = self.transcript();
        let last = transcript.exchanges.iter_mut().rev().find(|exchange| !exchange.storage_probe);
        last.into_iter().for_each(|exchange| exchange.sent.remarks.extend(remark.clone()));
    }

    /// Adds what the connections of exchanges held besides responses. Returns whether any held something.
    fn add_framings(&self, framings: Vec<(ExchangeId, Framing)>) -> bool {
        let mut transcript = self.transcript();
        for (id, framing) in &framings {
            let is_it =
                |exchange: &&mut Exchange| exchange.step == id.step && exchange.storage_probe == id.storage_probe;
            if let Some(exchange) = transcript.exchanges.iter_mut().find(is_it) {
                match &mut exchange.framing {
                    // Another round of the same step: what is known of both stands here.
                    Some(former) => former.leaked_keys.extend(framing.leaked_keys.iter().cloned()),
                    none => *none = Some(framing.clone()),
                }
            }
        }
        !framings.is_empty()
    }

    /// Whether a connection was closed in place of an answer.
    pub fn has_closed(&self) -> bool {
        self.transcript().exchanges.iter().any(|exchange| matches!(exchange.reply, Reply::Closed(_)))
    }

    fn judged(&self, steps: &[Arc<Step>], terms: Terms<'_>) -> StepsOutcome {
        judge_steps(steps, terms, &self.transcript())
    }

    /// The run of steps that has ended so.
    pub fn run(&self, ended: Ended) -> StepsRun {
        let transcript = Arc::new(std::mem::take(&mut *self.transcript()));
        StepsRun { transcript, outcome: ended.outcome, stopped: ended.stopped }
    }
}

/// Whether a request may make something: any but a GET or HEAD may make the object that it addresses, also one that removes it (a
/// delete marker), or that a server takes for another.
fn may_make(prepared: &Prepared) -> bool {
    prepared.method != Method::GET && prepared.method != Method::HEAD
}

/// What requests of a run of steps are sent with.
#[derive(Clone, Copy)]
struct Looking<'a> {
    connections: &'a Connections,
    redactor: &'a Redactor,
    disclosures: &'a Disclosures<'a>,
}

/// How many steps of a group are on their way at the same time.
const TOGETHER: usize = 16;

impl Shared {
    /// Sends steps in order, as far as they come out as expected. What came stands in `so_far`, also when this is cut off, which
    /// it is between requests only: what a server is about to store could not be removed.
    pub(super) async fn steps(
        &self,
        scene: Scene<'_>,
        steps: &[Arc<Step>],
        slug: &str,
        so_far: &SoFar,
    ) -> Result<Ended, Cut> {
        let Scene { suite, case, .. } = scene;
        let bucket = match self.bucket_for(case.bucket).await? {
            Ok(bucket) => bucket,
            Err(NoBucket { why, is_lacking }) => {
                let expected = format!("a bucket that is {}", case.bucket.as_str());
                let mismatch = Box::new(Mismatch::new("bucket", expected, why));
                // What the endpoint says that it lacks is not supported; that no bucket could be made says nothing of it.
                let stopped = if is_lacking { Stopped::Blocked(mismatch) } else { Stopped::Unjudgeable(mismatch) };
                return Ok(scene.stopped(steps, stopped));
            }
        };
        let place = Place { bucket, prefix: format!("{}{}/{slug}/", self.options.prefix, self.run_id) };
        let sent: BTreeSet<&str> = steps.iter().flat_map(|step| step.request.key_names()).collect();
        let sent = suite.keys.iter().filter(|(name, _)| sent.contains(name.as_str()));
        let keys: BTreeMap<String, CustomerKey> =
            sent.map(|(name, declared)| (name.clone(), CustomerKey::of(declared))).collect();
        let redactor = CustomerKey::redactor(&keys);
        let sent_bodies = bodies_of(suite, steps);
        let disclosures = Disclosures::of(&sent_bodies);
        let facts = facts(&keys, steps.iter().any(|step| step.asks_for_md5s()).then_some(&sent_bodies));
        let mut answers: BTreeMap<String, Answer> = BTreeMap::new();
        let own = case.own_rules();
        so_far.begin(facts);
        let target = self.client.target();
        let mut groups = steps.chunk_by(|a, b| a.together.is_some() && a.together == b.together).peekable();
        let mut rounds = Rounds::new(PAUSE);
        let connections = self.client.connections();
        let mut outcome = StepsOutcome::Held;
        while let Some(&group) = groups.peek() {
            let before = so_far.count();
            let earlier = Earlier { keys: &keys, bodies: &suite.bodies, answers: &answers, steps };
            let mut sending = Vec::new();
            for (number, step) in group.iter().enumerate() {
                #[cfg(test)]
                super::tests::panic_if_asked(step, scene.control);
                let prepared = build(&step.request, &place, target, &earlier);
                let (place, redactor, disclosures) = (&place, &redactor, &disclosures);
                let lane = connections.lane(number % TOGETHER);
                sending.push(async move {
                    let makes = prepared.as_ref().is_ok_and(may_make);
                    if let Ok(prepared) = &prepared {
                        self.record(step, prepared, place)?;
                    }
                    self.recorder.go_on()?;
                    let on_its_way = makes.then(|| self.recorder.sending());
                    let id = ExchangeId { step: step.id.clone(), storage_probe: false };
                    let exchange = lane.send(id, prepared, redactor, disclosures).await;
                    on_its_way.into_iter().for_each(|it| it.came_to(&exchange.reply));
                    Ok(exchange)
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
                    let looking = Looking { connections: &connections, redactor: &redactor, disclosures: &disclosures };
                    self.look_at_storage(step, &object_key, &place, looking, so_far).await;
                }
            }
            outcome = so_far.judged(group, scene.terms(&own, steps));
            if rounds.again(group, &outcome, self.options.settling).await {
                self.client.count_again(SentAgain::Settles, group.len() as u64);
                so_far.truncate(before);
                continue;
            }
            so_far.remark(rounds.remark());
            rounds = Rounds::new(PAUSE);
            groups.next();
            // What follows would rest on a step that did not come out: it decides.
            if outcome != StepsOutcome::Held {
                break;
            }
        }
        // What a connection holds besides responses casts doubt on those that came over it.
        if so_far.add_framings(connections.end(&redactor).await) {
            outcome = so_far.judged(steps, scene.terms(&own, steps));
        }
        Ok(Ended { outcome, stopped: None })
    }

    /// Lists what is stored after a step. Where the listing may be behind, HeadObject decides; while the two contradict each other, both
    /// are asked again.
    async fn look_at_storage(&self, step: &Step, key: &str, place: &Place, looking: Looking<'_>, so_far: &SoFar) {
        let Looking { connections, redactor, disclosures } = looking;
        let target = self.client.target();
        let id = || ExchangeId { step: step.id.clone(), storage_probe: true };
        let send = |probe| connections.lane(0).send(id(), probe, redactor, disclosures);
        let rounds = Rounds::new(PAUSE);
        loop {
            let before = so_far.count();
            so_far.add(send(storage_probe(key, &place.bucket, target)).await);
            if !so_far.transcript().listing_may_be_stale(step) {
                return;
            }
            so_far.add(send(existence_probe(key, &place.bucket, target)).await);
            let is_contradicted = so_far.transcript().listing_is_contradicted(step);
            if !is_contradicted || !rounds.next(self.options.settling).await {
                return;
            }
            self.client.count_again(SentAgain::Listing, (so_far.count() - before) as u64);
            so_far.truncate(before);
        }
    }

    /// Enters in the ledger what a request may make.
    fn record(&self, step: &Step, prepared: &Prepared, place: &Place) -> Result<(), Cut> {
        if !may_make(prepared) {
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
    async fn bucket_for(&self, kind: BucketKind) -> Result<Result<String, NoBucket>, Cut> {
        if kind != BucketKind::Own {
            return Ok(self.buckets.of(kind).map(str::to_owned).map_err(NoBucket::clone));
        }
        self.recorder.go_on()?;
        let number = self.own_buckets.fetch_add(1, Ordering::Relaxed) + 1;
        let name = format!("{}-own-{number}", self.run_id.bucket());
        let (housekeeper, recorder, options) = (&self.housekeeper, &self.recorder, &self.options);
        let made = Preparation { housekeeper, recorder, options }.make_own(&name).await;
        self.recorder.go_on()?;
        Ok(made.map(|()| name).map_err(|why| NoBucket { why, is_lacking: false }))
    }
}
