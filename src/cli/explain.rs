//! `ssecheck explain`, `ssecheck coverage` and `ssecheck catalogue`

use super::{Format, complain, exit_code, print, print_json, print_own, suites};
use crate::faults::Fault;
use crate::knowledge::{self, Knowledge};
use crate::profile::{self, ProfileError};
use crate::prove::{Matrix, MatrixError};

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  ssecheck explain                          # all ids
  ssecheck explain etag-not-md5             # a rule
  ssecheck explain 'etag/not-md5[text]'     # a case
  ssecheck explain wrong-key-reads          # a fault
  ssecheck explain extended                 # a certification level
  ssecheck explain garage                   # a profile

Exit codes: 0, or 2 where there is nothing of that id.")]
pub(super) struct ExplainArguments {
    /// Id of a scenario or case, a rule, a fault, a capability, a certification level or a profile; lists them all when absent
    #[arg(value_name = "ID")]
    id: Option<String>,
}

/// Arguments of `coverage`.
#[derive(Debug, clap::Args)]
pub(super) struct CoverageArguments {
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, thiserror::Error)]
enum KnowledgeError {
    #[error("{0}")]
    Suites(#[from] suites::SuitesError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Matrix(#[from] MatrixError),
}

/// Does something with what is known.
fn with_knowledge(act: impl FnOnce(&Knowledge<'_>) -> u8) -> u8 {
    let joined = || -> Result<u8, KnowledgeError> {
        let (suites, rules) = suites::load(&[])?;
        let profiles = profile::embedded(&rules)?;
        let matrix = Matrix::embedded()?;
        Ok(act(&Knowledge::new(&suites, &rules, &profiles, &matrix)))
    };
    joined().unwrap_or_else(|error| complain(&error, exit_code::USAGE))
}

pub(super) fn explain(arguments: &ExplainArguments) -> u8 {
    with_knowledge(|knowledge| match &arguments.id {
        Some(id) => match knowledge::explain(id, knowledge) {
            Ok(text) => print(text.trim_end()),
            Err(error) => complain(&error, exit_code::USAGE),
        },
        None => print(&list(knowledge)),
    })
}

fn list(knowledge: &Knowledge<'_>) -> String {
    let mut lines = Vec::new();
    let mut section = |title: &str, entries: Vec<(String, String)>| {
        let widest = entries.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
        lines.push(format!("{title} ({})", entries.len()));
        lines.extend(entries.iter().map(|(id, text)| format!("  {id:<widest$}  {text}")));
    };
    let owned = |id: &str, text: &str| (id.to_owned(), text.to_owned());
    section("rules", knowledge.rules.iter().map(|rule| owned(&rule.id, &rule.title)).collect());
    section("scenarios", knowledge.scenarios.iter().map(|scenario| owned(&scenario.id, scenario.title())).collect());
    let capabilities = knowledge.capabilities.iter();
    section("capabilities", capabilities.map(|needed| owned(needed.id(), &needed.capability.probe.title)).collect());
    section("profiles", knowledge.profiles.iter().map(|profile| owned(&profile.id, &profile.title)).collect());
    section("faults", Fault::all().map(|fault| owned(fault.id, fault.summary)).collect());
    lines.join("\n")
}

pub(super) fn coverage(arguments: &CoverageArguments) -> u8 {
    with_knowledge(|knowledge| {
        let coverage = knowledge::coverage(knowledge);
        match arguments.format {
            Format::Text => print(&coverage.to_text(knowledge)),
            // A JSON value can always be written.
            Format::Json => print_json(&coverage).unwrap_or(exit_code::USAGE),
        }
    })
}

pub(super) fn catalogue() -> u8 {
    with_knowledge(|knowledge| print_own(knowledge::catalogue(knowledge).trim_end()))
}
