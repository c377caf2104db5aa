//! Markdown: what fits the summary of a GitHub step, or a comment of a merge request.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::describe::{describe, rules_shown};
use super::limits::{EMBEDDED, LevelState, headline, is_limited, limits};
use super::one_run_of_families;
use super::text::markdown::{code, fenced, markup};
use crate::record::{CaseRecord, Conclusion, RunRecord};
use crate::verdict::{Attainment, Verdict};

/// The most bytes of the document: GitHub takes 1 MiB for a step's summary, with those of other commands.
const MAX_BYTES: usize = 900_000;

/// Kept for what is told when the document is cut.
const RESERVE: usize = 500;

/// The run as a Markdown document.
#[must_use]
pub fn markdown(run: &RunRecord) -> String {
    let mut text = String::new();
    head(&mut text, run);
    certification(&mut text, run);
    counts(&mut text, run);
    harms(&mut text, run);
    let _ =
        writeln!(text, "\n<details><summary>Rules by family</summary>\n\n{}\n\n</details>", one_run_of_families(run));
    let mut left_out = 0;
    for (title, cases) in groups(run) {
        let _ = writeln!(text, "\n### {title}\n");
        for case in cases {
            let item = in_full(case, run);
            if text.len() + item.len() + RESERVE > MAX_BYTES {
                left_out += 1;
            } else {
                text.push_str(&item);
            }
        }
    }
    if left_out > 0 {
        let _ = writeln!(text, "\n{left_out} more are left out here: they are in the HTML report and the JSON record.");
    }
    if run.embedded {
        let _ = writeln!(text, "\nNote: {EMBEDDED}.");
    }
    text
}

/// The harms of the failing cases, worst first.
fn harms(text: &mut String, run: &RunRecord) {
    if let Some(harms) = run.harms_in_words() {
        let _ = writeln!(text, "\nFailures by harm: {harms}");
    }
}

fn head(text: &mut String, run: &RunRecord) {
    let sign = match run.conclusion() {
        Conclusion::Passed | Conclusion::NoNewFailures if is_limited(run) => "⚪",
        Conclusion::Passed if run.count(Verdict::Fail) + run.count(Verdict::Inconsistent) == 0 => "✅",
        Conclusion::Passed | Conclusion::NoNewFailures => "🟡",
        Conclusion::Failed => "❌",
        Conclusion::NotTestable | Conclusion::Interrupted => "⚠",
    };
    let embedded = if run.embedded { ", the embedded reference endpoint" } else { "" };
    let _ = writeln!(text, "## {sign} ssecheck: {}: {}{embedded}\n", headline(run), markup(run.subject()));
    if let Some(support) = run.support {
        let _ = writeln!(text, "{}\n", support.sentence());
    }
    let server = run.server.as_ref().map(|server| format!(" (Server: {})", code(server))).unwrap_or_default();
    let _ = writeln!(
        text,
        "{}{server}, profile {}, {} cases in {:.1} s, run {} of {}, ssecheck {}",
        code(&run.endpoint),
        code(&run.profile.id),
        run.cases.len(),
        run.seconds,
        code(&run.run),
        markup(&run.started),
        markup(&run.ssecheck),
    );
    if let Some(throttling) = run.throttling.sentence() {
        let _ = writeln!(text, "\n{}", markup(&throttling));
    }
}

fn certification(text: &mut String, run: &RunRecord) {
    if !run.certification.is_empty() {
        let _ = writeln!(text, "\n| level | | |\n| --- | --- | --- |");
    }
    for attainment in &run.certification {
        let Attainment { level, passed, not_passed, missing, .. } = attainment;
        let state = LevelState::of(attainment);
        let sign = match state {
            LevelState::Reached => "✅",
            LevelState::Limited => "⚪",
            LevelState::Missed => "❌",
        };
        let mut told = vec![format!("{passed} required cases passed")];
        told.extend(
            (*not_passed > 0).then(|| format!("{not_passed} in its way did not pass, required or with harm to data")),
        );
        told.extend((!missing.is_empty()).then(|| format!("missing: {}", markup(&missing.join(", ")))));
        let _ = writeln!(text, "| **{}** | {sign} {} | {} |", level.as_str(), state.as_str(), told.join(", "));
    }
    for limit in limits(run) {
        let _ = writeln!(text, "\nThis run is limited and certifies nothing: {}.", markup(&limit));
    }
}

fn counts(text: &mut String, run: &RunRecord) {
    let names: Vec<&str> = run.counted().map(|(verdict, _)| verdict.as_str()).collect();
    let numbers: Vec<String> = run.counted().map(|(_, count)| count.to_string()).collect();
    let _ = writeln!(text, "\n| {} |", names.join(" | "));
    let _ = writeln!(text, "|{}", " ---: |".repeat(names.len()));
    let _ = writeln!(text, "| {} |", numbers.join(" | "));
}

/// What did not pass, with what fails the run first.
fn groups(run: &RunRecord) -> Vec<(&'static str, Vec<&CaseRecord>)> {
    let mut groups: BTreeMap<(u8, &'static str), Vec<&CaseRecord>> = BTreeMap::new();
    for case in &run.cases {
        let group = match case.verdict {
            _ if run.fails(case) => (0, "Failed"),
            _ if run.leaves_open(case) => (1, "Without a verdict"),
            Verdict::Fail | Verdict::Inconsistent => (2, "Failed, and not required"),
            verdict if verdict.is_open() => (3, "Without a verdict, and not required"),
            Verdict::ExpectedFailure => (4, "Failed as declared or known"),
            _ => continue,
        };
        groups.entry(group).or_default().push(case);
    }
    groups.values_mut().for_each(|cases| cases.sort_by_key(|case| run.harm(case)));
    groups.into_iter().map(|((_, title), cases)| (title, cases)).collect()
}

fn in_full(case: &CaseRecord, run: &RunRecord) -> String {
    let rules = rules_shown(case, run);
    let rules: Vec<String> = rules.iter().map(|rule| markup(&rule.id)).collect();
    let rules = match &case.explained_by {
        Some(by) => format!("explained by <code>{}</code>: {}", markup(&by.case), rules.join(", ")),
        None if rules.is_empty() => "no rule accused".to_owned(),
        None => rules.join(", "),
    };
    format!(
        "<details><summary><code>{}</code> – {} ({})</summary>\n\n{}\n\n</details>\n",
        markup(&case.id),
        markup(&case.title),
        rules,
        fenced(&describe(case, run))
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::record::samples::{case, run};
    use crate::suite::model::Level;

    #[rstest]
    #[case(Verdict::Fail, Level::Must, Some("### Failed\n"))]
    #[case(Verdict::Fail, Level::Should, Some("### Failed, and not required\n"))]
    #[case(Verdict::Blocked, Level::Must, Some("### Without a verdict\n"))]
    #[case(Verdict::ExpectedFailure, Level::Must, Some("### Failed as declared or known\n"))]
    #[case(Verdict::Pass, Level::Must, None)]
    #[case(Verdict::NotSupported, Level::Must, None)]
    fn what_did_not_pass_is_told_in_full(#[case] verdict: Verdict, #[case] level: Level, #[case] title: Option<&str>) {
        let text = markdown(&run(vec![CaseRecord { level, ..case("s/a", verdict, "") }]));
        assert_eq!(text.contains("<code>s/a</code>"), title.is_some(), "{text}");
        assert!(title.is_none_or(|title| text.contains(title)), "{text}");
    }

    #[test]
    fn hostile_text_breaks_out_of_nothing() {
        let mut hostile = case("s/a", Verdict::Fail, "r");
        hostile.title = "<img src=x> `x` [a](b)\n# head".into();
        hostile.findings[0].finding.mismatches[0].actual = "````\n</details>".to_owned();
        let mut run = run(vec![hostile]);
        run.label = Some("@all | **bold** <script>".to_owned());
        let text = markdown(&run);
        let (before, fenced) = text.split_once("`````text\n").expect("the details are fenced");
        let (_, after) = fenced.split_once("\n`````\n").expect("the fence is closed");
        for outside in [before, after] {
            assert!(!outside.contains("<img") && !outside.contains("<script") && !outside.contains("\n# "), "{text}");
        }
        assert!(
            text.starts_with("## ❌ ssecheck: failed: @&#8203;all &#124; &#42;&#42;bold&#42;&#42; &#60;script&#62;\n"),
            "{text}"
        );
    }

    #[test]
    fn it_fits_the_summary_of_a_step() {
        let mut long = case("s/a", Verdict::Fail, "r");
        long.findings[0].finding.mismatches[0].actual = "x".repeat(50_000);
        let cases = (0..40).map(|n| CaseRecord { id: format!("s/{n}"), ..long.clone() }).collect();
        let text = markdown(&run(cases));
        assert!(text.len() < 1024 * 1024, "{}", text.len());
        assert!(text.contains("more are left out here"), "{}", &text[text.len() - 200..]);
    }
}
