//! A run as it is written to disk: the one document that runs are compared by and baselines are made of.
//!
//! It holds the verdict on every case, and of what did not pass the exchange that shows it, redacted as all evidence is.
//! Text that the endpoint sent stands in it as it came: whoever shows it makes it printable.

mod difference;
mod known;
mod read;
mod rules;
#[cfg(test)]
pub(crate) mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

pub use difference::{CaseChange, Difference, Direction, Found, RuleChange, difference};
pub use known::baseline_of;
pub use read::{RecordError, read};
pub use rules::{Obedience, RuleCounts, rule_counts};

use crate::baseline::Standing;
use crate::evidence::{Exchange, Reply};
use crate::rules::{Catalogue, Rule};
use crate::runner::{CaseResult, RunResult};
use crate::suite::model::{Certification, Level};
use crate::verdict::{Certificate, Finding, Verdict};

/// What the member `format` of a record holds.
pub const FORMAT: &str = "ssecheck-run/1";

/// The most characters of an answer's body that are kept.
const MAX_EXCERPT: usize = 2000;

/// What is known of a run besides its results.
#[derive(Debug, Clone)]
pub struct Context {
    /// The endpoint's address.
    pub endpoint: String,
    /// The plain-HTTP endpoint's address, or why there is none.
    pub plain_endpoint: String,
    /// The profile judged by.
    pub profile: String,
    /// What is tested, in the user's words.
    pub label: Option<String>,
    /// SHA-256 over the digests of all suites of the run, in hexadecimal.
    pub suite_digest: String,
    /// Whether all built-in cases were run, so that something can be said of certification.
    pub is_complete: bool,
}

/// A run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`FORMAT`].
    pub format: String,
    /// The version of `ssecheck` that made it.
    pub ssecheck: String,
    /// The run's id: part of every object key it made.
    pub run: String,
    /// When it started, as RFC 3339 writes it, in UTC.
    pub started: String,
    /// How long it took.
    pub seconds: f64,
    /// Whether it was stopped before all cases were run.
    pub interrupted: bool,
    /// The endpoint's address.
    pub endpoint: String,
    /// The plain-HTTP endpoint's address, or why there is none.
    pub plain_endpoint: String,
    /// The endpoint's `Server` header, where it sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// What was tested, in the user's words: product, version, build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The bucket it used.
    pub bucket: String,
    /// The profile judged by.
    pub profile: String,
    /// The baseline's file, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// Whether all built-in cases were run.
    pub complete: bool,
    /// SHA-256 over the digests of all suites of the run, in hexadecimal.
    pub suites_digest: String,
    /// The suites of its cases.
    pub suites: Vec<SuiteRecord>,
    /// Verdict → how many cases came to it.
    pub counts: BTreeMap<Verdict, usize>,
    /// What it says of each level of certification; empty where not all built-in cases were run.
    pub certification: Vec<Certificate>,
    /// The rules that its cases cite, as the catalogue has them.
    pub rules: Vec<Rule>,
    /// The cases, in the order of the suites.
    pub cases: Vec<CaseRecord>,
    /// What could not be removed.
    pub left_behind: Vec<String>,
}

/// A suite of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SuiteRecord {
    /// Its id.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// The file it was read from.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    pub digest: String,
}

/// A case.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CaseRecord {
    /// `suite/scenario[row]`.
    pub id: String,
    /// Id of its suite.
    pub suite: String,
    /// One line for people.
    pub title: String,
    /// What breaks for whom when a server gets this wrong.
    pub why: String,
    /// How binding it is: of a failure what was not met, else the whole case.
    pub level: Level,
    /// The lowest level of certification that asks for it.
    pub certification: Certification,
    /// Ids of the rules that it cites.
    pub rules: Vec<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// What became of it before anybody looked at what was known or declared of it.
    pub found: Verdict,
    /// How that compares with the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// One sentence: why.
    pub reason: String,
    /// Whether it was left out for want of configuration.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// The capability that is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// How long it took.
    pub seconds: f64,
    /// What was expected and what came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingRecord>,
}

/// Expectations that were not met, with the exchange that shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FindingRecord {
    /// What was not met.
    pub finding: Finding,
    /// What was sent and what came back; long bodies are cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
}

impl RunRecord {
    /// What was tested: the label, else the `Server` header, else the address.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.label.as_ref().or(self.server.as_ref()).unwrap_or(&self.endpoint)
    }

    /// The record of a run.
    #[must_use]
    pub fn of(run: &RunResult, rules: &Catalogue, context: &Context) -> Self {
        let mut suites: Vec<SuiteRecord> = Vec::new();
        for suite in run.cases.iter().map(|case| &case.planned.suite) {
            if suites.last().is_none_or(|last| last.id != suite.id) {
                let (id, title, file, digest) =
                    (suite.id.clone(), suite.title.clone(), suite.file.clone(), suite.digest.clone());
                suites.push(SuiteRecord { id, title, file, digest });
            }
        }
        let counts = Verdict::ALL.into_iter().map(|verdict| (verdict, run.count(verdict)));
        let cited: BTreeSet<&str> =
            run.cases.iter().flat_map(|case| &case.planned.case.rules).map(String::as_str).collect();
        Self {
            format: FORMAT.to_owned(),
            ssecheck: env!("CARGO_PKG_VERSION").to_owned(),
            run: run.id.clone(),
            started: rfc3339(run.started),
            seconds: run.elapsed.as_secs_f64(),
            interrupted: run.interrupted,
            endpoint: context.endpoint.clone(),
            plain_endpoint: context.plain_endpoint.clone(),
            server: run.server.clone(),
            label: context.label.clone(),
            bucket: run.bucket.clone(),
            profile: context.profile.clone(),
            baseline: run.baseline.as_ref().map(|baseline| baseline.file.clone()),
            complete: context.is_complete,
            suites_digest: context.suite_digest.clone(),
            suites,
            counts: counts.filter(|(_, count)| *count > 0).collect(),
            certification: if context.is_complete { run.certificates() } else { Vec::new() },
            rules: rules.iter().filter(|rule| cited.contains(rule.id.as_str())).cloned().collect(),
            cases: run.cases.iter().map(|case| CaseRecord::of(case)).collect(),
            left_behind: run.left_behind.clone(),
        }
    }

    /// As it is written: JSON, indented by one blank.
    ///
    /// # Errors
    /// Where it cannot be written as JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut text = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter))?;
        text.push(b'\n');
        Ok(text)
    }
}

impl CaseRecord {
    fn of(result: &CaseResult) -> Self {
        let case = &result.planned.case;
        let judgement = &result.judgement;
        let finding = |finding: &Finding| FindingRecord {
            finding: finding.clone(),
            exchange: result.exchange_of(finding).map(excerpt),
        };
        Self {
            id: case.id.clone(),
            suite: result.planned.suite.id.clone(),
            title: case.title.clone(),
            why: case.why.clone(),
            level: result.level(),
            certification: result.planned.certification(),
            rules: case.rules.clone(),
            verdict: judgement.verdict,
            found: judgement.found,
            standing: result.standing,
            reason: judgement.reason.clone(),
            incomplete: result.incomplete,
            missing: result.missing.as_ref().map(|probe| probe.id.clone()),
            seconds: result.elapsed.as_secs_f64(),
            findings: judgement.findings.iter().map(finding).collect(),
        }
    }

    /// The rules that the finding is about that decided; empty where there is none.
    #[must_use]
    pub fn accused(&self) -> &[String] {
        self.findings.first().map_or(&[], |found| &found.finding.rules)
    }
}

/// The exchange with no more of a body than a reader looks at.
fn excerpt(exchange: &Exchange) -> Exchange {
    let mut exchange = exchange.clone();
    if let Reply::Answer(answer) = &mut exchange.reply
        && let Some(text) = &mut answer.body.text
        && let Some((end, _)) = text.char_indices().nth(MAX_EXCERPT)
    {
        text.truncate(end);
        text.push_str(" …");
    }
    exchange
}

/// A point in time as RFC 3339 writes it, in UTC.
#[must_use]
pub fn rfc3339(time: SystemTime) -> String {
    let format = &time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::from(time).format(format).unwrap_or_default()
}
