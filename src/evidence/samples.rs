//! Evidence for tests.

use time::OffsetDateTime;

use super::{Answer, Exchange, Received, Reply, Sent};
use crate::suite::model::Scheme;

/// An answer of this status, without headers and body.
pub fn answer(status: u16) -> Answer {
    let body = Received {
        length: 0,
        sha256: String::new(),
        text: None,
        discloses: Vec::new(),
        cut_short: None,
        is_lost: false,
    };
    Answer { version: "HTTP/1.1".to_owned(), status, headers: Vec::new(), body, leaked_keys: Vec::new() }
}

/// A PutObject over TLS, and what came back.
pub fn exchange(step: &str, reply: Reply) -> Exchange {
    let sent = Sent {
        operation: "PutObject".to_owned(),
        scheme: Scheme::Tls,
        method: "PUT".to_owned(),
        url: String::new(),
        headers: Vec::new(),
        fields: Vec::new(),
        body_length: 0,
        body_text: None,
        remarks: Vec::new(),
        object_key: "key".to_owned(),
    };
    let started = OffsetDateTime::UNIX_EPOCH;
    Exchange { step: step.to_owned(), storage_probe: false, sent, reply, started, seconds: 0.0 }
}
