//! Connections on which bytes came that belong to no response: a finding against the step that left them, and no judgement on the
//! responses that followed on the same connection.

use std::sync::Arc;

use super::check::Mismatch;
use super::{Finding, KEY_NEVER_RETURNED, RESPONSE_FRAMING, StepsOutcome, Terms, Transcript, breach, judge_step};
use crate::evidence::{Exchange, Framing};
use crate::suite::model::Step;

/// The subject of the mismatch that names the steps that are not judged.
const DOUBTFUL: &str = "steps on the same connection";

/// Whether the response to a request may be one to another.
pub(super) fn is_doubtful(exchange: &Exchange) -> bool {
    exchange.framing.as_ref().is_some_and(|framing| framing.is_doubtful)
}

/// The finding for a run of steps of which some step left bytes on its connection. A breach that a response shows which is certainly
/// the step's own comes first.
pub(super) fn of_run(steps: &[Arc<Step>], terms: Terms<'_>, transcript: &Transcript) -> Option<Box<Finding>> {
    let guilty = |exchange: &&Exchange| exchange.framing.as_ref().is_some_and(|framing| framing.stray.is_some());
    let exchange = transcript.exchanges.iter().find(guilty)?;
    let step = steps.iter().find(|step| step.id == exchange.step)?;
    let sent = steps.iter().filter_map(|step| Some((step, transcript.of(&step.id)?)));
    let mut breaches = sent.filter_map(|(step, exchange)| match judge_step(step, terms, transcript) {
        // A customer key is no other response's to give back either.
        StepsOutcome::Breach(finding) if !is_doubtful(exchange) || finding.rules == [KEY_NEVER_RETURNED] => {
            Some(finding)
        }
        _ => None,
    });
    breaches.next().or_else(|| Some(finding(step, terms, exchange, transcript)))
}

fn finding(step: &Step, terms: Terms<'_>, exchange: &Exchange, transcript: &Transcript) -> Box<Finding> {
    let Exchange { sent, framing, .. } = exchange;
    let stray = framing.as_ref().and_then(|framing| framing.stray.as_deref()).unwrap_or_default();
    let status = exchange.reply.answer().map(|answer| format!(" of status {}", answer.status)).unwrap_or_default();
    let actual = format!("after the response{status} to {}, bytes that belong to none: `{stray}`", sent.operation);
    let expected = "nothing after the end of a response (RFC 9112, section 6.3)";
    let mut mismatches = vec![Mismatch::new("connection", expected, actual)];
    let by_it =
        |framing: &Framing| framing.is_doubtful && framing.stray.is_none() && framing.broken_by == exchange.step;
    let doubtful: Vec<String> = transcript
        .exchanges
        .iter()
        .filter(|other| other.framing.as_ref().is_some_and(by_it))
        .map(|other| format!("`{}`{}", other.step, if other.storage_probe { " (listing)" } else { "" }))
        .collect();
    if !doubtful.is_empty() {
        let actual = format!("not judged, for the bytes may have come before: {}", doubtful.join(", "));
        mismatches.push(Mismatch::new(DOUBTFUL, "responses that are certainly their own", actual));
    }
    breach::finding(step, terms, RESPONSE_FRAMING, mismatches)
}

/// Why a case fails with such a finding.
pub(super) fn reason(finding: &Finding) -> Option<String> {
    let is_framing = finding.rules.iter().any(|rule| rule == RESPONSE_FRAMING);
    let connection = finding.mismatches.iter().find(|mismatch| mismatch.subject == "connection");
    let connection = connection.filter(|_| is_framing)?;
    let what = if finding.control { "the positive control of step" } else { "step" };
    let doubtful = finding.mismatches.iter().find(|mismatch| mismatch.subject == DOUBTFUL);
    let doubtful = doubtful.map(|mismatch| format!("; {}", mismatch.actual)).unwrap_or_default();
    Some(format!("{what} `{}` broke the framing of its connection: {}{doubtful}", finding.step, connection.actual))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::evidence::Reply;
    use crate::evidence::samples::{answer, exchange};
    use crate::suite::model::BucketKind;
    use crate::verdict::{Facts, conclude};

    fn framing(stray: Option<&str>, is_doubtful: bool) -> Option<Framing> {
        let (broken_by, leaked_keys) = ("head".to_owned(), Vec::new());
        Some(Framing { broken_by, stray: stray.map(str::to_owned), leaked_keys, is_doubtful })
    }

    /// A write, a read of it without its key, and a HEAD after whose response something came.
    fn transcript(read: Option<Framing>, head: Option<Framing>) -> Transcript {
        let exchanges = ["put", "read", "head"].map(|step| exchange(step, Reply::Answer(answer(200))));
        let [put, mut get, mut last] = exchanges;
        (get.framing, last.framing) = (read, head);
        Transcript { exchanges: vec![put, get, last], facts: Facts::default() }
    }

    fn outcome(transcript: &Transcript, control: bool) -> StepsOutcome {
        let steps = json!([
            {"id": "put", "setup": true, "request": {"operation": "PutObject", "sse_c": {"key": "K"}}},
            {"id": "read", "setup": true, "request": {"operation": "GetObject"}},
            {"id": "head", "request": {"operation": "HeadObject", "sse_c": {"key": "K"}}},
            {"id": "not-sent", "request": {"operation": "HeadObject"}}
        ]);
        let steps: Vec<Arc<Step>> = serde_json::from_value(steps).expect("they are steps");
        let (own, bodies, bucket) = (["own".to_owned()], BTreeMap::new(), BucketKind::Plain);
        let profile = "portable";
        let terms = Terms { control, profile, own: &own, observes: false, bucket, steps: &steps, bodies: &bodies };
        super::super::judge_steps(&steps, terms, transcript)
    }

    /// The read without a key is a breach where the response is certainly its own.
    #[rstest]
    #[case::all_is_well(None, None, "read-needs-key")]
    #[case::a_breach_on_another_connection(None, framing(Some("0"), false), "read-needs-key")]
    #[case::a_response_that_may_belong_elsewhere(framing(None, true), framing(Some("0"), true), RESPONSE_FRAMING)]
    fn what_may_be_the_response_to_another_request_accuses_nobody(
        #[case] read: Option<Framing>,
        #[case] head: Option<Framing>,
        #[case] rule: &str,
    ) {
        let outcome = outcome(&transcript(read, head), false);
        let finding = outcome.finding().expect("it is one");
        assert!(matches!(outcome, StepsOutcome::Breach(_)), "{outcome:?}");
        assert_eq!(finding.rules, [rule]);
    }

    #[test]
    fn a_customer_key_among_the_bytes_outranks_them() {
        let mut transcript = transcript(framing(None, true), framing(Some("[redacted customer key]"), true));
        let framing = transcript.exchanges[2].framing.as_mut().expect("it has one");
        framing.leaked_keys.push("K".to_owned());
        assert_eq!(outcome(&transcript, false).finding().expect("it is one").rules, [KEY_NEVER_RETURNED]);
    }

    #[rstest]
    #[case::own(false, "step `head`")]
    #[case::of_a_control(true, "the positive control of step `head`")]
    fn the_reason_names_the_step_and_those_that_are_not_judged(#[case] control: bool, #[case] told: &str) {
        let transcript = transcript(framing(None, true), framing(Some("0\\r\\n"), true));
        let judgement = conclude(outcome(&transcript, control), &[], false);
        let reason = format!(
            "{told} broke the framing of its connection: after the response of status 200 to PutObject, bytes that belong to none: \
             `0\\r\\n`; not judged, for the bytes may have come before: `read`"
        );
        assert_eq!(judgement.reason, reason);
    }
}
