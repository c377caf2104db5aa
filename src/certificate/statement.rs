//! What is attested of a run: an in-toto statement (<https://github.com/in-toto/attestation/tree/main/spec/v1>), whose
//! predicate is a test result (`spec/predicates/test-result.md`). Made of the record of the run and nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facts::{Facts, KeptEvidence};
use crate::record::{CaseRecord, RunRecord};
use crate::suite::model::Certification;
use crate::verdict::Verdict;

/// The predicate's type.
pub const PREDICATE_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";

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
    /// Nothing failed that must not, but a recommendation is not kept, the run is limited, or it is of ssecheck's own reference endpoint.
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

/// A run that can not be attested.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAttested {
    /// It was stopped before all cases were run.
    #[error("the run was interrupted, and is not attested; run again")]
    Interrupted,
}

/// What the tester decides of a certificate, beside the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The certification level that is asked for.
    pub asked: Certification,
    /// When the certificate ends, as RFC 3339 writes it, in UTC; `None` in the former format.
    pub expires: Option<String>,
    /// The evidence that was kept of the run.
    pub evidence: Option<KeptEvidence>,
    /// Whether the certificate is of the former format, which says neither whom the run reached nor when it ends.
    pub is_former: bool,
}

impl Terms {
    /// The terms of a certificate that says this.
    pub(super) fn of(facts: &Facts) -> Self {
        Self {
            asked: facts.asked,
            expires: facts.expires.clone(),
            evidence: facts.evidence.clone(),
            is_former: facts.is_former(),
        }
    }
}

/// The statement on a run whose reports were written so; the first of them is the record.
///
/// # Errors
/// [`NotAttested`].
pub fn statement(run: &RunRecord, reports: &[Report], terms: &Terms) -> Result<Statement, NotAttested> {
    if run.interrupted {
        return Err(NotAttested::Interrupted);
    }
    let subjects = reports.iter().map(|report| Subject::new(&report.name, &report.sha256)).collect();
    Ok(with_predicate(subjects, &Predicate::of(run, terms)))
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
    /// What is attested of a run on these terms.
    #[must_use]
    pub fn of(run: &RunRecord, terms: &Terms) -> Self {
        let ids = |listed: Listed| {
            let cases = run.cases.iter().filter(|case| Listed::of(run, case) == listed);
            cases.map(|case| case.id.clone()).collect()
        };
        let facts = Facts::of(run, terms, ids(Listed::Other));
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
        } else if !self.warned_tests.is_empty() || (facts.is_of_the_reference() && !facts.is_former()) {
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

fn configuration(run: &RunRecord, facts: &Facts) -> Vec<Resource> {
    let suites = run.suites.iter().map(|suite| Resource::digested(suite.file.clone(), &suite.digest));
    suites.chain(beside_suites(facts)).collect()
}

/// The configuration after the suites.
pub(super) fn beside_suites(facts: &Facts) -> [Resource; 3] {
    let version = &facts.version;
    let program = facts.circumstances.as_ref().and_then(|it| it.program.clone());
    [
        Resource::digested(RULES.to_owned(), &facts.rules_digest),
        // The digest is of what it says, and not of its file's layout.
        Resource::digested(format!("profile {}", facts.profile.id), &facts.profile.digest),
        Resource {
            name: format!("ssecheck {version}"),
            uri: Some(format!("pkg:generic/ssecheck@{version}")),
            digest: program.map(|sha256| Sha256 { sha256 }),
        },
    ]
}

impl Resource {
    pub(super) fn digested(name: String, sha256: &str) -> Self {
        Self { name, uri: None, digest: Some(Sha256 { sha256: sha256.to_owned() }) }
    }
}
