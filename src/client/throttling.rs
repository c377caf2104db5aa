//! What is done where the endpoint says that it is busy: nothing, unless the user asks for it; never behind the reader's back.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::sent_again::{Counts, SentAgain};
use crate::evidence::{Answer, Reply};

/// The longest wait before a request is sent again, whatever `Retry-After` says.
const LONGEST: Duration = Duration::from_secs(30);
/// The wait before the first repetition where the endpoint names none; it doubles with each.
const FIRST: Duration = Duration::from_millis(500);
/// How often a request of the runner's own (to make, look at and empty buckets) is sent again at least: nothing is judged by it.
pub(super) const OF_HOUSEKEEPING: u32 = 4;

/// How often the endpoint said that it was busy in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Throttling {
    /// Answers that said so (429, 503, `SlowDown`, …).
    pub answers: u64,
    /// Requests that were sent again after one (`--retry-throttled`, and those by which nothing is judged).
    pub sent_again: u64,
}

impl Throttling {
    /// Whether there was none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// What reports say of it, where there was any.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let Self { answers, sent_again } = self;
        let times = if *answers == 1 { "once".to_owned() } else { format!("{answers} times") };
        let told = format!("the endpoint answered {times} that it was busy");
        let again = match sent_again {
            0 => "nothing was sent again (--retry-throttled)".to_owned(),
            1 => "1 request was sent again".to_owned(),
            more => format!("{more} requests were sent again"),
        };
        (!self.is_none()).then(|| format!("{told}; {again}"))
    }
}

/// Counts for all clones of a client.
#[derive(Debug, Default)]
pub(super) struct Counted {
    answers: AtomicU64,
    /// Requests and attempts that were sent again for whatever reason.
    pub again: Counts,
}

impl Counted {
    pub fn answer(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
    }

    pub fn throttling(&self) -> Throttling {
        Throttling { answers: self.answers.load(Ordering::Relaxed), sent_again: self.again.of(SentAgain::Busy) }
    }
}

/// The answer by which the endpoint says that it is busy, if it is one. A 408 says that the request was too slow: that is another matter.
pub(super) fn says_busy(reply: &Reply) -> Option<&Answer> {
    reply.answer().filter(|answer| answer.is_throttling() && answer.status != 408)
}

/// How long to wait before a request is sent for the `again`th time (1 is the first repetition).
pub(super) fn wait(answer: &Answer, again: u32) -> Duration {
    if let Some(seconds) = answer.header("retry-after").and_then(|text| text.trim().parse().ok()) {
        return Duration::from_secs(seconds).min(LONGEST);
    }
    let doubled = FIRST.saturating_mul(2u32.saturating_pow(again.saturating_sub(1))).min(LONGEST);
    // Clients that were refused together do not come back together.
    doubled.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// What evidence says of a repetition.
pub(super) fn remark(answer: &Answer, waited: Duration) -> String {
    let code = answer.s3_code().map(|code| format!(" {code}")).unwrap_or_default();
    format!("sent again after {}{code}, {:.1} s later", answer.status, waited.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::evidence::samples;

    fn busy(retry_after: Option<&str>) -> Answer {
        let headers = retry_after.map(|value| ("Retry-After".to_owned(), value.to_owned())).into_iter().collect();
        Answer { headers, ..samples::answer(503) }
    }

    #[rstest]
    #[case::as_told(Some("7"), 1, 7.0..=7.0)]
    #[case::not_at_all(Some("0"), 1, 0.0..=0.0)]
    #[case::never_long(Some("86400"), 1, 30.0..=30.0)]
    #[case::a_date_is_not_read(Some("Fri, 31 Dec 1999 23:59:59 GMT"), 1, 0.25..=0.5)]
    #[case::huge(Some("99999999999999999999999"), 1, 0.25..=0.5)]
    #[case::first(None, 1, 0.25..=0.5)]
    #[case::third(None, 3, 1.0..=2.0)]
    #[case::last(None, u32::MAX, 15.0..=30.0)]
    fn waits(#[case] told: Option<&str>, #[case] again: u32, #[case] expected: std::ops::RangeInclusive<f64>) {
        let waited = wait(&busy(told), again).as_secs_f64();
        assert!(expected.contains(&waited), "{waited}");
    }

    #[rstest]
    #[case(408, false)]
    #[case(429, true)]
    #[case(503, true)]
    #[case(500, false)]
    fn who_is_busy(#[case] status: u16, #[case] expected: bool) {
        let reply = Reply::Answer(Answer { status, ..busy(None) });
        assert_eq!(says_busy(&reply).is_some(), expected);
    }
}
