//! Each exit code of `run`, by the built binary.

use std::net::TcpListener;
use std::process::Stdio;

use crate::common::{GOOD_PUT, LACKING, Outcome, Served, Workplace, interrupted_midway, send, suite, suite_needing};
use rstest::rstest;

const WRONG_STATUS: &str = r#"{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}}, "expect": {"status": ["418"]}, "control": {"request": {}}}"#;
const FAILING_CONTROL: &str = r#"{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K", "algorithm": {"value": "KMS"}}}, "expect": {"refused": true}, "control": {"request": {"sse_c": {"key": "K", "algorithm": {"value": "DES"}}}}}"#;
const PLAIN: &str = r#"{"id": "put", "request": {"operation": "PutObject", "scheme": "plain", "body": "data", "sse_c": {"key": "K"}}, "expect": {"refused": true}, "control": {"request": {"scheme": "tls"}}}"#;
const NO_SUCH_OBJECT: &str = r#"{"id": "get", "setup": true, "request": {"operation": "GetObject"}}, {"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}}}"#;
const UNCLEAR: &str = r#"{"id": "ask", "probe": true, "request": {"operation": "GetObject"}}"#;

#[rstest]
#[case::passed("must", GOOD_PUT, 0, "1 pass")]
#[case::failed("must", WRONG_STATUS, 1, "1 fail")]
#[case::failed_but_not_required("should", WRONG_STATUS, 0, "1 fail")]
#[case::inconclusive("must", FAILING_CONTROL, 3, "1 inconclusive")]
#[case::inconclusive_and_nothing_judged("may", FAILING_CONTROL, 3, "1 inconclusive")]
#[case::blocked("must", NO_SUCH_OBJECT, 3, "1 blocked")]
fn verdicts_decide(#[case] level: &str, #[case] steps: &str, #[case] code: i32, #[case] counted: &str) {
    let workplace = Workplace::new();
    workplace.file("one.json", &suite(level, steps));
    let outcome = workplace.run("run one.json");
    assert_eq!(outcome.code, Some(code), "{outcome:#?}");
    assert!(outcome.out.contains(counted), "{}", outcome.out);
}

#[rstest]
#[case::nothing_judged(LACKING, "1 not supported")]
#[case::neither_there_nor_lacking(UNCLEAR, "1 error")]
fn a_probe_that_does_not_come_out_decides(#[case] probe: &str, #[case] counted: &str) {
    let workplace = Workplace::new();
    workplace.file("one.json", &suite_needing("must", probe));
    let outcome = workplace.run("run one.json");
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
    assert!(outcome.out.contains(counted), "{}", outcome.out);
}

#[rstest]
#[case::unknown_flag("run --no-such-flag", "--no-such-flag")]
#[case::no_command("", "Usage")]
#[case::endpoint_without_tls("run --endpoint http://localhost:1", "--plain-endpoint")]
#[case::no_credentials("run --endpoint https://localhost:1", "access keys")]
#[case::no_such_suite("run no-such-folder", "no-such-folder")]
#[case::no_such_profile("run --profile portabel", "did you mean `portable`?")]
#[case::nothing_selected("run --only no-such-case", "no case")]
#[case::other_report("run --report pdf=x", "junit, json")]
#[case::report_in_a_file("run --report junit=taken/junit.xml", "taken/junit.xml")]
fn mistakes_are_found_before_anything_is_sent(#[case] words: &str, #[case] told: &str) {
    let workplace = Workplace::new();
    workplace.file("taken", "a file where a folder should be");
    let outcome = workplace.run(words);
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains(told), "{}", outcome.err);
}

#[test]
fn a_probe_outside_a_capability_is_refused_with_its_place_and_what_to_do() {
    let workplace = Workplace::new();
    workplace.file("one.json", &suite("must", &format!("\n{LACKING}, {GOOD_PUT}")));
    for command in ["run one.json", "validate one.json"] {
        let outcome = workplace.run(command);
        assert_eq!(outcome.code, Some(2), "{outcome:#?}");
        for told in ["one.json:3:", "only the scenario of a capability has probes", "`requires`"] {
            assert!(outcome.err.contains(told), "{told}: {}", outcome.err);
        }
    }
}

#[test]
fn all_mistakes_of_a_suite_are_shown_with_their_places() {
    let workplace = Workplace::new();
    let text = suite("must", GOOD_PUT).replace("PutObject", "PutObjct").replace("\"why\"", "\"wy\"");
    workplace.file("one.json", &text);
    for command in ["run one.json", "validate one.json"] {
        let outcome = workplace.run(command);
        assert_eq!(outcome.code, Some(2));
        for told in ["one.json:2:", "did you mean `PutObject`?", "unknown member `wy`"] {
            assert!(outcome.err.contains(told), "{told}: {}", outcome.err);
        }
    }
}

/// A file with an unknown operation, and four more mistakes in other parts of it, of which one follows from another: the key that is
/// not used was meant where the unknown one stands. Another file with a mistake, and a capability that nobody declares.
#[test]
fn what_follows_from_other_mistakes_is_not_shown() {
    let workplace = Workplace::new();
    let scenario = |id: &str, rule: &str, steps: &str| {
        format!(
            r#"{{"id": "{id}", "title": "t", "why": "w", "level": "must", "rules": ["{rule}"], "steps": [{steps}]}}"#
        )
    };
    let put = |step: &str, operation: &str, body: &str, key: &str| {
        format!(
            r#"{{"id": "{step}", "request": {{"operation": "{operation}", "body": "{body}", "sse_c": {{"key": "{key}"}}}}}}"#
        )
    };
    let scenarios = [
        scenario("operation", "put-echoes", &put("put", "PutObjct", "data", "K")),
        scenario("key", "put-echoes", &put("put", "PutObject", "data", "secnd")),
        scenario("body", "put-echoes", &put("put", "PutObject", "date", "K")),
        scenario("rule", "put-echos", &put("put", "PutObject", "data", "K")),
    ];
    let text = format!(
        r#"{{"id": "one", "title": "t", "about": "a", "keys": {{"K": {{}}, "second": {{}}}}, "bodies": {{"data": {{"text": "t"}}}}, "scenarios": [{}]}}"#,
        scenarios.join(",\n")
    );
    workplace.file("one.json", &text);
    workplace.file("two.json", &suite("mst", GOOD_PUT));
    let outcome = workplace.run("validate one.json two.json");
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    for told in [
        "\"PutObjct\" is not one of",
        "there is no customer key `secnd`",
        "there is no body `date`",
        "there is no rule `put-echos`",
        "one.json: 4 errors",
        "\"mst\" is not one of",
        "two.json: 1 error",
    ] {
        assert!(outcome.err.contains(told), "{told}: {}", outcome.err);
    }
    assert!(!outcome.err.contains("never used"), "{}", outcome.err);
}

/// Mistakes between files are shown together, too.
#[test]
fn all_mistakes_between_files_are_shown() {
    let workplace = Workplace::new();
    let text = suite("must", GOOD_PUT).replace("\"level\"", "\"requires\": [\"versoning\"], \"level\"");
    workplace.file("one.json", &text);
    workplace.file("two.json", &text);
    let outcome = workplace.run("validate one.json two.json");
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    for told in ["both have the suite id", "one.json: scenario", "two.json: scenario", "requires `versoning`"] {
        assert!(outcome.err.contains(told), "{told}: {}", outcome.err);
    }
}

fn cannot_be_tested(change: impl FnOnce(&mut Served), steps: &str, words: &str) -> Outcome {
    let workplace = Workplace::new();
    workplace.file("one.json", &suite("must", steps));
    let mut served = Served::start(&workplace);
    change(&mut served);
    let outcome = workplace.run_against(&served, words);
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
    outcome
}

#[test]
fn an_endpoint_that_is_not_there_cannot_be_tested() {
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free").port();
    let endpoint = format!("https://localhost:{port}");
    let outcome = cannot_be_tested(|s| s.with("SSECHECK_ENDPOINT", &endpoint), GOOD_PUT, "run one.json");
    assert!(outcome.err.contains("cannot be reached"), "{}", outcome.err);
}

#[test]
fn a_certificate_that_is_not_trusted_stops_the_run() {
    let outcome = cannot_be_tested(|s| s.without("AWS_CA_BUNDLE"), GOOD_PUT, "run one.json");
    assert!(outcome.err.contains("--ca-file"), "{}", outcome.err);
}

#[test]
fn refused_credentials_stop_the_run() {
    let outcome = cannot_be_tested(|s| s.with("AWS_SECRET_ACCESS_KEY", "wr0ng"), GOOD_PUT, "run one.json");
    assert!(outcome.err.contains("refuses the credentials") && !outcome.err.contains("wr0ng"), "{}", outcome.err);
}

#[test]
fn a_bucket_that_is_not_there_stops_the_run() {
    let outcome = cannot_be_tested(|_| {}, GOOD_PUT, "run one.json --bucket no-such-bucket");
    assert!(outcome.err.contains("no-such-bucket"), "{}", outcome.err);
}

#[test]
fn a_required_scenario_without_its_listener_leaves_the_run_incomplete() {
    let outcome = cannot_be_tested(|s| s.without("SSECHECK_PLAIN_ENDPOINT"), PLAIN, "run one.json");
    assert!(outcome.out.contains("--plain-endpoint"), "{}", outcome.out);
}

#[test]
fn an_interrupted_run_says_so() {
    let workplace = Workplace::new();
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let endpoint = format!("https://{}", silent.local_addr().expect("it is bound"));
    let mut command = workplace.command("run --connect-timeout 1");
    command.env("SSECHECK_ENDPOINT", endpoint).env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
    let child = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the binary starts");
    // It waits for a TLS handshake now.
    let _connection = silent.accept().expect("it connects");
    send("INT", child.id());
    let outcome = Outcome::of(child.wait_with_output().expect("it was started"));
    assert_eq!(outcome.code, Some(130), "{outcome:#?}");
    assert!(outcome.err.contains("interrupted before the first case"), "{}", outcome.err);
    // It has made nothing yet.
    assert!(!outcome.err.contains("could not be removed") && !outcome.err.contains("sweep"), "{}", outcome.err);
    let ledgers = workplace.path(".local/state/ssecheck/runs").read_dir().expect("there was a ledger").count();
    assert_eq!(ledgers, 0);
}

#[test]
fn a_run_interrupted_midway_cleans_up_and_reports() {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    let mut command = workplace.command("run --jobs 1");
    command.envs(&served.settings);
    let Outcome { code, out: rest, .. } = interrupted_midway(command);
    assert_eq!(code, Some(130), "{rest}");
    assert!(rest.contains("cases not run: the run was interrupted"), "{rest}");
    assert!(!rest.contains("Could not be removed"), "{rest}");
    assert!(workplace.read("reports/junit.xml").contains("<skipped"));
}

#[rstest]
#[case("INT")]
#[case("TERM")]
fn the_served_endpoint_can_be_tested_and_stops_when_told(#[case] signal: &str) {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    for addressing in ["path", "virtual"] {
        let words =
            format!("run --addressing {addressing} --request-timeout 300 --only round-trip/get --only plain-http");
        let outcome = workplace.run_against(&served, &words);
        assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    }
    assert_eq!(served.stop(signal), Some(0));
}

#[test]
fn two_endpoints_do_not_share_a_port() {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    let port = served.settings["SSECHECK_ENDPOINT"].rsplit(':').next().unwrap_or_default().trim_end_matches('/');
    let outcome = workplace.run(&format!("serve --plain-port 0 --port {port}"));
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains("choose another port, or 0 for any free one"), "{outcome:#?}");
}
