//! What people and machines read of a run. Every report is a reader of the same events and results.

mod describe;
mod junit;
mod printable;
mod proof;
mod terminal;

use std::time::SystemTime;

pub use describe::describe;
pub use junit::{JunitError, junit};
pub use printable::printable;
pub use proof::{ProofProgress, proof_as_json, proof_as_text};
pub use terminal::Terminal;

/// What reports say of a run besides its results.
#[derive(Debug, Clone)]
pub struct Context {
    /// The endpoint's address.
    pub endpoint: String,
    /// The plain-HTTP endpoint's address, or why there is none.
    pub plain_endpoint: String,
    /// The profile judged by.
    pub profile: String,
    /// SHA-256 over the digests of all suites of the run, in hexadecimal.
    pub suite_digest: String,
    /// Whether all built-in cases were run, so that something can be said of certification.
    pub is_complete: bool,
}

/// A point in time as RFC 3339 writes it, in UTC.
fn rfc3339(time: SystemTime) -> String {
    let format = &time::format_description::well_known::Rfc3339;
    time::OffsetDateTime::from(time).format(format).unwrap_or_default()
}
