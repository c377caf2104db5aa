//! What an endpoint lacks, and what only looks so: each probe is met by an endpoint that behaves as real ones were seen to.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::{Value, json};

use crate::common::rogue_proxy::{Habit, RogueProxy};
use crate::common::{Outcome, Served, Workplace};

/// A run through a proxy, and its record.
fn ran(habit: Habit, words: &str) -> (Outcome, Value) {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    let proxy = RogueProxy::before(&workplace, &served, habit);
    let mut command = workplace.command(&format!("run --jobs 4 --report json=run.json {words}"));
    command.envs(&served.settings).env("SSECHECK_ENDPOINT", &proxy.url).env("AWS_CA_BUNDLE", &proxy.ca);
    let outcome = Outcome::of(command.output().expect("the binary starts"));
    let record = serde_json::from_str(&workplace.read("run.json")).unwrap_or_else(|_| panic!("{outcome:#?}"));
    (outcome, record)
}

/// The verdicts of the cases selected, with how many came to each.
fn verdicts(habit: Habit, only: &str) -> BTreeMap<String, usize> {
    let (_, record) = ran(habit, only);
    let mut counts = BTreeMap::new();
    for case in record["cases"].as_array().expect("it has cases") {
        *counts.entry(case["verdict"].as_str().expect("it has one").to_owned()).or_default() += 1;
    }
    counts
}

#[rstest]
#[case::policies_that_bind_nobody(Habit::PoliciesIgnored, "--only bucket-settings/policy-forbids-allows", &[("not_supported", 1)])]
#[case::presigned_urls_of_an_unknown_access_key(Habit::PresignedUnknown, "--only key-mismatch/presigned-no-key", &[("error", 1)])]
#[case::head_ignores_part_numbers(
    Habit::HeadPartsIgnored,
    "--only reads/head-part[first] --only multipart/get-part[first]",
    &[("not_supported", 1), ("pass", 1)]
)]
#[case::dates_are_compared_by_fractions(Habit::DatesByFractions, "--only conditional/if-modified-since[get]", &[("pass", 1)])]
#[case::checksums_need_the_name_of_the_algorithm(
    Habit::ChecksumsNeedAlgorithm,
    "--only integrity/checksum-wrong[crc32]",
    &[("pass", 1)]
)]
#[case::a_header_is_stripped(
    Habit::CacheControlStripped,
    "--only reads/system-header[get,cache-control] --only reads/override[cache-control] --only reads/system-header[get,content-type]",
    &[("not_supported", 2), ("pass", 1)]
)]
fn what_an_endpoint_lacks_is_not_supported_and_nothing_else(
    #[case] habit: Habit,
    #[case] only: &str,
    #[case] expected: &[(&str, usize)],
) {
    let expected: BTreeMap<String, usize> =
        expected.iter().map(|(verdict, count)| ((*verdict).to_owned(), *count)).collect();
    assert_eq!(verdicts(habit, only), expected);
}

/// What every S3 has stands in the way of each level where it is missing, and nothing else does here.
#[test]
#[ignore = "a whole run"]
fn a_header_that_is_stripped_without_sse_c_is_a_missing_capability_of_every_level() {
    // Debug builds that share a busy machine take their time.
    let (outcome, record) =
        ran(Habit::CacheControlStripped, "--certify core --request-timeout 300 --scenario-timeout 900");
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let missing = json!([
        "response-override[cache-control]",
        "system-header[get,cache-control]",
        "system-header[head,cache-control]"
    ]);
    let levels = record["certification"].as_array().expect("all built-in cases were run");
    let found: Vec<_> = levels.iter().map(|level| (&level["not_passed"], &level["missing"])).collect();
    assert_eq!(found, [(&json!(0), &missing); 3]);
    for case in record["cases"].as_array().expect("it has cases") {
        let (id, verdict) = (case["id"].as_str().expect("it has one"), case["verdict"].as_str());
        assert_eq!(verdict == Some("not_supported"), id.contains("cache-control"), "{case:#}");
        if verdict == Some("not_supported") {
            assert_eq!(case["missing"]["level"], "core", "{case:#}");
            assert!(missing.as_array().expect("it is one").contains(&case["missing"]["capability"]), "{case:#}");
        }
    }
}
