//! The gate of certification levels: what a run reaches, whoever asks. `run --certify`, `certify`, `verify` and `merge` decide by
//! [`attainments`] and by nothing else.

use serde::{Deserialize, Serialize};

use super::Verdict;
use crate::suite::model::{Certification, Level};

/// The reason why no level is reached by a run that has limits.
pub const LIMITED: &str = "the run is limited";
/// What is counted in the reason why a level is not reached in whose way cases stand.
pub const NOT_PASSED: &str = "cases in its way that did not pass, required or with harm to data";

/// What a run says of a certification level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Attainment {
    /// The level.
    pub level: Certification,
    /// The number of required cases of this level and those before it that passed.
    pub passed: usize,
    /// The number of them that did not pass and lack no capability, and of other cases that show loss, corruption or disclosure.
    pub not_passed: usize,
    /// The capabilities that the level requires and the endpoint lacks, by id.
    pub missing: Vec<String>,
    /// The reasons why the level is not reached; empty where it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why_not: Vec<String>,
}

impl Attainment {
    /// Whether the level is reached.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.why_not.is_empty()
    }

    /// Whether nothing but limits of the run keeps the level from being reached.
    #[must_use]
    pub fn is_only_limited(&self) -> bool {
        self.why_not == [LIMITED]
    }

    /// Decides from the numbers, and from the level before it, if there is one.
    #[must_use]
    pub fn of(
        level: Certification,
        (passed, not_passed): (usize, usize),
        missing: Vec<String>,
        is_limited: bool,
        before: Option<&Self>,
    ) -> Self {
        let mut why_not = Vec::new();
        if is_limited {
            why_not.push(LIMITED.to_owned());
        }
        if passed == 0 {
            why_not.push("no required case passed".to_owned());
        }
        if not_passed > 0 {
            why_not.push(format!("{NOT_PASSED}: {not_passed}"));
        }
        if !missing.is_empty() {
            why_not.push(format!("capabilities that are missing: {}", missing.join(", ")));
        }
        if why_not.is_empty()
            && let Some(before) = before.filter(|before| !before.is_reached())
        {
            why_not.push(format!("the level {} is not reached", before.level.as_str()));
        }
        Self { level, passed, not_passed, missing, why_not }
    }
}

/// A case as certification levels see it.
#[derive(Debug, Clone)]
pub struct Certified<'a> {
    /// The lowest level that requires it.
    pub certification: Certification,
    /// Its requirement.
    pub level: Level,
    /// Its verdict.
    pub verdict: Verdict,
    /// The capability that the endpoint lacks for it, and the lowest level that requires that.
    pub missing: Option<(&'a str, Certification)>,
    /// Whether it was left out because the tester declares that the service takes no request without TLS.
    pub is_excused: bool,
    /// Whether it shows loss, corruption or disclosure, declared or not: then no level is reached.
    pub harms_data: bool,
}

/// Decides each certification level, lowest first. A level is reached if every case that it requires was run and passed, no capability that
/// it requires is missing, no case shows harm to data, and nothing limits the run. Cases over plain HTTP stand in nobody's way where
/// the tester declares that there is no such listener.
#[must_use]
pub fn attainments<'a>(cases: impl Iterator<Item = Certified<'a>> + Clone, is_limited: bool) -> Vec<Attainment> {
    let mut levels: Vec<Attainment> = Vec::new();
    for level in Certification::ALL {
        let (mut passed, mut not_passed) = (0, 0);
        let missing = cases.clone().filter_map(|case| case.missing).filter(|(_, asked_by)| *asked_by <= level);
        let mut missing: Vec<String> = missing.map(|(id, _)| id.to_owned()).collect();
        let counts =
            |case: &Certified<'_>| case.harms_data || (case.level == Level::Must && case.certification <= level);
        for case in cases.clone().filter(counts) {
            match case.verdict {
                Verdict::Pass => passed += 1,
                Verdict::NotSupported if case.missing.is_some() => {}
                Verdict::Skipped if case.is_excused => {}
                _ => not_passed += 1,
            }
        }
        missing.sort();
        missing.dedup();
        levels.push(Attainment::of(level, (passed, not_passed), missing, is_limited, levels.last()));
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;
    use Certification::{Core, Extended, Full};

    fn case(certification: Certification, verdict: Verdict) -> Certified<'static> {
        Certified { certification, level: Level::Must, verdict, missing: None, is_excused: false, harms_data: false }
    }

    fn reached(cases: &[Certified<'static>]) -> Vec<Certification> {
        let attainments = attainments(cases.iter().cloned(), false);
        attainments.iter().filter(|attainment| attainment.is_reached()).map(|c| c.level).collect()
    }

    #[test]
    fn a_level_asks_for_those_before_it() {
        let core = case(Core, Verdict::Pass);
        assert_eq!(reached(&[core.clone(), case(Extended, Verdict::Fail), case(Full, Verdict::Pass)]), [Core]);
        assert_eq!(reached(&[core.clone(), case(Full, Verdict::Pass)]), [Core, Extended, Full]);
        assert_eq!(reached(&[case(Core, Verdict::Fail), case(Full, Verdict::Pass)]), []);
        assert_eq!(reached(&[]), []);
    }

    #[test]
    fn a_missing_capability_stands_in_the_way_of_the_level_that_asks_for_it() {
        let missing = Certified { missing: Some(("versions", Extended)), ..case(Full, Verdict::NotSupported) };
        let cases = [case(Core, Verdict::Pass), missing];
        assert_eq!(reached(&cases), [Core]);
        assert_eq!(attainments(cases.iter().cloned(), false)[1].missing, ["versions"]);
    }

    #[test]
    fn what_is_not_required_does_not_count_and_what_is_left_out_does() {
        let advisory = Certified { level: Level::Should, ..case(Core, Verdict::Fail) };
        let excused = Certified { is_excused: true, ..case(Core, Verdict::Skipped) };
        assert_eq!(reached(&[case(Core, Verdict::Pass), advisory, excused]), [Core, Extended, Full]);
        assert_eq!(reached(&[case(Core, Verdict::Pass), case(Core, Verdict::Skipped)]), []);
    }

    #[test]
    fn a_case_that_is_not_supported_and_names_no_capability_stands_in_the_way() {
        assert_eq!(reached(&[case(Core, Verdict::Pass), case(Core, Verdict::NotSupported)]), []);
    }

    #[test]
    fn a_level_is_not_reached_without_any_case_of_one_before_it() {
        assert_eq!(reached(&[case(Full, Verdict::Pass)]), []);
        let levels = attainments([case(Full, Verdict::Pass)].into_iter(), false);
        assert_eq!(levels[2].why_not, ["the level extended is not reached"]);
    }

    #[test]
    fn a_limited_run_reaches_no_level() {
        let attainments = attainments([case(Core, Verdict::Pass)].into_iter(), true);
        assert!(attainments.iter().all(|it| it.why_not == [LIMITED]), "{attainments:?}");
    }

    #[test]
    fn harm_to_data_stands_in_the_way_of_every_level() {
        let harmful = Certified { level: Level::Should, harms_data: true, ..case(Full, Verdict::ExpectedFailure) };
        assert_eq!(reached(&[case(Core, Verdict::Pass), harmful]), []);
    }

    #[test]
    fn an_expected_failure_is_none_the_less_one() {
        assert_eq!(reached(&[case(Core, Verdict::Pass), case(Core, Verdict::ExpectedFailure)]), []);
    }
}
