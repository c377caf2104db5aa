//! What a run cannot certify, and why: every report states it, and none presents a level of a limited run as reached.

use crate::record::{Conclusion, RunRecord};
use crate::verdict::Attainment;

/// Stated first and last in the reports of a run that tested no product.
pub(super) const EMBEDDED: &str = "the embedded reference endpoint was tested, and no product";

/// What a run says of a certification level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LevelState {
    /// The level is reached.
    Reached,
    /// Its cases passed, but the run is limited and certifies nothing.
    Limited,
    /// Cases did not pass, or capabilities are missing.
    Missed,
}

impl LevelState {
    pub fn of(attainment: &Attainment) -> Self {
        if attainment.is_reached() {
            Self::Reached
        } else if attainment.is_only_limited() {
            Self::Limited
        } else {
            Self::Missed
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Limited => "limited",
            Self::Missed => "not reached",
        }
    }
}

/// Returns the reasons why the run can certify nothing, whatever its verdicts are: those that the record lists, and that it is a shard.
pub(super) fn limits(run: &RunRecord) -> Vec<String> {
    let of_shard = run.shard.as_ref().map(|shard| shard.limit()).filter(|limit| !run.limits.contains(limit));
    run.limits.iter().cloned().chain(of_shard).collect()
}

/// Returns whether the run can certify nothing, whatever its verdicts are.
pub(super) fn is_limited(run: &RunRecord) -> bool {
    !run.limits.is_empty() || run.shard.is_some()
}

/// Returns the conclusion for the head of a report: `passed`; of a limited run `passed, of 2 cases; limited`.
pub(super) fn headline(run: &RunRecord) -> String {
    let conclusion = run.conclusion_in_words();
    if !is_limited(run) {
        return conclusion;
    }
    let cases = match (&run.shard, run.cases.len()) {
        (Some(shard), count) => format!("{count} of {} cases", shard.cases),
        (None, 1) => "1 case".to_owned(),
        (None, count) => format!("{count} cases"),
    };
    match run.conclusion() {
        Conclusion::Passed | Conclusion::NoNewFailures => format!("{conclusion}, of {cases}; limited"),
        Conclusion::Failed | Conclusion::NotTestable | Conclusion::Interrupted => format!("{conclusion}; limited"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::record::ShardRecord;
    use crate::record::samples::{case, run};
    use crate::report::{RunFormat, Terminal};
    use crate::verdict::Verdict;

    const LIMIT: &str = "only a part of the cases was run: --only etag/";

    fn shard() -> ShardRecord {
        ShardRecord {
            of_run: Some("nightly".to_owned()),
            shard: 1,
            shards: 3,
            cases: 9,
            plan_digest: "d".to_owned(),
            whole_is_complete: true,
            positions: vec![0, 1],
        }
    }

    /// A run in which everything passed; by its cases it would reach all levels.
    fn passed() -> RunRecord {
        let mut run = run(vec![case("s/a", Verdict::Pass, ""), case("s/b", Verdict::Pass, "")]);
        run.certification = run.attainments();
        run
    }

    #[rstest]
    #[case::unlimited(Verdict::Pass, &[], None, "passed")]
    #[case::limited(Verdict::Pass, &[LIMIT], None, "passed, of 2 cases; limited")]
    #[case::shard(Verdict::Pass, &[], Some(shard()), "passed, of 2 of 9 cases; limited")]
    #[case::known(Verdict::ExpectedFailure, &[LIMIT], None, "no new failures, 1 known, of 2 cases; limited")]
    #[case::failed(Verdict::Fail, &[LIMIT], None, "failed; limited")]
    #[case::open(Verdict::Blocked, &[LIMIT], None, "not testable; limited")]
    fn the_head_of_a_limited_run_says_so(
        #[case] verdict: Verdict,
        #[case] limits: &[&str],
        #[case] shard: Option<ShardRecord>,
        #[case] head: &str,
    ) {
        let mut run = run(vec![case("s/a", Verdict::Pass, ""), case("s/b", verdict, "r")]);
        run.limits = limits.iter().map(|limit| (*limit).to_owned()).collect();
        run.shard = shard;
        assert_eq!(headline(&run), head);
    }

    /// All formats as text, and what the terminal shows.
    fn reports(run: &RunRecord) -> Vec<(&'static str, String)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is UTF-8").replace("&#x2f;", "/");
        let formats = RunFormat::ALL.iter().filter(|(name, _)| *name != "json");
        let mut reports: Vec<(&str, String)> =
            formats.map(|(name, format)| (*name, text(format.render(run).expect("it can be rendered")))).collect();
        let mut shown = Vec::new();
        Terminal::new(&mut shown, false, false).finish(run).expect("memory takes it");
        reports.push(("terminal", text(shown)));
        reports
    }

    /// What a reader takes for a level that is reached.
    fn claims_a_level(text: &str) -> bool {
        let text = text.replace("no level is reached", "").replace("not reached", "");
        ["core reached", "full reached", "✅", "class=\"level reached\""].iter().any(|claim| text.contains(claim))
    }

    #[rstest]
    #[case::limit(true, false, true, LIMIT)]
    #[case::limit_of_a_part(true, false, false, LIMIT)]
    #[case::shard(true, true, false, "--shard 1/3")]
    fn every_report_of_a_limited_run_says_why_and_claims_no_level(
        #[case] has_limit: bool,
        #[case] is_shard: bool,
        #[case] has_certification: bool,
        #[case] reason: &str,
    ) {
        let mut run = passed();
        run.suites = vec![crate::record::SuiteRecord {
            id: "s".to_owned(),
            title: "t".to_owned(),
            file: "f".to_owned(),
            digest: "d".to_owned(),
        }];
        run.limits.extend(has_limit.then(|| LIMIT.to_owned()));
        run.shard = is_shard.then(shard);
        run.certification = run.attainments();
        if !has_certification {
            run.complete = false;
            run.certification = Vec::new();
        }
        for (name, text) in reports(&run) {
            assert!(text.contains("limited"), "{name}: {text}");
            assert!(!claims_a_level(&text), "{name}: {text}");
            // A badge has room for a few words.
            assert!(name == "badge" || text.contains(reason), "{name}: {text}");
        }
    }

    /// Else the test above could not fail.
    #[test]
    fn an_unlimited_run_claims_its_levels() {
        let claims = reports(&passed()).into_iter().filter(|(_, text)| claims_a_level(text));
        assert_eq!(claims.map(|(name, _)| name).collect::<Vec<_>>(), ["html", "markdown", "badge", "terminal"]);
        assert!(reports(&passed()).iter().all(|(_, text)| !text.contains("limited:") && !text.contains("; limited")));
    }

    #[test]
    fn reports_of_the_embedded_endpoint_begin_and_end_with_it() {
        let mut run = passed();
        run.embedded = true;
        for (name, text) in reports(&run) {
            match name {
                "badge" => assert!(text.contains("full reached, embedded"), "{text}"),
                "terminal" | "markdown" | "tap" => {
                    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
                    // A TAP document begins with its version.
                    let first = lines.iter().find(|line| !line.starts_with("TAP")).expect("it has lines");
                    assert!(first.contains("embedded reference endpoint"), "{name}: {first}");
                    assert!(lines[lines.len() - 1].contains(EMBEDDED), "{name}: {}", lines[lines.len() - 1]);
                }
                _ => assert!(text.contains("embedded"), "{name}: {text}"),
            }
        }
    }
}
