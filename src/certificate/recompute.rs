//! Computes again what a certificate says of its cases: from the suites built in where it was made with them, else from its own list.

use std::collections::{BTreeMap, BTreeSet};

use super::examine::listed;
use super::facts::UnpassedCase;
use super::statement::{Predicate, Resource};
use crate::record::{BuiltInCase, BuiltInProfile, LeavesOut};
use crate::verdict::{Attainment, Certified, Verdict, attainments};

/// What comes of computing again.
#[derive(Debug, Default)]
pub(super) struct Recomputed {
    /// Where the certificate says otherwise.
    pub problems: Vec<String>,
    /// Ids of the built-in cases that it does not list.
    pub unlisted: Vec<String>,
}

/// Compares a certificate with its own list of cases, and with the built-in profile where it was made with that and with the built-in suites.
pub(super) fn compare(predicate: &Predicate, built_in: Option<&BuiltInProfile>) -> Recomputed {
    let facts = &predicate.ssecheck;
    let mut recomputed = Recomputed::default();
    if let Some(unpassed) = &facts.unpassed {
        recomputed.problems.extend(list_contradicts(predicate, unpassed));
    }
    let Some(profile) = built_in else { return recomputed };
    let its: BTreeSet<&String> = listed(predicate).collect();
    let unlisted = profile.cases.iter().filter(|case| !its.contains(&case.id)).map(|case| case.id.clone());
    recomputed.unlisted = unlisted.collect();
    let mut must = |holds: bool, problem: &str| {
        if !holds {
            recomputed.problems.push(problem.to_owned());
        }
    };
    must(!profile.departs || facts.is_limited(), "it says of no limit, and its profile declares deviations");
    if facts.complete {
        let suites = &predicate.configuration[..predicate.configuration.len().saturating_sub(3)];
        let defined = profile.suites.iter().map(|suite| Resource::digested(suite.file.clone(), &suite.digest));
        let is_all = its == profile.cases.iter().map(|case| &case.id).collect() && defined.eq(suites.iter().cloned());
        must(is_all, "it says to be of all built-in cases, and lists others");
    }
    if let Some(unpassed) = &facts.unpassed {
        let leaves_out = LeavesOut::of(&facts.plain_endpoint, facts.circumstances.as_ref(), facts.is_limited());
        recomputed.problems.extend(profile.contradicted_by(unpassed.iter().map(UnpassedCase::claimed), leaves_out));
        let levels = levels(predicate, unpassed, profile);
        let is_same = levels.iter().zip(&facts.levels).all(|(computed, said)| {
            (computed.passed, computed.not_passed, &computed.missing) == (said.passed, said.not_passed, &said.missing)
        });
        if facts.complete && !is_same {
            let computed =
                levels.iter().filter(|level| level.is_reached()).map(|level| level.level.as_str()).next_back();
            let computed = computed.unwrap_or("none");
            recomputed.problems.push(format!(
                "what it says of certification levels does not follow from its cases and the suites; the level that follows is {computed}"
            ));
        }
    }
    recomputed
}

/// Whether the list of cases that did not pass is what the lists of ids, the counts and the levels come to.
fn list_contradicts(predicate: &Predicate, unpassed: &[UnpassedCase]) -> Vec<String> {
    let facts = &predicate.ssecheck;
    let mut problems = Vec::new();
    let mut must = |holds: bool, problem: &str| {
        if !holds {
            problems.push(problem.to_owned());
        }
    };
    let ids: BTreeSet<&str> = unpassed.iter().map(|case| case.case.as_str()).collect();
    let lists = [&predicate.warned_tests, &predicate.failed_tests, &facts.other_tests];
    let of_lists: BTreeSet<&str> = lists.into_iter().flatten().map(String::as_str).collect();
    let is_same = ids == of_lists && ids.len() == unpassed.len();
    must(is_same, "the cases that it says did not pass are not those that it lists");
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    unpassed.iter().for_each(|case| *counts.entry(case.verdict).or_default() += 1);
    let counted = facts.counts.iter().filter(|(verdict, _)| **verdict != Verdict::Pass);
    must(counted.eq(&counts), "its counts are not those of the cases that it says did not pass");
    let is_named = |case: &UnpassedCase| (case.verdict == Verdict::NotSupported) <= case.missing.is_some();
    must(unpassed.iter().all(is_named), "it has cases that are not supported and names no capability that is missing");
    let certified = unpassed.iter().map(|case| case.certified(&facts.plain_endpoint));
    let is_same = attainments(certified, facts.is_limited())
        .iter()
        .zip(&facts.levels)
        .all(|(computed, said)| (computed.not_passed, &computed.missing) == (said.not_passed, &said.missing));
    must(is_same, "the numbers of its levels are not those of the cases that did not pass");
    problems
}

/// The levels as they follow from the verdicts that it says and from the suites.
fn levels(predicate: &Predicate, unpassed: &[UnpassedCase], profile: &BuiltInProfile) -> Vec<Attainment> {
    let facts = &predicate.ssecheck;
    let passed: BTreeSet<&str> = predicate.passed_tests.iter().map(String::as_str).collect();
    let unpassed: BTreeMap<&str, &UnpassedCase> = unpassed.iter().map(|case| (case.case.as_str(), case)).collect();
    let certified = |case| of_suites(case, &passed, unpassed.get(case.id.as_str()).copied(), &facts.plain_endpoint);
    let certified: Vec<Certified<'_>> = profile.cases.iter().map(certified).collect();
    attainments(certified.iter().cloned(), facts.is_limited())
}

/// A case as the suites define it, with the verdict that a certificate says.
fn of_suites<'c>(
    case: &'c BuiltInCase,
    passed: &BTreeSet<&str>,
    unpassed: Option<&UnpassedCase>,
    plain_endpoint: &str,
) -> Certified<'c> {
    let mut of_suites = Certified {
        certification: case.certification,
        level: case.level,
        // What it does not list was not run.
        verdict: Verdict::Error,
        missing: None,
        is_excused: false,
        harms_data: false,
    };
    if passed.contains(case.id.as_str()) {
        of_suites.verdict = Verdict::Pass;
    } else if let Some(unpassed) = unpassed {
        let said = unpassed.certified(plain_endpoint);
        of_suites.verdict = said.verdict;
        of_suites.missing = unpassed
            .missing
            .as_ref()
            .and_then(|missing| case.needs.get_key_value(&missing.capability))
            .map(|(id, level)| (id.as_str(), *level));
        of_suites.is_excused = said.is_excused && case.needs_plain_endpoint;
        of_suites.harms_data = said.harms_data;
    }
    of_suites
}
