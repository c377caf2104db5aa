//! Examines certificates: whether one agrees with itself, with the clock, with what this ssecheck has built in, with the record of the run
//! and with its evidence. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use url::Url;

use super::facts::{Facts, LevelReached};
use super::open::Certificate;
use super::recompute::{self, Recomputed};
use super::releases::{FORMER_UNTIL, released};
use super::statement::{Predicate, Terms, beside_suites};
use crate::record::{self, BuiltIn, RunRecord};
use crate::suite::model::Certification;
use crate::verdict::{NOT_PASSED, Verdict};

/// What [`NOT_PASSED`] was in the first certificates of the former format.
const FORMER_NOT_PASSED: &str = "required cases that did not pass";
/// The most characters of a value that are told where it differs.
const MAX_SHOWN: usize = 120;
/// The most by which clocks may differ.
const MOST_SKEW: Duration = Duration::minutes(5);
/// The longest that a certificate may be valid.
pub const MOST_VALID: Duration = Duration::days(3653);
/// For how long a certificate of the former format is valid, which does not say so.
const FORMER_VALID: Duration = Duration::days(365);

/// The result of examining a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// What it was made with that is not what this ssecheck has built in; empty where all is.
    pub others: Vec<String>,
    /// Whether the record of the run was given, and compared.
    pub record: bool,
    /// Whether the evidence was given, judged again and compared.
    pub evidence: bool,
    /// Ids of the built-in cases that it does not list; empty where it was made with other suites.
    pub unlisted: Vec<String>,
    /// Where it contradicts itself, the record, the evidence, or what a complete run is.
    pub problems: Vec<String>,
}

/// Evidence that was read and checked.
#[derive(Debug, Clone, Copy)]
pub struct CheckedEvidence<'a> {
    /// SHA-256 of its manifest, in hexadecimal.
    pub sha256: &'a str,
    /// Whether every exchange of the run is in it.
    pub is_complete: bool,
    /// The run as it is judged by the evidence.
    pub judged: &'a RunRecord,
}

/// What a certificate is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    /// The suites, rules and profile built in.
    pub built_in: &'a BuiltIn,
    /// The file of the run's record, and what it holds.
    pub record: Option<(&'a [u8], &'a RunRecord)>,
    /// The evidence of the run.
    pub evidence: Option<CheckedEvidence<'a>>,
    /// The time.
    pub now: OffsetDateTime,
}

/// Examines a certificate.
#[must_use]
pub fn examine(certificate: &Certificate, with: &Compared<'_>) -> Examination {
    let (predicate, facts) = (&certificate.predicate, &certificate.predicate.ssecheck);
    let mut problems = contradictions(certificate);
    problems.extend(impossible_times(facts, with.now));
    let others = others(facts, with.built_in);
    if facts.is_former() && !others.contains(&"suites".to_owned()) {
        // Else whoever does not want to tell whom the run reached could choose the format that does not ask.
        problems.push("its format is older than the suites that it was made with".to_owned());
    }
    let Recomputed { problems: of_suites, unlisted } =
        recompute::compare(predicate, with.built_in.profile.as_ref().filter(|_| others.is_empty()));
    problems.extend(of_suites);
    if let Some((bytes, run)) = with.record {
        problems.extend(differences(certificate, bytes, run));
        let contradictions = record::contradictions(run, with.built_in);
        problems.extend(contradictions.into_iter().map(|it| format!("the record contradicts itself: {it}")));
    }
    if let Some(evidence) = &with.evidence {
        problems.extend(of_evidence(predicate, evidence, others.is_empty()));
    }
    Examination { others, record: with.record.is_some(), evidence: with.evidence.is_some(), unlisted, problems }
}

/// Names where it contradicts itself.
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

    must(
        facts.limiting().causes().is_empty() || facts.is_limited(),
        "it says of no limit, and has some by what else it says",
    );
    let was_limiting = facts.is_former() && facts.embedded;
    must(!was_limiting || facts.is_limited(), "it says of no limit, and is of the embedded reference endpoint");
    must(
        is_made_as_certify_makes_it(facts),
        "it does not say how the run was made and whom it reached, as `certify` does",
    );
    must(facts.complete || !facts.limits.is_empty(), "it is not of all built-in cases, and does not say why");
    must(facts.attained.is_none() || !facts.is_limited(), "it attests a level although it has limits");
    let levels: Vec<Certification> = facts.levels.iter().map(|level| level.level).collect();
    must(levels == Certification::ALL, "it does not tell of each level once");
    let said = facts.levels.iter().map(|it| it.why_not.iter().map(|why| in_present_words(why)).collect::<Vec<_>>());
    let follows = said.eq(LevelReached::reasons(&facts.levels, facts.is_limited()));
    must(follows, "why a level is not attested does not follow from its numbers");
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

/// Whether endpoint, settings and peers are such as a run has them.
fn is_made_as_certify_makes_it(facts: &Facts) -> bool {
    let Some(circumstances) = &facts.circumstances else { return facts.is_former() };
    let is_https = Url::parse(&facts.endpoint).is_ok_and(|url| url.scheme() == "https" && url.has_host());
    let insecure = circumstances.settings.get("insecure").map(String::as_str);
    let has_passed = facts.counts.contains_key(&Verdict::Pass);
    is_https && matches!(insecure, Some("true" | "false")) && (!has_passed || !circumstances.peers.tls.is_empty())
}

/// When the certificate ends; `None` where its times are none.
#[must_use]
pub fn expiry(facts: &Facts) -> Option<OffsetDateTime> {
    match &facts.expires {
        Some(expires) => point(expires),
        None => point(&facts.started).and_then(|started| started.checked_add(FORMER_VALID)),
    }
}

/// When the run started; `None` where that is no time.
#[must_use]
pub fn started(facts: &Facts) -> Option<OffsetDateTime> {
    point(&facts.started)
}

fn point(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// Names times that cannot be, and a version that there is not.
fn impossible_times(facts: &Facts, now: OffsetDateTime) -> Vec<String> {
    let mut problems = Vec::new();
    let Some(began) = started(facts) else { return vec!["it does not say when the run started".to_owned()] };
    let began_at = &facts.started;
    let is_to_come = |time: OffsetDateTime| time > now.checked_add(MOST_SKEW).unwrap_or(now);
    let ended = facts.ended.as_deref().and_then(point);
    if is_to_come(began) || ended.is_some_and(is_to_come) {
        problems.push(format!("it is of a run that started {began_at}, and that or its end is yet to come"));
    }
    match released(&facts.version) {
        None => problems.push(format!(
            "it says to be made by ssecheck {}, and this ssecheck {} knows of no such version",
            facts.version,
            env!("CARGO_PKG_VERSION")
        )),
        Some(day) if began.to_offset(time::UtcOffset::UTC).date() < day => {
            problems
                .push(format!("it is of a run that started {began_at}, before there was ssecheck {}", facts.version));
        }
        Some(_) => {}
    }
    if facts.is_former() && began.to_offset(time::UtcOffset::UTC).date() >= FORMER_UNTIL {
        problems.push(format!("its format was replaced before {began_at}, when its run started"));
    }
    if facts.ended.is_some() && !ended.is_some_and(|ended| record::times_agree(began, ended, facts.seconds)) {
        problems.push("its start, end and duration contradict each other".to_owned());
    }
    let latest = began.checked_add(MOST_VALID);
    let is_bounded = |expires: OffsetDateTime| expires > began && latest.is_none_or(|latest| expires <= latest);
    if !expiry(facts).is_some_and(is_bounded) {
        problems.push("it does not end after its run, or later than a certificate may".to_owned());
    }
    problems
}

/// Names what it was made with that is not built into this ssecheck.
fn others(facts: &Facts, built_in: &BuiltIn) -> Vec<String> {
    let profile = built_in.profile.as_ref().map(|profile| &profile.digest);
    let is_other = [
        ("suites", facts.suites_digest != built_in.suites_digest),
        ("rules", facts.rules_digest != built_in.rules_digest),
        ("profile", Some(&facts.profile.digest) != profile),
    ];
    is_other.into_iter().filter(|(_, other)| *other).map(|(what, _)| what.to_owned()).collect()
}

/// Names where it differs from the record of the run.
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
    let facts = &certificate.predicate.ssecheck;
    let evidence = facts.evidence.as_ref().map(|kept| &kept.sha256);
    if !facts.is_former() && evidence != run.evidence_digest.as_ref() {
        problems.push("the record names other evidence".to_owned());
    }
    let recomputed = json!(Predicate::of(run, &Terms::of(facts)));
    let mut attested = certificate.statement().predicate.clone();
    let levels = attested.pointer_mut("/ssecheck/levels").and_then(Value::as_array_mut);
    let reasons = levels.into_iter().flatten().filter_map(|level| level.get_mut("whyNot")?.as_array_mut());
    for reason in reasons.flatten() {
        if let Value::String(text) = reason {
            *text = in_present_words(text);
        }
    }
    compare("", &attested, &recomputed, "the record", &mut problems);
    problems
}

/// Names where it differs from the evidence. `is_comparable` says whether the evidence was judged by the suites that it was made with.
fn of_evidence(predicate: &Predicate, evidence: &CheckedEvidence<'_>, is_comparable: bool) -> Vec<String> {
    let facts = &predicate.ssecheck;
    let mut problems = Vec::new();
    match &facts.evidence {
        None => problems.push("it is on no evidence".to_owned()),
        Some(kept) if kept.sha256 != evidence.sha256 => problems.push(format!(
            "the evidence is not the one attested: its manifest has SHA-256 {}, and this {}",
            kept.sha256, evidence.sha256
        )),
        Some(kept) if kept.is_complete && !evidence.is_complete => {
            problems.push("it says that the evidence is complete, and it is not".to_owned());
        }
        Some(_) => {}
    }
    let is_whole = is_comparable && facts.complete && facts.baseline.is_none();
    if is_whole {
        // All that follows from the evidence follows from it in the same way.
        let judged = json!(Predicate::of(evidence.judged, &Terms::of(facts)));
        compare("", &json!(predicate), &judged, "the evidence", &mut problems);
    } else {
        problems.extend(of_manifest(facts, evidence.judged));
    }
    if !is_comparable {
        let with = "the evidence cannot be judged by the suites, rules and profile that it was made with";
        problems.push(format!("{with}: use ssecheck {}", facts.version));
        return problems;
    }
    let passed = predicate.passed_tests.iter().map(|id| (id.as_str(), Verdict::Pass));
    let unpassed = facts.unpassed.iter().flatten().map(|case| (case.case.as_str(), case.found));
    let attested: BTreeMap<&str, Verdict> = passed.chain(unpassed).collect();
    let judged: BTreeMap<&str, Verdict> =
        evidence.judged.cases.iter().map(|case| (case.id.as_str(), case.found)).collect();
    for (id, verdict) in &attested {
        match judged.get(id) {
            Some(judged) if judged == verdict => {}
            Some(judged) => {
                let (verdict, judged) = (verdict.as_str(), judged.as_str());
                problems.push(format!("the evidence shows another verdict on {id}: {judged}, and it says {verdict}"));
            }
            None => problems.push(format!("the evidence has nothing of {id}")),
        }
    }
    problems
}

/// Names what it says of the run as a whole, and the manifest of the evidence says otherwise.
fn of_manifest(facts: &Facts, judged: &RunRecord) -> Vec<String> {
    let pairs = [
        ("run", json!(facts.run), json!(judged.run)),
        ("started", json!(facts.started), json!(judged.started)),
        ("ended", json!(facts.ended), json!(judged.ended)),
        ("endpoint", json!(facts.endpoint), json!(judged.endpoint)),
        ("plainEndpoint", json!(facts.plain_endpoint), json!(judged.plain_endpoint)),
        ("embedded", json!(facts.embedded), json!(judged.embedded)),
        ("server", json!(facts.server), json!(judged.server)),
        ("label", json!(facts.label), json!(judged.label)),
        ("bucket", json!(facts.bucket), json!(judged.bucket)),
        ("circumstances", json!(facts.circumstances), json!(judged.circumstances)),
    ];
    let differs = |(name, its, other): (&str, Value, Value)| {
        let told = || format!("the evidence has another `{name}`: {}, and it says {}", shown(&other), shown(&its));
        (its != other).then(told)
    };
    let untold = judged.limits.iter().filter(|limit| !facts.limits.contains(limit));
    let untold = untold.map(|limit| format!("the evidence has a limit that it does not tell: {limit}"));
    pairs.into_iter().filter_map(differs).chain(untold).collect()
}

/// A reason why a level is not attested. The first certificates of the former format said less precisely which cases are in its way.
fn in_present_words(why: &str) -> String {
    why.replacen(FORMER_NOT_PASSED, NOT_PASSED, 1)
}

/// Tells the members that differ.
fn compare(at: &str, certificate: &Value, other: &Value, by: &str, told: &mut Vec<String>) {
    match (certificate, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for name in names {
                let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                let value = |of: &serde_json::Map<String, Value>| of.get(name).cloned().unwrap_or_default();
                compare(&at, &value(one), &value(other), by, told);
            }
        }
        (Value::Array(one), Value::Array(other)) if one != other => {
            let only = |these: &[Value], those: &[Value]| {
                // There may be very many, in another order.
                let those: BTreeSet<String> = those.iter().map(Value::to_string).collect();
                these.iter().find(|it| !those.contains(&it.to_string())).map(shown)
            };
            let missing =
                |told: &str, only: Option<String>| only.map(|it| format!("; only {told}: {it}")).unwrap_or_default();
            let (here, there) = (missing("here", only(one, other)), missing("there", only(other, one)));
            let (these, those) = (one.len(), other.len());
            told.push(format!("`{at}` has {these} entries, and {those} by {by}{here}{there}"));
        }
        (one, other) if one != other => {
            told.push(format!("`{at}` is {}, and {} by {by}", shown(one), shown(other)));
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
pub(super) fn listed(predicate: &Predicate) -> impl Iterator<Item = &String> {
    let Predicate { passed_tests, warned_tests, failed_tests, ssecheck, .. } = predicate;
    [passed_tests, warned_tests, failed_tests, &ssecheck.other_tests].into_iter().flatten()
}
