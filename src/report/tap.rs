//! TAP version 14: a test point per case, with the details of what did not pass as a YAML block.
//!
//! Source: "TAP 14 specification", <https://testanything.org/tap-version-14-specification.html>. JSON is YAML, so the block is
//! written as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::limits::{EMBEDDED, headline, limits};
use super::text::json;
use super::text::tap::{comment, description};
use super::{describe, printable};
use crate::record::{CaseRecord, RunRecord};
use crate::verdict::Verdict;

/// The run as a TAP document.
#[must_use]
pub fn tap(run: &RunRecord) -> String {
    let mut text = "TAP version 14\n".to_owned();
    if run.embedded {
        let _ = writeln!(text, "{}", comment(EMBEDDED));
    }
    let _ = writeln!(text, "1..{}", run.cases.len());
    for (index, case) in run.cases.iter().enumerate() {
        let (is_ok, directive) = outcome(case, run);
        let word = if is_ok { "ok" } else { "not ok" };
        let _ = writeln!(text, "{word} {} - {}{directive}", index + 1, description(&case.id));
        if case.verdict != Verdict::Pass {
            text.push_str(&details(case, run));
        }
    }
    let subject = format!("{} at {}, profile {}, run {}", run.subject(), run.endpoint, run.profile.id, run.run);
    let mut comments = vec![subject, headline(run)];
    comments.extend(limits(run).iter().map(|limit| format!("limited: {limit}")));
    comments.extend(run.embedded.then(|| EMBEDDED.to_owned()));
    for told in comments {
        let _ = writeln!(text, "{}", comment(&told));
    }
    text
}

/// Whether the point is ok, and the directive behind its name.
fn outcome(case: &CaseRecord, run: &RunRecord) -> (bool, String) {
    let reason = || description(&case.reason);
    match case.verdict {
        _ if run.fails(case) || run.leaves_open(case) => (false, String::new()),
        Verdict::Pass => (true, String::new()),
        Verdict::Skipped | Verdict::NotSupported | Verdict::Observed => {
            (true, format!(" # SKIP {}: {}", case.verdict.as_str(), reason()))
        }
        // It is not as it should be, and that does not fail the run.
        _ => (false, format!(" # TODO {}: {}", case.verdict.as_str(), reason())),
    }
}

fn details(case: &CaseRecord, run: &RunRecord) -> String {
    let finding = case.findings.first();
    let mismatches = finding.iter().flat_map(|found| &found.finding.mismatches);
    let told: Vec<Value> = mismatches
        .map(|m| json!({"subject": printable(&m.subject), "expected": printable(&m.expected), "actual": printable(&m.actual)}))
        .collect();
    let mut block = Map::new();
    block.insert("message".to_owned(), json!(printable(&case.reason)));
    block.insert("severity".to_owned(), json!(case.verdict.as_str()));
    block.insert("level".to_owned(), json!(case.level_judged().as_str()));
    block
        .insert("rules".to_owned(), json!(case.rules_advised().iter().map(|rule| printable(rule)).collect::<Vec<_>>()));
    if let Some(by) = &case.explained_by {
        block.insert("explained_by".to_owned(), json!(printable(&by.case)));
    }
    block.insert("mismatches".to_owned(), Value::Array(told));
    if case.verdict.is_failure() || case.verdict == Verdict::UnexpectedPass || case.verdict.is_open() {
        block.insert("details".to_owned(), json!(describe(case, run)));
    }
    // Serialising a JSON value does not fail.
    let text = json(&serde_json::to_string_pretty(&block).unwrap_or_default());
    let lines: String = text.lines().map(|line| format!("  {line}\n")).collect();
    format!("  ---\n{lines}  ...\n")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::record::samples::{case, run};
    use crate::suite::model::Level;

    #[rstest]
    #[case(Verdict::Pass, Level::Must, "ok 1 - s/a")]
    #[case(Verdict::Fail, Level::Must, "not ok 1 - s/a")]
    #[case(Verdict::Fail, Level::Should, "not ok 1 - s/a # TODO fail: because")]
    #[case(Verdict::ExpectedFailure, Level::Must, "not ok 1 - s/a # TODO expected failure: because")]
    #[case(Verdict::UnexpectedPass, Level::Must, "not ok 1 - s/a")]
    #[case(Verdict::Blocked, Level::Must, "not ok 1 - s/a")]
    #[case(Verdict::Blocked, Level::May, "not ok 1 - s/a # TODO blocked: because")]
    #[case(Verdict::NotSupported, Level::Must, "ok 1 - s/a # SKIP not supported: because")]
    #[case(Verdict::Skipped, Level::Must, "ok 1 - s/a # SKIP skipped: because")]
    fn a_point_is_red_only_where_the_run_is(#[case] verdict: Verdict, #[case] level: Level, #[case] line: &str) {
        let document = tap(&run(vec![CaseRecord { level, ..case("s/a", verdict, "") }]));
        assert_eq!(document.lines().nth(2), Some(line));
    }

    #[test]
    fn what_is_left_out_for_want_of_configuration_is_not_ok() {
        let left_out = CaseRecord { incomplete: true, ..case("s/a", Verdict::Skipped, "") };
        assert!(tap(&run(vec![left_out])).contains("not ok 1 - s/a\n"));
    }

    #[test]
    fn hostile_text_stays_in_its_line() {
        let mut hostile = case("s/a", Verdict::Fail, "r");
        hostile.reason = "x\nok 2 # SKIP \u{1b}[2J".to_owned();
        hostile.findings[0].finding.mismatches[0].actual = "\n  ...\nok 3\n\\".to_owned();
        let document = tap(&run(vec![hostile]));
        let points = document.lines().filter(|line| line.starts_with("ok") || line.starts_with("not ok")).count();
        assert_eq!(points, 1, "{document}");
        assert!(!document.contains('\u{1b}'), "{document}");
        assert_eq!(document.lines().filter(|line| *line == "  ...").count(), 1, "{document}");
    }
}
