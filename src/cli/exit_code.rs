//! The exit codes of `ssecheck`. They are part of its interface and documented in the README.

use crate::record::{CaseRecord, RunRecord};
use crate::verdict::Verdict;

/// All required scenarios passed; of the other commands: it worked.
pub const PASSED: u8 = 0;
/// At least one required scenario failed, a declared departure no longer happens, a case is not as `--strict-baseline` has
/// it, or the level of `--certify` is not reached. Of `diff`: the runs differ.
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
pub fn of(run: &RunRecord) -> u8 {
    if run.interrupted {
        return INTERRUPTED;
    }
    let counts = |case: &&CaseRecord| case.is_required() || run.is_off_strict_baseline(case);
    let counting = || run.cases.iter().filter(counts);
    let without_verdict = [Verdict::Inconclusive, Verdict::Blocked, Verdict::Error];
    let failed = |case: &CaseRecord| match case.verdict {
        Verdict::Fail => true,
        verdict => run.is_off_strict_baseline(case) && !without_verdict.contains(&verdict),
    };
    let out_of_date = run.cases.iter().any(|case| case.verdict == Verdict::UnexpectedPass);
    if out_of_date || counting().any(failed) {
        return FAILED;
    }
    let incomplete = counting().any(|case| case.incomplete || without_verdict.contains(&case.verdict));
    let judged = run.count(Verdict::Pass) + run.count(Verdict::Fail) + run.count(Verdict::ExpectedFailure);
    if incomplete || judged == 0 { NOT_TESTED } else { PASSED }
}
