//! The terminal report: a progress bar for people, plain lines for logs, failures in full at the end.

use std::io::{self, Write};

use console::Style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::limits::{EMBEDDED, LevelState, limits};
use super::{describe, in_a_log, one_line, printable};
use crate::baseline::Standing;
use crate::plan::Volume;
use crate::record::{CaseRecord, Conclusion, RunRecord};
use crate::runner::{CaseResult, Event};
use crate::suite::model::Level;
use crate::verdict::{Attainment, Mismatch, Verdict};

/// Writes to a terminal or a log as a run goes on.
pub struct Terminal<W> {
    out: W,
    color: bool,
    /// Present where someone is watching.
    bar: Option<ProgressBar>,
    /// Whether it is stated that the endpoint is the embedded one.
    is_embedded_stated: bool,
}

impl<W: Write> Terminal<W> {
    /// `watched`: whether a person sees the output as it comes. `color`: whether colours may be used.
    pub fn new(out: W, watched: bool, color: bool) -> Self {
        let bar = watched.then(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()));
        Self { out, color, bar, is_embedded_stated: false }
    }

    /// Writes lines, of which none does anything but show.
    fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{}", in_a_log(text))
    }

    /// States that no product is tested: the first line, where a run is of the embedded endpoint.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn state_embedded(&mut self) -> io::Result<()> {
        self.is_embedded_stated = true;
        self.line(EMBEDDED)
    }

    /// Shows how much the run is going to send.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn announce(&mut self, volume: Volume) -> io::Result<()> {
        self.line(&volume.sentence())
    }

    /// Shows an event.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        match (event, &self.bar) {
            (Event::Support(support), Some(bar)) => bar.println(support.sentence()),
            (Event::Support(support), None) => self.line(support.sentence())?,
            (Event::Started { cases }, Some(bar)) => {
                bar.set_length(*cases as u64);
                // The template is fixed and well formed.
                if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}") {
                    bar.set_style(style);
                }
            }
            (Event::Started { cases }, None) => self.line(&format!("{cases} cases"))?,
            (Event::CaseDone(result), Some(bar)) => {
                bar.inc(1);
                bar.set_message(one_line(&result.planned.suite.id));
            }
            (Event::CaseDone(result), None) => {
                let line = self.result(result);
                writeln!(self.out, "{line}")?;
            }
            (Event::CleaningUp, Some(bar)) => bar.set_message("cleaning up"),
            (Event::CleaningUp, None) => {}
        }
        Ok(())
    }

    /// Shows the outcome: what did not pass, in full; what could not be removed; the counts.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn finish(&mut self, run: &RunRecord) -> io::Result<()> {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if run.embedded && !self.is_embedded_stated {
            self.state_embedded()?;
        }
        let shown = [Verdict::Inconclusive, Verdict::Blocked, Verdict::Error, Verdict::UnexpectedPass];
        let shown = shown.into_iter().chain([Verdict::Inconsistent, Verdict::Fail]);
        for verdict in shown {
            let mut causes = by_cause(run, verdict);
            causes.sort_by_key(|(case, _)| run.harm(case));
            for (case, others) in causes {
                let text = describe(case, run);
                let (head, rest) = text.split_once('\n').unwrap_or((&text, ""));
                writeln!(self.out, "\n{}\n{}", self.styled(verdict, head), in_a_log(rest.trim_end()))?;
                if !others.is_empty() {
                    let ids = one_line(&others.join(", "));
                    self.line(&format!("  {} more {} by the same: {ids}", others.len(), verdict.as_str()))?;
                }
            }
        }
        self.left_out(run)?;
        if !run.left_behind.is_empty() {
            self.line("\nCould not be removed:")?;
            for item in &run.left_behind {
                self.line(&format!("  {}", one_line(item)))?;
            }
        }
        if let Some(throttling) = run.throttling.sentence() {
            self.line(&format!("\n{throttling}"))?;
        }
        self.baseline(run)?;
        let server = run.server.as_ref().map(|name| format!(" (Server: {name})")).unwrap_or_default();
        let tested = format!("{}{server}, profile {}, run {}", run.endpoint, run.profile.id, run.run);
        self.line(&format!("\n{}", one_line(&tested)))?;
        let counts: Vec<String> = run
            .counted()
            .map(|(verdict, count)| self.styled(verdict, &format!("{count} {}", verdict.as_str())))
            .collect();
        writeln!(self.out, "{} cases in {:.1} s: {}", run.cases.len(), run.seconds, counts.join(", "))?;
        if let Some(harms) = run.harms_in_words() {
            self.line(&format!("failures by harm: {harms}"))?;
        }
        if run.conclusion() == Conclusion::NoNewFailures {
            self.line(&run.conclusion_in_words())?;
        }
        if run.complete {
            self.line(&format!("certification: {}", one_line(&certification(run))))?;
        }
        let advisory = run.cases.iter().filter(|c| c.verdict.is_failure() && !c.is_required()).count();
        if advisory > 0 {
            self.line(&format!("{advisory} of the failures are of level should or may and do not fail the run"))?;
        }
        if let Some(support) = run.support {
            self.line(support.sentence())?;
        }
        for limit in limits(run) {
            self.line(&format!("limited, this run certifies nothing: {}", one_line(&limit)))?;
        }
        if run.embedded { self.line(EMBEDDED) } else { Ok(()) }
    }

    /// How the run stands to the baseline.
    fn baseline(&mut self, run: &RunRecord) -> io::Result<()> {
        let Some(baseline) = &run.baseline else { return Ok(()) };
        let of = |standing| run.cases.iter().filter(move |case| case.standing == Some(standing));
        let counts = Standing::ALL.map(|standing| format!("{} {}", of(standing).count(), standing.as_str()));
        self.line(&format!("\nbaseline {}: {}", one_line(&baseline.file), counts.join(", ")))?;
        for standing in Standing::ALL.into_iter().filter(|standing| standing.is_off()) {
            let ids: Vec<&str> = of(standing).map(|case| case.id.as_str()).collect();
            if !ids.is_empty() {
                self.line(&format!("  {}: {}", standing.as_str(), one_line(&ids.join(", "))))?;
            }
        }
        if of(Standing::Fixed).next().is_some() {
            self.line("  take what is fixed out of the baseline: `ssecheck baseline` makes it anew")?;
        }
        Ok(())
    }

    /// Why cases were left out or failed as declared, each reason once.
    fn left_out(&mut self, run: &RunRecord) -> io::Result<()> {
        let mut reasons: Vec<(&str, &str, usize)> = Vec::new();
        for case in &run.cases {
            let word = match case.verdict {
                Verdict::Skipped | Verdict::NotSupported => "not run",
                Verdict::ExpectedFailure => "expected to fail",
                _ => continue,
            };
            let reason = case.reason.as_str();
            match reasons.iter_mut().find(|(_, known, _)| *known == reason) {
                Some((_, _, count)) => *count += 1,
                None => reasons.push((word, reason, 1)),
            }
        }
        for (word, reason, count) in reasons {
            let cases = if count == 1 { "case" } else { "cases" };
            let reason = printable(reason).replace('\n', "\n  ");
            self.line(&format!("\n{count} {cases} {word}: {reason}"))?;
        }
        Ok(())
    }

    fn result(&self, result: &CaseResult) -> String {
        let verdict = result.judgement.verdict;
        let word = self.styled(verdict, &format!("{:<13}", verdict.as_str().to_uppercase()));
        format!("{word} {} ({:.2} s)", one_line(&result.planned.case.id), result.elapsed.as_secs_f64())
    }

    fn styled(&self, verdict: Verdict, text: &str) -> String {
        let style = match verdict {
            Verdict::Pass => Style::new().green(),
            Verdict::Fail | Verdict::Inconsistent | Verdict::UnexpectedPass => Style::new().red().bold(),
            Verdict::ExpectedFailure => Style::new().yellow(),
            Verdict::Inconclusive | Verdict::Blocked | Verdict::Error => Style::new().yellow().bold(),
            Verdict::NotSupported | Verdict::Skipped | Verdict::Observed => Style::new().dim(),
        };
        style.force_styling(self.color).apply_to(in_a_log(text)).to_string()
    }
}

/// What a run says of each level.
fn certification(run: &RunRecord) -> String {
    let words = |attainment: &Attainment| {
        let level = attainment.level.as_str();
        let state = LevelState::of(attainment);
        if state != LevelState::Missed {
            return format!("{level} {}", state.as_str());
        }
        format!("{level} not reached ({})", attainment.why_not.join("; "))
    };
    run.certification.iter().map(words).collect::<Vec<_>>().join(", ")
}

/// The cases of a verdict; of those that are blocked or inconclusive, or that fail at a `must` of one step, by the same cause the
/// first, with the ids of the others.
fn by_cause(run: &RunRecord, verdict: Verdict) -> Vec<(&CaseRecord, Vec<&str>)> {
    let mut groups: Vec<(&CaseRecord, Vec<&str>)> = Vec::new();
    for case in run.cases.iter().filter(|case| case.verdict == verdict) {
        let same = |(first, _): &&mut (&CaseRecord, Vec<&str>)| cause(first) == cause(case);
        let is_by_a_step =
            |case: &CaseRecord| case.findings.first().is_some_and(|found| found.finding.level == Some(Level::Must));
        let may_be_grouped = case.is_dependent() || (verdict == Verdict::Fail && is_by_a_step(case));
        match groups.iter_mut().find(same).filter(|_| may_be_grouped) {
            Some((_, others)) => others.push(&case.id),
            None => groups.push((case, Vec::new())),
        }
    }
    groups
}

/// What a case has its verdict by.
#[derive(PartialEq)]
enum Cause<'c> {
    /// The failing case that explains it.
    Case(&'c str),
    /// The rules that it accuses, the step, its operation, and how its response differs from what is expected.
    Step(&'c [String], &'c str, &'c str, &'c [Mismatch]),
    Unknown,
}

fn cause(case: &CaseRecord) -> Cause<'_> {
    if let Some(by) = &case.explained_by {
        return Cause::Case(&by.case);
    }
    let accused: &[String] = if case.is_dependent() { &[] } else { case.accused() };
    let Some(found) = case.deciding_finding().or(case.findings.first()) else { return Cause::Unknown };
    let sent = found.exchange.as_ref().map_or("", |exchange| exchange.sent.operation.as_str());
    Cause::Step(accused, &found.finding.step, sent, &found.finding.mismatches)
}
