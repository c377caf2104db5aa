//! Counts what a run sends more than once, by the reason.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Why something is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SentAgain {
    /// Requests to which the endpoint said that it was busy (`--retry-throttled`, and those by which nothing is judged).
    Busy,
    /// Requests to which a connection that was used before gave no response; sent again on a new one.
    NoResponse,
    /// Requests of steps that wait until a setting takes effect.
    Settles,
    /// Listings, and the HeadObject after each, that contradict each other on whether an object is stored.
    Listing,
    /// Attempts at a case beyond the first (`--retries`).
    Retries,
}

impl SentAgain {
    const ALL: [Self; 5] = [Self::Busy, Self::NoResponse, Self::Settles, Self::Listing, Self::Retries];

    /// The reason in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "as the endpoint was busy",
            Self::NoResponse => "for want of a response on a used connection",
            Self::Settles => "until a setting took effect",
            Self::Listing => "as a listing contradicted HeadObject",
            Self::Retries => "in further attempts at a case",
        }
    }
}

/// Counts for all clones of a client.
#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; SentAgain::ALL.len()]);

impl Counts {
    /// Counts so many requests; attempts, for [`SentAgain::Retries`].
    pub fn add(&self, why: SentAgain, count: u64) {
        self.0[why as usize].fetch_add(count, Ordering::Relaxed);
    }

    /// How many there were for one reason.
    pub fn of(&self, why: SentAgain) -> u64 {
        self.0[why as usize].load(Ordering::Relaxed)
    }

    /// How many there were for each reason; reasons without any are left out.
    pub fn all(&self) -> BTreeMap<SentAgain, u64> {
        SentAgain::ALL.into_iter().map(|why| (why, self.of(why))).filter(|(_, count)| *count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_apart() {
        let counts = Counts::default();
        for (index, why) in SentAgain::ALL.into_iter().enumerate().skip(1) {
            counts.add(why, index as u64);
            counts.add(why, 1);
        }
        let json = serde_json::to_string(&counts.all()).expect("it is JSON");
        assert_eq!(json, r#"{"no_response":2,"settles":3,"listing":4,"retries":5}"#);
    }
}
