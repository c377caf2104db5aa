#![forbid(unsafe_code)]
//! The `ssecheck` command.

fn main() {}
