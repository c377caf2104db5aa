//! Certificates: what came of a run, signed by who made it.
//!
//! A certificate is an in-toto statement of the type test-result in a DSSE envelope with one Ed25519 signature, so that
//! tools of others read and verify it. It says what was tested, with what, and what came of it, and names the record of the
//! run by its digest. What the predicate has no member for stands in one member named `ssecheck`: in-toto asks that
//! extension fields have names that no other organisation gives, without special characters.
//!
//! | the run | level | result |
//! | --- | --- | --- |
//! | was interrupted, or could not start | | no certificate |
//! | something fails it, or nothing was judged (its exit code is not 0) | what it attains | `FAILED` |
//! | else, has limits: own suites, `--only`, a shard, deviations, an own profile, a baseline, `--insecure`, the reference endpoint unasked for | none | `WARNED` |
//! | else, does not attain the level asked for, as a capability is missing | what it attains | `FAILED` |
//! | else, a recommendation is not kept or has no verdict, or it is of the reference endpoint, asked for by name | what it attains | `WARNED` |
//! | else | what it attains | `PASSED` |
//!
//! Limits come first for the level: with any of them no level is attested, whatever the result. `FAILED` comes first for the
//! result. `PASSED` alone says that the level asked for is attested and nothing was found, whatever else a reader understands of the
//! file; that is the monotonic principle of in-toto.
//!
//! A certificate is *full* if a level is attested, the result is not `FAILED`, it has not ended, it agrees with everything that it is
//! compared with ([`examine`]), and it is what the auditor expects ([`Expectations`]).
//!
//! What is signed is what the holder of the key says. The signature shows who says so, and that nothing was changed since;
//! [`CANNOT_SHOW`] says what no certificate shows.

#[cfg(test)]
mod attack_tests;
mod describe;
mod envelope;
mod examine;
mod expectations;
mod facts;
mod key;
mod open;
mod recompute;
mod releases;
mod statement;
#[cfg(test)]
mod statement_tests;
#[cfg(test)]
mod verify_tests;

pub use describe::{CANNOT_SHOW, as_json, as_text, not_attested};
pub use envelope::{EnvelopeError, PAYLOAD_TYPE, sign};
pub use examine::{CheckedEvidence, Compared, Examination, MOST_VALID, examine};
pub use expectations::Expectations;
pub use facts::{FORMAT, Facts, KeptEvidence, LevelReached, UnpassedCase};
pub use key::{KeyError, PrivateKey, PublicKey};
pub use open::{Certificate, Refusal, open};
pub use statement::{
    NotAttested, PREDICATE_TYPE, Predicate, Report, Resource, Sha256, Statement, Terms, TestResult, statement,
};
