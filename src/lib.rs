//! `ssecheck`: a conformance suite for S3 server-side encryption with customer-provided keys (SSE-C).
#![forbid(unsafe_code)]

pub mod reference;
