//! Who is at the other end of a connection.

use serde::{Deserialize, Serialize};

use super::Answer;

/// The most characters of a `Server` header that [`Peers`] holds.
const MAX_SERVER: usize = 200;

/// The other end of the connection of an exchange.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// IP address and port of the TCP connection, IPv6 addresses in brackets; those of the proxy, where there is one.
    pub address: String,
    /// For TLS: SHA-256 of the DER of the server's own certificate, in lower-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

/// The distinct peers of all exchanges of a run, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Peers {
    /// Peers of connections with TLS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tls: Vec<Peer>,
    /// Addresses of connections over plain HTTP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plain: Vec<String>,
    /// `Server` headers of responses, cut off after 200 characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<String>,
    /// Whether there were more than stand here. Certificates are listed before addresses.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

impl Peers {
    /// Returns whether there are none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Adds the peers of another run.
    pub fn join(&mut self, other: &Self) {
        fn united<T: Clone + Ord>(these: &mut Vec<T>, others: &[T]) {
            these.extend_from_slice(others);
            these.sort();
            these.dedup();
        }
        united(&mut self.tls, &other.tls);
        united(&mut self.plain, &other.plain);
        united(&mut self.servers, &other.servers);
        self.more |= other.more;
    }

    /// The `Server` header of a response as [`servers`](Self::servers) holds it.
    #[must_use]
    pub fn server_of(answer: &Answer) -> Option<String> {
        answer.header("server").map(|server| server.chars().take(MAX_SERVER).collect())
    }
}
