//! The judge: evidence in, verdict out. Pure: the same evidence gets the same verdict.

mod check;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::evidence::{Answer, Exchange, Reply};
use crate::suite::body::Body;
use crate::suite::model::{Outcome, Step};
pub use check::Mismatch;

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every expectation held, and so did the controls.
    Pass,
    /// The server broke a rule.
    Fail,
    /// The refusal came, but the control failed too: it proves nothing.
    Inconclusive,
    /// A step that the scenario needs did not work.
    Blocked,
    /// The endpoint cannot do what the scenario needs; a probe showed it.
    NotSupported,
    /// Not run, for a reason given.
    Skipped,
    /// The endpoint or the network gave no answer that could be judged.
    Error,
}

impl Verdict {
    /// All verdicts in the order of reports.
    pub const ALL: [Self; 7] =
        [Self::Pass, Self::Fail, Self::Inconclusive, Self::Blocked, Self::NotSupported, Self::Skipped, Self::Error];

    /// The verdict in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::Blocked => "blocked",
            Self::NotSupported => "not supported",
            Self::Skipped => "skipped",
            Self::Error => "error",
        }
    }
}

/// The verdict on a case and what it rests on.
#[derive(Debug, Clone, Serialize)]
pub struct Judgement {
    /// What became of it.
    pub verdict: Verdict,
    /// One sentence: why.
    pub reason: String,
    /// What was expected and what came, for the step that decided.
    pub findings: Vec<Finding>,
}

/// Expectations that one step's answer did not meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Id of the step.
    pub step: String,
    /// Whether it is a step of a positive control.
    pub control: bool,
    /// What was not met.
    pub mismatches: Vec<Mismatch>,
}

/// Facts about the customer keys and bodies of a run of steps that expectations refer to. Holds no secret: the MD5 of
/// a random 256-bit key is what every SSE-C answer echoes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Facts {
    /// Customer key name → base64 of its MD5.
    pub key_md5: BTreeMap<String, String>,
    /// MD5 (lower-case hexadecimal) of everything sent → what it is the MD5 of.
    pub md5s: BTreeMap<String, String>,
}

/// A run of steps as it went: the scenario itself, or one of its controls.
#[derive(Debug, Clone, Serialize)]
pub struct Transcript {
    /// Exchanges in order.
    pub exchanges: Vec<Exchange>,
    /// What expectations refer to.
    pub facts: Facts,
}

impl Transcript {
    /// The exchange of a step.
    #[must_use]
    pub fn of(&self, step: &str) -> Option<&Exchange> {
        self.exchanges.iter().find(|e| e.step == step && !e.storage_probe)
    }

    /// The storage probe that followed a step.
    #[must_use]
    pub fn probe_after(&self, step: &str) -> Option<&Exchange> {
        self.exchanges.iter().find(|e| e.step == step && e.storage_probe)
    }

    /// The answer to a step.
    #[must_use]
    pub fn answer(&self, step: &str) -> Option<&Answer> {
        self.of(step)?.reply.answer()
    }
}

/// How a run of steps came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepsOutcome {
    /// Everything expected came.
    Held,
    /// A judged step came out otherwise.
    Broken(Finding),
    /// A setup step came out otherwise.
    Blocked(Finding),
    /// A probe showed that the endpoint lacks the operation.
    NotSupported(Finding),
    /// No answer that could be judged.
    Unjudgeable(Finding),
}

/// Judges a run of steps: the first step that did not come out as expected decides.
#[must_use]
pub fn judge_steps(
    steps: &[Step],
    control: bool,
    profile: &str,
    bodies: &BTreeMap<String, Body>,
    transcript: &Transcript,
) -> StepsOutcome {
    for step in steps {
        let finding = |mismatches| Finding { step: step.id.clone(), control, mismatches };
        let Some(exchange) = transcript.of(&step.id) else {
            let mismatch = Mismatch::new("step", "to be sent", "it was not sent: the time of the scenario ran out");
            return StepsOutcome::Unjudgeable(finding(vec![mismatch]));
        };
        if let Some(mismatch) = unjudgeable(step, exchange) {
            return StepsOutcome::Unjudgeable(finding(vec![mismatch]));
        }
        if let Reply::NotSent(why) = &exchange.reply {
            return StepsOutcome::Blocked(finding(vec![Mismatch::new("request", "to be sent", why)]));
        }
        let success = Outcome::success();
        let expected = step.expect.as_ref().unwrap_or(&success);
        let judge = check::Check { exchange, transcript, bodies, step };
        let mut mismatches = judge.outcome(expected);
        if let Some(outcome) = step.expect_under.get(profile) {
            mismatches.extend(judge.outcome(outcome));
        }
        mismatches.extend(judge.always());
        if !mismatches.is_empty() {
            return match step {
                Step { probe: true, .. } => StepsOutcome::NotSupported(finding(mismatches)),
                Step { setup: true, .. } => StepsOutcome::Blocked(finding(mismatches)),
                _ => StepsOutcome::Broken(finding(mismatches)),
            };
        }
    }
    StepsOutcome::Held
}

/// No HTTP answer, or one that says "later": neither obeys nor breaks a rule.
fn unjudgeable(step: &Step, exchange: &Exchange) -> Option<Mismatch> {
    match &exchange.reply {
        Reply::Failed(why) => Some(Mismatch::new("connection", "an HTTP answer", why)),
        Reply::Closed(why) if step.request.scheme() == crate::suite::model::Scheme::Tls => {
            Some(Mismatch::new("connection", "an HTTP answer", why))
        }
        Reply::Answer(answer) if answer.is_throttling() => {
            let code = answer.s3_code().unwrap_or_default();
            let actual = format!("{} {code}", answer.status);
            Some(Mismatch::new(
                "status",
                "an answer that can be judged (the endpoint is throttling)",
                actual.trim_end(),
            ))
        }
        _ => None,
    }
}

/// Joins what became of a scenario's own steps and of its controls.
#[must_use]
pub fn conclude(own: StepsOutcome, controls: &[(String, StepsOutcome)], accepted: bool) -> Judgement {
    let failed = controls.iter().find(|(_, outcome)| *outcome != StepsOutcome::Held);
    let judgement = |verdict, reason: String, findings| Judgement { verdict, reason, findings };
    match (own, failed) {
        (StepsOutcome::Unjudgeable(finding), _) => judgement(
            Verdict::Error,
            format!("step `{}` got no answer that could be judged", finding.step),
            vec![finding],
        ),
        (StepsOutcome::NotSupported(finding), _) => {
            let reason = format!("probe `{}` shows that the endpoint lacks the operation", finding.step);
            judgement(Verdict::NotSupported, reason, vec![finding])
        }
        (StepsOutcome::Blocked(finding), _) => {
            judgement(Verdict::Blocked, format!("step `{}`, which it needs, did not work", finding.step), vec![finding])
        }
        // An answer that accepts what must be refused is a failure whatever the control says.
        (StepsOutcome::Broken(finding), failed) if accepted || failed.is_none() => judgement(
            Verdict::Fail,
            format!("step `{}` did not come out as the rule demands", finding.step),
            vec![finding],
        ),
        (own, Some((step, outcome))) => {
            let mut findings = Vec::new();
            if let StepsOutcome::Broken(finding) = own {
                findings.push(finding);
            }
            let (verdict, finding) = match outcome {
                StepsOutcome::Unjudgeable(finding) => (Verdict::Error, Some(finding)),
                StepsOutcome::Broken(finding)
                | StepsOutcome::Blocked(finding)
                | StepsOutcome::NotSupported(finding) => (Verdict::Inconclusive, Some(finding)),
                StepsOutcome::Held => (Verdict::Inconclusive, None),
            };
            findings.extend(finding.cloned());
            let reason =
                format!("the positive control of step `{step}` (the same request, put right) did not succeed either");
            judgement(verdict, reason, findings)
        }
        (_, None) => judgement(Verdict::Pass, "every expectation held".to_owned(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn finding() -> Finding {
        Finding { step: "s".to_owned(), control: false, mismatches: vec![Mismatch::new("status", "4xx", "200")] }
    }

    #[rstest]
    #[case::held(StepsOutcome::Held, StepsOutcome::Held, false, Verdict::Pass)]
    #[case::broken(StepsOutcome::Broken(finding()), StepsOutcome::Held, false, Verdict::Fail)]
    #[case::refusal_without_control(StepsOutcome::Held, StepsOutcome::Broken(finding()), false, Verdict::Inconclusive)]
    #[case::control_blocked(StepsOutcome::Held, StepsOutcome::Blocked(finding()), false, Verdict::Inconclusive)]
    #[case::control_unreachable(StepsOutcome::Held, StepsOutcome::Unjudgeable(finding()), false, Verdict::Error)]
    #[case::accepted_although_control_failed(
        StepsOutcome::Broken(finding()),
        StepsOutcome::Broken(finding()),
        true,
        Verdict::Fail
    )]
    #[case::server_error_everywhere(
        StepsOutcome::Broken(finding()),
        StepsOutcome::Broken(finding()),
        false,
        Verdict::Inconclusive
    )]
    #[case::blocked(StepsOutcome::Blocked(finding()), StepsOutcome::Held, false, Verdict::Blocked)]
    #[case::operation_lacking(StepsOutcome::NotSupported(finding()), StepsOutcome::Held, false, Verdict::NotSupported)]
    #[case::no_answer(StepsOutcome::Unjudgeable(finding()), StepsOutcome::Held, false, Verdict::Error)]
    fn controls_decide_what_a_refusal_is_worth(
        #[case] own: StepsOutcome,
        #[case] control: StepsOutcome,
        #[case] accepted: bool,
        #[case] expected: Verdict,
    ) {
        assert_eq!(conclude(own, &[("s".to_owned(), control)], accepted).verdict, expected);
    }
}
