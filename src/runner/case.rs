//! One case: its capabilities, its steps, and its positive controls.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt as _;

use super::judge::{Ended, Scene, Stopped};
use super::recorder::Cut;
use super::steps::SoFar;
use super::{CaseResult, Shared};
use crate::client::SentAgain;
use crate::plan::{Control, Needed, PlannedCase, without_options};
use crate::suite::model::{BucketKind, Certification, Step};
use crate::suite::{Case, Suite};
use crate::verdict::{Judgement, Mismatch, StepsOutcome, Transcript, Verdict};

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

/// How a case went.
enum Went {
    /// It was not run, or not to its end.
    LeftOut { verdict: Verdict, reason: String, incomplete: bool },
    /// The probe of a capability that it needs does not show that the endpoint has it.
    Lacks(Box<CaseResult>),
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

/// What stands in the object keys of a case or a probe between the run's prefix and the names of its objects, without `/` at its end: rows
/// stand below the scenario (`a[b,c]` becomes `a/b.c`). The first attempt is number 0.
pub(crate) fn folder_of(id: &str, attempt: u32) -> String {
    let folder = id.replace('[', "/").replace(']', "").replace(',', ".");
    if attempt == 0 { folder } else { format!("{folder}/attempt-{attempt}") }
}

/// Whether a case of this verdict is run again where retries are asked for.
fn is_run_again(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Fail | Verdict::Inconclusive | Verdict::Blocked | Verdict::Error)
}

impl Shared {
    /// Runs a case, and runs it again on fresh objects as often as may be while it does not pass and comes to the same.
    pub(super) async fn case(&self, planned: PlannedCase) -> CaseResult {
        let started = Instant::now();
        let mut result = self.attempt(planned.clone(), 0).await;
        let mut attempts = vec![result.judgement.found];
        for number in 1..=self.options.retries {
            let last = attempts[attempts.len() - 1];
            if !is_run_again(last)
                || (last != Verdict::Error && attempts.contains(&Verdict::Fail) && last != Verdict::Fail)
            {
                break;
            }
            let again = self.attempt(planned.clone(), number).await;
            // The run is to stop: nothing was sent.
            if again.judgement.found == Verdict::Skipped {
                break;
            }
            attempts.push(again.judgement.found);
            self.client.count_again(SentAgain::Retries, 1);
            let found = result.judgement.found;
            // What an attempt fails for is what there is to say of the case; one that got no response says nothing.
            if found == Verdict::Error || (again.judgement.found == Verdict::Fail && found != Verdict::Fail) {
                result = again;
            }
        }
        let judgement = result.judgement.clone().of_attempts(&attempts);
        let attempts = if attempts.len() > 1 { attempts } else { Vec::new() };
        let result = CaseResult { judgement, attempts, ..result };
        let settled = result.settled(&self.options.profile, self.options.baseline.as_deref());
        CaseResult { elapsed: started.elapsed(), ..settled }
    }

    /// Runs a case once; the first attempt is number 0.
    async fn attempt(&self, planned: PlannedCase, number: u32) -> CaseResult {
        let so_far = SoFar::default();
        // Nothing that a panic leaves behind is looked at again but the exchanges, each of which is whole.
        match AssertUnwindSafe(self.went(&planned, number, &so_far)).catch_unwind().await {
            Ok(Went::LeftOut { verdict, reason, incomplete }) => {
                let judgement = Judgement::new(verdict, reason, Vec::new());
                CaseResult { incomplete, ..CaseResult::of(planned, judgement) }
            }
            Ok(Went::Lacks(result)) => *result,
            Ok(Went::Ran { ended, controls }) => CaseResult::concluded(planned, so_far.run(ended), controls),
            Err(_) => {
                let scene = self.scene(&planned.suite, &planned.case, false);
                let ended = scene.stopped(&planned.case.steps, Stopped::Panicked);
                CaseResult::concluded(planned, so_far.run(ended), Vec::new())
            }
        }
    }

    /// How a case went.
    async fn went(&self, planned: &PlannedCase, attempt: u32, so_far: &SoFar) -> Went {
        if let Some(left_out) = self.left_out(planned) {
            return left_out;
        }
        if planned.needs_plain_endpoint() {
            match self.why_plain_proves_nothing(planned.case.bucket).await {
                Ok(None) => {}
                Ok(Some(reason)) => return Went::skipped(&reason, true),
                Err(Cut) => return Went::interrupted(),
            }
        }
        for needed in &planned.needs {
            let Ok(probe) = self.probe(needed).await else { return Went::interrupted() };
            if let Some(result) = CaseResult::lacking(planned, needed, &probe) {
                return Went::Lacks(Box::new(result));
            }
        }
        let timed = tokio::time::timeout(self.options.scenario_timeout, self.judged(planned, attempt, so_far)).await;
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
    fn out_of_time(&self, what: &str, scene: Scene<'_>, steps: &[Arc<Step>]) -> Ended {
        let limit = self.options.scenario_timeout.as_secs();
        let took = format!("it took longer than {limit} seconds (--scenario-timeout)");
        scene.stopped(steps, Stopped::Unjudgeable(Box::new(Mismatch::new(what, "to end in time", took))))
    }

    /// Finds out whether the endpoint has a capability, once in a run.
    async fn probe(&self, needed: &Needed) -> Result<Arc<ProbeRun>, Cut> {
        let key = needed.id().to_owned();
        let cell = Arc::clone(self.probes.lock().await.entry(key).or_default());
        // Where this is cut off, or panics, the cell stays empty for who comes next.
        let probed = cell.get_or_try_init(|| async {
            let id = needed.id().to_owned();
            let place = format!("probes/{}", folder_of(&id, 0));
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
            let declared = self.options.no_plain_listener;
            let reason = declared.unwrap_or(
                "no plain-HTTP endpoint is known: give --plain-endpoint URL, or `none` if the service has none",
            );
            return Some(Went::skipped(reason, declared.is_none()));
        }
        if planned.case.bucket == BucketKind::Own && self.options.bucket.is_some() {
            return Some(Went::skipped("it needs a bucket of its own: leave --bucket out to have it run", false));
        }
        None
    }

    async fn judged(
        &self,
        planned: &PlannedCase,
        attempt: u32,
        so_far: &SoFar,
    ) -> Result<(Ended, Vec<ControlRun>), Cut> {
        let slug = folder_of(&planned.case.id, attempt);
        let scene = self.scene(&planned.suite, &planned.case, false);
        let mut lacking = Vec::new();
        for option in &planned.options {
            let is_lacking = matches!(self.probe(option).await?.run.outcome, StepsOutcome::NotSupported(_));
            lacking.extend(is_lacking.then_some(option.id()));
        }
        let steps = without_options(&planned.case.steps, &lacking);
        let own = self.steps(scene, &steps, &slug, so_far).await?;
        let mut controls = Vec::new();
        // A connection that is closed is a refusal only while the endpoint answers others: that it did once proves nothing.
        let must_be_fresh = so_far.has_closed() || attempt > 0;
        for control in &planned.controls {
            let steps = without_options(&planned.steps_of(control), &lacking);
            controls.push(self.control(planned, control, &steps, &slug, must_be_fresh).await?);
        }
        Ok((own, controls))
    }

    /// Runs a control, unless an equal one has run before and will do. What came is judged for each case by itself: findings are about
    /// the rules of a case.
    async fn control(
        &self,
        planned: &PlannedCase,
        control: &Control,
        steps: &[Arc<Step>],
        slug: &str,
        must_be_fresh: bool,
    ) -> Result<ControlRun, Cut> {
        let cell = if must_be_fresh {
            Arc::default()
        } else {
            Arc::clone(self.controls.lock().await.entry(control.identity.clone()).or_default())
        };
        let scene = self.scene(&planned.suite, &planned.case, true);
        let sent = cell.get_or_try_init(|| async {
            let place = format!("{slug}/control-of-{}", control.step);
            let so_far = SoFar::default();
            let ended = self.steps(scene, steps, &place, &so_far).await?;
            Ok(so_far.run(ended))
        });
        let StepsRun { transcript, stopped, .. } = sent.await?;
        let run = scene.judged(steps, Arc::clone(transcript), stopped.clone());
        let identity = if must_be_fresh { format!("{}\n{slug}", control.identity) } else { control.identity.clone() };
        Ok(ControlRun { step: control.step.clone(), identity, run })
    }
}
