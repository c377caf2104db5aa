//! Why a run could not be made.

use crate::ledger::WriteError;

/// A run could not be made; what it had made by then was removed, as far as that could be done.
#[derive(Debug, thiserror::Error)]
#[error("{cause}{}", left_behind.iter().map(|item| format!("\n  could not be removed: {item}")).collect::<String>())]
pub struct RunError {
    /// Why.
    #[source]
    pub cause: PrepareError,
    /// What could not be removed, or not be found out about.
    pub left_behind: Vec<String>,
}

/// The endpoint cannot be tested.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// No HTTP answer.
    #[error(
        "{endpoint} cannot be reached: {why}\n  Check --endpoint, the network, and for a private certificate authority --ca-file."
    )]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// Why.
        why: String,
    },
    /// The credentials were refused.
    #[error(
        "{endpoint} refuses the credentials: {answer}\n  {}",
        skew.as_deref().unwrap_or("Check the access key, the secret key, the region, and the clock of this machine.")
    )]
    Credentials {
        /// The endpoint.
        endpoint: String,
        /// Its answer.
        answer: String,
        /// A sentence on the two clocks, where they are too far apart.
        skew: Option<String>,
    },
    /// The bucket could not be made or is not there.
    #[error(
        "bucket {bucket} {what}: {answer}\n  Give an existing bucket with --bucket, or credentials that may make one."
    )]
    Bucket {
        /// The bucket.
        bucket: String,
        /// What did not work.
        what: &'static str,
        /// The endpoint's answer.
        answer: String,
    },
    /// The bucket refuses every SSE-C write.
    #[error(
        "bucket {bucket} takes objects, but refuses every SSE-C write: {answer}\n  SSE-C is probably blocked on the bucket (the default of new AWS buckets since April 2026). With --allow-ssec the run allows it\n  on the buckets that it makes. On a bucket given with --bucket allow it yourself: PutBucketEncryption with a rule whose\n  BlockedEncryptionTypes holds EncryptionType NONE."
    )]
    SseCBlocked {
        /// The bucket.
        bucket: String,
        /// The endpoint's answer.
        answer: String,
    },
    /// What the run makes cannot be recorded; it was stopped then.
    #[error(transparent)]
    Ledger(#[from] WriteError),
    /// Stopped by the user.
    #[error("interrupted before the first case")]
    Interrupted,
}
