//! The record of a run that has just been made.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::circumstances::{Circumstances, REFERENCE};
use super::model::{
    BaselineRecord, CaseRecord, FORMAT, FindingRecord, Missing, ProfileRecord, RunRecord, ShardRecord, SuiteRecord,
    rfc3339,
};
use crate::evidence::{Exchange, Reply};
use crate::profile::Profile;
use crate::recorded_path::recorded;
use crate::rules::Catalogue;
use crate::runner::{CaseResult, RunResult};
use crate::suite::Suite;
use crate::suite::model::Operation;
use crate::verdict::{Finding, KEY_NEVER_RETURNED, Verdict};

/// The most characters of an answer's body that are kept.
const MAX_EXCERPT: usize = 2000;

/// How many of the exchanges before a failing one are kept.
const MAX_BEFORE: usize = 8;

/// What is known of a run besides its results.
#[derive(Debug, Clone)]
pub struct Context {
    /// The endpoint's address.
    pub endpoint: String,
    /// The plain-HTTP endpoint's address, or why there is none.
    pub plain_endpoint: String,
    /// Whether that is the embedded reference endpoint.
    pub is_embedded: bool,
    /// What is tested, in the user's words.
    pub label: Option<String>,
    /// SHA-256 over the digests of all suites of the run, in hexadecimal.
    pub suite_digest: String,
    /// Whether all built-in cases were run, so that something can be said of certification.
    pub is_complete: bool,
    /// The part of the cases that is run, if not all.
    pub shard: Option<ShardRecord>,
    /// Why the run can certify nothing, whatever comes of it.
    pub limits: Vec<String>,
    /// How the run was made; whom it reached is added. `None` of a run of which that is not known.
    pub circumstances: Option<Circumstances>,
    /// SHA-256 of the manifest of the evidence that is kept of it, in hexadecimal.
    pub evidence_digest: Option<String>,
}

impl RunRecord {
    /// The record of a run. It takes the run with it: thousands of cases take much memory, and two of each would take more.
    #[must_use]
    pub fn of(run: RunResult, profile: &Profile, rules: &Catalogue, context: &Context) -> Self {
        let mut suites: Vec<SuiteRecord> = Vec::new();
        for suite in run.cases.iter().map(|case| &case.planned.suite) {
            if suites.last().is_none_or(|last| last.id != suite.id) {
                suites.push(SuiteRecord::of(suite));
            }
        }
        let cited = run.cases.iter().flat_map(|case| case.planned.case.rules.iter());
        let accused = run.cases.iter().flat_map(|case| case.judgement.accused());
        let named: BTreeSet<&str> = cited.chain(accused).map(String::as_str).collect();
        let rules_named: Vec<_> = rules.iter().filter(|rule| named.contains(rule.id.as_str())).cloned().collect();
        let families = rules.families().iter();
        let families = families.filter(|family| rules_named.iter().any(|rule| rule.family == family.id));
        let mut limits = context.limits.clone();
        limits.extend(run.interrupted.then(|| "the run was interrupted".to_owned()));
        limits.extend(key_given_back_besides(&run));
        let ended = rfc3339(run.ended);
        let circumstances = context.circumstances.clone().map(|it| Circumstances {
            peers: run.peers,
            sent_again: run.sent_again,
            ..it
        });
        limits.extend(circumstances.as_ref().filter(|_| !context.is_embedded).and_then(limit_of_reference));
        let mut record = Self {
            format: FORMAT.to_owned(),
            ssecheck: env!("CARGO_PKG_VERSION").to_owned(),
            run: run.id,
            started: rfc3339(run.started),
            seconds: run.elapsed.as_secs_f64(),
            ended: Some(ended),
            interrupted: run.interrupted,
            endpoint: context.endpoint.clone(),
            plain_endpoint: context.plain_endpoint.clone(),
            circumstances,
            embedded: context.is_embedded,
            server: run.server,
            support: run.support,
            label: context.label.clone(),
            bucket: run.bucket,
            profile: ProfileRecord::of(profile),
            baseline: run.baseline.as_ref().map(|it| BaselineRecord {
                file: recorded(&it.file),
                digest: Some(it.digest.clone()),
                strict: it.strict,
            }),
            complete: context.is_complete,
            shard: context.shard.clone(),
            limits,
            suites_digest: context.suite_digest.clone(),
            rules_digest: rules.digest().to_owned(),
            evidence_digest: context.evidence_digest.clone(),
            suites,
            counts: Default::default(),
            certification: Vec::new(),
            families: families.cloned().collect(),
            rules: rules_named,
            cases: run.cases.into_iter().map(|case| CaseRecord::of(&case)).collect(),
            throttling: run.throttling,
            left_behind: run.left_behind,
        };
        record.explain();
        record.counts = record.counted().collect();
        if context.is_complete {
            record.certification = record.attainments();
        }
        record
    }
}

/// Of an answer to the harness's own requests, by which no case is judged, that gives a customer key back: that it does.
fn key_given_back_besides(run: &RunResult) -> Option<String> {
    let found = |exchange: &&Exchange| exchange.reply.answer().is_some_and(|answer| !answer.leaked_keys.is_empty());
    let exchange = run.housekeeping.iter().find(found)?;
    let key = exchange.reply.answer()?.leaked_keys.first()?;
    Some(format!(
        "the endpoint gave a customer key back (rule {KEY_NEVER_RETURNED}) where no case looks: customer key {key}, in an answer to {}",
        exchange.sent.operation
    ))
}

/// Why the run certifies nothing if ssecheck's own reference endpoint responded, and was not asked for by name.
fn limit_of_reference(circumstances: &Circumstances) -> Option<String> {
    let is_unasked = circumstances.reached_the_reference() && !circumstances.is_set(REFERENCE);
    is_unasked.then(|| {
        "ssecheck's own reference endpoint was tested, by its Server header, and no product (--reference asks for that)".to_owned()
    })
}

impl SuiteRecord {
    /// Records which suite it is.
    #[must_use]
    pub fn of(suite: &Suite) -> Self {
        let (id, title) = (suite.id.clone(), suite.title.clone());
        Self { id, title, file: recorded(&suite.file), digest: suite.digest.clone() }
    }
}

impl ProfileRecord {
    /// What is recorded of a profile.
    #[must_use]
    pub fn of(profile: &Profile) -> Self {
        let digest = hex::encode(Sha256::digest(serde_json::json!(profile).to_string()));
        Self { id: profile.id.clone(), file: profile.file.as_deref().map(recorded), digest }
    }
}

impl CaseRecord {
    fn of(result: &CaseResult) -> Self {
        let case = &result.planned.case;
        let judgement = &result.judgement;
        let operations: BTreeSet<Operation> = result.planned.judged_operations().collect();
        let own = result.own.as_ref().filter(|_| matches!(judgement.found, Verdict::Fail | Verdict::Blocked));
        let of_control =
            judgement.findings.iter().filter(|finding| finding.control && judgement.found == Verdict::Inconclusive);
        let of_control = of_control.filter_map(|finding| {
            result.controls.iter().map(|control| &control.run).find(|run| run.transcript.of(&finding.step).is_some())
        });
        let decisive = own.or(of_control.into_iter().next());
        let mut record = Self {
            id: case.id.clone(),
            suite: result.planned.suite.id.clone(),
            title: Arc::clone(&case.title),
            why: Arc::clone(&case.why),
            level: case.level,
            certification: result.planned.certification(),
            bucket: case.bucket,
            rules: Arc::clone(&case.rules),
            operations: operations.into_iter().collect(),
            verdict: judgement.verdict,
            found: judgement.found,
            standing: result.standing,
            reason: judgement.reason.clone(),
            attempts: result.attempts.clone(),
            explained_by: None,
            incomplete: result.incomplete,
            missing: result.missing.as_ref().map(|probe| Missing { capability: probe.id.clone(), level: probe.level }),
            seconds: result.elapsed.as_secs_f64(),
            key_md5: decisive.map(|run| run.transcript.facts.key_md5.clone()).unwrap_or_default(),
            findings: judgement.findings.iter().map(|finding| FindingRecord::of(finding, result)).collect(),
        };
        // What a profile or a baseline says of it stays.
        if let Some(reason) = record.reason_of_dependence().filter(|_| judgement.verdict == judgement.found) {
            record.reason = reason;
        }
        record
    }
}

impl FindingRecord {
    fn of(finding: &Finding, result: &CaseResult) -> Self {
        let own = result.own.as_ref().filter(|_| result.judgement.found == Verdict::Fail && !finding.control);
        let exchanges = own.map_or(&[][..], |own| &own.transcript.exchanges);
        let is_it = |exchange: &Exchange| exchange.step == finding.step && !exchange.storage_probe;
        let before = &exchanges[..exchanges.iter().position(is_it).unwrap_or(0)];
        let before = &before[before.len().saturating_sub(MAX_BEFORE)..];
        Self {
            finding: finding.clone(),
            exchange: result.exchange_of(finding).map(excerpt),
            before: before.iter().map(excerpt).collect(),
        }
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
