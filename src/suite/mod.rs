//! Suite files: read, located, expanded, checked, typed.

pub mod body;
mod cases;
mod conform;
mod expand;
mod found;
mod generated;
pub mod limits;
mod lint;
mod load;
mod locate;
mod malformed;
#[cfg(test)]
mod mistakes_tests;
pub mod model;
pub mod object_name;
pub mod pattern;
mod schema;
#[cfg(test)]
mod schema_tests;
mod source;
#[cfg(test)]
mod strangers_tests;

pub use load::{Capability, Case, Key, Suite, digest_of_all, load, load_within};
pub use locate::{Diagnostic, FileDiagnostics, Located, near_miss};
pub use schema::{SCHEMA, SCHEMA_FILE};
pub use source::{Fixtures, SourceError, SuiteSource, embedded, from_paths};
