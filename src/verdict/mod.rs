//! The judge: evidence in, verdict out. Pure: the same evidence gets the same verdict.

mod breach;
mod certification;
mod check;
mod departures;
mod framing;
#[cfg(test)]
mod judge_tests;
#[cfg(test)]
pub(crate) mod samples;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::evidence::{Answer, Exchange, Reply};
use crate::rules::OF_PROFILES;
use crate::suite::body::Body;
use crate::suite::model::{Auth, BucketKind, Level, Operation, Outcome, Scheme, Step};
pub use certification::{Attainment, Certified, NOT_PASSED, attainments};
pub use check::Mismatch;
pub use departures::in_the_light_of;
pub use support::SseCSupport;

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every expectation held, and so did the controls.
    Pass,
    /// The server broke a rule.
    Fail,
    /// Run again on fresh objects, it came to another verdict: a failure whatever it came to in the end.
    Inconsistent,
    /// It failed as the profile declares.
    ExpectedFailure,
    /// It passed although the profile declares that it fails.
    UnexpectedPass,
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
    /// An observation was made: what the server does is recorded, and nothing is required of it.
    Observed,
}

impl Verdict {
    /// All verdicts in the order of reports.
    pub const ALL: [Self; 11] = [
        Self::Pass,
        Self::Fail,
        Self::Inconsistent,
        Self::UnexpectedPass,
        Self::ExpectedFailure,
        Self::Inconclusive,
        Self::Blocked,
        Self::NotSupported,
        Self::Skipped,
        Self::Error,
        Self::Observed,
    ];

    /// The verdict as files write it.
    #[must_use]
    pub fn id(self) -> String {
        self.as_str().replace(' ', "_")
    }

    /// Whether the server failed the case.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Fail | Self::Inconsistent)
    }

    /// Whether it is none: what was asked stays open.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Inconclusive | Self::Blocked | Self::Error)
    }

    /// The verdict in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconsistent => "inconsistent",
            Self::ExpectedFailure => "expected failure",
            Self::UnexpectedPass => "unexpected pass",
            Self::Inconclusive => "inconclusive",
            Self::Blocked => "blocked",
            Self::NotSupported => "not supported",
            Self::Skipped => "skipped",
            Self::Error => "error",
            Self::Observed => "observed",
        }
    }
}

/// The verdict on a case and what it rests on.
#[derive(Debug, Clone, Serialize)]
pub struct Judgement {
    /// What became of it.
    pub verdict: Verdict,
    /// What became of it before anybody looked at what was known or declared of it.
    pub found: Verdict,
    /// One sentence: why.
    pub reason: String,
    /// What was expected and what came, for the step that decided.
    pub findings: Vec<Finding>,
}

impl Judgement {
    /// A judgement by the evidence alone.
    #[must_use]
    pub fn new(verdict: Verdict, reason: String, findings: Vec<Finding>) -> Self {
        Self { verdict, found: verdict, reason, findings }
    }

    /// Joins the verdicts of all attempts at a case, in order; `self` judges the attempt that is reported. Different verdicts make the case
    /// inconsistent, which accuses a rule only where an attempt failed for it. An attempt without a response that can be judged says
    /// nothing.
    #[must_use]
    pub fn of_attempts(self, attempts: &[Verdict]) -> Self {
        let told: Vec<Verdict> = attempts.iter().copied().filter(|verdict| *verdict != Verdict::Error).collect();
        let words = attempts.iter().map(|verdict| verdict.as_str()).collect::<Vec<_>>().join(", then ");
        if told.iter().any(|verdict| *verdict != told[0]) {
            let reason = format!("run again on fresh objects it came to another verdict ({words}): {}", self.reason);
            let mut findings = self.findings;
            if self.found != Verdict::Fail {
                findings.iter_mut().for_each(|finding| finding.rules.clear());
            }
            return Self { verdict: Verdict::Inconsistent, found: Verdict::Inconsistent, reason, findings };
        }
        if attempts.len() > told.len() && !told.is_empty() {
            return Self { reason: format!("{} (attempts: {words})", self.reason), ..self };
        }
        self
    }

    /// The rules that the finding is about that decided; empty where there is none.
    #[must_use]
    pub fn accused(&self) -> &[String] {
        self.findings.first().map_or(&[], |finding| &finding.rules)
    }
}

/// Expectations that one step's answer did not meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// Id of the step.
    pub step: String,
    /// Whether it is a step of a positive control.
    pub control: bool,
    /// Ids of the rules that it is about.
    pub rules: Vec<String>,
    /// How binding they are, where that is otherwise than the scenario says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// What was not met.
    pub mismatches: Vec<Mismatch>,
}

/// The rule that every answer is looked at for, whatever its step expects.
pub const KEY_NEVER_RETURNED: &str = "customer-key-never-returned";

/// The rule that is broken where a request that must be refused is answered with a 5xx, whatever it must be refused for.
const REFUSAL_CLIENT_ERROR: &str = "refusal-client-error";

/// The rule that the connection of every exchange is looked at for.
pub const RESPONSE_FRAMING: &str = "response-framing";

/// The rule that is broken where only what a profile asks for besides is not met.
#[must_use]
pub fn profile_rule(profile: &str) -> String {
    format!("{OF_PROFILES}{profile}")
}

/// Facts about the customer keys and bodies of a run of steps that expectations refer to. Holds no secret: the MD5 of
/// a random 256-bit key is what every SSE-C answer echoes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Customer key name → base64 of its MD5.
    pub key_md5: BTreeMap<String, String>,
    /// MD5 (lower-case hexadecimal) of everything sent → what it is the MD5 of; empty where no step asks.
    pub md5s: BTreeMap<String, String>,
}

/// A run of steps as it went: the scenario itself, or one of its controls.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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

    /// The listing that followed a step, to see what is stored.
    #[must_use]
    pub fn probe_after(&self, step: &str) -> Option<&Exchange> {
        self.exchanges.iter().find(|e| e.step == step && e.storage_probe && e.sent.method != "HEAD")
    }

    /// The HeadObject without a key that followed a step whose listing shows otherwise than expected.
    #[must_use]
    pub fn head_after(&self, step: &str) -> Option<&Exchange> {
        self.exchanges.iter().find(|e| e.step == step && e.storage_probe && e.sent.method == "HEAD")
    }

    /// Whether the HeadObject that followed a step contradicts its listing, or says nothing.
    #[must_use]
    pub fn listing_is_contradicted(&self, step: &Step) -> bool {
        self.head_after(&step.id).is_some() && check::storage(self, &step.id).is_err()
    }

    /// Whether the listing that followed a step shows otherwise than its response and its expectations agree on: it may be behind.
    #[must_use]
    pub fn listing_may_be_stale(&self, step: &Step) -> bool {
        fn expects(outcome: &Outcome, stored: bool) -> bool {
            outcome.stored == Some(stored) || outcome.any_of.iter().any(|outcome| expects(outcome, stored))
        }
        let Ok(is_stored) = check::is_listed(self, &step.id) else { return false };
        // What it gives away must not be lost with it.
        let leaks = |exchange: &Exchange| exchange.reply.answer().is_some_and(|answer| !answer.leaked_keys.is_empty());
        if self.probe_after(&step.id).is_some_and(leaks) {
            return false;
        }
        let succeeded = self.answer(&step.id).is_some_and(|answer| (200..300).contains(&answer.status));
        let removes = matches!(step.request.operation, Some(Operation::DeleteObject | Operation::DeleteObjects));
        // A refusal stores nothing, and a deletion that succeeds leaves nothing.
        let agreed = if removes { !succeeded } else { succeeded };
        is_stored != agreed && step.outcomes().any(|outcome| expects(outcome, agreed))
    }

    /// The answer to a step, unless it may be one to another request.
    #[must_use]
    pub fn answer(&self, step: &str) -> Option<&Answer> {
        self.of(step).filter(|exchange| !framing::is_doubtful(exchange))?.reply.answer()
    }
}

/// How a run of steps came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepsOutcome {
    /// Everything expected came.
    Held,
    /// A judged step came out otherwise.
    Broken(Box<Finding>),
    /// A step, whether judged or not, shows that data were given away or garbled, or a customer key came back: see [`breach`].
    Breach(Box<Finding>),
    /// A setup step came out otherwise.
    Blocked(Box<Finding>),
    /// The response to a probe says that the endpoint lacks the operation.
    NotSupported(Box<Finding>),
    /// A probe came out neither as where the endpoint has the operation, nor as where it lacks it.
    Unclear(Box<Finding>),
    /// No answer that could be judged.
    Unjudgeable(Box<Finding>),
}

impl StepsOutcome {
    /// What did not come out, where something did not.
    #[must_use]
    pub fn finding(&self) -> Option<&Finding> {
        match self {
            Self::Held => None,
            Self::Broken(finding)
            | Self::Breach(finding)
            | Self::Blocked(finding)
            | Self::NotSupported(finding)
            | Self::Unclear(finding)
            | Self::Unjudgeable(finding) => Some(finding),
        }
    }
}

/// What steps are judged by.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Whether they are those of a positive control.
    pub control: bool,
    /// Name of the profile.
    pub profile: &'a str,
    /// Those that its expectations are about unless they say otherwise.
    pub own: &'a [String],
    /// Whether the scenario is an observation, which accuses nobody by its own rules.
    pub observes: bool,
    /// The kind of bucket that they are sent to.
    pub bucket: BucketKind,
    /// All steps of the run of steps, in order.
    pub steps: &'a [Arc<Step>],
    /// The suite's bodies.
    pub bodies: &'a BTreeMap<String, Body>,
}

/// Judges a run of steps: the first step that did not come out as expected decides.
#[must_use]
pub fn judge_steps(steps: &[Arc<Step>], terms: Terms<'_>, transcript: &Transcript) -> StepsOutcome {
    if let Some(finding) = framing::of_run(steps, terms, transcript) {
        return StepsOutcome::Breach(finding);
    }
    let outcomes = steps.iter().map(|step| judge_step(step, terms, transcript));
    outcomes.into_iter().find(|outcome| *outcome != StepsOutcome::Held).unwrap_or(StepsOutcome::Held)
}

/// Judges one step; it may refer to those before it.
#[must_use]
pub fn judge_step(step: &Step, terms: Terms<'_>, transcript: &Transcript) -> StepsOutcome {
    let about = |rules: &[String], level, mismatches| {
        let (step, control, rules) = (step.id.clone(), terms.control, rules.to_vec());
        Box::new(Finding { step, control, rules, level, mismatches })
    };
    let finding = |mismatches| about(terms.own, None, mismatches);
    let Some(exchange) = transcript.of(&step.id) else {
        let mismatch = Mismatch::new("step", "to be sent", "it was not sent");
        return StepsOutcome::Unjudgeable(finding(vec![mismatch]));
    };
    if let Reply::NotSent(why) = &exchange.reply {
        return StepsOutcome::Blocked(finding(vec![Mismatch::new("request", "to be sent", why)]));
    }
    let judge = check::Check { exchange, transcript, bodies: terms.bodies, step };
    let not_met = |finding| match step {
        Step { probe: true, .. } if judge.says_lacking() => StepsOutcome::NotSupported(finding),
        Step { probe: true, .. } => StepsOutcome::Unclear(finding),
        Step { setup: true, .. } => StepsOutcome::Blocked(finding),
        _ => StepsOutcome::Broken(finding),
    };
    // A signature that does not match is answered by AWS with the request as it came: that shows who sent it nothing new.
    let is_shown_the_request = says(exchange, "SignatureDoesNotMatch");
    let shown = if is_shown_the_request { step.request.key_names() } else { BTreeSet::new() };
    let leaks = judge.leaked_keys(&shown);
    if !leaks.is_empty() {
        return StepsOutcome::Breach(breach::of_leaks(step, terms, leaks));
    }
    if let Some(finding) = breach::of_step(step, terms, &judge) {
        return StepsOutcome::Breach(finding);
    }
    if let Some(mismatch) = unjudgeable(step, exchange) {
        return StepsOutcome::Unjudgeable(finding(vec![mismatch]));
    }
    let needed: Vec<Mismatch> = step.needs.iter().flat_map(|outcome| judge.outcome(outcome)).collect();
    if !needed.is_empty() {
        return StepsOutcome::Blocked(finding(needed));
    }
    let success = Outcome::success();
    let expected = [(step.expect.as_deref().unwrap_or(&success), terms.own, None)];
    let also = step.also.iter().map(|also| (&also.expect, also.rules.as_slice(), also.level));
    let of_profile = [profile_rule(terms.profile)];
    let besides = step.expect_under.get(terms.profile).map(|outcome| (outcome, of_profile.as_slice(), None));
    for (outcome, rules, level) in expected.into_iter().chain(also).chain(besides) {
        let mismatches = judge.outcome(outcome);
        if !mismatches.is_empty() {
            // A 5xx is one thing, and what it discloses or leaves behind another, which comes first.
            let by_server_error = [REFUSAL_CLIENT_ERROR.to_owned()];
            let is_of_status = mismatches.iter().all(|mismatch| mismatch.subject == "status");
            let is_judged = !step.setup && !step.probe;
            let is_refused_so = is_judged
                && is_of_status
                && outcome.is_refusal()
                && exchange.reply.answer().is_some_and(Answer::is_server_error);
            let stored = step.also.iter().filter(|also| is_refused_so && also.expect.asks_for_storage());
            if let Some((also, left)) =
                stored.map(|also| (also, judge.outcome(&also.expect))).find(|(_, left)| !left.is_empty())
            {
                return not_met(about(&also.rules, also.level, left));
            }
            let rules = if is_refused_so { &by_server_error } else { rules };
            return match judge.body_lost(outcome) {
                Some(lost) => StepsOutcome::Unjudgeable(about(rules, level, vec![lost])),
                None => not_met(about(rules, level, mismatches)),
            };
        }
        // What cannot be looked at proves nothing, and accuses nobody.
        if let Some(unknown) = judge.storage_unknown(outcome) {
            return StepsOutcome::Blocked(about(rules, level, vec![unknown]));
        }
    }
    // Where nothing is asked of the body, one that breaks off is no success, and accuses nobody.
    judge.cut_short().map_or(StepsOutcome::Held, |mismatch| StepsOutcome::Unjudgeable(finding(vec![mismatch])))
}

/// No HTTP answer, or one that says "later": neither obeys nor breaks a rule.
fn unjudgeable(step: &Step, exchange: &Exchange) -> Option<Mismatch> {
    match &exchange.reply {
        Reply::Failed(why) => Some(Mismatch::new("connection", "an HTTP answer", why)),
        Reply::Closed(why) if step.request.scheme() == Scheme::Tls => {
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
        Reply::Answer(answer) => no_answer_of_its_own(step, exchange, answer),
        _ => None,
    }
}

/// An answer that sends the client elsewhere, or that refuses the time of the signature and so says nothing of the request.
fn no_answer_of_its_own(step: &Step, exchange: &Exchange, answer: &Answer) -> Option<Mismatch> {
    let is_plain = step.request.scheme() == Scheme::Plain;
    if let Some(to) = answer.redirect().filter(|_| !is_plain && !expects_redirect(step)) {
        let actual = format!(
            "{}, to {to} (not followed: credentials and customer keys stay with the endpoint; if that is it, give it with \
             --endpoint)",
            answer.status
        );
        return Some(Mismatch::new("answer", "one of the endpoint itself", actual));
    }
    let is_signed = step.request.auth != Some(Auth::Anonymous) && step.request.tampered.is_none();
    if is_signed && says(exchange, "RequestTimeTooSkewed") {
        let skew = exchange.clock_skew();
        let actual =
            skew.unwrap_or_else(|| "RequestTimeTooSkewed: compare the endpoint's clock with this machine's".to_owned());
        return Some(Mismatch::new("clock", "clocks that are no more than 15 minutes apart", actual));
    }
    None
}

/// Whether the answer has an S3 error code.
fn says(exchange: &Exchange, code: &str) -> bool {
    exchange.reply.answer().and_then(Answer::s3_code).as_deref() == Some(code)
}

/// Whether a step is about redirects.
fn expects_redirect(step: &Step) -> bool {
    fn names_one(outcome: &Outcome) -> bool {
        let is_one = |status: &String| status.starts_with('3') && status != "304";
        outcome.status.iter().any(is_one) || outcome.any_of.iter().any(names_one)
    }
    step.outcomes().any(names_one)
}

/// Joins what became of a scenario's own steps and of its controls.
#[must_use]
pub fn conclude(own: StepsOutcome, controls: &[(String, StepsOutcome)], accepted: bool) -> Judgement {
    let breach = controls.iter().find(|(_, outcome)| matches!(outcome, StepsOutcome::Breach(_)));
    let failed = breach.or_else(|| controls.iter().find(|(_, outcome)| *outcome != StepsOutcome::Held));
    let judgement = Judgement::new;
    match (own, failed) {
        (StepsOutcome::Breach(finding), _) => breached(*finding),
        // What a case accuses by itself comes first, and what its control shows besides is kept.
        (StepsOutcome::Broken(finding), Some((_, StepsOutcome::Breach(besides)))) if accepted => {
            let mut judgement = broken(*finding);
            judgement.findings.push(Finding::clone(besides));
            judgement
        }
        (_, Some((_, StepsOutcome::Breach(finding)))) => breached(Finding::clone(finding)),
        (StepsOutcome::Unjudgeable(finding), _) => judgement(
            Verdict::Error,
            format!("step `{}` got no answer that could be judged", finding.step),
            vec![*finding],
        ),
        // Only capabilities have probes: a step of a case that is one names no capability that could be missing.
        (StepsOutcome::NotSupported(finding) | StepsOutcome::Unclear(finding), _) => {
            let reason = format!("step `{}` is a probe, which only the scenario of a capability has", finding.step);
            judgement(Verdict::Error, reason, vec![*finding])
        }
        (StepsOutcome::Blocked(finding), _) => {
            let by = finding.mismatches.first().map(|m| format!(": {}: {}", m.subject, m.actual)).unwrap_or_default();
            let reason = format!("step `{}`, which it needs, did not come out{by}", finding.step);
            judgement(Verdict::Blocked, reason, vec![*finding])
        }
        // An answer that accepts what must be refused is a failure whatever the control says.
        (StepsOutcome::Broken(finding), failed) if accepted || failed.is_none() => broken(*finding),
        (own, Some((step, outcome))) => {
            let mut findings = Vec::new();
            if let StepsOutcome::Broken(finding) = own {
                findings.push(*finding);
            }
            let (verdict, finding) = match outcome {
                StepsOutcome::Unjudgeable(finding) => (Verdict::Error, Some(finding)),
                StepsOutcome::Broken(finding)
                | StepsOutcome::Blocked(finding)
                | StepsOutcome::Unclear(finding)
                | StepsOutcome::NotSupported(finding) => (Verdict::Inconclusive, Some(finding)),
                StepsOutcome::Held | StepsOutcome::Breach(_) => (Verdict::Inconclusive, None),
            };
            findings.extend(finding.map(|finding| Finding::clone(finding)));
            let reason =
                format!("the positive control of step `{step}` (the same request, put right) did not succeed either");
            judgement(verdict, reason, findings)
        }
        (_, None) => judgement(Verdict::Pass, "every expectation held".to_owned(), Vec::new()),
    }
}

/// The judgement on a case of which a judged step broke a rule.
fn broken(finding: Finding) -> Judgement {
    let reason = format!("step `{}` did not come out as the rule demands", finding.step);
    Judgement::new(Verdict::Fail, reason, vec![finding])
}

/// The judgement on a case of which some step shows a breach.
fn breached(finding: Finding) -> Judgement {
    if let Some(reason) = framing::reason(&finding) {
        return Judgement::new(Verdict::Fail, reason, vec![finding]);
    }
    let what = if finding.control { "the positive control of step" } else { "step" };
    let reason = format!("{what} `{}` shows that a rule is broken, whatever the step is there for", finding.step);
    Judgement::new(Verdict::Fail, reason, vec![finding])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn finding() -> Box<Finding> {
        Box::new(Finding {
            step: "s".to_owned(),
            control: false,
            rules: Vec::new(),
            level: None,
            mismatches: vec![Mismatch::new("status", "4xx", "200")],
        })
    }

    #[rstest]
    #[case::once(&[], Verdict::Fail)]
    #[case::the_same_again(&[Verdict::Fail, Verdict::Fail], Verdict::Fail)]
    #[case::passes_in_the_end(&[Verdict::Fail, Verdict::Pass], Verdict::Inconsistent)]
    #[case::blocked_then_fails(&[Verdict::Blocked, Verdict::Fail], Verdict::Inconsistent)]
    #[case::no_response_at_first(&[Verdict::Error, Verdict::Fail], Verdict::Fail)]
    #[case::no_response_between(&[Verdict::Fail, Verdict::Error, Verdict::Pass], Verdict::Inconsistent)]
    #[case::no_response_at_all(&[Verdict::Error, Verdict::Error], Verdict::Fail)]
    fn no_attempt_hides_another(#[case] attempts: &[Verdict], #[case] expected: Verdict) {
        let judgement = broken(*finding()).of_attempts(attempts);
        assert_eq!((judgement.verdict, judgement.found), (expected, expected));
        assert_eq!(judgement.findings, [*finding()]);
    }

    #[test]
    fn what_never_failed_accuses_no_rule_where_it_is_inconsistent() {
        let blocked = Finding { rules: vec!["read-needs-key".to_owned()], ..*finding() };
        let blocked = Judgement::new(Verdict::Blocked, "a step did not come out".to_owned(), vec![blocked]);
        let judgement = blocked.of_attempts(&[Verdict::Blocked, Verdict::Pass]);
        assert_eq!((judgement.verdict, judgement.accused()), (Verdict::Inconsistent, &[][..]));
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
    #[case::breach(StepsOutcome::Breach(finding()), StepsOutcome::Held, false, Verdict::Fail)]
    #[case::breach_of_a_control(StepsOutcome::Held, StepsOutcome::Breach(finding()), false, Verdict::Fail)]
    #[case::breach_of_the_control_of_a_blocked_step(
        StepsOutcome::Blocked(finding()),
        StepsOutcome::Breach(finding()),
        false,
        Verdict::Fail
    )]
    #[case::breach_of_the_control_of_no_answer(
        StepsOutcome::Unjudgeable(finding()),
        StepsOutcome::Breach(finding()),
        false,
        Verdict::Fail
    )]
    #[case::probe_outside_a_capability(
        StepsOutcome::NotSupported(finding()),
        StepsOutcome::Held,
        false,
        Verdict::Error
    )]
    #[case::unclear_probe_outside_a_capability(
        StepsOutcome::Unclear(finding()),
        StepsOutcome::Held,
        false,
        Verdict::Error
    )]
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
