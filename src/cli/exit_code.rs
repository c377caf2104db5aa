//! The exit codes of `ssecheck`. They are part of its interface and documented in the README.

use crate::runner::RunResult;
use crate::verdict::Verdict;

/// All required scenarios passed; of the other commands: it worked.
pub const PASSED: u8 = 0;
/// At least one required scenario failed, a declared departure no longer happens, or the level of `--certify` is not
/// reached.
pub const FAILED: u8 = 1;
/// The command line, the configuration or a suite is wrong; nothing was sent.
pub const USAGE: u8 = 2;
/// The endpoint could not be tested: unreachable, TLS or credentials refused, no bucket, SSE-C blocked on it, or a
/// required scenario was left without a verdict. Also a run that judged nothing.
pub const NOT_TESTED: u8 = 3;
/// Stopped by the user; what the run made was removed (128 + SIGINT, as shells count).
pub const INTERRUPTED: u8 = 130;

/// The exit code of a run.
#[must_use]
pub fn of(run: &RunResult) -> u8 {
    if run.interrupted {
        return INTERRUPTED;
    }
    if run.cases.iter().any(|case| case.judgement.verdict == Verdict::UnexpectedPass) {
        return FAILED;
    }
    let required = || run.cases.iter().filter(|case| case.is_required());
    if required().any(|case| case.judgement.verdict == Verdict::Fail) {
        return FAILED;
    }
    let without_verdict = [Verdict::Inconclusive, Verdict::Blocked, Verdict::Error];
    let incomplete = required().any(|case| case.incomplete || without_verdict.contains(&case.judgement.verdict));
    let judged = run.count(Verdict::Pass) + run.count(Verdict::Fail) + run.count(Verdict::ExpectedFailure);
    if incomplete || judged == 0 { NOT_TESTED } else { PASSED }
}
