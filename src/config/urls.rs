//! Rules for the addresses a run connects to.

use std::fmt;

use url::{Host, Url};

use super::error::ConfigError;
use super::origin::{Origin, Sourced};
use super::resolved::Plain;
use super::typed::UrlText;

/// What a URL is for, which decides the schemes it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlRole {
    /// The service's TLS listener.
    Endpoint,
    /// The service's listener without TLS.
    PlainEndpoint,
    /// The HTTP proxy in between.
    Proxy,
}

impl UrlRole {
    fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Endpoint => &["https"],
            Self::PlainEndpoint => &["http"],
            Self::Proxy => &["http", "https"],
        }
    }
}

/// Displayed as an example of such a URL.
impl fmt::Display for UrlRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Endpoint => "https://s3.example.com:9000",
            Self::PlainEndpoint => "http://s3.example.com:9001",
            Self::Proxy => "http://proxy.example.com:3128",
        })
    }
}

/// The URL that a text stands for: of one of the role's schemes, and nothing more than an address.
pub(super) fn address(given: &Sourced<UrlText>, role: UrlRole) -> Result<Url, ConfigError> {
    let (text, origin) = (|| given.value.clone(), || given.origin.clone());
    let not_a_url = |reason| ConfigError::NotAUrl { origin: origin(), text: text(), reason, role };
    if !given.value.as_str().contains("://") {
        return Err(not_a_url("it has no `https://` or `http://` before the host".to_owned()));
    }
    let url = Url::parse(given.value.as_str()).map_err(|error| not_a_url(error.to_string()))?;
    match (role, url.scheme()) {
        (role, scheme) if role.schemes().contains(&scheme) => {}
        (UrlRole::Endpoint, "http") => return Err(ConfigError::EndpointWithoutTls { origin: origin(), text: text() }),
        (UrlRole::PlainEndpoint, "https") => {
            return Err(ConfigError::PlainEndpointWithTls { origin: origin(), text: text() });
        }
        _ => return Err(ConfigError::UrlScheme { origin: origin(), text: text(), role }),
    }
    let excess = if !url.username().is_empty() || url.password().is_some() {
        Some("user information")
    } else if url.query().is_some() {
        Some("a query")
    } else if url.fragment().is_some() {
        Some("a fragment")
    } else if url.path() != "/" {
        Some("a path")
    } else {
        None
    };
    match excess {
        Some(excess) => Err(ConfigError::UrlExcess { origin: origin(), text: text(), excess, role }),
        None => Ok(url),
    }
}

/// What a text says of the listener without TLS.
pub(super) fn plain(given: &Sourced<UrlText>) -> Result<Plain, ConfigError> {
    match given.value.as_str() {
        "none" => Ok(Plain::None),
        "refuses" => Ok(Plain::Refuses),
        _ => address(given, UrlRole::PlainEndpoint).map(Plain::Url),
    }
}

/// Refuses a URL whose host cannot have a bucket name put before it.
pub(super) fn check_virtual_host(url: &Url, addressing: &Origin) -> Result<(), ConfigError> {
    match url.host() {
        Some(Host::Domain(_)) => Ok(()),
        _ => Err(ConfigError::VirtualHostIsIp { origin: addressing.clone(), url: Box::new(url.clone()) }),
    }
}
