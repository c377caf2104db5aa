//! One record of the records of all shards of a run: the one that a single machine would have written.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::built_in::BuiltIn;
use super::check::contradictions;
use super::circumstances::Circumstances;
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
    /// It does not say which run it is a shard of.
    #[error("{0} does not say which run it is a shard of; run all shards again, with the same --run-id")]
    NoRun(String),
    /// It contradicts itself, or the suites built in.
    #[error("{name} is not as a run writes it: {}; run the shard again", contradictions.join("; "))]
    Contradictory {
        /// Its name.
        name: String,
        /// What it contradicts.
        contradictions: Vec<String>,
    },
    /// They were not made at one time.
    #[error(
        "{one} and {other} were made {hours:.1} hours apart, and the shards of a run at most {MOST_HOURS} hours: run all of them again"
    )]
    Apart {
        /// That which began first.
        one: String,
        /// That which ended last.
        other: String,
        /// The hours from that beginning to that end.
        hours: f64,
    },
}

/// The most hours from the beginning of a sharded run's first shard to the end of its last: what is tested may be another after that.
const MOST_HOURS: f64 = 24.0;

/// Joins the records of all shards of a run, each with its name for messages. `built_in` is what they are checked against.
///
/// # Errors
/// [`MergeError`].
pub fn merge(shards: Vec<(String, RunRecord)>, rules: &Catalogue, built_in: &BuiltIn) -> Result<RunRecord, MergeError> {
    let shards = shards
        .into_iter()
        .map(|(name, mut run)| {
            let contradictions = contradictions(&run, built_in);
            let shard = run.shard.take().ok_or_else(|| MergeError::NoShard(name.clone()))?;
            let is_one = Shard::new(shard.shard, shard.shards).is_ok();
            if is_one { Ok(Part { name, run, shard, contradictions }) } else { Err(MergeError::Damaged(name)) }
        })
        .collect::<Result<Vec<_>, _>>()?;
    let first = shards.first().ok_or(MergeError::Nothing)?;
    for other in &shards[1..] {
        first.is_of_the_run_of(other)?;
    }
    let run = first.shard.of_run.clone().ok_or_else(|| MergeError::NoRun(first.name.clone()))?;
    all_there(&shards)?;
    at_one_time(&shards)?;
    let cases = cases(&shards)?;
    if let Some(Part { name, contradictions, .. }) = shards.iter().find(|part| !part.contradictions.is_empty()) {
        return Err(MergeError::Contradictory { name: name.clone(), contradictions: contradictions.clone() });
    }
    let mut merged = RunRecord {
        run,
        bucket: joined(shards.iter().map(|part| part.run.bucket.as_str())),
        interrupted: shards.iter().any(|part| part.run.interrupted),
        complete: first.shard.whole_is_complete,
        limits: limits(&shards),
        suites: suites(&shards, &cases),
        // That of each shard is of a part.
        evidence_digest: None,
        circumstances: circumstances(&shards),
        counts: BTreeMap::new(),
        certification: Vec::new(),
        // Each shard asked by itself: the worst is said.
        support: shards.iter().filter_map(|part| part.run.support).max(),
        left_behind: shards.iter().flat_map(|part| part.run.left_behind.clone()).collect(),
        cases,
        ..first.run.clone()
    };
    merged.explain();
    (merged.started, merged.ended, merged.seconds) = time(&shards);
    for part in &shards[1..] {
        let (sum, more) = (&mut merged.throttling, part.run.throttling);
        sum.answers = sum.answers.saturating_add(more.answers);
        sum.sent_again = sum.sent_again.saturating_add(more.sent_again);
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
    contradictions: Vec<String>,
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
                ("the labels are", text(&run.label)),
                ("the profiles are", format!("{} ({})", run.profile.id, run.profile.digest)),
                ("the baselines are", text(&run.baseline)),
                ("the digests of the suites are", run.suites_digest.clone()),
                ("the digests of the rules are", run.rules_digest.clone()),
                ("the names of the runs are", text(&shard.of_run)),
                ("the programs are", run.circumstances.as_ref().and_then(|it| it.program.clone()).unwrap_or_default()),
                ("the numbers of shards are", shard.shards.to_string()),
                ("the digests of all selected cases are", shard.plan_digest.clone()),
                ("whether it is all built-in cases is", shard.whole_is_complete.to_string()),
            ]
        };
        for ((what, its_value), (_, other_value)) in of(self).into_iter().zip(of(other)) {
            if its_value != other_value {
                return Err(self.differs_from(other, what, its_value, other_value));
            }
        }
        // Each node of a cluster may have its own: a shard need not have met all of them. An embedded endpoint has another each time.
        let met = [
            ("the servers' TLS certificates are", certificates(&self.run), certificates(&other.run)),
            ("the servers are", servers(&self.run), servers(&other.run)),
        ];
        for (what, its, others) in met.into_iter().filter(|_| !self.run.embedded) {
            if its.is_disjoint(&others) && !(its.is_empty() && others.is_empty()) {
                let told = |met: BTreeSet<&str>| if met.is_empty() { "none".to_owned() } else { listed(met) };
                return Err(self.differs_from(other, what, told(its), told(others)));
            }
        }
        let (its, others) = (authorities(&self.run), authorities(&other.run));
        if its != others {
            return Err(self.differs_from(other, "the certificate authorities are", listed(its), listed(others)));
        }
        let (its, others) = (settings(&self.run), settings(&other.run));
        let names: BTreeSet<&String> = its.keys().chain(others.keys()).copied().collect();
        match names.into_iter().find(|name| its.get(name) != others.get(name)) {
            None => Ok(()),
            Some(name) => {
                let told = |of: &BTreeMap<&String, &String>| match of.get(name) {
                    Some(value) => format!("{name}={value}"),
                    None => format!("{name} not given"),
                };
                Err(self.differs_from(other, "the settings are", told(&its), told(&others)))
            }
        }
    }

    fn differs_from(&self, other: &Self, what: &'static str, its_value: String, other_value: String) -> MergeError {
        MergeError::Different { one: self.name.clone(), other: other.name.clone(), what, its_value, other_value }
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

/// The settings in which shards of a run may differ: they change nothing that is judged.
const OF_EACH_SHARD: [&str; 5] = ["shard", "jobs", "max-rps", "evidence", "evidence-limit"];

/// The settings that all shards of a run share.
fn settings(run: &RunRecord) -> BTreeMap<&String, &String> {
    let settings = run.circumstances.iter().flat_map(|it| &it.settings);
    settings.filter(|(name, _)| !OF_EACH_SHARD.contains(&name.as_str())).collect()
}

/// SHA-256 of the TLS certificates that the servers presented, in hexadecimal.
fn certificates(run: &RunRecord) -> BTreeSet<&str> {
    let peers = run.circumstances.iter().flat_map(|it| &it.peers.tls);
    peers.filter_map(|peer| peer.certificate.as_deref()).collect()
}

/// The `Server` headers of the servers.
fn servers(run: &RunRecord) -> BTreeSet<&str> {
    let all = run.circumstances.iter().flat_map(|it| &it.peers.servers).map(String::as_str);
    all.chain(run.server.as_deref()).collect()
}

/// SHA-256 of the files of certificate authorities that were chosen, in hexadecimal; their names where there is none.
fn authorities(run: &RunRecord) -> BTreeSet<&str> {
    let files = run.circumstances.iter().flat_map(|it| &it.authorities);
    files.map(|file| file.sha256.as_deref().unwrap_or(&file.file)).collect()
}

fn listed(texts: BTreeSet<&str>) -> String {
    texts.into_iter().collect::<Vec<_>>().join(", ")
}

/// How the shards were made, all together.
fn circumstances(shards: &[Part]) -> Option<Circumstances> {
    let mut all = shards.iter().filter_map(|part| part.run.circumstances.as_ref());
    let mut joined = all.next()?.clone();
    OF_EACH_SHARD.iter().for_each(|name| _ = joined.settings.remove(*name));
    for other in all {
        joined.peers.join(&other.peers);
        for (reason, times) in &other.sent_again {
            let sum = joined.sent_again.entry(*reason).or_default();
            *sum = sum.saturating_add(*times);
        }
    }
    Some(joined)
}

/// When a shard began and ended.
fn span(part: &Part) -> Option<(OffsetDateTime, OffsetDateTime)> {
    let began = OffsetDateTime::parse(&part.run.started, &Rfc3339).ok()?;
    // The seconds of a record are none too many for a duration; they may be too many for a date.
    Some((began, began.checked_add(time::Duration::seconds_f64(part.run.seconds)).unwrap_or(began)))
}

/// Refuses shards that were made too long after each other.
fn at_one_time(shards: &[Part]) -> Result<(), MergeError> {
    let spans = || shards.iter().filter_map(|part| Some((span(part)?, &part.name)));
    let first = spans().min_by_key(|((began, _), _)| *began);
    let last = spans().max_by_key(|((_, ended), _)| *ended);
    let (Some(((began, _), one)), Some(((_, ended), other))) = (first, last) else { return Ok(()) };
    let hours = (ended - began).as_seconds_f64() / 3600.0;
    if hours <= MOST_HOURS {
        return Ok(());
    }
    Err(MergeError::Apart { one: one.clone(), other: other.clone(), hours })
}

/// When the first began, when the last ended, and how many seconds lie between.
fn time(shards: &[Part]) -> (String, Option<String>, f64) {
    let spans = || shards.iter().filter_map(|part| Some((span(part)?, &part.run)));
    let first = spans().min_by_key(|((began, _), _)| *began);
    let last = spans().max_by_key(|((_, ended), _)| *ended);
    match (first, last) {
        (Some(((began, _), first)), Some(((_, ended), last))) => {
            (first.started.clone(), last.ended.clone(), (ended - began).as_seconds_f64())
        }
        // A record without a time is not read.
        _ => (String::new(), None, 0.0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::super::samples::{case, run};
    use super::*;
    use crate::evidence::Peer;
    use crate::verdict::Verdict;

    /// The record of a whole run of as many cases.
    fn whole(cases: usize) -> RunRecord {
        let verdict = |n: usize| if n.is_multiple_of(3) { Verdict::Fail } else { Verdict::Pass };
        let mut whole = run((0..cases).map(|n| case(&format!("s{}/c{n}", n / 4), verdict(n), "")).collect());
        whole.run = "nightly".to_owned();
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
                of_run: Some("nightly".to_owned()),
                shard,
                shards: count,
                cases: of_case.len() as u64,
                plan_digest: "p".to_owned(),
                whole_is_complete: true,
                positions: positions.iter().map(|position| *position as u64).collect(),
            };
            part.limits.push(record.limit());
            part.circumstances
                .iter_mut()
                .for_each(|it| _ = it.settings.insert("shard".to_owned(), format!("{shard}/{count}")));
            part.shard = Some(record);
            (format!("{shard}.json"), part)
        };
        (1..=count).map(one).collect()
    }

    fn merged(shards: Vec<(String, RunRecord)>) -> Result<RunRecord, MergeError> {
        let rules = Catalogue::embedded().unwrap();
        // The samples are of other suites than those built in.
        let built_in = BuiltIn { suites_digest: String::new(), rules_digest: String::new(), profile: None };
        merge(shards, &rules, &built_in)
    }

    proptest! {
        #[test]
        fn however_cases_are_cut_together_they_are_the_whole(of_case in prop::collection::vec(1..4u32, 1..30), turn in 0..3usize) {
            let whole = whole(of_case.len());
            let mut shards = shards(&whole, &of_case, 3);
            shards.rotate_left(turn);
            let merged = merged(shards).unwrap();
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
    #[case::no_run(|shards: &mut Vec<(String, RunRecord)>| (0..3).for_each(|n| of(shards, n).of_run = None), "1.json does not say which run")]
    #[case::other_run(|shards: &mut Vec<(String, RunRecord)>| of(shards, 1).of_run = Some("other".into()), "the names of the runs are")]
    #[case::other_program(|shards: &mut Vec<(String, RunRecord)>| made(shards, 1).program = Some("x".into()), "the programs are")]
    #[case::other_setting(|shards: &mut Vec<(String, RunRecord)>| _ = made(shards, 1).settings.insert("region".into(), "r".into()), "the settings are region not given and region=r")]
    #[case::other_certificate(|shards: &mut Vec<(String, RunRecord)>| made(shards, 1).peers.tls = vec![Peer { address: "1.2.3.4:9".into(), certificate: Some("c".into()) }], "the servers' TLS certificates are")]
    #[case::days_later(|shards: &mut Vec<(String, RunRecord)>| { shards[1].1.started = "2026-11-26T00:00:01Z".into(); shards[1].1.ended = Some("2026-11-26T00:00:02Z".into()); }, "1.json and 2.json were made 24.0 hours apart")]
    #[case::end_of_all_dates(|shards: &mut Vec<(String, RunRecord)>| { shards[1].1.started = "9999-12-31T23:59:59Z".into(); shards[1].1.ended = Some("9999-12-31T23:59:59Z".into()); }, "hours apart")]
    #[case::other_authority(|shards: &mut Vec<(String, RunRecord)>| made(shards, 1).authorities.push(crate::record::AuthorityRecord { named_by: "--ca-file".into(), file: "my.pem".into(), sha256: Some("0c".into()) }), "the certificate authorities are  and 0c")]
    #[case::counts(|shards: &mut Vec<(String, RunRecord)>| shards[1].1.counts.clear(), "2.json is not as a run writes it: its counts are not those of its cases")]
    #[case::no_limit(|shards: &mut Vec<(String, RunRecord)>| shards[1].1.limits.clear(), "2.json is not as a run writes it: it says of no limit")]
    #[case::many_missing(|shards: &mut Vec<(String, RunRecord)>| (0..3).for_each(|n| of(shards, n).shards = 20), "13/20, and 7 more is missing")]
    fn what_are_not_all_shards_of_one_run_is_refused(
        #[case] change: fn(&mut Vec<(String, RunRecord)>),
        #[case] told: &str,
    ) {
        let mut shards = shards(&whole(6), &[1, 2, 3, 1, 2, 3], 3);
        change(&mut shards);
        let error = merged(shards).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }

    fn made(shards: &mut [(String, RunRecord)], index: usize) -> &mut Circumstances {
        shards[index].1.circumstances.as_mut().unwrap()
    }

    fn of(shards: &mut [(String, RunRecord)], index: usize) -> &mut ShardRecord {
        shards[index].1.shard.as_mut().unwrap()
    }

    /// What machines and clusters differ in is no other run: jobs, and nodes with certificates and names of their own.
    #[test]
    fn shards_of_a_cluster_are_one_run() {
        let mut shards = shards(&whole(4), &[1, 2, 1, 2], 2);
        for (number, name) in ["8", "4"].into_iter().enumerate() {
            made(&mut shards, number).settings.insert("jobs".to_owned(), name.to_owned());
            let peer = Peer { address: format!("10.0.0.{number}:443"), certificate: Some(name.to_owned()) };
            made(&mut shards, number).peers.tls.push(peer);
            made(&mut shards, number).peers.servers = vec!["node".to_owned(), name.to_owned()];
            shards[number].1.server = Some(name.to_owned());
        }
        let merged = merged(shards).unwrap().circumstances.unwrap();
        assert_eq!(
            (merged.peers.tls.len(), merged.peers.servers),
            (3, vec!["4".to_owned(), "8".to_owned(), "node".to_owned()])
        );
        assert!(!merged.settings.contains_key("jobs"));
    }

    #[test]
    fn what_happened_in_any_shard_happened() {
        let mut shards = shards(&whole(4), &[1, 2, 1, 2], 2);
        let (first, second) = shards.split_at_mut(1);
        let (one, other) = (&mut first[0].1, &mut second[0].1);
        (one.bucket, other.bucket) = ("bucket-a".to_owned(), "bucket-b".to_owned());
        let time = |seconds: &str| format!("2026-11-25T00:00:{seconds}Z");
        (one.started, one.ended, one.seconds) = (time("10"), Some(time("15")), 5.0);
        (other.started, other.ended, other.seconds) = (time("00"), Some(time("02.5")), 2.5);
        other.interrupted = true;
        other.limits.push("so it is".to_owned());
        one.left_behind.push("an object".to_owned());
        one.throttling.answers = 2;
        other.throttling = crate::client::Throttling { answers: 3, sent_again: 1 };
        one.evidence_digest = Some("e".to_owned());
        let merged = merged(shards).unwrap();
        assert_eq!((merged.run.as_str(), merged.bucket.as_str()), ("nightly", "bucket-a+bucket-b"));
        assert_eq!((merged.started, merged.ended, merged.seconds), (time("00"), Some(time("15")), 15.0));
        assert!(merged.interrupted && merged.evidence_digest.is_none());
        assert_eq!((merged.limits, merged.left_behind), (vec!["so it is".to_owned()], vec!["an object".to_owned()]));
        assert_eq!((merged.throttling.answers, merged.throttling.sent_again), (5, 1));
    }
}
