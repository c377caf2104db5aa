//! One case: its steps in order, and its positive controls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use super::{CaseResult, Shared};
use crate::client::{CustomerKey, Earlier, Place, build, storage_probe};
use crate::evidence::{Answer, Redactor, Reply};
use crate::plan::{Control, PlannedCase};
use crate::suite::Suite;
use crate::suite::body::Body;
use crate::suite::model::{KeyForm, Step};
use crate::verdict::{Facts, Judgement, StepsOutcome, Terms, Transcript, Verdict, conclude, judge_step};

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

impl Shared {
    pub(super) async fn case(&self, planned: PlannedCase) -> CaseResult {
        let started = Instant::now();
        if let Some((verdict, reason, incomplete)) = self.left_out(&planned) {
            let judgement = Judgement { verdict, reason, findings: Vec::new() };
            let elapsed = started.elapsed();
            return CaseResult { planned, judgement, own: None, controls: Vec::new(), elapsed, incomplete };
        }
        let timed = tokio::time::timeout(self.options.scenario_timeout, self.judged(&planned));
        let (own, controls, judgement) = match timed.await {
            Ok((own, controls)) => {
                let outcomes: Vec<_> = controls.iter().map(|c| (c.step.clone(), c.run.outcome.clone())).collect();
                let accepted = accepted(&own);
                let judgement = conclude(own.outcome.clone(), &outcomes, accepted);
                (Some(own), controls, judgement)
            }
            Err(_) => {
                let limit = self.options.scenario_timeout.as_secs();
                let reason = format!("the scenario took longer than {limit} seconds (--scenario-timeout)");
                (None, Vec::new(), Judgement { verdict: Verdict::Error, reason, findings: Vec::new() })
            }
        };
        CaseResult { planned, judgement, own, controls, elapsed: started.elapsed(), incomplete: false }
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
        let unsupported = self.buckets.of(planned.case.bucket).err()?;
        Some((Verdict::NotSupported, unsupported.to_owned(), false))
    }

    async fn judged(&self, planned: &PlannedCase) -> (StepsRun, Vec<Arc<ControlRun>>) {
        let slug = planned.case.id.replace(['[', ']'], "/").replace(',', ".");
        let steps = &planned.case.steps;
        let own = self.steps(planned, steps, false, slug.trim_end_matches('/')).await;
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
            let run = self.steps(planned, &control.steps, true, &place).await;
            Arc::new(ControlRun { step: control.step.clone(), run })
        });
        Arc::clone(run.await)
    }

    async fn steps(&self, planned: &PlannedCase, steps: &[Step], control: bool, slug: &str) -> StepsRun {
        let suite = &planned.suite;
        // A case whose kind of bucket is not there was left out.
        let bucket = self.buckets.of(planned.case.bucket).unwrap_or(&self.buckets.plain).to_owned();
        let place = Place { bucket, prefix: format!("{}{}/{slug}/", self.options.prefix, self.run_id) };
        let sent: BTreeSet<&str> = steps.iter().flat_map(|step| step.request.key_names()).collect();
        let sent = suite.keys.iter().filter(|(name, _)| sent.contains(name.as_str()));
        let keys: BTreeMap<String, CustomerKey> =
            sent.map(|(name, declared)| (name.clone(), CustomerKey::of(declared))).collect();
        let redactor = Redactor::new(keys.iter().map(|(name, key)| (name.as_str(), key.bytes())));
        let sent_bodies = bodies_of(suite, steps);
        let facts = facts(&keys, steps.iter().any(Step::asks_for_md5s).then_some(&sent_bodies));
        let mut answers: BTreeMap<String, Answer> = BTreeMap::new();
        let own = planned.case.own_rules();
        let (profile, cited) = (self.options.profile.as_str(), planned.case.rules.as_slice());
        let terms = Terms { control, profile, cited, own: &own, bodies: &suite.bodies };
        let mut transcript = Transcript { exchanges: Vec::new(), facts };
        let target = self.client.target();
        for step in steps {
            let earlier = Earlier { keys: &keys, bodies: &suite.bodies, answers: &answers, steps };
            let prepared = build(&step.request, &place, target, &earlier);
            let exchange = self.client.send(&step.id, false, prepared, &redactor, &sent_bodies).await;
            let object_key = exchange.sent.object_key.clone();
            let answered = matches!(exchange.reply, Reply::Answer(_) | Reply::Closed(_));
            if let Reply::Answer(answer) = &exchange.reply {
                answers.insert(step.id.clone(), answer.clone());
            }
            transcript.exchanges.push(exchange);
            if answered && step.asks_for_storage() {
                let probe = storage_probe(&object_key, &place.bucket, target);
                transcript.exchanges.push(self.client.send(&step.id, true, probe, &redactor, &sent_bodies).await);
            }
            // What follows would rest on a step that did not come out: it decides.
            let outcome = judge_step(step, terms, &transcript);
            if outcome != StepsOutcome::Held {
                return StepsRun { transcript, outcome };
            }
        }
        StepsRun { transcript, outcome: StepsOutcome::Held }
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
