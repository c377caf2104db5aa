//! `ssecheck validate`

use std::path::PathBuf;

use super::{complain, exit_code, print, suites};

/// Arguments of `validate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ssecheck validate my-suite.json
  ssecheck schema > suite.schema.json     # for editors: \"$schema\": \"suite.schema.json\"

Exit codes: 0 where all is well, 2 where a file has mistakes; all of them are shown with their places, but not what follows
from another one.")]
pub(super) struct Arguments {
    /// Suite files, or folders of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn validate(arguments: &Arguments) -> u8 {
    match suites::load(&arguments.files) {
        Ok((suites, _)) => {
            for suite in suites {
                print(&format!("{}: good ({} cases)", suite.file, suite.cases.len()));
            }
            exit_code::PASSED
        }
        Err(error) => complain(&error, exit_code::USAGE),
    }
}
