//! A proof as people and machines read it: faults × suites, and everything that is not as it must be.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::text::json as safe_json;
use super::{one_line, printable};
use crate::faults::Fault;
use crate::prove::{Fate, FaultRun, Outcome, Problem, Proof, Survey};
use crate::rules::Catalogue;
use crate::verdict::Verdict;

/// Characters of a suite's id at the head of a column.
const COLUMN: usize = 6;

/// A bar on standard error, where that is a terminal, while the runs go on.
pub struct ProofProgress {
    bar: ProgressBar,
}

impl ProofProgress {
    /// A bar for so many faults.
    #[must_use]
    pub fn new(faults: usize) -> Self {
        let bar = ProgressBar::new(faults as u64);
        let template = "{wide_bar} {pos}/{len} faults  {msg}";
        if let Ok(style) = indicatif::ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// A run has ended.
    pub fn done(&self, run: &FaultRun) {
        if let Some(fault) = run.own_fault() {
            self.bar.set_message(fault.id);
            self.bar.inc(1);
        }
    }

    /// All runs have ended.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// The matrix and the problems as text of several lines; `in_full` with the cases under each fault.
#[must_use]
pub fn proof_as_text(proof: &Proof, problems: &[Problem], rules: &Catalogue, in_full: bool) -> String {
    let mut text = String::new();
    let suites = suites(proof);
    let widest = proof.own_runs().map(|(fault, _)| fault.id.len()).max().unwrap_or(0);
    let heads: String = suites.iter().map(|suite| format!(" {:>COLUMN$.COLUMN$}", one_line(suite))).collect();
    let _ = writeln!(text, "{:<widest$}{heads}  outcome", "fault");
    let (mut caught, mut survived, mut not_met) = (0, 0, 0);
    for (fault, run) in proof.own_runs() {
        match proof.fate(fault, run) {
            Fate::Caught => caught += 1,
            Fate::Survived => survived += 1,
            Fate::NotMet => {
                not_met += 1;
                continue;
            }
        }
        let cells: String = suites.iter().map(|suite| cell(proof, run, suite)).collect();
        let _ = writeln!(text, "{:<widest$}{cells}  {}", fault.id, outcome(proof, fault, run, problems));
    }
    let _ = writeln!(
        text,
        "\nA number is how many cases of a suite fail; `-` that some come to no verdict, `·` that all pass."
    );
    if in_full {
        for (fault, run) in proof.own_runs() {
            let _ = writeln!(text, "\n{}", fault.id);
            describe(&mut text, fault, rules);
            cases_in_full(&mut text, proof, fault, run);
        }
    }
    for problem in problems {
        let _ = writeln!(text, "\n{}: {}", problem.kind(), printable(&problem.to_string()));
        if let Problem::Survivor { fault } = problem
            && let Ok(fault) = Fault::named(fault)
        {
            describe(&mut text, fault, rules);
        }
    }
    let others = if not_met > 0 { format!("{not_met} not met by these cases, ") } else { String::new() };
    let _ = writeln!(
        text,
        "\n{} cases against {} faults in {:.1} s: {caught} caught, {others}{survived} survived, {} problems",
        proof.cases.len(),
        caught + survived + not_met,
        proof.elapsed.as_secs_f64(),
        problems.len()
    );
    text.trim_end().to_owned()
}

/// What became of narrowed and generated faults, as text of several lines.
#[must_use]
pub fn survey_as_text(survey: &Survey, cases: usize, elapsed: std::time::Duration) -> String {
    let mut text = String::new();
    let groups = [
        ("caught", "a case fails", &survey.caught),
        ("noticed", "no case fails, but some come to no verdict", &survey.noticed),
        ("escaped", "all cases come out as without it", &survey.escaped),
        ("not triggered", "no case asks for what it changes", &survey.not_triggered),
    ];
    for (name, about, faults) in groups {
        // What is caught needs no list where there is much of it.
        if faults.is_empty() || (name == "caught" && survey.total() > faults.len().min(20)) {
            continue;
        }
        let _ = writeln!(text, "{name}: {about}");
        for fault in faults {
            let _ = writeln!(text, "  {}", one_line(fault.id));
        }
    }
    for problem in &survey.problems {
        let _ = writeln!(text, "{}: {}", problem.kind(), printable(&problem.to_string()));
    }
    let total = survey.total().max(1);
    let _ = writeln!(
        text,
        "\n{cases} cases against {} narrowed and generated faults in {:.1} s: {} caught ({} %), {} noticed, {} escaped, {} not triggered",
        survey.total(),
        elapsed.as_secs_f64(),
        survey.caught.len(),
        survey.caught.len() * 100 / total,
        survey.noticed.len(),
        survey.escaped.len(),
        survey.not_triggered.len()
    );
    text.trim().to_owned()
}

/// The same as JSON: ids of faults by what became of each.
#[must_use]
pub fn survey_as_json(survey: &Survey) -> String {
    let ids = |faults: &[&Fault]| faults.iter().map(|fault| fault.id).collect::<Vec<_>>();
    let document = json!({
        "total": survey.total(),
        "caught": ids(&survey.caught),
        "noticed": ids(&survey.noticed),
        "escaped": ids(&survey.escaped),
        "not_triggered": ids(&survey.not_triggered),
        "problems": survey.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    safe_json(&format!("{document:#}\n"))
}

fn describe(text: &mut String, fault: &Fault, rules: &Catalogue) {
    let _ = writeln!(text, "  {}", fault.summary);
    for rule in fault.breaks.iter().filter_map(|id| rules.get(id)) {
        let _ = writeln!(text, "  breaks {}: {}", rule.id, rule.text);
    }
    let _ = writeln!(text, "  seen: {}; `ssecheck serve --fault {}` serves it", fault.seen, fault.id);
}

/// The cases that were to fail under a fault, and what became of them and of others.
fn cases_in_full(text: &mut String, proof: &Proof, fault: &Fault, run: &FaultRun) {
    let not_passed = match &run.outcome {
        Outcome::Ran(not_passed) => not_passed,
        Outcome::Stopped(why) => {
            let _ = writeln!(text, "  run stopped: {}", one_line(why));
            return;
        }
    };
    let to_fail = proof.expected.to_fail(fault.id, &proof.cases);
    for case in proof.cases.iter().map(|case| case.id.as_str()) {
        let actual = not_passed.get(case);
        let verdict = actual.map_or(Verdict::Pass, |found| found.verdict);
        let expected = to_fail.contains(&case);
        if verdict == Verdict::Pass && !expected {
            continue;
        }
        let as_expected = if expected && verdict != Verdict::Fail { " (recorded: fail)" } else { "" };
        let about = match actual {
            Some(found) if verdict == Verdict::Fail => format!(" for {}", one_line(&found.rules.join(", "))),
            Some(found) => format!(": {}", one_line(&found.reason)),
            None => String::new(),
        };
        let _ = writeln!(text, "    {:<13} {}{about}{as_expected}", verdict.as_str(), one_line(case));
    }
}

fn suites(proof: &Proof) -> Vec<&str> {
    let mut suites: Vec<&str> = proof.cases.iter().map(|case| case.suite.as_str()).collect();
    suites.dedup();
    suites
}

fn cell(proof: &Proof, run: &FaultRun, suite: &str) -> String {
    let Outcome::Ran(not_passed) = &run.outcome else { return format!(" {:>COLUMN$}", "-") };
    let of_suite = proof.cases.iter().filter(|case| case.suite == suite).filter_map(|case| not_passed.get(&case.id));
    let verdicts: Vec<Verdict> = of_suite.map(|case| case.verdict).collect();
    let failed = verdicts.iter().filter(|verdict| **verdict == Verdict::Fail).count();
    let shown = match failed {
        0 if verdicts.is_empty() => "·".to_owned(),
        0 => "-".to_owned(),
        failed => failed.to_string(),
    };
    format!(" {shown:>COLUMN$}")
}

fn outcome(proof: &Proof, fault: &Fault, run: &FaultRun, problems: &[Problem]) -> String {
    let accused = problems.iter().any(|p| matches!(p, Problem::InnocentAccused { fault: id, .. } if *id == fault.id));
    match &run.outcome {
        _ if proof.fate(fault, run) == Fate::Survived => "SURVIVES".to_owned(),
        _ if accused => "ACCUSES INNOCENT RULES".to_owned(),
        Outcome::Stopped(why) => format!("run stopped: {}", one_line(why)),
        Outcome::Ran(_) if run.failed().next().is_none() => "cannot be tested".to_owned(),
        Outcome::Ran(_) => "caught".to_owned(),
    }
}

/// The whole proof as JSON.
#[must_use]
pub fn proof_as_json(proof: &Proof, problems: &[Problem]) -> String {
    let runs = |runs: &[FaultRun]| runs.iter().map(|run| run_as_json(proof, run)).collect::<Vec<_>>();
    let document = json!({
        "ssecheck": env!("CARGO_PKG_VERSION"),
        "cases": proof.cases.iter().map(|case| &case.id).collect::<Vec<_>>(),
        "seconds": proof.elapsed.as_secs_f64(),
        "proven": problems.is_empty(),
        "problems": problems.iter().map(|p| json!({"kind": p.kind(), "text": p.to_string()})).collect::<Vec<_>>(),
        "without_fault": runs(&proof.honest),
        "faults": runs(&proof.runs),
    });
    safe_json(&format!("{document:#}\n"))
}

fn run_as_json(proof: &Proof, run: &FaultRun) -> Value {
    let mut value = json!({"profile": run.profile, "seconds": run.elapsed.as_secs_f64()});
    if let Some(fault) = run.fault {
        value["fault"] = json!({"id": fault.id, "summary": fault.summary, "breaks": fault.breaks, "seen": fault.seen, "profile": fault.profile});
        if run.own_fault().is_some() {
            value["expected_to_fail"] = json!(proof.expected.to_fail(fault.id, &proof.cases));
        }
    }
    match &run.outcome {
        Outcome::Stopped(why) => value["stopped"] = json!(why),
        Outcome::Ran(cases) => {
            let mut by_verdict: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
            for (id, case) in cases {
                let entry = json!({"case": id, "rules": case.rules, "reason": case.reason});
                by_verdict.entry(case.verdict.as_str()).or_default().push(entry);
            }
            value["not_passed"] = json!(by_verdict);
        }
    }
    value
}
