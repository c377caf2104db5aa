//! Finds where a record contradicts itself or the suites built in: it may have been edited. Pure.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::built_in::{BuiltIn, BuiltInProfile, LeavesOut};
use super::limits::Limiting;
use super::model::{CaseRecord, FORMAT, RunRecord, ShardRecord};
use super::times;
use crate::plan::Shard;

/// Names every contradiction within a record, and between it and the suites where it was made with those built in. A record that a run
/// or `merge` wrote has none. Each is half a sentence about "it".
#[must_use]
pub fn contradictions(run: &RunRecord, built_in: &BuiltIn) -> Vec<String> {
    let mut found = within(run);
    if let Some(shard) = &run.shard {
        found.extend(of_shard(run, shard));
    }
    let is_of_built_in_suites =
        run.suites_digest == built_in.suites_digest && run.rules_digest == built_in.rules_digest;
    if is_of_built_in_suites && run.profile.file.is_none() && built_in.profile.is_none() {
        found.push("it names a profile that is not built in".to_owned());
    }
    if is_of_built_in_suites && run.format != FORMAT {
        found.push("its format is older than the suites that it was made with".to_owned());
    }
    let profile = built_in.profile_if_same(&run.suites_digest, &run.rules_digest, &run.profile.digest);
    if let Some(profile) = profile.filter(|_| run.profile.file.is_none()) {
        found.extend(of_plan(run, profile));
        if run.format == FORMAT {
            let leaves_out = LeavesOut::of(&run.plain_endpoint, run.circumstances.as_ref(), run.is_limited());
            found.extend(profile.contradicted_by(run.cases.iter().map(CaseRecord::claimed), leaves_out));
        }
    }
    found
}

fn within(run: &RunRecord) -> Vec<String> {
    let mut found = Vec::new();
    let mut must = |holds: bool, contradiction: &str| {
        if !holds {
            found.push(contradiction.to_owned());
        }
    };
    must(run.counts == run.counted().collect::<BTreeMap<_, _>>(), "its counts are not those of its cases");
    let ids: BTreeSet<&str> = run.cases.iter().map(|case| case.id.as_str()).collect();
    must(ids.len() == run.cases.len(), "it has a case twice");
    let suites: BTreeSet<&str> = run.suites.iter().map(|suite| suite.id.as_str()).collect();
    let is_of_them = |case: &CaseRecord| suites.contains(case.suite.as_str());
    must(suites.is_empty() || run.cases.iter().all(is_of_them), "it has cases of suites that it does not name");
    let levels = if run.complete { run.attainments() } else { Vec::new() };
    must(run.certification == levels, "what it says of certification levels does not follow from its cases and limits");
    must(!run.complete || run.shard.is_none(), "it says to be of all built-in cases, and to be a shard");
    if run.format != FORMAT {
        return found;
    }
    must(run.circumstances.is_some(), "it does not say how it was made");
    must(run.ended.is_some(), "it does not say when it ended");
    let causes = Limiting::of(run).causes();
    must(causes.is_empty() || !run.limits.is_empty(), "it says of no limit, and has some by what else it says");
    let time = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    if let (Some(started), Some(ended)) = (time(&run.started), run.ended.as_deref().and_then(time)) {
        must(times::agree(started, ended, run.seconds), "its start, end and duration contradict each other");
    }
    found
}

fn of_shard(run: &RunRecord, shard: &ShardRecord) -> Vec<String> {
    let mut found = Vec::new();
    let mut must = |holds: bool, contradiction: &str| {
        if !holds {
            found.push(contradiction.to_owned());
        }
    };
    must(Shard::new(shard.shard, shard.shards).is_ok(), "its shard is none of so many");
    must(shard.positions.len() == run.cases.len(), "it has another number of cases than its shard");
    must(shard.positions.windows(2).all(|two| two[0] < two[1]), "the cases of its shard are not in order");
    must(shard.positions.last().is_none_or(|last| *last < shard.cases), "its shard has cases beyond the last");
    let is_whole = shard.shards > 1 || shard.positions.len() as u64 == shard.cases;
    must(is_whole, "it says to be the only shard, and lacks cases");
    found
}

/// Whether it has the cases that it says to have.
fn of_plan(run: &RunRecord, profile: &BuiltInProfile) -> Option<String> {
    let is_listed = match &run.shard {
        None if !run.complete => return None,
        None => run.cases.iter().map(|case| &case.id).eq(profile.cases.iter().map(|case| &case.id)),
        Some(shard) if !shard.whole_is_complete => return None,
        Some(shard) => {
            let place = |position: &u64| profile.cases.get(usize::try_from(*position).ok()?).map(|case| &case.id);
            let is_whole = shard.cases == profile.cases.len() as u64 && shard.plan_digest == profile.plan_digest;
            is_whole && run.cases.iter().map(|case| Some(&case.id)).eq(shard.positions.iter().map(place))
        }
    };
    (!is_listed).then(|| "it says to be of all built-in cases, and has others".to_owned())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::samples::{case, run};
    use super::super::{BuiltInCase, SuiteRecord};
    use super::*;
    use crate::suite::model::{BucketKind, Certification, Level};
    use crate::verdict::Verdict;

    fn suite() -> SuiteRecord {
        SuiteRecord { id: "s".to_owned(), title: "t".to_owned(), file: "f".to_owned(), digest: "d".to_owned() }
    }

    /// A run of all built-in cases, as it is written.
    fn record() -> RunRecord {
        let cases = ["s/a", "s/b", "s/c"].map(|id| case(id, Verdict::Pass, ""));
        let mut run = RunRecord { suites: vec![suite()], ..run(cases.into()) };
        run.counts = run.counted().collect();
        run.certification = run.attainments();
        run
    }

    fn built_in() -> BuiltIn {
        let cases = record().cases.into_iter().map(|case| BuiltInCase {
            needs_plain_endpoint: case.id == "s/c",
            id: case.id,
            level: Level::Must,
            certification: Certification::Core,
            needs: BTreeMap::from([("versions".to_owned(), Certification::Core)]),
            bucket: BucketKind::Plain,
        });
        let (suites_digest, rules_digest) = (record().suites_digest, record().rules_digest);
        let profile = BuiltInProfile {
            digest: record().profile.digest,
            departs: false,
            suites: vec![suite()],
            plan_digest: "plan".to_owned(),
            cases: cases.collect(),
        };
        BuiltIn { suites_digest, rules_digest, profile: Some(profile) }
    }

    /// The second shard of the whole run.
    fn shard(run: &mut RunRecord) {
        run.cases.remove(0);
        (run.complete, run.certification) = (false, Vec::new());
        run.limits.push("--shard 2/2".to_owned());
        run.counts = run.counted().collect();
        run.shard = Some(ShardRecord {
            of_run: Some("nightly".to_owned()),
            shard: 2,
            shards: 2,
            cases: 3,
            plan_digest: "plan".to_owned(),
            whole_is_complete: true,
            positions: vec![1, 2],
        });
    }

    fn verdict(run: &mut RunRecord, case: usize, verdict: Verdict) {
        (run.cases[case].verdict, run.cases[case].found) = (verdict, verdict);
        run.counts = run.counted().collect();
        run.certification = run.attainments();
    }

    /// The second shard, edited.
    fn edited(edit: fn(&mut ShardRecord)) -> impl Fn(&mut RunRecord) {
        move |run| {
            shard(run);
            run.shard.iter_mut().for_each(edit);
        }
    }

    #[rstest]
    #[case::whole(|_: &mut RunRecord| {}, "")]
    #[case::shard(shard, "")]
    #[case::declared_without_plain_listener(|run: &mut RunRecord| verdict(run, 2, Verdict::Skipped), "")]
    #[case::lacking(|run: &mut RunRecord| {
        run.cases[0].missing = Some(crate::record::Missing { capability: "versions".to_owned(), level: Certification::Core });
        verdict(run, 0, Verdict::NotSupported);
    }, "")]
    #[case::left_out_without_need(|run: &mut RunRecord| verdict(run, 0, Verdict::Skipped), "it has cases that were left out without need (1): s/a")]
    #[case::lacking_nothing(|run: &mut RunRecord| verdict(run, 0, Verdict::NotSupported), "for want of something that they do not need (1): s/a")]
    #[case::only_shard(edited(|shard| (shard.shard, shard.shards) = (1, 1)), "it says to be the only shard, and lacks cases")]
    #[case::whole_of_two(edited(|shard| (shard.shard, shard.shards, shard.cases, shard.positions) = (1, 1, 2, vec![0, 1])), "it says to be of all built-in cases, and has others")]
    #[case::other_plan(edited(|shard| shard.plan_digest = "other".to_owned()), "it says to be of all built-in cases, and has others")]
    #[case::other_places(edited(|shard| shard.positions = vec![0, 2]), "it says to be of all built-in cases, and has others")]
    #[case::shuffled(edited(|shard| shard.positions = vec![2, 1]), "the cases of its shard are not in order")]
    #[case::beyond(edited(|shard| shard.positions = vec![2, 3]), "its shard has cases beyond the last")]
    #[case::more(edited(|shard| _ = shard.positions.pop()), "it has another number of cases than its shard")]
    #[case::no_such_shard(edited(|shard| shard.shard = 3), "its shard is none of so many")]
    #[case::complete_shard(|run: &mut RunRecord| { shard(run); run.complete = true; }, "it says to be of all built-in cases, and to be a shard")]
    #[case::counts(|run: &mut RunRecord| run.counts.clear(), "its counts are not those of its cases")]
    #[case::twice(|run: &mut RunRecord| { run.cases[1] = run.cases[0].clone(); verdict(run, 0, Verdict::Pass); }, "it has a case twice")]
    #[case::other_suite(|run: &mut RunRecord| run.cases[0].suite = "t".to_owned(), "it has cases of suites that it does not name")]
    #[case::levels(|run: &mut RunRecord| run.certification[0].why_not.push("x".to_owned()), "what it says of certification levels does not follow")]
    #[case::a_case_less(|run: &mut RunRecord| { run.cases.pop(); verdict(run, 0, Verdict::Pass); }, "it says to be of all built-in cases, and has others")]
    #[case::requirement(|run: &mut RunRecord| { run.cases[0].level = Level::May; verdict(run, 0, Verdict::Pass); }, "with another requirement, certification level or bucket than the suites (1): s/a")]
    #[case::no_limit(|run: &mut RunRecord| _ = run.circumstances.as_mut().map(|it| it.settings.insert("insecure".to_owned(), "true".to_owned())), "it says of no limit, and has some")]
    #[case::no_such_profile(|run: &mut RunRecord| run.suites_digest = "of a built-in without profile".to_owned(), "")]
    #[case::former_format(|run: &mut RunRecord| run.format = "ssecheck-run/3".to_owned(), "its format is older than the suites that it was made with")]
    #[case::no_end(|run: &mut RunRecord| run.ended = None, "it does not say when it ended")]
    #[case::times(|run: &mut RunRecord| run.seconds = 60.0, "its start, end and duration contradict each other")]
    #[case::not_made(|run: &mut RunRecord| run.circumstances = None, "it does not say how it was made")]
    fn what_contradicts_itself_or_the_suites_is_named(#[case] edit: impl Fn(&mut RunRecord), #[case] told: &str) {
        let mut run = record();
        edit(&mut run);
        let found = contradictions(&run, &built_in());
        if told.is_empty() {
            assert_eq!(found, [] as [&str; 0]);
        } else {
            assert!(found.iter().any(|it| it.contains(told)), "{told}: {found:?}");
        }
    }

    /// Of other suites nothing is known.
    #[test]
    fn a_record_of_other_suites_is_checked_by_itself() {
        let mut run = record();
        verdict(&mut run, 0, Verdict::Skipped);
        run.suites_digest = "other".to_owned();
        assert_eq!(contradictions(&run, &built_in()), [] as [&str; 0]);
    }
}
