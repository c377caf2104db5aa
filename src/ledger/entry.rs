//! The lines of a ledger.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::config::Addressing;

/// What the member `format` of a ledger's first line holds.
pub const FORMAT: &str = "ssecheck-ledger/1";

/// Random bytes in a run's id.
const ID_BYTES: usize = 10;

/// The id of a run, unique among runs: 10 random bytes in lower-case hexadecimal. Part of the names of all that it makes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RunId(String);

/// A text is no run's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a run's id is 20 digits of lower-case hexadecimal; `ssecheck sweep` lists those that there are")]
pub struct NoRunId;

impl RunId {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; ID_BYTES];
        rand::Rng::fill_bytes(&mut rand::rng(), &mut bytes);
        Self(hex::encode(bytes))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of the bucket that the run makes; those of its further buckets are this, `-`, and more.
    #[must_use]
    pub fn bucket(&self) -> String {
        format!("ssecheck-{self}")
    }

    /// Whether a bucket that the run makes may be named so.
    pub(super) fn is_of_bucket(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&self.bucket());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

impl FromStr for RunId {
    type Err = NoRunId;

    fn from_str(text: &str) -> Result<Self, NoRunId> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_id = text.len() == 2 * ID_BYTES && text.bytes().all(is_digit);
        if is_id { Ok(Self(text.to_owned())) } else { Err(NoRunId) }
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first line: where and when the run was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// [`FORMAT`].
    pub format: String,
    /// The run's id.
    pub run: RunId,
    /// When it started, as RFC 3339 writes it, in UTC.
    pub started: String,
    /// The version of `ssecheck` that made the run.
    pub ssecheck: String,
    /// The address of the TLS listener.
    pub endpoint: String,
    /// The region that requests were signed for.
    pub region: String,
    /// Where the bucket name goes.
    pub addressing: Addressing,
    /// What the keys of all objects begin with, before the run's id.
    pub prefix: String,
    /// The existing bucket that the run was given, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
}

impl Head {
    /// What the keys of all objects of the run begin with.
    #[must_use]
    pub fn own_prefix(&self) -> String {
        format!("{}{}/", self.prefix, self.run)
    }
}

/// A thing that a run was about to make.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "made", rename_all = "lowercase", deny_unknown_fields)]
pub enum Made {
    /// A bucket.
    Bucket {
        /// Its name.
        bucket: String,
    },
    /// An object, a further version of it, or a delete marker.
    Object {
        /// The bucket.
        bucket: String,
        /// The object key.
        key: String,
    },
    /// A multipart upload.
    Upload {
        /// The bucket.
        bucket: String,
        /// The object key.
        key: String,
    },
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_random_id_is_an_id() {
        let id = RunId::random();
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        assert_ne!(id, RunId::random());
    }

    #[rstest]
    #[case::short("0123456789abcdef012")]
    #[case::long("0123456789abcdef01234")]
    #[case::upper_case("0123456789ABCDEF0123")]
    #[case::path("../../../../../../ab")]
    #[case::empty("")]
    fn nothing_else_is_one(#[case] text: &str) {
        assert_eq!(text.parse::<RunId>(), Err(NoRunId));
        assert!(serde_json::from_value::<RunId>(text.into()).is_err());
    }

    #[rstest]
    #[case("ssecheck-0123456789abcdef0123", true)]
    #[case("ssecheck-0123456789abcdef0123-own-1", true)]
    #[case("ssecheck-0123456789abcdef0123x", false)]
    #[case("ssecheck-0123456789abcdef0124", false)]
    #[case("other", false)]
    fn its_buckets_are_named_after_it(#[case] name: &str, #[case] is_its: bool) {
        let id: RunId = "0123456789abcdef0123".parse().unwrap();
        assert_eq!(id.is_of_bucket(name), is_its);
    }
}
