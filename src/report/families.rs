//! Several runs side by side: what each says of the families of rules, as a Markdown table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::text::markdown::markup;
use crate::record::{Obedience, RunRecord, rule_counts};
use crate::rules::{Catalogue, Family, Rule};
use crate::verdict::Verdict;

/// The table of one run, by the families and rules that its record has.
#[must_use]
pub fn one_run_of_families(run: &RunRecord) -> String {
    table(&[("kept", run)], &run.families, &run.rules.iter().collect::<Vec<_>>())
}

/// A table of families × runs, each run with the name at the head of its column. A cell tells how many rules of a family are
/// kept, of those on which there is a verdict; `–` where there is none.
#[must_use]
pub fn families_as_markdown(runs: &[(String, RunRecord)], rules: &Catalogue) -> String {
    let runs: Vec<(&str, &RunRecord)> = runs.iter().map(|(name, run)| (name.as_str(), run)).collect();
    table(&runs, rules.families(), &rules.iter().collect::<Vec<_>>())
}

fn table(runs: &[(&str, &RunRecord)], families: &[Family], rules: &[&Rule]) -> String {
    let mut text = String::new();
    let heads: Vec<String> = runs.iter().map(|(name, _)| markup(name)).collect();
    let _ = writeln!(text, "| rules | {} |", heads.join(" | "));
    let _ = writeln!(text, "| --- |{}", " --- |".repeat(runs.len()));
    let obedience: Vec<BTreeMap<&str, Obedience>> = runs
        .iter()
        .map(|(_, run)| rule_counts(run).into_iter().map(|(rule, counts)| (rule, counts.obedience())).collect())
        .collect();
    for family in families {
        let of_family: Vec<&Rule> = rules.iter().copied().filter(|rule| rule.family == family.id).collect();
        let cells = obedience.iter().map(|run| {
            let says = |wanted| of_family.iter().filter(|rule| run.get(rule.id.as_str()) == Some(&wanted)).count();
            let (kept, broken) = (says(Obedience::Kept), says(Obedience::Broken));
            if kept + broken == 0 { "–".to_owned() } else { format!("{kept} of {}", kept + broken) }
        });
        let _ = writeln!(text, "| {} | {} |", markup(&family.title), cells.collect::<Vec<_>>().join(" | "));
    }
    let totals = runs.iter().map(|(_, run)| {
        let found = |verdict| run.cases.iter().filter(|case| case.found == verdict).count();
        let without = [Verdict::Blocked, Verdict::Inconclusive, Verdict::Error].map(found).iter().sum::<usize>();
        format!(
            "{} pass, {} fail, {without} without verdict, {} not supported",
            found(Verdict::Pass),
            found(Verdict::Fail),
            found(Verdict::NotSupported)
        )
    });
    let _ = writeln!(text, "| *cases* | {} |", totals.collect::<Vec<_>>().join(" | "));
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::samples::{case, run};

    #[test]
    fn rules_are_counted_by_family_and_what_is_not_judged_does_not_count() {
        let catalogue = Catalogue::parse(
            r#"{"families": [{"id": "f", "title": "F | f", "about": "a"}, {"id": "g", "title": "G", "about": "a"}], "left_out": {}, "rules": [
              {"id": "r", "family": "f", "title": "t", "text": "x", "source": "s", "grade": "recorded", "fix": "f"},
              {"id": "q", "family": "f", "title": "t", "text": "x", "source": "s", "grade": "recorded", "fix": "f"},
              {"id": "p", "family": "g", "title": "t", "text": "x", "source": "s", "grade": "recorded", "fix": "f"}]}"#,
        )
        .unwrap();
        let broken = run(vec![case("s/a", Verdict::Pass, ""), case("s/b", Verdict::Fail, "q")]);
        let blocked = run(vec![case("s/a", Verdict::Blocked, "r")]);
        let table = families_as_markdown(&[("one".to_owned(), broken), ("two".to_owned(), blocked)], &catalogue);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines[0], "| rules | one | two |");
        assert_eq!(lines[2], "| F &#124; f | 1 of 2 | – |");
        assert_eq!(lines[3], "| G | – | – |");
        assert!(lines[4].contains("1 pass, 1 fail, 0 without verdict, 0 not supported"), "{table}");
    }
}
