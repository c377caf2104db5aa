//! Suites against faults: which scenario catches which fault, and what that proves.
//!
//! A pass means something where some faulty endpoint makes the same scenario fail. So each fault of the reference
//! endpoint is switched on by itself and all suites run against it, under the profile that it departs from. Then:
//!
//! - a fault that no scenario catches *survives*: the suites have a gap;
//! - a scenario that fails although the fault breaks none of its rules *accuses an innocent rule*;
//! - a scenario that no fault makes fail, for one of the rules it cites or under one of its profiles, is *unproven*;
//! - a verdict other than the one recorded ([`Matrix`]) is told: a check may have lost its teeth unseen.

mod coverage;
mod matrix;
mod problems;
mod runs;
mod survey;
#[cfg(test)]
mod tests;

pub use matrix::{Matrix, MatrixError};
pub use problems::{Fate, Problem};
pub use runs::{FaultRun, Options, Outcome, Proof, ProveError, prove};
pub use survey::Survey;
