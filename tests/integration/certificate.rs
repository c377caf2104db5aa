//! `keygen`, `certify` and `verify`, by the built binary.

use std::process::Command;

use crate::common::{GOOD_PUT, LACKING, Outcome, Served, Workplace, interrupted_midway, suite, suite_needing};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use serde_json::{Value, json};

const VERIFY: &str = "verify certificate.json --public-key key.pem.pub";
const WITH_RECORD: &str = "verify certificate.json --public-key key.pem.pub --run certificate.run.json";

fn openssl(workplace: &Workplace, words: &str) -> Outcome {
    let mut command = Command::new("openssl");
    command.args(words.split_whitespace()).current_dir(workplace.path("."));
    Outcome::of(command.output().expect("openssl is there"))
}

/// A place with a pair of keys, `key.pem` and `key.pem.pub`.
fn with_keys() -> Workplace {
    let workplace = Workplace::new();
    let made = workplace.run("keygen --out key.pem");
    assert_eq!(made.code, Some(0), "{made:#?}");
    workplace
}

fn payload(workplace: &Workplace, name: &str) -> Vec<u8> {
    let envelope: Value = serde_json::from_str(&workplace.read(name)).expect("it is JSON");
    STANDARD.decode(envelope["payload"].as_str().expect("it has a payload")).expect("it is base64")
}

fn predicate(workplace: &Workplace) -> Value {
    let statement: Value = serde_json::from_slice(&payload(workplace, "certificate.json")).expect("it is JSON");
    statement["predicate"].clone()
}

fn verified(workplace: &Workplace, words: &str, code: i32) -> Value {
    let outcome = workplace.run(&format!("{words} --format json"));
    assert_eq!(outcome.code, Some(code), "{outcome:#?}");
    serde_json::from_str(&outcome.out).expect("it is JSON")
}

#[test]
fn keys_are_those_of_other_tools() {
    let workplace = with_keys();
    let told = workplace.run("keygen --out other.pem").out;
    let private = openssl(&workplace, "pkey -in other.pem -noout -text");
    assert!(private.code == Some(0) && private.out.contains("ED25519 Private-Key"), "{private:#?}");
    assert_eq!(openssl(&workplace, "pkey -in other.pem -pubout").out, workplace.read("other.pem.pub"));
    let digest = openssl(&workplace, "pkey -in other.pem -pubout -outform DER -out other.der");
    assert_eq!(digest.code, Some(0), "{digest:#?}");
    let id = openssl(&workplace, "dgst -sha256 -r other.der").out[..64].to_owned();
    assert!(told.contains(&id), "{told}, {id}");

    // And theirs are ours.
    assert_eq!(openssl(&workplace, "genpkey -algorithm ed25519 -out theirs.pem").code, Some(0));
    assert_eq!(openssl(&workplace, "pkey -in theirs.pem -pubout -out theirs.pem.pub").code, Some(0));
    let outcome = workplace.run("certify --key theirs.pem --reference --only round-trip/get[0]");
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let outcome = workplace.run("verify certificate.json --public-key theirs.pem.pub");
    assert!(outcome.out.contains("signed it, and nothing was changed since"), "{outcome:#?}");
}

#[test]
fn a_key_is_never_written_over() {
    let workplace = with_keys();
    let (private, public) = (workplace.read("key.pem"), workplace.read("key.pem.pub"));
    let outcome = workplace.run("keygen --out key.pem");
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains("--out"), "{}", outcome.err);
    assert_eq!((private, public), (workplace.read("key.pem"), workplace.read("key.pem.pub")));
}

#[rstest]
#[case::no_key("--only x", "--key")]
#[case::missing_key("--key missing.pem", "ssecheck keygen")]
#[case::public_key("--key key.pem.pub", "no Ed25519 private key")]
#[case::other_key("--key rsa.pem", "no Ed25519 private key")]
#[case::over_the_key("--key key.pem --out ./key.pem", "the certificate would be written over key.pem")]
#[case::over_the_public_key("--key key.pem --out key.pem.pub", "the certificate would be written over key.pem.pub")]
#[case::into_the_evidence(
    "--key key.pem --evidence e --out e/certificate.json",
    "the certificate would be written into the evidence e"
)]
#[case::over_the_evidence(
    "--key key.pem --out certificate.evidence --evidence certificate.evidence",
    "the certificate would be written into the evidence"
)]
#[case::report_into_the_evidence(
    "--key key.pem --report junit=certificate.evidence",
    "a report would be written into the evidence certificate.evidence"
)]
#[case::report_over_the_key("--key key.pem --report junit=key.pem", "a report would be written over key.pem")]
#[case::report_over_the_certificate("--key key.pem --report json=certificate.json", "a report would be written over")]
#[case::alike("--key key.pem --report json=a/run --report junit=b/run", "two reports are named run")]
#[case::out_in_a_file("--key key.pem --out taken/certificate.json", "taken/certificate.json")]
#[case::out_is_this_folder("--key key.pem --out .", "cannot write the certificate .:")]
#[case::out_is_a_folder("--key key.pem --out folder", "cannot write the certificate folder:")]
#[case::report_in_a_file("--key key.pem --report junit=taken/x", "taken/x")]
#[case::level("--key key.pem --level fuller", "fuller")]
#[case::nothing_selected("--key key.pem --only no-such-case", "no case")]
#[case::no_such_profile("--key key.pem --profile portabel", "did you mean `portable`?")]
fn mistakes_are_found_before_anything_is_sent(#[case] words: &str, #[case] told: &str) {
    let workplace = with_keys();
    workplace.file("taken", "a file where a folder should be");
    workplace.file("folder/file", "");
    workplace.file("rsa.pem", &openssl(&workplace, "genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:1024").out);
    let key = workplace.read("key.pem");
    // Nothing listens there: what is sent fails with 3.
    let outcome = workplace.run_nowhere(&format!("certify {words}"));
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains(told), "{}", outcome.err);
    assert_eq!(workplace.read("key.pem"), key);
    assert!(!workplace.path("certificate.json").exists());
    let secret = key.lines().nth(1).expect("it has a body");
    assert!(!format!("{}{}", outcome.out, outcome.err).contains(secret), "{outcome:#?}");
}

#[test]
fn a_run_that_cannot_be_made_has_no_certificate() {
    let workplace = with_keys();
    let outcome = workplace.run_nowhere("certify --key key.pem");
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
    assert!(!outcome.err.contains("earlier one"), "{}", outcome.err);
    let left: Vec<_> = std::fs::read_dir(workplace.path(".")).expect("it is a folder").flatten().collect();
    let left = left.iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    assert!(left.clone().all(|name| !name.contains("certificate") || name == "certificate.run.json"), "{left:?}");

    workplace.file("certificate.json", "of another run");
    let outcome = workplace.run_nowhere("certify --key key.pem");
    assert!(outcome.err.contains("no certificate was made; certificate.json is an earlier one"), "{outcome:#?}");
    assert_eq!(workplace.read("certificate.json"), "of another run");
}

#[test]
fn an_interrupted_run_has_no_certificate() {
    let workplace = with_keys();
    let served = Served::start(&workplace);
    let mut command = workplace.command("certify --key key.pem --jobs 1");
    command.envs(&served.settings);
    let outcome = interrupted_midway(command);
    assert_eq!(outcome.code, Some(130), "{outcome:#?}");
    assert!(outcome.err.contains("the run was interrupted, and is not attested"), "{}", outcome.err);
    assert!(!workplace.path("certificate.json").exists());
    assert!(workplace.read("certificate.run.json").contains("\"interrupted\": true"));
}

const FAILING: &str = r#"{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}}, "expect": {"status": ["201"]}}"#;

/// Each is limited, as the suite is the user's own.
#[rstest]
#[case::passed(suite("must", GOOD_PUT), 1, "WARNED", "passedTests")]
#[case::failed(suite("must", FAILING), 1, "FAILED", "failedTests")]
#[case::not_recommended(suite("should", FAILING), 1, "WARNED", "warnedTests")]
#[case::nothing_judged(suite_needing("must", LACKING), 3, "FAILED", "")]
fn a_suite_of_ones_own_attests_no_level(
    #[case] suite: String,
    #[case] code: i32,
    #[case] result: &str,
    #[case] list: &str,
) {
    let workplace = with_keys();
    workplace.file("one.json", &suite);
    let served = Served::start(&workplace);
    let outcome = workplace.run_against(&served, "certify --key key.pem one.json");
    assert_eq!(outcome.code, Some(code), "{outcome:#?}");
    let told =
        format!("certificate certificate.json: {result}, no level attested (requested: core: the run is limited");
    assert!(outcome.out.contains(&told), "{}", outcome.out);
    let predicate = predicate(&workplace);
    assert_eq!((&predicate["result"], &predicate["ssecheck"]["attained"]), (&json!(result), &json!("none")));
    for name in ["passedTests", "warnedTests", "failedTests"] {
        assert_eq!(predicate[name], if name == list { json!(["test/one"]) } else { json!([]) }, "{name}");
    }
    let found = verified(&workplace, WITH_RECORD, 1);
    assert_eq!((&found["problems"], &found["others"]), (&json!([]), &json!(["suites"])), "{found:#}");
    let text = workplace.run(WITH_RECORD);
    assert!(text.out.contains("suites of the user's own were run: one.json"), "{}", text.out);
    assert!(text.out.contains("not those of this ssecheck"), "{}", text.out);
}

#[rstest]
#[case::filter("--only round-trip/get[0]", &["--only round-trip/get[0]"])]
#[case::insecure("--only round-trip/get[0] --insecure", &["--insecure"])]
#[case::departures("--only round-trip/get[0] --profile garage", &["profile garage declares departures"])]
#[case::own_profile("--only round-trip/get[0] --profile mine.json", &["the profile is the user's own: mine.json"])]
#[case::baseline("--only round-trip/get[0] --baseline known.json", &["failures are declared by a baseline: known.json"])]
fn every_limit_stands_in_the_certificate(#[case] words: &str, #[case] limits: &[&str]) {
    let workplace = with_keys();
    let profile = r#"{"id": "mine", "title": "t", "about": "a", "source": "s"}"#;
    workplace.file("mine.json", profile);
    let served = Served::start(&workplace);
    assert_eq!(workplace.run_against(&served, "run --only round-trip/get[0] --report json=run.json").code, Some(0));
    workplace.file("known.json", &workplace.run("baseline run.json").out);
    let outcome = workplace.run_against(&served, &format!("certify --key key.pem --level core {words}"));
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let predicate = predicate(&workplace);
    assert_eq!((&predicate["result"], &predicate["ssecheck"]["attained"]), (&json!("WARNED"), &json!("none")));
    let found = predicate["ssecheck"]["limits"].to_string();
    for limit in limits {
        assert!(found.contains(limit), "{limit}: {found}");
    }
    let outcome = workplace.run(WITH_RECORD);
    assert!(outcome.code == Some(1) && outcome.out.contains("- the run is limited"), "{outcome:#?}");
    assert!(!outcome.out.contains("Does not agree"), "{}", outcome.out);
}

/// One run of everything against a served endpoint, and what comes of its certificate. The profile is the one with the most
/// requirements: PASSED shows that every built-in scenario passes under it.
#[test]
#[ignore = "a whole run"]
fn a_full_run_gives_a_full_certificate() {
    let workplace = with_keys();
    let served = Served::start(&workplace);
    // Debug builds that share a busy machine take their time.
    let patient = "--request-timeout 300 --scenario-timeout 900";
    let reports = "--report junit=reports/junit.xml --report json=reports/run.json --report json=-";
    let label = "--label reference-endpoint";
    let words = format!("certify --key key.pem --level full --reference --profile aws {label} {patient} {reports}");
    let outcome = workplace.run_against(&served, &words);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert!(outcome.err.contains("certificate certificate.json: WARNED, full attested (requested: full)"));
    assert_eq!(outcome.out, workplace.read("reports/run.json"), "what is on standard output is the record alone");

    let verify = format!("{VERIFY} --reference --run reports/run.json");
    for (words, code) in [
        (VERIFY.to_owned(), 1),
        (format!("{VERIFY} --reference"), 0),
        (format!("{VERIFY} --reference --level full"), 0),
        (format!("{verify} --level full"), 0),
        (format!("{VERIFY} --run missing.json"), 2),
        (format!("{VERIFY} --run key.pem"), 2),
        ("verify certificate.json --public-key key.pem".to_owned(), 2),
        ("verify key.pem --public-key key.pem.pub".to_owned(), 2),
        ("verify missing.json --public-key key.pem.pub".to_owned(), 2),
        ("verify /dev/zero --public-key key.pem.pub".to_owned(), 2),
        ("verify certificate.json".to_owned(), 2),
    ] {
        let outcome = workplace.run(&words);
        assert_eq!(outcome.code, Some(code), "{words}: {outcome:#?}");
    }
    let text = workplace.run(&verify).out;
    for told in
        ["level      full (requested: full)", "reference-endpoint (the tester's word)", "it was compared, and agrees"]
    {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(text.ends_with("It is a full certificate of ssecheck's own reference endpoint: level full.\n"), "{text}");
    let json = verified(&workplace, &verify, 0);
    assert_eq!((&json["full"], &json["shortfalls"], &json["problems"]), (&json!(true), &json!([]), &json!([])));

    signed_by_other_tools_too(&workplace);
    changed_bytes_are_refused(&workplace);
    other_keys_are_refused(&workplace);
    other_records_are_told(&workplace);
}

/// The signature holds by openssl, over what DSSE says is signed, written here once more.
fn signed_by_other_tools_too(workplace: &Workplace) {
    let payload = payload(workplace, "certificate.json");
    let envelope: Value = serde_json::from_str(&workplace.read("certificate.json")).expect("it is JSON");
    let kind = "application/vnd.in-toto+json";
    assert_eq!(envelope["payloadType"], kind);
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    std::fs::write(workplace.path("signed"), [head.as_bytes(), &payload].concat()).expect("it can be written");
    let signature =
        STANDARD.decode(envelope["signatures"][0]["sig"].as_str().expect("it is text")).expect("it is base64");
    std::fs::write(workplace.path("signature"), signature).expect("it can be written");
    let check = "pkeyutl -verify -rawin -pubin -inkey key.pem.pub -sigfile signature -in";
    assert_eq!(openssl(workplace, &format!("{check} signed")).code, Some(0));
    std::fs::write(workplace.path("other"), [head.as_bytes(), &payload, b" "].concat()).expect("it can be written");
    assert_ne!(openssl(workplace, &format!("{check} other")).code, Some(0));

    let statement: Value = serde_json::from_slice(&payload).expect("it is JSON");
    for (at, name) in ["run.json", "junit.xml"].into_iter().enumerate() {
        let digest = openssl(workplace, &format!("dgst -sha256 -r reports/{name}")).out[..64].to_owned();
        assert_eq!(statement["subject"][at], json!({"name": name, "digest": {"sha256": digest}}));
    }
}

fn changed_bytes_are_refused(workplace: &Workplace) {
    let good = std::fs::read(workplace.path("certificate.json")).expect("it is there");
    let refuse = |changed: &[u8], what: &str| {
        std::fs::write(workplace.path("changed.json"), changed).expect("it can be written");
        let outcome = workplace.run("verify changed.json --public-key key.pem.pub");
        assert_eq!(outcome.code, Some(2), "{what}: {outcome:#?}");
        assert!(outcome.err.contains("changed.json is refused: ") && outcome.out.is_empty(), "{what}: {outcome:#?}");
    };
    for at in (0..good.len()).step_by(good.len() / 20).chain(good.len() - 130..good.len()).step_by(3) {
        let mut changed = good.clone();
        changed[at] ^= 1;
        refuse(&changed, &format!("byte {at}"));
    }
    refuse(&good[..good.len() - 1], "without its end");
    refuse(&[&good[..], b"\n"].concat(), "with a line more");
    refuse(&[&good[..], &good].concat(), "doubled");
    refuse(b"", "nothing");
}

fn other_keys_are_refused(workplace: &Workplace) {
    assert_eq!(workplace.run("keygen --out other.pem").code, Some(0));
    let outcome = workplace.run("verify certificate.json --public-key other.pem.pub");
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains("give the public key of who signed it"), "{}", outcome.err);
}

/// The record with one case changed, and with one left out; the certificate is as it was.
fn other_records_are_told(workplace: &Workplace) {
    let record: Value = serde_json::from_str(&workplace.read("reports/run.json")).expect("it is JSON");
    let id = record["cases"][0]["id"].as_str().expect("a case has an id").to_owned();
    let (mut failing, mut lacking) = (record.clone(), record);
    failing["cases"][0]["verdict"] = json!("fail");
    lacking["cases"].as_array_mut().expect("it has cases").remove(0);
    for (changed, told) in [(failing, "failedTests` has 0 entries, and 1 by the record"), (lacking, "passedTests` has")]
    {
        workplace.file("changed-run.json", &changed.to_string());
        let outcome = workplace.run(&format!("{VERIFY} --run changed-run.json"));
        assert_eq!(outcome.code, Some(1), "{outcome:#?}");
        for told in ["the record is not the one attested", told, id.as_str(), "itself: its counts are not those"] {
            assert!(outcome.out.contains(told), "{told}: {}", outcome.out);
        }
    }
}

/// The record that is judged of the evidence is the one that was attested.
#[test]
fn evidence_that_is_judged_again_fits_the_certificate() {
    let workplace = with_keys();
    let served = Served::start(&workplace);
    let words = "certify --key key.pem --only round-trip/get[0] --evidence evidence";
    assert_eq!(workplace.run_against(&served, words).code, Some(1));
    let judged = workplace.run("judge evidence --only round-trip/get[0] --report json=judged.json");
    assert_eq!(judged.code, Some(0), "{judged:#?}");
    let found = verified(&workplace, &format!("{VERIFY} --run judged.json"), 1);
    assert_eq!((&found["recordCompared"], &found["problems"]), (&json!(true), &json!([])), "{found:#}");
}

/// A server breaks a required rule of one case: what it signs says so, and `verify` accepts it as no certificate.
#[test]
fn a_failing_run_is_attested_as_such() {
    let workplace = with_keys();
    let served = Served::start_with(&workplace, "--fault etag-md5");
    let outcome = workplace.run_against(&served, "certify --key key.pem --only etag");
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let predicate = predicate(&workplace);
    assert_eq!(predicate["result"], "FAILED");
    assert!(!predicate["failedTests"].as_array().expect("it is a list").is_empty());
    let outcome = workplace.run(WITH_RECORD);
    assert!(outcome.code == Some(1) && outcome.out.contains("its result is FAILED"), "{outcome:#?}");
    assert!(!outcome.out.contains("Does not agree"), "{}", outcome.out);
}

#[rstest]
#[case("keygen", &["Examples:", "openssl pkey", "Exit codes:"])]
#[case("certify", &["Examples:", "ssecheck keygen --out", "Environment:", "Exit codes:", "130"])]
#[case("verify", &["Examples:", "--any-suites", "--max-age", "Environment:", "Exit codes:", "What it cannot show"])]
fn help_teaches(#[case] command: &str, #[case] told: &[&str]) {
    let outcome = Workplace::new().run(&format!("{command} --help"));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    for told in told {
        assert!(outcome.out.contains(told), "{told}: {}", outcome.out);
    }
}
