//! Preconditions of reads, writes and copies (RFC 9110, section 13, as S3 evaluates them).

use s3s::dto::{ETag, ETagCondition, Timestamp};
use time::OffsetDateTime;

use super::error::Refusal;
use super::store::{Object, Version};

/// What a request asks of the object as it is.
#[derive(Default)]
pub(crate) struct Conditions {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
}

impl Conditions {
    /// For a read: a cached copy that is still good is answered with 304.
    pub fn check_read(&self, version: &Version, object: &Object) -> Result<(), Refusal> {
        self.check(version, object, Refusal::not_modified)
    }

    /// For a copy's source.
    pub fn check_source(&self, version: &Version, object: &Object) -> Result<(), Refusal> {
        self.check(version, object, Refusal::precondition_failed)
    }

    /// For a write over what is there, if anything is.
    pub fn check_write(&self, current: Option<&Object>) -> Result<(), Refusal> {
        match (&self.if_match, current) {
            (Some(_), None) => return Err(Refusal::no_such_key()),
            (Some(condition), Some(object)) if !matches(condition, object) => {
                return Err(Refusal::precondition_failed());
            }
            _ => {}
        }
        match (&self.if_none_match, current) {
            (Some(condition), Some(object)) if matches(condition, object) => Err(Refusal::precondition_failed()),
            _ => Ok(()),
        }
    }

    fn check(&self, version: &Version, object: &Object, unchanged: fn() -> Refusal) -> Result<(), Refusal> {
        let modified = version.modified.unix_timestamp();
        let seconds = |t: &Timestamp| OffsetDateTime::from(t.clone()).unix_timestamp();
        if let Some(condition) = &self.if_match {
            if !matches(condition, object) {
                return Err(Refusal::precondition_failed());
            }
        } else if self.if_unmodified_since.as_ref().is_some_and(|since| modified > seconds(since)) {
            return Err(Refusal::precondition_failed());
        }
        if let Some(condition) = &self.if_none_match {
            if matches(condition, object) {
                return Err(unchanged());
            }
        } else if self.if_modified_since.as_ref().is_some_and(|since| modified <= seconds(since)) {
            return Err(unchanged());
        }
        Ok(())
    }
}

fn matches(condition: &ETagCondition, object: &Object) -> bool {
    condition.is_any() || condition.as_etag().is_some_and(|etag: &ETag| etag.value() == object.etag)
}
