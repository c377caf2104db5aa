//! The ledger of a run: what it makes, on disk before it is made, so that what a killed run leaves behind can be swept.
//!
//! One file of JSON Lines for each run, `RUN.jsonl`. The first line says where the run was made; each of the others names a
//! bucket, an object or an upload that was about to be made. A line is handed to the operating system before its request is
//! sent. It is not synced to the disk: it outlasts the process, however that ends, but not the machine. A run holds a lock on
//! its file as long as it goes on. No customer key, credential or signature stands in a ledger.

mod entry;
mod folder;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use entry::{FORMAT, Head, Made, NoRunId, RunId};
pub use folder::{Found, open, runs};
pub use read::{Damage, ReadError, Recorded, RecordedBucket, parse};
pub use write::{Ledger, WriteError};

/// The largest ledger there may be, in bytes: 64 MiB, some hundred thousand entries.
pub const MAX_FILE: u64 = 64 * 1024 * 1024;
