//! Annotations of GitHub Actions: workflow commands on standard output.
//!
//! GitHub shows ten errors, ten warnings and ten notices of a step, so that they are grouped: one for each rule that is broken.
//! Source: "Workflow commands for GitHub Actions", <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::limits::{EMBEDDED, headline, limits};
use super::text::annotation::annotation;
use crate::record::{CaseRecord, RunRecord};
use crate::verdict::Verdict;

/// How many annotations of a kind GitHub shows of a step.
const SHOWN: usize = 10;

/// How many ids of cases an annotation names.
const NAMED: usize = 5;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Error,
    Warning,
}

/// The run as workflow commands, a line each.
#[must_use]
pub fn github(run: &RunRecord) -> String {
    let mut groups: BTreeMap<(Kind, String), Vec<&CaseRecord>> = BTreeMap::new();
    for case in &run.cases {
        let kind = match case.verdict {
            _ if run.fails(case) || run.leaves_open(case) => Kind::Error,
            Verdict::Fail | Verdict::Inconsistent | Verdict::ExpectedFailure => Kind::Warning,
            verdict if verdict.is_open() => Kind::Warning,
            _ => continue,
        };
        let title = match case.verdict {
            Verdict::Fail | Verdict::Inconsistent | Verdict::ExpectedFailure => case.rules_judged().join(", "),
            verdict => match &case.explained_by {
                Some(by) => format!("{}, explained by {}", verdict.as_str(), by.case),
                None => verdict.as_str().to_owned(),
            },
        };
        groups.entry((kind, title)).or_default().push(case);
    }
    let mut text = String::new();
    for kind in [Kind::Error, Kind::Warning] {
        let of_kind: Vec<_> = groups.iter().filter(|((of, _), _)| *of == kind).collect();
        let shown = if of_kind.len() > SHOWN { SHOWN - 1 } else { SHOWN };
        for ((_, title), cases) in of_kind.iter().take(shown) {
            text.push_str(&annotation(kind.command(), title, &message(cases, run)));
        }
        if of_kind.len() > shown {
            let rest: Vec<&str> = of_kind[shown..].iter().map(|((_, title), _)| title.as_str()).collect();
            let message = format!("{} more are in the report: {}", rest.len(), rest.join("; "));
            text.push_str(&annotation(kind.command(), "and more", &message));
        }
    }
    let counts: Vec<String> = run.counted().map(|(verdict, count)| format!("{count} {}", verdict.as_str())).collect();
    let mut message = format!("{}, profile {}: {}", run.subject(), run.profile.id, counts.join(", "));
    let limits = limits(run);
    if !limits.is_empty() {
        let _ = write!(message, "\nlimited, this run certifies nothing: {}", limits.join("; "));
    }
    if run.embedded {
        let _ = write!(message, "\n{EMBEDDED}");
    }
    text.push_str(&annotation("notice", &format!("ssecheck: {}", headline(run)), &message));
    text
}

impl Kind {
    fn command(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

fn message(cases: &[&CaseRecord], run: &RunRecord) -> String {
    let mut text = String::new();
    let Some(first) = cases.first() else { return text };
    if !first.found.is_failure() {
        let _ = writeln!(text, "{}", first.reason);
    }
    if let Some(by) = &first.explained_by {
        let _ = writeln!(text, "{} fails with the same response to the same kind of request:", by.case);
    }
    if first.found.is_failure() || first.is_dependent() {
        for rule in first.rules_advised().iter().filter_map(|rule| run.rule(rule)) {
            let _ = writeln!(text, "{}", rule.text);
        }
    }
    // The reason of a case that depends on another tells them.
    let mismatches = first.findings.iter().filter(|_| !first.is_dependent());
    for mismatch in mismatches.flat_map(|found| &found.finding.mismatches) {
        let _ = writeln!(text, "{}: expected {}, got {}", mismatch.subject, mismatch.expected, mismatch.actual);
    }
    let ids: Vec<&str> = cases.iter().take(NAMED).map(|case| case.id.as_str()).collect();
    let more = if cases.len() > NAMED { format!(" and {} more", cases.len() - NAMED) } else { String::new() };
    let _ = write!(text, "in {}{more}", ids.join(", "));
    text
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::record::samples::{case, run};
    use crate::suite::model::Level;

    #[rstest]
    #[case(Verdict::Fail, Level::Must, Some("::error title=r::"))]
    #[case(Verdict::Fail, Level::Should, Some("::warning title=r::"))]
    #[case(Verdict::ExpectedFailure, Level::Must, Some("::warning title=r::"))]
    #[case(Verdict::Blocked, Level::Must, Some("::error title=blocked::"))]
    #[case(Verdict::Pass, Level::Must, None)]
    #[case(Verdict::NotSupported, Level::Must, None)]
    fn what_fails_the_run_is_an_error(#[case] verdict: Verdict, #[case] level: Level, #[case] begins: Option<&str>) {
        let accused = if verdict == Verdict::Pass || verdict == Verdict::NotSupported { "" } else { "r" };
        let text = github(&run(vec![CaseRecord { level, ..case("s/a", verdict, accused) }]));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1 + usize::from(begins.is_some()), "{text}");
        assert!(begins.is_none_or(|begins| lines[0].starts_with(begins)), "{text}");
        assert!(lines[lines.len() - 1].starts_with("::notice title=ssecheck"), "{text}");
    }

    #[test]
    fn no_more_than_github_shows() {
        let cases = (0..30).map(|n| case(&format!("s/{n}"), Verdict::Fail, &format!("r{n:02}"))).collect();
        let text = github(&run(cases));
        assert_eq!(text.lines().filter(|line| line.starts_with("::error")).count(), SHOWN);
        assert!(text.contains("21 more are in the report: r09; r10"), "{text}");
    }

    #[test]
    fn hostile_text_begins_no_command() {
        let mut hostile = case("s/a", Verdict::Fail, "r");
        hostile.findings[0].finding.mismatches[0].actual = "x\n::set-output name=a::b\r%0A".to_owned();
        let text = github(&run(vec![hostile]));
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("%250A"), "{text}");
    }
}
