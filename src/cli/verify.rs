//! `ssecheck verify`

use std::path::PathBuf;

use clap::ValueHint;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use url::Url;

use super::choice::{ChoiceArguments, ChoiceError};
use super::suites::{self, BuiltInError};
use super::{Format, complain, exit_code, judge, print, print_json};
use crate::archive::{Archive, ArchiveError};
use crate::bounded;
use crate::certificate::{self, CheckedEvidence, Compared, Expectations, KeyError, PublicKey, Refusal};
use crate::config::MAX_CA_FILE;
use crate::record::{self, RecordError, RunRecord};
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
    /// The evidence of the run, to judge again: its digests, whether it belongs to the endpoint, and every verdict
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    evidence: Option<PathBuf>,
    /// Require this certification level, or a higher one [default: core]
    #[arg(long, value_name = "LEVEL", value_enum)]
    level: Option<Certification>,
    /// Require this endpoint
    #[arg(long, value_name = "URL")]
    endpoint: Option<Url>,
    /// Your own copy of the certificate authorities by which the tester trusted that address; may be repeated
    #[arg(long, value_name = "FILE", requires = "endpoint")]
    ca_file: Vec<PathBuf>,
    /// Require this profile
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Require this label
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Require a run that started at most so many days ago
    #[arg(long, value_name = "DAYS")]
    max_age: Option<u32>,
    /// Accept no case that is warned
    #[arg(long)]
    no_warnings: bool,
    /// Accept a certificate of ssecheck's own reference endpoint, which is no product
    #[arg(long)]
    reference: bool,
    /// Accept other suites, rules or another profile than those of this ssecheck: levels then follow from its own list of cases alone
    #[arg(long)]
    any_suites: bool,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const AFTER: &str = "\
A certificate is refused unless it is byte for byte as `certify` wrote it and the key given signed it: any changed byte is rejected. It \
must then agree with itself and the clock, with the suites built into this ssecheck, with the record where --run gives it, and with the \
evidence where --evidence gives it: levels are computed again from the suites built in, if it was made with those, the record's from its cases, the evidence's from what was \
sent and came back.

It attests what the holder of the key says of one run. What it cannot show stands at its end in five sentences. Get the public key by a way \
that you trust, and not beside the certificate.

Examples:
  ssecheck verify certificate.json --public-key signing.pem.pub
  ssecheck verify certificate.json --public-key signing.pem.pub --level full --run certificate.run.json --evidence certificate.evidence
  ssecheck verify certificate.json --public-key signing.pem.pub --endpoint https://staging:9000 --ca-file ca.pem --max-age 90 --no-warnings
  ssecheck verify old.json --public-key signing.pem.pub --any-suites --format json

Environment: none.

Exit codes:
  0    it is a full certificate, of the level asked for where --level asks for one, and as the other options expect
  1    the signature holds, but it is no full certificate: a limited or failed run, a level not attested, other suites, not as expected,
       at its end, of ssecheck's own reference endpoint, or it does not agree with itself, the clock, the record or the evidence
       (also: it is on other evidence, or the evidence shows other verdicts)
  2    refused: not signed by this key, or changed since; or a file cannot be read, or a file of the evidence is not what its manifest says";

#[derive(Debug, thiserror::Error)]
enum VerifyError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("cannot read the certificate {}: {error}; `ssecheck certify` writes one", path.display())]
    Unreadable { path: PathBuf, error: std::io::Error },
    #[error("cannot read the CA file {}: {error}; give --ca-file a PEM file", path.display())]
    Authorities { path: PathBuf, error: std::io::Error },
    #[error("{} is refused: {refusal}", path.display())]
    Refused { path: PathBuf, refusal: Refusal },
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Evidence(#[from] ArchiveError),
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    #[error(transparent)]
    BuiltIn(#[from] BuiltInError),
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
    let expectations = expectations(arguments)?;
    let record = match &arguments.run {
        Some(path) => {
            let bytes = record::read_bytes(path)?;
            let run = record::parse(&bytes, path)?;
            Some((bytes, run))
        }
        None => None,
    };
    let profile = &certificate.predicate.ssecheck.profile.id;
    let built_in = suites::built_in(profile)?;
    // The suites of another profile judge otherwise: that is found, and told.
    let profile = built_in.profile.as_ref().map_or("portable", |_| profile.as_str());
    let judged = arguments.evidence.as_ref().map(|folder| judged(folder, profile)).transpose()?;
    let now = OffsetDateTime::now_utc();
    let compared = Compared {
        built_in: &built_in,
        record: record.as_ref().map(|(bytes, run)| (bytes.as_slice(), run)),
        evidence: judged.as_ref().map(|(sha256, is_complete, judged)| CheckedEvidence {
            sha256,
            is_complete: *is_complete,
            judged,
        }),
        now,
    };
    let examination = certificate::examine(&certificate, &compared);
    let shortfalls = expectations.shortfalls(&certificate, &examination, now);
    match arguments.format {
        Format::Text => print(&certificate::as_text(&certificate, &examination, &shortfalls)),
        Format::Json => print_json(&certificate::as_json(&certificate, &examination, &shortfalls))?,
    };
    Ok(if shortfalls.is_empty() { exit_code::PASSED } else { exit_code::FAILED })
}

fn expectations(arguments: &Arguments) -> Result<Expectations, VerifyError> {
    let digest = |path: &PathBuf| match bounded::read(path, MAX_CA_FILE) {
        Ok(pem) => Ok(hex::encode(Sha256::digest(pem))),
        Err(error) => Err(VerifyError::Authorities { path: path.to_owned(), error }),
    };
    Ok(Expectations {
        level: arguments.level,
        endpoint: arguments.endpoint.clone(),
        authorities: arguments.ca_file.iter().map(digest).collect::<Result<_, _>>()?,
        profile: arguments.profile.clone(),
        label: arguments.label.clone(),
        max_age: arguments.max_age,
        no_warnings: arguments.no_warnings,
        reference: arguments.reference,
        any_suites: arguments.any_suites,
    })
}

/// Reads, checks and judges evidence again by the built-in suites and a profile: the digest of its manifest, whether it is complete, and the
/// record that comes of it.
fn judged(folder: &std::path::Path, profile: &str) -> Result<(String, bool, RunRecord), VerifyError> {
    let archive = Archive::open(folder)?;
    let summary = archive.check()?;
    let choice = ChoiceArguments::all_built_in(profile)?;
    let record = judge::record_of(&archive, &ChoiceArguments::default(), choice)?;
    Ok((summary.digest, summary.is_complete, record))
}
