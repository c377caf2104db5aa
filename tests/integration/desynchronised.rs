//! Servers that leave bytes on connections, or end them: who breaks framing is named, and no other case is harmed, however many run at a
//! time. By real sockets, before the reference endpoint.

use std::collections::BTreeMap;

use crate::common::rogue_proxy::{Habit, RogueProxy};
use crate::common::{Outcome, Served, Workplace};
use rstest::rstest;
use serde_json::Value;

/// Cases in which each habit shows, and others.
const CHOICE: &str = "--only conditional/if-none-match --only conditional/if-match --only http/after --only copy/key-to-key --only copy/plain-to-key \
                      --only refusals/put-error --only refusals/keeps-previous --only round-trip/empty --only http/read";

/// Of each case the verdict and what the first finding accuses.
type Verdicts = BTreeMap<String, (String, String)>;

/// As many runs at an endpoint of this habit.
fn runs(habit: Habit, count: usize) -> Vec<Verdicts> {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    let proxy = RogueProxy::before(&workplace, &served, habit);
    let run = |_| {
        let mut command =
            workplace.command(&format!("run {CHOICE} --jobs 24 --plain-endpoint none --report json=run.json"));
        command.envs(&served.settings).env("SSECHECK_ENDPOINT", &proxy.url).env("AWS_CA_BUNDLE", &proxy.ca);
        let outcome = Outcome::of(command.output().expect("the binary starts"));
        assert!(matches!(outcome.code, Some(0 | 1 | 3)), "{outcome:#?}");
        let record: Value = serde_json::from_str(&workplace.read("run.json")).expect("the record is JSON");
        let cases = record["cases"].as_array().expect("it has cases").iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        cases
            .map(|case| {
                (text(&case["id"]), (text(&case["verdict"]), case["findings"][0]["finding"]["rules"].to_string()))
            })
            .collect()
    };
    (0..count).map(run).collect()
}

fn of_verdict<'v>(verdicts: &'v Verdicts, verdict: &str) -> Vec<&'v str> {
    verdicts.iter().filter(|(_, (own, _))| own == verdict).map(|(id, _)| id.as_str()).collect()
}

/// All runs have the same verdicts, and only those cases fail in which the server misbehaves.
fn verdicts_are_equal(habit: Habit, count: usize) {
    let honest = &runs(Habit::None, 1)[0];
    assert!(honest.len() > 30 && of_verdict(honest, "fail").is_empty(), "{honest:#?}");
    let all = runs(habit, count);
    let first = &all[0];
    for other in &all {
        let differ = |(id, verdict): &(&String, &(String, String))| other.get(*id) != Some(verdict);
        let differing: Vec<_> = first.iter().filter(differ).map(|(id, verdict)| (id, verdict, other.get(id))).collect();
        assert!(differing.is_empty(), "{differing:#?}");
    }
    let changed: Vec<_> = first.iter().filter(|(id, verdict)| honest.get(*id) != Some(verdict)).collect();
    let fails = |id: &str| of_verdict(first, "fail").iter().filter(|failed| failed.starts_with(id)).count();
    match habit {
        Habit::None | Habit::IdleClosed | Habit::NeverEnds => assert!(changed.is_empty(), "{changed:#?}"),
        Habit::StrayBytes | Habit::BodyLeft => {
            for (id, (verdict, rules)) in &changed {
                assert_eq!((verdict.as_str(), rules.as_str()), ("fail", r#"["response-framing"]"#), "{id}");
            }
            let guilty = if habit == Habit::StrayBytes {
                ["http/after-not-modified", "conditional/if-none-match[get]", "copy/key-to-key"]
            } else {
                ["http/after-refused-write", "refusals/put-error", "refusals/keeps-previous"]
            };
            assert!(guilty.iter().all(|id| fails(id) > 0), "{changed:#?}");
            assert!(of_verdict(first, "pass").len() > 10, "{first:#?}");
        }
        // Each case has a first request: it needs what that was to set up, or its control fails, too.
        Habit::FirstFails => {
            let is_open = |verdict: &str| matches!(verdict, "blocked" | "inconclusive");
            assert!(!changed.is_empty() && changed.iter().all(|(_, (verdict, _))| is_open(verdict)), "{changed:#?}");
        }
        _ => {
            unreachable!("no case is run against these")
        }
    }
}

#[rstest]
#[case::stray_bytes(Habit::StrayBytes)]
#[case::body_left(Habit::BodyLeft)]
#[case::first_fails(Habit::FirstFails)]
#[case::idle_closed(Habit::IdleClosed)]
#[case::never_ends(Habit::NeverEnds)]
fn no_other_case_is_harmed(#[case] habit: Habit) {
    verdicts_are_equal(habit, 3);
}

#[rstest]
#[ignore = "fifty runs"]
#[case::stray_bytes(Habit::StrayBytes)]
#[ignore = "fifty runs"]
#[case::body_left(Habit::BodyLeft)]
#[ignore = "fifty runs"]
#[case::first_fails(Habit::FirstFails)]
#[ignore = "fifty runs"]
#[case::idle_closed(Habit::IdleClosed)]
fn fifty_runs_have_equal_verdicts(#[case] habit: Habit) {
    verdicts_are_equal(habit, 50);
}

/// Kept evidence tells the same as the run, and shows no more of the bytes than a line.
#[test]
fn evidence_keeps_what_a_connection_held() {
    let workplace = Workplace::new();
    let served = Served::start_with(&workplace, "--fault body-after-304");
    let choice = "--only http/after --only conditional/if-none-match";
    let outcome = workplace.run_against(&served, &format!("run {choice} --evidence evidence --report json=run.json"));
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let again = workplace.run(&format!("judge evidence {choice} --report json=again.json"));
    assert_eq!(again.code, outcome.code, "{again:#?}");
    assert_eq!(workplace.read("again.json"), workplace.read("run.json"));
    let told = "step `unchanged` broke the framing of its connection: after the response of status 304 to GetObject";
    assert!(workplace.read("run.json").contains(told), "{}", outcome.out);
}
