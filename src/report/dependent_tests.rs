//! Reports of blocked and inconclusive cases: they name what explains them, give the advice of that, and accuse no rule.

use std::collections::BTreeMap;

use rstest::rstest;

use super::{Terminal, describe, github, html, junit, markdown, tap};
use crate::record::samples::{case, exchange, run};
use crate::record::{CaseRecord, ExplainedBy, RunRecord, SuiteRecord};
use crate::rules::{Grade, Harm, Rule};
use crate::verdict::Verdict;

fn rule(id: &str) -> Rule {
    let text = |name: &str| format!("{name} of {id}");
    Rule {
        harm: Harm::Loss,
        id: id.to_owned(),
        family: "f".to_owned(),
        title: text("title"),
        text: text("text"),
        source: text("source"),
        grade: Grade::Recorded,
        url: None,
        fix: text("advice"),
        untested: BTreeMap::new(),
    }
}

/// A run of one case, whose finding is about its own rule; `by` is the failing case that explains it, which accuses the rule `root`.
fn of_one(verdict: Verdict, by: Option<&str>) -> RunRecord {
    let mut dependent = case("s/it", verdict, "own");
    dependent.rules = ["own".to_owned()].into();
    dependent.reason = "step `put` did not come out".to_owned();
    dependent.explained_by = by.map(|id| ExplainedBy { case: id.to_owned(), rules: vec!["root".to_owned()] });
    dependent.findings[0].finding.control = verdict == Verdict::Inconclusive;
    dependent.findings[0].exchange = Some(exchange("PUT", "https://localhost/b/o"));
    let text = str::to_owned;
    let suite = SuiteRecord { id: text("s"), title: text("t"), file: text("s.json"), digest: text("d") };
    RunRecord { rules: vec![rule("own"), rule("root")], suites: vec![suite], ..run(vec![dependent]) }
}

fn in_terminal(run: &RunRecord) -> String {
    let mut out = Vec::new();
    Terminal::new(&mut out, false, false).finish(run).expect("memory takes it");
    String::from_utf8(out).expect("it is UTF-8")
}

/// What the page shows of the case.
fn in_html(run: &RunRecord) -> String {
    let page = String::from_utf8(html(run).expect("it can be rendered")).expect("it is UTF-8");
    let (_, of_case) = page.split_once("<details class=\"case").expect("it is there");
    of_case.split_once("<p class=\"foot").expect("it has an end").0.replace("&#x2f;", "/")
}

fn as_text(format: &str, run: &RunRecord) -> String {
    match format {
        "describe" => describe(&run.cases[0], run),
        "terminal" => in_terminal(run),
        "markdown" => markdown(run),
        "html" => in_html(run),
        "junit" => String::from_utf8(junit(run).expect("it can be written")).expect("it is UTF-8"),
        "tap" => tap(run),
        "github" => github(run),
        other => panic!("{other}"),
    }
}

#[rstest]
fn the_advice_is_that_of_the_case_that_explains(
    #[values("describe", "terminal", "markdown", "html", "junit", "tap", "github")] format: &str,
    #[values(Verdict::Blocked, Verdict::Inconclusive)] verdict: Verdict,
) {
    let text = as_text(format, &of_one(verdict, Some("s/root-case")));
    let advice = if format == "github" { "text of root" } else { "advice of root" };
    for told in ["s/root-case", advice, "step `put` did not come out"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    for not_told in ["advice of own", "text of own", "own: status"] {
        assert!(!text.contains(not_told), "{not_told}: {text}");
    }
}

#[rstest]
fn a_case_that_nothing_explains_accuses_no_rule(
    #[values("describe", "terminal", "markdown", "html", "junit", "tap", "github")] format: &str,
    #[values(Verdict::Blocked, Verdict::Inconclusive, Verdict::Error)] verdict: Verdict,
) {
    let text = as_text(format, &of_one(verdict, None));
    assert!(text.contains("step `put` did not come out"), "{text}");
    for not_told in ["advice of", "text of", "own: status", "xplained by"] {
        assert!(!text.contains(not_told), "{not_told}: {text}");
    }
}

/// A failure accuses its own rules, as before.
#[rstest]
fn a_failure_gives_the_advice_of_its_own_rule(
    #[values("describe", "terminal", "markdown", "html", "junit", "tap")] format: &str,
) {
    let text = as_text(format, &of_one(Verdict::Fail, None));
    assert!(text.contains("advice of own") && !text.contains("of root"), "{text}");
}

#[test]
fn the_terminal_shows_once_what_has_one_cause() {
    let mut run = of_one(Verdict::Blocked, Some("s/root-case"));
    let other = |id: &str, rule: &str| CaseRecord {
        explained_by: run.cases[0].explained_by.clone(),
        ..case(id, Verdict::Blocked, rule)
    };
    let others = [other("s/second", "second"), other("s/third", "third")];
    run.cases.extend(others);
    let text = in_terminal(&run);
    assert!(text.contains("2 more blocked by the same: s/second, s/third"), "{text}");
    run.cases[2].explained_by = None;
    run.cases[2].findings[0].finding.step = "other".to_owned();
    assert!(in_terminal(&run).contains("1 more blocked by the same: s/second"));
}
