//! The record's members.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::circumstances::{Circumstances, says_to_be_the_reference};
use crate::baseline::Standing;
use crate::client::Throttling;
use crate::evidence::Exchange;
use crate::plan::Part;
use crate::rules::{Family, Harm, Rule};
use crate::suite::model::{BucketKind, Certification, Level, Operation};
use crate::verdict::{Attainment, Certified, Finding, SseCSupport, Verdict, attainments};

/// What the member `format` of a record holds.
pub const FORMAT: &str = "ssecheck-run/4";
/// The format before: it says neither how the run was made nor whom it reached, and a case that is not supported may name no capability.
pub(super) const FORMER_FORMAT: &str = "ssecheck-run/3";
/// The format before that: its rules do not tell their harm, and no case is an observation.
pub(super) const OLDEST_FORMAT: &str = "ssecheck-run/2";

/// A run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RunRecord {
    /// `ssecheck-run/4`; `ssecheck-run/3` or `ssecheck-run/2` of a record that is older.
    pub format: String,
    /// The version of `ssecheck` that made it.
    pub ssecheck: String,
    /// The run's id: part of every object key it made.
    pub run: String,
    /// When it started, as RFC 3339 writes it, in UTC.
    #[serde(deserialize_with = "super::times::point")]
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    pub started: String,
    /// How long it took.
    #[serde(deserialize_with = "super::times::seconds")]
    #[cfg_attr(test, schemars(range(min = 0.0)))]
    pub seconds: f64,
    /// When it ended, as RFC 3339 writes it, in UTC; absent in records of former formats.
    #[serde(default, deserialize_with = "super::times::point_if_any", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(extend("format" = "date-time")))]
    pub ended: Option<String>,
    /// Whether it was stopped before all cases were run.
    pub interrupted: bool,
    /// The endpoint's address.
    pub endpoint: String,
    /// The plain-HTTP endpoint's address; `none` or `refuses` as the tester declares; `not told` without either.
    pub plain_endpoint: String,
    /// How it was made, and whom it reached; absent in records of former formats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circumstances: Option<Circumstances>,
    /// Whether that is the embedded reference endpoint, and no product.
    pub embedded: bool,
    /// The endpoint's `Server` header, where it sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// What the endpoint does with SSE-C as a whole, by the first exchanges; absent where these did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<SseCSupport>,
    /// What was tested, in the user's words: product, version, build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The bucket it used.
    pub bucket: String,
    /// The profile judged by.
    pub profile: ProfileRecord,
    /// The baseline it was compared with, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineRecord>,
    /// Whether all built-in cases were run, so that something can be said of certification.
    pub complete: bool,
    /// The part of the cases that it is, where others were run on other machines (`--shard`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardRecord>,
    /// Why the run can certify nothing, whatever came of it: suites of the user's own, filters, departures, …
    pub limits: Vec<String>,
    /// SHA-256 over the digests of all suites of the run, in hexadecimal.
    pub suites_digest: String,
    /// SHA-256 of the rule catalogue, in hexadecimal.
    pub rules_digest: String,
    /// SHA-256 of the manifest (`evidence.json`) of the evidence that is kept of it, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence_digest: Option<String>,
    /// The suites of its cases.
    pub suites: Vec<SuiteRecord>,
    /// Verdict → how many cases came to it.
    pub counts: BTreeMap<Verdict, usize>,
    /// What it says of each level of certification; empty where not all built-in cases were run.
    pub certification: Vec<Attainment>,
    /// The families of its rules.
    pub families: Vec<Family>,
    /// The rules that its cases cite or accuse, as the catalogue has them.
    pub rules: Vec<Rule>,
    /// The cases, in the order of the suites.
    pub cases: Vec<CaseRecord>,
    /// How often the endpoint said that it was busy; absent where it never did.
    #[serde(default, skip_serializing_if = "Throttling::is_none")]
    pub throttling: Throttling,
    /// What could not be removed.
    pub left_behind: Vec<String>,
}

/// The profile that a run was judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProfileRecord {
    /// Its id.
    pub id: String,
    /// The file it was read from; absent where it is built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// SHA-256 of all that it says, in hexadecimal.
    pub digest: String,
}

/// A part of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ShardRecord {
    /// The name of the run that it is a part of, the same for all its shards; absent in records of former versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_run: Option<String>,
    /// Which, counted from 1.
    pub shard: u32,
    /// Of how many.
    pub shards: u32,
    /// How many cases all of them have together.
    pub cases: u64,
    /// SHA-256 of the ids of these in order, each followed by a line feed, in hexadecimal.
    pub plan_digest: String,
    /// Whether these are all built-in cases.
    pub whole_is_complete: bool,
    /// Where each of its cases stands among them, counted from 0.
    pub positions: Vec<u64>,
}

impl ShardRecord {
    /// Records a part of a plan, in a run of this name.
    #[must_use]
    pub fn of(part: &Part, of_run: String, whole_is_complete: bool) -> Self {
        Self {
            of_run: Some(of_run),
            shard: part.shard.index(),
            shards: part.shard.count(),
            cases: part.cases as u64,
            plan_digest: part.plan_digest.clone(),
            whole_is_complete,
            positions: part.positions.iter().map(|position| *position as u64).collect(),
        }
    }

    /// Why a run of it can certify nothing.
    #[must_use]
    pub fn limit(&self) -> String {
        format!("only a part of the cases was run: --shard {}/{}", self.shard, self.shards)
    }
}

/// The baseline that a run was compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BaselineRecord {
    /// Its file: the path as typed, of an absolute one the name alone.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Whether whatever is not as it says fails the run.
    pub strict: bool,
}

/// A suite of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CaseRecord {
    /// `suite/scenario[row]`.
    pub id: String,
    /// Id of its suite.
    pub suite: String,
    /// One line for people.
    pub title: Arc<str>,
    /// What breaks for whom when a server gets this wrong.
    pub why: Arc<str>,
    /// How binding it is; of a failure its finding may say otherwise.
    pub level: Level,
    /// The lowest level of certification that asks for it.
    pub certification: Certification,
    /// The kind of bucket that it runs in.
    pub bucket: BucketKind,
    /// Ids of the rules that it cites.
    pub rules: Arc<[String]>,
    /// The operations that are judged.
    pub operations: Vec<Operation>,
    /// What became of it.
    pub verdict: Verdict,
    /// What became of it before anybody looked at what was known or declared of it.
    pub found: Verdict,
    /// How that compares with the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// One sentence: why.
    pub reason: String,
    /// The verdicts of all attempts, in order, where it was run again (`--retries`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Verdict>,
    /// Of a blocked or inconclusive case: the failing case that explains it, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained_by: Option<ExplainedBy>,
    /// Whether it was left out for want of configuration.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// The capability that is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// How long it took.
    #[serde(deserialize_with = "super::times::seconds")]
    #[cfg_attr(test, schemars(range(min = 0.0)))]
    pub seconds: f64,
    /// Of the customer keys that the exchange was sent with which decided: name → base64 of the MD5, as headers carry it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub key_md5: BTreeMap<String, String>,
    /// What was expected and what came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingRecord>,
}

/// A case that fails with the same response to the same kind of request as the step for which another has no verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ExplainedBy {
    /// Its id.
    pub case: String,
    /// Ids of the rules that it accuses.
    pub rules: Vec<String>,
}

/// A capability that the endpoint lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Missing {
    /// Its id.
    pub capability: String,
    /// The level of certification that asks for it.
    pub level: Certification,
}

/// Expectations that were not met, with the exchange that shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FindingRecord {
    /// What was not met.
    pub finding: Finding,
    /// What was sent and what came back; long bodies are cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
    /// Of a failure: what was sent before that, and what came back; the last of it where it is much.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Exchange>,
}

impl RunRecord {
    /// What was tested: the label, else the `Server` header, else the address.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.label.as_ref().or(self.server.as_ref()).unwrap_or(&self.endpoint)
    }

    /// How many cases came to this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.cases.iter().filter(|case| case.verdict == verdict).count()
    }

    /// The verdicts that any case came to, in the order of reports, each with how many did.
    pub fn counted(&self) -> impl Iterator<Item = (Verdict, usize)> + '_ {
        Verdict::ALL.into_iter().map(|verdict| (verdict, self.count(verdict))).filter(|(_, count)| *count > 0)
    }

    /// The rule of an id, where it is among those of the run.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// The worst harm of the rules that a failing case accuses, whether its failure is declared or not.
    #[must_use]
    pub fn harm(&self, case: &CaseRecord) -> Option<Harm> {
        if !case.found.is_failure() {
            return None;
        }
        let accused = case.findings.iter().flat_map(|found| &found.finding.rules);
        accused.map(|id| self.rule(id).map_or(Harm::default(), |rule| rule.harm)).min()
    }

    /// The harms of the failing cases, worst first, each with how many cases accuse it at worst; declared and known failures count.
    #[must_use]
    pub fn harms(&self) -> Vec<(Harm, usize)> {
        let worst: Vec<Harm> = self.cases.iter().filter_map(|case| self.harm(case)).collect();
        let counted = |harm: Harm| (harm, worst.iter().filter(|it| **it == harm).count());
        Harm::ALL.into_iter().map(counted).filter(|(_, count)| *count > 0).collect()
    }

    /// The harms of the failing cases in words; nothing where no case fails.
    #[must_use]
    pub fn harms_in_words(&self) -> Option<String> {
        let harms = self.harms();
        let words: Vec<String> = harms.iter().map(|(harm, count)| format!("{count} {}", harm.as_str())).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// Whether a case is not as the baseline has it, and the baseline is strict.
    #[must_use]
    pub fn is_off_strict_baseline(&self, case: &CaseRecord) -> bool {
        let strict = self.baseline.as_ref().is_some_and(|baseline| baseline.strict);
        strict && case.standing.is_some_and(Standing::is_off)
    }

    /// Decides each certification level by its cases and limits, whether all built-in cases are among them or not.
    #[must_use]
    pub fn attainments(&self) -> Vec<Attainment> {
        attainments(self.cases.iter().map(|case| self.certified(case)), self.is_limited())
    }

    fn certified<'r>(&self, case: &'r CaseRecord) -> Certified<'r> {
        // In former formats a case could be not supported and name no capability: it stood in nobody's way, and still does not.
        let is_unnamed = case.verdict == Verdict::NotSupported && case.missing.is_none() && self.format != FORMAT;
        // By the oldest format no harm stood in the way of a level.
        let harms_data = self.format != OLDEST_FORMAT && self.harm(case).is_some_and(Harm::is_of_data);
        let certified = case.claimed().certified(&self.plain_endpoint, harms_data);
        if is_unnamed { Certified { verdict: Verdict::Skipped, is_excused: true, ..certified } } else { certified }
    }

    /// Whether anything keeps the run from reaching a level, whatever its cases came to.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        !self.limits.is_empty() || !self.complete
    }

    /// Whether ssecheck's own reference endpoint was tested, embedded or served, and no product.
    #[must_use]
    pub fn is_of_the_reference(&self) -> bool {
        self.embedded || says_to_be_the_reference(self.server.as_deref(), self.circumstances.as_ref())
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

/// What a record or a certificate says of a case.
#[derive(Debug, Clone, Copy)]
pub struct ClaimedCase<'a> {
    /// `suite/scenario[row]`.
    pub id: &'a str,
    /// Its requirement.
    pub level: Level,
    /// The lowest certification level that requires it.
    pub certification: Certification,
    /// Whether it runs in a bucket of its own.
    pub has_own_bucket: bool,
    /// Its verdict.
    pub verdict: Verdict,
    /// The capability that the endpoint lacks for it.
    pub missing: Option<&'a Missing>,
    /// Whether it was left out for want of configuration.
    pub incomplete: bool,
}

impl<'a> ClaimedCase<'a> {
    /// The case as certification levels see it. It is excused if it was left out because the service is declared to take no request
    /// without TLS. Without buckets of its own a run says nothing of settings of buckets.
    #[must_use]
    pub fn certified(self, plain_endpoint: &str, harms_data: bool) -> Certified<'a> {
        let is_left_out = self.verdict == Verdict::Skipped && !self.incomplete && !self.has_own_bucket;
        Certified {
            certification: self.certification,
            level: self.level,
            verdict: self.verdict,
            missing: self.missing.map(|missing| (missing.capability.as_str(), missing.level)),
            is_excused: is_left_out && is_declared_absent(plain_endpoint),
            harms_data,
        }
    }
}

/// Whether a record's `plain_endpoint` says that the service takes no request without TLS: the tester's word.
#[must_use]
pub fn is_declared_absent(plain_endpoint: &str) -> bool {
    matches!(plain_endpoint, "none" | "refuses")
}

impl CaseRecord {
    /// What it says of the case.
    #[must_use]
    pub fn claimed(&self) -> ClaimedCase<'_> {
        ClaimedCase {
            id: &self.id,
            level: self.level,
            certification: self.certification,
            has_own_bucket: self.bucket == BucketKind::Own,
            verdict: self.verdict,
            missing: self.missing.as_ref(),
            incomplete: self.incomplete,
        }
    }

    /// How binding what decided is: of a failure what was not met, else the whole case.
    #[must_use]
    pub fn level_judged(&self) -> Level {
        let of_failure = self.findings.first().filter(|_| self.verdict.is_failure());
        of_failure.and_then(|found| found.finding.level).unwrap_or(self.level)
    }

    /// Whether it is required (level `must`).
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.level_judged() == Level::Must
    }

    /// The rules that the finding is about that decided; empty where there is none.
    #[must_use]
    pub fn accused(&self) -> &[String] {
        self.findings.first().map_or(&[], |found| &found.finding.rules)
    }

    /// Ids of the rules that the judgement is about: those of its first finding, else the case's.
    #[must_use]
    pub fn rules_judged(&self) -> &[String] {
        if self.accused().is_empty() { &self.rules } else { self.accused() }
    }
}

/// A point in time as RFC 3339 writes it, in UTC.
#[must_use]
pub fn rfc3339(time: SystemTime) -> String {
    let format = &time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::from(time).format(format).unwrap_or_default()
}
