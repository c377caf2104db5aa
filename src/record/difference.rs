//! What is otherwise in one run than in another, case by case and rule by rule.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::rules::{Obedience, RuleCounts, accused, rule_counts};
use super::{CaseRecord, RunRecord};
use crate::verdict::Verdict;

/// Everything that differs between two runs.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// What of the circumstances is otherwise, as (what, before, after): endpoint, profile, suites, …
    pub circumstances: Vec<(&'static str, String, String)>,
    /// The cases that came out otherwise, or that only one run has.
    pub cases: Vec<CaseChange>,
    /// The rules of which the runs say otherwise.
    pub rules: Vec<RuleChange>,
    /// How many cases came out the same.
    pub same: usize,
}

/// A case that came out otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CaseChange {
    /// The case's id.
    pub case: String,
    /// Whether that is better or worse.
    pub direction: Direction,
    /// How it came out before; absent where the run does not have it.
    pub before: Option<Found>,
    /// How it came out after; absent where the run does not have it.
    pub after: Option<Found>,
}

/// How a case came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// By the evidence alone, whatever was declared or known.
    pub verdict: Verdict,
    /// The rules that a failure accuses.
    pub accused: BTreeSet<String>,
}

/// A rule of which the runs say otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleChange {
    /// The rule's id.
    pub rule: String,
    /// What the first run says of it.
    pub before: Obedience,
    /// What the second run says of it.
    pub after: Obedience,
    /// The cases behind the first.
    pub cases_before: RuleCounts,
    /// The cases behind the second.
    pub cases_after: RuleCounts,
}

/// Whether a change is for the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It passed, and does so no more; or it fails now, and did not.
    Worse,
    /// The other way round.
    Better,
    /// Neither passes, or it fails for another rule.
    Otherwise,
    /// Only one run has it.
    OnlyInOne,
}

impl Direction {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Otherwise => "otherwise",
            Self::OnlyInOne => "only in one",
        }
    }
}

impl Difference {
    /// Whether every case came out the same in both runs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.rules.is_empty()
    }
}

/// Compares two runs. What a profile declares or a baseline knows does not count: only what was found.
#[must_use]
pub fn difference(before: &RunRecord, after: &RunRecord) -> Difference {
    let by_id = |run: &RunRecord| -> BTreeMap<String, Found> {
        run.cases.iter().map(|case| (case.id.clone(), Found::of(case))).collect()
    };
    let (old, new) = (by_id(before), by_id(after));
    let in_order = before.cases.iter().chain(after.cases.iter().filter(|case| !old.contains_key(&case.id)));
    let (mut cases, mut same) = (Vec::new(), 0);
    for id in in_order.map(|case| &case.id) {
        let (before, after) = (old.get(id).cloned(), new.get(id).cloned());
        if before == after {
            same += 1;
        } else {
            cases.push(CaseChange { case: id.clone(), direction: direction(&before, &after), before, after });
        }
    }
    cases.sort_by_key(|change| change.direction);
    Difference { circumstances: circumstances(before, after), cases, rules: rule_changes(before, after), same }
}

impl Found {
    fn of(case: &CaseRecord) -> Self {
        Self { verdict: case.found, accused: accused(case).iter().cloned().collect() }
    }
}

fn direction(before: &Option<Found>, after: &Option<Found>) -> Direction {
    let (Some(before), Some(after)) = (before, after) else { return Direction::OnlyInOne };
    match (before.verdict, after.verdict) {
        (Verdict::Pass, _) => Direction::Worse,
        (_, Verdict::Pass) => Direction::Better,
        (before, after) if before.is_failure() && after.is_failure() => Direction::Otherwise,
        (_, after) if after.is_failure() => Direction::Worse,
        _ => Direction::Otherwise,
    }
}

fn rule_changes(before: &RunRecord, after: &RunRecord) -> Vec<RuleChange> {
    let (old, new) = (rule_counts(before), rule_counts(after));
    let ids: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let change = |rule: &str| {
        let cases_before = old.get(rule).copied().unwrap_or_default();
        let cases_after = new.get(rule).copied().unwrap_or_default();
        let (before, after) = (cases_before.obedience(), cases_after.obedience());
        let is_other = before != after || cases_before.accusing != cases_after.accusing;
        is_other.then(|| RuleChange { rule: rule.to_owned(), before, after, cases_before, cases_after })
    };
    ids.into_iter().filter_map(change).collect()
}

fn circumstances(before: &RunRecord, after: &RunRecord) -> Vec<(&'static str, String, String)> {
    let told = |text: &Option<String>| text.clone().unwrap_or_else(|| "not told".to_owned());
    [
        ("ssecheck", before.ssecheck.clone(), after.ssecheck.clone()),
        ("endpoint", before.endpoint.clone(), after.endpoint.clone()),
        ("plain endpoint", before.plain_endpoint.clone(), after.plain_endpoint.clone()),
        ("server", told(&before.server), told(&after.server)),
        ("label", told(&before.label), told(&after.label)),
        ("profile", before.profile.id.clone(), after.profile.id.clone()),
        ("suites", before.suites_digest.clone(), after.suites_digest.clone()),
    ]
    .into_iter()
    .filter(|(_, before, after)| before != after)
    .collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::record::samples::{case, run};
    use Direction::{Better, Otherwise, Worse};
    use Verdict::{Blocked, Fail, NotSupported, Pass};

    #[rstest]
    #[case::broken_now((Pass, ""), (Fail, "r"), Worse)]
    #[case::mended((Fail, "r"), (Pass, ""), Better)]
    #[case::lost((Pass, ""), (NotSupported, ""), Worse)]
    #[case::gained((NotSupported, ""), (Pass, ""), Better)]
    #[case::gained_and_broken((NotSupported, ""), (Fail, "r"), Worse)]
    #[case::for_another_rule((Fail, "r"), (Fail, "q"), Otherwise)]
    #[case::without_verdict((Fail, "r"), (Blocked, ""), Otherwise)]
    fn changes_have_a_direction(
        #[case] before: (Verdict, &str),
        #[case] after: (Verdict, &str),
        #[case] direction: Direction,
    ) {
        let one = |(verdict, accused): (Verdict, &str)| run(vec![case("s/a", verdict, accused)]);
        let difference = difference(&one(before), &one(after));
        assert_eq!(difference.cases.iter().map(|change| change.direction).collect::<Vec<_>>(), [direction]);
    }

    #[test]
    fn what_is_the_same_is_counted_and_what_only_one_has_is_told() {
        let before = run(vec![case("s/a", Pass, ""), case("s/gone", Pass, "")]);
        let after = run(vec![case("s/a", Pass, ""), case("s/new", Fail, "r")]);
        let found = difference(&before, &after);
        let ids: Vec<&str> = found.cases.iter().map(|change| change.case.as_str()).collect();
        assert_eq!((found.same, ids), (1, vec!["s/gone", "s/new"]));
        assert!(found.cases.iter().all(|change| change.direction == Direction::OnlyInOne));
        assert!(difference(&before, &before).is_empty());
    }

    #[test]
    fn a_known_failure_is_a_failure_all_the_same() {
        let mut declared = case("s/a", Fail, "r");
        declared.verdict = Verdict::ExpectedFailure;
        assert!(difference(&run(vec![case("s/a", Fail, "r")]), &run(vec![declared])).is_empty());
    }

    #[test]
    fn rules_are_compared_by_all_cases_that_have_to_do_with_them() {
        let before = run(vec![case("s/a", Pass, ""), case("s/b", Fail, "r")]);
        let after = run(vec![case("s/a", Pass, ""), case("s/b", Pass, "")]);
        let found = difference(&before, &after);
        let change = &found.rules[0];
        assert_eq!((change.rule.as_str(), change.before, change.after), ("r", Obedience::Broken, Obedience::Kept));
        assert_eq!((change.cases_before.accusing, change.cases_after.passed), (1, 2));
    }
}
