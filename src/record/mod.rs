//! A run as it is written to disk: the one document that every report is rendered from, that runs are compared by and
//! baselines are made of.
//!
//! It holds the verdict on every case, and of what did not pass the exchange that shows it, redacted as all evidence is.
//! Text that the endpoint sent stands in it as it came: whoever shows it makes it printable.

mod built_in;
mod check;
mod circumstances;
mod conclusion;
mod difference;
mod explanation;
mod known;
mod limits;
mod merge;
mod model;
mod of_run;
mod read;
mod rules;
#[cfg(test)]
pub(crate) mod samples;
mod schema;
mod times;

pub use built_in::{BuiltIn, BuiltInCase, BuiltInProfile, LeavesOut};
pub use check::contradictions;
pub use circumstances::{AuthorityRecord, Circumstances, REFERENCE, says_to_be_the_reference};
pub use conclusion::Conclusion;
pub use difference::{CaseChange, Difference, Direction, Found, RuleChange, difference};
pub use known::baseline_of;
pub use limits::Limiting;
pub use merge::{MergeError, merge};
pub use model::{
    BaselineRecord, CaseRecord, ClaimedCase, ExplainedBy, FORMAT, FindingRecord, Missing, ProfileRecord, RunRecord,
    ShardRecord, SuiteRecord, is_declared_absent, rfc3339,
};
pub use of_run::Context;
pub use read::{RecordError, parse, read, read_bytes};
pub use rules::{Obedience, RuleCounts, rule_counts};
pub use schema::SCHEMA;
pub use times::agree as times_agree;
