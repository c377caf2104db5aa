//! The embedded reference endpoint together with a client that trusts it.

use std::num::NonZeroU32;
use std::time::Duration;

use url::Url;

use crate::client::{Client, ClientError, Target, TlsTrust};
use crate::config::Addressing;
use crate::faults::Faults;
use crate::reference::{self, Endpoint, StartError};

/// How a client reaches the embedded endpoint.
#[derive(Debug, Clone)]
pub struct Reach {
    /// How buckets are named.
    pub addressing: Addressing,
    /// For establishing a connection.
    pub connect_timeout: Duration,
    /// For a request, from start to the last byte of its answer.
    pub request_timeout: Duration,
    /// Proxy for all requests; none is used unless given.
    pub proxy: Option<Url>,
    /// How often a scenario's request is sent again where the endpoint says that it is busy.
    pub retry_throttled: u32,
    /// How many requests are sent a second at most.
    pub max_rps: Option<NonZeroU32>,
}

impl Default for Reach {
    /// Path-style, 10 seconds for a connection and 60 for a request, no proxy, and nothing is sent again.
    fn default() -> Self {
        Self {
            addressing: Addressing::Path,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            proxy: None,
            retry_throttled: 0,
            max_rps: None,
        }
    }
}

/// The embedded endpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// It cannot be started.
    #[error("cannot start the embedded reference endpoint: {0}")]
    Start(#[from] StartError),
    /// No client for it can be made.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Starts an endpoint and makes a client for it.
///
/// # Errors
/// [`EmbeddedError`].
pub async fn start(options: reference::Options, reach: Reach) -> Result<(Endpoint, Client), EmbeddedError> {
    let endpoint = reference::start(options).await?;
    let trust = TlsTrust { ca_file: None, ca_pem: Some(endpoint.ca_pem.clone()), insecure: false };
    let target = Target {
        tls: endpoint.tls_url.clone(),
        plain: Some(endpoint.plain_url.clone()),
        region: endpoint.region.clone(),
        addressing: reach.addressing,
        credentials: endpoint.credentials.clone(),
        connect_timeout: reach.connect_timeout,
        request_timeout: reach.request_timeout,
        proxy: reach.proxy,
        retry_throttled: reach.retry_throttled,
        max_rps: reach.max_rps,
    };
    let client = Client::new(target, &trust)?;
    Ok((endpoint, client))
}

/// Starts an endpoint with these faults, and otherwise as it is by default.
///
/// # Errors
/// [`EmbeddedError`].
pub async fn faulty(faults: Faults) -> Result<(Endpoint, Client), EmbeddedError> {
    start(faults.around(reference::Options::default()), Reach::default()).await
}
