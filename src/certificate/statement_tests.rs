//! What is attested of which run.

use rstest::rstest;
use serde_json::json;

use super::facts::KeptEvidence;
use super::statement::*;
use crate::baseline::Standing;
use crate::record::samples::{case, run};
use crate::record::{BaselineRecord, CaseRecord, Missing, RunRecord, SuiteRecord};
use crate::suite::model::{Certification, Level};
use crate::verdict::Verdict;
use Certification::{Core, Extended, Full};
use TestResult::{Failed, Passed, Warned};

fn terms(asked: Certification) -> Terms {
    let evidence = Some(KeptEvidence { sha256: "e0".to_owned(), is_complete: true });
    Terms { asked, expires: Some("2027-11-25T00:00:00Z".to_owned()), evidence, is_former: false }
}

fn level(level: Level, case: CaseRecord) -> CaseRecord {
    CaseRecord { level, ..case }
}

fn extended(case: CaseRecord) -> CaseRecord {
    CaseRecord { certification: Extended, ..case }
}

fn incomplete(case: CaseRecord) -> CaseRecord {
    CaseRecord { incomplete: true, ..case }
}

fn lacking(asked_by: Certification, case: CaseRecord) -> CaseRecord {
    CaseRecord { missing: Some(Missing { capability: "versions".to_owned(), level: asked_by }), ..case }
}

fn pass() -> CaseRecord {
    case("s/pass", Verdict::Pass, "")
}

fn other(verdict: Verdict) -> CaseRecord {
    case("s/other", verdict, "")
}

const LIMIT: &str = "only a part of the cases was run: --only x";

#[rstest]
#[case::all_pass(vec![pass()], None, Core, Passed, Some(Full))]
#[case::all_pass_and_full_was_asked(vec![pass()], None, Full, Passed, Some(Full))]
#[case::nothing(vec![], None, Core, Failed, None)]
#[case::nothing_judged(vec![other(Verdict::Skipped)], None, Core, Failed, None)]
#[case::only_recommendations(vec![level(Level::Should, pass())], None, Core, Failed, None)]
#[case::required_failure(vec![pass(), other(Verdict::Fail)], None, Core, Failed, None)]
#[case::required_failure_of_a_higher_level(vec![pass(), extended(other(Verdict::Fail))], None, Core, Failed, Some(Core))]
#[case::required_without_verdict(vec![pass(), other(Verdict::Error)], None, Core, Failed, None)]
#[case::left_out(vec![pass(), incomplete(other(Verdict::Skipped))], None, Core, Failed, None)]
#[case::not_called_for(vec![pass(), other(Verdict::Skipped)], None, Core, Passed, Some(Full))]
#[case::recommendation_not_kept(vec![pass(), level(Level::Should, other(Verdict::Fail))], None, Core, Warned, Some(Full))]
#[case::option_without_verdict(vec![pass(), level(Level::May, other(Verdict::Blocked))], None, Full, Warned, Some(Full))]
#[case::missing_beyond_what_was_asked(vec![pass(), lacking(Extended, extended(other(Verdict::NotSupported)))], None, Core, Passed, Some(Core))]
#[case::missing_of_what_was_asked(vec![pass(), lacking(Extended, extended(other(Verdict::NotSupported)))], None, Extended, Failed, Some(Core))]
#[case::missing_and_a_recommendation_not_kept(vec![pass(), lacking(Full, other(Verdict::NotSupported)), level(Level::May, case("s/third", Verdict::Fail, ""))], None, Full, Failed, Some(Extended))]
#[case::limited(vec![pass()], Some(LIMIT), Core, Warned, None)]
#[case::limited_and_expected_failures(vec![pass(), other(Verdict::ExpectedFailure)], Some(LIMIT), Core, Warned, None)]
#[case::limited_and_out_of_date(vec![pass(), other(Verdict::UnexpectedPass)], Some(LIMIT), Core, Failed, None)]
#[case::limited_and_a_recommendation(vec![pass(), level(Level::May, other(Verdict::Fail))], Some(LIMIT), Core, Warned, None)]
#[case::limited_and_a_required_failure(vec![pass(), other(Verdict::Fail)], Some(LIMIT), Core, Failed, None)]
#[case::limited_and_nothing_judged(vec![other(Verdict::NotSupported)], Some(LIMIT), Core, Failed, None)]
fn result_and_level(
    #[case] cases: Vec<CaseRecord>,
    #[case] limit: Option<&str>,
    #[case] asked: Certification,
    #[case] result: TestResult,
    #[case] attained: Option<Certification>,
) {
    let run = RunRecord { limits: limit.map(str::to_owned).into_iter().collect(), ..run(cases) };
    let predicate = Predicate::of(&run, &terms(asked));
    assert_eq!((predicate.result, predicate.ssecheck.attained), (result, attained), "{predicate:#?}");
    assert_eq!(predicate.ssecheck.limits, run.limits);
    for level in Certification::ALL {
        assert_eq!(predicate.attests(level), result != Failed && attained >= Some(level), "{level:?}");
    }
}

#[test]
fn a_run_that_is_not_complete_attests_nothing_even_if_it_says_no_limit() {
    let run = RunRecord { complete: false, ..run(vec![pass()]) };
    let predicate = Predicate::of(&run, &terms(Core));
    assert_eq!((predicate.result, predicate.ssecheck.attained), (Warned, None));
}

#[test]
fn an_interrupted_run_is_not_attested() {
    let run = RunRecord { interrupted: true, ..run(vec![pass()]) };
    assert_eq!(statement(&run, &[], &terms(Core)), Err(NotAttested::Interrupted));
}

#[rstest]
#[case(Verdict::Pass, Level::Must, "passedTests")]
#[case(Verdict::Pass, Level::May, "passedTests")]
#[case(Verdict::Fail, Level::Must, "failedTests")]
#[case(Verdict::Fail, Level::Should, "warnedTests")]
#[case(Verdict::Fail, Level::May, "warnedTests")]
#[case(Verdict::ExpectedFailure, Level::Must, "warnedTests")]
#[case(Verdict::ExpectedFailure, Level::Should, "warnedTests")]
#[case(Verdict::UnexpectedPass, Level::Must, "failedTests")]
#[case(Verdict::UnexpectedPass, Level::May, "failedTests")]
#[case(Verdict::Inconclusive, Level::Must, "failedTests")]
#[case(Verdict::Inconclusive, Level::Should, "warnedTests")]
#[case(Verdict::Blocked, Level::Must, "failedTests")]
#[case(Verdict::Blocked, Level::May, "warnedTests")]
#[case(Verdict::Error, Level::Must, "failedTests")]
#[case(Verdict::Error, Level::Should, "warnedTests")]
#[case(Verdict::NotSupported, Level::Must, "otherTests")]
#[case(Verdict::Skipped, Level::Must, "otherTests")]
fn each_case_is_in_one_list(#[case] verdict: Verdict, #[case] of: Level, #[case] list: &str) {
    assert_eq!(list_of(&run(vec![pass(), level(of, other(verdict))])), list);
}

#[rstest]
#[case::required_and_left_out(incomplete(other(Verdict::Skipped)), None, "failedTests")]
#[case::recommended_and_left_out(level(Level::Should, incomplete(other(Verdict::Skipped))), None, "otherTests")]
#[case::news(level(Level::May, other(Verdict::Fail)), Some((Standing::New, true)), "failedTests")]
#[case::news_without_strict(level(Level::May, other(Verdict::Fail)), Some((Standing::New, false)), "warnedTests")]
#[case::as_known(level(Level::May, other(Verdict::ExpectedFailure)), Some((Standing::Known, true)), "warnedTests")]
#[case::went_missing(other(Verdict::NotSupported), Some((Standing::New, true)), "failedTests")]
#[case::went_missing_without_strict(other(Verdict::NotSupported), Some((Standing::New, false)), "otherTests")]
fn what_fails_the_run_is_among_the_failed(
    #[case] case: CaseRecord,
    #[case] baseline: Option<(Standing, bool)>,
    #[case] list: &str,
) {
    let standing = baseline.map(|(standing, _)| standing);
    let baseline = baseline.map(|(_, strict)| BaselineRecord { file: "b".to_owned(), digest: None, strict });
    assert_eq!(list_of(&RunRecord { baseline, ..run(vec![pass(), CaseRecord { standing, ..case }]) }), list);
}

fn list_of(run: &RunRecord) -> &'static str {
    let predicate = Predicate::of(run, &terms(Core));
    let lists = [
        ("passedTests", &predicate.passed_tests),
        ("warnedTests", &predicate.warned_tests),
        ("failedTests", &predicate.failed_tests),
        ("otherTests", &predicate.ssecheck.other_tests),
    ];
    let holding: Vec<&str> =
        lists.into_iter().filter(|(_, ids)| ids.contains(&"s/other".to_owned())).map(|(list, _)| list).collect();
    assert_eq!(holding.len(), 1, "{predicate:#?}");
    holding[0]
}

#[test]
fn why_a_level_is_not_attested() {
    let cases = vec![
        level(Level::Should, pass()),
        other(Verdict::Fail),
        lacking(Full, case("s/third", Verdict::NotSupported, "")),
    ];
    let facts = Predicate::of(&RunRecord { limits: vec![LIMIT.to_owned()], ..run(cases) }, &terms(Core)).ssecheck;
    let why: Vec<String> = facts.levels.iter().map(|level| level.why_not.join("; ")).collect();
    let core = "the run is limited; no required case passed; cases in its way that did not pass, required or with harm to data: 1";
    let full = format!("{core}; capabilities that are missing: versions");
    assert_eq!(why, [core, core, &full]);
}

#[rstest]
#[case::none("none", None, &["no listener without TLS (--plain-endpoint none)"])]
#[case::told("http://h:9/", None, &["that http://h:9/ is the same service"])]
#[case::not_told("not told", None, &[])]
#[case::labelled("not told", Some("My S3 1.0"), &["`My S3 1.0` (--label)"])]
#[case::both("none", Some("My S3 1.0"), &["no listener", "My S3 1.0"])]
fn what_rests_on_the_testers_word(#[case] plain: &str, #[case] label: Option<&str>, #[case] told: &[&str]) {
    let run = RunRecord { plain_endpoint: plain.to_owned(), label: label.map(str::to_owned), ..run(vec![pass()]) };
    let claims = Predicate::of(&run, &terms(Core)).ssecheck.claims;
    assert_eq!(claims.len(), told.len(), "{claims:?}");
    for (claim, told) in claims.iter().zip(told) {
        assert!(claim.contains(told), "{claim}");
    }
    let embedded = RunRecord { embedded: true, label: None, ..run };
    assert!(Predicate::of(&embedded, &terms(Core)).ssecheck.claims.is_empty());
}

#[test]
fn the_statement_is_one_of_in_toto() {
    let suite = SuiteRecord {
        id: "s".to_owned(),
        title: "t".to_owned(),
        file: "suites/s.json".to_owned(),
        digest: "0a".to_owned(),
    };
    let run = RunRecord { suites: vec![suite], server: Some("S".to_owned()), ..run(vec![pass()]) };
    let report = |name: &str, byte| Report { name: name.to_owned(), sha256: [byte; 32] };
    let reports = [report("run.json", 1), report("junit.xml", 2)];
    let statement = serde_json::to_value(statement(&run, &reports, &terms(Extended)).unwrap()).unwrap();
    let expected = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": "run.json", "digest": {"sha256": "01".repeat(32)}},
            {"name": "junit.xml", "digest": {"sha256": "02".repeat(32)}},
        ],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": "PASSED",
            "configuration": [
                {"name": "suites/s.json", "digest": {"sha256": "0a"}},
                {"name": "suites/rules.json", "digest": {"sha256": "d"}},
                {"name": "profile portable", "digest": {"sha256": "p"}},
                {"name": "ssecheck 0", "uri": "pkg:generic/ssecheck@0"},
            ],
            "passedTests": ["s/pass"],
            "warnedTests": [],
            "failedTests": [],
            "ssecheck": {
                "format": "ssecheck-certificate/2",
                "version": "0",
                "run": "id",
                "started": "2026-11-25T00:00:00Z",
                "seconds": 1.0,
                "ended": "2026-11-25T00:00:01Z",
                "expires": "2027-11-25T00:00:00Z",
                "endpoint": "https://localhost/",
                "plainEndpoint": "none",
                "embedded": false,
                "server": "S",
                "bucket": "b",
                "profile": {"id": "portable", "digest": "p"},
                "complete": true,
                "suitesDigest": "d",
                "rulesDigest": "d",
                "asked": "extended",
                "attained": "full",
                "levels": [
                    {"level": "core", "passed": 1, "notPassed": 0, "missing": [], "whyNot": []},
                    {"level": "extended", "passed": 1, "notPassed": 0, "missing": [], "whyNot": []},
                    {"level": "full", "passed": 1, "notPassed": 0, "missing": [], "whyNot": []},
                ],
                "counts": {"pass": 1},
                "otherTests": [],
                "unpassed": [],
                "circumstances": {
                    "settings": {"insecure": "false"},
                    "peers": {"tls": [{"address": "127.0.0.1:443", "certificate": "cc"}]},
                },
                "evidence": {"sha256": "e0", "isComplete": true},
                "limits": [],
                "claims": ["that the service has no listener without TLS (--plain-endpoint none)"],
            },
        },
    });
    assert_eq!(statement, expected, "{statement:#}");
}
