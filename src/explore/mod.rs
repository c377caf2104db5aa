//! Model-based exploration: random sequences of requests against a simple in-memory model of what S3 must answer.
//!
//! 1. [`names`], [`presented`] and [`action`] are what sequences are made of.
//! 2. [`state`] is the model: what is stored, and under which customer keys.
//! 3. [`expect`](self::expect) says what S3 must answer to an action in a state, by the rules of the catalogue; [`guard`] how a departure from
//!    one rule is told from something more basic that is broken, too.
//! 4. [`machine`] makes random sequences of it, with proptest-state-machine.
//! 5. [`scenario`] writes them as suites, which are loaded, run and judged as all suites are.
//! 6. [`search`] runs them until one fails, makes that as short as it gets, and confirms it.
//! 7. [`measure`] finds out which faults of the reference endpoint are found so.

pub mod action;
pub mod expect;
pub mod guard;
pub mod machine;
pub mod measure;
pub mod names;
pub mod presented;
pub mod scenario;
pub mod search;
pub mod state;
#[cfg(test)]
mod tests;

pub use measure::{MeasureError, Measured, measure, measured_as_markdown};
pub use search::{Divergence, ExploreError, Explored, Options, Unconfirmed, bucket_kinds, explore};
