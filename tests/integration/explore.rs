//! `ssecheck explore`, by the built binary.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::common::{Outcome, Served, Workplace, send};
use rstest::rstest;

#[test]
fn a_divergence_is_written_as_a_scenario_that_fails_with_the_fault_and_passes_without() {
    let workplace = Workplace::new();
    let outcome = workplace.run("explore --fault get-other-etag --seed 1 --seconds 60");
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert!(outcome.out.contains("ssecheck run explored-1.json"), "{}", outcome.out);
    assert!(outcome.out.contains("rule etag-consistent:") && outcome.out.contains("came back: 200"), "{}", outcome.out);

    let honest = workplace.run("run explored-1.json");
    assert_eq!(honest.code, Some(0), "{honest:#?}");
    let served = Served::start_with(&workplace, "--fault get-other-etag");
    let faulty = workplace.run_against(&served, "run explored-1.json");
    assert_eq!(faulty.code, Some(1), "{faulty:#?}");
    assert!(faulty.out.contains("FAIL [must] explored-1/etag-consistent"), "{}", faulty.out);
    let valid = workplace.run("validate explored-1.json");
    assert_eq!(valid.code, Some(0), "{valid:#?}");
}

#[test]
fn the_same_seed_writes_the_same_scenario() {
    let workplace = Workplace::new();
    for name in ["one.json", "other.json"] {
        let outcome = workplace.run(&format!("explore --fault etag-md5 --seed 3 --seconds 60 --output {name}"));
        assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    }
    assert_eq!(workplace.read("one.json"), workplace.read("other.json"));
}

#[test]
fn a_good_endpoint_is_explored_and_left_as_it_was() {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    let outcome = workplace.run_against(&served, "explore --seconds 2 --seed 2 --ledger ledger --level should");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert!(outcome.out.contains("no divergence"), "{}", outcome.out);
    assert!(!workplace.path("explored-2.json").exists());
    let ledgers = std::fs::read_dir(workplace.path("ledger")).expect("there is a folder of ledgers").count();
    assert_eq!(ledgers, 0, "what was made is removed");
}

#[test]
fn what_cannot_write_is_not_accused_of_anything_else() {
    let outcome = Workplace::new().run("explore --fault everything-refused-403 --seconds 5");
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
    assert!(outcome.err.contains("SSE-C is probably blocked"), "{}", outcome.err);
}

#[test]
fn what_is_throttled_is_no_divergence() {
    let outcome = Workplace::new().run("explore --fault refusals-as-503 --seconds 2 --seed 1");
    assert_ne!(outcome.code, Some(1), "{outcome:#?}");
}

#[test]
fn faults_are_measured() {
    let outcome =
        Workplace::new().run("explore --all-faults --fault put-echo-missing --fault other-messages --seconds 2");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert!(outcome.out.contains("1 of 2 were found"), "{}", outcome.out);
    assert!(outcome.out.contains("| `put-echo-missing` | `put-echoes` | 1 |"), "{}", outcome.out);
    assert!(outcome.out.contains("AWS's own wording") && outcome.out.contains("`other-messages`"), "{}", outcome.out);
}

#[rstest]
#[case::unknown_fault("explore --fault md5-not-compard", "`md5-not-compared`")]
#[case::fault_of_own_endpoint("explore --fault etag-md5 --endpoint https://localhost:1", "leave --endpoint out")]
#[case::faults_of_own_endpoint("explore --all-faults --endpoint https://localhost:1", "leave --endpoint out")]
#[case::no_time("explore --seconds 0", "0 is not in")]
fn mistakes_are_told(#[case] words: &str, #[case] told: &str) {
    let workplace = Workplace::new();
    let mut command = workplace.command(words);
    command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
    let outcome = Outcome::of(command.output().expect("the binary starts"));
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.err.contains(told), "{}", outcome.err);
}

#[test]
fn nobody_there_is_no_divergence() {
    let outcome = Workplace::new().run_nowhere("explore --seconds 5");
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
}

#[test]
fn an_interrupt_ends_it_and_removes_what_it_made() {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    let mut command = workplace.command("explore --seconds 600 --ledger ledger");
    command.envs(&served.settings).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    out.read_line(&mut line).expect("the output is text");
    assert!(line.starts_with("exploring"), "{line}");
    send("INT", child.id());
    let outcome = Outcome::of(child.wait_with_output().expect("it was started"));
    assert_eq!(outcome.code, Some(130), "{outcome:#?}");
    assert_eq!(std::fs::read_dir(workplace.path("ledger")).expect("there is a folder of ledgers").count(), 0);
}
