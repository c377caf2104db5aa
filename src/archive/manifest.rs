//! `evidence.json`: what was run, and where its exchanges are.

use serde::{Deserialize, Serialize};

use crate::client::Throttling;
use crate::record::ProfileRecord;
use crate::runner::Stopped;
use crate::verdict::{Facts, SseCSupport, Verdict};

/// What the member `format` of a manifest holds.
pub const FORMAT: &str = "ssecheck-evidence/1";

/// The manifest's file in its folder.
pub(super) const FILE: &str = "evidence.json";

/// A folder of evidence.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The version of `ssecheck` that made the run.
    pub ssecheck: String,
    /// The run's id.
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
    /// Whether that is the embedded reference endpoint.
    pub embedded: bool,
    /// The endpoint's `Server` header, where it sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// What was tested, in the user's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What the endpoint does with SSE-C as a whole, by the first exchanges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<SseCSupport>,
    /// The bucket it used.
    pub bucket: String,
    /// The profile it was judged by.
    pub profile: ProfileRecord,
    /// Whether all built-in cases were run.
    pub complete: bool,
    /// Why the run can certify nothing.
    pub limits: Vec<String>,
    /// SHA-256 over the digests of all suites of the run, in hexadecimal.
    pub suites_digest: String,
    /// How often the endpoint said that it was busy.
    #[serde(default, skip_serializing_if = "Throttling::is_none")]
    pub throttling: Throttling,
    /// What could not be removed.
    pub left_behind: Vec<String>,
    /// The cases.
    pub cases: Vec<KeptCase>,
    /// The probes of capabilities, by the capability's id.
    pub probes: Vec<KeptProbe>,
    /// What the runner sent to make buckets and to remove what was made.
    pub housekeeping: Option<KeptFile>,
}

/// A case's evidence.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptCase {
    /// Its id.
    pub id: String,
    /// How long it took.
    pub seconds: f64,
    /// Why there is nothing of it, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_run: Option<NotRun>,
    /// The verdicts of all attempts, in order; empty where it was run once. What is kept is one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Verdict>,
    /// Its own steps; absent where it was not run, or a probe showed that the endpoint lacks what it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<KeptFile>,
    /// Its positive controls; several cases may name one file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<KeptControl>,
}

/// Why a case was left out.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotRun {
    /// One sentence.
    pub reason: String,
    /// Whether the run is not complete for that.
    pub incomplete: bool,
    /// SHA-256 of what the case asked for, as in HAR files.
    pub requests: String,
}

/// The evidence of a positive control.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptControl {
    /// Id of the step that was put right.
    pub step: String,
    /// Its exchanges.
    pub kept: KeptFile,
}

/// The evidence of a probe.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptProbe {
    /// Id of the capability.
    pub capability: String,
    /// Its exchanges.
    pub kept: KeptFile,
}

/// A HAR file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptFile {
    /// Its path in the folder, with `/` between names.
    pub file: String,
    /// SHA-256 of it, in hexadecimal.
    pub sha256: String,
}

/// What a HAR file says of all its exchanges.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    /// Whose they are.
    pub of: String,
    /// SHA-256 of what was asked for ([`super::requests::digest`]).
    pub requests: String,
    /// What expectations refer to.
    pub facts: Facts,
    /// Why the steps ended whatever came back, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
}
