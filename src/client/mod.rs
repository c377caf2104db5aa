//! From a step to an exchange: build, address, sign, send.

mod aws_chunked;
mod bodies;
mod build;
mod connect;
mod connection;
mod connections;
mod content;
mod customer_key;
mod form;
mod header_case;
mod headers;
mod no_answer;
mod own_connection;
mod pace;
mod peer_log;
mod receive;
#[cfg(test)]
pub(crate) mod samples;
mod send;
mod sent_again;
mod sign;
mod silence;
mod tap;
mod throttling;
mod tls;

use std::num::NonZeroU32;
use std::time::Duration;

use url::Url;

pub use build::{BuildError, Earlier, Place, Prepared, build, existence_probe, housekeeping, storage_probe};
pub use connections::{Connections, ExchangeId, Lane};
pub use content::Content;
pub use customer_key::CustomerKey;
pub use no_answer::is_given_up;
pub use receive::Disclosures;
pub(crate) use send::{CHANGED_AFTER_SIGNING, NOT_SIGNED};
pub use send::{Client, ClientError};
pub use sent_again::SentAgain;
pub use silence::Silence;
pub use throttling::Throttling;
pub use tls::TlsTrust;

use crate::config::{Addressing, Credentials};

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
    /// How often a scenario's request is sent again where the endpoint says that it is busy.
    pub retry_throttled: u32,
    /// How many requests are sent a second at most, those of the harness's own included.
    pub max_rps: Option<NonZeroU32>,
}
