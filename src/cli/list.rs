//! `ssecheck list`

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Format, complain, exit_code, print, print_json, suites};
use crate::report::one_line;
use crate::suite::{Case, Suite};

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ssecheck list
  ssecheck list --format json | jq -r '.suites[].cases[] | select(.level == \"must\") | .id'

Exit codes: 0, or 2 where a suite is wrong.")]
pub(super) struct Arguments {
    /// Suite files, or folders of them; those built in when absent
    #[arg(value_name = "SUITE|DIR")]
    suites: Vec<PathBuf>,
    /// How to write the list
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub(super) fn list(arguments: &Arguments) -> u8 {
    let suites = match suites::load(&arguments.suites) {
        // The probes of capabilities are no cases.
        Ok((suites, _)) => suites.into_iter().filter(|suite| !suite.cases.is_empty()).collect::<Vec<_>>(),
        Err(error) => return complain(&error, exit_code::USAGE),
    };
    match arguments.format {
        Format::Text => print(&text(&suites)),
        Format::Json => {
            let suites = suites.iter().map(|suite| as_json(suite)).collect::<Vec<_>>();
            // A JSON value can always be written.
            print_json(&json!({"suites": suites})).unwrap_or(exit_code::USAGE)
        }
    }
}

fn text(suites: &[Arc<Suite>]) -> String {
    let cases: Vec<&Case> = suites.iter().flat_map(|suite| &suite.cases).map(Arc::as_ref).collect();
    let widest = cases.iter().map(|case| case.id.len()).max().unwrap_or(0);
    let line =
        |case: &&Case| one_line(&format!("{:<6} {:<widest$}  {}", case.level.as_str(), case.id, case.rules.join(", ")));
    let mut lines: Vec<String> = cases.iter().map(line).collect();
    lines.push(format!("{} cases in {} suites", cases.len(), suites.len()));
    lines.join("\n")
}

fn as_json(suite: &Suite) -> Value {
    let cases = suite.cases.iter().map(|case| {
        json!({
            "id": case.id,
            "scenario": case.scenario,
            "title": case.title,
            "why": case.why,
            "level": case.level,
            "rules": case.rules,
            "profiles": case.profiles,
            "bucket": case.bucket,
        })
    });
    json!({
        "id": suite.id,
        "title": suite.title,
        "about": suite.about,
        "file": suite.file,
        "digest": format!("sha256:{}", suite.digest),
        "cases": cases.collect::<Vec<_>>(),
    })
}
