//! `ssecheck`: see the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

/// A run makes and drops many small things: cases, headers, evidence.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ssecheck::cli::main()
}
