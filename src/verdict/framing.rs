//! Connections on which bytes came that belong to no response: a finding against the step that left them, and no judgement on the
//! responses that followed on the same connection.

use std::sync::Arc;

use super::check::Mismatch;
use super::{Finding, RESPONSE_FRAMING, StepsOutcome, Terms, Transcript, breach, judge_step};
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
    let certain = steps.iter().filter(|step| transcript.of(&step.id).is_some_and(|exchange| !is_doubtful(exchange)));
    let breaches = certain.filter_map(|step| match judge_step(step, terms, transcript) {
        StepsOutcome::Breach(finding) => Some(finding),
        _ => None,
    });
    breaches.into_iter().next().or_else(|| Some(finding(step, terms, exchange, transcript)))
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
mod tests {}
