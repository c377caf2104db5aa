//! Evidence for tests.

use time::OffsetDateTime;

use super::{Answer, Exchange, Received, Reply, Sent};

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
        method: "PUT".to_owned(),
        object_key: "key".to_owned(),
        ..Sent::default()
    };
    let started = OffsetDateTime::UNIX_EPOCH;
    let (step, storage_probe, seconds) = (step.to_owned(), false, 0.0);
    Exchange { step, storage_probe, sent, reply, started, seconds, framing: None, peer: None }
}
