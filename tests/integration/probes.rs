//! What an endpoint lacks, and what only looks so: each probe is met by an endpoint that behaves as real ones were seen to.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::Value;

use crate::common::rogue_proxy::{Habit, RogueProxy};
use crate::common::{Outcome, Served, Workplace};

/// The verdicts of the cases selected, with how many came to each.
fn verdicts(habit: Habit, only: &str) -> BTreeMap<String, usize> {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    let proxy = RogueProxy::before(&workplace, &served, habit);
    let mut command = workplace.command(&format!("run --jobs 4 --report json=run.json {only}"));
    command.envs(&served.settings).env("SSECHECK_ENDPOINT", &proxy.url).env("AWS_CA_BUNDLE", &proxy.ca);
    let outcome = Outcome::of(command.output().expect("the binary starts"));
    let record: Value = serde_json::from_str(&workplace.read("run.json")).unwrap_or_else(|_| panic!("{outcome:#?}"));
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
fn what_an_endpoint_lacks_is_not_supported_and_nothing_else(
    #[case] habit: Habit,
    #[case] only: &str,
    #[case] expected: &[(&str, usize)],
) {
    let expected: BTreeMap<String, usize> =
        expected.iter().map(|(verdict, count)| ((*verdict).to_owned(), *count)).collect();
    assert_eq!(verdicts(habit, only), expected);
}
