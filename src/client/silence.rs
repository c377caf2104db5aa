//! An endpoint that has gone silent: who waits for it longer waits in vain.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::evidence::Reply;
use crate::suite::model::Scheme;

/// How many requests in a row got no HTTP answer.
#[derive(Debug)]
pub struct Silence {
    in_a_row: AtomicU32,
    most: u32,
}

impl Silence {
    /// One that is long once `most` requests in a row got no HTTP answer.
    #[must_use]
    pub fn of(most: u32) -> Self {
        Self { in_a_row: AtomicU32::new(0), most }
    }

    /// Takes note of what came of a request.
    pub fn note(&self, reply: &Reply, scheme: Scheme) {
        match reply {
            Reply::Answer(_) => self.in_a_row.store(0, Ordering::Relaxed),
            // A listener without TLS that takes no connection refuses as it may.
            Reply::Closed(_) if scheme == Scheme::Plain => {}
            Reply::Failed(_) | Reply::Closed(_) => {
                // Once it is long it stays so, but for an answer to a request that was under way.
                self.in_a_row.fetch_add(1, Ordering::Relaxed);
            }
            // Cut off on purpose, or never made: the endpoint has no part in it.
            Reply::Interrupted | Reply::NotSent(_) => {}
        }
    }

    /// Whether it is long.
    #[must_use]
    pub fn is_long(&self) -> bool {
        self.in_a_row.load(Ordering::Relaxed) >= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u32 = 32;

    fn silent(times: u32) -> Silence {
        let silence = Silence::of(MOST);
        (0..times).for_each(|_| silence.note(&Reply::Failed("no answer in time".to_owned()), Scheme::Plain));
        silence
    }

    #[test]
    fn many_in_a_row_are_enough() {
        assert!(!silent(MOST - 1).is_long());
        assert!(silent(MOST).is_long());
    }

    #[test]
    fn what_is_no_silence_does_not_count() {
        let silence = silent(MOST - 1);
        silence.note(&Reply::Interrupted, Scheme::Tls);
        silence.note(&Reply::NotSent("an ETag is missing".to_owned()), Scheme::Tls);
        silence.note(&Reply::Closed("connection refused".to_owned()), Scheme::Plain);
        assert!(!silence.is_long());
        silence.note(&Reply::Closed("connection refused".to_owned()), Scheme::Tls);
        assert!(silence.is_long());
    }
}
