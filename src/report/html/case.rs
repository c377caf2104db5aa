//! A case as the page shows it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::cut::{Cut, MOST_TEXT, MOST_TITLE, short_id};
use super::marks::{Piece, marks};
use super::matrix::rules_of;
use crate::evidence::{Exchange, Reply};
use crate::record::{CaseRecord, FindingRecord, RunRecord};
use crate::report::curl_script;
use crate::report::describe::rules_shown;
use crate::rules::Rule;
use crate::verdict::{Mismatch, Verdict};

const MOST_FINDINGS: usize = 8;
const MOST_MISMATCHES: usize = 20;
const MOST_BEFORE: usize = 8;
const MOST_HEADERS: usize = 60;
const MOST_NAME: usize = 120;
const MOST_VALUE: usize = 1200;
const MOST_BODY: usize = 2400;
const MOST_RULES: usize = 12;
const MOST_GLIMPSE: usize = 140;
/// A script is shown as a whole or not at all.
const MOST_SCRIPT: usize = 24 * 1024;

/// What ids need escaped in the fragment of a URL.
const IN_FRAGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'/').remove(b',');

/// An id as it stands in a link.
pub(super) fn in_fragment(id: &str) -> String {
    utf8_percent_encode(id, IN_FRAGMENT).to_string()
}

/// A case.
#[derive(Debug, Serialize)]
pub(super) struct CaseView {
    id: String,
    link: String,
    title: String,
    why: String,
    suite: String,
    verdict: &'static str,
    verdict_id: String,
    /// What was found, where a profile or a baseline makes something else of it.
    found: Option<&'static str>,
    standing: Option<&'static str>,
    level: &'static str,
    certification: &'static str,
    operations: Vec<&'static str>,
    related_rules: Vec<String>,
    is_problem: bool,
    /// Whether what broke is no requirement.
    is_advisory: bool,
    reason: String,
    /// What was not met, as far as it goes into a line.
    glimpse: Option<String>,
    missing: Option<String>,
    seconds: String,
    findings: Vec<FindingView>,
    rules: Vec<RuleView>,
    /// The failing case that explains it: its id, and how links name it.
    explained_by: Option<(String, String)>,
    /// Whether it is blocked or inconclusive, and nothing explains it.
    is_unexplained: bool,
    /// The rules that it cites, where it accuses none.
    cited: Vec<RuleView>,
    /// Whether there is no room for what was sent and what came back.
    without_evidence: bool,
}

/// A rule with its source.
#[derive(Debug, Serialize)]
pub(super) struct RuleView {
    pub id: String,
    pub link: String,
    pub title: String,
    pub text: String,
    pub source: String,
    pub grade: &'static str,
    pub harm: &'static str,
    /// Where the source stands, if that can be followed without harm.
    pub url: Option<String>,
    pub fix: String,
}

#[derive(Debug, Serialize)]
struct FindingView {
    step: String,
    control: bool,
    level: Option<&'static str>,
    mismatches: Vec<MismatchView>,
    exchange: Option<ExchangeView>,
    before: Vec<ExchangeView>,
    script: Option<String>,
}

#[derive(Debug, Serialize)]
struct MismatchView {
    subject: String,
    expected: Vec<Piece>,
    actual: Vec<Piece>,
}

#[derive(Debug, Serialize)]
struct ExchangeView {
    step: String,
    operation: String,
    storage_probe: bool,
    started: String,
    milliseconds: u64,
    request: Option<RequestView>,
    answer: Option<AnswerView>,
    /// Why there is no answer.
    no_answer: Option<String>,
}

#[derive(Debug, Serialize)]
struct RequestView {
    line: String,
    headers: Vec<(String, String)>,
    fields: Vec<(String, String)>,
    remarks: Vec<String>,
    body: Option<String>,
    body_length: u64,
}

#[derive(Debug, Serialize)]
struct AnswerView {
    line: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
    body_length: u64,
    sha256: String,
    cut_short: Option<String>,
    leaked_keys: Vec<String>,
    discloses: Vec<String>,
}

/// Whether a case is among those that somebody has to look at.
pub(super) fn is_problem(run: &RunRecord, case: &CaseRecord) -> bool {
    case.verdict.is_failure()
        || case.verdict == Verdict::UnexpectedPass
        || case.verdict.is_open()
        || run.is_off_strict_baseline(case)
}

/// How soon a reader wants to see a case.
pub(super) fn rank(run: &RunRecord, case: &CaseRecord) -> usize {
    let order = [Verdict::ExpectedFailure, Verdict::Observed, Verdict::NotSupported, Verdict::Skipped, Verdict::Pass];
    match case.verdict {
        _ if run.fails(case) => 0,
        verdict if verdict.is_failure() => 1,
        _ if is_problem(run, case) => 2,
        verdict => 3 + order.iter().position(|it| *it == verdict).unwrap_or(order.len()),
    }
}

impl CaseView {
    pub fn of(case: &CaseRecord, run: &RunRecord, with_evidence: bool, cut: &mut Cut) -> Self {
        let is_problem = is_problem(run, case);
        let related: Vec<&str> = rules_of(case).into_iter().collect();
        let shown = if case.findings.is_empty() { Vec::new() } else { rules_shown(case, run) };
        let cited: Vec<&Rule> = case.rules.iter().filter_map(|id| run.rule(id)).filter(|_| shown.is_empty()).collect();
        let by = case.explained_by.as_ref().map(|by| short_id(&by.case));
        let findings = cut.items(&case.findings, MOST_FINDINGS);
        let has_evidence = findings.iter().any(|found| found.exchange.is_some());
        Self {
            id: short_id(&case.id),
            link: in_fragment(&short_id(&case.id)),
            title: cut.text(&case.title, MOST_TITLE),
            why: cut.text(&case.why, MOST_TEXT),
            suite: short_id(&case.suite),
            verdict: case.verdict.as_str(),
            verdict_id: case.verdict.id(),
            found: (case.found != case.verdict).then_some(case.found.as_str()),
            standing: case.standing.map(|standing| standing.as_str()),
            level: case.level_judged().as_str(),
            certification: case.certification.as_str(),
            operations: cut.items(&case.operations, MOST_RULES).iter().map(|operation| operation.as_str()).collect(),
            related_rules: cut.items(&related, MOST_RULES).iter().map(|id| short_id(id)).collect(),
            is_problem,
            is_advisory: case.verdict.is_failure() && !run.fails(case),
            reason: cut.text(&case.reason, MOST_TEXT),
            glimpse: glimpse(case).filter(|_| is_problem),
            missing: case.missing.as_ref().map(|missing| short_id(&missing.capability)),
            seconds: format!("{:.2} s", case.seconds),
            findings: findings.iter().map(|found| FindingView::of(found, case, with_evidence, cut)).collect(),
            rules: cut.items(&shown, MOST_RULES).iter().map(|rule| RuleView::of(rule, cut)).collect(),
            is_unexplained: case.is_dependent() && by.is_none(),
            explained_by: by.map(|id| (id.clone(), in_fragment(&id))),
            cited: cut.items(&cited, MOST_RULES).iter().map(|rule| RuleView::of(rule, cut)).collect(),
            without_evidence: has_evidence && !with_evidence,
        }
    }
}

/// What came, and what was expected, of the finding that decided.
fn glimpse(case: &CaseRecord) -> Option<String> {
    let found = case.deciding_finding().or(case.findings.first())?;
    let Mismatch { subject, expected, actual } = found.finding.mismatches.first()?;
    let glimpse = format!("{subject}: {actual}; expected: {expected}");
    let end = glimpse.char_indices().nth(MOST_GLIMPSE).map(|(end, _)| end);
    Some(end.map_or(glimpse.clone(), |end| format!("{}…", &glimpse[..end])))
}

impl RuleView {
    pub fn of(rule: &Rule, cut: &mut Cut) -> Self {
        Self {
            id: short_id(&rule.id),
            link: in_fragment(&short_id(&rule.id)),
            title: cut.text(&rule.title, MOST_TITLE),
            text: cut.text(&rule.text, MOST_TEXT),
            source: cut.text(&rule.source, MOST_TEXT),
            grade: rule.grade.as_str(),
            harm: rule.harm.as_str(),
            url: rule.url.as_deref().filter(|url| url.len() <= MOST_TEXT).and_then(safe_url),
            fix: cut.text(&rule.fix, MOST_TEXT),
        }
    }
}

/// The address, if it is one of the web.
fn safe_url(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.to_string())
}

impl FindingView {
    fn of(found: &FindingRecord, case: &CaseRecord, with_evidence: bool, cut: &mut Cut) -> Self {
        let finding = &found.finding;
        let mismatches = cut.items(&finding.mismatches, MOST_MISMATCHES);
        let exchange = found.exchange.as_ref().filter(|_| with_evidence);
        let before = if exchange.is_some() { cut.last_items(&found.before, MOST_BEFORE) } else { &[] };
        Self {
            step: cut.text(&finding.step, MOST_NAME),
            control: finding.control,
            level: finding.level.map(|level| level.as_str()),
            mismatches: mismatches.iter().map(|mismatch| MismatchView::of(mismatch, cut)).collect(),
            exchange: exchange.map(|exchange| ExchangeView::of(exchange, cut)),
            before: before.iter().map(|exchange| ExchangeView::of(exchange, cut)).collect(),
            script: exchange.and_then(|exchange| script(exchange, before, case)),
        }
    }
}

/// How to send all that again; of what is too long the last request.
fn script(exchange: &Exchange, before: &[Exchange], case: &CaseRecord) -> Option<String> {
    let own = before.iter().filter(|exchange| !exchange.storage_probe);
    let all: Vec<&Exchange> = own.chain([exchange]).collect();
    let scripts = [all.as_slice(), &all[all.len() - 1..]].map(|exchanges| curl_script(exchanges, &case.key_md5));
    let fitting = scripts.into_iter().find(|script| script.len() <= MOST_SCRIPT)?;
    Some(fitting.trim_end().to_owned())
}

impl MismatchView {
    fn of(mismatch: &Mismatch, cut: &mut Cut) -> Self {
        let (expected, actual) =
            marks(&cut.text(&mismatch.expected, MOST_TEXT), &cut.text(&mismatch.actual, MOST_TEXT));
        Self { subject: cut.text(&mismatch.subject, MOST_NAME), expected, actual }
    }
}

impl ExchangeView {
    fn of(exchange: &Exchange, cut: &mut Cut) -> Self {
        let sent = &exchange.sent;
        let (answer, no_answer) = match &exchange.reply {
            Reply::Answer(answer) => (Some(answer), None),
            Reply::Closed(why) => (None, Some(format!("No answer: the connection was closed ({why})."))),
            Reply::Interrupted => (None, Some("No answer was awaited: the request was cut off on purpose.".to_owned())),
            Reply::Failed(why) => (None, Some(format!("No answer: {why}."))),
            Reply::NotSent(why) => (None, Some(format!("Not sent: {why}."))),
        };
        let request = (!sent.method.is_empty()).then(|| RequestView {
            line: format!("{} {}", cut.text(&sent.method, MOST_NAME), cut.text(&sent.url, MOST_VALUE)),
            headers: lines(&sent.headers, cut),
            fields: lines(&sent.fields, cut),
            remarks: texts(&sent.remarks, cut),
            body: sent.body_text.as_ref().map(|body| cut.text(body, MOST_BODY)),
            body_length: sent.body_length,
        });
        let answer = answer.map(|answer| AnswerView {
            line: format!("{} {}", cut.text(&answer.version, MOST_NAME), answer.status),
            headers: lines(&answer.headers, cut),
            body: answer.body.text.as_ref().map(|body| cut.text(body, MOST_BODY)),
            body_length: answer.body.length,
            sha256: short_id(&answer.body.sha256),
            cut_short: answer.body.cut_short.as_ref().map(|why| cut.text(why, MOST_VALUE)),
            leaked_keys: texts(&answer.leaked_keys, cut),
            discloses: texts(&answer.body.discloses, cut),
        });
        Self {
            step: cut.text(&exchange.step, MOST_NAME),
            operation: cut.text(&sent.operation, MOST_NAME),
            storage_probe: exchange.storage_probe,
            started: crate::record::rfc3339(exchange.started.into()),
            milliseconds: (exchange.seconds * 1000.0).round().max(0.0) as u64,
            request,
            answer,
            no_answer: no_answer.map(|why| cut.text(&why, MOST_VALUE)),
        }
    }
}

fn lines(lines: &[(String, String)], cut: &mut Cut) -> Vec<(String, String)> {
    let lines = cut.items(lines, MOST_HEADERS);
    lines.iter().map(|(name, value)| (cut.text(name, MOST_NAME), cut.text(value, MOST_VALUE))).collect()
}

fn texts(texts: &[String], cut: &mut Cut) -> Vec<String> {
    cut.items(texts, MOST_RULES).iter().map(|text| cut.text(text, MOST_VALUE)).collect()
}
