//! What exchanges say of a case: pure, so that kept evidence is judged as what has just come.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CaseResult, ControlRun, ProbeRun, StepsRun};
use crate::baseline::Baseline;
use crate::evidence::Answer;
use crate::plan::{Needed, PlannedCase};
use crate::profile::Profile;
use crate::suite::model::{Level, Step};
use crate::suite::{Case, Suite};
use crate::verdict::{
    Finding, Judgement, Mismatch, StepsOutcome, Terms, Transcript, Verdict, conclude, in_the_light_of, judge_steps,
};

/// What steps are part of.
#[derive(Clone, Copy)]
pub struct Scene<'s> {
    /// The suite.
    pub suite: &'s Suite,
    /// The case.
    pub case: &'s Case,
    /// Whether the steps are those of a positive control.
    pub control: bool,
    /// Id of the profile judged by.
    pub profile: &'s str,
}

/// Why steps ended, or were not begun, whatever their exchanges say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// What they need could not be set up.
    Blocked(Box<Mismatch>),
    /// The harness or the endpoint did not get as far, or did not in time.
    Unjudgeable(Box<Mismatch>),
    /// The harness panicked. What a panic says may hold anything, and is not told.
    Panicked,
}

/// Why a case has no verdict in which the harness panicked.
const PANICKED: &str = "ssecheck itself failed (a panic): please report it";

/// How steps ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub outcome: StepsOutcome,
    pub stopped: Option<Stopped>,
}

impl Scene<'_> {
    /// Judges steps by their exchanges, unless they were stopped.
    #[must_use]
    pub fn judged(&self, steps: &[Arc<Step>], transcript: Arc<Transcript>, stopped: Option<Stopped>) -> StepsRun {
        let own = self.case.own_rules();
        let Ended { outcome, stopped } = match stopped {
            Some(stopped) => self.stopped(steps, stopped),
            None => Ended { outcome: judge_steps(steps, self.terms(&own, steps), &transcript), stopped: None },
        };
        StepsRun { transcript, outcome, stopped }
    }

    /// What its steps are judged by; `own` are the case's own rules.
    pub(super) fn terms<'t>(&'t self, own: &'t [String], steps: &'t [Arc<Step>]) -> Terms<'t> {
        let Scene { suite, case, control, profile } = *self;
        let observes = case.level == Level::Observe;
        Terms { control, profile, own, observes, steps, bucket: case.bucket, bodies: &suite.bodies }
    }

    pub(super) fn stopped(&self, steps: &[Arc<Step>], stopped: Stopped) -> Ended {
        let finding = |why: &Mismatch| {
            let step = steps.first().map(|step| step.id.clone()).unwrap_or_default();
            let (rules, mismatches) = (self.case.own_rules(), vec![why.clone()]);
            Box::new(Finding { step, control: self.control, rules, level: None, mismatches })
        };
        let outcome = match &stopped {
            Stopped::Blocked(why) => StepsOutcome::Blocked(finding(why)),
            Stopped::Unjudgeable(why) => StepsOutcome::Unjudgeable(finding(why)),
            Stopped::Panicked => {
                StepsOutcome::Unjudgeable(finding(&Mismatch::new("scenario", "to be run to its end", PANICKED)))
            }
        };
        Ended { outcome, stopped: Some(stopped) }
    }
}

impl StepsRun {
    /// Whether the step that decided was answered with a server error.
    fn is_server_error(&self) -> bool {
        let answer = self.outcome.finding().and_then(|finding| self.transcript.answer(&finding.step));
        answer.is_some_and(Answer::is_server_error)
    }

    /// The judgement on an observation: what the server does, unless a step shows a breach, or nothing was observed.
    fn observed(&self, case: &Case, judgement: Judgement) -> Judgement {
        let is_breach = judgement.findings.first().is_some_and(|finding| finding.level == Some(Level::Must));
        if is_breach || !matches!(judgement.verdict, Verdict::Pass | Verdict::Fail) {
            return judgement;
        }
        let responses = case.steps.iter().filter(|step| !step.setup);
        let responses = responses.filter_map(|step| Some((step, self.transcript.answer(&step.id)?)));
        let seen: Vec<String> = responses
            .map(|(step, answer)| {
                let code = answer.s3_code().map(|code| format!(" {code}")).unwrap_or_default();
                format!("step `{}`: {}{code}", step.id, answer.status)
            })
            .collect();
        Judgement::new(Verdict::Observed, seen.join(", "), Vec::new())
    }

    /// Whether the step that decided was answered with a 2xx.
    fn is_accepted(&self) -> bool {
        let StepsOutcome::Broken(finding) = &self.outcome else { return false };
        self.transcript.answer(&finding.step).is_some_and(|answer| (200..300).contains(&answer.status))
    }
}

/// Judges a case by the probe of a capability that it needs; `None` if the probe shows that the endpoint has the capability.
fn lacking(needed: &Needed, probe: &ProbeRun) -> Option<Judgement> {
    let finding = probe.run.outcome.finding()?;
    let (id, what) = (&probe.id, in_words(finding));
    // A bucket that the endpoint cannot set up shows the same as a response that says so.
    let is_lacking = matches!(probe.run.outcome, StepsOutcome::NotSupported(_))
        || matches!(probe.run.stopped, Some(Stopped::Blocked(_)));
    let (verdict, reason) = match &probe.run.outcome {
        StepsOutcome::Breach(_) => (Verdict::Fail, format!("the probe of `{id}` shows that a rule is broken")),
        // A fault of the endpoint's own says nothing of what it has.
        _ if probe.run.is_server_error() => {
            (Verdict::Error, format!("the probe of `{id}` was answered with a server error"))
        }
        _ if is_lacking => {
            let (level, step) = (needed.level().as_str(), &finding.step);
            let reason =
                format!("the endpoint lacks `{id}` (required by level {level}): its probe `{step}` says so{what}");
            (Verdict::NotSupported, reason)
        }
        StepsOutcome::Unjudgeable(_) => {
            (Verdict::Error, format!("the probe of `{id}` got no response that can be judged"))
        }
        _ => {
            let reason =
                format!("the probe of `{id}` shows neither that the endpoint has it nor that it lacks it{what}");
            (Verdict::Error, reason)
        }
    };
    Some(Judgement::new(verdict, reason, vec![finding.clone()]))
}

/// The first mismatch of a finding.
fn in_words(finding: &Finding) -> String {
    let first = finding.mismatches.first();
    first.map(|m| format!(": {}: expected {}, got {}", m.subject, m.expected, m.actual)).unwrap_or_default()
}

impl CaseResult {
    /// Judges a case by the probe of a capability that it needs; `None` if the probe shows that the endpoint has the capability.
    ///
    /// Nothing else makes a case *not supported*, so that each such verdict names its capability.
    #[must_use]
    pub fn lacking(planned: &PlannedCase, needed: &Needed, probe: &Arc<ProbeRun>) -> Option<Self> {
        let judgement = lacking(needed, probe)?;
        Some(Self { missing: Some(Arc::clone(probe)), ..Self::of(planned.clone(), judgement) })
    }

    /// A case with its steps and controls, judged by the evidence alone.
    #[must_use]
    pub fn concluded(planned: PlannedCase, own: StepsRun, controls: Vec<ControlRun>) -> Self {
        let outcomes: Vec<_> = controls.iter().map(|c| (c.step.clone(), c.run.outcome.clone())).collect();
        let mut judgement = conclude(own.outcome.clone(), &outcomes, own.is_accepted());
        if planned.case.level == Level::Observe {
            judgement = own.observed(&planned.case, judgement);
        }
        if own.stopped == Some(Stopped::Panicked) {
            PANICKED.clone_into(&mut judgement.reason);
        }
        Self { own: Some(own), controls, ..Self::of(planned, judgement) }
    }

    /// The case in the light of what the profile declares and the baseline knows.
    #[must_use]
    pub fn settled(mut self, profile: &Profile, baseline: Option<&Baseline>) -> Self {
        let id = &self.planned.case.id;
        let judgement = in_the_light_of(profile, id, self.judgement);
        (self.judgement, self.standing) = match baseline {
            Some(baseline) => baseline.compared(id, judgement),
            None => (judgement, None),
        };
        self
    }
}
