//! `ssecheck schema`

use super::print_own;
use crate::{record, suite};

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ssecheck schema > suite.schema.json
  ssecheck schema run > run.schema.json")]
pub(super) struct Arguments {
    /// Of which kind of file
    #[arg(value_enum, default_value_t = Kind::Suite)]
    kind: Kind,
}

/// The files that have a schema.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// Suite files
    Suite,
    /// Records of runs (`run --report json=PATH`)
    Run,
}

pub(super) fn schema(arguments: &Arguments) -> u8 {
    let schema = match arguments.kind {
        Kind::Suite => suite::SCHEMA,
        Kind::Run => record::SCHEMA,
    };
    print_own(schema.trim_end())
}
