//! Rules × operations: which cells have scenarios, and which are empty on purpose.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::Knowledge;
use crate::suite::model::Operation;

/// How many cases test each rule by each operation.
#[derive(Debug, Serialize)]
pub struct Coverage {
    /// Operations that any scenario judges, in the order of the format.
    pub operations: Vec<Operation>,
    /// The rules.
    pub rules: Vec<Row>,
    /// Operations of the S3 API that take SSE-C headers and that no scenario sends, each with the reason.
    pub left_out: BTreeMap<String, String>,
}

/// A rule's row.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Id of the rule.
    pub rule: String,
    /// Id of its family.
    pub family: String,
    /// Operation → number of cases.
    pub cases: BTreeMap<Operation, usize>,
    /// Operation → why no case tests the rule by it.
    pub untested: BTreeMap<String, String>,
}

/// Counts the cases.
#[must_use]
pub fn coverage(knowledge: &Knowledge<'_>) -> Coverage {
    let planned = || knowledge.scenarios.iter().flat_map(|scenario| &scenario.cases);
    let row = |rule: &crate::rules::Rule| {
        let mut cases = BTreeMap::new();
        for planned in planned().filter(|planned| planned.case.rules.contains(&rule.id)) {
            let operations: std::collections::BTreeSet<Operation> = planned.judged_operations().collect();
            for operation in operations {
                *cases.entry(operation).or_default() += 1;
            }
        }
        let (rule, family, untested) = (rule.id.clone(), rule.family.clone(), rule.untested.clone());
        Row { rule, family, cases, untested }
    };
    let rules: Vec<Row> = knowledge.rules.iter().map(row).collect();
    let is_judged = |operation: &&Operation| rules.iter().any(|row| row.cases.contains_key(operation));
    let operations = Operation::ALL.iter().filter(is_judged).copied().collect();
    Coverage { operations, rules, left_out: knowledge.rules.left_out().clone() }
}

impl Coverage {
    /// For people: a line for each rule, with the operations that have cases and those left out on purpose.
    #[must_use]
    pub fn to_text(&self, knowledge: &Knowledge<'_>) -> String {
        let mut text = String::new();
        for family in knowledge.rules.families() {
            let _ = writeln!(text, "{}", family.title);
            for row in self.rules.iter().filter(|row| row.family == family.id) {
                let cells: Vec<String> =
                    row.cases.iter().map(|(operation, count)| format!("{} {count}", operation.as_str())).collect();
                let cells =
                    if cells.is_empty() { "what profiles ask for besides".to_owned() } else { cells.join(", ") };
                let _ = writeln!(text, "  {:<30} {cells}", row.rule);
                for (operation, reason) in &row.untested {
                    let _ = writeln!(text, "  {:<30} not by {operation}: {reason}", "");
                }
            }
        }
        let _ = writeln!(text, "Operations that take SSE-C headers and that no scenario sends");
        for (operation, reason) in &self.left_out {
            let _ = writeln!(text, "  {operation}: {reason}");
        }
        let cells: usize = self.rules.iter().map(|row| row.cases.len()).sum();
        let empty: usize = self.rules.iter().map(|row| row.untested.len()).sum();
        let _ = write!(
            text,
            "{} rules by {} operations: {cells} cells with cases, {empty} empty on purpose; elsewhere the rule does not speak of the operation",
            self.rules.len(),
            self.operations.len()
        );
        text
    }
}
