//! Attacks on certificates, each as the command that it comes down to and the exit code that this must end with. What the holder of a
//! key signs by hand is tested beside the code (`src/certificate/attack_tests.rs`) and, as whole certificates, here.

use crate::common::{Outcome, Served, Workplace, repository};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rstest::rstest;
use serde_json::{Value, json};
use ssecheck::certificate::{PrivateKey, sign};

/// What can never reach a level, make a badge or be certified is refused before anything is sent: nothing listens there.
#[rstest]
#[case::a_shard("run --certify full --shard 1/100 --run-id x", "", "a shard reaches no level by itself")]
#[case::a_shard_by_variable(
    "run --certify full --run-id x",
    "SSECHECK_SHARD=1/100",
    "a shard reaches no level by itself"
)]
#[case::insecure("run --certify full --insecure", "", "the TLS certificate was not verified: --insecure")]
#[case::own_profile("run --certify full --profile mine.json", "", "the profile is the user's own: mine.json")]
#[case::deviations("run --certify full --profile garage", "", "profile garage declares departures")]
#[case::own_suites("run --certify full one.json", "", "suites of the user's own were run: one.json")]
#[case::a_part("run --certify full --only etag/", "", "only a part of the cases was run: --only etag/")]
#[case::baseline("run --certify full --baseline known.json", "", "failures are declared by a baseline: known.json")]
#[case::a_secret_that_is_not_set(
    "run --certify full --report badge",
    "SSECHECK_ENDPOINT=",
    "SSECHECK_ENDPOINT is empty"
)]
#[case::another_secret_that_is_not_set("run --report badge", "AWS_ENDPOINT_URL_S3=", "AWS_ENDPOINT_URL_S3 is empty")]
#[case::a_shard_that_is_not_set("run", "SSECHECK_SHARD=", "SSECHECK_SHARD is ``")]
#[case::a_label_that_is_not_set("certify --key key.pem", "SSECHECK_LABEL=", "SSECHECK_LABEL is empty")]
#[case::level_without_endpoint("run --certify core", "none", "there is no certification level without an endpoint")]
#[case::badge_without_endpoint("run --report badge", "none", "there is no badge without an endpoint")]
#[case::certificate_without_endpoint("certify --key key.pem", "none", "there is no certificate without an endpoint")]
#[case::shard_of_no_run("run --shard 1/2", "", "give --run-id NAME, or set SSECHECK_RUN_ID")]
fn it_is_refused_before_anything_is_sent(#[case] words: &str, #[case] variable: &str, #[case] told: &str) {
    let workplace = Workplace::new();
    workplace.file("mine.json", r#"{"id": "mine", "title": "t", "about": "a", "source": "s"}"#);
    workplace.file("one.json", &crate::common::suite("must", crate::common::GOOD_PUT));
    workplace.file("known.json", &workplace_baseline());
    assert_eq!(workplace.run("keygen --out key.pem").code, Some(0));
    let mut command = workplace.command(words);
    if variable != "none" {
        let nowhere =
            [("SSECHECK_ENDPOINT", "https://127.0.0.1:1"), ("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "s")];
        command.envs(nowhere);
    }
    if let Some((name, value)) = variable.split_once('=') {
        if name.starts_with("AWS_ENDPOINT") {
            command.env_remove("SSECHECK_ENDPOINT");
        }
        command.env(name, value);
    }
    let outcome = Outcome::of(command.output().expect("the binary starts"));
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains(told) && outcome.out.is_empty(), "{outcome:#?}");
    for made in ["reports/badge.svg", "certificate.json"] {
        assert!(!workplace.path(made).exists(), "{made}");
    }
}

/// A baseline that knows nothing.
fn workplace_baseline() -> String {
    json!({"format": "ssecheck-baseline/1", "about": "nothing", "profile": "portable", "known": []}).to_string()
}

/// A defect behind a shard, a part or a served reference is not certified, whatever the shard holds.
#[rstest]
#[case::served_reference("certify --key key.pem --only etag/", 1)]
#[case::defect_in_another_case("certify --key key.pem --reference --only etag/", 1)]
fn a_limited_certificate_is_none(#[case] words: &str, #[case] code: i32) {
    let workplace = Workplace::new();
    assert_eq!(workplace.run("keygen --out key.pem").code, Some(0));
    let served = Served::start_with(&workplace, "--fault wrong-key-reads");
    let outcome = workplace.run_against(&served, words);
    assert_eq!(outcome.code, Some(code), "{outcome:#?}");
    let outcome = workplace.run("verify certificate.json --public-key key.pem.pub --reference");
    assert!(outcome.code == Some(1) && outcome.out.contains("- the run is limited"), "{outcome:#?}");
    let is_unasked = outcome.out.contains("ssecheck's own reference endpoint was tested, by its Server header");
    assert_eq!(is_unasked, !words.contains("--reference"), "{}", outcome.out);
}

/// What somebody changes in a JSON document.
type Edit = fn(&mut Value);

/// A statement that the holder of the key changed and signed again.
fn forge(workplace: &Workplace, change: impl FnOnce(&mut Value)) {
    let envelope: Value = serde_json::from_str(&workplace.read("certificate.json")).expect("it is JSON");
    let payload = STANDARD.decode(envelope["payload"].as_str().expect("it is text")).expect("it is base64");
    let mut statement: Value = serde_json::from_slice(&payload).expect("it is JSON");
    let honest = statement.clone();
    change(&mut statement);
    assert_ne!(honest, statement, "nothing was changed");
    let key = PrivateKey::read(&workplace.path("key.pem")).expect("it is a key");
    let file = sign(statement.to_string().as_bytes(), &key).expect("it is JSON");
    std::fs::write(workplace.path("forged.json"), file).expect("it can be written");
}

/// Counts in the order of verdicts, as certificates have them.
fn counts(pass: usize, verdict: &str, count: usize, of: &Value) -> Value {
    json!({"pass": pass, verdict: count, "observed": of["observed"]})
}

/// Moves every case but one from the passed to the left-out.
fn all_but_one_left_out(statement: &mut Value) {
    let predicate = &mut statement["predicate"];
    let passed = predicate["passedTests"].as_array_mut().expect("it is a list");
    let left_out = passed.split_off(1);
    let entry = |id: &Value| json!({"case": id, "verdict": "skipped", "found": "skipped", "requirement": "must", "certification": "core", "reason": "no need"});
    let entries: Vec<Value> = left_out.iter().map(entry).collect();
    predicate["ssecheck"]["counts"] = counts(1, "skipped", left_out.len(), &predicate["ssecheck"]["counts"]);
    predicate["ssecheck"]["otherTests"].as_array_mut().expect("it is a list").extend(left_out);
    predicate["ssecheck"]["unpassed"].as_array_mut().expect("it is a list").splice(0..0, entries);
}

/// Calls every refusal not supported, for want of something that endpoints may lack.
fn refusals_not_supported(statement: &mut Value) {
    let predicate = &mut statement["predicate"];
    let passed = predicate["passedTests"].as_array_mut().expect("it is a list");
    let is_refusal = |id: &Value| id.as_str().is_some_and(|id| id.contains("key"));
    let refusals: Vec<Value> = passed.iter().filter(|id| is_refusal(id)).cloned().collect();
    assert!(refusals.len() > 100, "{}", refusals.len());
    passed.retain(|id| !is_refusal(id));
    let pass = passed.len();
    let entry = |id: &Value| {
        json!({"case": id, "verdict": "not_supported", "found": "not_supported", "requirement": "must", "certification": "core",
            "missing": {"capability": "acl", "level": "full"}, "reason": "the endpoint lacks `acl`"})
    };
    let entries: Vec<Value> = refusals.iter().map(entry).collect();
    predicate["ssecheck"]["counts"] = counts(pass, "not_supported", refusals.len(), &predicate["ssecheck"]["counts"]);
    predicate["ssecheck"]["otherTests"].as_array_mut().expect("it is a list").extend(refusals);
    predicate["ssecheck"]["unpassed"].as_array_mut().expect("it is a list").splice(0..0, entries);
}

/// Attacks on the certificate of a whole run: of a server with its own authority, by its tester, and by the holder of the key.
#[test]
#[ignore = "a whole run"]
fn what_is_made_of_a_whole_certificate() {
    let workplace = Workplace::new();
    assert_eq!(workplace.run("keygen --out key.pem").code, Some(0));
    let served = Served::start(&workplace);
    let patient = "--request-timeout 300 --scenario-timeout 900";
    let outcome =
        workplace.run_against(&served, &format!("certify --key key.pem --level full --reference --label S3 {patient}"));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let endpoint = &served.settings["SSECHECK_ENDPOINT"];
    let authority = &served.settings["AWS_CA_BUNDLE"];
    std::fs::copy(authority, workplace.path("trusted.pem")).expect("it is there");
    workplace.file("other.pem", "another authority");

    let verify = "verify certificate.json --public-key key.pem.pub --reference --level full";
    let whole = format!("{verify} --run certificate.run.json --evidence certificate.evidence");
    for (words, code, told) in [
        (whole.clone(), 0, "complete; it was judged again"),
        (verify.to_owned(), 0, "that the evidence shows the same: it was not judged again"),
        // It is of the reference, and nobody said that this is what is expected.
        (
            "verify certificate.json --public-key key.pem.pub".to_owned(),
            1,
            "of ssecheck's own reference endpoint, and of no product",
        ),
        // The tester's own authority vouches for whatever name the tester likes.
        (format!("{verify} --endpoint {endpoint}"), 1, "the tester chose the certificate authorities"),
        (
            format!("{verify} --endpoint {endpoint} --ca-file other.pem"),
            1,
            "the tester chose the certificate authorities",
        ),
        (format!("{verify} --endpoint {endpoint} --ca-file trusted.pem"), 0, "It is a full certificate"),
        (format!("{verify} --endpoint https://s3.amazonaws.com"), 1, "was expected (--endpoint)"),
        (format!("{verify} --label S4"), 1, "it is labelled otherwise"),
        (format!("{verify} --label S3 --max-age 1 --no-warnings"), 0, "It is a full certificate"),
    ] {
        let outcome = workplace.run(&words);
        assert_eq!(outcome.code, Some(code), "{words}: {outcome:#?}");
        assert!(outcome.out.contains(told), "{words}: {told}: {}", outcome.out);
    }

    let forged = "verify forged.json --public-key key.pem.pub --reference --any-suites";
    let forgeries: [(Edit, &str); 6] = [
        (all_but_one_left_out, "it has cases that were left out without need"),
        (refusals_not_supported, "that are not supported for want of something that they do not need"),
        (|it| it["predicate"]["ssecheck"]["started"] = json!("2027-06-01T00:00:00Z"), "yet to come"),
        (|it| it["predicate"]["ssecheck"]["version"] = json!("9.9.9"), "knows of no such version"),
        (|it| it["predicate"]["ssecheck"]["expires"] = json!("2999-01-01T00:00:00Z"), "it does not end after its run"),
        (
            |it| it["predicate"]["ssecheck"]["circumstances"]["settings"]["insecure"] = json!("true"),
            "it says of no limit",
        ),
    ];
    for (change, told) in forgeries {
        forge(&workplace, change);
        let outcome = workplace.run(forged);
        assert!(outcome.code == Some(1) && outcome.out.contains(told), "{told}: {outcome:#?}");
    }
    altered_evidence_is_refused(&workplace, &whole);
    edited_records_are_refused(&workplace);
}

/// Evidence of which a response was changed, of which a file is gone, or that is another run's.
fn altered_evidence_is_refused(workplace: &Workplace, whole: &str) {
    let folder = workplace.path("certificate.evidence");
    let manifest = std::fs::read_to_string(folder.join("evidence.json")).expect("it is there");
    let first =
        std::fs::read_dir(folder.join("cases")).expect("it is there").flatten().next().expect("it has files").path();
    let har = std::fs::read_to_string(&first).expect("it is there");
    std::fs::write(&first, har.replacen("\"status\": 200", "\"status\": 201", 1).replacen(' ', "", 1))
        .expect("it can be written");
    let outcome = workplace.run(whole);
    assert!(outcome.code == Some(2) && outcome.err.contains("was changed after it was kept"), "{outcome:#?}");
    // With the digest put right in the manifest, the manifest is another.
    let digest = |text: &str| hex::encode(<sha2::Sha256 as sha2::Digest>::digest(text));
    let changed = std::fs::read_to_string(&first).expect("it is there");
    let put_right = manifest.replace(&digest(&har), &digest(&changed));
    assert_ne!(put_right, manifest);
    std::fs::write(folder.join("evidence.json"), put_right).expect("it can be written");
    let outcome = workplace.run(whole);
    assert!(outcome.code == Some(1) && outcome.out.contains("the evidence is not the one attested"), "{outcome:#?}");
    std::fs::remove_file(&first).expect("it is there");
    assert_eq!(workplace.run(whole).code, Some(2));
}

/// Records that were edited to look like whole runs.
fn edited_records_are_refused(workplace: &Workplace) {
    let record: Value = serde_json::from_str(&workplace.read("certificate.run.json")).expect("it is JSON");
    let edits: [Edit; 4] = [
        |it| it["counts"]["pass"] = json!(1),
        |it| _ = it["cases"].as_array_mut().expect("it is a list").pop(),
        |it| it["certification"][0]["why_not"] = json!(["x"]),
        |it| it["circumstances"]["settings"]["only"] = json!("x"),
    ];
    for edit in edits {
        let mut edited = record.clone();
        edit(&mut edited);
        workplace.file("edited.json", &edited.to_string());
        let outcome = workplace.run("report render edited.json --report badge=edited.svg");
        assert!(outcome.code == Some(2) && outcome.err.contains("is not as a run writes it"), "{outcome:#?}");
        assert!(!workplace.path("edited.svg").exists());
    }
}

/// A shard edited to be the only one, shards of other runs, and shards that were run on another day.
#[test]
fn edited_shards_are_no_run() {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    for shard in 1..=2 {
        let words =
            format!("run --only etag/ --reference --shard {shard}/2 --run-id nightly --report json={shard}.json");
        assert_eq!(workplace.run_against(&served, &words).code, Some(0));
    }
    let merged = workplace.run("merge 1.json 2.json");
    assert!(merged.code == Some(0) && merged.err.contains("not signed"), "{merged:#?}");
    // It is a part of the cases: no level comes of it.
    assert_eq!(workplace.run("merge 1.json 2.json --certify core").code, Some(1));
    let record: Value = serde_json::from_str(&workplace.read("2.json")).expect("it is JSON");
    let edits: [(Edit, &str, &str); 6] = [
        (
            |it| (it["shard"]["shard"], it["shard"]["shards"]) = (json!(1), json!(1)),
            "merge edited.json",
            "cases are in no shard",
        ),
        (|it| it["shard"]["of_run"] = json!("other"), "merge 1.json edited.json", "the names of the runs are"),
        (
            |it| _ = it["shard"].as_object_mut().expect("it is there").remove("of_run"),
            "merge 1.json edited.json",
            "the names of the runs are",
        ),
        (
            |it| it["circumstances"]["peers"]["tls"][0]["certificate"] = json!("00"),
            "merge 1.json edited.json",
            "the servers' TLS certificates are",
        ),
        (|it| it["limits"] = json!([]), "merge 1.json edited.json", "it says of no limit"),
        (
            |it| {
                (it["started"], it["ended"], it["seconds"]) =
                    (json!("2026-11-24T00:00:00Z"), json!("2026-11-24T00:00:01Z"), json!(1.0))
            },
            "merge 1.json edited.json",
            "hours apart",
        ),
    ];
    for (edit, words, told) in edits {
        let mut edited = record.clone();
        edit(&mut edited);
        workplace.file("edited.json", &edited.to_string());
        let outcome = workplace.run(words);
        assert!(outcome.code == Some(2) && outcome.err.contains(told), "{told}: {outcome:#?}");
    }
}

/// Certificates of the former format are what they were: with other suites, of the reference, and with less said.
#[rstest]
#[case::as_it_is("certificate.json", "", 1, "it was made with other")]
#[case::accepted(
    "certificate.json",
    "--any-suites --reference --level full",
    0,
    "It is a full certificate of ssecheck's own reference endpoint: level full, by suites, rules or a profile that this ssecheck does not know."
)]
#[case::says_less(
    "certificate.json",
    "--any-suites --reference",
    0,
    "certificates of its format (`ssecheck-certificate/1`) do not say so"
)]
#[case::not_the_reference("certificate.json", "--any-suites", 1, "of ssecheck's own reference endpoint")]
#[case::endpoint(
    "certificate.json",
    "--any-suites --reference --endpoint https://localhost:39361",
    1,
    "is the tester's word"
)]
#[case::limited("small.json", "--any-suites --reference", 1, "- the run is limited")]
#[case::with_its_record("small.json", "--any-suites --reference --run RECORD", 1, "it was compared, and agrees")]
fn a_former_certificate_is_what_it_is(#[case] name: &str, #[case] words: &str, #[case] code: i32, #[case] told: &str) {
    let former = repository().join("fixtures/certificates/former");
    let path = |name: &str| former.join(name).display().to_string();
    let words = words.replace("RECORD", &path("small.run.json"));
    let outcome = Workplace::new().run(&format!("verify {} --public-key {} {words}", path(name), path("key.pem.pub")));
    assert_eq!(outcome.code, Some(code), "{outcome:#?}");
    assert!(outcome.out.contains(told), "{told}: {}", outcome.out);
    assert!(!outcome.out.contains("Does not agree"), "{}", outcome.out);
}
