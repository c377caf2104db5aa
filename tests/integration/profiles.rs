//! Profiles with departures, levels of certification, and buckets that block SSE-C, by the built binary.

use crate::common::{Served, Workplace, repository};
use rstest::rstest;

/// A profile that declares that the ETags of SSE-C objects are the MD5s of their content.
const DEPARTING: &str = r#"{
  "id": "departing", "title": "t", "about": "a", "source": "s",
  "departures": [{"id": "etag-is-md5", "rules": ["etag-not-md5"], "cases": ["etag/not-md5"], "reason": "It is the MD5.", "source": "seen", "review": "2000-01-01"}]
}"#;
const RUN: &str = "run --only etag/not-md5 --profile departing.json --report junit=out.xml";

#[test]
fn a_failure_as_declared_is_expected_and_shown() {
    let workplace = Workplace::new();
    workplace.file("departing.json", DEPARTING);
    let served = Served::start_with(&workplace, "--fault etag-md5");
    let outcome = workplace.run_against(&served, RUN);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    for told in ["3 expected failure", "etag-is-md5", "It is the MD5.", "seen"] {
        assert!(outcome.out.contains(told), "{told}: {}", outcome.out);
    }
    let report = workplace.read("out.xml");
    assert_eq!(report.matches("<skipped").count(), 3, "{report}");
    assert!(report.contains("It is the MD5."), "{report}");
    assert!(outcome.err.contains("was to be looked at again from 2000-01-01"), "{}", outcome.err);
}

#[test]
fn a_departure_that_no_longer_happens_fails_the_run() {
    let workplace = Workplace::new();
    workplace.file("departing.json", DEPARTING);
    let outcome = workplace.run(RUN);
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    for told in ["3 unexpected pass", "take it out of the profile"] {
        assert!(outcome.out.contains(told), "{told}: {}", outcome.out);
    }
    assert_eq!(workplace.read("out.xml").matches("<failure").count(), 3);
}

#[rstest]
#[case::no_json("{", "line 1")]
#[case::unknown_member(r#"{"id": "x", "titel": "t"}"#, "titel")]
#[case::no_day(&DEPARTING.replace("2000-01-01", "soon"), "YYYY-MM-DD")]
#[case::no_rule(&DEPARTING.replace("etag-not-md5", "etag-not-md6"), "there is no rule `etag-not-md6`")]
#[case::no_case(&DEPARTING.replace(r#"["etag/not-md5"]"#, "[]"), "names no case")]
fn a_profile_with_a_mistake_stops_the_run(#[case] profile: &str, #[case] told: &str) {
    let workplace = Workplace::new();
    workplace.file("departing.json", profile);
    let outcome = workplace.run(RUN);
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains(told) && outcome.err.contains("departing.json"), "{}", outcome.err);
}

#[test]
fn sse_c_that_is_blocked_on_new_buckets_is_told_and_can_be_allowed() {
    let workplace = Workplace::new();
    let served = Served::start_with(&workplace, "--block-ssec");
    let blocked = workplace.run_against(&served, "run --only round-trip/put");
    assert_eq!(blocked.code, Some(3), "{blocked:#?}");
    assert!(blocked.err.contains("--allow-ssec"), "{}", blocked.err);

    let words =
        "run --allow-ssec --only round-trip/put --only versions/ --only default-encryption/ --only blocked-read";
    let allowed = workplace.run_against(&served, words);
    assert_eq!(allowed.code, Some(0), "{allowed:#?}");
    assert!(!allowed.out.contains("not supported") && !allowed.out.contains("Could not be removed"), "{}", allowed.out);

    let given = workplace.run_against(&served, "run --allow-ssec --bucket mine");
    assert_eq!(given.code, Some(2), "{given:#?}");
    assert!(given.err.contains("--bucket"), "{}", given.err);
}

#[test]
fn what_the_endpoint_lacks_is_told_with_the_probe_and_accuses_nobody() {
    let workplace = Workplace::new();
    let probe = r#"{"id": "has-it", "title": "t", "why": "w", "level": "may", "capability": {"level": "extended"},
      "steps": [{"id": "ask", "probe": true, "request": {"operation": "GetObject"}, "lacks": {"status": ["404"]}}]}"#;
    let scenario = r#"{"id": "needs-it", "title": "t", "why": "w", "level": "must", "rules": ["put-echoes"], "requires": ["has-it"],
      "steps": [{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}}}]}"#;
    let suite = format!(
        r#"{{"id": "own", "title": "t", "about": "a", "keys": {{"K": {{}}}}, "bodies": {{"data": {{"text": "d"}}}}, "scenarios": [{probe}, {scenario}]}}"#
    );
    workplace.file("own.json", &suite);
    let outcome = workplace.run("run own.json");
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
    for told in ["1 not supported", "lacks `has-it`", "required by level extended", "`ask`", "404 NoSuchKey"] {
        assert!(outcome.out.contains(told), "{told}: {}", outcome.out);
    }

    workplace.file("own.json", &suite.replace(r#"["has-it"]"#, r#"["has-itt"]"#));
    let mistaken = workplace.run("run own.json");
    assert_eq!(mistaken.code, Some(2), "{mistaken:#?}");
    assert!(mistaken.err.contains("did you mean `has-it`?"), "{}", mistaken.err);
}

#[rstest]
#[case::rule("range-exact", &["documented", "harm: corruption", "how to mend a server", "round-trip/range", "range-across-parts"])]
#[case::scenario("copy/rotate", &["why it matters", "key-rotation", "fails under the faults"])]
#[case::one_case("round-trip/get[0]", &["scenario round-trip/get", "of round-trip/get[0]"])]
#[case::fault("etag-md5", &["breaks", "etag-not-md5", "caught by", "ssecheck serve --fault etag-md5"])]
#[case::capability("versioning", &["required from level extended", "probe", "needed by"])]
#[case::capability_of_a_row("object-key[blank]", &["required from level core", "needed by 1 scenario: consistency/object-key"])]
#[case::optional_capability("complete-with-key", &["no level requires it", "needed by 0 scenarios"])]
#[case::certification_level("full", &["includes: core, extended", "required cases", "not reached without", "object-key[percent]: "])]
#[case::profile("ceph-rgw", &["departure", "to be looked at again from", "16.2.15"])]
fn every_kind_of_id_is_explained(#[case] id: &str, #[case] told: &[&str]) {
    let outcome = Workplace::new().run(&format!("explain {id}"));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    for told in told {
        assert!(outcome.out.contains(told), "{told}: {}", outcome.out);
    }
}

#[test]
fn an_unknown_id_is_not_explained() {
    let outcome = Workplace::new().run("explain range-exactt");
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains("did you mean `range-exact`?"), "{}", outcome.err);
}

/// `ssecheck catalogue > suites/CATALOGUE.md` makes it so.
#[test]
fn the_catalogue_is_current() {
    let checked_in = std::fs::read_to_string(repository().join("suites/CATALOGUE.md")).expect("it is there");
    assert!(Workplace::new().run("catalogue").out == checked_in, "run: ssecheck catalogue > suites/CATALOGUE.md");
}

#[test]
fn coverage_is_shown_with_what_is_left_out() {
    let outcome = Workplace::new().run("coverage");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    for told in ["range-exact", "GetObject 11", "not by", "SelectObjectContent"] {
        assert!(outcome.out.contains(told), "{told}: {}", outcome.out);
    }
}
