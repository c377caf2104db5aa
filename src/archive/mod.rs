//! The evidence of a run on disk: every exchange, so that it can be looked at, and judged again without an endpoint.
//!
//! A folder holds `evidence.json`, which says what was run and names every file with its SHA-256, and HAR files: one for the
//! steps of each case, for each positive control, for each probe of a capability, and for what the runner itself sent.
//! Every exchange must agree with the manifest. Evidence is redacted when it is captured: no customer key and no signature is
//! in it.

mod binding;
mod judge;
mod manifest;
mod read;
mod requests;
mod write;

pub use binding::Contradiction;
pub use judge::judge;
pub use manifest::{FORMAT, KeptCase, KeptControl, KeptFile, Manifest, NotRun};
pub use read::{Archive, ArchiveError, EvidenceSummary};
pub use write::{DEFAULT_LIMIT, KeepError, Keeper, Kept};
