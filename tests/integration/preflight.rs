//! What a run says of an endpoint that refuses, ignores or cannot see SSE-C: one sentence, first and last, and few lines besides; and of
//! one whose cases come to another verdict when they are run again.

use rstest::rstest;
use serde_json::Value;

use crate::common::rogue_proxy::{Habit, RogueProxy};
use crate::common::{Outcome, Served, Workplace};

/// Runs all built-in suites against the reference endpoint behind a proxy.
fn run_behind(habit: Habit, words: &str) -> (Workplace, Outcome) {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    let proxy = RogueProxy::before(&workplace, &served, habit);
    let mut command = workplace.command(&format!("run --jobs 8 --report json=run.json {words}"));
    command.envs(&served.settings).env("SSECHECK_ENDPOINT", &proxy.url).env("AWS_CA_BUNDLE", &proxy.ca);
    let outcome = Outcome::of(command.output().expect("the binary starts"));
    (workplace, outcome)
}

#[rstest]
#[case::every_request(Habit::RefusesKeys, "refuses every SSE-C request", "501")]
#[case::for_want_of_tls(Habit::EndsTls, "TLS ends at a proxy in front of the", "secure connection")]
#[case::without_saying_why(Habit::RefusesKeysWithoutWord, "it looks as if TLS ends at a proxy", "400 InvalidRequest")]
fn an_endpoint_that_refuses_sse_c_cannot_be_tested(#[case] habit: Habit, #[case] says: &str, #[case] response: &str) {
    let (_, outcome) = run_behind(habit, "");
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
    assert!(outcome.err.contains(says) && outcome.err.contains(response), "{outcome:#?}");
    let lines = outcome.out.lines().chain(outcome.err.lines()).count();
    assert!(lines <= 60, "{lines} lines");
}

#[test]
fn an_endpoint_that_refuses_sse_c_is_asked_all_the_same() {
    let (workplace, outcome) = run_behind(Habit::RefusesKeys, "--all --only key-mismatch/wrong-key");
    let record: Value = serde_json::from_str(&workplace.read("run.json")).expect("the record is JSON");
    assert_eq!(record["support"], "refuses", "{outcome:#?}");
    assert!(record["cases"].as_array().expect("it has cases").iter().all(|case| case["verdict"] == "blocked"));
}

#[rstest]
#[case::ignored("sse-c-ignored", "ignores", "The endpoint ignores SSE-C")]
fn an_endpoint_that_gives_all_objects_away_fails_in_few_lines(
    #[case] fault: &str,
    #[case] support: &str,
    #[case] sentence: &str,
) {
    let workplace = Workplace::new();
    let served = Served::start_with(&workplace, &format!("--fault {fault}"));
    let outcome = workplace.run_against(&served, "run --reference --report json=run.json");
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let lines: Vec<&str> = outcome.out.lines().chain(outcome.err.lines()).collect();
    assert!(lines.len() <= 60, "{} lines", lines.len());
    assert!(lines[1].starts_with(sentence) && lines[lines.len() - 1].starts_with(sentence), "{outcome:#?}");
    let record: Value = serde_json::from_str(&workplace.read("run.json")).expect("the record is JSON");
    assert_eq!(record["support"], support);
    let levels = record["certification"].as_array().expect("it has levels");
    assert!(levels.iter().all(|level| level["why_not"].is_array()), "{levels:?}");
}

#[rstest]
#[case::not_run_again("", 3, "blocked", &[])]
#[case::run_again("--retries 2", 1, "inconsistent", &["blocked", "pass"])]
fn no_retry_hides_what_came_first(
    #[case] retries: &str,
    #[case] code: i32,
    #[case] verdict: &str,
    #[case] attempts: &[&str],
) {
    let words = format!("--only key-mismatch/wrong-key[text,get] --evidence evidence --report junit=run.xml {retries}");
    let (workplace, outcome) = run_behind(Habit::FirstAttemptFails, &words);
    assert_eq!(outcome.code, Some(code), "{outcome:#?}");
    for words in ["", "judge evidence --only key-mismatch/wrong-key[text,get] --report json=run.json"] {
        if !words.is_empty() {
            workplace.run(words);
        }
        let record: Value = serde_json::from_str(&workplace.read("run.json")).expect("the record is JSON");
        let case = &record["cases"][0];
        assert_eq!((&case["verdict"], &case["found"]), (&Value::from(verdict), &Value::from(verdict)), "{words}");
        let told = case["attempts"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert_eq!(told, attempts, "{words}");
    }
    let manifest: Value = serde_json::from_str(&workplace.read("evidence/evidence.json")).expect("it is JSON");
    let retries = manifest["sent_again"]["retries"].as_u64().unwrap_or(0);
    assert_eq!(retries, attempts.len().saturating_sub(1) as u64);
    let failures = workplace.read("run.xml").matches("<failure").count();
    assert_eq!(failures, usize::from(code == 1));
}
