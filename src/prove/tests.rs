//! What a proof makes of its runs; the runs themselves are made up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rstest::rstest;

use super::problems::Problem;
use super::runs::{FaultRun, NotPassed, Outcome, Proof, ProvenCase};
use super::{Matrix, MatrixError};
use crate::faults::Fault;
use crate::rules::Catalogue;
use crate::verdict::Verdict;

/// Breaks `put-echoes` under `portable`.
const PUT_ECHO: &str = "put-echo-missing";
/// Breaks `answers-as-aws` under `aws`, and nothing under `portable`.
const WORDING: &str = "other-messages";
/// Breaks no rule, but keeps the endpoint from being tested.
const UNTESTABLE: &str = "refusals-as-503";
/// Leaves nothing that could pass.
const MUTE: &str = "everything-refused-400";

fn case(id: &str, rules: &[&str]) -> ProvenCase {
    ProvenCase {
        heavy: false,
        id: id.to_owned(),
        suite: "s".to_owned(),
        scenario: id.split('[').next().unwrap_or_default().to_owned(),
        rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
        has_control: false,
        profiles: BTreeSet::new(),
    }
}

fn not_passed(verdict: Verdict, rules: &[&str]) -> NotPassed {
    let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
    NotPassed { verdict, rules, reason: "because".to_owned() }
}

fn run(fault: &str, profile: &str, cases: &[(&str, NotPassed)]) -> FaultRun {
    let cases: BTreeMap<String, NotPassed> =
        cases.iter().map(|(id, found)| ((*id).to_owned(), found.clone())).collect();
    let fault = Fault::named(fault).ok();
    FaultRun { fault, profile: profile.to_owned(), cases_run: 1, outcome: Outcome::Ran(cases), elapsed: Duration::ZERO }
}

/// One case about `put-echoes`, and its record under the faults run.
fn proof(runs: Vec<FaultRun>) -> Proof {
    let mut proof = Proof {
        cases: vec![case("s/a", &["put-echoes"])],
        honest: vec![run("none", "portable", &[])],
        runs,
        expected: Matrix::default(),
        complete: false,
        all_faults: false,
        elapsed: Duration::ZERO,
    };
    proof.expected = Matrix::of(&proof);
    proof
}

fn kinds(proof: &Proof) -> Vec<&'static str> {
    proof.problems().iter().map(Problem::kind).collect()
}

fn failed(rules: &[&str]) -> NotPassed {
    not_passed(Verdict::Fail, rules)
}

#[test]
fn a_fault_that_its_rule_is_accused_of_is_no_problem() {
    assert_eq!(kinds(&proof(vec![run(PUT_ECHO, "portable", &[("s/a", failed(&["put-echoes"]))])])), [""; 0]);
}

#[test]
fn a_complete_proof_wants_every_fault_caught() {
    let mut survived = proof(vec![run(PUT_ECHO, "portable", &[("s/a", not_passed(Verdict::Blocked, &[]))])]);
    assert_eq!(kinds(&survived), [""; 0]);
    survived.complete = true;
    assert!(survived.problems().contains(&Problem::Survivor { fault: PUT_ECHO }));
}

#[test]
fn a_part_of_a_proof_wants_caught_what_was_recorded_to_be() {
    let recorded = proof(vec![run(PUT_ECHO, "portable", &[("s/a", failed(&["put-echoes"]))])]).expected;
    let mut survived = proof(vec![run(PUT_ECHO, "portable", &[])]);
    survived.expected = recorded;
    assert_eq!(kinds(&survived), ["survivor", "changed"]);
}

#[rstest]
#[case::blocked(Verdict::Blocked, true)]
#[case::error(Verdict::Error, true)]
#[case::inconclusive(Verdict::Inconclusive, true)]
#[case::not_supported(Verdict::NotSupported, false)]
fn a_fault_that_breaks_no_rule_must_keep_a_case_from_a_verdict(#[case] verdict: Verdict, #[case] caught: bool) {
    let mut proof = proof(vec![run(UNTESTABLE, "portable", &[("s/a", not_passed(verdict, &[]))])]);
    proof.complete = true;
    assert_eq!(!proof.problems().contains(&Problem::Survivor { fault: UNTESTABLE }), caught);
}

#[test]
fn a_run_that_was_stopped_has_caught_no_fault_that_breaks_a_rule() {
    let mut stopped = run(PUT_ECHO, "portable", &[]);
    stopped.outcome = Outcome::Stopped("no bucket".to_owned());
    let mut proof = proof(vec![stopped]);
    proof.complete = true;
    assert!(proof.problems().contains(&Problem::Survivor { fault: PUT_ECHO }));
}

#[test]
fn a_run_that_was_stopped_has_caught_its_fault() {
    let mut stopped = run(UNTESTABLE, "portable", &[]);
    stopped.outcome = Outcome::Stopped("SSE-C blocked".to_owned());
    let mut proof = proof(vec![stopped]);
    proof.complete = true;
    assert!(!kinds(&proof).contains(&"survivor"));
    proof.expected = Matrix::default();
    assert!(kinds(&proof).contains(&"changed"));
}

#[test]
fn a_rule_that_a_fault_does_not_break_is_not_accused() {
    let accused = proof(vec![run(PUT_ECHO, "portable", &[("s/a", failed(&["etag-random"]))])]);
    assert_eq!(kinds(&accused), ["innocent-accused"]);
}

#[test]
fn a_guilty_rule_does_not_excuse_an_innocent_one() {
    let accused = proof(vec![run(PUT_ECHO, "portable", &[("s/a", failed(&["put-echoes", "etag-random"]))])]);
    let Some(Problem::InnocentAccused { rules, .. }) = accused.problems().pop() else { panic!("one is accused") };
    assert_eq!(rules, ["etag-random"]);
}

#[test]
fn every_rule_that_a_fault_is_said_to_break_is_to_be_seen() {
    let mut proof = proof(vec![run("etag-from-body", "portable", &[("s/a", failed(&["etag-random"]))])]);
    proof.complete = true;
    let unseen = Problem::Unevidenced { fault: "etag-from-body", rule: "copy-etag-differs" };
    assert_eq!(
        proof.problems().iter().filter(|problem| problem.kind() == "unevidenced").collect::<Vec<_>>(),
        [&unseen]
    );
}

#[rstest]
#[case::with_a_refusal(true, 1)]
#[case::without(false, 0)]
fn a_refusal_that_does_not_count_is_no_pass(#[case] has_control: bool, #[case] problems: usize) {
    let mut proof = proof(vec![run(UNTESTABLE, "portable", &[])]);
    proof.cases[0].has_control = has_control;
    assert_eq!(kinds(&proof), vec!["false-pass"; problems]);
}

#[test]
fn a_fault_of_wording_is_none_under_portable() {
    let own = || run(WORDING, "aws", &[("s/a", failed(&["answers-as-aws"]))]);
    assert_eq!(kinds(&proof(vec![own(), run(WORDING, "portable", &[])])), [""; 0]);
    let blocked = run(WORDING, "portable", &[("s/a", not_passed(Verdict::Blocked, &[]))]);
    assert_eq!(kinds(&proof(vec![own(), blocked])), ["portable-accused"]);
}

#[test]
fn nothing_passes_where_nothing_can_be_relied_on() {
    assert_eq!(kinds(&proof(vec![run(MUTE, "portable", &[])])), ["false-pass"]);
    let blocked = run(MUTE, "portable", &[("s/a", not_passed(Verdict::Blocked, &[]))]);
    assert_eq!(kinds(&proof(vec![blocked])), [""; 0]);
}

#[test]
fn every_rule_that_a_case_cites_is_to_be_proven() {
    let mut proof = proof(vec![run(PUT_ECHO, "portable", &[("s/a", failed(&["put-echoes"]))])]);
    proof.cases[0].rules.push("etag-random".to_owned());
    proof.cases[0].profiles.insert("aws".to_owned());
    proof.all_faults = true;
    let unproven = |rule: &str| Problem::Unproven { case: "s/a".to_owned(), rule: rule.to_owned() };
    assert_eq!(proof.problems(), [unproven("etag-random"), unproven("answers-as-aws")]);
}

#[test]
fn the_endpoint_without_faults_is_not_accused() {
    let mut proof = proof(Vec::new());
    proof.honest = vec![run("none", "portable", &[("s/a", failed(&["put-echoes"]))])];
    assert_eq!(kinds(&proof), ["honest-accused"]);
}

#[test]
fn a_verdict_that_is_not_as_recorded_is_told() {
    let mut changed = proof(vec![run(PUT_ECHO, "portable", &[("s/a", failed(&["put-echoes"]))])]);
    changed.cases.push(case("s/b", &["put-echoes"]));
    changed.expected = Matrix::of(&changed);
    changed.runs = vec![run(
        PUT_ECHO,
        "portable",
        &[("s/a", failed(&["put-echoes"])), ("s/b", not_passed(Verdict::Blocked, &[]))],
    )];
    let [Problem::Changed { case, expected, actual, .. }] = &changed.problems()[..] else { panic!("one is changed") };
    assert_eq!((case.as_str(), expected.as_str(), actual.as_str()), ("s/b", "pass", "blocked"));
}

#[test]
fn a_record_that_is_out_of_date_is_told() {
    let mut proof = proof(vec![run(PUT_ECHO, "portable", &[("s/a", failed(&["put-echoes"]))])]);
    proof.complete = true;
    proof.cases = vec![case("s/new", &["put-echoes"])];
    let problems = proof.problems();
    for id in ["s/a", "s/new", WORDING] {
        assert!(problems.contains(&Problem::OutOfDate { id: id.to_owned() }), "{id}: {problems:?}");
    }
}

#[test]
fn a_scenario_whose_cases_agree_is_recorded_by_its_own_id() -> Result<(), MatrixError> {
    let mut proof = proof(vec![run(
        PUT_ECHO,
        "portable",
        &[("s/t[x]", failed(&[])), ("s/t[y]", failed(&[])), ("s/u[x]", failed(&[]))],
    )]);
    proof.cases = ["s/t[x]", "s/t[y]", "s/u[x]", "s/u[y]"].map(|id| case(id, &[])).into();
    let json = Matrix::of(&proof).to_json()?;
    assert!(json.contains("\"s/t\"") && json.contains("\"s/u[x]\"") && !json.contains("s/t[x]"), "{json}");
    Ok(())
}

#[test]
fn the_faults_are_declared_in_full() {
    let rules = Catalogue::embedded().expect("the catalogue is well-formed");
    let mut ids = BTreeSet::new();
    for fault in Fault::all() {
        assert!(ids.insert(fault.id), "{} stands twice", fault.id);
        assert!(!fault.summary.is_empty() && !fault.seen.is_empty(), "{}", fault.id);
        let named: BTreeSet<&&str> = fault.breaks.iter().collect();
        assert_eq!(named.len(), fault.breaks.len(), "{} names a rule twice", fault.id);
        for rule in fault.breaks {
            assert!(rules.get(rule).is_some(), "{}: there is no rule {rule}", fault.id);
        }
    }
    assert!(ids.len() >= 60, "{}", ids.len());
    let broken: BTreeSet<&str> = Fault::all().flat_map(|fault| fault.breaks).copied().collect();
    let whole: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).filter(|id| !broken.contains(id)).collect();
    assert_eq!(whole, [""; 0], "no fault breaks these rules");
    assert!(Fault::named("md5-not-compard").is_err_and(|error| error.to_string().contains("`md5-not-compared`")));
}

#[test]
fn the_record_is_well_formed() {
    assert_ne!(Matrix::embedded().expect("it is a matrix"), Matrix::default());
}
