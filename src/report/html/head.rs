//! What stands at the top of the page: the verdict, the levels of certification, the counts, and what was tested.

use std::collections::BTreeSet;

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::case::is_problem;
use super::cut::{Cut, MOST_TEXT, MOST_TITLE};
use crate::baseline::Standing;
use crate::record::{Conclusion, RunRecord};
use crate::report::limits::{EMBEDDED, LevelState, headline, is_limited, limits};
use crate::suite::model::Certification;
use crate::verdict::{Attainment, Verdict};

/// How many of a list of sentences are shown.
const MOST_SENTENCES: usize = 30;
/// The most TLS certificates that are shown.
const MOST_CERTIFICATES: usize = 5;
/// How many capabilities are named.
const MOST_MISSING: usize = 40;

/// The top of the page.
#[derive(Debug, Serialize)]
pub(super) struct Head {
    subject: String,
    conclusion: String,
    conclusion_id: String,
    sentence: String,
    levels: Vec<LevelView>,
    total: usize,
    problems: usize,
    counts: Vec<Count>,
    /// The failing cases by their harm, worst first, in words.
    harms: Option<String>,
    bar: Vec<Segment>,
    facts: Vec<Fact>,
    /// Stated where no product was tested.
    embedded: Option<&'static str>,
    limits: Vec<String>,
    left_behind: Vec<String>,
}

#[derive(Debug, Serialize)]
struct LevelView {
    name: &'static str,
    /// `reached`, `limited`, `missed` or `unknown`.
    state: &'static str,
    told: String,
    missing: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Count {
    id: String,
    word: &'static str,
    count: usize,
}

/// A part of the bar that shows the counts, of 1000 units.
#[derive(Debug, Serialize)]
struct Segment {
    id: String,
    start: f64,
    width: f64,
}

#[derive(Debug, Serialize)]
struct Fact {
    name: &'static str,
    value: String,
    /// Whether it is for machines.
    is_code: bool,
}

impl Head {
    pub fn of(run: &RunRecord, cut: &mut Cut) -> Self {
        let conclusion = run.conclusion();
        let counts: Vec<Count> =
            run.counted().map(|(verdict, count)| Count { id: verdict.id(), word: verdict.as_str(), count }).collect();
        let sentences = |texts: &[String], cut: &mut Cut| -> Vec<String> {
            cut.items(texts, MOST_SENTENCES).iter().map(|text| cut.text(text, MOST_TEXT)).collect()
        };
        Self {
            subject: cut.text(run.subject(), MOST_TITLE),
            conclusion: headline(run),
            conclusion_id: conclusion_id(run, conclusion),
            sentence: sentence(run, conclusion),
            levels: levels(run, cut),
            total: run.cases.len(),
            problems: run.cases.iter().filter(|case| is_problem(run, case)).count(),
            bar: bar(&counts, run.cases.len()),
            counts,
            harms: run.harms_in_words(),
            facts: facts(run, cut),
            embedded: run.embedded.then_some(EMBEDDED),
            limits: sentences(&limits(run), cut),
            left_behind: sentences(&run.left_behind, cut),
        }
    }
}

/// The conclusion as the style sheet names it: one that nothing is to be read from as green is `limited`.
fn conclusion_id(run: &RunRecord, conclusion: Conclusion) -> String {
    match conclusion {
        Conclusion::Passed | Conclusion::NoNewFailures if is_limited(run) => "limited".to_owned(),
        conclusion => conclusion.as_str().replace(' ', "-"),
    }
}

/// `1 case`, `2 cases`.
fn number(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// What the conclusion rests on.
fn sentence(run: &RunRecord, conclusion: Conclusion) -> String {
    let count = |wanted: &dyn Fn(&&crate::record::CaseRecord) -> bool| run.cases.iter().filter(wanted).count();
    let failed = count(&|case| run.fails(case) && case.verdict.is_failure());
    let out_of_date = count(&|case| case.verdict == Verdict::UnexpectedPass);
    let off_baseline =
        count(&|case| run.fails(case) && !case.verdict.is_failure() && case.verdict != Verdict::UnexpectedPass);
    let open = count(&|case| run.leaves_open(case));
    let advisory = count(&|case| case.verdict.is_failure() && !run.fails(case));
    let known = run.count(Verdict::ExpectedFailure);
    let mut sentences = match conclusion {
        Conclusion::Passed => vec!["All required cases that the endpoint can be asked passed.".to_owned()],
        Conclusion::NoNewFailures => {
            vec!["No required case failed but those that are declared or known to.".to_owned()]
        }
        Conclusion::Failed => Vec::new(),
        Conclusion::NotTestable if open == 0 => vec!["Nothing was judged.".to_owned()],
        Conclusion::NotTestable => vec!["It stays open whether the endpoint does what is required.".to_owned()],
        Conclusion::Interrupted => vec!["The run was stopped before all cases were run.".to_owned()],
    };
    if let Some(support) = run.support {
        sentences.insert(0, support.sentence().to_owned());
    }
    let told = [
        (failed, "required case", "failed."),
        (out_of_date, "case", "passed although the profile or the baseline says that it fails."),
        (off_baseline, "other case", "came out otherwise than the strict baseline has it."),
        (open, "required case", "was left without a verdict."),
        (advisory, "case", "of level should or may failed, which does not fail the run."),
        (known, "case", "failed as declared."),
    ];
    for (count, thing, what) in told {
        if count > 0 {
            let what = if count == 1 { what.to_owned() } else { what.replacen("was ", "were ", 1) };
            sentences.push(format!("{} {what}", number(count, thing)));
        }
    }
    sentences.join(" ")
}

fn levels(run: &RunRecord, cut: &mut Cut) -> Vec<LevelView> {
    if run.certification.is_empty() {
        let told = || "Not all built-in cases were run, so that nothing can be said of it.".to_owned();
        let level = |level: Certification| LevelView {
            name: level.as_str(),
            state: "unknown",
            told: told(),
            missing: Vec::new(),
        };
        return Certification::ALL.map(level).into();
    }
    let level = |attainment: &Attainment| {
        let Attainment { level, passed, not_passed, missing, .. } = attainment;
        let state = LevelState::of(attainment);
        let told = match (state, *not_passed) {
            (LevelState::Limited, _) => {
                format!("All {} passed, but the run is limited.", number(*passed, "required case"))
            }
            (LevelState::Reached, _) => {
                format!("All {} passed, and no case shows harm to data.", number(*passed, "required case"))
            }
            (LevelState::Missed, 0) if *passed == 0 => "No required case passed.".to_owned(),
            (LevelState::Missed, 0) => format!(
                "All {} that could be run passed, but capabilities are missing.",
                number(*passed, "required case")
            ),
            (LevelState::Missed, count) => format!(
                "{} in its way did not pass, required or with harm to data; {} passed.",
                number(count, "case"),
                number(*passed, "required case")
            ),
        };
        let missing = cut.items(missing, MOST_MISSING).iter().map(|id| cut.text(id, MOST_TITLE)).collect();
        LevelView {
            name: level.as_str(),
            state: match state {
                LevelState::Reached => "reached",
                LevelState::Limited => "limited",
                LevelState::Missed => "missed",
            },
            told,
            missing,
        }
    };
    run.certification.iter().take(Certification::ALL.len()).map(level).collect()
}

fn bar(counts: &[Count], total: usize) -> Vec<Segment> {
    let mut start = 0.0;
    let segment = |count: &Count| {
        let width = (count.count as f64 / total as f64 * 10_000.0).round() / 10.0;
        let segment = Segment { id: count.id.clone(), start, width };
        start = ((start + width) * 10.0).round() / 10.0;
        segment
    };
    counts.iter().map(segment).collect()
}

fn facts(run: &RunRecord, cut: &mut Cut) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut fact = |name, value: &str, is_code| facts.push(Fact { name, value: cut.text(value, MOST_TEXT), is_code });
    if let Some(label) = &run.label {
        fact("Tested", label, false);
    }
    fact("Server header", run.server.as_deref().unwrap_or("none was sent"), false);
    let embedded = if run.embedded { format!(" ({EMBEDDED})") } else { String::new() };
    fact("Endpoint", &format!("{}{embedded}", run.endpoint), true);
    fact("Plain endpoint", &run.plain_endpoint, true);
    if let Some(circumstances) = &run.circumstances {
        let certificates: BTreeSet<&str> =
            circumstances.peers.tls.iter().filter_map(|peer| peer.certificate.as_deref()).collect();
        for certificate in certificates.into_iter().take(MOST_CERTIFICATES) {
            fact("TLS certificate, SHA-256", certificate, true);
        }
        for file in &circumstances.authorities {
            fact("Trusted by", &format!("{} ({})", file.file, file.named_by), false);
        }
        if let Some(proxy) = circumstances.settings.get("proxy") {
            fact("Proxy", proxy, true);
        }
    }
    fact("Bucket", &run.bucket, true);
    let file = run.profile.file.as_ref().map(|file| format!(" ({file})")).unwrap_or_default();
    fact("Profile", &format!("{}{file}", run.profile.id), false);
    fact("Baseline", &baseline(run), false);
    fact("Started", &started(&run.started), false);
    fact("Duration", &duration(run.seconds), false);
    if let Some(throttling) = run.throttling.sentence() {
        fact("Throttling", &throttling, false);
    }
    fact("ssecheck", &run.ssecheck, false);
    fact("Run", &run.run, true);
    fact("Suites, SHA-256", &run.suites_digest, true);
    fact("Rules, SHA-256", &run.rules_digest, true);
    facts
}

fn baseline(run: &RunRecord) -> String {
    let Some(baseline) = &run.baseline else { return "none".to_owned() };
    let strict = if baseline.strict { ", strict" } else { "" };
    let count = |standing| run.cases.iter().filter(|case| case.standing == Some(standing)).count();
    let counts = Standing::ALL.map(|standing| format!("{} {}", count(standing), standing.as_str()));
    format!("{}{strict}: {}", baseline.file, counts.join(", "))
}

fn started(text: &str) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    let read = OffsetDateTime::parse(text, &Rfc3339).ok();
    let shown = read.and_then(|time| time.to_offset(time::UtcOffset::UTC).format(format).ok());
    shown.unwrap_or_else(|| text.to_owned())
}

fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    if whole < 120 { format!("{seconds:.1} s") } else { format!("{} min {} s", whole / 60, whole % 60) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::record::samples::{case, run};

    #[rstest]
    #[case(&[Verdict::Pass], "All required cases that the endpoint can be asked passed.")]
    #[case(&[Verdict::Pass, Verdict::Fail], "1 required case failed.")]
    #[case(&[Verdict::Fail, Verdict::Fail, Verdict::Error, Verdict::Blocked], "2 required cases failed. 2 required cases were left without a verdict.")]
    #[case(&[Verdict::Skipped], "Nothing was judged.")]
    fn a_sentence_tells_what_the_conclusion_rests_on(#[case] verdicts: &[Verdict], #[case] told: &str) {
        let run = run(verdicts.iter().map(|verdict| case("s/a", *verdict, "")).collect());
        assert_eq!(sentence(&run, run.conclusion()), told);
    }

    #[test]
    fn levels_tell_why_they_are_not_reached() {
        let mut run = run(Vec::new());
        assert!(levels(&run, &mut Cut::default()).iter().all(|level| level.state == "unknown"));
        let attainment = |passed, not_passed, missing: &[&str]| {
            let missing = missing.iter().map(|id| (*id).to_owned()).collect();
            Attainment::of(Certification::Core, (passed, not_passed), missing, false, None)
        };
        run.certification = vec![attainment(2, 0, &[]), attainment(2, 1, &[]), attainment(2, 0, &["versions"])];
        let levels = levels(&run, &mut Cut::default());
        let told: Vec<(&str, &str)> = levels.iter().map(|level| (level.state, level.told.as_str())).collect();
        assert_eq!(told[0], ("reached", "All 2 required cases passed, and no case shows harm to data."));
        assert_eq!(
            told[1],
            ("missed", "1 case in its way did not pass, required or with harm to data; 2 required cases passed.")
        );
        assert!(told[2].0 == "missed" && levels[2].missing == ["versions"]);
    }

    #[test]
    fn the_bar_is_as_long_as_all_cases() {
        let count = |count| Count { id: "fail".to_owned(), word: "fail", count };
        let bar = bar(&[count(1), count(2), count(3)], 6);
        let end = bar.last().map(|last| last.start + last.width).unwrap_or_default();
        assert!((end - 1000.0).abs() < 1.0, "{bar:?}");
    }

    #[rstest]
    #[case(39.86, "39.9 s")]
    #[case(125.2, "2 min 5 s")]
    fn durations_are_short(#[case] seconds: f64, #[case] told: &str) {
        assert_eq!(duration(seconds), told);
    }
}
