//! The connection settings: what was typed, and what it means.
//!
//! [`Typed`] holds the command-line flags as the user gave them. [`resolve`] reads the other places a setting may
//! come from, checks every value, and returns a [`Config`] or a [`ConfigError`] naming the place of the bad value.
//!
//! Each setting is taken from the first of these places that has it:
//!
//! 1. the flags;
//! 2. `ssecheck.toml` in the current directory, or the file of `--config`;
//! 3. the environment, `SSECHECK_*` variables before `AWS_*` ones;
//! 4. the selected profile of the AWS files (`~/.aws/config` and `~/.aws/credentials`);
//! 5. the default.
//!
//! Access keys are never flags, which other users of the machine could read in the process list. An AWS profile named
//! by `--aws-profile` or in `ssecheck.toml` supplies its keys at the rank of the place that named it, so that they are
//! not silently replaced by keys left over in the environment.

mod aws_profile;
mod aws_sections;
mod credentials;
mod environment;
mod error;
mod file;
mod naming;
mod origin;
mod resolve;
mod resolved;
mod typed;
mod urls;

#[cfg(test)]
mod precedence_tests;
#[cfg(test)]
mod refusal_tests;
#[cfg(test)]
mod workspace;

pub use credentials::Credentials;
pub use environment::Environment;
pub use error::ConfigError;
pub(crate) use naming::{bucket_fault, prefix_fault};
pub use origin::Origin;
pub(crate) use resolve::MAX_CA_FILE;
pub use resolve::{ledger_folder, resolve};
pub use resolved::{Addressing, AuthorityFile, Config, Endpoint, LedgerFolder, Plain};
pub use typed::{Typed, UrlText};
pub use urls::UrlRole;
