//! How a run was made, and whom it reached.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::client::SentAgain;
use crate::config::{AuthorityFile, Config};
use crate::evidence::Peers;
use crate::recorded_path::recorded;

/// How a run was made, and whom it reached. Holds no secret: no access key, and of a proxy the address alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Circumstances {
    /// SHA-256 of the program that made the run, in hexadecimal; absent where the system does not show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The files of certificate authorities that the tester chose. Where there is none, the system's are trusted alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorities: Vec<AuthorityRecord>,
    /// The settings in force, by the names of their flags. A flag without a value has `true`.
    pub settings: BTreeMap<String, String>,
    /// The servers that responded.
    #[serde(default, skip_serializing_if = "Peers::is_none")]
    pub peers: Peers,
    /// The number of requests that were sent again, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sent_again: BTreeMap<SentAgain, u64>,
}

/// A file of certificate authorities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AuthorityRecord {
    /// The flag, key or variable that names it.
    pub named_by: String,
    /// Its path as typed; of an absolute one the name alone.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal; absent of a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// The setting by which levels, badges and certificates are made of ssecheck's own reference endpoint.
pub const REFERENCE: &str = "reference";

/// What the `Server` header of the reference endpoint begins with.
const REFERENCE_SERVER: &str = "ssecheck-reference";

impl Circumstances {
    /// Describes a run that is about to be made with these settings and with `options`, the options of the command by the names of their
    /// flags.
    #[must_use]
    pub fn of(config: &Config, program: Option<String>, options: BTreeMap<String, String>) -> Self {
        let authorities = config.authorities.iter().map(AuthorityRecord::of).collect();
        let settings = config.in_force().into_iter().chain(options).collect();
        Self { program, authorities, settings, ..Self::default() }
    }

    /// Whether a flag was given.
    #[must_use]
    pub fn is_set(&self, flag: &str) -> bool {
        self.settings.get(flag).is_some_and(|value| value == "true")
    }

    /// Whether any server said that it is ssecheck's reference endpoint.
    #[must_use]
    pub fn reached_the_reference(&self) -> bool {
        self.peers.servers.iter().any(|server| is_reference(server))
    }
}

impl AuthorityRecord {
    fn of(file: &AuthorityFile) -> Self {
        let path = recorded(&file.path.display().to_string());
        Self { named_by: file.named_by.clone(), file: path, sha256: file.sha256.clone() }
    }
}

fn is_reference(server: &str) -> bool {
    server.starts_with(REFERENCE_SERVER)
}

/// Whether any server of a run said by its `Server` header that it is ssecheck's reference endpoint.
#[must_use]
pub fn says_to_be_the_reference(server: Option<&str>, circumstances: Option<&Circumstances>) -> bool {
    server.is_some_and(is_reference) || circumstances.is_some_and(Circumstances::reached_the_reference)
}
