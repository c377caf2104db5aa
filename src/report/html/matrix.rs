//! Rules by operations: where each is kept, where it is broken, and where there is no verdict.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::cut::{Cut, MOST_TEXT, MOST_TITLE, short_id};
use crate::record::{CaseRecord, Obedience, RuleCounts, RunRecord};
use crate::rules::Rule;
use crate::suite::model::Operation;
use crate::verdict::Verdict;

/// How many rules of the catalogue are shown.
const MOST_RULES: usize = 400;
/// How many families.
const MOST_FAMILIES: usize = 60;
/// How many rules that are not in the catalogue.
const MOST_OTHERS: usize = 60;

/// The rules of a run by its operations.
#[derive(Debug, Serialize)]
pub(super) struct Matrix {
    pub operations: Vec<String>,
    pub families: Vec<FamilyRows>,
}

/// The rows of a family.
#[derive(Debug, Serialize)]
pub(super) struct FamilyRows {
    pub id: String,
    pub title: String,
    pub about: String,
    /// How its rules come out, in words.
    pub told: String,
    /// Whether one of them is broken.
    pub is_broken: bool,
    pub total: Option<Cell>,
    pub cells: Vec<Option<Cell>>,
    pub rules: Vec<RuleRow>,
}

/// The row of a rule.
#[derive(Debug, Serialize)]
pub(super) struct RuleRow {
    pub id: String,
    pub title: String,
    pub total: Option<Cell>,
    pub cells: Vec<Option<Cell>>,
}

/// What the cases of a rule and an operation say.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Cell {
    /// `kept`, `broken` or `open`.
    pub state: &'static str,
    /// How many cases it stands for.
    pub cases: usize,
    /// How many of them break it, where some do.
    pub broken: Option<usize>,
    /// In words.
    pub told: String,
}

/// The rules that a case says something of: those that it cites, and those that it accuses.
pub(super) fn rules_of(case: &CaseRecord) -> BTreeSet<&str> {
    let accused = accused(case);
    case.rules.iter().chain(accused).map(String::as_str).collect()
}

fn accused(case: &CaseRecord) -> &[String] {
    if case.found.is_failure() { case.accused() } else { &[] }
}

/// A family with its rules: those that the record has, and else their ids alone.
#[derive(Debug)]
pub(super) struct FamilyRules<'r> {
    pub id: &'r str,
    pub title: &'r str,
    pub about: &'r str,
    pub rules: Vec<(&'r str, Option<&'r Rule>)>,
}

/// The rules of a run by their families; last those that belong to none.
pub(super) fn families<'r>(run: &'r RunRecord, cut: &mut Cut) -> Vec<FamilyRules<'r>> {
    let known = cut.items(&run.rules, MOST_RULES);
    let mut families: Vec<FamilyRules<'r>> = Vec::new();
    for family in cut.items(&run.families, MOST_FAMILIES) {
        let of_it = known.iter().filter(|rule| rule.family == family.id);
        let rules = of_it.map(|rule| (rule.id.as_str(), Some(rule))).collect();
        families.push(FamilyRules { id: &family.id, title: &family.title, about: &family.about, rules });
    }
    let told: BTreeSet<&str> = families.iter().flat_map(|family| family.rules.iter().map(|(id, _)| *id)).collect();
    let others: BTreeSet<&str> = run.cases.iter().flat_map(rules_of).filter(|id| !told.contains(id)).collect();
    let others: Vec<(&str, Option<&Rule>)> = others.into_iter().map(|id| (id, run.rule(id))).collect();
    families.push(FamilyRules {
        id: "other",
        title: "Other rules",
        about: "Rules that are not in the catalogue: those of profiles and of suites of the user's own.",
        rules: cut.items(&others, MOST_OTHERS).to_vec(),
    });
    families.retain(|family| !family.rules.is_empty());
    families
}

#[derive(Debug, Default)]
struct Counts {
    all: RuleCounts,
    by_operation: BTreeMap<Operation, RuleCounts>,
}

impl Counts {
    fn add(&mut self, case: &CaseRecord, is_accused: bool) {
        let count = |counts: &mut RuleCounts| match case.found {
            _ if is_accused => counts.accusing += 1,
            Verdict::Pass => counts.passed += 1,
            _ => counts.others += 1,
        };
        count(&mut self.all);
        for operation in case.operations.iter().collect::<BTreeSet<_>>() {
            count(self.by_operation.entry(*operation).or_default());
        }
    }

    fn cells(&self, name: &str, operations: &[Operation]) -> Vec<Option<Cell>> {
        let cell = |operation: &Operation| {
            Cell::of(self.by_operation.get(operation)?, &format!("{name}, {}", operation.as_str()))
        };
        operations.iter().map(cell).collect()
    }

    fn total(&self, name: &str) -> Option<Cell> {
        Cell::of(&self.all, &format!("{name}, all operations"))
    }
}

impl Cell {
    fn of(counts: &RuleCounts, name: &str) -> Option<Self> {
        let RuleCounts { passed, accusing, others } = *counts;
        let cases = passed + accusing + others;
        let state = match counts.obedience() {
            Obedience::Broken => "broken",
            Obedience::Kept => "kept",
            Obedience::NotJudged => "open",
        };
        let word = if state == "open" { "without verdict" } else { state };
        // What can be seen comes first, as whoever speaks to a browser says what can be seen.
        let seen = if accusing > 0 { format!("{accusing}/{cases}") } else { cases.to_string() };
        let told = format!("{seen} {word}: {name} ({accusing} fail for it, {passed} pass, {others} others)");
        (cases > 0).then_some(Self { state, cases, broken: (accusing > 0).then_some(accusing), told })
    }
}

impl Matrix {
    /// The matrix of a run.
    pub fn of(run: &RunRecord, families: &[FamilyRules<'_>], cut: &mut Cut) -> Self {
        let tested: BTreeSet<Operation> = run.cases.iter().flat_map(|case| case.operations.iter().copied()).collect();
        let operations: Vec<Operation> = Operation::ALL.iter().copied().filter(|it| tested.contains(it)).collect();
        let mut of_rules: BTreeMap<&str, Counts> = BTreeMap::new();
        for case in &run.cases {
            for rule in rules_of(case) {
                of_rules.entry(rule).or_default().add(case, accused(case).iter().any(|accused| accused == rule));
            }
        }
        let none = Counts::default();
        let rows = |family: &FamilyRules<'_>| {
            let ids: BTreeSet<&str> = family.rules.iter().map(|(id, _)| *id).collect();
            let mut counts = Counts::default();
            for case in run.cases.iter().filter(|case| rules_of(case).iter().any(|rule| ids.contains(rule))) {
                counts.add(case, accused(case).iter().any(|rule| ids.contains(rule.as_str())));
            }
            let obedience = |id: &str| of_rules.get(id).map_or(Obedience::NotJudged, |counts| counts.all.obedience());
            let count = |wanted| ids.iter().filter(|id| obedience(id) == wanted).count();
            let states = [Obedience::Broken, Obedience::Kept, Obedience::NotJudged];
            let told = states.map(|state| (count(state), state.as_str()));
            let told = told.iter().filter(|(count, _)| *count > 0).map(|(count, state)| format!("{count} {state}"));
            let row = |(id, rule): &(&str, Option<&Rule>)| {
                let counts = of_rules.get(id).unwrap_or(&none);
                let id = short_id(id);
                let (total, cells) = (counts.total(&id), counts.cells(&id, &operations));
                RuleRow {
                    title: rule.map_or_else(|| id.clone(), |rule| cut.text(&rule.title, MOST_TITLE)),
                    id,
                    total,
                    cells,
                }
            };
            let rules = family.rules.iter().map(row).collect();
            let title = cut.text(family.title, MOST_TITLE);
            FamilyRows {
                id: short_id(family.id),
                about: cut.text(family.about, MOST_TEXT),
                told: told.collect::<Vec<_>>().join(", "),
                is_broken: count(Obedience::Broken) > 0,
                total: counts.total(&title),
                cells: counts.cells(&title, &operations),
                title,
                rules,
            }
        };
        let families = families.iter().map(rows).collect();
        Self { operations: operations.iter().map(|operation| operation.as_str().to_owned()).collect(), families }
    }
}
