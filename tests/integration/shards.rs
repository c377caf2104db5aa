//! A run on several machines comes to the record of a run on one.
#![cfg(unix)]

use std::process::Stdio;

use crate::common::{Outcome, Served, Workplace};
use serde_json::Value;

/// A record without what differs from run to run.
fn normalized(workplace: &Workplace, file: &str) -> Value {
    let mut record: Value = serde_json::from_str(&workplace.read(file)).expect("the record is JSON");
    for member in ["run", "started", "seconds", "bucket", "ended"] {
        assert!(!record[member].is_null(), "{member}");
        record[member] = Value::Null;
    }
    // Each shard opens connections of its own, and says that it is one.
    let made = &mut record["circumstances"];
    (made["peers"], made["sent_again"], made["settings"]["run-id"]) = (Value::Null, Value::Null, Value::Null);
    (made["settings"]["jobs"], made["settings"]["durations"]) = (Value::Null, Value::Null);
    for case in record["cases"].as_array_mut().expect("it has cases") {
        (case["seconds"], case["key_md5"]) = (Value::Null, Value::Null);
        for found in case["findings"].as_array_mut().into_iter().flatten() {
            found["exchange"]["started"] = Value::Null;
            (found["exchange"], found["before"]) = (Value::Null, Value::Null);
            found["finding"]["mismatches"] = Value::Null;
        }
    }
    record
}

/// Runs all shards at the same time.
fn run_shards(workplace: &Workplace, served: &Served, count: u32, words: &str) -> Vec<Outcome> {
    let start = |shard: u32| {
        let words = format!("run --shard {shard}/{count} --run-id shards --jobs 2 --report json={shard}.json {words}");
        let mut command = workplace.command(&words);
        command.envs(&served.settings).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the binary starts")
    };
    let running: Vec<_> = (1..=count).map(start).collect();
    running.into_iter().map(|child| Outcome::of(child.wait_with_output().expect("it was started"))).collect()
}

const COUNT: u32 = 3;
const ALL: &str = "1.json 2.json 3.json";

#[test]
fn the_shards_of_a_run_are_the_run() {
    let workplace = Workplace::new();
    let served = Served::start_with(&workplace, "--fault etag-md5");
    let only = "--only etag";
    let whole = workplace.run_against(&served, &format!("run {only} --report json=whole.json"));
    assert_eq!(whole.code, Some(1), "{whole:#?}");
    for durations in ["", "--durations whole.json"] {
        let shards = run_shards(&workplace, &served, COUNT, &format!("{only} {durations}"));
        assert!(shards.iter().any(|shard| shard.code == Some(1)), "{shards:#?}");
        let merged = workplace.run(&format!("merge {ALL} --report json=merged.json --report junit=merged.xml"));
        assert_eq!(merged.code, Some(1), "{merged:#?}");
        assert_eq!(normalized(&workplace, "merged.json"), normalized(&workplace, "whole.json"));
        let cases = normalized(&workplace, "whole.json")["cases"].as_array().map_or(0, Vec::len);
        assert_eq!(workplace.read("merged.xml").matches("<testcase ").count(), cases);
    }
    // Cut in another way, they are no whole.
    let other = workplace
        .run_against(&served, &format!("run {only} --shard 3/3 --run-id shards --jobs 2 --report json=3.json"));
    assert_eq!(other.code, Some(1), "{other:#?}");
    let refused = workplace.run(&format!("merge {ALL}"));
    assert!(refused.code == Some(2) && refused.err.contains("different durations"), "{refused:#?}");
    let refused = workplace.run("merge 1.json 2.json");
    assert!(refused.code == Some(2) && refused.err.contains("shard 3/3 is missing"), "{refused:#?}");
    let refused = workplace.run("merge whole.json");
    assert!(refused.code == Some(2) && refused.err.contains("of a whole run"), "{refused:#?}");
}

#[test]
fn shards_of_different_endpoints_are_no_run() {
    let workplace = Workplace::new();
    for shard in 1..=2 {
        let served = Served::start(&workplace);
        let words = format!("run --only etag --shard {shard}/2 --run-id shards --report json={shard}.json");
        let outcome = workplace.run_against(&served, &words);
        assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    }
    let refused = workplace.run("merge 1.json 2.json");
    assert!(refused.code == Some(2) && refused.err.contains("the endpoints are"), "{refused:#?}");
}

/// Nothing is left out in silence.
#[test]
fn a_part_is_run_only_where_it_is_asked_for() {
    let workplace = Workplace::new();
    let run = |words: &str| {
        let mut command = workplace.command(&format!("run --only etag {words} --report json=run.json"));
        command.env("JOB_COMPLETION_INDEX", "1").env("JOB_COMPLETIONS", "2");
        let outcome = Outcome::of(command.output().expect("the binary starts"));
        assert_eq!(outcome.code, Some(0), "{outcome:#?}");
        let record: Value = serde_json::from_str(&workplace.read("run.json")).expect("the record is JSON");
        (
            record["cases"].as_array().map_or(0, Vec::len),
            record["shard"]["shard"].as_u64(),
            record["limits"].to_string(),
        )
    };
    let (all, shard, limits) = run("");
    assert!(shard.is_none() && !limits.contains("--shard"));
    let (half, shard, limits) = run("--shard auto --run-id shards");
    assert_eq!((half, shard), (all / 2, Some(2)));
    assert!(limits.contains("--shard 2/2"), "{limits}");
    let empty = workplace.run(&format!("run --only etag --shard {0}/{0} --run-id shards", all + 1));
    assert!(empty.code == Some(2) && empty.err.contains("holds no case"), "{empty:#?}");
}

/// Evidence of a shard is judged as what it is.
#[test]
fn evidence_of_a_shard_is_judged_again() {
    let workplace = Workplace::new();
    let run = workplace.run("run --only etag --shard 1/2 --run-id shards --evidence evidence --report json=run.json");
    assert_eq!(run.code, Some(0), "{run:#?}");
    let judged = workplace.run("judge evidence --only etag --shard 1/2 --run-id shards --report json=judged.json");
    assert_eq!(judged.code, Some(0), "{judged:#?}");
    assert_eq!(workplace.read("judged.json"), workplace.read("run.json"));
}
