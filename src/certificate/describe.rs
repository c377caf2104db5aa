//! What a certificate says and what it does not, as people read it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::statement::Facts;
use super::verify::{Certificate, Examination};
use crate::report::printable;
use crate::verdict::Verdict;

/// What no certificate attests.
const NEVER_ATTESTED: [&str; 3] = [
    "that it is true: the signature shows that the holder of the key says so, and that nothing was changed since",
    "that what answers at the address is the product named: an address and a Server header prove no identity",
    "that the endpoint behaves so for others, at another time, or with other settings",
];

/// What a certificate does not attest, each as half a sentence that begins with "that".
#[must_use]
pub fn not_attested(certificate: &Certificate, examination: &Examination) -> Vec<String> {
    let facts = &certificate.predicate.ssecheck;
    let mut told: Vec<String> = NEVER_ATTESTED.map(str::to_owned).to_vec();
    let cases = facts.cases();
    told.push(format!("that anything holds beyond the {cases} cases, as profile {} judges them", facts.profile.id));
    let word = facts.claims.iter().map(|claim| format!("{claim}: that is the tester's word alone"));
    told.extend(word);
    if !examination.record {
        let record = certificate.reports.first().map_or("", |(name, _)| name);
        told.push(format!(
            "that the record of the run ({record}) says the same: it was not compared (--run FILE does)"
        ));
    }
    told
}

/// The certificate as text of several lines, with what was found in it and what stands in its way.
#[must_use]
pub fn as_text(certificate: &Certificate, examination: &Examination, shortfalls: &[String]) -> String {
    let (predicate, facts) = (&certificate.predicate, &certificate.predicate.ssecheck);
    let mut text = format!("Key {} signed it, and nothing was changed since.\n\n", certificate.key);
    let mut line = |name: &str, told: &str| {
        let _ = writeln!(text, "{name:<10} {}", on_one_line(told));
    };
    line("tested", &tested(facts));
    line("endpoint", &format!("{}; plain HTTP: {}", facts.endpoint, facts.plain_endpoint));
    line(
        "run",
        &format!("{}, started {} by the tester's clock, took {:.1} s", facts.run, facts.started, facts.seconds),
    );
    line("with", &format!("ssecheck {}, profile {}; {}", facts.version, facts.profile.id, compared(examination)));
    line("cases", &counts(facts));
    line("result", predicate.result.as_str());
    line(
        "level",
        &format!("{} (asked for: {})", facts.attained.map_or("none", |it| it.as_str()), facts.asked.as_str()),
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
    line("", if examination.record { "the record was compared" } else { "the record was not compared" });
    let mut list = |title: &str, entries: &[String]| {
        if !entries.is_empty() {
            let entries: Vec<String> = entries.iter().map(|entry| on_one_line(entry)).collect();
            let _ = writeln!(text, "\n{title}:\n  - {}", entries.join("\n  - "));
        }
    };
    list("Does not agree", &examination.problems);
    list("Not attested", &not_attested(certificate, examination));
    let level = facts.attained.map_or("none", |level| level.as_str());
    if shortfalls.is_empty() {
        let _ = writeln!(text, "\nIt is a full certificate: level {level}.");
    } else {
        list("It is no full certificate", shortfalls);
    }
    text.truncate(text.trim_end().len());
    text
}

/// Printable, and without line feeds by which it could look like other lines.
fn on_one_line(text: &str) -> String {
    printable(text).replace('\n', "\\n")
}

fn tested(facts: &Facts) -> String {
    let named = facts.label.as_ref().map(|label| format!("{label} (the tester's word)"));
    let sent = facts.server.as_ref().map(|server| format!("Server header: {server}"));
    let embedded = facts.embedded.then(|| "the embedded reference endpoint, and no product".to_owned());
    let told: Vec<String> = named.into_iter().chain(sent).chain(embedded).collect();
    if told.is_empty() { "what answers at the endpoint; nothing names it".to_owned() } else { told.join("; ") }
}

fn compared(examination: &Examination) -> String {
    if examination.others.is_empty() {
        return "suites, rules and profile are those of this ssecheck".to_owned();
    }
    format!("not those of this ssecheck ({}): {}", env!("CARGO_PKG_VERSION"), examination.others.join(", "))
}

fn counts(facts: &Facts) -> String {
    let count = |verdict: Verdict| facts.counts.get(&verdict).map(|count| format!("{count} {}", verdict.as_str()));
    let counts: Vec<String> = Verdict::ALL.into_iter().filter_map(count).collect();
    format!("{}: {}", facts.cases(), counts.join(", "))
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
        "problems": examination.problems,
        "notAttested": not_attested(certificate, examination),
    })
}
