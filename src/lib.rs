//! `ssecheck`: a conformance suite for S3 server-side encryption with customer-provided keys (SSE-C).
//!
//! Data flows one way, and a module knows the ones before it only:
//!
//! 1. [`config`] settles where and how to test; [`rules`] holds what a server must obey, and where that is written.
//! 2. [`suite`] reads suite files, reports every mistake with its place, and expands parameter tables to cases.
//! 3. [`profile`] says what is asked for besides, and where a server is known to depart.
//! 4. [`plan`] selects the cases, derives the positive control of every refusal, and finds the capabilities they need.
//! 5. [`runner`] prepares buckets, probes capabilities, runs the cases by way of [`client`] (build, sign, send), enters what
//!    they make in the [`ledger`] before it is made, and removes it in the end ([`housekeeping`]), as `ssecheck sweep` does
//!    for a run that was killed.
//! 6. [`evidence`] is what was sent and came back, redacted as it is captured.
//! 7. [`verdict`] judges the evidence, and nothing else; [`baseline`] tells news from what is known of an endpoint.
//! 8. [`record`] is a run as it is written, compared with others, and made a baseline of.
//! 9. [`archive`] keeps the evidence on disk, and judges it again without an endpoint.
//! 10. [`report`] renders the record in every format, and [`certificate`] signs what came of it; [`cli`] turns it into an exit
//!     code.
//!
//! [`explore`] sends random sequences instead of suites, with what a model says S3 must answer: as suites, which go the same way.
//!
//! [`reference`](mod@reference) is the embedded S3 endpoint. It shares no SSE-C code with the rest. Each of its
//! [`faults`](mod@faults) departs from one rule; [`prove`] runs the suites against all of them and shows which
//! scenario caught which. [`knowledge`] joins everything that suites, rules, faults and profiles name: `ssecheck explain`.
#![forbid(unsafe_code)]

pub mod archive;
pub mod baseline;
mod bounded;
pub mod certificate;
pub mod cli;
pub mod client;
pub mod config;
pub mod embedded;
pub mod evidence;
pub mod explore;
pub mod faults;
pub mod housekeeping;
pub mod knowledge;
pub mod ledger;
pub mod plan;
pub mod profile;
mod program;
pub mod prove;
pub mod record;
mod recorded_path;
pub mod reference;
pub mod report;
#[cfg(test)]
mod repository_file;
pub mod rules;
pub mod runner;
pub mod suite;
pub mod verdict;
