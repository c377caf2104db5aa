//! Everything that suites, rules, faults and profiles name, joined: what `explain`, `coverage` and the catalogue read.

mod coverage;
mod explain;
mod levels;
mod markdown;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use coverage::{Coverage, coverage};
pub use explain::{UnknownId, explain};
pub use markdown::catalogue;

use crate::faults::Fault;
use crate::plan::{Needed, PlannedCase, Selection, plan};
use crate::profile::Profile;
use crate::prove::Matrix;
use crate::rules::{Catalogue, Rule};
use crate::suite::Suite;
use crate::suite::model::{Certification, Level, Operation};

/// What is known.
pub struct Knowledge<'k> {
    /// The rules.
    pub rules: &'k Catalogue,
    /// The profiles.
    pub profiles: &'k [Profile],
    /// The scenarios, in the order of the suites.
    pub scenarios: Vec<Scenario>,
    /// The capabilities.
    pub capabilities: Vec<Arc<Needed>>,
    matrix: &'k Matrix,
}

/// A scenario with all its cases.
pub struct Scenario {
    /// `suite/scenario`.
    pub id: String,
    /// The suite.
    pub suite: Arc<Suite>,
    /// Its cases.
    pub cases: Vec<PlannedCase>,
}

impl Scenario {
    /// The highest level that any of its cases has.
    #[must_use]
    pub fn level(&self) -> Level {
        self.cases.iter().map(|planned| planned.case.level).min().unwrap_or(Level::May)
    }

    /// The lowest level of certification that asks for any of its cases.
    #[must_use]
    pub fn certification(&self) -> Certification {
        self.cases.iter().map(PlannedCase::certification).min().unwrap_or_default()
    }

    /// The rules that its cases cite.
    #[must_use]
    pub fn rules(&self) -> BTreeSet<&str> {
        self.cases.iter().flat_map(|planned| planned.case.rules.iter()).map(String::as_str).collect()
    }

    /// The operations that its judged steps send.
    #[must_use]
    pub fn operations(&self) -> BTreeSet<Operation> {
        self.cases.iter().flat_map(PlannedCase::judged_operations).collect()
    }

    /// Its title; that of its first case where it has several.
    #[must_use]
    pub fn title(&self) -> &str {
        self.cases.first().map_or("", |planned| &planned.case.title)
    }
}

impl<'k> Knowledge<'k> {
    /// Joins what the files say.
    #[must_use]
    pub fn new(suites: &[Arc<Suite>], rules: &'k Catalogue, profiles: &'k [Profile], matrix: &'k Matrix) -> Self {
        let selection = Selection { profile: Arc::new(Profile::default()), only: Vec::new() };
        let mut scenarios: Vec<Scenario> = Vec::new();
        for planned in plan(suites, &selection).cases {
            let id = format!("{}/{}", planned.suite.id, planned.case.scenario);
            match scenarios.last_mut() {
                Some(last) if last.id == id => last.cases.push(planned),
                _ => scenarios.push(Scenario { id, suite: Arc::clone(&planned.suite), cases: vec![planned] }),
            }
        }
        Self { rules, profiles, scenarios, capabilities: crate::plan::capabilities(suites), matrix }
    }

    /// The scenarios that cite a rule.
    pub fn scenarios_of<'a>(&'a self, rule: &'a str) -> impl Iterator<Item = &'a Scenario> {
        self.scenarios.iter().filter(move |scenario| scenario.rules().contains(rule))
    }

    /// The faults that break a rule.
    pub fn faults_of<'a>(&self, rule: &'a str) -> impl Iterator<Item = &'static Fault> + use<'a> {
        Fault::all().filter(move |fault| fault.breaks.contains(&rule))
    }

    /// The scenarios of which a case is recorded to fail under a fault.
    pub fn scenarios_against<'a>(&'a self, fault: &'a Fault) -> impl Iterator<Item = &'a Scenario> {
        self.scenarios.iter().filter(|scenario| self.fails(fault, scenario))
    }

    /// The faults under which a case of a scenario is recorded to fail.
    pub fn faults_against<'a>(&'a self, scenario: &'a Scenario) -> impl Iterator<Item = &'static Fault> + 'a {
        Fault::all().filter(|fault| self.fails(fault, scenario))
    }

    fn fails(&self, fault: &Fault, scenario: &Scenario) -> bool {
        let ids = scenario.cases.iter().map(|planned| planned.case.id.as_str());
        self.matrix.any_fails(fault.id, &scenario.id, ids)
    }

    /// The scenarios that need a capability.
    pub fn scenarios_needing<'a>(&'a self, capability: &'a str) -> impl Iterator<Item = &'a Scenario> {
        let needs = move |planned: &PlannedCase| planned.needs.iter().any(|needed| needed.id() == capability);
        self.scenarios.iter().filter(move |scenario| scenario.cases.iter().any(needs))
    }

    /// The capabilities of a certification level without which neither it nor a higher one is reached: those that a case needs. The
    /// levels below it have their own.
    pub fn needed_by(&self, level: Certification) -> impl Iterator<Item = &Needed> {
        let of_level = self.capabilities.iter().filter(move |needed| needed.level() == level);
        of_level.map(AsRef::as_ref).filter(|needed| self.scenarios_needing(needed.id()).next().is_some())
    }

    /// How many cases a certification level requires besides those of the levels below it.
    #[must_use]
    pub fn required_by(&self, level: Certification) -> usize {
        let cases = self.scenarios.iter().flat_map(|scenario| &scenario.cases);
        cases.filter(|planned| planned.case.level == Level::Must && planned.certification() == level).count()
    }

    /// How many cases there are of each level, for a rule.
    #[must_use]
    pub fn cases_of(&self, rule: &Rule) -> BTreeMap<Level, usize> {
        let mut counts = BTreeMap::new();
        for planned in self.scenarios.iter().flat_map(|scenario| &scenario.cases) {
            if planned.case.rules.contains(&rule.id) {
                *counts.entry(planned.case.level).or_default() += 1;
            }
        }
        counts
    }
}

/// A number of things in words.
fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{self, covers};
    use crate::suite;

    pub(super) fn with_all(act: impl FnOnce(&Knowledge<'_>)) {
        let rules = Catalogue::embedded().unwrap();
        let sources = suite::embedded();
        let suites: Vec<Arc<Suite>> = sources
            .iter()
            .map(|source| Arc::new(suite::load(source, &rules).unwrap_or_else(|mistakes| panic!("{mistakes}"))))
            .collect();
        let profiles = profile::embedded(&rules).unwrap();
        act(&Knowledge::new(&suites, &rules, &profiles, &Matrix::embedded().unwrap()));
    }

    #[test]
    fn the_catalogue_is_as_large_as_it_claims_to_be() {
        with_all(|knowledge| {
            let cases: usize = knowledge.scenarios.iter().map(|scenario| scenario.cases.len()).sum();
            assert!(cases >= 300 && knowledge.rules.iter().count() >= 120, "{cases}");
        });
    }

    #[test]
    fn every_id_is_explained() {
        with_all(|knowledge| {
            let scenarios = knowledge.scenarios.iter().map(|scenario| scenario.id.clone());
            let rules = knowledge.rules.iter().map(|rule| rule.id.clone());
            let faults = Fault::all().map(|fault| fault.id.to_owned());
            let capabilities = knowledge.capabilities.iter().map(|needed| needed.id().to_owned());
            let profiles = knowledge.profiles.iter().map(|profile| profile.id.clone());
            for id in scenarios.chain(rules).chain(faults).chain(capabilities).chain(profiles) {
                let text = explain(&id, knowledge).unwrap_or_else(|error| panic!("{error}"));
                assert!(text.lines().count() > 3, "{text}");
            }
        });
    }

    #[test]
    fn every_rule_says_how_to_mend_a_server() {
        with_all(|knowledge| assert!(knowledge.rules.iter().all(|rule| rule.fix.len() > 20)));
    }

    #[test]
    fn every_departure_names_cases_that_there_are_and_that_can_accuse_its_rules() {
        with_all(|knowledge| {
            let cases = || knowledge.scenarios.iter().flat_map(|scenario| &scenario.cases);
            for departure in knowledge.profiles.iter().flat_map(|profile| &profile.departures) {
                for pattern in departure.cases.iter().chain(&departure.blocks) {
                    assert!(cases().any(|planned| covers(pattern, &planned.case.id)), "{}: {pattern}", departure.id);
                }
                for pattern in &departure.cases {
                    let mut meant = cases().filter(|planned| covers(pattern, &planned.case.id));
                    // Any case may show a breach, whatever rules it cites.
                    let is_breach = |id: &str| knowledge.rules.get(id).is_some_and(|rule| rule.harm.is_of_data());
                    let cites = |planned: &PlannedCase| {
                        departure.rules.iter().any(|rule| planned.case.rules.contains(rule) || is_breach(rule))
                    };
                    assert!(meant.all(cites), "{}: {pattern}", departure.id);
                }
            }
        });
    }

    #[test]
    fn a_rule_that_a_profile_requires_is_cited_by_some_case() {
        with_all(|knowledge| {
            for requirement in knowledge.profiles.iter().flat_map(|profile| &profile.requires) {
                assert!(knowledge.scenarios_of(&requirement.rule).next().is_some(), "{}", requirement.rule);
            }
        });
    }

    /// Operations of AWS's API model that take SSE-C headers.
    const TAKING_SSE_C: [&str; 13] = [
        "PutObject",
        "GetObject",
        "HeadObject",
        "GetObjectAttributes",
        "CopyObject",
        "CreateMultipartUpload",
        "UploadPart",
        "UploadPartCopy",
        "CompleteMultipartUpload",
        "ListParts",
        "PostObject",
        "SelectObjectContent",
        "WriteGetObjectResponse",
    ];

    #[test]
    fn every_operation_is_tested_or_left_out_with_a_reason() {
        with_all(|knowledge| {
            let coverage = coverage(knowledge);
            for name in TAKING_SSE_C {
                let tested = coverage.operations.iter().any(|operation| operation.as_str() == name);
                assert_ne!(tested, coverage.left_out.contains_key(name), "{name}");
            }
            // What only sets a bucket up is no operation on objects.
            let set_up = [Operation::PutBucketPolicy, Operation::PutBucketEncryption, Operation::GetBucketEncryption];
            let idle: Vec<&Operation> =
                Operation::ALL.iter().filter(|operation| !coverage.operations.contains(operation)).collect();
            assert_eq!(idle, set_up.iter().collect::<Vec<_>>());
        });
    }

    #[test]
    fn what_is_said_to_be_untested_is_an_operation_that_no_case_tests() {
        with_all(|knowledge| {
            for row in coverage(knowledge).rules {
                for name in row.untested.keys() {
                    let operation = Operation::ALL.iter().find(|operation| operation.as_str() == name);
                    let operation = operation.unwrap_or_else(|| panic!("{}: {name}", row.rule));
                    assert!(!row.cases.contains_key(operation), "{}: {name}", row.rule);
                }
            }
        });
    }
}
