//! Makes a baseline of a run.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::{CaseRecord, RunRecord};
use crate::baseline::{Baseline, FORMAT, KNOWABLE, Known};

/// What of an answer is another in each run: hexadecimal digits and long numbers.
static VOLATILE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("[0-9a-fA-F]{8,}|[0-9]{5,}").ok());

/// The baseline of a run: everything that did not pass and that its profile does not declare. What an earlier baseline
/// knows keeps its reason; the rest is grouped by what came, with the reason left open.
#[must_use]
pub fn baseline_of(run: &RunRecord, earlier: Option<&Baseline>) -> Baseline {
    let mut known: Vec<Known> = Vec::new();
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    let declared_by_profile =
        |case: &&CaseRecord| case.verdict == crate::verdict::Verdict::ExpectedFailure && case.standing.is_none();
    let cases = run.cases.iter().filter(|case| KNOWABLE.contains(&case.found));
    for case in cases.filter(|case| !declared_by_profile(case)) {
        let explains = |known: &&Known| known.explains(&case.id, case.found, case.accused());
        let entry = earlier.and_then(|earlier| earlier.known.iter().find(explains));
        let identity = entry.map_or_else(|| what_came(case), |known| format!("{}\n{:?}", known.reason, known.source));
        let index = *groups.entry(identity).or_insert_with(|| {
            let reason = entry.map(|known| known.reason.clone()).unwrap_or_default();
            known.push(Known { reason, source: entry.and_then(|known| known.source.clone()), ..Known::default() });
            known.len() - 1
        });
        known[index].rules.extend(case.accused().iter().cloned());
        known[index].cases.entry(case.found).or_default().insert(case.id.clone());
    }
    let about = match earlier {
        Some(earlier) => earlier.about.clone(),
        None => format!("{}, profile {}, {}", run.subject(), run.profile.id, run.started),
    };
    let (format, profile) = (FORMAT.to_owned(), run.profile.id.clone());
    Baseline { format, about, profile, known, file: String::new(), digest: String::new(), strict: false }
}

/// What came of a case, in words that are the same for cases with the same cause.
fn what_came(case: &CaseRecord) -> String {
    let mut words =
        vec![case.found.as_str().to_owned(), case.missing.as_ref().map(|it| it.capability.clone()).unwrap_or_default()];
    if let Some(found) = case.findings.first() {
        words.extend(found.finding.rules.iter().cloned());
        let operation = found.exchange.as_ref().map(|exchange| exchange.sent.operation.clone());
        words.push(operation.unwrap_or_default());
        words.extend(found.finding.mismatches.iter().map(|m| format!("{}: {}", m.subject, m.actual)));
    }
    let words = words.join("\n");
    VOLATILE.as_ref().map_or_else(|| words.clone(), |volatile| volatile.replace_all(&words, "…").into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::samples::{case, run};
    use crate::verdict::Verdict;
    use Verdict::{Blocked, ExpectedFailure, Fail, Pass, Skipped};

    #[test]
    fn what_does_not_pass_is_grouped_by_what_came_with_reasons_left_open() {
        let baseline = baseline_of(
            &run(vec![
                case("s/a", Fail, "r"),
                case("s/b", Fail, "r"),
                case("s/c", Fail, "q"),
                case("s/d", Blocked, "r"),
                case("s/e", Pass, ""),
                case("s/f", Skipped, ""),
            ]),
            None,
        );
        let cases: Vec<Vec<(Verdict, Vec<&str>)>> = baseline
            .known
            .iter()
            .map(|known| known.cases.iter().map(|(v, ids)| (*v, ids.iter().map(String::as_str).collect())).collect())
            .collect();
        assert_eq!(cases, [vec![(Fail, vec!["s/a", "s/b"])], vec![(Fail, vec!["s/c"])], vec![(Blocked, vec!["s/d"])]]);
        assert!(baseline.known.iter().all(|known| known.reason.is_empty()));
    }

    #[test]
    fn reasons_are_kept_and_what_is_fixed_is_dropped() {
        let mut earlier = baseline_of(&run(vec![case("s/a", Fail, "r"), case("s/b", Fail, "q")]), None);
        for known in &mut earlier.known {
            known.reason = format!("because of {:?}", known.rules);
        }
        let baseline = baseline_of(
            &run(vec![case("s/a", Fail, "r"), case("s/b", Pass, ""), case("s/c", Fail, "r")]),
            Some(&earlier),
        );
        let reasons: Vec<&str> = baseline.known.iter().map(|known| known.reason.as_str()).collect();
        assert_eq!(reasons, [r#"because of {"r"}"#, ""]);
    }

    #[test]
    fn what_the_profile_declares_needs_no_baseline() {
        let mut declared = case("s/a", Fail, "r");
        declared.verdict = ExpectedFailure;
        assert!(baseline_of(&run(vec![declared]), None).known.is_empty());
    }
}
