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
//! | else, has limits: own suites, `--only`, departures, an own profile, a baseline, `--insecure`, the embedded endpoint | none | `WARNED` |
//! | else, does not attain the level asked for, as a capability is missing | what it attains | `FAILED` |
//! | else, a recommendation is not kept or has no verdict | what it attains | `WARNED` |
//! | else | what it attains | `PASSED` |
//!
//! Limits come first for the level: with any of them no level is attested, whatever the result. `FAILED` comes first for the
//! result. A certificate is *full* for a level where that or a higher one is attested and the result is not `FAILED`. So
//! `PASSED` alone says that the level asked for is attested and nothing was found, whatever else a reader understands of the
//! file; that is the monotonic principle of in-toto.
//!
//! What is signed is what the holder of the key says. The signature shows who says so, and that nothing was changed since.

mod built_in;
mod describe;
mod envelope;
mod key;
mod statement;
#[cfg(test)]
mod statement_tests;
mod verify;
#[cfg(test)]
mod verify_tests;

pub use built_in::BuiltIn;
pub use describe::{as_json, as_text, not_attested};
pub use envelope::{EnvelopeError, PAYLOAD_TYPE, sign};
pub use key::{KeyError, PrivateKey, PublicKey};
pub use statement::{
    FORMAT, Facts, LevelReached, NotAttested, PREDICATE_TYPE, Predicate, Report, Resource, Sha256, TestResult,
    statement,
};
pub use verify::{Certificate, Examination, Refusal, examine, open};
