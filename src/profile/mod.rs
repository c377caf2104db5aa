//! Profiles: which wording is asked for, which rules are required besides, and where a server is known to depart.
//!
//! Departures live beside the suites, never in them: each with a reason, a source, and a date to look again. A case that
//! fails as declared is an expected failure, and one that passes all the same is an unexpected pass.

mod load;

use serde::{Deserialize, Serialize};
use time::Date;

pub use load::{ProfileError, embedded, find, is_path};

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
    /// The file it was read from; absent where it is built in, or only named by suites.
    #[serde(skip)]
    pub file: Option<String>,
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

    #[rstest]
    #[case::a_scenario_without_rows("s/a", "s/a", true)]
    #[case::all_rows_of_a_scenario("s/a", "s/a[x,y]", true)]
    #[case::one_row("s/a[x]", "s/a[x]", true)]
    #[case::another_row("s/a[x]", "s/a[y]", false)]
    #[case::another_scenario("s/a", "s/ab", false)]
    fn patterns_stand_for_cases(#[case] pattern: &str, #[case] case: &str, #[case] covered: bool) {
        assert_eq!(covers(pattern, case), covered);
    }

    #[test]
    fn what_is_due_is_told() {
        let departure = Departure {
            id: "d".to_owned(),
            rules: Vec::new(),
            cases: Vec::new(),
            blocks: Vec::new(),
            reason: String::new(),
            source: String::new(),
            review: date!(2027 - 01 - 01),
        };
        let profile = Profile { departures: vec![departure], ..Profile::named("p") };
        assert_eq!(profile.due(date!(2026 - 12 - 31)).count(), 0);
        assert_eq!(profile.due(date!(2027 - 01 - 01)).count(), 1);
    }
}
