//! An endpoint that has gone silent: what waits for it longer than that waits in vain.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::evidence::Reply;
use crate::suite::model::Scheme;

/// After as many requests in a row without any HTTP answer, no scenario's request is sent any more.
pub const MOST_IN_A_ROW: u32 = 32;

/// How many requests in a row got no HTTP answer.
#[derive(Debug, Default)]
pub(super) struct Silence(AtomicU32);

impl Silence {
    /// Takes note of what came of a request.
    pub fn note(&self, reply: &Reply, scheme: Scheme) {
        match reply {
            Reply::Answer(_) => self.0.store(0, Ordering::Relaxed),
            // A listener without TLS that takes no connection refuses as it may.
            Reply::Closed(_) if scheme == Scheme::Plain => {}
            Reply::Failed(_) | Reply::Closed(_) => {
                // Once it is long enough it stays so, but for an answer to a request that was under way.
                let _ =
                    self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| Some(count.saturating_add(1)));
            }
            // Cut off on purpose, or never made: the endpoint has no part in it.
            Reply::Interrupted | Reply::NotSent(_) => {}
        }
    }

    /// The reply to a request that is not sent, because the endpoint has gone silent.
    pub fn refusal(&self) -> Option<Reply> {
        let is_long = self.0.load(Ordering::Relaxed) >= MOST_IN_A_ROW;
        is_long.then(|| {
            Reply::Failed(format!("not sent: the endpoint gave no answer to {MOST_IN_A_ROW} requests in a row"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silent(times: u32) -> Silence {
        let silence = Silence::default();
        (0..times).for_each(|_| silence.note(&Reply::Failed("no answer in time".to_owned()), Scheme::Plain));
        silence
    }

    #[test]
    fn many_in_a_row_are_enough() {
        assert_eq!(silent(MOST_IN_A_ROW - 1).refusal(), None);
        assert!(silent(MOST_IN_A_ROW).refusal().is_some());
    }

    #[test]
    fn what_is_no_silence_does_not_count() {
        let silence = silent(MOST_IN_A_ROW - 1);
        silence.note(&Reply::Interrupted, Scheme::Tls);
        silence.note(&Reply::NotSent("an ETag is missing".to_owned()), Scheme::Tls);
        silence.note(&Reply::Closed("connection refused".to_owned()), Scheme::Plain);
        assert_eq!(silence.refusal(), None);
        silence.note(&Reply::Closed("connection refused".to_owned()), Scheme::Tls);
        assert!(silence.refusal().is_some());
    }
}
