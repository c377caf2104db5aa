//! What is particular to ssecheck in a certificate: what was tested and how, the result of every case, and what it is worth.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::statement::Terms;
use crate::record::{
    AuthorityRecord, BaselineRecord, CaseRecord, Circumstances, ClaimedCase, Limiting, Missing, ProfileRecord,
    RunRecord, says_to_be_the_reference,
};
use crate::rules::Harm;
use crate::suite::model::{BucketKind, Certification, Level};
use crate::verdict::{Attainment, Certified, Verdict};

/// The format of the member `ssecheck`.
pub const FORMAT: &str = "ssecheck-certificate/2";
/// The format before. It says neither whom the run reached, nor what became of each case, nor when it ends.
pub const FORMER_FORMAT: &str = "ssecheck-certificate/1";

/// The most characters of a reason.
const MAX_REASON: usize = 240;

/// The run, its verdicts and the levels that are attested.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// [`FORMAT`], or [`FORMER_FORMAT`] of a certificate that is older.
    pub format: String,
    /// The version of `ssecheck` that made it.
    pub version: String,
    /// The run's id.
    pub run: String,
    /// When the run started, by the tester's clock, as RFC 3339 writes it, in UTC.
    pub started: String,
    /// How long it took.
    pub seconds: f64,
    /// When it ended, by the tester's clock, as RFC 3339 writes it, in UTC; absent in the former format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// When the certificate ends, as RFC 3339 writes it, in UTC; absent in the former format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// The endpoint's address.
    pub endpoint: String,
    /// The plain-HTTP endpoint's address, or why there is none.
    pub plain_endpoint: String,
    /// Whether that is the embedded reference endpoint, and no product.
    pub embedded: bool,
    /// The endpoint's `Server` header, where it sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// What was tested, in the tester's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The bucket that was used.
    pub bucket: String,
    /// The profile judged by.
    pub profile: ProfileRecord,
    /// The baseline it was compared with, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<BaselineRecord>,
    /// Whether all built-in cases were run.
    pub complete: bool,
    /// SHA-256 over the digests of all suites of the run, in hexadecimal.
    pub suites_digest: String,
    /// SHA-256 of the rule catalogue, in hexadecimal.
    pub rules_digest: String,
    /// The level that was asked for.
    pub asked: Certification,
    /// The highest level that is attested.
    #[serde(with = "attained")]
    pub attained: Option<Certification>,
    /// Each level, lowest first.
    pub levels: Vec<LevelReached>,
    /// Verdict → how many cases came to it.
    pub counts: BTreeMap<Verdict, usize>,
    /// Ids of the cases that are in none of the lists of tests: capabilities that the endpoint lacks, and what was left out.
    pub other_tests: Vec<String>,
    /// Every case that did not pass, the worst harm first; absent in the former format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpassed: Option<Vec<UnpassedCase>>,
    /// How the run was made, and whom it reached; absent in the former format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circumstances: Option<Circumstances>,
    /// The evidence that was kept of the run; absent where none was, and in the former format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<KeptEvidence>,
    /// Why no level is attested, whatever came of the run.
    pub limits: Vec<String>,
    /// What ssecheck could not see, and took from the tester.
    pub claims: Vec<String>,
}

/// A case that did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnpassedCase {
    /// `suite/scenario[row]`.
    pub case: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its verdict before anything was known or declared of it.
    pub found: Verdict,
    /// Its requirement.
    pub requirement: Level,
    /// The lowest certification level that requires it.
    pub certification: Certification,
    /// The worst harm of the rules that it accuses, if it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harm: Option<Harm>,
    /// The rules that it accuses, by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// The capability that the endpoint lacks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// Whether it was left out for want of configuration.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// Whether it runs in a bucket of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_bucket: bool,
    /// One sentence: why; long ones are cut.
    pub reason: String,
}

/// Evidence that was kept of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeptEvidence {
    /// SHA-256 of its manifest, which has the digests of all its files, in hexadecimal.
    pub sha256: String,
    /// Whether every exchange of the run is in it.
    pub is_complete: bool,
}

/// What a run says of a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LevelReached {
    /// The level.
    pub level: Certification,
    /// How many required cases of this level and those before it passed.
    pub passed: usize,
    /// How many of them did not, and are no missing capability.
    pub not_passed: usize,
    /// The capabilities that are asked for and missing, by id.
    pub missing: Vec<String>,
    /// Why it is not attested; empty where it is.
    pub why_not: Vec<String>,
}

mod attained {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de};

    use super::Certification;

    const NONE: &str = "none";

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub fn serialize<S: Serializer>(level: &Option<Certification>, serializer: S) -> Result<S::Ok, S::Error> {
        level.map_or(NONE, Certification::as_str).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Certification>, D::Error> {
        let name = String::deserialize(deserializer)?;
        let level = Certification::ALL.into_iter().find(|level| level.as_str() == name);
        match level {
            None if name != NONE => Err(de::Error::custom(format!("`{name}` is no level"))),
            level => Ok(level),
        }
    }
}

impl Facts {
    pub(super) fn of(run: &RunRecord, terms: &Terms, other_tests: Vec<String>) -> Self {
        let is_former = terms.is_former;
        let mut facts = Self {
            format: if is_former { FORMER_FORMAT } else { FORMAT }.to_owned(),
            version: run.ssecheck.clone(),
            run: run.run.clone(),
            started: run.started.clone(),
            seconds: run.seconds,
            ended: run.ended.clone().filter(|_| !is_former),
            expires: terms.expires.clone(),
            endpoint: run.endpoint.clone(),
            plain_endpoint: run.plain_endpoint.clone(),
            embedded: run.embedded,
            server: run.server.clone(),
            label: run.label.clone(),
            bucket: run.bucket.clone(),
            profile: run.profile.clone(),
            baseline: run.baseline.clone(),
            complete: run.complete,
            suites_digest: run.suites_digest.clone(),
            rules_digest: run.rules_digest.clone(),
            asked: terms.asked,
            attained: None,
            levels: Vec::new(),
            counts: run.counted().collect(),
            other_tests,
            unpassed: (!is_former).then(|| UnpassedCase::all_of(run)),
            circumstances: run.circumstances.clone().filter(|_| !is_former),
            evidence: terms.evidence.clone(),
            limits: run.limits.clone(),
            claims: Vec::new(),
        };
        facts.levels = run.attainments().into_iter().map(LevelReached::from).collect();
        facts.attained = facts.highest();
        facts.claims = facts.rests_on_word();
        facts
    }

    /// How many cases it counts.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.counts.values().copied().fold(0, usize::saturating_add)
    }

    /// Whether the run can attest no level, whatever came of it.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        !self.limits.is_empty() || !self.complete
    }

    /// Whether it is of the former format.
    #[must_use]
    pub fn is_former(&self) -> bool {
        self.format == FORMER_FORMAT
    }

    /// Whether it has what its format must have, and nothing that only the other has.
    pub(super) fn is_of_its_format(&self) -> bool {
        let said =
            [self.ended.is_some(), self.expires.is_some(), self.unpassed.is_some(), self.circumstances.is_some()];
        if self.is_former() { !said.contains(&true) && self.evidence.is_none() } else { !said.contains(&false) }
    }

    /// Whether ssecheck's own reference endpoint was tested, embedded or served, and no product.
    #[must_use]
    pub fn is_of_the_reference(&self) -> bool {
        self.embedded || says_to_be_the_reference(self.server.as_deref(), self.circumstances.as_ref())
    }

    /// What of it decides whether the run is limited.
    pub(super) fn limiting(&self) -> Limiting<'_> {
        let count = |verdict| self.counts.get(&verdict).copied().unwrap_or(0);
        Limiting {
            is_of_the_reference: self.is_of_the_reference(),
            circumstances: self.circumstances.as_ref(),
            has_baseline: self.baseline.is_some(),
            has_own_profile: self.profile.file.is_some(),
            has_declared_failures: count(Verdict::ExpectedFailure) + count(Verdict::UnexpectedPass) > 0,
            is_shard: false,
            is_interrupted: false,
        }
    }

    /// What ssecheck cannot see, and takes from the tester.
    pub(super) fn rests_on_word(&self) -> Vec<String> {
        let plain = match self.plain_endpoint.as_str() {
            _ if self.embedded => None,
            "none" => Some("that the service has no listener without TLS (--plain-endpoint none)".to_owned()),
            "refuses" => {
                Some("that the service refuses every request without TLS (--plain-endpoint refuses)".to_owned())
            }
            address if address.contains("://") => {
                Some(format!("that {address} is the same service (--plain-endpoint)"))
            }
            _ => None,
        };
        let label = self.label.as_ref().map(|label| format!("that what was tested is `{label}` (--label)"));
        let circumstances = self.circumstances.as_ref().filter(|_| !self.embedded);
        let authority = |file: &AuthorityRecord| {
            let digest = file.sha256.as_ref().map(|sha256| format!(", SHA-256 {sha256}")).unwrap_or_default();
            let (named_by, file) = (&file.named_by, &file.file);
            format!("that {file} ({named_by}{digest}) holds authorities to trust for the endpoint's name")
        };
        let authorities = circumstances.iter().flat_map(|it| &it.authorities).map(authority);
        let proxy = circumstances.and_then(|it| it.settings.get("proxy"));
        let proxy = proxy.map(|proxy| format!("that the proxy {proxy} leads to the endpoint (--proxy)"));
        plain.into_iter().chain(label).chain(authorities).chain(proxy).collect()
    }

    /// The highest level that nothing stands in the way of.
    pub(super) fn highest(&self) -> Option<Certification> {
        self.levels.iter().filter(|level| level.why_not.is_empty()).map(|level| level.level).max()
    }
}

impl From<Attainment> for LevelReached {
    fn from(Attainment { level, passed, not_passed, missing, why_not }: Attainment) -> Self {
        Self { level, passed, not_passed, missing, why_not }
    }
}

impl LevelReached {
    /// Why these are not attested, by their numbers; empty where one is.
    pub(super) fn reasons(levels: &[Self], is_limited: bool) -> Vec<Vec<String>> {
        let mut decided: Vec<Attainment> = Vec::new();
        for it in levels {
            let numbers = (it.passed, it.not_passed);
            decided.push(Attainment::of(it.level, numbers, it.missing.clone(), is_limited, decided.last()));
        }
        decided.into_iter().map(|it| it.why_not).collect()
    }
}

impl UnpassedCase {
    /// The cases of a run that did not pass: the worst harm first, then by verdict, in the order of the run.
    fn all_of(run: &RunRecord) -> Vec<Self> {
        let unpassed = run.cases.iter().filter(|case| case.verdict != Verdict::Pass);
        let mut all: Vec<Self> = unpassed.map(|case| Self::of(run, case)).collect();
        all.sort_by_key(|case| (case.harm.is_none(), case.harm, case.verdict));
        all
    }

    /// The case as certification levels see it.
    pub(super) fn certified(&self, plain_endpoint: &str) -> Certified<'_> {
        self.claimed().certified(plain_endpoint, self.harm.is_some_and(Harm::is_of_data))
    }

    /// Describes the case as records do.
    pub(super) fn claimed(&self) -> ClaimedCase<'_> {
        ClaimedCase {
            id: &self.case,
            level: self.requirement,
            certification: self.certification,
            has_own_bucket: self.own_bucket,
            verdict: self.verdict,
            missing: self.missing.as_ref(),
            incomplete: self.incomplete,
        }
    }

    fn of(run: &RunRecord, case: &CaseRecord) -> Self {
        let reason = reason(case);
        let reason = match reason.char_indices().nth(MAX_REASON) {
            Some((end, _)) => format!("{} …", &reason[..end]),
            None => reason,
        };
        Self {
            case: case.id.clone(),
            verdict: case.verdict,
            found: case.found,
            requirement: case.level,
            certification: case.certification,
            harm: run.harm(case),
            rules: if case.found.is_failure() { case.accused().to_vec() } else { Vec::new() },
            missing: case.missing.clone(),
            incomplete: case.incomplete,
            own_bucket: case.bucket == BucketKind::Own,
            reason,
        }
    }
}

/// Why a case did not pass: of a failure what was expected and what came.
fn reason(case: &CaseRecord) -> String {
    let finding = case.findings.first().map(|found| &found.finding).filter(|_| case.found.is_failure());
    match finding.and_then(|finding| Some((finding, finding.mismatches.first()?))) {
        Some((finding, mismatch)) => {
            let (subject, expected, actual) = (&mismatch.subject, &mismatch.expected, &mismatch.actual);
            format!("step `{}`: {subject}: expected {expected}, got {actual}", finding.step)
        }
        None => case.reason.clone(),
    }
}
