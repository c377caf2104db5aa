//! Baselines: the failures of one endpoint that its owners know of, so that a run fails only on news.
//!
//! A profile says how a product departs from the rules; a baseline says what one endpoint does today. Every entry has a
//! reason. A case that comes out as known is an expected failure; one that comes out otherwise is news, and one that passes
//! is told to be fixed.

mod load;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use load::{BaselineError, read, read_draft};

use crate::profile::covers;
use crate::recorded_path::recorded;
use crate::verdict::{Judgement, Verdict};

/// What the member `format` of a baseline file holds.
pub const FORMAT: &str = "ssecheck-baseline/1";

/// A baseline, as its file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// [`FORMAT`].
    pub format: String,
    /// Of which endpoint, server and day it is.
    pub about: String,
    /// The profile that its verdicts are by.
    pub profile: String,
    /// What is known.
    pub known: Vec<Known>,
    /// The path that it was read from; reports name it as [`recorded`] does.
    #[serde(skip)]
    pub file: String,
    /// SHA-256 of its file, in hexadecimal.
    #[serde(skip)]
    pub digest: String,
    /// Whether everything that is not as known fails a run: news of any level, and what is fixed.
    #[serde(skip)]
    pub strict: bool,
}

/// Cases that do not pass for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// What the server does, and why that is known and accepted.
    pub reason: String,
    /// Where that is known from: an issue, a line of source, a document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Ids of the rules that these cases accuse. A case that accuses another one is news.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub rules: BTreeSet<String>,
    /// Verdict → the cases that come to it: `suite/scenario[row]`, or `suite/scenario` for all its rows.
    pub cases: BTreeMap<Verdict, BTreeSet<String>>,
}

/// The verdicts that can be known: all that a case may come to and that are no pass.
pub const KNOWABLE: [Verdict; 5] =
    [Verdict::Fail, Verdict::Inconclusive, Verdict::Blocked, Verdict::NotSupported, Verdict::Error];

/// How a case stands to the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It came out as known.
    Known,
    /// It does not pass, and the baseline does not know of it.
    New,
    /// It does not pass, and the baseline knows it to come out otherwise.
    Changed,
    /// The baseline knows it not to pass, and it does.
    Fixed,
}

impl Standing {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Known, Self::New, Self::Changed, Self::Fixed];

    /// The standing in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Known => "as known",
            Self::New => "new",
            Self::Changed => "changed",
            Self::Fixed => "fixed",
        }
    }

    /// Whether the case is not as the baseline has it.
    #[must_use]
    pub fn is_off(self) -> bool {
        self != Self::Known
    }
}

impl Known {
    fn names(&self, verdict: Verdict, case: &str) -> bool {
        self.cases.get(&verdict).is_some_and(|cases| cases.iter().any(|pattern| covers(pattern, case)))
    }

    /// The verdict that a case is known to come to.
    #[must_use]
    pub fn verdict_of(&self, case: &str) -> Option<Verdict> {
        KNOWABLE.into_iter().find(|verdict| self.names(*verdict, case))
    }

    /// Whether a case that comes to this verdict and accuses these rules is what is known.
    #[must_use]
    pub fn explains(&self, case: &str, verdict: Verdict, accused: &[String]) -> bool {
        self.names(verdict, case) && accused.iter().all(|rule| self.rules.contains(rule))
    }

    /// The reason, with its source where it has one.
    fn told(&self) -> String {
        let source = self.source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default();
        format!("{}{source}", self.reason)
    }
}

impl Baseline {
    /// A judgement as the baseline has it look, and how the case stands to it.
    #[must_use]
    pub fn compared(&self, case: &str, judgement: Judgement) -> (Judgement, Option<Standing>) {
        let file = recorded(&self.file);
        let known = self.known.iter().find_map(|known| Some((known, known.verdict_of(case)?)));
        match (judgement.verdict, known) {
            // What was not run tells nothing, and what was observed accuses nobody; and the profile has the first word.
            (Verdict::Skipped | Verdict::ExpectedFailure | Verdict::UnexpectedPass, _)
            | (Verdict::Pass | Verdict::Observed, None) => (judgement, None),
            (Verdict::Pass | Verdict::Observed, Some((known, _))) => {
                let verdict = if self.strict { Verdict::UnexpectedPass } else { judgement.verdict };
                let told = known.told();
                let reason = format!("fixed: it does not fail, and the baseline {} knows it not to: {told}", file);
                (Judgement { verdict, reason, ..judgement }, Some(Standing::Fixed))
            }
            (verdict, Some((known, _))) if known.explains(case, verdict, judgement.accused()) => {
                let told = known.told();
                let reason = format!("known in the baseline {} ({}): {told}", file, verdict.as_str());
                // A capability that is known to be missing is no failure.
                let seen = if verdict == Verdict::NotSupported { verdict } else { Verdict::ExpectedFailure };
                (Judgement { verdict: seen, reason, ..judgement }, Some(Standing::Known))
            }
            (_, Some((known, verdict))) => {
                let reason = format!(
                    "{} (the baseline {} knows it otherwise: {}{}: {})",
                    judgement.reason,
                    file,
                    verdict.as_str(),
                    about(&known.rules),
                    known.told()
                );
                (Judgement { reason, ..judgement }, Some(Standing::Changed))
            }
            (_, None) => (judgement, Some(Standing::New)),
        }
    }
}

fn about(rules: &BTreeSet<String>) -> String {
    if rules.is_empty() {
        return String::new();
    }
    format!(" for {}", rules.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::verdict::samples::judgement;

    fn baseline(strict: bool) -> Baseline {
        let entry = |verdict, case: &str| Known {
            reason: "it cannot".to_owned(),
            source: Some("issue 7".to_owned()),
            rules: ["r".to_owned()].into(),
            cases: [(verdict, [case.to_owned()].into())].into(),
        };
        let known =
            vec![entry(Verdict::Fail, "s/a"), entry(Verdict::Blocked, "s/b[x]"), entry(Verdict::NotSupported, "s/n")];
        let text = |text: &str| text.to_owned();
        Baseline {
            format: text(FORMAT),
            about: text(""),
            profile: text("p"),
            known,
            file: text("b.json"),
            digest: text(""),
            strict,
        }
    }

    #[rstest]
    #[case::as_known("s/a", Verdict::Fail, "r", Verdict::ExpectedFailure, Some(Standing::Known))]
    #[case::a_row_of_it("s/a[x]", Verdict::Fail, "r", Verdict::ExpectedFailure, Some(Standing::Known))]
    #[case::for_another_rule("s/a", Verdict::Fail, "q", Verdict::Fail, Some(Standing::Changed))]
    #[case::blocked_in_place_of_failing("s/a", Verdict::Blocked, "r", Verdict::Blocked, Some(Standing::Changed))]
    #[case::blocked_as_known("s/b[x]", Verdict::Blocked, "r", Verdict::ExpectedFailure, Some(Standing::Known))]
    #[case::another_row("s/b[y]", Verdict::Blocked, "r", Verdict::Blocked, Some(Standing::New))]
    #[case::blocked_by_a_key_given_back(
        "s/b[x]",
        Verdict::Blocked,
        "customer-key-never-returned",
        Verdict::Blocked,
        Some(Standing::Changed)
    )]
    #[case::lacking_as_known("s/n", Verdict::NotSupported, "r", Verdict::NotSupported, Some(Standing::Known))]
    #[case::lacking_all_of_a_sudden("s/z", Verdict::NotSupported, "r", Verdict::NotSupported, Some(Standing::New))]
    #[case::not_known("s/z", Verdict::Fail, "r", Verdict::Fail, Some(Standing::New))]
    #[case::passing("s/z", Verdict::Pass, "", Verdict::Pass, None)]
    #[case::fixed("s/a", Verdict::Pass, "", Verdict::Pass, Some(Standing::Fixed))]
    #[case::not_run("s/a", Verdict::Skipped, "r", Verdict::Skipped, None)]
    #[case::declared_by_the_profile("s/z", Verdict::ExpectedFailure, "r", Verdict::ExpectedFailure, None)]
    fn news_is_told_from_what_is_known(
        #[case] case: &str,
        #[case] found: Verdict,
        #[case] rule: &str,
        #[case] verdict: Verdict,
        #[case] standing: Option<Standing>,
    ) {
        let (judged, stands) = baseline(false).compared(case, judgement(found, rule));
        assert_eq!((judged.verdict, stands, judged.found), (verdict, standing, found));
        if standing == Some(Standing::Known) || standing == Some(Standing::Fixed) {
            assert!(judged.reason.contains("it cannot (issue 7)"), "{}", judged.reason);
        }
    }

    #[test]
    fn what_is_fixed_is_an_unexpected_pass_only_where_the_baseline_is_strict() {
        let (judged, standing) = baseline(true).compared("s/a", judgement(Verdict::Pass, ""));
        assert_eq!((judged.verdict, standing), (Verdict::UnexpectedPass, Some(Standing::Fixed)));
    }
}
