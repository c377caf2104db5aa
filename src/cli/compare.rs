//! `ssecheck diff`, `ssecheck compare` and `ssecheck baseline`: what is made of the records of runs.

use std::path::PathBuf;

use clap::ValueHint;

use super::{Format, complain, exit_code, print, print_json};
use crate::baseline::{self, BaselineError};
use crate::record::{self, RecordError, RunRecord};
use crate::report::{difference_as_text, families_as_markdown};
use crate::rules::{Catalogue, CatalogueError};

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_DIFF)]
pub(super) struct DiffArguments {
    /// The record of the first run (`run --report json=PATH`)
    #[arg(value_name = "BEFORE.json")]
    before: PathBuf,
    /// The record of the second run
    #[arg(value_name = "AFTER.json")]
    after: PathBuf,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const AFTER_DIFF: &str = "\
Example:
  ssecheck run --report json=after.json && ssecheck diff before.json after.json

What a profile declares or a baseline knows does not count: only what was found.

Exit codes:
  0    every scenario came out the same
  1    the runs differ
  2    a record cannot be read";

/// Arguments of `compare`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  ssecheck compare 'Garage 2.5=garage.json' 'Ceph=ceph.json' > table.md

Exit codes: 0, or 2 where a record cannot be read.")]
pub(super) struct CompareArguments {
    /// Records of runs (`run --report json=PATH`), each as PATH or as NAME=PATH to name its column
    #[arg(value_name = "[NAME=]RUN.json", required = true, value_hint = ValueHint::FilePath)]
    runs: Vec<String>,
}

/// Arguments of `baseline`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_BASELINE)]
pub(super) struct BaselineArguments {
    /// The record of a run (`run --report json=PATH`)
    #[arg(value_name = "RUN.json")]
    run: PathBuf,
    /// An earlier baseline, whose reasons are kept for what still comes out as it knows
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
}

const AFTER_BASELINE: &str = "\
What did not pass is grouped by what came. Each group wants a reason before `run --baseline` takes the file: look at what the \
server does, and say why that is accepted for now.

  ssecheck run --report json=run.json
  ssecheck baseline run.json > known.json       # then write the reasons
  ssecheck run --baseline known.json            # fails only on news
  ssecheck baseline run.json --keep known.json  # later: what is fixed goes, what is new comes without a reason";

#[derive(Debug, thiserror::Error)]
enum CompareError {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error("the result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the baseline {} is of profile `{baseline}`, and the run is by `{run}`", file.display())]
    OtherProfile { file: PathBuf, baseline: String, run: String },
}

pub(super) fn diff(arguments: &DiffArguments) -> u8 {
    let compared = || -> Result<u8, CompareError> {
        let (before, after) = (record::read(&arguments.before)?, record::read(&arguments.after)?);
        let difference = record::difference(&before, &after);
        match arguments.format {
            Format::Text => print(&difference_as_text(&before, &after, &difference)),
            Format::Json => print_json(&difference)?,
        };
        Ok(if difference.is_empty() { exit_code::PASSED } else { exit_code::FAILED })
    };
    compared().unwrap_or_else(refused)
}

pub(super) fn compare(arguments: &CompareArguments) -> u8 {
    let compared = || -> Result<u8, CompareError> {
        let mut runs: Vec<(String, RunRecord)> = Vec::new();
        for argument in &arguments.runs {
            let named = argument.split_once('=').map(|(name, path)| (Some(name.to_owned()), path));
            let (name, path) = named.unwrap_or((None, argument));
            let run = record::read(path.as_ref())?;
            let name = name.unwrap_or_else(|| run.subject().to_owned());
            runs.push((name, run));
        }
        Ok(print(&families_as_markdown(&runs, &Catalogue::embedded()?)))
    };
    compared().unwrap_or_else(refused)
}

pub(super) fn baseline(arguments: &BaselineArguments) -> u8 {
    let made = || -> Result<u8, CompareError> {
        let run = record::read(&arguments.run)?;
        let earlier = arguments.keep.as_ref().map(|path| baseline::read_draft(path)).transpose()?;
        if let (Some(earlier), Some(file)) = (&earlier, &arguments.keep)
            && earlier.profile != run.profile.id
        {
            let (baseline, run) = (earlier.profile.clone(), run.profile.id);
            return Err(CompareError::OtherProfile { file: file.clone(), baseline, run });
        }
        Ok(print_json(&record::baseline_of(&run, earlier.as_ref()))?)
    };
    made().unwrap_or_else(refused)
}

fn refused(error: CompareError) -> u8 {
    complain(&error, exit_code::USAGE)
}
