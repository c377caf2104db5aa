//! Certificates by whoever holds the key and does not tell the truth, and by whoever is careless: each is found out, or is worth less.

use rstest::rstest;
use time::Duration;
use url::Url;

use super::examine::{CheckedEvidence, Compared, examine};
use super::expectations::Expectations;
use super::facts::KeptEvidence;
use super::statement::Terms;
use super::verify_tests::{
    NOT_ATTESTED, NOW, built_in, examined, opened, opened_on, record, shortfalls, terms, written,
};
use crate::evidence::Peer;
use crate::record::{AuthorityRecord, Circumstances, Missing, RunRecord};
use crate::rules::Harm;
use crate::suite::model::{Certification, Level};
use crate::verdict::Verdict;

fn made(run: &mut RunRecord) -> &mut Circumstances {
    run.circumstances.as_mut().unwrap()
}

fn set(run: &mut RunRecord, setting: &str, value: &str) {
    made(run).settings.insert(setting.to_owned(), value.to_owned());
}

/// The holder of the key edits the record of the run, and signs what is left.
#[rstest]
#[case::all_but_one_left_out(|run: &mut RunRecord| {
    run.plain_endpoint = "none".to_owned();
    run.cases[1..].iter_mut().for_each(|case| (case.verdict, case.found, case.missing) = (Verdict::Skipped, Verdict::Skipped, None));
}, "it has cases that were left out without need (4): s/b, s/c, s/lacking, s/advice")]
#[case::failures_not_supported(|run: &mut RunRecord| {
    let missing = Some(Missing { capability: "versions".to_owned(), level: Certification::Full });
    (run.cases[0].verdict, run.cases[0].found, run.cases[0].missing) = (Verdict::NotSupported, Verdict::NotSupported, missing);
}, "it has cases that are not supported for want of something that they do not need (1): s/a")]
#[case::not_supported_for_want_of_nothing(|run: &mut RunRecord| {
    (run.cases[0].verdict, run.cases[0].found) = (Verdict::NotSupported, Verdict::NotSupported);
}, "names no capability that is missing")]
#[case::capability_of_a_higher_level(|run: &mut RunRecord| {
    run.cases[3].missing = Some(Missing { capability: "versions".to_owned(), level: Certification::Core });
}, "for want of something that they do not need (1): s/lacking")]
#[case::requirement_lowered(|run: &mut RunRecord| {
    (run.cases[0].verdict, run.cases[0].found, run.cases[0].level) = (Verdict::Fail, Verdict::Fail, Level::May);
}, "it has cases with another requirement, certification level or bucket than the suites (1): s/a")]
#[case::failure_moved_to_a_higher_level(|run: &mut RunRecord| {
    (run.cases[0].verdict, run.cases[0].found, run.cases[0].certification) = (Verdict::Error, Verdict::Error, Certification::Full);
}, "certification level or bucket than the suites (1): s/a")]
#[case::not_yet_made(|run: &mut RunRecord| {
    (run.started, run.ended) = ("2027-06-01T00:00:00Z".to_owned(), Some("2027-06-01T00:01:01.2345Z".to_owned()));
}, "is yet to come")]
#[case::ends_tomorrow(|run: &mut RunRecord| (run.seconds, run.ended) = (604_800.0, Some("2026-12-02T00:00:00Z".to_owned())), "its end is yet to come")]
#[case::before_there_was_ssecheck(|run: &mut RunRecord| {
    (run.started, run.ended) = ("2026-01-01T00:00:00Z".to_owned(), Some("2026-01-01T00:01:01.2345Z".to_owned()));
}, "before there was ssecheck 0.1.0")]
#[case::ends_before_it_starts(|run: &mut RunRecord| run.ended = Some("2026-11-24T00:00:00Z".to_owned()), "start, end and duration contradict")]
#[case::no_such_version(|run: &mut RunRecord| run.ssecheck = "9.9.9".to_owned(), "made by ssecheck 9.9.9, and this ssecheck 0.1.0 knows of no such version")]
#[case::insecure(|run: &mut RunRecord| set(run, "insecure", "true"), "it says of no limit, and has some")]
#[case::a_part_of_the_cases(|run: &mut RunRecord| set(run, "only", "s/"), "it says of no limit, and has some")]
#[case::a_shard(|run: &mut RunRecord| set(run, "shard", "1/2"), "it says of no limit, and has some")]
#[case::own_suites(|run: &mut RunRecord| set(run, "suites", "mine.json"), "it says of no limit, and has some")]
#[case::reference(|run: &mut RunRecord| made(run).peers.servers.push("ssecheck-reference/0.1.0".to_owned()), "it says of no limit, and has some")]
#[case::reference_that_was_embedded(|run: &mut RunRecord| run.embedded = true, "it says of no limit, and has some")]
#[case::some_cases_are_gone(|run: &mut RunRecord| { run.cases.remove(0); }, "it says to be of all built-in cases, and lists others")]
fn what_the_holder_of_the_key_makes_up_is_found(#[case] change: fn(&mut RunRecord), #[case] told: &str) {
    let mut run = record();
    change(&mut run);
    let certificate = opened(&written(run));
    let examination = examined(&certificate, &built_in(), None);
    let problems = examination.problems.join("\n");
    assert!(problems.contains(told), "{told}: {problems}");
    assert!(!shortfalls(&certificate, &examination).is_empty());
}

/// An end that a certificate may not have.
#[rstest]
#[case::before_the_run("2026-11-24T00:00:00Z")]
#[case::in_a_hundred_years("2126-11-24T00:00:00Z")]
#[case::no_time("never")]
fn a_certificate_ends(#[case] expires: &str) {
    let certificate = opened_on(&record(), &Terms { expires: Some(expires.to_owned()), ..terms() });
    let problems = examined(&certificate, &built_in(), None).problems;
    assert_eq!(problems, ["it does not end after its run, or later than a certificate may"]);
}

fn expected(change: impl FnOnce(&mut Expectations)) -> Expectations {
    let mut expectations = Expectations::default();
    change(&mut expectations);
    expectations
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn own_authority(run: &mut RunRecord) {
    made(run).authorities.push(AuthorityRecord {
        named_by: "--ca-file".to_owned(),
        file: "my.pem".to_owned(),
        sha256: Some("0c".to_owned()),
    });
}

#[rstest]
#[case::as_it_is(|_: &mut RunRecord| {}, expected(|it| (it.endpoint, it.label, it.max_age, it.profile) = (Some(url("https://localhost")), Some("My S3".to_owned()), Some(6), Some("portable".to_owned()))), "")]
#[case::other_endpoint(|_: &mut RunRecord| {}, expected(|it| it.endpoint = Some(url("https://s3.example"))), "it is of the endpoint https://localhost/, and https://s3.example/ was expected (--endpoint)")]
#[case::other_port(|_: &mut RunRecord| {}, expected(|it| it.endpoint = Some(url("https://localhost:9000"))), "was expected (--endpoint)")]
#[case::other_label(|_: &mut RunRecord| {}, expected(|it| it.label = Some("My S3 2".to_owned())), "it is labelled otherwise: `My S3 2` was expected (--label), and it has `My S3`")]
#[case::other_profile(|_: &mut RunRecord| {}, expected(|it| it.profile = Some("aws".to_owned())), "it is judged by the profile portable, and aws was expected (--profile)")]
#[case::too_old(|_: &mut RunRecord| {}, expected(|it| it.max_age = Some(5)), "the run started on 2026-11-25T00:00:00Z, more than 5 days ago (--max-age)")]
#[case::warned(|_: &mut RunRecord| {}, expected(|it| it.no_warnings = true), "1 case is warned (--no-warnings)")]
#[case::own_authority_is_no_matter_where_no_address_is_expected(own_authority, Expectations::default(), "")]
#[case::own_authority(own_authority, expected(|it| it.endpoint = Some(url("https://localhost"))), "that it is of https://localhost/ is the tester's word: the tester chose the certificate authorities that vouch for that address (my.pem, SHA-256 0c)")]
#[case::trusted_authority(own_authority, expected(|it| (it.endpoint, it.authorities) = (Some(url("https://localhost")), vec!["0c".to_owned()])), "")]
#[case::reference_by_name(|run: &mut RunRecord| { run.embedded = true; set(run, "reference", "true"); }, Expectations::default(), "it is of ssecheck's own reference endpoint, and of no product")]
#[case::reference_expected(|run: &mut RunRecord| { run.embedded = true; set(run, "reference", "true"); }, expected(|it| it.reference = true), "")]
fn an_auditor_expects(#[case] change: fn(&mut RunRecord), #[case] expectations: Expectations, #[case] told: &str) {
    let mut run = record();
    change(&mut run);
    let certificate = opened(&written(run));
    let examination = examined(&certificate, &built_in(), None);
    assert_eq!(examination.problems, NOT_ATTESTED);
    let shortfalls = expectations.shortfalls(&certificate, &examination, NOW).join("\n");
    assert!(if told.is_empty() { shortfalls.is_empty() } else { shortfalls.contains(told) }, "{shortfalls}");
}

#[test]
fn a_certificate_that_ended_is_none() {
    let certificate = opened(&record());
    let examination = examined(&certificate, &built_in(), None);
    let at = |days| Expectations::default().shortfalls(&certificate, &examination, NOW + Duration::days(days));
    assert_eq!(at(359), NOT_ATTESTED);
    assert_eq!(at(361), ["it ended on 2027-11-25T00:00:00Z"]);
}

/// A failure with harm to data stands in the way of every level, whatever its requirement, and comes first in the text.
#[test]
fn harm_is_told_first_and_no_level_is_reached() {
    let mut run = record();
    let rules = crate::rules::Catalogue::embedded().unwrap();
    let known = rules.iter().next().unwrap();
    let rule = |id: &str, harm| crate::rules::Rule { id: id.to_owned(), harm, ..known.clone() };
    run.rules = vec![rule("r", Harm::Wording), rule("lost", Harm::Loss)];
    let mut lost = crate::record::samples::case("s/lost", Verdict::Fail, "lost");
    lost.level = Level::Should;
    run.cases.push(lost);
    let mut built_in = built_in();
    let of_record = super::verify_tests::defined(&run.cases[5]);
    built_in.profile.as_mut().unwrap().cases.push(of_record);
    let certificate = opened(&written(run));
    let examination = examined(&certificate, &built_in, None);
    assert_eq!(examination.problems, NOT_ATTESTED);
    assert_eq!(certificate.predicate.ssecheck.attained, None);
    let text = super::as_text(&certificate, &examination, &[]);
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
    assert!(
        place("breaks lost, harm loss") < place("breaks r, harm wording")
            && place("breaks r, harm wording") < place("\nresult"),
        "{text}"
    );
}

/// The text names whom the run reached, and cases that it does not mention.
#[test]
fn what_was_asked_of_whom_is_told() {
    let mut run = record();
    own_authority(&mut run);
    set(&mut run, "proxy", "http://proxy:3128");
    made(&mut run).program = Some("0a".repeat(32));
    let peer = Peer { address: "10.0.0.1:443".to_owned(), certificate: Some("0b".repeat(32)) };
    made(&mut run).peers.tls = vec![peer];
    made(&mut run).sent_again.insert(crate::client::SentAgain::Busy, 3);
    run.complete = false;
    run.limits.push("--only x".to_owned());
    run.cases.retain(|case| case.id != "s/b");
    let certificate = opened(&written(run));
    let examination = examined(&certificate, &built_in(), None);
    let text = super::as_text(&certificate, &examination, &[]);
    for told in [
        "Not mentioned, though the suites have them (1):\n  - s/b\n".to_owned(),
        format!("reached    10.0.0.1:443 by TLS, certificate SHA-256 {}", "0b".repeat(32)),
        "through the proxy http://proxy:3128: the addresses are the proxy's".to_owned(),
        "trusted by authorities that the tester chose: my.pem (--ca-file, SHA-256 0c)".to_owned(),
        format!("program    SHA-256 {}\nsettings   insecure=false, proxy=http://proxy:3128\n", "0a".repeat(32)),
        "sent again 3 as the endpoint was busy".to_owned(),
        "that my.pem (--ca-file, SHA-256 0c) holds authorities to trust for the endpoint's name: that is the tester's word alone".to_owned(),
    ] {
        assert!(text.contains(&told), "{told}: {text}");
    }
}

/// Evidence that is kept is attested, and what it shows is compared case by case.
#[rstest]
#[case::as_attested(|_: &mut RunRecord| {}, "e0", true, "")]
#[case::other_evidence(|_: &mut RunRecord| {}, "e1", true, "the evidence is not the one attested: its manifest has SHA-256 e0, and this e1")]
#[case::not_complete(|_: &mut RunRecord| {}, "e0", false, "it says that the evidence is complete, and it is not")]
#[case::other_verdict(|run: &mut RunRecord| run.cases[0].found = Verdict::Fail, "e0", true, "the evidence shows another verdict on s/a: fail, and it says pass")]
#[case::other_endpoint(|run: &mut RunRecord| run.endpoint = "https://other/".to_owned(), "e0", true, "`ssecheck.endpoint` is \"https://localhost/\", and \"https://other/\" by the evidence")]
#[case::other_settings(|run: &mut RunRecord| set(run, "only", "s/"), "e0", true, "`ssecheck.circumstances.settings.only` is null, and \"s/\" by the evidence")]
#[case::limit(|run: &mut RunRecord| run.limits.push("x".to_owned()), "e0", true, "`ssecheck.limits` has 0 entries, and 1 by the evidence; only there: \"x\"")]
#[case::harm_left_out(|run: &mut RunRecord| run.cases[4].findings[0].finding.rules = vec!["other".to_owned()], "e0", true, "`ssecheck.unpassed` has 2 entries, and 2 by the evidence")]
#[case::nothing_of_a_case(|run: &mut RunRecord| { run.cases.remove(0); }, "e0", true, "the evidence has nothing of s/a")]
fn evidence_is_compared(
    #[case] change: fn(&mut RunRecord),
    #[case] sha256: &str,
    #[case] is_complete: bool,
    #[case] told: &str,
) {
    let kept = Some(KeptEvidence { sha256: "e0".to_owned(), is_complete: true });
    let certificate = opened_on(&record(), &Terms { evidence: kept, ..terms() });
    let mut judged = record();
    change(&mut judged);
    let evidence = Some(CheckedEvidence { sha256, is_complete, judged: &judged });
    let built_in = built_in();
    let examination = examine(&certificate, &Compared { built_in: &built_in, record: None, evidence, now: NOW });
    assert!(examination.evidence);
    let found = examination.problems.join("\n");
    assert!(if told.is_empty() { found.is_empty() } else { found.contains(told) }, "{told}: {found}");
    let text = super::as_text(&certificate, &examination, &[]);
    assert!(text.contains("complete; it was judged again"), "{text}");
}

/// Nothing that stands in a certificate looks like another line, a command to a CI, or other text than it is.
#[test]
fn hostile_text_stays_where_it_is() {
    let hostile = "S3\n::error::x\u{200b}\u{2028}\u{202e}\u{1b}[2J\r##[error]y";
    let mut run = record();
    (run.label, run.server) = (Some(hostile.to_owned()), Some(hostile.to_owned()));
    (run.run, run.bucket, run.profile.id) = (hostile.to_owned(), hostile.to_owned(), hostile.to_owned());
    run.cases[4].reason = hostile.to_owned();
    set(&mut run, "prefix", hostile);
    made(&mut run).peers.servers = vec![hostile.to_owned(), "another".to_owned()];
    run.limits.push(hostile.to_owned());
    let certificate = opened(&written(run));
    let examination = examined(&certificate, &built_in(), None);
    let text = super::as_text(&certificate, &examination, &shortfalls(&certificate, &examination));
    let is_hostile = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{200b}' | '\u{2028}' | '\u{202e}');
    assert!(!text.contains(is_hostile), "{text}");
    assert!(text.lines().all(|line| !line.trim_start().starts_with("::")) && !text.contains("##["), "{text}");
    assert_eq!(text.matches("error").count(), text.matches("S3").count() * 2, "each is told whole: {text}");
}

/// A certificate of the former format with the suites of today was signed by hand: it says neither whom the run reached nor when it ends.
#[test]
fn the_former_format_is_not_chosen() {
    let certificate = opened_on(&record(), &Terms { expires: None, is_former: true, ..terms() });
    let found = examined(&certificate, &built_in(), None).problems;
    assert_eq!(found, ["its format is older than the suites that it was made with"]);
    let mut of_others = built_in();
    of_others.suites_digest = "e".to_owned();
    assert_eq!(examined(&certificate, &of_others, None).problems, NOT_ATTESTED);
}

/// A limited certificate has fewer cases than its evidence is judged by; what it says of the run must be that of the evidence all the same.
#[test]
fn evidence_of_a_limited_run_is_compared() {
    let mut limited = record();
    limited.limits.push("--only s/".to_owned());
    let kept = Some(KeptEvidence { sha256: "e0".to_owned(), is_complete: true });
    let mut run = limited.clone();
    run.complete = false;
    let certificate = opened_on(&written(run), &Terms { evidence: kept, ..terms() });
    let found = |change: fn(&mut RunRecord)| {
        let mut judged = limited.clone();
        change(&mut judged);
        let evidence = Some(CheckedEvidence { sha256: "e0", is_complete: true, judged: &judged });
        let built_in = built_in();
        examine(&certificate, &Compared { built_in: &built_in, record: None, evidence, now: NOW }).problems
    };
    assert_eq!(found(|_| {}), NOT_ATTESTED);
    let told = "the evidence has another `endpoint`: \"https://other/\", and it says \"https://localhost/\"";
    assert_eq!(found(|run| run.endpoint = "https://other/".to_owned()), [told]);
    assert_eq!(found(|run| run.limits.push("x".to_owned())), ["the evidence has a limit that it does not tell: x"]);
}
