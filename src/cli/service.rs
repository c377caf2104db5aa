//! The service under test: the configured endpoint, or the embedded one.

use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use crate::client::{Client, ClientError, Target, TlsTrust};
use crate::config::{Config, Credentials, Plain};
use crate::embedded::{self, EmbeddedError, Reach};
use crate::profile::Profile;
use crate::record::Context;
use crate::reference;
use crate::suite::{Suite, digest_of_all};

/// The service under test.
pub(super) struct Service {
    pub client: Client,
    pub context: Context,
    pub no_plain_listener: bool,
    /// The embedded endpoint, where it is that.
    pub embedded: Option<reference::Endpoint>,
}

/// It cannot be reached at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServiceError {
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// What is run by the command line's choice.
pub(super) struct Chosen<'a> {
    pub suites: &'a [Arc<Suite>],
    pub profile: &'a Profile,
    /// Suite files that were named.
    pub paths: &'a [PathBuf],
    /// What of the cases' ids is asked for.
    pub only: &'a [String],
    pub baseline: Option<&'a PathBuf>,
}

impl Chosen<'_> {
    /// Whether all built-in cases are run.
    fn is_complete(&self) -> bool {
        self.paths.is_empty() && self.only.is_empty()
    }

    /// Why a run of these can certify nothing.
    fn limits(&self) -> Vec<String> {
        let mut limits = Vec::new();
        if !self.paths.is_empty() {
            let paths: Vec<String> = self.paths.iter().map(|path| path.display().to_string()).collect();
            limits.push(format!("suites of the user's own were run: {}", paths.join(", ")));
        }
        if !self.only.is_empty() {
            limits.push(format!("only a part of the cases was run: --only {}", self.only.join(", ")));
        }
        if let Some(file) = &self.profile.file {
            limits.push(format!("the profile is the user's own: {file}"));
        }
        if !self.profile.departures.is_empty() {
            let ids: Vec<&str> = self.profile.departures.iter().map(|departure| departure.id.as_str()).collect();
            limits.push(format!("profile {} declares departures: {}", self.profile.id, ids.join(", ")));
        }
        if let Some(baseline) = self.baseline {
            limits.push(format!("failures are declared by a baseline: {}", baseline.display()));
        }
        limits
    }
}

/// Starts or reaches the service.
pub(super) async fn service(config: &Config, chosen: &Chosen<'_>) -> Result<Service, ServiceError> {
    let context = |tls: &Url, plain: String, limit: Option<&str>| Context {
        endpoint: tls.to_string(),
        plain_endpoint: plain,
        is_embedded: config.endpoint.is_none(),
        label: config.label.clone(),
        suite_digest: digest_of_all(chosen.suites),
        is_complete: chosen.is_complete(),
        limits: chosen.limits().into_iter().chain(limit.map(str::to_owned)).collect(),
    };
    if let (Some(endpoint), Some(credentials)) = (&config.endpoint, &config.credentials) {
        let (plain, told) = match &endpoint.plain {
            Plain::Url(url) => (Some(url.clone()), url.to_string()),
            Plain::None => (None, "none".to_owned()),
            Plain::Unknown => (None, "not told".to_owned()),
        };
        let trust = TlsTrust { ca_file: config.ca_file.clone(), ca_pem: None, insecure: config.insecure };
        let client = Client::new(target(config, endpoint.tls.clone(), plain, credentials.clone()), &trust)?;
        let no_plain_listener = endpoint.plain == Plain::None;
        let limit = config.insecure.then_some("the TLS certificate was not verified: --insecure");
        return Ok(Service { client, context: context(&endpoint.tls, told, limit), no_plain_listener, embedded: None });
    }
    let options = reference::Options { region: config.region.clone(), ..Default::default() };
    let reach = Reach {
        addressing: config.addressing,
        connect_timeout: config.connect_timeout,
        request_timeout: config.request_timeout,
        proxy: config.proxy.clone(),
    };
    let (endpoint, client) = embedded::start(options, reach).await?;
    let limit = "the embedded reference endpoint was tested, and no product";
    let context = context(&endpoint.tls_url, endpoint.plain_url.to_string(), Some(limit));
    Ok(Service { client, context, no_plain_listener: false, embedded: Some(endpoint) })
}

fn target(config: &Config, tls: Url, plain: Option<Url>, credentials: Credentials) -> Target {
    Target {
        tls,
        plain,
        region: config.region.clone(),
        addressing: config.addressing,
        credentials,
        connect_timeout: config.connect_timeout,
        request_timeout: config.request_timeout,
        proxy: config.proxy.clone(),
    }
}
