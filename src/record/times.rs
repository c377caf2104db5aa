//! The times in a record, checked as they are read: reports reckon with them.

use serde::{Deserialize, Deserializer, de};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The most seconds by which start, end and duration of a run may contradict each other: they are rounded, and clocks are set.
const TOLERANCE: f64 = 5.0;

/// Whether a run of this start and end may have taken so many seconds.
#[must_use]
pub fn agree(started: OffsetDateTime, ended: OffsetDateTime, seconds: f64) -> bool {
    let lasted = (ended - started).as_seconds_f64();
    lasted > -TOLERANCE && (lasted - seconds).abs() <= TOLERANCE
}

/// More seconds than any run takes: a hundred years.
const MOST_SECONDS: f64 = 100.0 * 365.0 * 86_400.0;

/// A point in time, left as it is written.
///
/// # Errors
/// The deserializer's, where it is none that RFC 3339 writes.
pub fn point<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    OffsetDateTime::parse(&text, &Rfc3339)
        .map_err(|_| de::Error::invalid_value(de::Unexpected::Str(&text), &"a date and time as RFC 3339 writes it"))?;
    Ok(text)
}

/// The same where it may be absent.
///
/// # Errors
/// Those of [`point`].
pub fn point_if_any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    point(deserializer).map(Some)
}

/// How long something took, in seconds.
///
/// # Errors
/// The deserializer's, where it took less than none, or longer than a hundred years.
pub fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    if !(0.0..=MOST_SECONDS).contains(&seconds) {
        return Err(de::Error::invalid_value(
            de::Unexpected::Float(seconds),
            &"at least 0 seconds, at most those of 100 years",
        ));
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rstest::rstest;
    use serde_json::{Value, json};

    use super::super::parse;
    use super::super::samples::{case, run};
    use crate::verdict::Verdict;

    #[rstest]
    #[case::year_cut("/started", json!("026-11-25T15:38:10Z"))]
    #[case::no_time("/started", json!("yesterday"))]
    #[case::negative("/seconds", json!(-1.0))]
    #[case::overflowing("/cases/0/seconds", json!(1e300))]
    #[case::negative_case("/cases/0/seconds", json!(-0.1))]
    fn a_time_that_no_report_can_reckon_with_is_refused(#[case] member: &str, #[case] value: Value) {
        let text = run(vec![case("s/a", Verdict::Fail, "r")]).to_json().expect("it is JSON");
        let mut record: Value = serde_json::from_slice(&text).expect("it is JSON");
        assert!(parse(&serde_json::to_vec(&record).expect("it is JSON"), Path::new("run.json")).is_ok());
        *record.pointer_mut(member).expect("it is there") = value;
        let refused = parse(&serde_json::to_vec(&record).expect("it is JSON"), Path::new("run.json"));
        let told = refused.expect_err("no such time").to_string();
        assert!(told.contains("run.json") && told.contains("line 1 column"), "{told}");
    }
}
