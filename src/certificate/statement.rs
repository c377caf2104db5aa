//! What is attested of a run: an in-toto statement (<https://github.com/in-toto/attestation/tree/main/spec/v1>), whose
//! predicate is a test result (`spec/predicates/test-result.md`). Made of the record of the run and nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::record::{BaselineRecord, CaseRecord, ProfileRecord, RunRecord};
use crate::suite::model::Certification;
use crate::verdict::{Attainment, Verdict};

/// What stands in the way of a level, in reasons why it is not attested.
pub(super) const NOT_PASSED: &str = "cases in its way that did not pass, required or with harm to data";
/// The same as former versions wrote it.
pub(super) const FORMER_NOT_PASSED: &str = "required cases that did not pass";

/// The predicate's type.
pub const PREDICATE_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// What the member `format` of what is particular to ssecheck holds.
pub const FORMAT: &str = "ssecheck-certificate/1";

/// The name of the rule catalogue among the configuration.
pub const RULES: &str = "suites/rules.json";

/// The type of statements.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// An in-toto statement (`spec/v1/statement.md`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// The reports that it is about, the record of the run first.
    pub subject: Vec<Subject>,
    /// [`PREDICATE_TYPE`].
    pub predicate_type: String,
    /// What is attested of them.
    pub predicate: Value,
}

/// A file that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Its name, without folders.
    pub name: String,
    /// Its digests in hexadecimal, by algorithm.
    pub digest: BTreeMap<String, String>,
}

impl Subject {
    /// Names a file by its SHA-256.
    fn new(name: &str, sha256: &[u8]) -> Self {
        Self { name: name.to_owned(), digest: BTreeMap::from([("sha256".to_owned(), hex::encode(sha256))]) }
    }

    /// Returns the SHA-256 in lower-case hexadecimal, or `None` if that is not the only digest.
    pub(super) fn sha256(&self) -> Option<&String> {
        let mut digests = self.digest.iter();
        let (Some((algorithm, digest)), None) = (digests.next(), digests.next()) else { return None };
        let is_sha256 = algorithm == "sha256" && digest.len() == 64;
        (is_sha256 && digest.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))).then_some(digest)
    }
}

/// A report of the run, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its file's name, without folders.
    pub name: String,
    /// SHA-256 of it.
    pub sha256: [u8; 32],
}

/// A test result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Predicate {
    /// What came of the run as a whole.
    pub result: TestResult,
    /// What the run was made with: the suites, the rule catalogue, the profile, and ssecheck, in this order.
    pub configuration: Vec<Resource>,
    /// Ids of the cases that passed.
    pub passed_tests: Vec<String>,
    /// Ids of the cases that did not pass, and do not fail the run: recommendations that are not kept or have no verdict,
    /// and failures that a profile declares or a baseline knows.
    pub warned_tests: Vec<String>,
    /// Ids of the cases that fail the run: required, and failed, left without a verdict, or left out for want of
    /// configuration; or not as a profile or strict baseline says.
    pub failed_tests: Vec<String>,
    /// What the predicate has no member for. Extension fields shall have names that no other organisation gives.
    pub ssecheck: Facts,
}

/// What came of a run as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TestResult {
    /// The level asked for is attained, and every case that was judged passed.
    Passed,
    /// Nothing failed that must not, but a recommendation is not kept, or the run is limited.
    Warned,
    /// Anything else.
    Failed,
}

impl TestResult {
    /// The result as certificates write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "PASSED",
            Self::Warned => "WARNED",
            Self::Failed => "FAILED",
        }
    }
}

/// A resource descriptor of in-toto.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// What it is called.
    pub name: String,
    /// Its address, where it has no digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Sha256>,
}

/// A digest set of in-toto with one digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sha256 {
    /// Its 32 bytes in lower-case hexadecimal.
    pub sha256: String,
}

/// What a run was of, what came of it, and what it is worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Facts {
    /// `ssecheck-certificate/1`.
    pub format: String,
    /// The version of `ssecheck` that made it.
    pub version: String,
    /// The run's id.
    pub run: String,
    /// When the run started, by the tester's clock, as RFC 3339 writes it, in UTC.
    pub started: String,
    /// How long it took.
    pub seconds: f64,
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
    /// Why no level is attested, whatever came of the run.
    pub limits: Vec<String>,
    /// What ssecheck could not see, and took from the tester.
    pub claims: Vec<String>,
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

/// A run that can not be attested.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAttested {
    /// It was stopped before all cases were run.
    #[error("the run was interrupted, and is not attested; run again")]
    Interrupted,
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

/// The statement on a run whose reports were written so; the first of them is the record.
///
/// # Errors
/// [`NotAttested`].
pub fn statement(run: &RunRecord, reports: &[Report], asked: Certification) -> Result<Statement, NotAttested> {
    if run.interrupted {
        return Err(NotAttested::Interrupted);
    }
    let subjects = reports.iter().map(|report| Subject::new(&report.name, &report.sha256)).collect();
    Ok(with_predicate(subjects, &Predicate::of(run, asked)))
}

/// The statement of a predicate.
pub(super) fn with_predicate(subjects: Vec<Subject>, predicate: &Predicate) -> Statement {
    Statement {
        statement_type: STATEMENT_TYPE.to_owned(),
        subject: subjects,
        predicate_type: PREDICATE_TYPE.to_owned(),
        // Names, numbers and lists of them are always JSON.
        predicate: serde_json::json!(predicate),
    }
}

/// What becomes of a case in a test result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    Passed,
    Warned,
    Failed,
    Other,
}

impl Listed {
    fn of(run: &RunRecord, case: &CaseRecord) -> Self {
        match case.verdict {
            _ if run.fails(case) || run.leaves_open(case) => Self::Failed,
            Verdict::Pass => Self::Passed,
            Verdict::NotSupported | Verdict::Skipped | Verdict::Observed => Self::Other,
            _ => Self::Warned,
        }
    }
}

impl Predicate {
    /// What is attested of a run that was asked for a level.
    #[must_use]
    pub fn of(run: &RunRecord, asked: Certification) -> Self {
        let ids = |listed: Listed| {
            let cases = run.cases.iter().filter(|case| Listed::of(run, case) == listed);
            cases.map(|case| case.id.clone()).collect()
        };
        let facts = Facts::of(run, asked, ids(Listed::Other));
        let mut predicate = Self {
            result: TestResult::Failed,
            configuration: configuration(run, &facts),
            passed_tests: ids(Listed::Passed),
            warned_tests: ids(Listed::Warned),
            failed_tests: ids(Listed::Failed),
            ssecheck: facts,
        };
        predicate.result = predicate.result_of_lists();
        predicate
    }

    /// The result that its other members come to.
    pub(super) fn result_of_lists(&self) -> TestResult {
        let facts = &self.ssecheck;
        let judged = [Verdict::Pass, Verdict::Fail, Verdict::Inconsistent, Verdict::ExpectedFailure];
        let is_judged = judged.iter().any(|verdict| facts.counts.contains_key(verdict));
        if !is_judged || !self.failed_tests.is_empty() {
            TestResult::Failed
        } else if facts.is_limited() {
            TestResult::Warned
        } else if facts.attained < Some(facts.asked) {
            TestResult::Failed
        } else if !self.warned_tests.is_empty() {
            TestResult::Warned
        } else {
            TestResult::Passed
        }
    }

    /// Whether it attests a level, and nothing that must not failed. Never of a run that is limited.
    #[must_use]
    pub fn attests(&self, level: Certification) -> bool {
        self.result != TestResult::Failed && self.ssecheck.attained >= Some(level)
    }
}

impl Facts {
    fn of(run: &RunRecord, asked: Certification, other_tests: Vec<String>) -> Self {
        let mut facts = Self {
            format: FORMAT.to_owned(),
            version: run.ssecheck.clone(),
            run: run.run.clone(),
            started: run.started.clone(),
            seconds: run.seconds,
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
            asked,
            attained: None,
            levels: Vec::new(),
            counts: run.counted().collect(),
            other_tests,
            limits: run.limits.clone(),
            claims: Vec::new(),
        };
        let levels = run.attainments().into_iter();
        facts.levels = levels
            .map(|Attainment { level, passed, not_passed, missing }| {
                let why_not = facts.why_not(passed, not_passed, &missing);
                LevelReached { level, passed, not_passed, missing, why_not }
            })
            .collect();
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

    /// Why a level is not attested of whose required cases so many passed, and in whose way so many cases did not.
    pub(super) fn why_not(&self, passed: usize, not_passed: usize, missing: &[String]) -> Vec<String> {
        let mut why = Vec::new();
        if self.is_limited() {
            why.push("the run is limited".to_owned());
        }
        if passed == 0 {
            why.push("no required case passed".to_owned());
        }
        if not_passed > 0 {
            why.push(format!("{NOT_PASSED}: {not_passed}"));
        }
        if !missing.is_empty() {
            why.push(format!("capabilities that are missing: {}", missing.join(", ")));
        }
        why
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
        plain.into_iter().chain(label).collect()
    }

    /// The highest level that nothing stands in the way of.
    pub(super) fn highest(&self) -> Option<Certification> {
        self.levels.iter().filter(|level| level.why_not.is_empty()).map(|level| level.level).max()
    }
}

fn configuration(run: &RunRecord, facts: &Facts) -> Vec<Resource> {
    let suites = run.suites.iter().map(|suite| Resource::digested(suite.file.clone(), &suite.digest));
    suites.chain(beside_suites(facts)).collect()
}

/// The configuration after the suites.
pub(super) fn beside_suites(facts: &Facts) -> [Resource; 3] {
    let version = &facts.version;
    [
        Resource::digested(RULES.to_owned(), &facts.rules_digest),
        // The digest is of what it says, and not of its file's layout.
        Resource::digested(format!("profile {}", facts.profile.id), &facts.profile.digest),
        Resource {
            name: format!("ssecheck {version}"),
            uri: Some(format!("pkg:generic/ssecheck@{version}")),
            digest: None,
        },
    ]
}

impl Resource {
    pub(super) fn digested(name: String, sha256: &str) -> Self {
        Self { name, uri: None, digest: Some(Sha256 { sha256: sha256.to_owned() }) }
    }
}
