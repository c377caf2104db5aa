//! The settings of a run, checked and complete.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::credentials::Credentials;

pub(super) const DEFAULT_REGION: &str = "us-east-1";
pub(super) const DEFAULT_PREFIX: &str = "ssecheck/";
pub(super) const DEFAULT_PROFILE: &str = "portable";
pub(super) const DEFAULT_JOBS: usize = 8;
pub(super) const DEFAULT_CONNECT_TIMEOUT: u64 = 10;
pub(super) const DEFAULT_REQUEST_TIMEOUT: u64 = 60;
pub(super) const DEFAULT_SCENARIO_TIMEOUT: u64 = 300;
/// The most times that a request may be sent again.
pub(super) const MOST_RETRIES: u32 = 20;

/// The connection settings of a run: every value checked, every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The service to check; `None` means that nobody named one, and the embedded reference endpoint is to be started.
    pub endpoint: Option<Endpoint>,
    /// The region that requests are signed for.
    pub region: String,
    /// Where the bucket name goes in a request.
    pub addressing: Addressing,
    /// A readable file of the certificate authorities to trust, as an absolute path.
    pub ca_file: Option<PathBuf>,
    /// Whether any certificate is accepted; never together with [`Config::ca_file`].
    pub insecure: bool,
    /// The files of certificate authorities that the tester chose, whatever the system trusts besides.
    pub authorities: Vec<AuthorityFile>,
    /// The bucket to work in; `None` means that the run creates its own.
    pub bucket: Option<String>,
    /// The text that every object key of the run begins with.
    pub prefix: String,
    /// The HTTP proxy to reach the service through.
    pub proxy: Option<Url>,
    /// How many scenarios run at a time.
    pub jobs: NonZeroUsize,
    /// How many requests are sent a second at most; no limit where it is `None`.
    pub max_rps: Option<NonZeroU32>,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long to wait for the end of one request.
    pub request_timeout: Duration,
    /// How long to wait for the end of one scenario.
    pub scenario_timeout: Duration,
    /// How often a scenario's request is sent again where the endpoint says that it is busy; 20 at most.
    pub retry_throttled: u32,
    /// The folder for the ledgers of runs; `None` where none was named and there is no home directory.
    pub ledger: Option<LedgerFolder>,
    /// The name of the conformance profile.
    pub profile: String,
    /// What is tested, in the user's words: product, version, build.
    pub label: Option<String>,
    /// The access keys; always there when [`Config::endpoint`] is.
    pub credentials: Option<Credentials>,
}

/// A file or folder of certificate authorities that somebody chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityFile {
    /// The flag, key or variable that names it, as messages have it.
    pub named_by: String,
    /// The path as it was given.
    pub path: PathBuf,
    /// SHA-256 of the file, in hexadecimal; `None` of a folder, or of what cannot be read.
    pub sha256: Option<String>,
}

impl Config {
    /// The settings that decide what is sent, by the names of their flags; defaults are filled in. Without secrets: no access keys, and of
    /// the proxy the address alone.
    #[must_use]
    pub fn in_force(&self) -> BTreeMap<String, String> {
        let seconds = |duration: Duration| duration.as_secs().to_string();
        let proxy = self.proxy.as_ref().map(|proxy| proxy.origin().ascii_serialization());
        let settings = [
            ("region", Some(self.region.clone())),
            ("addressing", Some(self.addressing.as_str().to_owned())),
            ("insecure", Some(self.insecure.to_string())),
            ("bucket", self.bucket.clone()),
            ("prefix", Some(self.prefix.clone())),
            ("proxy", proxy),
            ("jobs", Some(self.jobs.to_string())),
            ("max-rps", self.max_rps.map(|rate| rate.to_string())),
            ("connect-timeout", Some(seconds(self.connect_timeout))),
            ("request-timeout", Some(seconds(self.request_timeout))),
            ("scenario-timeout", Some(seconds(self.scenario_timeout))),
            ("retry-throttled", Some(self.retry_throttled.to_string())),
        ];
        settings.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// The folder for the ledgers of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerFolder {
    /// An absolute path; it need not be there.
    pub path: PathBuf,
    /// Whether it is the default.
    pub is_default: bool,
}

/// The addresses of the service to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The `https` address, without user information, path, query or fragment.
    pub tls: Url,
    /// What is known of the listener without TLS.
    pub plain: Plain,
}

/// What is known of the service's listener without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plain {
    /// It listens at this `http` address.
    Url(Url),
    /// The user said that the service has no such listener.
    None,
    /// The user said that it refuses every request, whether about SSE-C or not.
    Refuses,
    /// Nothing was said.
    Unknown,
}

impl Plain {
    /// The value of `--plain-endpoint` as records have it.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Self::Url(url) => url.to_string(),
            Self::None => "none".to_owned(),
            Self::Refuses => "refuses".to_owned(),
            Self::Unknown => "not told".to_owned(),
        }
    }

    /// Why scenarios over plain HTTP need not be run, where the user declares it.
    #[must_use]
    pub fn declared(&self) -> Option<&'static str> {
        match self {
            Self::None => Some("the service has no plain-HTTP listener, says --plain-endpoint none"),
            Self::Refuses => Some("the service refuses every request over plain HTTP, says --plain-endpoint refuses"),
            Self::Url(_) | Self::Unknown => None,
        }
    }
}

/// Where the bucket name goes in a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Addressing {
    /// In the path: `https://host/bucket/key`.
    #[default]
    Path,
    /// In the host name: `https://bucket.host/key`.
    Virtual,
}

impl Addressing {
    /// The value of `--addressing`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Virtual => "virtual",
        }
    }
}
