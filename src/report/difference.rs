//! The difference of two runs as people read it.

use std::fmt::Write as _;

use super::{in_a_log, one_line};
use crate::record::{CaseChange, Difference, Direction, Found, RuleChange, RuleCounts, RunRecord};

/// What differs between two runs, as text of several lines.
#[must_use]
pub fn difference_as_text(before: &RunRecord, after: &RunRecord, difference: &Difference) -> String {
    let mut text = String::new();
    for (name, run) in [("before", before), ("after", after)] {
        let told = format!("{name:<7} {}, profile {}, {}", run.subject(), run.profile.id, run.started);
        let _ = writeln!(text, "{}", one_line(&told));
    }
    for (what, before, after) in &difference.circumstances {
        let _ = writeln!(text, "  other {what}: {} → {}", one_line(before), one_line(after));
    }
    for direction in [Direction::Worse, Direction::Better, Direction::Otherwise, Direction::OnlyInOne] {
        let changes: Vec<&CaseChange> = difference.cases.iter().filter(|c| c.direction == direction).collect();
        if changes.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{} ({})", direction.as_str(), changes.len());
        for change in changes {
            let (before, after) = (found(change.before.as_ref()), found(change.after.as_ref()));
            let _ = writeln!(text, "  {}: {} → {}", one_line(&change.case), one_line(&before), one_line(&after));
        }
    }
    if !difference.rules.is_empty() {
        let _ = writeln!(text, "\nrules ({})", difference.rules.len());
        for change in &difference.rules {
            let RuleChange { rule, before, after, cases_before, cases_after } = change;
            let (before, after) = (before.as_str(), after.as_str());
            let (old, new) = (counts(cases_before), counts(cases_after));
            let _ = writeln!(text, "  {}: {before} ({old}) → {after} ({new})", one_line(rule));
        }
    }
    let count = |direction| difference.cases.iter().filter(|change| change.direction == direction).count();
    let _ = writeln!(
        text,
        "\n{} cases the same, {} worse, {} better, {} otherwise, {} only in one run",
        difference.same,
        count(Direction::Worse),
        count(Direction::Better),
        count(Direction::Otherwise),
        count(Direction::OnlyInOne)
    );
    in_a_log(text.trim_end())
}

fn found(found: Option<&Found>) -> String {
    let Some(found) = found else { return "not in the run".to_owned() };
    if found.accused.is_empty() {
        return found.verdict.as_str().to_owned();
    }
    let rules: Vec<&str> = found.accused.iter().map(String::as_str).collect();
    format!("{} for {}", found.verdict.as_str(), rules.join(", "))
}

fn counts(counts: &RuleCounts) -> String {
    format!("{} pass, {} accuse it, {} others", counts.passed, counts.accusing, counts.others)
}
