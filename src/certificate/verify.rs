//! Verifies certificates: of what key it is, whether it agrees with itself, with the record of the run, and with what this
//! ssecheck has built in. Pure: over the bytes of files.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::built_in::BuiltIn;
use super::envelope::{self, EnvelopeError};
use super::key::PublicKey;
use super::statement::{
    FORMAT, FORMER_NOT_PASSED, Facts, NOT_PASSED, PREDICATE_TYPE, Predicate, STATEMENT_TYPE, Statement, TestResult,
    beside_suites, with_predicate,
};
use crate::record::RunRecord;
use crate::suite::model::Certification;
use crate::verdict::Verdict;

/// The most characters of a value that are told where it differs.
const MAX_SHOWN: usize = 120;

/// What a key signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// The id of the key.
    pub key: String,
    /// The reports that it names by name and SHA-256 (hexadecimal), the record of the run first.
    pub reports: Vec<(String, String)>,
    /// What it says of the run.
    pub predicate: Predicate,
    statement: Statement,
}

/// A file is refused: nothing that it says is known to be said by anybody, or by ssecheck.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is not signed as it must be.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// What is signed is no statement.
    #[error("what is signed is no in-toto statement: {0}")]
    NoStatement(serde_json::Error),
    /// The statement is of another type.
    #[error("what is signed is a statement of the type `{found}`, and not `{expected}`; it is by another tool")]
    StatementType {
        /// Its type, or that of its predicate.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// It is of another format.
    #[error("it is of the format `{found}`, and this ssecheck reads `{FORMAT}`; use the version that made it")]
    Format {
        /// Its format.
        found: String,
    },
    /// It lacks a member, or has one that is not known.
    #[error("what is signed is not a test result as ssecheck writes it: {0}")]
    NoTestResult(serde_json::Error),
    /// It holds the members of such a statement, and more or otherwise written.
    #[error("what is signed is not byte for byte as ssecheck writes it; it is by another tool")]
    Rewritten,
}

impl Certificate {
    /// The statement that was signed.
    #[must_use]
    pub fn statement(&self) -> &Statement {
        &self.statement
    }
}

/// The certificate that a file holds and the key signed.
///
/// # Errors
/// [`Refusal`].
pub fn open(file: &[u8], key: &PublicKey) -> Result<Certificate, Refusal> {
    let payload = envelope::open(file, key)?;
    let statement: Statement = serde_json::from_slice(&payload).map_err(Refusal::NoStatement)?;
    for (found, expected) in [(&statement.statement_type, STATEMENT_TYPE), (&statement.predicate_type, PREDICATE_TYPE)]
    {
        if found != expected {
            return Err(Refusal::StatementType { found: found.clone(), expected });
        }
    }
    if let Some(found) = statement.predicate.pointer("/ssecheck/format").and_then(Value::as_str)
        && found != FORMAT
    {
        return Err(Refusal::Format { found: found.to_owned() });
    }
    let predicate = Predicate::deserialize(&statement.predicate).map_err(Refusal::NoTestResult)?;
    let mut reports = Vec::new();
    for subject in &statement.subject {
        reports.push((subject.name.clone(), subject.sha256().ok_or(Refusal::Rewritten)?.clone()));
    }
    let written = serde_json::to_vec(&with_predicate(statement.subject.clone(), &predicate));
    if written.map_err(Refusal::NoStatement)? != payload {
        return Err(Refusal::Rewritten);
    }
    Ok(Certificate { key: key.id(), reports, predicate, statement })
}

/// What was found in a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// What it was made with that is not what this ssecheck has built in; empty where all is.
    pub others: Vec<String>,
    /// Whether the record of the run was given, and compared.
    pub record: bool,
    /// Where it contradicts itself, the record, or what a complete run is.
    pub problems: Vec<String>,
}

impl Examination {
    /// What stands in the way of its being a full certificate, of this level or of any; empty where it is one.
    #[must_use]
    pub fn shortfalls(&self, certificate: &Certificate, level: Option<Certification>, any_suites: bool) -> Vec<String> {
        let predicate = &certificate.predicate;
        let mut shortfalls = Vec::new();
        if !self.problems.is_empty() {
            shortfalls.push("it does not agree with itself, with the record or with what is built in".to_owned());
        }
        if !self.others.is_empty() && !any_suites {
            let (others, made, this) = (self.others.join(", "), &predicate.ssecheck.version, env!("CARGO_PKG_VERSION"));
            shortfalls.push(format!(
                "it was made with other {others}, by ssecheck {made}, and this is ssecheck {this}; verify it with the \
                 version that made it, or accept that with --any-suites"
            ));
        }
        if predicate.ssecheck.is_limited() {
            shortfalls.push("the run is limited".to_owned());
        }
        if predicate.result == TestResult::Failed {
            shortfalls.push("its result is FAILED".to_owned());
        }
        let level = level.unwrap_or_default();
        if predicate.ssecheck.attained < Some(level) {
            shortfalls.push(format!("the level {} is not attested", level.as_str()));
        }
        shortfalls
    }
}

/// Examines a certificate: by itself, against what is built in, and where there is one against the file of the record.
#[must_use]
pub fn examine(certificate: &Certificate, built_in: &BuiltIn, record: Option<(&[u8], &RunRecord)>) -> Examination {
    let Certificate { predicate, .. } = certificate;
    let mut problems = contradictions(certificate);
    let others = others(&predicate.ssecheck, built_in);
    problems.extend(not_complete(predicate, built_in, &others));
    if let Some((bytes, run)) = record {
        problems.extend(differences(certificate, bytes, run));
    }
    Examination { others, record: record.is_some(), problems }
}

/// Where it contradicts itself.
fn contradictions(certificate: &Certificate) -> Vec<String> {
    let Certificate { reports, predicate, .. } = certificate;
    let facts = &predicate.ssecheck;
    let mut problems = Vec::new();
    let mut must = |holds: bool, problem: &str| {
        if !holds {
            problems.push(problem.to_owned());
        }
    };
    let names: BTreeSet<&str> = reports.iter().map(|(name, _)| name.as_str()).collect();
    let are_named = reports.iter().all(|(name, _)| !name.is_empty());
    must(!reports.is_empty() && are_named, "it does not name the record of the run with its SHA-256");
    must(names.len() == reports.len(), "it names two reports alike");

    let count = |verdict| facts.counts.get(&verdict).copied().unwrap_or(0);
    let cases = listed(predicate).count();
    must(listed(predicate).collect::<BTreeSet<_>>().len() == cases, "it lists a case twice");
    must(facts.cases() == cases, "its counts are not those of the cases that it lists");
    must(count(Verdict::Pass) == predicate.passed_tests.len(), "it counts other passes than it lists");
    let left_out = [Verdict::NotSupported, Verdict::Skipped, Verdict::Observed].map(count);
    let left_out = left_out.into_iter().fold(0_usize, usize::saturating_add);
    must(facts.other_tests.len() <= left_out, "it lists more cases as left out than it counts");

    let excuses = count(Verdict::ExpectedFailure) > 0 || count(Verdict::UnexpectedPass) > 0;
    let limiting = facts.embedded || facts.baseline.is_some() || facts.profile.file.is_some() || excuses;
    must(!limiting || facts.is_limited(), "it says of no limit, and has some by what else it says");
    must(facts.complete || !facts.limits.is_empty(), "it is not of all built-in cases, and does not say why");
    must(facts.attained.is_none() || !facts.is_limited(), "it attests a level although it has limits");
    let levels: Vec<Certification> = facts.levels.iter().map(|level| level.level).collect();
    must(levels == Certification::ALL, "it does not tell of each level once");
    let reasons = facts.levels.iter().all(|it| {
        let why_not: Vec<String> = it.why_not.iter().map(|why| in_present_words(why)).collect();
        why_not == facts.why_not(it.passed, it.not_passed, &it.missing)
    });
    must(reasons, "why a level is not attested does not follow from its numbers");
    let growing =
        facts.levels.windows(2).all(|it| it[0].passed <= it[1].passed && it[0].not_passed <= it[1].not_passed);
    let bounded = facts.levels.iter().all(|level| level.passed <= predicate.passed_tests.len());
    must(growing && bounded, "the numbers of its levels are not those of the cases that it lists");
    must(
        facts.attained == facts.highest(),
        "the level that it attests does not follow from what it says of the levels",
    );
    must(predicate.result == predicate.result_of_lists(), "its result does not follow from what else it says");
    must(facts.claims == facts.rests_on_word(), "what it says to rest on the tester's word is not what does");
    must(predicate.configuration.ends_with(&beside_suites(facts)), "its configuration is not what else it says");
    problems
}

/// What it was made with that is not built into this ssecheck.
fn others(facts: &Facts, built_in: &BuiltIn) -> Vec<String> {
    let profile = built_in.profile.as_ref().map(|profile| &profile.digest);
    let is_other = [
        ("suites", facts.suites_digest != built_in.suites_digest),
        ("rules", facts.rules_digest != built_in.rules_digest),
        ("profile", Some(&facts.profile.digest) != profile),
    ];
    is_other.into_iter().filter(|(_, other)| *other).map(|(what, _)| what.to_owned()).collect()
}

/// Where it is said to be of all built-in cases, or to have no limits, and is not by what is built in.
fn not_complete(predicate: &Predicate, built_in: &BuiltIn, others: &[String]) -> Vec<String> {
    let facts = &predicate.ssecheck;
    let Some(profile) = built_in.profile.as_ref().filter(|_| others.is_empty()) else { return Vec::new() };
    let mut problems = Vec::new();
    if profile.departs && !facts.is_limited() {
        problems.push("it says of no limit, and its profile declares departures".to_owned());
    }
    if facts.complete {
        let suites = &predicate.configuration[..predicate.configuration.len().saturating_sub(3)];
        if listed(predicate).collect::<BTreeSet<_>>() != profile.cases.iter().collect() || suites != profile.suites {
            problems.push("it says to be of all built-in cases, and lists others".to_owned());
        }
    }
    problems
}

/// Where it differs from the record of the run, and the record from itself.
fn differences(certificate: &Certificate, bytes: &[u8], run: &RunRecord) -> Vec<String> {
    let mut problems = Vec::new();
    let (name, attested) = certificate.reports.first().cloned().unwrap_or_default();
    let digest = hex::encode(Sha256::digest(bytes));
    if digest != attested {
        problems.push(format!("the record is not the one attested: {name} has SHA-256 {attested}, and this {digest}"));
    }
    if run.interrupted {
        problems.push("the record is of a run that was interrupted".to_owned());
    }
    if run.counts != run.counted().collect::<BTreeMap<_, _>>() {
        problems.push("the record's counts are not those of its cases".to_owned());
    }
    let said = if run.complete { run.attainments() } else { Vec::new() };
    if run.certification != said {
        problems.push("what the record says of levels does not follow from its cases".to_owned());
    }
    let recomputed = serde_json::json!(Predicate::of(run, certificate.predicate.ssecheck.asked));
    let mut attested = certificate.statement.predicate.clone();
    let levels = attested.pointer_mut("/ssecheck/levels").and_then(Value::as_array_mut);
    let reasons = levels.into_iter().flatten().filter_map(|level| level.get_mut("whyNot")?.as_array_mut());
    for reason in reasons.flatten() {
        if let Value::String(text) = reason {
            *text = in_present_words(text);
        }
    }
    compare("", &attested, &recomputed, &mut problems);
    problems
}

/// A reason why a level is not attested. Former versions said less precisely which cases are in its way.
fn in_present_words(why: &str) -> String {
    why.replacen(FORMER_NOT_PASSED, NOT_PASSED, 1)
}

/// Tells the members that differ.
fn compare(at: &str, certificate: &Value, record: &Value, told: &mut Vec<String>) {
    match (certificate, record) {
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                let value = |of: &serde_json::Map<String, Value>| of.get(name).cloned().unwrap_or_default();
                compare(&at, &value(one), &value(other), told);
            }
        }
        (Value::Array(one), Value::Array(other)) if one != other => {
            let only = |these: &[Value], those: &[Value]| these.iter().find(|it| !those.contains(it)).map(shown);
            let missing =
                |told: &str, only: Option<String>| only.map(|it| format!("; only {told}: {it}")).unwrap_or_default();
            let (here, there) = (missing("here", only(one, other)), missing("there", only(other, one)));
            let (these, those) = (one.len(), other.len());
            told.push(format!("`{at}` has {these} entries, and {those} by the record{here}{there}"));
        }
        (one, other) if one != other => {
            told.push(format!("`{at}` is {}, and {} by the record", shown(one), shown(other)));
        }
        _ => {}
    }
}

/// A value in few words.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text,
    }
}

/// The ids of the cases that it lists.
fn listed(predicate: &Predicate) -> impl Iterator<Item = &String> {
    let Predicate { passed_tests, warned_tests, failed_tests, ssecheck, .. } = predicate;
    [passed_tests, warned_tests, failed_tests, &ssecheck.other_tests].into_iter().flatten()
}
