//! What an answer's `Date` says of the two clocks: S3 refuses what was signed by a clock that is off.

use time::format_description::well_known::Rfc2822;
use time::{Duration, OffsetDateTime};

use super::Exchange;

/// As much may the clocks of a client and of S3 differ (Amazon S3 API Reference, error code `RequestTimeTooSkewed`).
pub const MOST_SKEW: Duration = Duration::minutes(15);

impl Exchange {
    /// How far the endpoint's clock is ahead of this machine's, by the `Date` of its answer (RFC 9110, section 6.6.1).
    #[must_use]
    pub fn clock_ahead(&self) -> Option<Duration> {
        let date = OffsetDateTime::parse(self.reply.answer()?.header("date")?, &Rfc2822).ok()?;
        let took = Duration::checked_seconds_f64(self.seconds).unwrap_or_default();
        Some(date - self.started.checked_add(took)?)
    }

    /// A sentence on the clocks, where they are so far apart that S3 refuses signatures.
    #[must_use]
    pub fn clock_skew(&self) -> Option<String> {
        let ahead = self.clock_ahead().filter(|ahead| ahead.abs() > MOST_SKEW)?;
        let side = if ahead.is_positive() { "ahead of" } else { "behind" };
        let date = self.reply.answer()?.header("date")?;
        Some(format!(
            "the endpoint's clock ({date}) is {} {side} this machine's, and S3 refuses more than 15 minutes: set the clock \
             that is wrong",
            in_words(ahead.abs())
        ))
    }
}

fn in_words(span: Duration) -> String {
    match span {
        span if span >= Duration::days(2) => format!("{} days", span.whole_days()),
        span if span >= Duration::hours(2) => format!("{} hours", span.whole_hours()),
        span => format!("{} minutes", span.whole_minutes()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use time::macros::datetime;

    use super::*;
    use crate::evidence::{Answer, Reply, samples};

    fn dated(date: &str) -> Exchange {
        let headers = vec![("Date".to_owned(), date.to_owned())];
        let reply = Reply::Answer(Answer { headers, ..samples::answer(403) });
        let started = datetime!(2026-11-26 12:00:00 UTC);
        Exchange { started, seconds: 10.0, ..samples::exchange("put", reply) }
    }

    #[rstest]
    #[case::right("Thu, 26 Nov 2026 12:00:10 GMT", None)]
    #[case::within("Thu, 26 Nov 2026 12:15:10 GMT", None)]
    #[case::ahead("Thu, 26 Nov 2026 12:16:10 GMT", Some("is 16 minutes ahead of this"))]
    #[case::behind("Thu, 26 Nov 2026 09:00:10 GMT", Some("is 3 hours behind this"))]
    #[case::long_ago("Mon, 26 Nov 1990 12:00:10 GMT", Some("days behind"))]
    #[case::no_date("yesterday", None)]
    #[case::absurd("Thu, 26 Nov 999999999 12:00:10 GMT", None)]
    fn clocks_are_compared(#[case] date: &str, #[case] told: Option<&str>) {
        let skew = dated(date).clock_skew();
        assert_eq!(skew.is_some(), told.is_some(), "{skew:?}");
        assert!(skew.unwrap_or_default().contains(told.unwrap_or_default()));
    }
}
