//! The exit codes of `ssecheck`. They are part of its interface and documented in the README.

use crate::record::{Conclusion, RunRecord};

/// All required scenarios passed; of the other commands: it worked.
pub const PASSED: u8 = 0;
/// At least one required scenario failed, a declared departure no longer happens, a case is not as `--strict-baseline` has
/// it, or the level of `--certify` is not reached. Of `diff`: the runs differ. Of `explore`: an answer diverges from the model.
pub const FAILED: u8 = 1;
/// The command line, the configuration or a suite is wrong, or no ledger can be kept; nothing was sent.
pub const USAGE: u8 = 2;
/// The endpoint could not be tested: unreachable, TLS or credentials refused, no bucket, SSE-C blocked on it, or a
/// required scenario was left without a verdict. Also a run that judged nothing, and of `explore` what looked like a divergence
/// and did not happen again.
pub const NOT_TESTED: u8 = 3;
/// Stopped by the user; what the run made was removed, unless a second signal ended it at once (128 + SIGINT, as shells
/// count).
pub const INTERRUPTED: u8 = 130;

/// The exit code of a run.
#[must_use]
pub fn of(run: &RunRecord) -> u8 {
    match run.conclusion() {
        Conclusion::Passed | Conclusion::NoNewFailures => PASSED,
        Conclusion::Failed => FAILED,
        Conclusion::NotTestable => NOT_TESTED,
        Conclusion::Interrupted => INTERRUPTED,
    }
}
