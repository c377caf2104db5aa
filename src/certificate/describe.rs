//! What a certificate says and what it does not, as people and programs read it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::examine::{Examination, listed};
use super::facts::{Facts, UnpassedCase};
use super::open::Certificate;
use super::statement::Predicate;
use crate::report::one_line;
use crate::rules::Harm;
use crate::verdict::Verdict;

/// What no certificate can show, each in one sentence. README says the same.
pub const CANNOT_SHOW: [&str; 5] = [
    "A server that behaves for the test, because it recognises ssecheck, is not found out.",
    "Whoever holds the key can sign anything, and whoever controls the endpoint's name, its TLS certificate or the machine of the test can \
     have another server tested in its place.",
    "Evidence shows what the tester's machine wrote down; it cannot be altered in part without being noticed, and can be made up as a whole.",
    "What was not asked is not shown: combinations that no case sends, load, time, the strength of the encryption, and what becomes of keys \
     inside the server.",
    "It describes one run only, at the stated time and with the stated settings.",
];

/// The most cases that are listed under one heading of the text; programs get all of them.
const MOST_LISTED: usize = 50;
/// The most settings, servers and addresses that are shown of many.
const MOST_SHOWN: usize = 40;

/// What a certificate does not attest, each as half a sentence that begins with "that".
#[must_use]
pub fn not_attested(certificate: &Certificate, examination: &Examination) -> Vec<String> {
    let facts = &certificate.predicate.ssecheck;
    let passed = certificate.predicate.passed_tests.len();
    let mut told = vec![format!(
        "that anything holds beyond the {passed} cases that passed, as profile {} judges them",
        facts.profile.id
    )];
    let word = facts.claims.iter().map(|claim| format!("{claim}: that is the tester's word alone"));
    told.extend(word);
    if facts.is_former() {
        let what = "whom the run reached, why cases did not pass, how the run was made, and when it ends";
        told.push(format!("{what}: certificates of its format (`{}`) do not say so", facts.format));
    }
    if !examination.record {
        let record = certificate.reports.first().map_or("", |(name, _)| name);
        told.push(format!(
            "that the record of the run ({record}) says the same: it was not compared (--run FILE does)"
        ));
    }
    match &facts.evidence {
        _ if examination.evidence => {}
        Some(_) => {
            told.push("that the evidence shows the same: it was not judged again (--evidence DIR does)".to_owned())
        }
        None => told.push("that any response was as it says: no evidence was kept".to_owned()),
    }
    told
}

/// The certificate as text of several lines: first what did not pass, then what was tested, then what it is worth.
#[must_use]
pub fn as_text(certificate: &Certificate, examination: &Examination, shortfalls: &[String]) -> String {
    let facts = &certificate.predicate.ssecheck;
    let mut text = format!(
        "Key {} signed it, and nothing was changed since. What it is worth stands at the end.\n",
        certificate.key
    );
    for (title, cases) in unpassed(certificate, examination) {
        list(&mut text, &title, &cases);
    }
    text.push('\n');
    let mut line = |name: &str, told: &str| {
        let _ = writeln!(text, "{name:<10} {}", one_line(told));
    };
    line("tested", &tested(facts));
    line("endpoint", &format!("{}; plain HTTP: {}", facts.endpoint, facts.plain_endpoint));
    reached(facts, &mut line);
    line("run", &run(facts));
    line("valid", &validity(facts));
    line("with", &with(facts, examination));
    made(facts, &mut line);
    line("cases", &counts(facts));
    line("passed", &by_suite(&certificate.predicate));
    if let Some(harms) = harms(facts) {
        line("harm", &format!("{harms}, by the worst rule that each failing case breaks"));
    }
    line("result", certificate.predicate.result.as_str());
    line(
        "level",
        &format!("{} (requested: {})", facts.attained.map_or("none", |it| it.as_str()), facts.asked.as_str()),
    );
    for level in &facts.levels {
        let why = level.why_not.join("; ");
        let attested = if why.is_empty() { "attested".to_owned() } else { format!("not attested: {why}") };
        line("", &format!("{}: {} required cases passed; {attested}", level.level.as_str(), level.passed));
    }
    for (index, limit) in facts.limits.iter().enumerate() {
        line(if index == 0 { "limits" } else { "" }, limit);
    }
    for (index, (name, sha256)) in certificate.reports.iter().enumerate() {
        line(["record", "report"][index.min(1)], &format!("{name}, SHA-256 {sha256}"));
    }
    let agrees = if examination.problems.is_empty() { "and agrees" } else { "see what does not agree" };
    line("", &if examination.record { format!("it was compared, {agrees}") } else { "it was not compared".to_owned() });
    line("evidence", &evidence(facts, examination));
    list(&mut text, "Does not agree", &examination.problems);
    list(&mut text, "Not attested", &not_attested(certificate, examination));
    list(&mut text, "What no certificate shows", &CANNOT_SHOW.map(str::to_owned));
    let level = facts.attained.map_or("none", |level| level.as_str());
    if shortfalls.is_empty() {
        let of = if facts.is_of_the_reference() { " of ssecheck's own reference endpoint" } else { "" };
        let by = if examination.others.is_empty() {
            ""
        } else {
            ", by suites, rules or a profile that this ssecheck does not know"
        };
        let _ = writeln!(text, "\nIt is a full certificate{of}: level {level}{by}.");
    } else {
        list(&mut text, "It is no full certificate", shortfalls);
    }
    text.truncate(text.trim_end().len());
    text
}

fn list(text: &mut String, title: &str, entries: &[String]) {
    if !entries.is_empty() {
        let entries: Vec<String> = entries.iter().map(|entry| one_line(entry)).collect();
        let _ = writeln!(text, "\n{title}:\n  - {}", entries.join("\n  - "));
    }
}

/// The cases that did not pass, under headings, the worst first.
fn unpassed(certificate: &Certificate, examination: &Examination) -> Vec<(String, Vec<String>)> {
    let facts = &certificate.predicate.ssecheck;
    let groups = if facts.is_former() { former_groups(&certificate.predicate) } else { groups(&certificate.predicate) };
    let unlisted = ("Not mentioned, though the suites have them", "", examination.unlisted.clone());
    let titled = |(title, order, cases): (&str, &str, Vec<String>)| {
        let count = cases.len();
        let mut shown: Vec<String> = cases.into_iter().take(MOST_LISTED).collect();
        shown
            .extend((count > MOST_LISTED).then(|| format!("and {} more (--format json has all)", count - MOST_LISTED)));
        (format!("{title} ({count}{order})"), shown)
    };
    groups.into_iter().chain([unlisted]).filter(|(_, _, cases)| !cases.is_empty()).map(titled).collect()
}

/// The former format has no more than ids.
fn former_groups(predicate: &Predicate) -> Vec<(&'static str, &'static str, Vec<String>)> {
    vec![
        ("Required, and failed or without a verdict", "", predicate.failed_tests.clone()),
        ("Warned", "", predicate.warned_tests.clone()),
        ("Left out, not supported or observed", "", predicate.ssecheck.other_tests.clone()),
    ]
}

fn groups(predicate: &Predicate) -> Vec<(&'static str, &'static str, Vec<String>)> {
    let facts = &predicate.ssecheck;
    let all = facts.unpassed.as_deref().unwrap_or_default();
    let set = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<String>>();
    let (failed, warned) = (set(&predicate.failed_tests), set(&predicate.warned_tests));
    let of = |holds: &dyn Fn(&UnpassedCase) -> bool| {
        all.iter().filter(|case| holds(case)).map(in_words).collect::<Vec<String>>()
    };
    let is_open = |case: &UnpassedCase| case.verdict.is_open() || case.verdict == Verdict::Skipped;
    let is_of = |verdict: Verdict| of(&|case| case.verdict == verdict && !failed.contains(&case.case));
    let order = ", worst harm first";
    vec![
        ("Failed, and required", order, of(&|case| failed.contains(&case.case) && !is_open(case))),
        ("Without a verdict, and required", "", of(&|case| failed.contains(&case.case) && is_open(case))),
        ("Failed, and not required or as declared", order, of(&|case| warned.contains(&case.case) && !is_open(case))),
        ("Without a verdict, and not required", "", of(&|case| warned.contains(&case.case) && is_open(case))),
        ("Capabilities that the endpoint lacks, each with the cases that were not run for it", "", lacking(all)),
        ("Left out", "", is_of(Verdict::Skipped)),
        ("Observed, with no requirement", "", is_of(Verdict::Observed)),
    ]
}

/// The capabilities that are missing, each with the cases that need it.
fn lacking(all: &[UnpassedCase]) -> Vec<String> {
    let mut capabilities: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for case in all {
        if let Some(missing) = &case.missing {
            capabilities.entry((missing.level.as_str(), &missing.capability)).or_default().push(&case.case);
        }
    }
    let told = |((level, capability), cases): ((&str, &str), Vec<&str>)| {
        format!("{capability} (required by {level}), {}: {}", cases.len(), cases.join(", "))
    };
    capabilities.into_iter().map(told).collect()
}

fn in_words(case: &UnpassedCase) -> String {
    let harm = case.harm.map(|harm| format!(", harm {}", harm.as_str())).unwrap_or_default();
    let rules = if case.rules.is_empty() { String::new() } else { format!("; breaks {}{harm}", case.rules.join(", ")) };
    let (requirement, verdict) = (case.requirement.as_str(), case.verdict.as_str());
    format!("{} ({requirement}, {verdict}{rules}): {}", case.case, case.reason)
}

/// How many cases of each suite passed.
fn by_suite(predicate: &Predicate) -> String {
    let mut suites: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let suite = |id: &'_ str| id.split_once('/').map_or(0, |(suite, _)| suite.len());
    for id in listed(predicate) {
        suites.entry(&id[..suite(id)]).or_default().1 += 1;
    }
    for id in &predicate.passed_tests {
        suites.entry(&id[..suite(id)]).or_default().0 += 1;
    }
    let told = |(suite, (passed, all)): (&str, (usize, usize))| format!("{suite} {passed} of {all}");
    suites.into_iter().take(MOST_SHOWN).map(told).collect::<Vec<_>>().join(", ")
}

fn tested(facts: &Facts) -> String {
    let named = facts.label.as_ref().map(|label| format!("{label} (the tester's word)"));
    let sent = facts.server.as_ref().map(|server| format!("Server header: {server}"));
    let reference = match (facts.embedded, facts.is_of_the_reference()) {
        (true, _) => Some("the embedded reference endpoint, and no product"),
        (false, true) => Some("ssecheck's reference endpoint, and no product"),
        (false, false) => None,
    };
    let told: Vec<String> = named.into_iter().chain(sent).chain(reference.map(str::to_owned)).collect();
    if told.is_empty() { "what answers at the endpoint; nothing names it".to_owned() } else { told.join("; ") }
}

/// Whom the run reached, and by whose word that is the endpoint.
fn reached(facts: &Facts, line: &mut impl FnMut(&str, &str)) {
    let Some(circumstances) = &facts.circumstances else { return };
    let peers = &circumstances.peers;
    for (index, peer) in peers.tls.iter().take(MOST_SHOWN).enumerate() {
        let certificate = peer.certificate.as_deref().unwrap_or("none");
        let name = if index == 0 { "reached" } else { "" };
        line(name, &format!("{} by TLS, certificate SHA-256 {certificate}", peer.address));
    }
    if !peers.plain.is_empty() {
        line(
            "",
            &format!("{} without TLS", peers.plain.iter().take(MOST_SHOWN).cloned().collect::<Vec<_>>().join(", ")),
        );
    }
    if let Some(proxy) = circumstances.settings.get("proxy") {
        line("", &format!("through the proxy {proxy}: the addresses are the proxy's"));
    }
    let trusted = match circumstances.authorities.as_slice() {
        _ if facts.embedded => "the embedded endpoint's own authority".to_owned(),
        _ if circumstances.is_set("insecure") => "nobody: the certificate was not verified".to_owned(),
        [] => "the authorities of the tester's system".to_owned(),
        files => {
            let file = |file: &crate::record::AuthorityRecord| {
                let sha256 = file.sha256.as_deref().unwrap_or("not known");
                format!("{} ({}, SHA-256 {sha256})", file.file, file.named_by)
            };
            format!("authorities that the tester chose: {}", files.iter().map(file).collect::<Vec<_>>().join(", "))
        }
    };
    line("trusted by", &trusted);
    if peers.servers.len() > 1 {
        let servers = peers.servers.iter().take(MOST_SHOWN).cloned().collect::<Vec<_>>().join(" | ");
        line("servers", &servers);
    }
}

fn run(facts: &Facts) -> String {
    let ended = facts.ended.as_ref().map(|ended| format!(", ended {ended}")).unwrap_or_default();
    format!("{}, started {}{ended} by the tester's clock, took {:.1} s", facts.run, facts.started, facts.seconds)
}

fn validity(facts: &Facts) -> String {
    match &facts.expires {
        Some(expires) => format!("until {expires}"),
        None => "for 365 days after the run".to_owned(),
    }
}

fn with(facts: &Facts, examination: &Examination) -> String {
    let compared = if examination.others.is_empty() {
        "suites, rules and profile are those of this ssecheck".to_owned()
    } else {
        format!("not those of this ssecheck ({}): {}", env!("CARGO_PKG_VERSION"), examination.others.join(", "))
    };
    format!("ssecheck {}, profile {}; {compared}", facts.version, facts.profile.id)
}

/// By which program, with which settings, and what was sent again.
fn made(facts: &Facts, line: &mut impl FnMut(&str, &str)) {
    let Some(circumstances) = &facts.circumstances else { return };
    line("program", &format!("SHA-256 {}", circumstances.program.as_deref().unwrap_or("not known")));
    let settings = circumstances.settings.iter().take(MOST_SHOWN);
    let settings: Vec<String> = settings.map(|(name, value)| format!("{name}={value}")).collect();
    line("settings", &settings.join(", "));
    let again = circumstances.sent_again.iter().map(|(why, times)| format!("{times} {}", why.as_str()));
    let again = again.collect::<Vec<_>>().join(", ");
    line("sent again", if again.is_empty() { "nothing" } else { &again });
}

fn counts(facts: &Facts) -> String {
    let count = |verdict: Verdict| facts.counts.get(&verdict).map(|count| format!("{count} {}", verdict.as_str()));
    let counts: Vec<String> = Verdict::ALL.into_iter().filter_map(count).collect();
    format!("{}: {}", facts.cases(), counts.join(", "))
}

/// The failing cases by their worst harm, worst first, declared ones too; `None` where no case fails.
fn harms(facts: &Facts) -> Option<String> {
    let unpassed = facts.unpassed.as_deref().unwrap_or_default();
    let count = |harm: Harm| unpassed.iter().filter(|case| case.harm == Some(harm)).count();
    let counts = Harm::ALL.into_iter().map(|harm| (harm.as_str(), count(harm))).filter(|(_, count)| *count > 0);
    let words: Vec<String> = counts.map(|(harm, count)| format!("{count} {harm}")).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn evidence(facts: &Facts, examination: &Examination) -> String {
    let Some(kept) = &facts.evidence else {
        return if facts.is_former() { "its format does not say" } else { "none was kept" }.to_owned();
    };
    let whole =
        if kept.is_complete { "complete" } else { "not complete: parts of it were not kept (--evidence-limit)" };
    let judged = if examination.evidence { "was judged again" } else { "was not judged again" };
    format!("manifest SHA-256 {}; {whole}; it {judged}", kept.sha256)
}

/// The same for programs. Text that the endpoint sent stands in it as it came.
#[must_use]
pub fn as_json(certificate: &Certificate, examination: &Examination, shortfalls: &[String]) -> Value {
    let report = |(name, sha256): &(String, String)| json!({"name": name, "sha256": sha256});
    json!({
        "full": shortfalls.is_empty(),
        "shortfalls": shortfalls,
        "key": certificate.key,
        "reports": certificate.reports.iter().map(report).collect::<Vec<_>>(),
        "predicate": certificate.predicate,
        "others": examination.others,
        "recordCompared": examination.record,
        "evidenceJudged": examination.evidence,
        "unlisted": examination.unlisted,
        "problems": examination.problems,
        "notAttested": not_attested(certificate, examination),
        "cannotShow": CANNOT_SHOW,
    })
}
