//! `ssecheck verify`

use std::path::PathBuf;

use super::suites::{self, SuitesError};
use super::{Format, complain, exit_code, print};
use crate::bounded;
use crate::certificate::{self, BuiltIn, KeyError, PublicKey, Refusal};
use crate::profile::ProfileError;
use crate::record::{self, RecordError};
use crate::suite::model::Certification;

/// The largest certificate that is read, in bytes.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// The certificate
    #[arg(value_name = "CERTIFICATE")]
    certificate: PathBuf,
    /// The public key of who signed it: Ed25519, PEM
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
    /// The record of the run, to compare: its digest, and all that it says
    #[arg(long, value_name = "FILE")]
    run: Option<PathBuf>,
    /// The level that it must attest; any when absent
    #[arg(long, value_name = "LEVEL", value_enum)]
    level: Option<Certification>,
    /// Accept a certificate that was made with other suites, rules or another profile than those of this ssecheck
    #[arg(long)]
    any_suites: bool,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const AFTER: &str = "\
A certificate is refused unless it is byte for byte as `certify` wrote it and the key given signed it: any change, also of a \
blank, is a forgery. It must then agree with itself, with the suites built into this ssecheck, and with the record where \
--run gives it: what the record's cases come to is computed again.

It attests what the holder of the key says of one run. It does not attest that this is true, that the endpoint is the product \
named, or that it behaves so at another time. Get the public key by a way that you trust, and not beside the certificate.

Examples:
  ssecheck verify certificate.json --public-key signing.pem.pub
  ssecheck verify certificate.json --public-key signing.pem.pub --level full --run certificate.run.json
  ssecheck verify old.json --public-key signing.pem.pub --any-suites --format json

Environment: none.

Exit codes:
  0    it is a full certificate, of the level asked for where --level asks for one
  1    the signature holds, but it is no full certificate: a limited or failed run, a level not attested, other suites, or
       it does not agree with itself or with the record
  2    refused: not signed by this key, or changed since; or a file cannot be read";

#[derive(Debug, thiserror::Error)]
enum VerifyError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("cannot read the certificate {}: {error}; `ssecheck certify` writes one", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("{} is refused: {refusal}", path.display())]
    Refused { path: PathBuf, refusal: Refusal },
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Suites(#[from] SuitesError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error("the result cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

pub(super) fn verify(arguments: &Arguments) -> u8 {
    verified(arguments).unwrap_or_else(|error| complain(&error, exit_code::USAGE))
}

fn verified(arguments: &Arguments) -> Result<u8, VerifyError> {
    let path = &arguments.certificate;
    let key = PublicKey::read(&arguments.public_key)?;
    let file =
        bounded::read(path, MAX_FILE).map_err(|error| VerifyError::Unreadable { path: path.to_owned(), error })?;
    let certificate =
        certificate::open(&file, &key).map_err(|refusal| VerifyError::Refused { path: path.to_owned(), refusal })?;
    let record = match &arguments.run {
        Some(path) => {
            let bytes = record::read_bytes(path)?;
            let run = record::parse(&bytes, path)?;
            Some((bytes, run))
        }
        None => None,
    };
    let (suites, rules) = suites::load(&[])?;
    let built_in = BuiltIn::of(&certificate.predicate.ssecheck.profile.id, &suites, &rules)?;
    let record = record.as_ref().map(|(bytes, run)| (bytes.as_slice(), run));
    let examination = certificate::examine(&certificate, &built_in, record);
    let shortfalls = examination.shortfalls(&certificate, arguments.level, arguments.any_suites);
    print(&match arguments.format {
        Format::Text => certificate::as_text(&certificate, &examination, &shortfalls),
        Format::Json => serde_json::to_string_pretty(&certificate::as_json(&certificate, &examination, &shortfalls))?,
    });
    Ok(if shortfalls.is_empty() { exit_code::PASSED } else { exit_code::FAILED })
}
