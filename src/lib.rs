//! `ssecheck`: a conformance suite for S3 server-side encryption with customer-provided keys (SSE-C).
#![forbid(unsafe_code)]

pub mod cli;
pub mod client;
pub mod config;
pub mod evidence;
pub mod plan;
pub mod reference;
pub mod report;
pub mod rules;
pub mod runner;
pub mod suite;
pub mod verdict;
