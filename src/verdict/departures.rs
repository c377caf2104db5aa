//! What a profile declares against what came: failures that were expected, and passes that were not.

use super::{Judgement, KEY_NEVER_RETURNED, Verdict};
use crate::profile::{Departure, Profile, covers};

/// The judgement on a case in the light of a profile's departures: a failure as declared is expected, and a pass is not.
#[must_use]
pub fn in_the_light_of(profile: &Profile, case: &str, judgement: Judgement) -> Judgement {
    let fails = |departure: &&Departure| departure.cases.iter().any(|pattern| covers(pattern, case));
    let blocks = |departure: &&Departure| departure.blocks.iter().any(|pattern| covers(pattern, case));
    let departures = || profile.departures.iter();
    let accused = judgement.accused();
    // A customer key in a response is never what was declared.
    let leaks = accused.iter().any(|rule| rule == KEY_NEVER_RETURNED);
    let declared = match judgement.verdict {
        _ if leaks => None,
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
                departure.id, profile.id, departure.reason
            );
            return Judgement { verdict: Verdict::UnexpectedPass, reason, ..judgement };
        }
        _ => None,
    };
    let Some(departure) = declared else { return judgement };
    let reason = format!(
        "departure `{}` of profile {}: {} ({}; to be looked at again from {})",
        departure.id, profile.id, departure.reason, departure.source, departure.review
    );
    Judgement { verdict: Verdict::ExpectedFailure, reason, ..judgement }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use time::macros::date;

    use super::*;
    use crate::verdict::samples::judgement;

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

    #[rstest]
    #[case::as_declared("s/a", Verdict::Fail, "r", Verdict::ExpectedFailure)]
    #[case::all_rows_of_a_scenario("s/a[x,y]", Verdict::Fail, "r", Verdict::ExpectedFailure)]
    #[case::one_row("s/b[x]", Verdict::Fail, "r", Verdict::ExpectedFailure)]
    #[case::another_row("s/b[y]", Verdict::Fail, "r", Verdict::Fail)]
    #[case::another_case("s/ab", Verdict::Fail, "r", Verdict::Fail)]
    #[case::for_another_rule("s/a", Verdict::Fail, "q", Verdict::Fail)]
    #[case::failing_in_place_of_blocked("s/c", Verdict::Fail, "r", Verdict::Fail)]
    #[case::blocked_as_declared("s/c", Verdict::Blocked, "q", Verdict::ExpectedFailure)]
    #[case::blocked_by_a_key_given_back("s/c", Verdict::Blocked, "customer-key-never-returned", Verdict::Blocked)]
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
        assert_eq!(in_the_light_of(&profile(), case, judgement(verdict, rule)).verdict, expected);
    }
}
