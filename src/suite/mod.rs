//! Suite files: read, located, expanded, checked, typed.

pub mod body;
mod expand;
mod lint;
mod load;
mod locate;
pub mod model;
mod schema;
mod source;

pub use load::{Capability, Case, Key, Suite, digest_of_all, load};
pub use locate::{Diagnostic, FileDiagnostics, Located, near_miss};
pub use schema::{SCHEMA_FILE, published_schema};
pub use source::{Fixtures, SourceError, SuiteSource, embedded, from_paths};
