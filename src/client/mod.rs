//! From a step to an exchange: build, address, sign, send.

mod build;
mod customer_key;
mod send;
mod sign;

use std::time::Duration;

use url::Url;
use zeroize::Zeroizing;

pub use build::{BuildError, Earlier, Place, Prepared, build, housekeeping, storage_probe};
pub use customer_key::CustomerKey;
pub use send::{Client, ClientError, TlsTrust};

/// How a bucket is named in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressing {
    /// `https://host/bucket/key`
    Path,
    /// `https://bucket.host/key`
    VirtualHost,
}

/// What requests are signed with.
#[derive(Clone)]
pub struct Credentials {
    /// Access key id; no secret.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: Zeroizing<String>,
    /// Session token of temporary credentials.
    pub session_token: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// Where and how requests are sent.
#[derive(Debug, Clone)]
pub struct Target {
    /// The TLS listener.
    pub tls: Url,
    /// The plain-HTTP listener, where one is known.
    pub plain: Option<Url>,
    /// Region that requests are signed for.
    pub region: String,
    /// How buckets are named.
    pub addressing: Addressing,
    /// What requests are signed with.
    pub credentials: Credentials,
    /// For establishing a connection.
    pub connect_timeout: Duration,
    /// For a request, from start to the last byte of its answer.
    pub request_timeout: Duration,
    /// Proxy for all requests; none is used unless given.
    pub proxy: Option<Url>,
}
