//! Profiles: which wording is asked for, which rules are required besides, and where a server is known to depart.
//!
//! Departures live beside the suites, never in them: each with a reason, a source, and a date to look again. A case that
//! fails as declared is an expected failure, and one that passes all the same is an unexpected pass.

mod certification;
mod load;

use serde::{Deserialize, Serialize};
use time::Date;

pub use certification::{Certificate, Certified, certificates};
pub use load::{ProfileError, embedded, find, find_with_suites};

use crate::verdict::{Judgement, Verdict};

/// A profile, as its file in `suites/profiles/` has it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Stable id: what `--profile` names.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// For whom it is, and what it asks for.
    pub about: String,
    /// What it rests on.
    pub source: String,
    /// Public address of the source, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Rules that are required under it, whatever level scenarios give them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Requirement>,
    /// Where the server is known to depart from the rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departures: Vec<Departure>,
}

/// A rule that a profile requires.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Id of the rule.
    pub rule: String,
    /// Where it is written that it must hold.
    pub because: String,
}

/// A documented departure of a server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Departure {
    /// Stable id, unique in the profile.
    pub id: String,
    /// Ids of the rules departed from: a failure that accuses any of them is as declared.
    pub rules: Vec<String>,
    /// The cases that fail for it: `suite/scenario[row]`, or `suite/scenario` for all its rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<String>,
    /// The cases that come to no verdict for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<String>,
    /// What the server does, and why.
    pub reason: String,
    /// Where that is known from.
    pub source: String,
    /// The day from which to look again, `YYYY-MM-DD`.
    #[serde(with = "load::day")]
    pub review: Date,
}

impl Profile {
    /// A profile that asks for nothing but what suites say of it.
    #[must_use]
    pub fn named(id: &str) -> Self {
        Self { id: id.to_owned(), title: id.to_owned(), ..Self::default() }
    }

    /// Whether a rule is required whatever level scenarios give it.
    #[must_use]
    pub fn requires(&self, rule: &str) -> bool {
        self.requires.iter().any(|requirement| requirement.rule == rule)
    }

    /// The judgement on a case in the light of the departures: a failure as declared is expected, and a pass is not.
    #[must_use]
    pub fn judge(&self, case: &str, judgement: Judgement) -> Judgement {
        let fails = |departure: &&Departure| departure.cases.iter().any(|pattern| covers(pattern, case));
        let blocks = |departure: &&Departure| departure.blocks.iter().any(|pattern| covers(pattern, case));
        let departures = || self.departures.iter();
        let accused = judgement.findings.first().map_or(&[][..], |finding| &finding.rules);
        let declared = match judgement.verdict {
            Verdict::Fail => {
                departures().filter(fails).find(|departure| departure.rules.iter().any(|rule| accused.contains(rule)))
            }
            Verdict::Blocked | Verdict::Inconclusive => departures().find(blocks),
            Verdict::Pass => {
                let Some(departure) = departures().find(|departure| fails(departure) || blocks(departure)) else {
                    return judgement;
                };
                let reason = format!(
                    "it passes although departure `{}` of profile {} says that it does not: {}; take it out of the profile",
                    departure.id, self.id, departure.reason
                );
                return Judgement { verdict: Verdict::UnexpectedPass, reason, ..judgement };
            }
            _ => None,
        };
        let Some(departure) = declared else { return judgement };
        let reason = format!(
            "departure `{}` of profile {}: {} ({}; to be looked at again from {})",
            departure.id, self.id, departure.reason, departure.source, departure.review
        );
        Judgement { verdict: Verdict::ExpectedFailure, reason, ..judgement }
    }

    /// The departures whose day to look again has come.
    pub fn due(&self, today: Date) -> impl Iterator<Item = &Departure> {
        self.departures.iter().filter(move |departure| departure.review <= today)
    }
}

/// Whether a pattern stands for a case: its id, or that id without its rows.
#[must_use]
pub fn covers(pattern: &str, case: &str) -> bool {
    case == pattern || case.split_once('[').is_some_and(|(scenario, _)| scenario == pattern)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use time::macros::date;

    use super::*;
    use crate::verdict::{Finding, Mismatch};

    fn profile() -> Profile {
        let departure = Departure {
            id: "copies".to_owned(),
            rules: vec!["r".to_owned()],
            cases: vec!["s/a".to_owned(), "s/b[x]".to_owned()],
            blocks: vec!["s/c".to_owned()],
            reason: "it cannot copy".to_owned(),
            source: "seen".to_owned(),
            review: date!(2027 - 01 - 01),
        };
        Profile { departures: vec![departure], ..Profile::named("p") }
    }

    fn judgement(verdict: Verdict, rule: &str) -> Judgement {
        let finding = Finding {
            step: "s".to_owned(),
            control: false,
            rules: vec![rule.to_owned()],
            level: None,
            mismatches: vec![Mismatch::new("status", "4xx", "200")],
        };
        let findings = if verdict == Verdict::Pass { Vec::new() } else { vec![finding] };
        Judgement { verdict, reason: String::new(), findings }
    }

    #[rstest]
    #[case::as_declared("s/a", Verdict::Fail, "r", Verdict::ExpectedFailure)]
    #[case::all_rows_of_a_scenario("s/a[x,y]", Verdict::Fail, "r", Verdict::ExpectedFailure)]
    #[case::one_row("s/b[x]", Verdict::Fail, "r", Verdict::ExpectedFailure)]
    #[case::another_row("s/b[y]", Verdict::Fail, "r", Verdict::Fail)]
    #[case::another_case("s/ab", Verdict::Fail, "r", Verdict::Fail)]
    #[case::for_another_rule("s/a", Verdict::Fail, "q", Verdict::Fail)]
    #[case::failing_in_place_of_blocked("s/c", Verdict::Fail, "r", Verdict::Fail)]
    #[case::blocked_as_declared("s/c", Verdict::Blocked, "q", Verdict::ExpectedFailure)]
    #[case::blocked_in_place_of_failing("s/a", Verdict::Blocked, "r", Verdict::Blocked)]
    #[case::passing_all_the_same("s/a", Verdict::Pass, "", Verdict::UnexpectedPass)]
    #[case::not_blocked_after_all("s/c", Verdict::Pass, "", Verdict::UnexpectedPass)]
    #[case::not_supported("s/a", Verdict::NotSupported, "r", Verdict::NotSupported)]
    #[case::no_answer("s/a", Verdict::Error, "r", Verdict::Error)]
    fn departures_are_told_from_news(
        #[case] case: &str,
        #[case] verdict: Verdict,
        #[case] rule: &str,
        #[case] expected: Verdict,
    ) {
        assert_eq!(profile().judge(case, judgement(verdict, rule)).verdict, expected);
    }

    #[test]
    fn what_is_due_is_told() {
        assert_eq!(profile().due(date!(2026 - 12 - 31)).count(), 0);
        assert_eq!(profile().due(date!(2027 - 01 - 01)).count(), 1);
    }
}
