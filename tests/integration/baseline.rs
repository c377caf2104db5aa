//! Baselines, and the comparison of runs, by the built binary.

use crate::common::{GOOD_PUT, LACKING, Outcome, Served, Workplace, suite, suite_needing};
use rstest::rstest;
use serde_json::Value;

const RUN: &str = "run --only etag/not-md5 --only etag/same-on-read[text --report json=run.json --report junit=run.xml";

/// A workplace with `known.json`: the baseline of an endpoint whose ETags are MD5s.
fn with_baseline() -> (Workplace, Served) {
    let workplace = Workplace::new();
    let served = Served::start_with(&workplace, "--fault etag-md5");
    assert_eq!(workplace.run_against(&served, RUN).code, Some(1));
    let made = workplace.run("baseline run.json");
    assert_eq!(made.code, Some(0), "{made:#?}");
    workplace.file("open.json", &made.out);
    workplace.file("known.json", &made.out.replace(r#""reason": """#, r#""reason": "ETags are MD5s here, issue 7""#));
    (workplace, served)
}

fn run(workplace: &Workplace, served: &Served, more: &str) -> (Outcome, Value, String) {
    let baseline = if more.contains("--baseline ") { "" } else { "--baseline known.json" };
    let outcome = workplace.run_against(served, &format!("{RUN} {baseline} {more}"));
    let record = serde_json::from_str(&workplace.read("run.json")).expect("the record is JSON");
    (outcome, record, workplace.read("run.xml"))
}

#[test]
fn what_is_known_does_not_fail_the_run_and_stays_visible() {
    let (workplace, served) = with_baseline();
    for more in ["", "--strict-baseline"] {
        let (outcome, record, report) = run(&workplace, &served, more);
        assert_eq!(outcome.code, Some(0), "{outcome:#?}");
        assert!(
            outcome.out.contains("ETags are MD5s here, issue 7") && outcome.out.contains(" 0 new, 0 changed, 0 fixed")
        );
        let known: Vec<&Value> = record["cases"]
            .as_array()
            .expect("it has cases")
            .iter()
            .filter(|case| case["standing"] == "known")
            .collect();
        assert!(!known.is_empty() && known.iter().all(|case| case["verdict"] == "expected_failure"));
        assert!(
            known
                .iter()
                .all(|case| case["found"] == "fail" && case["findings"][0]["exchange"]["sent"]["url"].is_string())
        );
        assert_eq!(report.matches("<skipped").count(), known.len());
        assert!(report.contains("issue 7") && !report.contains("<failure"), "{report}");
    }
}

/// A record is shown to others.
#[test]
fn no_report_names_a_folder_of_the_machine() {
    let (workplace, served) = with_baseline();
    let folder = workplace.path("");
    let folder = folder.to_str().expect("it is text").trim_end_matches('/');
    workplace.file("own.json", &suite("must", GOOD_PUT));
    let own = format!("run {folder}/own.json --report json=own-run.json --report junit=own.xml --report html=own.html");
    let outcome = workplace.run_against(&served, &own);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    run(&workplace, &served, &format!("--baseline {folder}/known.json"));
    for report in ["own-run.json", "own.xml", "own.html", "run.json", "run.xml"] {
        assert!(!workplace.read(report).contains(folder), "{report} names {folder}");
    }
    let record: Value = serde_json::from_str(&workplace.read("run.json")).expect("it is JSON");
    assert_eq!(record["baseline"]["file"], "known.json");
    assert_eq!(record["baseline"]["digest"].as_str().map(str::len), Some(64));
}

#[test]
fn news_fails_the_run_and_is_told_apart() {
    let (workplace, _) = with_baseline();
    let worse = Served::start_with(&workplace, "--fault etag-md5 --fault head-other-etag");
    let (outcome, record, report) = run(&workplace, &worse, "");
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert!(outcome.out.contains("(new)") && outcome.out.contains("\n  new: etag/"), "{}", outcome.out);
    let news =
        record["cases"].as_array().expect("it has cases").iter().filter(|case| case["standing"] == "new").count();
    assert!(news > 0 && report.matches("<failure").count() == news, "{report}");
}

#[test]
fn what_is_fixed_is_told_and_fails_where_the_baseline_is_strict() {
    let (workplace, _) = with_baseline();
    let mended = Served::start(&workplace);
    let (outcome, _, report) = run(&workplace, &mended, "");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert!(outcome.out.contains("fixed: etag/"), "{}", outcome.out);
    assert!(!report.contains("<failure"));

    let (strict, _, report) = run(&workplace, &mended, "--strict-baseline");
    assert_eq!(strict.code, Some(1), "{strict:#?}");
    assert!(report.contains("<failure") && report.contains("issue 7"), "{report}");
}

#[test]
fn a_capability_that_is_missing_all_of_a_sudden_fails_a_strict_run_only() {
    let workplace = Workplace::new();
    // Something has to be judged.
    let other = suite("must", GOOD_PUT).replace(r#""id": "test""#, r#""id": "other""#);
    workplace.file("needing.json", &suite_needing("must", LACKING));
    workplace.file("other.json", &other);
    workplace
        .file("known.json", r#"{"format": "ssecheck-baseline/1", "about": "a", "profile": "portable", "known": []}"#);
    let words = "run needing.json other.json --baseline known.json --report junit=run.xml";
    let outcome = workplace.run(words);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert!(outcome.out.contains("new: test/one"), "{}", outcome.out);
    assert_eq!(workplace.read("run.xml").matches("<failure").count(), 0);
    let strict = workplace.run(&format!("{words} --strict-baseline"));
    assert_eq!(strict.code, Some(1), "{strict:#?}");
    assert_eq!(workplace.read("run.xml").matches("<failure").count(), 1);
}

#[test]
fn a_group_without_a_reason_is_refused_with_its_place() {
    let (workplace, served) = with_baseline();
    let refused = workplace.run_against(&served, "run --only etag/part --baseline open.json");
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    assert!(refused.err.contains("an entry needs a reason") && refused.err.contains("open.json:7:"), "{}", refused.err);
}

#[test]
fn a_baseline_made_anew_keeps_its_reasons_and_drops_what_is_fixed() {
    let (workplace, served) = with_baseline();
    let (_, _, _) = run(&workplace, &served, "");
    let kept = workplace.run("baseline run.json --keep known.json");
    assert!(kept.out.contains("issue 7") && !kept.out.contains(r#""reason": """#), "{}", kept.out);
    let mended = Served::start(&workplace);
    let (_, _, _) = run(&workplace, &mended, "");
    let dropped = workplace.run("baseline run.json --keep known.json");
    assert!(dropped.out.contains(r#""known": []"#), "{}", dropped.out);
}

const ENTRY: &str = r#"{"format": "ssecheck-baseline/1", "about": "a", "profile": "portable",
 "known": [{"reason": "r", "rules": ["etag-not-md5"], "cases": {"fail": ["etag/not-md5"]}}]}"#;

#[rstest]
#[case::no_json("{", "known.json:1:")]
#[case::unknown_member(&ENTRY.replace("reason", "raeson"), "raeson")]
#[case::another_format(&ENTRY.replace("baseline/1", "baseline/9"), "this ssecheck reads `ssecheck-baseline/1`")]
#[case::another_profile(&ENTRY.replace("portable", "aws"), "of profile `aws`")]
#[case::no_reason(&ENTRY.replace(r#""r","#, r#"" ","#), "an entry needs a reason")]
#[case::no_rule(&ENTRY.replace("etag-not-md5\"]", "etag-not-md6\"]"), "did you mean `etag-not-md5`?")]
#[case::no_case(&ENTRY.replace("etag/not-md5", "etag/not-md6"), "there is no case `etag/not-md6`")]
#[case::no_suite(&ENTRY.replace("etag/not-md5", "etga/not-md5"), "there is no case `etga/not-md5`")]
#[case::twice(&ENTRY.replace(r#"["etag/not-md5"]}"#, r#"["etag/not-md5"], "blocked": ["etag/not-md5[head]"]}"#), "stands twice")]
#[case::no_failure(&ENTRY.replace(r#"{"fail""#, r#"{"pass""#), "`pass` is no failure")]
#[case::no_verdict(&ENTRY.replace(r#"{"fail""#, r#"{"red""#), "red")]
#[case::nothing(&ENTRY.replace(r#"["etag/not-md5"]"#, "[]"), "an entry needs `cases`")]
#[case::doubled(&ENTRY.replace(r#""about""#, r#""about": "b", "about""#), "about")]
fn a_baseline_with_a_mistake_stops_the_run(#[case] baseline: &str, #[case] told: &str) {
    let workplace = Workplace::new();
    workplace.file("known.json", baseline);
    let outcome = workplace.run("run --only etag/part --baseline known.json");
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains(told) && outcome.err.contains("known.json"), "{}", outcome.err);
}

#[test]
fn runs_are_compared_case_by_case_and_rule_by_rule() {
    let (workplace, _) = with_baseline();
    std::fs::rename(workplace.path("run.json"), workplace.path("broken.json")).expect("it is there");
    assert_eq!(workplace.run(RUN).code, Some(0));
    let same = workplace.run("diff run.json run.json");
    assert_eq!(same.code, Some(0), "{same:#?}");
    let worse = workplace.run("diff run.json broken.json");
    assert_eq!(worse.code, Some(1), "{worse:#?}");
    for told in ["worse (", "pass → fail for etag-not-md5", "etag-not-md5: kept (", ") → broken (", " 0 better"] {
        assert!(worse.out.contains(told), "{told}: {}", worse.out);
    }
    let better: Value =
        serde_json::from_str(&workplace.run("diff broken.json run.json --format json").out).expect("it is JSON");
    assert!(
        better["cases"].as_array().expect("a list").iter().all(|change| change["direction"] == "better"),
        "{better}"
    );
    let table = workplace.run("compare mended=run.json broken.json");
    assert_eq!(table.code, Some(0), "{table:#?}");
    assert!(table.out.starts_with("| rules | mended | ssecheck-reference/0.1.0 |"), "{}", table.out);
}

#[rstest]
#[case::not_there(None, "cannot read run.json")]
#[case::no_json(Some("{"), "line 1")]
#[case::no_record(Some(r#"{"format": "ssecheck-run/2"}"#), "missing field")]
#[case::another_format(
    Some(r#"{"format": "ssecheck-run/9"}"#),
    "this ssecheck reads `ssecheck-run/4`, `ssecheck-run/3` and `ssecheck-run/2`"
)]
#[case::hostile(Some("{\"format\": \"\\u001b[2J\"}"), "\\u{1b}[2J")]
fn a_record_that_cannot_be_read_is_told(#[case] text: Option<&str>, #[case] told: &str) {
    let workplace = Workplace::new();
    if let Some(text) = text {
        workplace.file("run.json", text);
    }
    for words in ["diff run.json run.json", "baseline run.json", "compare run.json"] {
        let outcome = workplace.run(words);
        assert_eq!(outcome.code, Some(2), "{outcome:#?}");
        assert!(outcome.err.contains(told) && outcome.err.contains("run.json"), "{}", outcome.err);
    }
}
