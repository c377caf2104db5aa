//! One record of the records of all shards of a run: the one that a single machine would have written.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::model::{CaseRecord, RunRecord, ShardRecord, SuiteRecord};
use crate::plan::Shard;
use crate::rules::Catalogue;

/// Records that are no shards of one run. Each is named as the user named it.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// There is none.
    #[error("there is nothing to merge")]
    Nothing,
    /// It is of a whole run.
    #[error("{0} is the record of a whole run, and of no shard: it was made without --shard")]
    NoShard(String),
    /// Two were made in different ways, so that together they say nothing.
    #[error(
        "{one} and {other} are of different runs: {what} {its_value} and {other_value}; merge shards of the same run only"
    )]
    Different {
        /// One of them.
        one: String,
        /// The other.
        other: String,
        /// What differs.
        what: &'static str,
        /// In the first.
        its_value: String,
        /// In the other.
        other_value: String,
    },
    /// A shard is there twice.
    #[error("{one} and {other} are both shard {shard}; leave one out")]
    Twice {
        /// One of them.
        one: String,
        /// The other.
        other: String,
        /// Which, as I/N.
        shard: String,
    },
    /// A case is there twice.
    #[error(
        "{one} and {other} both have the case `{case}`: the cases were cut by different durations; give all shards the same file"
    )]
    Overlap {
        /// One of them.
        one: String,
        /// The other.
        other: String,
        /// The case's id.
        case: String,
    },
    /// Shards are missing.
    #[error("shard {} is missing; merge all of them", .0.join(", "))]
    Missing(Vec<String>),
    /// Cases are missing, though all shards are there.
    #[error(
        "{missing} of {all} cases are in no shard: the cases were cut by different durations; give all shards the same file"
    )]
    Gap {
        /// How many.
        missing: usize,
        /// Of how many.
        all: usize,
    },
    /// It is not as a run writes it.
    #[error("{0} is damaged: what it says of its shard cannot be")]
    Damaged(String),
}

/// Joins the records of all shards of a run, each with its name for messages.
///
/// # Errors
/// [`MergeError`].
pub fn merge(shards: Vec<(String, RunRecord)>, rules: &Catalogue) -> Result<RunRecord, MergeError> {
    let shards = shards
        .into_iter()
        .map(|(name, mut run)| {
            let shard = run.shard.take().ok_or_else(|| MergeError::NoShard(name.clone()))?;
            let is_one = Shard::new(shard.shard, shard.shards).is_ok();
            if is_one { Ok(Part { name, run, shard }) } else { Err(MergeError::Damaged(name)) }
        })
        .collect::<Result<Vec<_>, _>>()?;
    let first = shards.first().ok_or(MergeError::Nothing)?;
    for other in &shards[1..] {
        first.is_of_the_run_of(other)?;
    }
    all_there(&shards)?;
    let cases = cases(&shards)?;
    let mut merged = RunRecord {
        run: joined(shards.iter().map(|part| part.run.run.as_str())),
        bucket: joined(shards.iter().map(|part| part.run.bucket.as_str())),
        interrupted: shards.iter().any(|part| part.run.interrupted),
        complete: first.shard.whole_is_complete,
        limits: limits(&shards),
        suites: suites(&shards, &cases),
        // That of each shard is of a part.
        evidence_digest: None,
        counts: BTreeMap::new(),
        certification: Vec::new(),
        // Each shard asked by itself: the worst is said.
        support: shards.iter().filter_map(|part| part.run.support).max(),
        left_behind: shards.iter().flat_map(|part| part.run.left_behind.clone()).collect(),
        cases,
        ..first.run.clone()
    };
    merged.explain();
    (merged.started, merged.seconds) = time(&shards);
    for part in &shards[1..] {
        merged.throttling.answers += part.run.throttling.answers;
        merged.throttling.sent_again += part.run.throttling.sent_again;
    }
    let known: Vec<&str> = rules.iter().map(|rule| rule.id.as_str()).collect();
    merged.rules = united(shards.iter().flat_map(|part| &part.run.rules), |rule| &rule.id, &known);
    let known: Vec<&str> = rules.families().iter().map(|family| family.id.as_str()).collect();
    merged.families = united(shards.iter().flat_map(|part| &part.run.families), |family| &family.id, &known);
    merged.counts = merged.counted().collect();
    if merged.complete {
        merged.certification = merged.attainments();
    }
    Ok(merged)
}

/// A record of a shard.
struct Part {
    name: String,
    run: RunRecord,
    shard: ShardRecord,
}

impl Part {
    /// Whether another is a shard of the same run.
    fn is_of_the_run_of(&self, other: &Self) -> Result<(), MergeError> {
        let text = |value: &dyn std::fmt::Debug| format!("{value:?}");
        let of = |part: &Self| {
            let Self { run, shard, .. } = part;
            // An embedded endpoint has another port each time.
            let endpoint = if run.embedded { "the embedded one".to_owned() } else { run.endpoint.clone() };
            let plain = if run.embedded { String::new() } else { run.plain_endpoint.clone() };
            [
                ("the versions of ssecheck are", run.ssecheck.clone()),
                ("the endpoints are", endpoint),
                ("the plain-HTTP endpoints are", plain),
                ("the servers are", text(&run.server)),
                ("the labels are", text(&run.label)),
                ("the profiles are", format!("{} ({})", run.profile.id, run.profile.digest)),
                ("the baselines are", text(&run.baseline)),
                ("the digests of the suites are", run.suites_digest.clone()),
                ("the digests of the rules are", run.rules_digest.clone()),
                ("the numbers of shards are", shard.shards.to_string()),
                ("the digests of all selected cases are", shard.plan_digest.clone()),
                ("whether it is all built-in cases is", shard.whole_is_complete.to_string()),
            ]
        };
        for ((what, its_value), (_, other_value)) in of(self).into_iter().zip(of(other)) {
            if its_value != other_value {
                let (one, other) = (self.name.clone(), other.name.clone());
                return Err(MergeError::Different { one, other, what, its_value, other_value });
            }
        }
        Ok(())
    }
}

/// Each shard once.
fn all_there(shards: &[Part]) -> Result<(), MergeError> {
    let mut names: BTreeMap<u32, &str> = BTreeMap::new();
    for Part { name, shard, .. } in shards {
        if let Some(other) = names.insert(shard.shard, name) {
            let shard = format!("{}/{}", shard.shard, shard.shards);
            return Err(MergeError::Twice { one: other.to_owned(), other: name.clone(), shard });
        }
    }
    let count = shards.first().map_or(0, |part| part.shard.shards);
    let missing: Vec<u32> = (1..=count).filter(|shard| !names.contains_key(shard)).collect();
    let told = missing.iter().take(10).map(|shard| format!("{shard}/{count}"));
    let more = missing.len().checked_sub(10).filter(|more| *more > 0).map(|more| format!("and {more} more"));
    if missing.is_empty() { Ok(()) } else { Err(MergeError::Missing(told.chain(more).collect())) }
}

/// The cases of all shards, each at its place.
fn cases(shards: &[Part]) -> Result<Vec<CaseRecord>, MergeError> {
    let mut places: BTreeMap<u64, (&Part, &CaseRecord)> = BTreeMap::new();
    for part in shards {
        if part.shard.positions.len() != part.run.cases.len() {
            return Err(MergeError::Damaged(part.name.clone()));
        }
        for (position, case) in part.shard.positions.iter().zip(&part.run.cases) {
            if *position >= part.shard.cases {
                return Err(MergeError::Damaged(part.name.clone()));
            }
            if let Some((other, _)) = places.insert(*position, (part, case)) {
                let (one, other, case) = (other.name.clone(), part.name.clone(), case.id.clone());
                return Err(MergeError::Overlap { one, other, case });
            }
        }
    }
    let all = shards.first().map_or(0, |part| part.shard.cases);
    let all = usize::try_from(all).unwrap_or(usize::MAX);
    let missing = all - places.len().min(all);
    if missing > 0 {
        return Err(MergeError::Gap { missing, all });
    }
    Ok(places.into_values().map(|(_, case)| case.clone()).collect())
}

/// Each of these once, in the order of the catalogue, as a run has them; those that it does not know last.
fn united<'p, T: Clone + 'p>(all: impl Iterator<Item = &'p T>, id: fn(&T) -> &str, known: &[&str]) -> Vec<T> {
    let mut seen = BTreeSet::new();
    let mut united: Vec<T> = all.filter(|one| seen.insert(id(one))).cloned().collect();
    united.sort_by_key(|one| known.iter().position(|known| *known == id(one)).unwrap_or(usize::MAX));
    united
}

/// The suites of the cases, in their order.
fn suites(shards: &[Part], cases: &[CaseRecord]) -> Vec<SuiteRecord> {
    let known: BTreeMap<&str, &SuiteRecord> =
        shards.iter().flat_map(|part| &part.run.suites).map(|suite| (suite.id.as_str(), suite)).collect();
    let mut seen = BTreeSet::new();
    let of_cases = cases.iter().map(|case| case.suite.as_str()).filter(|id| seen.insert(*id));
    of_cases.filter_map(|id| known.get(id).map(|suite| (*suite).clone())).collect()
}

/// What limits any of them but that it is a part.
fn limits(shards: &[Part]) -> Vec<String> {
    let mut limits: Vec<String> = Vec::new();
    for part in shards {
        let own = part.shard.limit();
        for limit in part.run.limits.iter().filter(|limit| **limit != own) {
            if !limits.contains(limit) {
                limits.push(limit.clone());
            }
        }
    }
    limits
}

fn joined<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let mut all: Vec<&str> = Vec::new();
    texts.for_each(|text| {
        if !all.contains(&text) {
            all.push(text);
        }
    });
    all.join("+")
}

/// When the first began, and how many seconds later the last ended.
fn time(shards: &[Part]) -> (String, f64) {
    let began = |part: &Part| OffsetDateTime::parse(&part.run.started, &Rfc3339).ok();
    let earliest = shards.iter().filter_map(|part| Some((began(part)?, &part.run.started))).min();
    let Some((earliest, started)) = earliest else {
        // Nobody says when it began: as long as the longest, at least.
        let longest = shards.iter().map(|part| part.run.seconds).fold(0.0, f64::max);
        return (shards.first().map(|part| part.run.started.clone()).unwrap_or_default(), longest);
    };
    let ended = |part: &Part| began(part).map(|began| (began - earliest).as_seconds_f64() + part.run.seconds);
    (started.clone(), shards.iter().filter_map(ended).fold(0.0, f64::max))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::super::samples::{case, run};
    use super::*;
    use crate::verdict::Verdict;

    /// The record of a whole run of as many cases.
    fn whole(cases: usize) -> RunRecord {
        let verdict = |n: usize| if n.is_multiple_of(3) { Verdict::Fail } else { Verdict::Pass };
        let mut whole = run((0..cases).map(|n| case(&format!("s{}/c{n}", n / 4), verdict(n), "")).collect());
        whole.counts = whole.counted().collect();
        whole.certification = whole.attainments();
        whole.suites = (0..cases.div_ceil(4))
            .map(|n| SuiteRecord { id: format!("s{n}"), title: "t".into(), file: "f".into(), digest: "d".into() })
            .collect();
        whole
    }

    /// Its shards, where each case stands in that which is named for it, counted from 1.
    fn shards(whole: &RunRecord, of_case: &[u32], count: u32) -> Vec<(String, RunRecord)> {
        let one = |shard: u32| {
            let positions: Vec<usize> = (0..of_case.len()).filter(|position| of_case[*position] == shard).collect();
            let mut part = whole.clone();
            part.cases = positions.iter().map(|position| whole.cases[*position].clone()).collect();
            part.suites.retain(|suite| part.cases.iter().any(|case| case.suite == suite.id));
            part.complete = false;
            (part.counts, part.certification) = (part.counted().collect(), Vec::new());
            let record = ShardRecord {
                shard,
                shards: count,
                cases: of_case.len() as u64,
                plan_digest: "p".to_owned(),
                whole_is_complete: true,
                positions: positions.iter().map(|position| *position as u64).collect(),
            };
            part.limits.push(record.limit());
            part.shard = Some(record);
            (format!("{shard}.json"), part)
        };
        (1..=count).map(one).collect()
    }

    fn rules() -> Catalogue {
        Catalogue::embedded().unwrap()
    }

    proptest! {
        #[test]
        fn however_cases_are_cut_together_they_are_the_whole(of_case in prop::collection::vec(1..4u32, 1..30), turn in 0..3usize) {
            let whole = whole(of_case.len());
            let mut shards = shards(&whole, &of_case, 3);
            shards.rotate_left(turn);
            let merged = merge(shards, &rules()).unwrap();
            prop_assert_eq!(merged.to_json().unwrap(), whole.to_json().unwrap());
        }
    }

    #[rstest]
    #[case::none(|shards: &mut Vec<(String, RunRecord)>| shards.clear(), "nothing to merge")]
    #[case::missing(|shards: &mut Vec<(String, RunRecord)>| _ = shards.remove(1), "shard 2/3 is missing")]
    #[case::twice(|shards: &mut Vec<(String, RunRecord)>| shards.push(shards[2].clone()), "3.json and 3.json are both shard 3/3")]
    #[case::whole(|shards: &mut Vec<(String, RunRecord)>| shards[0].1.shard = None, "1.json is the record of a whole run")]
    #[case::version(|shards: &mut Vec<(String, RunRecord)>| shards[1].1.ssecheck = "2".into(), "versions of ssecheck")]
    #[case::endpoint(|shards: &mut Vec<(String, RunRecord)>| shards[1].1.endpoint = "https://other/".into(), "endpoints are https://localhost/ and https://other/")]
    #[case::plain_endpoint(|shards: &mut Vec<(String, RunRecord)>| shards[1].1.plain_endpoint = "http://other/".into(), "plain-HTTP")]
    #[case::server(|shards: &mut Vec<(String, RunRecord)>| shards[1].1.server = Some("s".into()), "servers")]
    #[case::label(|shards: &mut Vec<(String, RunRecord)>| shards[1].1.label = Some("s".into()), "labels")]
    #[case::profile(|shards: &mut Vec<(String, RunRecord)>| shards[1].1.profile.digest = "x".into(), "profiles")]
    #[case::suites(|shards: &mut Vec<(String, RunRecord)>| shards[1].1.suites_digest = "x".into(), "digests of the suites are d and x")]
    #[case::rules(|shards: &mut Vec<(String, RunRecord)>| shards[1].1.rules_digest = "x".into(), "digests of the rules")]
    #[case::selection(|shards: &mut Vec<(String, RunRecord)>| of(shards, 1).plan_digest = "x".into(), "all selected cases are p and x")]
    #[case::count(|shards: &mut Vec<(String, RunRecord)>| of(shards, 1).shards = 4, "numbers of shards are 3 and 4")]
    #[case::completeness(|shards: &mut Vec<(String, RunRecord)>| of(shards, 1).whole_is_complete = false, "all built-in cases")]
    #[case::overlap(|shards: &mut Vec<(String, RunRecord)>| of(shards, 1).positions[0] = 0, "1.json and 2.json both have the case `s0/c1`")]
    #[case::gap(|shards: &mut Vec<(String, RunRecord)>| { shards[1].1.cases.remove(0); of(shards, 1).positions.remove(0); }, "1 of 6 cases are in no shard")]
    #[case::beyond(|shards: &mut Vec<(String, RunRecord)>| of(shards, 1).positions[0] = 6, "2.json is damaged")]
    #[case::more_cases(|shards: &mut Vec<(String, RunRecord)>| _ = of(shards, 1).positions.pop(), "2.json is damaged")]
    #[case::endless(|shards: &mut Vec<(String, RunRecord)>| (0..3).for_each(|n| of(shards, n).shards = u32::MAX), "1.json is damaged")]
    #[case::zeroth(|shards: &mut Vec<(String, RunRecord)>| of(shards, 1).shard = 0, "2.json is damaged")]
    #[case::many_missing(|shards: &mut Vec<(String, RunRecord)>| (0..3).for_each(|n| of(shards, n).shards = 20), "13/20, and 7 more is missing")]
    fn what_are_not_all_shards_of_one_run_is_refused(
        #[case] change: fn(&mut Vec<(String, RunRecord)>),
        #[case] told: &str,
    ) {
        let mut shards = shards(&whole(6), &[1, 2, 3, 1, 2, 3], 3);
        change(&mut shards);
        let error = merge(shards, &rules()).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }

    fn of(shards: &mut [(String, RunRecord)], index: usize) -> &mut ShardRecord {
        shards[index].1.shard.as_mut().unwrap()
    }

    #[test]
    fn what_happened_in_any_shard_happened() {
        let mut shards = shards(&whole(4), &[1, 2, 1, 2], 2);
        let (first, second) = shards.split_at_mut(1);
        let (one, other) = (&mut first[0].1, &mut second[0].1);
        (one.run, other.run) = ("a".to_owned(), "b".to_owned());
        (one.bucket, other.bucket) = ("bucket-a".to_owned(), "bucket-b".to_owned());
        (one.started, one.seconds) = ("2026-11-25T00:00:10Z".to_owned(), 5.0);
        (other.started, other.seconds) = ("2026-11-25T00:00:00Z".to_owned(), 2.5);
        other.interrupted = true;
        other.limits.push("so it is".to_owned());
        one.left_behind.push("an object".to_owned());
        one.throttling.answers = 2;
        other.throttling = crate::client::Throttling { answers: 3, sent_again: 1 };
        one.evidence_digest = Some("e".to_owned());
        let merged = merge(shards, &rules()).unwrap();
        assert_eq!((merged.run.as_str(), merged.bucket.as_str()), ("a+b", "bucket-a+bucket-b"));
        assert_eq!((merged.started.as_str(), merged.seconds), ("2026-11-25T00:00:00Z", 15.0));
        assert!(merged.interrupted && merged.evidence_digest.is_none());
        assert_eq!((merged.limits, merged.left_behind), (vec!["so it is".to_owned()], vec!["an object".to_owned()]));
        assert_eq!((merged.throttling.answers, merged.throttling.sent_again), (5, 1));
    }
}
