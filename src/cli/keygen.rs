//! `ssecheck keygen`

use std::path::PathBuf;

use super::{complain, exit_code, print};
use crate::certificate::{KeyError, PrivateKey};

/// Arguments of `keygen`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// File for the private key; the public key goes to the same with `.pub` behind it
    #[arg(long, value_name = "PATH", default_value = "ssecheck-key.pem")]
    out: PathBuf,
}

const AFTER: &str = "\
Makes an Ed25519 key pair: the private key as PKCS#8, readable by its owner only and not encrypted, the public key as \
SubjectPublicKeyInfo, both PEM. Neither is ever written over another file. Keep the private key secret: who has it signs in \
your name. Give the public key, or its id, to who verifies, by a way that they trust.

Examples:
  ssecheck keygen --out signing.pem                   # signing.pem and signing.pem.pub
  openssl pkey -in signing.pem -noout -text           # other tools read it, too
  openssl genpkey -algorithm ed25519 -out other.pem   # and what they make is taken
  openssl pkey -in other.pem -pubout -out other.pem.pub

The key id is the SHA-256 of the public key's DER:
  openssl pkey -pubin -in signing.pem.pub -outform DER | sha256sum

Exit codes:
  0    the pair is made
  2    a file is there already, or cannot be written";

pub(super) fn keygen(arguments: &Arguments) -> u8 {
    let made = || -> Result<u8, KeyError> {
        let key = PrivateKey::generate()?;
        let public = key.write_pair(&arguments.out)?;
        let (private, public, id) = (arguments.out.display(), public.display(), key.public().id());
        Ok(print(&format!("private key  {private} (keep it secret)\npublic key   {public}\nkey id       {id}")))
    };
    made().unwrap_or_else(|error| complain(&error, exit_code::USAGE))
}
