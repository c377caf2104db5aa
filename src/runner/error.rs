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

const TLS_ENDS: &str =
    "TLS ends at a proxy in front of the server,\n  which is spoken to in clear and refuses SSE-C rightly.";
const TLS_MAY_END: &str = "it looks as if TLS ends at a proxy in\n  front of the server, which is spoken to in clear and refuses SSE-C rightly. If it does not, SSE-C is switched off there.";

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
    /// Every SSE-C request is refused, and unencrypted ones are not.
    #[error(
        "the endpoint refuses every SSE-C request ({answer}), and takes unencrypted ones: it does not offer SSE-C.\n  No data is at risk under SSE-C there, and nothing can be certified. --all runs every case all the same."
    )]
    SseCRefused {
        /// Its response to a PutObject with right SSE-C headers.
        answer: String,
    },
    /// Every SSE-C request is refused by a client error, and unencrypted ones are not: the server says, or it looks as if, it does not
    /// see TLS.
    #[error(
        "the endpoint refuses every SSE-C request ({answer}), and takes unencrypted ones: {}\n  Give the server itself a certificate (MinIO: --certs-dir), or let it know of the proxy: Ceph RGW with\n  `rgw_trust_forwarded_https = true` and `X-Forwarded-Proto: https` set by the proxy; other servers have the like.\n  --all runs every case all the same.",
        if *is_told { TLS_ENDS } else { TLS_MAY_END }
    )]
    TlsEndsInFront {
        /// Its response to a PutObject with right SSE-C headers.
        answer: String,
        /// Whether the response speaks of TLS.
        is_told: bool,
    },
    /// What the run makes cannot be recorded; it was stopped then.
    #[error(transparent)]
    Ledger(#[from] WriteError),
    /// Stopped by the user.
    #[error("interrupted before the first case")]
    Interrupted,
}
