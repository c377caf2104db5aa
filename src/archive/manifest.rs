//! `evidence.json`: what was run, and where its exchanges are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::client::{SentAgain, Throttling};
use crate::evidence::Peers;
use crate::record::{Circumstances, ProfileRecord};
use crate::runner::Stopped;
use crate::verdict::{Facts, SseCSupport, Verdict};

/// What the member `format` of a manifest holds.
pub const FORMAT: &str = "ssecheck-evidence/2";

/// The format before: it says nothing of peers, buckets and object keys, so that its exchanges are not bound to its
/// endpoint.
pub(super) const FORMER_FORMAT: &str = "ssecheck-evidence/1";

/// The manifest's file in its folder.
pub(super) const FILE: &str = "evidence.json";

/// The folders of HAR files beside it.
pub(super) const FOLDERS: [&str; 3] = ["cases", "controls", "probes"];

/// A folder of evidence.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`], or `ssecheck-evidence/1`, which lacks what is optional here.
    pub format: String,
    /// The version of `ssecheck` that made the run.
    pub ssecheck: String,
    /// The run's id.
    pub run: String,
    /// When it started, as RFC 3339 writes it, in UTC.
    pub started: String,
    /// When it ended, as RFC 3339 writes it, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
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
    /// Who was at the other end of all its connections.
    #[serde(default, skip_serializing_if = "Peers::is_none")]
    pub peers: Peers,
    /// How the run was made; absent in the former format. Whom it reached stands beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circumstances: Option<Circumstances>,
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
    /// Names of all buckets that it used, made, or tried to make.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<String>,
    /// What the keys of all its objects begin with.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
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
    /// How much was sent again, by the reason: attempts at cases for `retries`, else requests.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sent_again: BTreeMap<SentAgain, u64>,
    /// Whether nothing was left out (`--evidence-limit`): every run of steps by which anything is judged has its file, and
    /// everything that the runner itself sent is there. What was sent again is kept once.
    #[serde(default)]
    pub all_kept: bool,
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
    /// Id of the capability that the endpoint lacks, as its probe shows, if that is why there is nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<String>,
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
