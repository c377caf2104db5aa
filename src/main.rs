//! `ssecheck`: see the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    ssecheck::cli::main().await
}
