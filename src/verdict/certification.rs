//! Levels of certification: what a run says of each.

use serde::{Deserialize, Serialize};

use super::Verdict;
use crate::suite::model::{Certification, Level};

/// What a run says of a level of certification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Attainment {
    /// The level.
    pub level: Certification,
    /// How many required cases of this level and those before it passed.
    pub passed: usize,
    /// How many of them did not, and are no missing capability; and how many others show that data are lost, garbled or given away.
    pub not_passed: usize,
    /// The capabilities that are asked for and missing, by id.
    pub missing: Vec<String>,
}

impl Attainment {
    /// Whether the level is reached.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.passed > 0 && self.not_passed == 0 && self.missing.is_empty()
    }
}

/// A case as levels of certification see it.
#[derive(Debug, Clone)]
pub struct Certified<'a> {
    /// The level that asks for it.
    pub certification: Certification,
    /// How binding it is.
    pub level: Level,
    /// What became of it.
    pub verdict: Verdict,
    /// The capability that is missing, where one is, and the level that asks for it.
    pub missing: Option<(&'a str, Certification)>,
    /// Whether it was left out for want of configuration.
    pub incomplete: bool,
    /// Whether it shows, declared or not, that data are lost, garbled or given away: then no level is reached.
    pub harms_data: bool,
}

/// What the cases of a run say of each level. Only required cases count, and those that show harm to data; one that is left out because the service has no
/// plain-HTTP listener stands in nobody's way.
#[must_use]
pub fn attainments<'a>(cases: impl Iterator<Item = Certified<'a>> + Clone) -> Vec<Attainment> {
    let of_level = |level: Certification| {
        let mut attainment = Attainment { level, passed: 0, not_passed: 0, missing: Vec::new() };
        let missing = cases.clone().filter_map(|case| case.missing).filter(|(_, asked_by)| *asked_by <= level);
        attainment.missing.extend(missing.map(|(id, _)| id.to_owned()));
        let counts =
            |case: &Certified<'_>| case.harms_data || (case.level == Level::Must && case.certification <= level);
        for case in cases.clone().filter(counts) {
            match case.verdict {
                Verdict::Pass => attainment.passed += 1,
                Verdict::NotSupported => {}
                Verdict::Skipped if !case.incomplete => {}
                _ => attainment.not_passed += 1,
            }
        }
        attainment.missing.sort();
        attainment.missing.dedup();
        attainment
    };
    Certification::ALL.into_iter().map(of_level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Certification::{Core, Extended, Full};

    fn case(certification: Certification, verdict: Verdict) -> Certified<'static> {
        Certified { certification, level: Level::Must, verdict, missing: None, incomplete: false, harms_data: false }
    }

    fn reached(cases: &[Certified<'static>]) -> Vec<Certification> {
        let attainments = attainments(cases.iter().cloned());
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
        assert_eq!(attainments(cases.iter().cloned())[1].missing, ["versions"]);
    }

    #[test]
    fn what_is_not_required_does_not_count_and_what_is_left_out_does() {
        let advisory = Certified { level: Level::Should, ..case(Core, Verdict::Fail) };
        let skipped = case(Core, Verdict::Skipped);
        assert_eq!(reached(&[case(Core, Verdict::Pass), advisory, skipped.clone()]), [Core, Extended, Full]);
        let left_out = Certified { incomplete: true, ..skipped };
        assert_eq!(reached(&[case(Core, Verdict::Pass), left_out]), []);
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
