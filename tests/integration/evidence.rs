//! Evidence on disk: what `run --evidence` keeps, and what `judge` makes of it.

use std::path::PathBuf;

use crate::common::{GOOD_PUT, Outcome, Served, Workplace, repository, suite};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use ssecheck::archive::{Archive, ArchiveError, EvidenceSummary};

/// Keeps the evidence of a suite in `evidence`, and its record in `then.json`.
fn kept(workplace: &Workplace) -> Outcome {
    workplace.file("one.json", &suite("must", GOOD_PUT));
    let outcome = workplace.run("run one.json --evidence evidence --report json=then.json");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    outcome
}

fn parsed(workplace: &Workplace, name: &str) -> Value {
    serde_json::from_str(&workplace.read(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The HAR files of a folder of evidence.
fn har_files(workplace: &Workplace, folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(workplace.path(folder)).expect("the folder is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    files.sort();
    files
}

#[test]
fn evidence_judged_again_is_the_same_record_byte_for_byte() {
    let workplace = Workplace::new();
    // Failures of several kinds, and controls.
    let served = Served::start_with(&workplace, "--fault etag-md5 --fault wrong-key-reads");
    let choice = "--only etag --only key-mismatch --only versions --only copy/ --only wrong-algorithm --profile aws";
    let run = format!("run {choice} --evidence evidence --report json=then.json --report junit=then.xml");
    let run = workplace.run_against(&served, &run);
    assert_eq!(run.code, Some(1), "{run:#?}");
    let judged = workplace.run(&format!("judge evidence {choice} --report json=now.json --report junit=now.xml"));
    assert_eq!(judged.code, run.code, "{judged:#?}");
    assert!(workplace.read("then.json") == workplace.read("now.json"), "the records differ");
    assert!(workplace.read("then.xml") == workplace.read("now.xml"), "the JUnit reports differ");
    let record = parsed(&workplace, "then.json");
    for verdict in ["pass", "fail"] {
        assert!(record["counts"][verdict].as_u64() > Some(0), "{verdict}: {}", record["counts"]);
    }
}

/// What a run says before its first request is what it then sends, to 5 % of the requests and 1 % of the bytes: a control that stops
/// early sends less, and framing and forms add to bodies.
#[test]
fn a_run_says_how_much_it_is_about_to_send() {
    let workplace = Workplace::new();
    let choice = "--only copy/ --only multipart/ --only round-trip/ --only refusals/ --only conditional/";
    let run = workplace.run(&format!("run {choice} --evidence evidence"));
    assert_eq!(run.code, Some(0), "{run:#?}");
    // The first line says that no product is tested.
    let said = run.out.lines().nth(1).expect("it says something");
    let number = |before: &str| -> f64 {
        let (_, rest) = said.split_once(before).unwrap_or_else(|| panic!("{said}"));
        rest.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{said}"))
    };
    let (requests, mebibytes) = (number("about "), number("requests with "));
    let (mut sent, mut bytes) = (0.0, 0.0);
    // What makes buckets and removes what was made lies beside these folders.
    let folders = har_files(&workplace, "evidence").into_iter().filter(|path| path.is_dir());
    let files = folders.flat_map(|folder| har_files(&workplace, &folder.display().to_string()));
    for file in files {
        let har: Value = serde_json::from_slice(&std::fs::read(file).expect("it can be read")).expect("it is JSON");
        for entry in har["log"]["entries"].as_array().expect("entries") {
            sent += 1.0;
            bytes += entry["request"]["bodySize"].as_f64().unwrap_or(0.0).max(0.0);
        }
    }
    let bytes = bytes / 1024.0 / 1024.0;
    assert!((requests - sent).abs() <= 0.05 * sent, "{requests} requests announced, {sent} sent");
    assert!((mebibytes - bytes).abs() <= 0.01 * bytes, "{mebibytes} MiB announced, {bytes} sent");
}

#[test]
fn what_equal_controls_came_to_is_told_of_each_case_by_itself() {
    let workplace = Workplace::new();
    // Their controls fail, so that cases that cite other rules share a control that accuses.
    let served = Served::start_with(&workplace, "--fault form-with-key-refused");
    let choice = "--only forms/ --only wrong-algorithm --only copy/";
    let run = format!("run {choice} --jobs 16 --evidence evidence --report json=then.json");
    let run = workplace.run_against(&served, &run);
    let judged = workplace.run(&format!("judge evidence {choice} --report json=now.json"));
    assert_eq!(judged.code, run.code, "{judged:#?}");
    assert!(workplace.read("then.json") == workplace.read("now.json"), "the records differ");
    let record = parsed(&workplace, "then.json");
    let cases = record["cases"].as_array().expect("it has cases");
    let inconclusive: Vec<&Value> = cases.iter().filter(|case| case["found"] == "inconclusive").collect();
    assert!(inconclusive.len() > 1, "{}", record["counts"]);
    for case in inconclusive {
        let rules = case["rules"].as_array().expect("it cites rules");
        for accused in case["findings"][0]["finding"]["rules"].as_array().expect("it accuses") {
            assert!(rules.contains(accused), "{case:#}");
        }
    }
}

#[test]
fn no_signature_is_kept() {
    let workplace = Workplace::new();
    let run = workplace.run("run --only integrity/ --only presigned --only forms/ --evidence evidence");
    assert_eq!(run.code, Some(0), "{run:#?}");
    let signature = regex::Regex::new("[Ss]ignature\"?[=:, ]+[0-9a-f]{64}").expect("it compiles");
    let mut framed = 0;
    for folder in ["cases", "controls", "probes"] {
        for file in har_files(&workplace, &format!("evidence/{folder}")) {
            let text = std::fs::read_to_string(&file).expect("it can be read");
            framed += usize::from(text.contains("the body is framed: aws-chunked-signed"));
            let found = signature.find(&text).map(|found| found.as_str().to_owned());
            assert!(found.is_none(), "{}: {found:?}", file.display());
        }
    }
    assert!(framed > 0, "no body was framed");
}

#[test]
fn why_a_case_was_left_out_says_nothing_of_another_of_its_name() {
    let workplace = Workplace::new();
    let plain = r#"{"id": "put", "request": {"operation": "PutObject", "scheme": "plain", "body": "data", "sse_c": {"key": "K"}}, "expect": {"refused": true}, "control": {"request": {"scheme": "tls"}}}"#;
    workplace.file("one.json", &suite("must", plain));
    let mut served = Served::start(&workplace);
    served.with("SSECHECK_PLAIN_ENDPOINT", "none");
    let run = workplace.run_against(&served, "run one.json --evidence evidence");
    assert!(run.out.contains("1 skipped"), "{run:#?}");
    assert_eq!(workplace.run("judge evidence one.json").code, run.code);
    workplace.file("one.json", &suite("must", GOOD_PUT));
    let judged = workplace.run("judge evidence one.json");
    assert_eq!(judged.code, Some(3), "{judged:#?}");
    assert!(judged.out.contains("run again"), "{}", judged.out);
}

#[test]
fn a_stranger_s_evidence_names_no_profile_to_read() {
    let workplace = Workplace::new();
    kept(&workplace);
    workplace.file("mine.json", r#"{"secret": 1}"#);
    for profile in [json!({"id": "mine.json", "digest": ""}), json!({"id": "p", "file": "mine.json", "digest": ""})] {
        let mut manifest = parsed(&workplace, "evidence/evidence.json");
        manifest["profile"] = profile;
        workplace.file("evidence/evidence.json", &manifest.to_string());
        let outcome = workplace.run("judge evidence one.json");
        assert_eq!(outcome.code, Some(2), "{outcome:#?}");
        assert!(outcome.err.contains("--profile FILE") && !outcome.err.contains("secret"), "{}", outcome.err);
    }
    assert_eq!(workplace.run("judge evidence one.json --profile portable").code, Some(0));
}

#[test]
fn no_report_goes_into_the_evidence() {
    let workplace = Workplace::new();
    kept(&workplace);
    let outcome = workplace.run("judge evidence one.json --report json=./evidence/evidence.json");
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains("into the evidence"), "{}", outcome.err);
    assert_eq!(workplace.run("judge evidence one.json").code, Some(0));
}

#[rstest]
#[case::the_same(GOOD_PUT, 0, "1 pass")]
#[case::other_expectations(
    r#"{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}}, "expect": {"status": ["201"]}}"#,
    1,
    "expected 201"
)]
#[case::another_request(
    r#"{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}, "object": "other"}}"#,
    3,
    "run again"
)]
#[case::whether_it_is_stored_was_not_looked_at(
    r#"{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}}, "expect": {"stored": true}}"#,
    3,
    "run again"
)]
#[case::one_step_more(
    r#"{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}}}, {"id": "head", "request": {"operation": "HeadObject", "sse_c": {"key": "K"}}}"#,
    3,
    "run again"
)]
fn newer_suites_judge_what_asks_for_the_same(#[case] steps: &str, #[case] code: i32, #[case] told: &str) {
    let workplace = Workplace::new();
    kept(&workplace);
    workplace.file("two.json", &suite("must", steps));
    let outcome = workplace.run("judge evidence two.json");
    assert_eq!(outcome.code, Some(code), "{outcome:#?}");
    assert!(outcome.out.contains(told), "{}", outcome.out);
}

#[test]
fn a_capability_that_was_lacking_lacks_still() {
    let workplace = Workplace::new();
    let probe = r#"{"id": "has-it", "title": "t", "why": "w", "level": "may", "capability": {"level": "extended"},
        "steps": [{"id": "get", "probe": true, "request": {"operation": "GetObject", "object": "none"}, "lacks": {"status": ["404"]}}]}, {"requires": ["has-it"], "id""#;
    let one = suite("must", GOOD_PUT).replacen(r#"{"id": "one""#, &format!(r#"{probe}: "one""#), 1);
    workplace.file("one.json", &one);
    let run = workplace.run("run one.json --evidence evidence --report json=then.json");
    assert!(run.out.contains("1 not supported"), "{run:#?}");
    let judged = workplace.run("judge evidence one.json --report json=now.json");
    assert_eq!(judged.code, run.code, "{judged:#?}");
    assert!(workplace.read("then.json") == workplace.read("now.json"), "the records differ");
    // A probe that asks for something else now says nothing.
    workplace.file("one.json", &one.replace("none", "another"));
    let judged = workplace.run("judge evidence one.json");
    assert!(judged.out.contains("no probe of `has-it` as it is made now"), "{judged:#?}");
}

#[test]
fn what_the_run_did_not_have_is_skipped_and_leaves_the_run_incomplete() {
    let workplace = Workplace::new();
    kept(&workplace);
    let outcome = workplace.run("judge evidence --only etag/format");
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
    assert!(outcome.out.contains("it was not in the run"), "{}", outcome.out);
}

#[test]
fn every_exchange_is_kept_and_no_customer_key() {
    let workplace = Workplace::new();
    kept(&workplace);
    let manifest = parsed(&workplace, "evidence/evidence.json");
    assert_eq!(manifest["format"], "ssecheck-evidence/2");
    let case = &manifest["cases"][0];
    let own = parsed(&workplace, &format!("evidence/{}", case["own"]["file"].as_str().expect("it is kept")));
    let entry = &own["log"]["entries"][0];
    assert_eq!((&own["log"]["version"], &entry["request"]["method"]), (&json!("1.2"), &json!("PUT")));
    assert_eq!(entry["response"]["status"], 200);
    let headers = entry["request"]["headers"].as_array().expect("it has headers");
    let key = headers.iter().find(|header| header["name"] == "x-amz-server-side-encryption-customer-key");
    assert_eq!(key.expect("it was sent")["value"], "<base64 of customer key K: 44 characters>");
    let housekeeping = parsed(&workplace, "evidence/housekeeping.har");
    let operations: Vec<&Value> = housekeeping["log"]["entries"]
        .as_array()
        .expect("there are entries")
        .iter()
        .map(|entry| &entry["_ssecheck"]["operation"])
        .collect();
    assert!(
        operations.contains(&&json!("CreateBucket")) && operations.contains(&&json!("DeleteBucket")),
        "{operations:?}"
    );
    // Housekeeping has another HTTP client, and the same peer.
    let peers = manifest["peers"]["tls"].as_array().expect("there are peers");
    assert_eq!(peers.len(), 1, "{peers:?}");
    let address = format!(
        "{}:{}",
        entry["serverIPAddress"].as_str().expect("an address"),
        entry["connection"].as_str().expect("a port")
    );
    assert_eq!((&peers[0]["address"], &peers[0]["certificate"]), (&json!(address), &entry["_peerCertificateSha256"]));
    assert_eq!(peers[0]["certificate"].as_str().map(str::len), Some(64));
    assert!(address.starts_with("127.0.0.1:") || address.starts_with("[::1]:"), "{address}");
    // The record names the evidence that it rests on.
    let record = parsed(&workplace, "then.json");
    assert_eq!(record["evidence_digest"].as_str().map(str::len), Some(64));
}

/// Puts a file of one folder of evidence in the place of that of the other, and its digest in the manifest.
fn put_under_manifest_of(workplace: &Workplace, from: &str, to: &str, pointer: &str) {
    let of = |folder: &str| parsed(workplace, &format!("{folder}/evidence.json"));
    let (from_manifest, mut manifest) = (of(from), of(to));
    let text = |manifest: &Value, name: &str| {
        manifest.pointer(&format!("{pointer}/{name}")).and_then(Value::as_str).expect("it is named").to_owned()
    };
    let har = workplace.read(&format!("{from}/{}", text(&from_manifest, "file")));
    workplace.file(&format!("{to}/{}", text(&manifest, "file")), &har);
    *manifest.pointer_mut(&format!("{pointer}/sha256")).expect("it has a digest") =
        json!(hex::encode(Sha256::digest(&har)));
    workplace.file(&format!("{to}/evidence.json"), &manifest.to_string());
}

#[test]
fn what_a_good_endpoint_sent_is_no_evidence_of_a_bad_one() {
    let workplace = Workplace::new();
    let elsewhere = Workplace::new();
    let (good, bad) = (Served::start(&workplace), Served::start_with(&elsewhere, "--fault wrong-key-reads"));
    let choice = "--only key-mismatch/wrong-key[text,get]";
    let runs = [("good", &good, 0), ("bad", &bad, 1)];
    for (folder, served, code) in runs {
        let run = workplace.run_against(served, &format!("run {choice} --evidence {folder}"));
        assert_eq!(run.code, Some(code), "{run:#?}");
    }
    assert_eq!(workplace.run(&format!("judge bad {choice}")).code, Some(1));
    put_under_manifest_of(&workplace, "good", "bad", "/cases/0/own");
    let judged = workplace.run(&format!("judge bad {choice}"));
    assert_eq!(judged.code, Some(2), "{judged:#?}");
    assert!(judged.err.contains("cases/0001-") && judged.err.contains("exchange 1 (step `"), "{}", judged.err);
    assert!(judged.err.contains("is not of the run that evidence.json tells of"), "{}", judged.err);
}

/// Evidence of a suite, changed in one way, as every file of it is read.
fn checked(change: impl FnOnce(&Workplace)) -> Result<EvidenceSummary, ArchiveError> {
    let workplace = Workplace::new();
    kept(&workplace);
    change(&workplace);
    Archive::open(&workplace.path("evidence")).and_then(|archive| archive.check())
}

#[test]
fn evidence_that_is_checked_is_summed_up() {
    let mut digest = String::new();
    let summary = checked(|workplace| {
        digest = hex::encode(Sha256::digest(workplace.read("evidence/evidence.json")));
    });
    let EvidenceSummary { files, exchanges, is_complete, digest: of_manifest } = summary.expect("it is as it was kept");
    assert_eq!((of_manifest, files, is_complete), (digest, 2, true));
    // To make, look at and remove a bucket takes some, and the case one.
    assert!(exchanges > 4, "{exchanges}");
}

#[rstest]
#[case::a_file("evidence/cases/0002-other.har")]
#[case::beside_the_manifest("evidence/notes.txt")]
#[case::in_a_folder_of_its_own("evidence/more/0001-one.har")]
#[case::hidden("evidence/probes/.hidden")]
fn a_file_that_the_manifest_does_not_name_is_found(#[case] file: &str) {
    let found = checked(|workplace| _ = workplace.file(file, "{}"));
    assert!(matches!(&found, Err(ArchiveError::Stray { .. })), "{found:?}");
}

#[test]
fn a_file_that_is_missing_is_found() {
    let found = checked(|workplace| {
        std::fs::remove_file(workplace.path("evidence/housekeeping.har")).expect("it is there");
    });
    assert!(matches!(&found, Err(ArchiveError::Unreadable { .. })), "{found:?}");
}

#[test]
fn evidence_of_the_former_format_is_judged_as_what_it_is() {
    let workplace = Workplace::new();
    kept(&workplace);
    let mut manifest = parsed(&workplace, "evidence/evidence.json");
    let members = manifest.as_object_mut().expect("it is an object");
    for later in ["ended", "peers", "buckets", "prefix", "sent_again", "all_kept"] {
        members.remove(later);
    }
    members["format"] = json!("ssecheck-evidence/1");
    workplace.file("evidence/evidence.json", &manifest.to_string());
    let judged = workplace.run("judge evidence one.json --report json=now.json");
    assert_eq!(judged.code, Some(0), "{judged:#?}");
    let limits = parsed(&workplace, "now.json")["limits"].to_string();
    assert!(limits.contains("not bound to its endpoint"), "{limits}");
    let summary = Archive::open(&workplace.path("evidence")).and_then(|archive| archive.check());
    assert!(!summary.expect("it can be read").is_complete);
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused() {
    let workplace = Workplace::new();
    kept(&workplace);
    let mut manifest = parsed(&workplace, "evidence/evidence.json");
    manifest["seconds"] = json!(3600.0);
    workplace.file("evidence/evidence.json", &manifest.to_string());
    let judged = workplace.run("judge evidence one.json");
    assert_eq!(judged.code, Some(2), "{judged:#?}");
    assert!(judged.err.contains("evidence.json: `seconds` is `3600`, and not 0"), "{}", judged.err);
}

#[test]
fn a_file_that_was_changed_is_refused() {
    let workplace = Workplace::new();
    kept(&workplace);
    let file = &har_files(&workplace, "evidence/cases")[0];
    let text = std::fs::read_to_string(file).expect("it can be read");
    std::fs::write(file, text.replace("\"status\": 200", "\"status\": 403")).expect("it can be written");
    let outcome = workplace.run("judge evidence one.json");
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains("was changed after it was kept"), "{}", outcome.err);
}

#[rstest]
#[case::above("../outside.har")]
#[case::absolute("/etc/hostname")]
#[case::by_a_link("cases/link.har")]
fn nothing_outside_the_folder_is_read(#[case] file: &str) {
    let workplace = Workplace::new();
    kept(&workplace);
    workplace.file("outside.har", "{}");
    std::os::unix::fs::symlink(workplace.path("outside.har"), workplace.path("evidence/cases/link.har"))
        .expect("a link");
    let mut manifest = parsed(&workplace, "evidence/evidence.json");
    manifest["cases"][0]["own"]["file"] = json!(file);
    workplace.file("evidence/evidence.json", &manifest.to_string());
    let outcome = workplace.run("judge evidence one.json");
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains("outside its folder"), "{}", outcome.err);
}

#[rstest]
#[case::no_folder("judge nothing", "cannot read the evidence")]
#[case::no_evidence("judge folder", "cannot read the evidence")]
#[case::of_another_format("judge newer", "ssecheck-evidence/9")]
#[case::no_manifest("judge broken", "says nothing of evidence")]
#[case::not_empty("run one.json --evidence folder", "is not empty")]
#[case::a_file_in_its_place("run one.json --evidence one.json", "cannot write the evidence")]
fn mistakes_are_told(#[case] words: &str, #[case] told: &str) {
    let workplace = Workplace::new();
    workplace.file("one.json", &suite("must", GOOD_PUT));
    workplace.file("folder/something", "");
    workplace.file("newer/evidence.json", r#"{"format": "ssecheck-evidence/9"}"#);
    workplace.file("broken/evidence.json", r#"{"format": "ssecheck-evidence/1", "cases": 3}"#);
    let outcome = workplace.run(words);
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains(told), "{}", outcome.err);
}

#[test]
fn no_more_is_kept_than_told_and_what_is_not_kept_is_not_judged() {
    let workplace = Workplace::new();
    workplace.file("one.json", &suite("must", GOOD_PUT));
    let run = workplace.run("run one.json --evidence evidence --evidence-limit 0");
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert!(har_files(&workplace, "evidence/cases").is_empty());
    assert_eq!(parsed(&workplace, "evidence/evidence.json")["all_kept"], false);
    let summary = Archive::open(&workplace.path("evidence")).and_then(|archive| archive.check());
    assert!(!summary.expect("it can be read").is_complete);
    let judged = workplace.run("judge evidence one.json");
    assert_eq!(judged.code, Some(3), "{judged:#?}");
    assert!(judged.out.contains("--evidence-limit"), "{}", judged.out);
}

#[test]
fn a_scenario_that_runs_out_of_time_keeps_what_it_had() {
    let workplace = Workplace::new();
    let steps = format!(
        r#"{GOOD_PUT}, {{"id": "again", "repeat": 2000, "request": {{"operation": "PutObject", "object": "o-${{n}}", "body": "data"}}}}"#
    );
    workplace.file("one.json", &suite("must", &steps));
    let run = workplace.run("run one.json --scenario-timeout 1 --evidence evidence --report json=then.json");
    assert_eq!(run.code, Some(3), "{run:#?}");
    assert!(run.out.contains("longer than 1 seconds"), "{}", run.out);
    let file = &har_files(&workplace, "evidence/cases")[0];
    let har: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("it can be read")).expect("it is JSON");
    assert!(har["log"]["entries"].as_array().is_some_and(|entries| !entries.is_empty()), "nothing is kept");
    let judged = workplace.run("judge evidence one.json --report json=now.json");
    assert_eq!(judged.code, Some(3), "{judged:#?}");
    assert!(workplace.read("then.json") == workplace.read("now.json"), "the records differ");
}

#[test]
fn a_key_that_a_server_gives_back_stands_in_no_report_and_in_no_evidence() {
    let workplace = Workplace::new();
    let served = Served::start_with(
        &workplace,
        "--fault key-in-header-of-put --fault key-in-header-of-reads --fault key-in-error",
    );
    let hex = std::fs::read_to_string(repository().join("fixtures/keys/plus-and-slash.hex")).expect("the key");
    let bytes = hex::decode(hex.trim()).expect("it is hexadecimal");
    let base64 = STANDARD.encode(&bytes);
    let steps = format!(
        r#"{GOOD_PUT}, {{"id": "get", "request": {{"operation": "GetObject", "sse_c": {{"key": "K"}}}}}}, {{"id": "other", "request": {{"operation": "GetObject"}}, "expect": {{"refused": true}}, "control": {{"request": {{"sse_c": {{"key": "K"}}}}}}}}"#
    );
    let text = suite("must", &steps).replace(r#""K": {}"#, r#""K": {"file": "keys/plus-and-slash.hex"}"#);
    workplace.file("fixtures/keys/plus-and-slash.hex", &hex);
    workplace.file("suites/one.json", &text);
    let formats = ["junit", "json", "markdown", "tap", "github", "badge"];
    let reports: Vec<String> = formats.iter().map(|format| format!("--report {format}=out/{format}")).collect();
    let outcome =
        workplace.run_against(&served, &format!("run suites/one.json --evidence evidence {}", reports.join(" ")));
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let mut written: Vec<(String, Vec<u8>)> = vec![("terminal".to_owned(), (outcome.out + &outcome.err).into_bytes())];
    for folder in ["out", "evidence", "evidence/cases", "evidence/controls", "evidence/probes"] {
        for file in har_files(&workplace, folder).into_iter().filter(|path| path.is_file()) {
            let bytes = std::fs::read(&file).expect("it can be read");
            written.push((file.display().to_string(), bytes));
        }
    }
    assert!(written.len() > 8, "{written:?}");
    let secrets = [
        bytes.clone(),
        base64.clone().into_bytes(),
        hex.trim().as_bytes().to_vec(),
        base64.replace('/', "\\/").into_bytes(),
    ];
    for (name, bytes) in &written {
        for secret in &secrets {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{name} has the key");
        }
    }
    let all: Vec<u8> = written.into_iter().flat_map(|(_, bytes)| bytes).collect();
    assert!(String::from_utf8_lossy(&all).contains("[redacted customer key]"), "the server did not give the key back");
}

/// The manifest is not signed; one that was edited to hide a limit or a case contradicts itself.
#[rstest]
#[case::limit(|manifest: &mut Value| manifest["limits"] = json!([]), "it says of no limit, and has some")]
#[case::complete(|manifest: &mut Value| (manifest["limits"], manifest["complete"]) = (json!([]), json!(true)), "it says of no limit, and has some")]
#[case::end_of_all_dates(|manifest: &mut Value| {
    let end = json!("9999-12-31T23:59:59Z");
    (manifest["started"], manifest["ended"], manifest["seconds"]) = (end.clone(), end, json!(0.0));
}, "its time")]
fn an_edited_manifest_is_refused(#[case] edit: fn(&mut Value), #[case] told: &str) {
    let workplace = Workplace::new();
    let outcome = workplace.run("run --only etag/not-md5 --reference --evidence evidence");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let judged = workplace.run("judge evidence --report badge=badge.svg");
    assert!(judged.err.contains("not signed") && !workplace.read("badge.svg").contains("reached"), "{judged:#?}");
    let mut manifest = parsed(&workplace, "evidence/evidence.json");
    edit(&mut manifest);
    workplace.file("evidence/evidence.json", &manifest.to_string());
    let judged = workplace.run("judge evidence --report badge=edited.svg");
    assert!(judged.code == Some(2) && judged.err.contains(told), "{told}: {judged:#?}");
}
