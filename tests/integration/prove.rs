//! `ssecheck prove` and `ssecheck serve --fault`, by the built binary.

use crate::common::{Outcome, Served, Workplace, suite};
use rstest::rstest;
use serde_json::Value;

#[rstest]
#[case::all_as_recorded(
    "--fault md5-compared-by-prefix --only malformed-keys/put[md5",
    0,
    "1 caught, 0 survived, 0 problems"
)]
#[case::a_body_of_head_is_seen("--fault head-error-with-body --only refusals/head-body", 0, "1 caught")]
#[case::not_met(
    "--fault put-echo-missing --only key-mismatch/no-key[text,get]",
    0,
    "0 caught, 1 not met by these cases, 0 survived"
)]
#[case::wording("--fault other-messages --only malformed-keys/put-md5-absent", 0, "1 caught")]
#[case::blocked_on_the_bucket("--fault everything-refused-403 --only etag/format", 0, "run stopped: SSE-C blocked")]
#[case::server_errors("--fault refusals-as-500 --only key-mismatch/wrong-key[text", 0, "1 caught")]
#[case::later("--fault refusals-as-503 --only key-mismatch/wrong-key[text", 0, "cannot be tested")]
fn faults_are_caught_by_the_built_in_suites(#[case] words: &str, #[case] code: i32, #[case] told: &str) {
    let outcome = Workplace::new().run(&format!("prove {words}"));
    assert_eq!(outcome.code, Some(code), "{outcome:#?}");
    assert!(outcome.out.contains(told), "{}", outcome.out);
}

/// What is left out as it can make no difference makes none.
#[rstest]
#[case::of_reads("wrong-key-reads", "key-mismatch")]
#[case::of_answers("head-refused-with-404", "refusals")]
#[ignore = "minutes without optimisation"]
#[case::of_the_signature("doubled-header-taken", "malformed")]
#[case::of_settings("block-passed-over", "block")]
#[ignore = "minutes without optimisation"]
#[case::of_what_was_there_before("plain-overwrite-asks-former-key", "consistency")]
#[case::of_spelling("header-names-in-lower-case-only", "http")]
fn cases_that_give_a_fault_no_occasion_come_out_as_without_it(#[case] fault: &str, #[case] only: &str) {
    let proof = |more: &str| {
        let workplace = Workplace::new();
        workplace.run(&format!("prove --fault {fault} --only {only} --report json=proof.json {more}"));
        let mut proof: Value = serde_json::from_str(&workplace.read("proof.json")).expect("the report is JSON");
        let runs = proof["faults"].as_array_mut().expect("it has runs");
        runs.iter_mut().for_each(|run| run["seconds"] = Value::Null);
        proof["faults"].clone()
    };
    assert_eq!(proof(""), proof("--every-case"));
}

#[rstest]
#[case::unknown_fault("prove --fault md5-not-compard", "`md5-not-compared`")]
#[case::unknown_predicate("prove --fault no-key-reads[framd]", "`framed`")]
#[case::unknown_predicate_served("serve --fault no-key-reads[framd]", "`framed`")]
#[case::mixed("prove --fault no-key-reads --fault no-key-reads[framed]", "in two runs")]
#[case::two_kinds("prove --generated --fault no-key-reads", "cannot be used with")]
#[case::unknown_fault_served("serve --fault md5-not-compard", "`md5-not-compared`")]
#[case::nothing_selected("prove --only no-such-case", "no case")]
#[case::other_report("prove --report html=x", "json, matrix")]
#[case::part_of_the_record("prove --only etag --report matrix=x", "leave out --fault, --generated and --only")]
fn mistakes_are_told(#[case] words: &str, #[case] told: &str) {
    let outcome = Workplace::new().run(words);
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains(told), "{}", outcome.err);
}

#[test]
fn the_faults_are_listed() {
    let outcome = Workplace::new().run("prove --list");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert!(outcome.out.lines().count() > 60 && outcome.out.contains("head-with-wrong-key"), "{}", outcome.out);
    assert!(outcome.out.contains("size>=N") && outcome.out.contains("one-of=N"), "{}", outcome.out);
}

/// A suite of one scenario about `put-echoes`.
fn proof_of(steps: &str, words: &str) -> (Outcome, Value) {
    let workplace = Workplace::new();
    workplace.file("own.json", &suite("must", steps));
    let outcome = workplace.run(&format!("prove own.json --report json=proof.json {words}"));
    let report = serde_json::from_str(&workplace.read("proof.json")).expect("the report is JSON");
    (outcome, report)
}

/// Looks at the echo, once a read without the key has shown that there are SSE-C objects at all.
const ECHO: &str = r#"
    {"id": "guarded", "setup": true, "request": {"operation": "PutObject", "object": "g", "body": "data", "sse_c": {"key": "K"}}},
    {"id": "guard", "setup": true, "request": {"operation": "GetObject", "object": "g"}, "expect": {"refused": true}},
    {"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}}, "needs": {"status": ["200"]}, "expect": {"echo": "K"}}"#;

#[test]
fn a_suite_of_one_s_own_is_proven_by_the_faults_that_it_catches() {
    let (outcome, report) = proof_of(ECHO, "");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert_eq!(report["proven"], true);
    let faults = report["faults"].as_array().expect("it lists runs");
    let caught: Vec<&str> = faults
        .iter()
        .filter(|run| run["not_passed"]["fail"].as_array().is_some_and(|failed| !failed.is_empty()))
        .map(|run| run["fault"]["id"].as_str().expect("it has an id"))
        .collect();
    // The guard shows reads without the key, and the put a key in its response.
    let of_any_step = ["sse-c-ignored", "no-key-reads", "key-in-header-of-put"];
    let of_the_echo: Vec<&str> = caught.iter().copied().filter(|fault| !of_any_step.contains(fault)).collect();
    assert_eq!(of_the_echo, ["put-echo-missing", "echo-md5-in-hex", "echo-algorithm-missing"]);
    assert_eq!(caught.len(), of_the_echo.len() + of_any_step.len());
}

#[rstest]
#[case::caught("put-echo-missing[size<=9]", 0, "1 caught (100 %)")]
#[case::too_small("put-echo-missing[size<=8]", 1, "1 not triggered")]
#[case::unasked(
    "put-echo-missing[form]",
    1,
    "not triggered: no case asks for what it changes\n  put-echo-missing[form]"
)]
fn of_a_narrowed_fault_it_is_said_whether_it_is_caught(#[case] fault: &str, #[case] code: i32, #[case] told: &str) {
    let (outcome, report) = proof_of(ECHO, &format!("--fault {fault}"));
    assert_eq!(outcome.code, Some(code), "{outcome:#?}");
    assert!(outcome.out.contains(told), "{}", outcome.out);
    assert_eq!(report["total"], 1);
}

/// Writes an SSE-C object with metadata twice, reads it without the key and twice with it, and looks at the ETag of each read.
const ETAG: &str = r#"
    {"id": "first", "setup": true, "request": {"operation": "PutObject", "object": "o", "body": "data", "sse_c": {"key": "K"}}},
    {"id": "put", "setup": true, "request": {"operation": "PutObject", "object": "o", "body": "data", "sse_c": {"key": "K"}, "headers": {"x-amz-meta-a": {"value": "b"}}}},
    {"id": "guard", "setup": true, "request": {"operation": "GetObject", "object": "o"}, "expect": {"refused": true}},
    {"id": "get", "request": {"operation": "GetObject", "object": "o", "sse_c": {"key": "K"}}, "needs": {"status": ["200"]}, "expect": {"etag": {"same_as": "put"}}},
    {"id": "again", "request": {"operation": "GetObject", "object": "o", "sse_c": {"key": "K"}}, "needs": {"status": ["200"]}, "expect": {"etag": {"same_as": "put"}}}"#;

/// What the predicates say of an object and the requests for it, by whether a fault that they narrow shows.
#[test]
fn predicates_hold_of_what_they_speak_of() {
    let (holds, does_not) = (
        [
            "sse-c",
            "overwrote",
            "with-metadata",
            "made-by=PutObject",
            "size=9",
            "size<=16",
            "size%3",
            "parts=1",
            "newest",
            "versions=1",
            "operation=GetObject",
            "key=right",
            "key-shares-first>=32",
            "read-before",
            "!read-before",
            "one-of=2",
            "name-length>=1",
            "age>=0",
            "!framed",
            "!plain-http",
        ],
        [
            "framed",
            "made-by=CopyObject",
            "made-presigned",
            "with-tags",
            "with-checksum",
            "conditional-write",
            "in-place",
            "from-sse-c",
            "made-anew",
            "size>=10",
            "size%2",
            "parts>=2",
            "multipart",
            "versioned",
            "suspended",
            "range",
            "version-id",
            "presigned",
            "form",
            "conditional",
            "key=missing",
            "one-of=4",
            "age>=1000s",
            "default-encrypted",
            "read-before,one-of=2",
        ],
    );
    let faults = |predicates: &[&str]| {
        predicates.iter().map(|one| format!(" --fault get-other-etag[{one}]")).collect::<String>()
    };
    let (_, report) = proof_of(ETAG, &(faults(&holds) + &faults(&does_not)));
    let caught: Vec<String> = holds.iter().map(|one| format!("get-other-etag[{one}]")).collect();
    assert_eq!(report["caught"], serde_json::json!(caught), "{report:#}");
    assert_eq!(report["not_triggered"].as_array().map(Vec::len), Some(does_not.len() - 1), "{report:#}");
    // What is run because its time is not known beforehand comes out as without it.
    assert_eq!(report["escaped"], serde_json::json!(["get-other-etag[age>=1000s]"]), "{report:#}");
}

#[test]
fn what_escapes_of_generated_faults_is_listed() {
    let (outcome, report) = proof_of(ECHO, "--generated");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let of = |group: &str| {
        let listed = report[group].as_array().expect("it is a list");
        listed.iter().map(|id| id.as_str().expect("it is an id").to_owned()).collect::<Vec<_>>()
    };
    assert!(
        of("caught")
            .contains(&"PutObject: x-amz-server-side-encryption-customer-key-md5 missing in the response".to_owned())
    );
    assert!(of("escaped").contains(&"PutObject: etag missing in the response".to_owned()));
    assert!(of("not_triggered").contains(&"UploadPart: byte 0 changed".to_owned()));
    let listed: usize = ["caught", "noticed", "escaped", "not_triggered"].iter().map(|group| of(group).len()).sum();
    assert_eq!(report["total"], listed);
    assert!(outcome.out.contains("escaped: all cases come out as without it\n"), "{}", outcome.out);
}

#[test]
fn a_check_without_teeth_is_unproven() {
    let toothless = r#"{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}}, "needs": {"status": ["2xx"]}, "expect": {"status": ["2xx"]}}"#;
    let (outcome, report) = proof_of(toothless, "");
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert!(outcome.out.contains("unproven: no fault that breaks put-echoes makes test/one fail"), "{}", outcome.out);
    assert_eq!(report["problems"][0]["kind"], "unproven");
}

#[test]
fn an_accusation_of_an_innocent_rule_is_told() {
    // It looks at the ETag, and cites the rule about echoes.
    let beside = r#"{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}}, "needs": {"status": ["200"]}, "expect": {"etag": {"format": "hex32"}}}"#;
    let (outcome, report) = proof_of(beside, "--fault etag-uuid");
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert!(outcome.out.contains("ACCUSES INNOCENT RULES"), "{}", outcome.out);
    assert_eq!(report["problems"][0]["kind"], "innocent-accused");
}

#[test]
fn a_served_fault_is_found_by_a_run() {
    let workplace = Workplace::new();
    let served = Served::start_with(&workplace, "--fault wrong-key-reads");
    let outcome = workplace.run_against(&served, "run --only key-mismatch/wrong-key[text");
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert!(outcome.out.contains("FAIL [must] key-mismatch/wrong-key[text,get]"), "{}", outcome.out);
    assert!(outcome.out.contains("1 fail"), "{}", outcome.out);
}

/// Whatever document its rule rests on: garbage that comes back, and a key that is given back, fail a run and reach no level.
#[rstest]
#[ignore = "a whole run"]
#[case::garbage_from_the_second_part("later-parts-garbled", "corruption")]
#[ignore = "a whole run"]
#[case::ranges_of_several_parts("range-across-parts", "corruption")]
#[ignore = "a whole run"]
#[case::parts_of_one_size("parts-taken-for-equal", "corruption")]
#[ignore = "a whole run"]
#[case::ranges_a_block_early("range-block-early", "corruption")]
#[ignore = "a whole run"]
#[case::the_key_in_a_response("key-in-header-of-reads", "disclosure")]
fn harm_to_data_reaches_no_level(#[case] fault: &str, #[case] harm: &str) {
    let workplace = Workplace::new();
    let served = Served::start_with(&workplace, &format!("--fault {fault}"));
    let outcome = workplace.run_against(&served, "run");
    assert_eq!(outcome.code, Some(1), "{}", outcome.out);
    for told in ["failures by harm: ", harm, "core not reached", "extended not reached", "full not reached"] {
        assert!(outcome.out.contains(told), "{told}: {}", outcome.out);
    }
}

#[test]
fn a_key_given_back_is_told_by_its_own_rule_and_not_shown() {
    let workplace = Workplace::new();
    let served = Served::start_with(&workplace, "--fault key-in-header-of-put");
    let outcome = workplace.run_against(&served, "run --only refusals/key-in-put-answer");
    assert!(outcome.out.contains("rule customer-key-never-returned"), "{}", outcome.out);
    assert!(
        outcome.out.contains("x-amz-server-side-encryption-customer-key: [redacted customer key]"),
        "{}",
        outcome.out
    );
}
