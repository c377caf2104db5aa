//! Opens certificates: reads the file and checks the signature. Pure: over the bytes of the file.

use serde::Deserialize as _;
use serde_json::Value;

use super::envelope::{self, EnvelopeError};
use super::facts::{FORMAT, FORMER_FORMAT};
use super::key::PublicKey;
use super::statement::{PREDICATE_TYPE, Predicate, STATEMENT_TYPE, Statement, with_predicate};

/// What a key signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    /// The id of the key.
    pub key: String,
    /// The reports that it names by name and SHA-256 (hexadecimal), the record of the run first.
    pub reports: Vec<(String, String)>,
    /// What it says of the run.
    pub predicate: Predicate,
    statement: Statement,
}

/// A file is refused: nothing that it says is known to be said by anybody, or by ssecheck.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is not signed as it must be.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// What is signed is no statement.
    #[error("what is signed is no in-toto statement: {0}")]
    NoStatement(serde_json::Error),
    /// The statement is of another type.
    #[error("what is signed is a statement of the type `{found}`, and not `{expected}`; it is by another tool")]
    StatementType {
        /// Its type, or that of its predicate.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// It is of another format.
    #[error(
        "it is of the format `{found}`, and this ssecheck reads `{FORMAT}` and `{FORMER_FORMAT}`; use the version that made it"
    )]
    Format {
        /// Its format.
        found: String,
    },
    /// It lacks a member, or has one that is not known.
    #[error("what is signed is not a test result as ssecheck writes it: {0}")]
    NoTestResult(serde_json::Error),
    /// It holds the members of such a statement, and more or otherwise written.
    #[error("what is signed is not byte for byte as ssecheck writes it; it is by another tool")]
    Rewritten,
}

impl Certificate {
    /// The statement that was signed.
    #[must_use]
    pub fn statement(&self) -> &Statement {
        &self.statement
    }
}

/// The certificate that a file holds and the key signed.
///
/// # Errors
/// [`Refusal`].
pub fn open(file: &[u8], key: &PublicKey) -> Result<Certificate, Refusal> {
    let payload = envelope::open(file, key)?;
    let statement: Statement = serde_json::from_slice(&payload).map_err(Refusal::NoStatement)?;
    for (found, expected) in [(&statement.statement_type, STATEMENT_TYPE), (&statement.predicate_type, PREDICATE_TYPE)]
    {
        if found != expected {
            return Err(Refusal::StatementType { found: found.clone(), expected });
        }
    }
    if let Some(found) = statement.predicate.pointer("/ssecheck/format").and_then(Value::as_str)
        && ![FORMAT, FORMER_FORMAT].contains(&found)
    {
        return Err(Refusal::Format { found: found.to_owned() });
    }
    let predicate = Predicate::deserialize(&statement.predicate).map_err(Refusal::NoTestResult)?;
    if !predicate.ssecheck.is_of_its_format() {
        return Err(Refusal::Rewritten);
    }
    let mut reports = Vec::new();
    for subject in &statement.subject {
        reports.push((subject.name.clone(), subject.sha256().ok_or(Refusal::Rewritten)?.clone()));
    }
    let written = serde_json::to_vec(&with_predicate(statement.subject.clone(), &predicate));
    if written.map_err(Refusal::NoStatement)? != payload {
        return Err(Refusal::Rewritten);
    }
    Ok(Certificate { key: key.id(), reports, predicate, statement })
}
