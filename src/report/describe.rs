//! A case in full: the rule, what was sent, what came back, what was expected, and where that is written.

use std::fmt::Write as _;

use super::in_a_log;
use crate::evidence::{Answer, Reply, Sent};
use crate::record::{CaseRecord, ExplainedBy, FindingRecord, RunRecord};
use crate::rules::Rule;

/// The most characters of an answer's body that are shown.
const MAX_SHOWN: usize = 2000;

/// The case in full, as plain text of several lines. Everything that the endpoint sent is made printable.
#[must_use]
pub fn describe(case: &CaseRecord, run: &RunRecord) -> String {
    let mut text = String::new();
    let verdict = case.verdict.as_str().to_uppercase();
    let standing = case.standing.map(|standing| format!(" ({})", standing.as_str())).unwrap_or_default();
    line(&mut text, 0, &format!("{verdict} [{}] {}{standing}", case.level_judged().as_str(), case.id));
    line(&mut text, 1, &case.title);
    line(&mut text, 1, &format!("verdict: {}", case.reason));
    for found in &case.findings {
        describe_finding(&mut text, found);
    }
    if let Some(explanation) = explanation(case) {
        line(&mut text, 1, &explanation);
    }
    let rules = rules_shown(case, run);
    for rule in &rules {
        line(&mut text, 1, &format!("rule {}: {}", rule.id, rule.text));
        line(&mut text, 2, &format!("harm: {}", rule.harm.as_str()));
        line(&mut text, 2, &format!("source ({}): {}", rule.grade.as_str(), rule.source));
        if let Some(url) = &rule.url {
            line(&mut text, 2, url);
        }
    }
    for rule in &rules {
        line(&mut text, 1, &format!("how to fix: {}", rule.fix));
    }
    line(&mut text, 1, &format!("why it matters: {}", case.why));
    text
}

/// Where the cause of a blocked or inconclusive case is shown: the failing case that explains it, else the step above.
pub(super) fn explanation(case: &CaseRecord) -> Option<String> {
    let by = |by: &ExplainedBy| {
        format!("explained by: {}, which fails with the same response to the same kind of request", by.case)
    };
    let unexplained = || "accuses no rule, and no failing case of the run explains it: see the step above".to_owned();
    case.is_dependent().then(|| case.explained_by.as_ref().map_or_else(unexplained, by))
}

/// The rules whose text and advice are shown with a case: those that the judgement is about; where the catalogue has none of them (a
/// profile of the user's own), those that the case cites. A case without a verdict accuses none: it has those of the failing case
/// that explains it.
pub(super) fn rules_shown<'r>(case: &CaseRecord, run: &'r RunRecord) -> Vec<&'r Rule> {
    let found = |ids: &[String]| ids.iter().filter_map(|id| run.rule(id)).collect::<Vec<_>>();
    let advised = found(case.rules_advised());
    let is_of_unknown_rules = advised.is_empty() && !case.rules_advised().is_empty() && !case.is_dependent();
    if is_of_unknown_rules { found(&case.rules) } else { advised }
}

fn describe_finding(text: &mut String, found: &FindingRecord) {
    let finding = &found.finding;
    let kind = if finding.control { "positive control of step" } else { "step" };
    line(text, 1, &format!("{kind} `{}`", finding.step));
    for mismatch in &finding.mismatches {
        line(text, 2, &format!("{}: expected {}", mismatch.subject, mismatch.expected));
        line(text, 2, &format!("{}  got {}", " ".repeat(mismatch.subject.len()), mismatch.actual));
    }
    if let Some(exchange) = &found.exchange {
        describe_sent(text, &exchange.sent);
        describe_reply(text, &exchange.reply);
    }
}

fn describe_sent(text: &mut String, sent: &Sent) {
    if sent.method.is_empty() {
        return;
    }
    line(text, 2, &format!("sent: {} ({} bytes of body)", sent.operation, sent.body_length));
    line(text, 3, &format!("{} {}", sent.method, sent.url));
    for (name, value) in &sent.headers {
        line(text, 3, &format!("{name}: {value}"));
    }
    for (name, value) in &sent.fields {
        line(text, 3, &format!("field {name}: {value}"));
    }
    for remark in &sent.remarks {
        line(text, 3, &format!("({remark})"));
    }
}

fn describe_reply(text: &mut String, reply: &Reply) {
    match reply {
        Reply::Answer(answer) => describe_answer(text, answer),
        Reply::Closed(why) => line(text, 2, &format!("came back: no answer, the connection was closed ({why})")),
        Reply::Interrupted => line(text, 2, "came back: no answer was awaited, the request was cut on purpose"),
        Reply::Failed(why) => line(text, 2, &format!("came back: no answer ({why})")),
        Reply::NotSent(why) => line(text, 2, &format!("not sent: {why}")),
    }
}

fn describe_answer(text: &mut String, answer: &Answer) {
    let cut = answer.body.cut_short.as_ref().map(|why| format!(", cut short: {why}")).unwrap_or_default();
    line(text, 2, &format!("came back: {} ({} bytes of body{cut})", answer.status, answer.body.length));
    for (name, value) in &answer.headers {
        line(text, 3, &format!("{name}: {value}"));
    }
    match &answer.body.text {
        Some(body) => {
            let shown: String = body.chars().take(MAX_SHOWN).collect();
            let more = if shown.len() < body.len() { " …" } else { "" };
            line(text, 3, &format!("{shown}{more}"));
        }
        None if answer.body.length > 0 => line(text, 3, &format!("SHA-256 of the body: {}", answer.body.sha256)),
        None => {}
    }
}

/// Adds text, each of its lines indented by `depth` steps of two blanks.
fn line(text: &mut String, depth: usize, added: &str) {
    for added in in_a_log(added).lines() {
        let _ = writeln!(text, "{:1$}{added}", "", depth * 2);
    }
}
