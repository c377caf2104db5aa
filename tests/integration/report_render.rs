//! `ssecheck report render`, by the built binary.

use crate::common::{GOOD_PUT, Served, Workplace, suite};
use rstest::rstest;
use ssecheck::report::RunFormat;

#[test]
fn reports_of_a_record_are_those_that_the_run_wrote() {
    let workplace = Workplace::new();
    let served = Served::start_with(&workplace, "--fault etag-md5 --fault wrong-key-reads");
    let targets = |folder: &str| -> String {
        RunFormat::ALL.iter().map(|(name, _)| format!(" --report {name}={folder}/{name}")).collect()
    };
    let run = format!("run --only etag/ --only copy/ --only key-mismatch/{}", targets("run"));
    let outcome = workplace.run_against(&served, &run);
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let outcome = workplace.run(&format!("report render run/json{}", targets("rendered")));
    assert_eq!((outcome.code, outcome.out.as_str()), (Some(0), ""), "{outcome:#?}");
    assert!(outcome.err.contains("not signed"), "{}", outcome.err);
    for (name, _) in RunFormat::ALL {
        let [run, rendered] = ["run", "rendered"].map(|folder| workplace.read(&format!("{folder}/{name}")));
        assert!(run.len() > 300, "{name}: {run}");
        assert!(run == rendered, "{name} differs");
    }
}

/// Of an endpoint that refuses ListParts without the key, all reports of a case that looks at the parts name the case that fails for
/// that, with its rule, and not the rule that the case would test.
#[test]
fn a_blocked_case_names_the_case_that_explains_it() {
    let workplace = Workplace::new();
    let served = Served::start_with(&workplace, "--fault list-parts-needs-key");
    let words = "run --only multipart/list-parts --only multipart/refused-part --report json=run.json \
        --report junit=run.xml --report markdown=run.md --report github=run.txt --report tap=run.tap";
    let outcome = workplace.run_against(&served, words);
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let (_, blocked) = outcome.out.split_once("BLOCKED [must] multipart/refused-part").expect("it is blocked");
    let (blocked, _) = blocked.split_once("FAIL [must]").expect("another case fails");
    let reports = ["run.json", "run.xml", "run.md", "run.txt", "run.tap"].map(|name| workplace.read(name));
    let explained = "explained by: multipart/list-parts";
    for told in ["step `list` (ListParts)", "got 400", explained, "rule list-parts-plaintext", "how to fix"] {
        assert!(blocked.contains(told), "{told}: {blocked}");
    }
    assert!(!blocked.contains("rule refused-part-not-kept"), "{blocked}");
    for report in reports {
        let (_, blocked) = report.split_once("multipart/refused-part").unwrap_or((&report, &report));
        assert!(
            blocked.contains("multipart/list-parts") || report.contains("explained by multipart/list-parts"),
            "{report}"
        );
        assert!(report.contains("step `list` (ListParts)"), "{report}");
    }
}

#[test]
fn without_a_format_it_is_a_page() {
    let workplace = Workplace::new();
    workplace.file("one.json", &suite("must", GOOD_PUT));
    assert_eq!(workplace.run("run one.json --report json=run.json").code, Some(0));
    assert_eq!(workplace.run("report render run.json").code, Some(0));
    let page = workplace.read("reports/report.html");
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(page.contains(": passed, of 1 case; limited – ssecheck</title>"));
    let printed = workplace.run("report render run.json --report html=-");
    assert!(printed.out == page, "what is printed differs");
}

#[rstest]
#[case::missing("report render no.json", "cannot read no.json")]
#[case::no_record("report render text.json", "text.json is no record of a run")]
#[case::of_another_format("report render old.json", "`ssecheck-run/1`")]
#[case::unwritable("report render run.json --report html=text.json/page.html", "cannot write the report")]
#[case::unknown_format("report render run.json --report pdf", "the formats are junit")]
#[case::no_command("report", "render")]
fn what_cannot_be_rendered_is_told(#[case] words: &str, #[case] told: &str) {
    let workplace = Workplace::new();
    workplace.file("text.json", "text");
    workplace.file("old.json", r#"{"format": "ssecheck-run/1"}"#);
    workplace.file("one.json", &suite("must", GOOD_PUT));
    assert_eq!(workplace.run("run one.json --report json=run.json").code, Some(0));
    let outcome = workplace.run(words);
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains(told), "{}", outcome.err);
}
