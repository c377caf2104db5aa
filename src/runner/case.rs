//! One case: its steps in order, and its positive controls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use md5::{Digest as _, Md5};

use super::{CaseResult, Shared, bucket};
use crate::client::{CustomerKey, Earlier, Place, build, storage_probe};
use crate::evidence::{Answer, Exchange, Redactor, Reply};
use crate::plan::{Control, Needed, PlannedCase};
use crate::suite::body::Body;
use crate::suite::model::{BucketKind, Certification, KeyForm, Step};
use crate::suite::{Case, Suite};
use crate::verdict::{
    Facts, Finding, Judgement, Mismatch, StepsOutcome, Terms, Transcript, Verdict, conclude, in_the_light_of,
    judge_step,
};

/// A run of steps and how it came out.
#[derive(Debug)]
pub struct StepsRun {
    /// What was sent and what came back.
    pub transcript: Transcript,
    /// How it came out.
    pub outcome: StepsOutcome,
}

/// A positive control as it went.
#[derive(Debug)]
pub struct ControlRun {
    /// Id of the step that was put right.
    pub step: String,
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

/// What steps are part of.
#[derive(Clone, Copy)]
struct Scene<'s> {
    suite: &'s Suite,
    case: &'s Case,
}

impl StepsRun {
    /// Steps of which none was sent, for this reason.
    fn not_begun(case: &Case, outcome: fn(Finding) -> StepsOutcome, why: Mismatch) -> Self {
        let step = case.steps.first().map(|step| step.id.clone()).unwrap_or_default();
        let finding = Finding { step, control: false, rules: case.own_rules(), level: None, mismatches: vec![why] };
        let transcript = Transcript { exchanges: Vec::new(), facts: Facts::default() };
        Self { transcript, outcome: outcome(finding) }
    }

    /// Whether the step that decided was answered with a 5xx other than 501, which says that something is not there.
    fn is_server_error(&self) -> bool {
        let answer = self.outcome.finding().and_then(|finding| self.transcript.answer(&finding.step));
        answer.is_some_and(|answer| answer.status >= 500 && answer.status != 501)
    }
}

/// How many steps of a group are on their way at the same time.
const TOGETHER: usize = 16;

impl Shared {
    pub(super) async fn case(&self, planned: PlannedCase) -> CaseResult {
        let started = Instant::now();
        let mut result = self.came_out(planned).await;
        let profile = &self.options.profile;
        let judgement = in_the_light_of(profile, &result.planned.case.id, result.judgement);
        (result.judgement, result.standing) = match &self.options.baseline {
            Some(baseline) => baseline.compared(&result.planned.case.id, judgement),
            None => (judgement, None),
        };
        result.elapsed = started.elapsed();
        result
    }

    /// How a case came out, by the evidence alone.
    async fn came_out(&self, planned: PlannedCase) -> CaseResult {
        if let Some((verdict, reason, incomplete)) = self.left_out(&planned) {
            let judgement = Judgement::new(verdict, reason, Vec::new());
            return CaseResult { incomplete, ..CaseResult::of(planned, judgement) };
        }
        if let Some((missing, judgement)) = self.lacking(&planned).await {
            return CaseResult { missing: Some(missing), ..CaseResult::of(planned, judgement) };
        }
        let timed = tokio::time::timeout(self.options.scenario_timeout, self.judged(&planned));
        let Ok((own, controls)) = timed.await else {
            let limit = self.options.scenario_timeout.as_secs();
            let reason = format!("the scenario took longer than {limit} seconds (--scenario-timeout)");
            return CaseResult::of(planned, Judgement::new(Verdict::Error, reason, Vec::new()));
        };
        let outcomes: Vec<_> = controls.iter().map(|c| (c.step.clone(), c.run.outcome.clone())).collect();
        let judgement = conclude(own.outcome.clone(), &outcomes, accepted(&own));
        CaseResult { own: Some(own), controls, ..CaseResult::of(planned, judgement) }
    }

    /// The first capability that the case needs and the endpoint lacks, and what that means for the case.
    async fn lacking(&self, planned: &PlannedCase) -> Option<(Arc<ProbeRun>, Judgement)> {
        for needed in &planned.needs {
            let probe = self.probe(needed).await;
            let judgement = |verdict, reason, finding: &Finding| Judgement::new(verdict, reason, vec![finding.clone()]);
            match &probe.run.outcome {
                StepsOutcome::Held => {}
                // A fault of the endpoint's own says nothing of what it has.
                outcome if probe.run.is_server_error() => {
                    let reason = format!("the probe of `{}` was answered with a server error", probe.id);
                    let finding = outcome.finding();
                    let findings = finding.cloned().into_iter().collect();
                    return Some((Arc::clone(&probe), Judgement::new(Verdict::Error, reason, findings)));
                }
                StepsOutcome::Unjudgeable(finding) => {
                    let reason = format!("the probe of `{}` got no answer that could be judged", probe.id);
                    return Some((Arc::clone(&probe), judgement(Verdict::Error, reason, finding)));
                }
                StepsOutcome::Broken(finding)
                | StepsOutcome::Blocked(finding)
                | StepsOutcome::NotSupported(finding) => {
                    let what = finding.mismatches.first();
                    let what = what.map(|m| format!(": {}: expected {}, got {}", m.subject, m.expected, m.actual));
                    let reason = format!(
                        "the endpoint lacks `{}` (asked for by level {}): its probe `{}` did not come out{}",
                        probe.id,
                        needed.level().as_str(),
                        finding.step,
                        what.unwrap_or_default()
                    );
                    return Some((Arc::clone(&probe), judgement(Verdict::NotSupported, reason, finding)));
                }
            }
        }
        None
    }

    /// Finds out whether the endpoint has a capability, once in a run.
    async fn probe(&self, needed: &Needed) -> Arc<ProbeRun> {
        let key = needed.id().to_owned();
        let cell = Arc::clone(self.probes.lock().await.entry(key).or_default());
        let probed = cell.get_or_init(|| async {
            let id = needed.id().to_owned();
            let place = format!("probes/{id}");
            let case = &needed.capability.probe;
            let running = self.steps(Scene { suite: &needed.suite, case }, &case.steps, false, &place);
            let timed = tokio::time::timeout(self.options.scenario_timeout, running).await;
            let run = timed.unwrap_or_else(|_| {
                let why = Mismatch::new("probe", "to end in time", "it did not (--scenario-timeout)");
                StepsRun::not_begun(case, StepsOutcome::Unjudgeable, why)
            });
            Arc::new(ProbeRun { id, level: needed.level(), run })
        });
        Arc::clone(probed.await)
    }

    /// Why a case is not run at all, if so.
    fn left_out(&self, planned: &PlannedCase) -> Option<(Verdict, String, bool)> {
        if self.cancelled.is_cancelled() {
            return Some((Verdict::Skipped, "the run was interrupted".to_owned(), true));
        }
        if planned.needs_plain_endpoint() && self.client.target().plain.is_none() {
            let reason = if self.options.no_plain_listener {
                "the service has no plain-HTTP listener, says --plain-endpoint none".to_owned()
            } else {
                "no plain-HTTP endpoint is known: give --plain-endpoint URL, or `none` if the service has none"
                    .to_owned()
            };
            return Some((Verdict::Skipped, reason, !self.options.no_plain_listener));
        }
        if planned.case.bucket == BucketKind::Own && self.options.bucket.is_some() {
            let reason = "it needs a bucket of its own: leave --bucket out to have it run".to_owned();
            return Some((Verdict::Skipped, reason, false));
        }
        None
    }

    async fn judged(&self, planned: &PlannedCase) -> (StepsRun, Vec<Arc<ControlRun>>) {
        let slug = planned.case.id.replace(['[', ']'], "/").replace(',', ".");
        let steps = &planned.case.steps;
        let scene = Scene { suite: &planned.suite, case: &planned.case };
        let own = self.steps(scene, steps, false, slug.trim_end_matches('/')).await;
        let mut controls = Vec::new();
        for control in &planned.controls {
            controls.push(self.control(planned, control, slug.trim_end_matches('/')).await);
        }
        (own, controls)
    }

    /// Runs a control, unless an equal one has run before.
    async fn control(&self, planned: &PlannedCase, control: &Control, slug: &str) -> Arc<ControlRun> {
        let cell = Arc::clone(self.controls.lock().await.entry(control.identity.clone()).or_default());
        let run = cell.get_or_init(|| async {
            let place = format!("{slug}/control-of-{}", control.step);
            let scene = Scene { suite: &planned.suite, case: &planned.case };
            let run = self.steps(scene, &control.steps, true, &place).await;
            Arc::new(ControlRun { step: control.step.clone(), run })
        });
        Arc::clone(run.await)
    }

    async fn steps(&self, scene: Scene<'_>, steps: &[Step], control: bool, slug: &str) -> StepsRun {
        let Scene { suite, case } = scene;
        let bucket = match self.bucket_for(case.bucket).await {
            Ok(bucket) => bucket,
            Err(why) => {
                let mismatch = Mismatch::new("bucket", format!("a bucket that is {}", case.bucket.as_str()), why);
                // What the endpoint cannot set up it lacks; that no bucket could be made says nothing of it.
                let is_own = case.bucket == BucketKind::Own;
                let outcome = if is_own { StepsOutcome::Unjudgeable } else { StepsOutcome::Blocked };
                return StepsRun::not_begun(case, outcome, mismatch);
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
        let (profile, cited) = (self.options.profile.id.as_str(), case.rules.as_slice());
        let terms = Terms { control, profile, cited, own: &own, bodies: &suite.bodies };
        let mut transcript = Transcript { exchanges: Vec::new(), facts };
        let target = self.client.target();
        for group in steps.chunk_by(|a, b| a.together.is_some() && a.together == b.together) {
            let earlier = Earlier { keys: &keys, bodies: &suite.bodies, answers: &answers, steps };
            let mut sending = Vec::new();
            for step in group {
                let prepared = build(&step.request, &place, target, &earlier);
                sending.push(self.client.send(&step.id, false, prepared, &redactor, &sent_bodies));
            }
            let exchanges: Vec<Exchange> = futures_util::stream::iter(sending).buffered(TOGETHER).collect().await;
            for (step, exchange) in group.iter().zip(exchanges) {
                let object_key = exchange.sent.object_key.clone();
                let may_be_stored = matches!(exchange.reply, Reply::Answer(_) | Reply::Closed(_) | Reply::Interrupted);
                if let Reply::Answer(answer) = &exchange.reply {
                    answers.insert(step.id.clone(), answer.clone());
                }
                transcript.exchanges.push(exchange);
                if may_be_stored && step.asks_for_storage() {
                    let probe = storage_probe(&object_key, &place.bucket, target);
                    transcript.exchanges.push(self.client.send(&step.id, true, probe, &redactor, &sent_bodies).await);
                }
            }
            for step in group {
                // What follows would rest on a step that did not come out: it decides.
                let outcome = judge_step(step, terms, &transcript);
                if outcome != StepsOutcome::Held {
                    return StepsRun { transcript, outcome };
                }
            }
        }
        StepsRun { transcript, outcome: StepsOutcome::Held }
    }

    /// The bucket for a run of steps; made for it where it must be its own.
    async fn bucket_for(&self, kind: BucketKind) -> Result<String, String> {
        if kind == BucketKind::Own {
            return self.own_bucket().await;
        }
        self.buckets.of(kind).map(str::to_owned).map_err(str::to_owned)
    }

    async fn own_bucket(&self) -> Result<String, String> {
        let mut made = self.own_buckets.lock().await;
        let name = format!("ssecheck-{}-own-{}", self.run_id, made.len() + 1);
        // It is remembered before it is made: a run that is cut off removes it, too.
        made.push(name.clone());
        drop(made);
        bucket::make_own(&self.client, &name, self.options.allow_ssec).await.map(|()| name)
    }
}

/// Whether the step that decided was answered with a 2xx.
fn accepted(own: &StepsRun) -> bool {
    let StepsOutcome::Broken(finding) = &own.outcome else { return false };
    own.transcript.answer(&finding.step).is_some_and(|answer| (200..300).contains(&answer.status))
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
