//! The service under test: the configured endpoint, or the embedded one.

use url::Url;

use super::choice::Choice;
use crate::client::{Client, ClientError, Target, TlsTrust};
use crate::config::{Config, Credentials, Plain};
use crate::embedded::{self, EmbeddedError, Reach};
use crate::faults::Faults;
use crate::ledger;
use crate::record::{Circumstances, Context, REFERENCE};
use crate::reference;

/// The service under test.
pub(super) struct Service {
    pub client: Client,
    pub context: Context,
    /// Why scenarios over plain HTTP need not be run, where the user declares it.
    pub no_plain_listener: Option<&'static str>,
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

/// Starts or reaches the service; the embedded endpoint has these faults. `circumstances` say how the run is made.
pub(super) async fn service(
    config: &Config,
    choice: &Choice,
    circumstances: Circumstances,
    faults: Faults,
) -> Result<Service, ServiceError> {
    let is_asked_for = circumstances.is_set(REFERENCE);
    let context = |tls: &Url, plain: String, limit: Option<String>| Context {
        endpoint: tls.to_string(),
        plain_endpoint: plain,
        is_embedded: config.endpoint.is_none(),
        label: config.label.clone(),
        suite_digest: choice.suites_digest.clone(),
        is_complete: choice.is_complete,
        shard: choice.shard.clone(),
        limits: choice.limits.iter().cloned().chain(limit).collect(),
        circumstances: Some(circumstances),
        evidence_digest: None,
    };
    if let (Some(endpoint), Some(credentials)) = (&config.endpoint, &config.credentials) {
        let plain = if let Plain::Url(url) = &endpoint.plain { Some(url.clone()) } else { None };
        let client = Client::new(target(config, endpoint.tls.clone(), plain, credentials.clone()), &trust(config))?;
        let (told, no_plain_listener) = (endpoint.plain.told(), endpoint.plain.declared());
        let context = context(&endpoint.tls, told, limit_of_trust(config));
        return Ok(Service { client, context, no_plain_listener, embedded: None });
    }
    let options = faults.around(reference::Options { region: config.region.clone(), ..Default::default() });
    let reach = Reach {
        addressing: config.addressing,
        connect_timeout: config.connect_timeout,
        request_timeout: config.request_timeout,
        proxy: config.proxy.clone(),
        retry_throttled: config.retry_throttled,
        max_rps: config.max_rps,
    };
    let (endpoint, client) = embedded::start(options, reach).await?;
    let limit = (!is_asked_for).then(|| "the embedded reference endpoint was tested, and no product".to_owned());
    let context = context(&endpoint.tls_url, endpoint.plain_url.to_string(), limit);
    Ok(Service { client, context, no_plain_listener: None, embedded: Some(endpoint) })
}

/// Why a run certifies nothing whose endpoint nobody vouches for.
pub(super) fn limit_of_trust(config: &Config) -> Option<String> {
    (config.insecure && config.endpoint.is_some())
        .then(|| "the TLS certificate was not verified: --insecure".to_owned())
}

/// A client of the configured endpoint alone, to its TLS listener, that names buckets and signs as a run did; none where no
/// endpoint is configured.
pub(super) fn client_as_of(config: &Config, run: &ledger::Head) -> Result<Option<Client>, ServiceError> {
    let (Some(endpoint), Some(credentials)) = (&config.endpoint, &config.credentials) else { return Ok(None) };
    let target = Target {
        region: run.region.clone(),
        addressing: run.addressing,
        ..target(config, endpoint.tls.clone(), None, credentials.clone())
    };
    Ok(Some(Client::new(target, &trust(config))?))
}

fn trust(config: &Config) -> TlsTrust {
    TlsTrust { ca_file: config.ca_file.clone(), ca_pem: None, insecure: config.insecure }
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
        retry_throttled: config.retry_throttled,
        max_rps: config.max_rps,
    }
}
