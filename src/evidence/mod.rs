//! What was sent and what came back, redacted when it is captured: verdicts and reports read this and nothing else.

mod clock;
mod framing;
mod har;
mod har_1_2;
mod peer;
mod redact;
#[cfg(test)]
pub(crate) mod samples;
mod xml;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use clock::MOST_SKEW;
pub use framing::Framing;
pub use har::{HarError, from_har, to_har};
pub use peer::{Peer, Peers};
pub use redact::{Alike, Redactor, Secrets};
pub use xml::{Element, XmlError};

use crate::suite::model::Scheme;

/// The most bytes of an answer's body that are read.
pub const MAX_ANSWER: usize = 80 * 1024 * 1024;
/// The most bytes of a listing that are kept as text.
const MAX_TEXT: usize = 4 * 1024 * 1024;
/// The most bytes of another answer's body that are kept as text: no error document of S3 is as long.
const MAX_DOCUMENT: usize = 64 * 1024;
/// The most bytes of a request's body that are kept as text.
const MAX_SENT_TEXT: usize = 4096;

/// The most bytes of a request's body that are kept as text: of what removes many things by one request, all of it.
#[must_use]
pub fn most_sent_text(operation: &str) -> usize {
    if operation == "DeleteObjects" { MAX_TEXT } else { MAX_SENT_TEXT }
}

/// The most bytes of an answer to this operation that are kept as text, so that nothing that an endpoint sends fills the memory.
#[must_use]
pub fn most_text(operation: &str) -> usize {
    if operation.starts_with("List") || operation == "DeleteObjects" { MAX_TEXT } else { MAX_DOCUMENT }
}

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Exchange {
    /// Id of the step.
    pub step: String,
    /// Whether this is not the step's own request but the listing that tells whether its object is stored.
    pub storage_probe: bool,
    /// What was sent.
    pub sent: Sent,
    /// What came back.
    pub reply: Reply,
    /// When its first byte was sent, as RFC 3339 writes it, in UTC.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    pub started: OffsetDateTime,
    /// From the first byte sent to the last received.
    pub seconds: f64,
    /// What is wrong with its connection, if anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub framing: Option<Framing>,
    /// The other end of its connection, where one was made; exchanges of a connection share it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Arc<Peer>>,
}

/// A request as it went out, customer keys and signatures redacted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Sent {
    /// Name of the S3 operation.
    pub operation: String,
    /// The listener it went to.
    pub scheme: Scheme,
    /// HTTP method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// Header lines in order.
    pub headers: Vec<(String, String)>,
    /// The fields of a form, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
    /// Length of the body in bytes, as it was framed.
    pub body_length: u64,
    /// The body's text before it was framed, where it is text of no more than 4096 bytes and no form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_text: Option<String>,
    /// What of the request its headers do not show: changed once signed, cut off on purpose, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// The object key addressed, decoded; empty for requests to a bucket.
    pub object_key: String,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// An HTTP answer.
    Answer(Answer),
    /// No HTTP answer: the connection was refused, or closed before one came.
    Closed(String),
    /// No HTTP answer, because the connection was closed on purpose in the middle of the request.
    Interrupted,
    /// No HTTP answer for another reason (name not resolved, TLS, time-out).
    Failed(String),
    /// The request could not be made, because an earlier answer lacks what it needs.
    NotSent(String),
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Answer {
    /// The version of HTTP, as answers write it: `HTTP/1.1`.
    pub version: String,
    /// Status code.
    pub status: u16,
    /// Header lines in order; bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Received,
    /// Names of the customer keys that the answer gave back, in whatever encoding.
    pub leaked_keys: Vec<String>,
}

/// The body of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Received {
    /// Length in bytes, as received.
    pub length: u64,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
    /// The body's text, where it is text and not too long.
    pub text: Option<String>,
    /// Names of the scenario's bodies of which this body holds a piece. Looked for in answers other than 2xx.
    pub discloses: Vec<String>,
    /// Why the body ended early, where it did.
    pub cut_short: Option<String>,
    /// Whether it did because the connection or the time was lost: that may be the network's doing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_lost: bool,
}

impl Exchange {
    /// About how many bytes of memory it takes, of what an endpoint decides.
    #[must_use]
    pub fn size(&self) -> usize {
        self.sent.url.len() + self.reply.answer().map_or(0, Answer::size)
    }
}

impl Answer {
    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// About how many bytes of memory it takes: what an endpoint decides of it.
    #[must_use]
    pub fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        headers + self.body.text.as_ref().map_or(0, String::len)
    }

    /// The body as XML.
    ///
    /// # Errors
    /// [`XmlError`] where it is none, or exceeds the limits.
    pub fn xml(&self) -> Result<Element, XmlError> {
        self.body.text.as_deref().map_or(Err(XmlError::NotText), Element::parse)
    }

    /// The fields of the S3 error that the body holds, by name.
    #[must_use]
    pub fn s3_error(&self) -> Option<BTreeMap<String, String>> {
        let root = self.xml().ok().filter(|root| root.name == "Error")?;
        Some(root.children.into_iter().map(|child| (child.name, child.text)).collect())
    }

    /// The S3 error code.
    #[must_use]
    pub fn s3_code(&self) -> Option<String> {
        self.s3_error()?.remove("Code")
    }

    /// Whether the answer says that the server is busy or the client too fast: no verdict can rest on it.
    #[must_use]
    pub fn is_throttling(&self) -> bool {
        let busy = ["SlowDown", "ServiceUnavailable", "RequestLimitExceeded", "Throttling", "ThrottlingException"];
        matches!(self.status, 408 | 429 | 503)
            || (self.status >= 400 && self.s3_code().is_some_and(|code| busy.contains(&code.as_str())))
    }

    /// Whether it is a 5xx other than 501, which says that something is not there.
    #[must_use]
    pub fn is_server_error(&self) -> bool {
        self.status >= 500 && self.status != 501
    }

    /// Whether the endpoint says that it lacks an operation, a parameter or a header: by the status 501 or 405, or by an error code.
    #[must_use]
    pub fn says_lacking(&self) -> bool {
        // Those of AWS (Amazon S3 API Reference, "Error responses"), and two that name the same.
        let lacking = ["NotImplemented", "MethodNotAllowed", "UnsupportedOperation", "NotSupported"];
        matches!(self.status, 405 | 501) || self.s3_code().is_some_and(|code| lacking.contains(&code.as_str()))
    }

    /// Where the answer sends the client, if it does not answer itself: to another address (RFC 9110, section 15.4).
    #[must_use]
    pub fn redirect(&self) -> Option<&str> {
        let redirects = matches!(self.status, 301 | 302 | 303 | 307 | 308);
        redirects.then(|| self.header("location").unwrap_or("an address that it does not name"))
    }

    /// The ETag without quotes: of the header, else of the answer's XML.
    #[must_use]
    pub fn etag(&self) -> Option<String> {
        let from_xml = || self.xml().ok()?.child("ETag").map(|e| e.text.clone());
        let etag = self.header("etag").map(str::to_owned).or_else(from_xml)?;
        Some(etag.trim_matches('"').to_owned()).filter(|etag| !etag.is_empty())
    }
}

impl Reply {
    /// The HTTP answer, if one came.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Answer(answer) => Some(answer),
            _ => None,
        }
    }
}
