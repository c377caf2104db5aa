//! What is refused, what is found in certificates that are signed and untrue, and what is said of them.

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use time::OffsetDateTime;
use time::macros::datetime;

use super::examine::{Compared, Examination, examine};
use super::expectations::Expectations;
use super::facts::LevelReached;
use super::open::{Certificate, Refusal, open};
use super::statement::{Predicate, Report, Terms, TestResult, with_predicate};
use super::{PrivateKey, as_text, sign, statement};
use crate::record::samples::{case, run};
use crate::record::{BuiltIn, BuiltInCase, BuiltInProfile, CaseRecord, Missing, ProfileRecord, RunRecord, SuiteRecord};
use crate::suite::model::{Certification, Level};
use crate::verdict::{NOT_PASSED, Verdict};

pub(super) const NOW: OffsetDateTime = datetime!(2026-11-30 12:00 UTC);
pub(super) const NOT_ATTESTED: [&str; 0] = [];

pub(super) fn terms() -> Terms {
    Terms {
        asked: Certification::Core,
        expires: Some("2027-11-25T00:00:00Z".to_owned()),
        evidence: None,
        is_former: false,
    }
}

/// What is found without evidence.
pub(super) fn examined(
    certificate: &Certificate,
    built_in: &BuiltIn,
    record: Option<(&[u8], &RunRecord)>,
) -> Examination {
    examine(certificate, &Compared { built_in, record, evidence: None, now: NOW })
}

/// Where it falls short of what anybody expects.
pub(super) fn shortfalls(certificate: &Certificate, examination: &Examination) -> Vec<String> {
    Expectations::default().shortfalls(certificate, examination, NOW)
}

/// A run as it is written: three cases passed, one is for a capability that is missing, a recommendation is not kept.
pub(super) fn record() -> RunRecord {
    let full = |id: &str| CaseRecord { certification: Certification::Full, ..case(id, Verdict::Pass, "") };
    let lacking = CaseRecord {
        missing: Some(Missing { capability: "versions".to_owned(), level: Certification::Full }),
        ..CaseRecord { certification: Certification::Full, ..case("s/lacking", Verdict::NotSupported, "") }
    };
    let advice = CaseRecord { level: Level::Should, ..case("s/advice", Verdict::Fail, "r") };
    let cases = vec![case("s/a", Verdict::Pass, ""), case("s/b", Verdict::Pass, ""), full("s/c"), lacking, advice];
    let suite = SuiteRecord {
        id: "s".to_owned(),
        title: "t".to_owned(),
        file: "suites/s.json".to_owned(),
        digest: "0a".to_owned(),
    };
    let label = Some("My S3".to_owned());
    let (ssecheck, ended) = (env!("CARGO_PKG_VERSION").to_owned(), Some("2026-11-25T00:01:01.2345Z".to_owned()));
    written(RunRecord { suites: vec![suite], ssecheck, label, ended, seconds: 61.234_567_890_123_45, ..run(cases) })
}

/// With the members that are computed when a record is made.
pub(super) fn written(mut run: RunRecord) -> RunRecord {
    run.counts = run.counted().collect();
    run.certification = if run.complete { run.attainments() } else { Vec::new() };
    run
}

pub(super) fn built_in() -> BuiltIn {
    BuiltIn {
        suites_digest: "d".to_owned(),
        rules_digest: "d".to_owned(),
        profile: Some(BuiltInProfile {
            digest: "p".to_owned(),
            departs: false,
            suites: record().suites,
            plan_digest: "plan".to_owned(),
            cases: record().cases.iter().map(defined).collect(),
        }),
    }
}

/// A case as the suites define it; each needs what it lacks.
pub(super) fn defined(case: &CaseRecord) -> BuiltInCase {
    BuiltInCase {
        id: case.id.clone(),
        level: case.level,
        certification: case.certification,
        needs: case.missing.iter().map(|missing| (missing.capability.clone(), missing.level)).collect(),
        needs_plain_endpoint: false,
        bucket: case.bucket,
    }
}

/// The record's bytes, the certificate on it, and the key.
fn signed(run: &RunRecord) -> (Vec<u8>, Vec<u8>, PrivateKey) {
    signed_on(run, &terms())
}

fn signed_on(run: &RunRecord, terms: &Terms) -> (Vec<u8>, Vec<u8>, PrivateKey) {
    let key = PrivateKey::generate().unwrap();
    let bytes = run.to_json().unwrap();
    let report = Report { name: "run.json".to_owned(), sha256: Sha256::digest(&bytes).into() };
    let statement = statement(run, &[report], terms).unwrap();
    let file = sign(&serde_json::to_vec(&statement).unwrap(), &key).unwrap();
    (bytes, file, key)
}

pub(super) fn opened(run: &RunRecord) -> Certificate {
    opened_on(run, &terms())
}

pub(super) fn opened_on(run: &RunRecord, terms: &Terms) -> Certificate {
    let (_, file, key) = signed_on(run, terms);
    open(&file, &key.public()).unwrap()
}

/// A certificate whose holder of the key signed something else than the run.
fn forged(change: impl FnOnce(&mut Predicate)) -> Certificate {
    let key = PrivateKey::generate().unwrap();
    let honest = opened(&record());
    let mut predicate = honest.predicate.clone();
    change(&mut predicate);
    let statement = with_predicate(honest.statement().subject.clone(), &predicate);
    open(&sign(&serde_json::to_vec(&statement).unwrap(), &key).unwrap(), &key.public()).unwrap()
}

/// With the level and result that its other members come to, so that nothing but what was changed is untrue.
fn settled(predicate: &mut Predicate) {
    let is_limited = predicate.ssecheck.is_limited();
    let reasons = LevelReached::reasons(&predicate.ssecheck.levels, is_limited);
    for (level, reasons) in predicate.ssecheck.levels.iter_mut().zip(reasons) {
        level.why_not = reasons;
    }
    predicate.ssecheck.attained = predicate.ssecheck.highest();
    predicate.result = predicate.result_of_lists();
}

/// Reasons in the words of former versions follow from the same numbers.
#[test]
fn former_words_of_reasons_are_accepted() {
    let certificate = forged(|it| {
        it.ssecheck.levels[2].not_passed = 1;
        it.ssecheck.levels[2].missing.clear();
        settled(it);
        let former = it.ssecheck.levels[2].why_not.iter_mut();
        former.for_each(|why| {
            *why = why.replace(NOT_PASSED, "required cases that did not pass");
        });
        assert_eq!(it.ssecheck.levels[2].why_not, ["required cases that did not pass: 1"]);
    });
    assert!(!problems(&certificate).contains("why a level is not attested"), "{}", problems(&certificate));
}

fn problems(certificate: &Certificate) -> String {
    examined(certificate, &built_in(), None).problems.join("\n")
}

#[test]
fn what_was_attested_is_verified() {
    let run = record();
    let (bytes, file, key) = signed(&run);
    let certificate = open(&file, &key.public()).unwrap();
    assert_eq!(certificate.key, key.public().id());
    let parsed = crate::record::parse(&bytes, "run.json".as_ref()).unwrap();
    for record in [None, Some((bytes.as_slice(), &parsed))] {
        let examination = examined(&certificate, &built_in(), record);
        let (others, unlisted, problems) = (Vec::new(), Vec::new(), Vec::new());
        let expected = Examination { others, record: record.is_some(), evidence: false, unlisted, problems };
        assert_eq!(examination, expected);
        let of_level = |level| Expectations { level, ..Expectations::default() };
        let shortfalls = |level| of_level(level).shortfalls(&certificate, &examination, NOW);
        assert_eq!(shortfalls(None), NOT_ATTESTED);
        assert_eq!(shortfalls(Some(Certification::Extended)), NOT_ATTESTED);
        assert_eq!(shortfalls(Some(Certification::Full)), ["the level full is not attested"]);
    }
}

#[test]
fn every_byte_counts() {
    let (_, file, key) = signed(&record());
    let key = key.public();
    for at in 0..file.len() {
        for change in [0x01, 0x20] {
            let mut changed = file.clone();
            changed[at] ^= change;
            assert!(open(&changed, &key).is_err(), "byte {at} ^ {change}");
        }
    }
    for length in 0..file.len() {
        assert!(open(&file[..length], &key).is_err(), "the first {length} bytes");
    }
    for more in [&b" "[..], b"\n", b"\0", b"}", &file] {
        assert!(open(&[&file, more].concat(), &key).is_err(), "with {more:?} at the end");
    }
}

/// What another tool could sign with the same key, or ssecheck at another time.
#[rstest]
#[case::statement_type(
    "https://in-toto.io/Statement/v1",
    "https://in-toto.io/Statement/v0.1",
    "a statement of the type"
)]
#[case::predicate_type("test-result/v0.1", "test-result/v0.2", "a statement of the type")]
#[case::format("ssecheck-certificate/2", "ssecheck-certificate/3", "use the version that made it")]
#[case::former_format("ssecheck-certificate/2", "ssecheck-certificate/1", "another tool")]
#[case::no_end(r#""expires":"2027-11-25T00:00:00Z","#, "", "another tool")]
#[case::unknown_member_of_the_statement(r#""subject":"#, r#""more":1,"subject":"#, "another tool")]
#[case::unknown_member_of_the_predicate(r#""passedTests":"#, r#""more":1,"passedTests":"#, "unknown field `more`")]
#[case::unknown_member_of_ours(r#""embedded":"#, r#""more":1,"embedded":"#, "unknown field `more`")]
#[case::unknown_member_of_a_level(r#""whyNot":"#, r#""more":1,"whyNot":"#, "unknown field `more`")]
#[case::unknown_member_of_a_resource(r#""uri":"#, r#""mediaType":"x","uri":"#, "unknown field `mediaType`")]
#[case::unknown_member_of_the_profile(r#"{"id":"portable""#, r#"{"more":1,"id":"portable""#, "another tool")]
#[case::another_digest_of_a_report(r#""digest":{"sha256""#, r#""digest":{"sha384":"00","sha256""#, "another tool")]
#[case::doubled_member(r#""limits":[]"#, r#""limits":["x"],"limits":[]"#, "another tool")]
#[case::doubled_member_of_the_statement(
    r#""predicateType":"#,
    r#""predicateType":"x","predicateType":"#,
    "duplicate field"
)]
#[case::blank(r#""limits":[]"#, r#""limits": []"#, "another tool")]
#[case::other_order(r#""limits":[],"claims":"#, r#""limits":[],"bucket":"b","claims":"#, "another tool")]
#[case::number_written_otherwise(r#""counts":{"pass":3"#, r#""counts":{"pass":3.0"#, "invalid type")]
#[case::lacking_member(r#""limits":[],"#, "", "missing field `limits`")]
#[case::unknown_verdict(r#"{"pass":3"#, r#"{"passing":3"#, "unknown variant `passing`")]
#[case::unknown_result(r#""WARNED""#, r#""GOOD""#, "unknown variant `GOOD`")]
#[case::unknown_level(r#""attained":"extended""#, r#""attained":"fuller""#, "`fuller` is no level")]
#[case::digest_in_capitals(r#""digest":{"sha256":"#, r#""digest":{"SHA256":"#, "another tool")]
fn a_signature_alone_is_not_enough(#[case] from: &str, #[case] to: &str, #[case] told: &str) {
    let key = PrivateKey::generate().unwrap();
    let payload = serde_json::to_string(opened(&record()).statement()).unwrap();
    assert!(open(&sign(payload.as_bytes(), &key).unwrap(), &key.public()).is_ok());
    let changed = payload.replacen(from, to, 1);
    assert_ne!(changed, payload, "nothing was changed");
    let refusal = open(&sign(changed.as_bytes(), &key).unwrap(), &key.public()).unwrap_err();
    assert!(refusal.to_string().contains(told), "{refusal}");
}

#[rstest]
#[case::counts(|it: &mut Predicate| { it.ssecheck.counts.insert(Verdict::Blocked, 1); }, "its counts are not those")]
#[case::counts_beyond_numbers(|it: &mut Predicate| { it.ssecheck.counts.insert(Verdict::Pass, usize::MAX); }, "its counts are not those")]
#[case::a_pass_counted_as_another(|it: &mut Predicate| {
    it.ssecheck.counts.insert(Verdict::Pass, 2);
    it.ssecheck.counts.insert(Verdict::Fail, 2);
}, "it counts other passes than it lists")]
#[case::a_failure_listed_as_left_out(|it: &mut Predicate| {
    it.ssecheck.other_tests.append(&mut it.warned_tests);
    settled(it);
}, "it lists more cases as left out than it counts")]
#[case::a_case_twice(|it: &mut Predicate| it.warned_tests.push("s/a".to_owned()), "it lists a case twice")]
#[case::a_case_less(|it: &mut Predicate| {
    it.passed_tests.pop();
    it.ssecheck.counts.insert(Verdict::Pass, 2);
}, "it says to be of all built-in cases, and lists others")]
#[case::a_case_more(|it: &mut Predicate| {
    it.passed_tests.push("s/more".to_owned());
    it.ssecheck.counts.insert(Verdict::Pass, 4);
}, "it says to be of all built-in cases, and lists others")]
#[case::other_suites(|it: &mut Predicate| it.configuration[0].name = "suites/t.json".to_owned(), "and lists others")]
#[case::limits_and_a_level(|it: &mut Predicate| it.ssecheck.limits.push("x".to_owned()), "it attests a level although it has limits")]
#[case::not_complete_and_a_level(|it: &mut Predicate| it.ssecheck.complete = false, "it attests a level although it has limits")]
#[case::not_complete_without_reason(|it: &mut Predicate| { it.ssecheck.complete = false; settled(it); }, "does not say why")]
#[case::embedded(|it: &mut Predicate| it.ssecheck.embedded = true, "it says of no limit, and has some")]
#[case::own_profile(|it: &mut Predicate| it.ssecheck.profile.file = Some("p.json".to_owned()), "it says of no limit, and has some")]
#[case::excused(|it: &mut Predicate| {
    it.ssecheck.counts.remove(&Verdict::Fail);
    it.ssecheck.counts.insert(Verdict::ExpectedFailure, 1);
}, "it says of no limit, and has some")]
#[case::higher_level(|it: &mut Predicate| it.ssecheck.attained = Some(Certification::Full), "the level that it attests does not follow")]
#[case::lower_level(|it: &mut Predicate| it.ssecheck.attained = None, "the level that it attests does not follow")]
#[case::reasons_left_out(|it: &mut Predicate| it.ssecheck.levels[2].why_not.clear(), "why a level is not attested does not follow")]
#[case::levels_left_out(|it: &mut Predicate| { it.ssecheck.levels.pop(); }, "it does not tell of each level once")]
#[case::level_of_more_cases(|it: &mut Predicate| it.ssecheck.levels[2].passed = 4, "the numbers of its levels")]
#[case::levels_that_shrink(|it: &mut Predicate| it.ssecheck.levels[1].passed = 1, "the numbers of its levels")]
#[case::better_result(|it: &mut Predicate| it.result = TestResult::Passed, "its result does not follow")]
#[case::worse_result(|it: &mut Predicate| it.result = TestResult::Failed, "its result does not follow")]
#[case::failed_all_the_same(|it: &mut Predicate| it.failed_tests.append(&mut it.warned_tests), "its result does not follow")]
#[case::more_asked_than_attained(|it: &mut Predicate| it.ssecheck.asked = Certification::Full, "its result does not follow")]
#[case::claims(|it: &mut Predicate| it.ssecheck.claims.clear(), "the tester's word")]
#[case::other_label(|it: &mut Predicate| it.ssecheck.label = Some("Another S3".to_owned()), "the tester's word")]
#[case::version(|it: &mut Predicate| it.ssecheck.version = "9".to_owned(), "its configuration is not what else it says")]
fn what_contradicts_itself_is_told(#[case] change: fn(&mut Predicate), #[case] told: &str) {
    let certificate = forged(change);
    assert!(problems(&certificate).contains(told), "{}", problems(&certificate));
    let examination = examined(&certificate, &built_in(), None);
    let any_suites = Expectations { any_suites: true, ..Expectations::default() };
    assert!(!any_suites.shortfalls(&certificate, &examination, NOW).is_empty());
}

#[test]
fn what_was_changed_back_is_not_told() {
    assert_eq!(problems(&forged(|_| {})), "");
    assert_eq!(problems(&forged(settled)), "");
}

#[rstest]
#[case::no_report(json!([]), "it does not name the record")]
#[case::no_name(json!([{"name": "", "digest": {"sha256": "00".repeat(32)}}]), "it does not name the record")]
#[case::alike(json!([{"name": "a", "digest": {"sha256": "00".repeat(32)}}, {"name": "a", "digest": {"sha256": "01".repeat(32)}}]), "two reports alike")]
fn reports_are_named(#[case] subjects: Value, #[case] told: &str) {
    let key = PrivateKey::generate().unwrap();
    let mut statement = serde_json::to_value(opened(&record()).statement()).unwrap();
    statement["subject"] = subjects;
    let file = sign(statement.to_string().as_bytes(), &key).unwrap();
    let found = problems(&open(&file, &key.public()).unwrap());
    assert!(found.contains(told), "{found}");
}

#[rstest]
#[case::suites(|it: &mut BuiltIn| it.suites_digest = "e".to_owned(), &["suites"])]
#[case::rules(|it: &mut BuiltIn| it.rules_digest = "e".to_owned(), &["rules"])]
#[case::profile(|it: &mut BuiltIn| it.profile.as_mut().unwrap().digest = "e".to_owned(), &["profile"])]
#[case::no_such_profile(|it: &mut BuiltIn| it.profile = None, &["profile"])]
#[case::all(|it: &mut BuiltIn| *it = BuiltIn { suites_digest: "e".to_owned(), rules_digest: "e".to_owned(), profile: None }, &["suites", "rules", "profile"])]
fn what_was_made_with_others_is_told_and_accepted_where_asked(
    #[case] change: fn(&mut BuiltIn),
    #[case] others: &[&str],
) {
    let (mut built_in, certificate) = (built_in(), opened(&record()));
    change(&mut built_in);
    let examination = examined(&certificate, &built_in, None);
    assert_eq!(examination.others, others);
    assert_eq!(examination.problems, [] as [&str; 0]);
    let shortfalls = shortfalls(&certificate, &examination).join("\n");
    assert!(
        shortfalls.contains("by ssecheck 0.1.0, and this is ssecheck") && shortfalls.contains("--any-suites"),
        "{shortfalls}"
    );
    let any_suites = Expectations { any_suites: true, ..Expectations::default() };
    assert_eq!(any_suites.shortfalls(&certificate, &examination, NOW), NOT_ATTESTED);
}

#[test]
fn departures_are_limits() {
    let mut built_in = built_in();
    built_in.profile.as_mut().unwrap().departs = true;
    let examination = examined(&opened(&record()), &built_in, None);
    assert_eq!(examination.problems, ["it says of no limit, and its profile declares deviations"]);
}

/// Each is no certificate of any level, and none contradicts itself.
#[rstest]
#[case::limited(|run: &mut RunRecord| run.limits.push("x".to_owned()), "the run is limited\nthe level core is not attested")]
#[case::failed(|run: &mut RunRecord| run.cases[0].verdict = Verdict::Fail, "its result is FAILED\nthe level core is not attested")]
#[case::failed_beyond(|run: &mut RunRecord| run.cases[2].verdict = Verdict::Blocked, "its result is FAILED")]
#[case::baseline(|run: &mut RunRecord| {
    run.baseline = Some(crate::record::BaselineRecord { file: "b".to_owned(), digest: None, strict: false });
    run.limits.push("x".to_owned());
    run.cases[0].verdict = Verdict::ExpectedFailure;
}, "the run is limited\nthe level core is not attested")]
fn an_honest_certificate_need_not_be_a_full_one(#[case] change: fn(&mut RunRecord), #[case] expected: &str) {
    let mut run = record();
    change(&mut run);
    let run = written(run);
    let (bytes, file, key) = signed(&run);
    let certificate = open(&file, &key.public()).unwrap();
    let examination = examined(&certificate, &built_in(), Some((&bytes, &run)));
    assert_eq!(examination.problems, [] as [&str; 0]);
    assert_eq!(shortfalls(&certificate, &examination).join("\n"), expected);
}

#[rstest]
#[case::verdict(|run: &mut RunRecord| run.cases[1].verdict = Verdict::Fail, &["passedTests` has 3 entries, and 2 by the record; only here: \"s/b\"", "failedTests` has 0", "ssecheck.counts.pass` is 3, and 2", "ssecheck.attained` is \"extended\", and \"none\"", "`result` is \"WARNED\", and \"FAILED\""])]
#[case::level(|run: &mut RunRecord| run.cases[4].level = Level::Must, &["warnedTests", "failedTests"])]
#[case::removed(|run: &mut RunRecord| { run.cases.remove(0); }, &["only here: \"s/a\"", "ssecheck.counts.pass` is 3, and 2"])]
#[case::added(|run: &mut RunRecord| run.cases.push(case("s/more", Verdict::Pass, "")), &["only there: \"s/more\""])]
#[case::limits(|run: &mut RunRecord| run.limits.push("x".to_owned()), &["ssecheck.limits` has 0 entries, and 1", "ssecheck.attained"])]
#[case::endpoint(|run: &mut RunRecord| run.endpoint = "https://other/".to_owned(), &["ssecheck.endpoint` is \"https://localhost/\", and \"https://other/\""])]
#[case::plain(|run: &mut RunRecord| run.plain_endpoint = "not told".to_owned(), &["ssecheck.plainEndpoint", "ssecheck.claims"])]
#[case::label(|run: &mut RunRecord| run.label = None, &["ssecheck.label` is \"My S3\", and null"])]
#[case::server(|run: &mut RunRecord| run.server = Some("S".to_owned()), &["ssecheck.server` is null, and \"S\""])]
#[case::profile(|run: &mut RunRecord| run.profile = ProfileRecord { id: "aws".to_owned(), file: None, digest: "q".to_owned() }, &["ssecheck.profile.id", "ssecheck.profile.digest", "configuration"])]
#[case::suites(|run: &mut RunRecord| run.suites[0].digest = "0b".to_owned(), &["configuration"])]
#[case::suites_digest(|run: &mut RunRecord| run.suites_digest = "e".to_owned(), &["ssecheck.suitesDigest"])]
#[case::rules_digest(|run: &mut RunRecord| run.rules_digest = "e".to_owned(), &["ssecheck.rulesDigest"])]
#[case::time(|run: &mut RunRecord| run.started = "2027-01-01T00:00:00Z".to_owned(), &["ssecheck.started"])]
#[case::length(|run: &mut RunRecord| run.seconds += 1.0, &["ssecheck.seconds"])]
#[case::id(|run: &mut RunRecord| run.run = "other".to_owned(), &["ssecheck.run"])]
#[case::bucket(|run: &mut RunRecord| run.bucket = "other".to_owned(), &["ssecheck.bucket"])]
#[case::version(|run: &mut RunRecord| run.ssecheck = "1".to_owned(), &["ssecheck.version"])]
#[case::missing(|run: &mut RunRecord| run.cases[3].missing = None, &["ssecheck.levels"])]
#[case::end(|run: &mut RunRecord| run.ended = Some("2026-11-25T00:01:02Z".to_owned()), &["ssecheck.ended"])]
#[case::evidence(|run: &mut RunRecord| run.evidence_digest = Some("e".to_owned()), &["the record names other evidence"])]
#[case::program(|run: &mut RunRecord| run.circumstances.as_mut().unwrap().program = Some("e".to_owned()), &["ssecheck.circumstances.program"])]
#[case::settings(|run: &mut RunRecord| _ = run.circumstances.as_mut().unwrap().settings.insert("jobs".to_owned(), "8".to_owned()), &["ssecheck.circumstances.settings.jobs"])]
#[case::interrupted(|run: &mut RunRecord| run.interrupted = true, &["the record is of a run that was interrupted"])]
fn another_record_is_told(#[case] change: fn(&mut RunRecord), #[case] told: &[&str]) {
    let certificate = opened(&record());
    let mut run = record();
    change(&mut run);
    let run = written(run);
    let found = examined(&certificate, &built_in(), Some((&run.to_json().unwrap(), &run))).problems.join("\n");
    for told in told.iter().chain(&["the record is not the one attested"]) {
        assert!(found.contains(told), "{told}: {found}");
    }
}

/// The digest is right, so that the holder of the key signed for a record that says something else.
#[test]
fn a_record_of_the_right_digest_is_recomputed_all_the_same() {
    let run = record();
    let bytes = run.to_json().unwrap();
    let certificate = forged(|predicate| {
        let moved = predicate.warned_tests.pop().unwrap();
        predicate.passed_tests.push(moved);
        predicate.ssecheck.counts.remove(&Verdict::Fail);
        predicate.ssecheck.counts.insert(Verdict::Pass, 4);
        predicate.ssecheck.unpassed.as_mut().unwrap().retain(|case| case.case != "s/advice");
        settled(predicate);
    });
    assert_eq!(problems(&certificate), "", "it agrees with itself");
    let found = examined(&certificate, &built_in(), Some((&bytes, &run))).problems.join("\n");
    assert!(!found.contains("not the one attested"), "{found}");
    for told in ["only here: \"s/advice\"", "warnedTests` has 0 entries, and 1", "counts.fail", "`result`"] {
        assert!(found.contains(told), "{told}: {found}");
    }
}

/// What is recorded beside the cases must follow from them, too.
#[rstest]
#[case::counts(|run: &mut RunRecord| { run.counts.insert(Verdict::Pass, 9); }, "the record contradicts itself: its counts are not those of its cases")]
#[case::levels(|run: &mut RunRecord| run.certification[2].passed = 9, "what it says of certification levels does not follow from its cases and limits")]
fn a_record_that_contradicts_itself_is_told(#[case] change: fn(&mut RunRecord), #[case] told: &str) {
    let mut run = record();
    change(&mut run);
    let (bytes, file, key) = signed(&run);
    let certificate = open(&file, &key.public()).unwrap();
    let found = examined(&certificate, &built_in(), Some((&bytes, &run))).problems;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains(told), "{found:?}");
}

#[test]
fn long_differences_are_cut() {
    let mut run = record();
    let text = || "x".repeat(1000);
    (run.endpoint, run.bucket, run.run) = (text(), text(), text());
    let run = written(run);
    let found = examined(&opened(&record()), &built_in(), Some((&run.to_json().unwrap(), &run))).problems;
    assert!(found.iter().all(|line| line.len() < 400), "{found:#?}");
}

#[test]
fn what_is_said_of_it_is_printable_and_on_lines_of_its_own() {
    let mut run = record();
    run.server = Some("S\u{1b}[2J".to_owned());
    run.label = Some("My S3\nresult     PASSED\u{202e}".to_owned());
    run.limits.push("--only a\nlevel      full".to_owned());
    let certificate = opened(&written(run));
    let examination = examined(&certificate, &built_in(), None);
    let text = as_text(&certificate, &examination, &shortfalls(&certificate, &examination));
    assert!(!text.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("result")).collect::<Vec<_>>(), ["result     WARNED"]);
    assert_eq!(text.lines().filter(|line| line.starts_with("level")).count(), 1, "{text}");
}

#[test]
fn both_what_is_attested_and_what_is_not_are_told() {
    let certificate = opened(&record());
    let examination = examined(&certificate, &built_in(), None);
    let text = as_text(&certificate, &examination, &[]);
    for told in [
        certificate.key.as_str(),
        "My S3 (the tester's word)",
        "https://localhost/; plain HTTP: none",
        "started 2026-11-25T00:00:00Z, ended 2026-11-25T00:01:01.2345Z by the tester's clock",
        "Failed, and not required or as declared (1, worst harm first):\n  - s/advice (should, fail; breaks r, harm interoperability): step `put`: status: expected 4xx, got 200",
        "Capabilities that the endpoint lacks, each with the cases that were not run for it (1):\n  - versions (required by full), 1: s/lacking\n",
        "valid      until 2027-11-25T00:00:00Z",
        "trusted by the authorities of the tester's system",
        "evidence   none was kept",
        "profile portable; suites, rules and profile are those of this ssecheck",
        "5: 3 pass, 1 fail, 1 not supported",
        "result     WARNED",
        "level      extended (requested: core)",
        "full: 3 required cases passed; not attested: capabilities that are missing: versions",
        "run.json, SHA-256",
        "Whoever holds the key can sign anything",
        "at the stated time and with the stated settings",
        "beyond the 3 cases that passed",
        "no listener without TLS (--plain-endpoint none): that is the tester's word alone",
        "`My S3` (--label): that is the tester's word alone",
        "(run.json) says the same: it was not compared",
        "passed     s 3 of 5",
        "It is a full certificate: level extended.",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

proptest! {
    #[test]
    fn any_signed_payload_is_refused_without_panic(payload in proptest::collection::vec(any::<u8>(), 0..200)) {
        let key = PrivateKey::generate().unwrap();
        let refusal = open(&sign(&payload, &key).unwrap(), &key.public());
        prop_assert!(matches!(refusal, Err(Refusal::NoStatement(_))));
    }

    #[test]
    fn any_length_of_a_run_is_read_back_as_it_was(seconds in 0.0..4e5) {
        let ended = datetime!(2026-11-25 00:00 UTC) + time::Duration::seconds_f64(seconds);
        let run = RunRecord { seconds, ended: Some(crate::record::rfc3339(ended.into())), ..record() };
        let (bytes, file, key) = signed(&run);
        let parsed = crate::record::parse(&bytes, "run.json".as_ref()).unwrap();
        let certificate = open(&file, &key.public());
        prop_assert!(certificate.is_ok(), "{certificate:?}");
        let examination = examined(&certificate.unwrap(), &built_in(), Some((&bytes, &parsed)));
        prop_assert_eq!(examination.problems, [] as [&str; 0]);
    }

    /// A statement of which any one value is another is refused, or examined without panic.
    #[test]
    fn any_value_in_the_place_of_another_is_examined_without_panic(at in any::<prop::sample::Index>(), value in values()) {
        let key = PrivateKey::generate().unwrap();
        let mut statement = serde_json::to_value(opened(&record()).statement()).unwrap();
        let pointers = pointers(&statement);
        let pointer: &String = at.get(&pointers);
        *statement.pointer_mut(pointer).unwrap() = value;
        if let Ok(certificate) = open(&sign(statement.to_string().as_bytes(), &key).unwrap(), &key.public()) {
            let run = record();
            let examination = examined(&certificate, &built_in(), Some((&run.to_json().unwrap(), &run)));
            let _ = as_text(&certificate, &examination, &shortfalls(&certificate, &examination));
        }
    }
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!([])),
        Just(json!({})),
        Just(json!("none")),
        Just(json!(0)),
        Just(json!(18_446_744_073_709_551_615_u64)),
        Just(json!(true)),
        Just(Value::Null),
        "\\PC{0,20}".prop_map(Value::from),
    ]
}

/// The JSON pointers of all values within.
fn pointers(value: &Value) -> Vec<String> {
    let within: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(entries) => entries.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    let of = |(name, value): (String, &Value)| {
        let deeper = pointers(value).into_iter().map(|rest| format!("/{name}{rest}")).collect::<Vec<_>>();
        std::iter::once(format!("/{name}")).chain(deeper).collect::<Vec<_>>()
    };
    within.into_iter().flat_map(of).collect()
}
