//! A badge for a README: what level of certification a run reached, or that the run is limited and certifies none.

use std::fmt::Write as _;

use super::limits::is_limited;
use super::text::xml::escaped;
use crate::record::{Conclusion, RunRecord};
use crate::verdict::Attainment;

/// Width of a character in tenths of a pixel, on average; `textLength` makes texts fit exactly.
const CHARACTER: usize = 66;

/// The run as an SVG image of one line.
#[must_use]
pub fn badge(run: &RunRecord) -> String {
    let (message, color) = message(run);
    let label = "SSE-C";
    let width = |text: &str| (text.chars().count() * CHARACTER).div_ceil(10);
    let (left, right) = (width(label) + 12, width(&message) + 12);
    let whole = left + right;
    let title = format!("{label}: {message}");
    let mut text = String::new();
    let _ = writeln!(
        text,
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img" aria-label="{title}">
  <title>{title}</title>
  <clipPath id="round"><rect width="{whole}" height="20" rx="3"/></clipPath>
  <g clip-path="url(#round)">
    <rect width="{left}" height="20" fill="#444"/>
    <rect x="{left}" width="{right}" height="20" fill="{color}"/>
  </g>
  <g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
    <text x="{}" y="14" textLength="{}">{label}</text>
    <text x="{}" y="14" textLength="{}">{}</text>
  </g>
</svg>"##,
        left / 2,
        width(label),
        left + right / 2,
        width(&message),
        escaped(&message),
        title = escaped(&title),
    );
    text
}

/// What it says, and on which colour. White text on each has a contrast of more than 4.5.
fn message(run: &RunRecord) -> (String, &'static str) {
    if is_limited(run) {
        return match run.conclusion() {
            Conclusion::Passed | Conclusion::NoNewFailures => ("no level: limited".to_owned(), "#57606a"),
            Conclusion::Failed => ("failing, no level: limited".to_owned(), "#c4314b"),
            other => (format!("{}, no level: limited", other.as_str()), "#57606a"),
        };
    }
    let embedded = match (run.embedded, run.is_of_the_reference()) {
        (true, _) => ", embedded",
        (false, true) => ", reference",
        (false, false) => "",
    };
    let reached = run.certification.iter().rev().find(|attainment| attainment.is_reached());
    match (run.conclusion(), reached) {
        (Conclusion::Passed, Some(Attainment { level, .. })) => {
            (format!("{} reached{embedded}", level.as_str()), "#1a7f37")
        }
        (Conclusion::Failed, Some(Attainment { level, .. })) => {
            (format!("{} reached, failing{embedded}", level.as_str()), "#9a6700")
        }
        (Conclusion::NoNewFailures, _) => (run.conclusion_in_words(), "#57606a"),
        (Conclusion::Passed, None) => ("passed in part".to_owned(), "#57606a"),
        (Conclusion::Failed, None) => ("failing".to_owned(), "#c4314b"),
        (Conclusion::NotTestable | Conclusion::Interrupted, _) => (run.conclusion().as_str().to_owned(), "#57606a"),
    }
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;
    use quick_xml::events::Event;
    use rstest::rstest;

    use super::*;
    use crate::record::samples::{case, run};
    use crate::suite::model::Certification;
    use crate::verdict::Verdict;

    #[rstest]
    #[case::all(&[Verdict::Pass], true, "full reached")]
    #[case::a_part_of_the_cases(&[Verdict::Pass], false, "passed in part")]
    #[case::failing(&[Verdict::Pass, Verdict::Fail], true, "failing")]
    #[case::open(&[Verdict::Pass, Verdict::Blocked], true, "not testable")]
    fn it_says_what_the_run_comes_to(#[case] verdicts: &[Verdict], #[case] complete: bool, #[case] says: &str) {
        let mut run = run(verdicts.iter().map(|verdict| case("s/a", *verdict, "")).collect());
        run.certification = if complete { run.attainments() } else { Vec::new() };
        let text = badge(&run);
        assert!(text.contains(&format!("<title>SSE-C: {says}</title>")), "{text}");
        let mut reader = Reader::from_str(&text);
        while reader.read_event().expect("it is XML") != Event::Eof {}
    }

    #[test]
    fn a_level_that_is_reached_is_told_beside_a_failure_of_a_higher_one() {
        let mut failing = case("s/b", Verdict::Fail, "r");
        failing.certification = Certification::Full;
        let mut run = run(vec![case("s/a", Verdict::Pass, ""), failing]);
        run.certification = run.attainments();
        assert!(badge(&run).contains("extended reached, failing"));
    }
}
