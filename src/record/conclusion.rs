//! What a run comes to, in one word.

use super::{CaseRecord, RunRecord};
use crate::verdict::Verdict;

/// What a run comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Conclusion {
    /// All required cases passed, and no failure is declared or known.
    Passed,
    /// All required cases passed but those that a profile or a baseline knows to fail.
    NoNewFailures,
    /// A required case failed, a declared departure no longer happens, or a case is not as a strict baseline has it.
    Failed,
    /// A required case was left without a verdict, or nothing was judged.
    NotTestable,
    /// It was stopped before all cases were run.
    Interrupted,
}

impl Conclusion {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::NoNewFailures => "no new failures",
            Self::Failed => "failed",
            Self::NotTestable => "not testable",
            Self::Interrupted => "interrupted",
        }
    }
}

impl RunRecord {
    /// What the run comes to.
    #[must_use]
    pub fn conclusion(&self) -> Conclusion {
        if self.interrupted {
            return Conclusion::Interrupted;
        }
        if self.cases.iter().any(|case| self.fails(case)) {
            return Conclusion::Failed;
        }
        let judged = [Verdict::Pass, Verdict::Fail, Verdict::Inconsistent, Verdict::ExpectedFailure];
        let judged: usize = judged.into_iter().map(|verdict| self.count(verdict)).sum();
        if judged == 0 || self.cases.iter().any(|case| self.leaves_open(case)) {
            return Conclusion::NotTestable;
        }
        if self.count(Verdict::ExpectedFailure) > 0 { Conclusion::NoNewFailures } else { Conclusion::Passed }
    }

    /// The conclusion in words; where failures are known, with how many.
    #[must_use]
    pub fn conclusion_in_words(&self) -> String {
        let conclusion = self.conclusion();
        match conclusion {
            Conclusion::NoNewFailures => {
                format!("{}, {} known", conclusion.as_str(), self.count(Verdict::ExpectedFailure))
            }
            _ => conclusion.as_str().to_owned(),
        }
    }

    /// Whether the run fails for this case.
    #[must_use]
    pub fn fails(&self, case: &CaseRecord) -> bool {
        match case.verdict {
            Verdict::UnexpectedPass => true,
            verdict if verdict.is_failure() => self.counts(case),
            verdict => self.is_off_strict_baseline(case) && !verdict.is_open(),
        }
    }

    /// Whether this case leaves open whether the endpoint does what is required.
    #[must_use]
    pub fn leaves_open(&self, case: &CaseRecord) -> bool {
        self.counts(case) && (case.incomplete || case.verdict.is_open())
    }

    fn counts(&self, case: &CaseRecord) -> bool {
        case.is_required() || self.is_off_strict_baseline(case)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::samples::{case, run};
    use super::*;
    use crate::baseline::Standing;
    use crate::record::BaselineRecord;
    use crate::suite::model::Level;

    #[rstest]
    #[case::passed(&[Verdict::Pass, Verdict::NotSupported], Conclusion::Passed)]
    #[case::failed(&[Verdict::Pass, Verdict::Fail, Verdict::Error], Conclusion::Failed)]
    #[case::known(&[Verdict::Pass, Verdict::ExpectedFailure], Conclusion::NoNewFailures)]
    #[case::out_of_date(&[Verdict::Pass, Verdict::UnexpectedPass], Conclusion::Failed)]
    #[case::open(&[Verdict::Pass, Verdict::Blocked], Conclusion::NotTestable)]
    #[case::nothing_judged(&[Verdict::Skipped, Verdict::NotSupported], Conclusion::NotTestable)]
    #[case::nothing_run(&[], Conclusion::NotTestable)]
    fn verdicts_decide(#[case] verdicts: &[Verdict], #[case] conclusion: Conclusion) {
        let cases = || verdicts.iter().map(|verdict| case("s/a", *verdict, "")).collect();
        assert_eq!(run(cases()).conclusion(), conclusion);
        let mut interrupted = run(cases());
        interrupted.interrupted = true;
        assert_eq!(interrupted.conclusion(), Conclusion::Interrupted);
    }

    #[test]
    fn what_is_not_required_decides_only_where_a_baseline_is_strict() {
        let advisory = CaseRecord { level: Level::Should, ..case("s/a", Verdict::Fail, "r") };
        let fixed = CaseRecord { standing: Some(Standing::Fixed), ..case("s/b", Verdict::Pass, "") };
        let mut run = run(vec![advisory, fixed]);
        assert_eq!(run.conclusion(), Conclusion::Passed);
        run.baseline = Some(BaselineRecord { file: "known.json".to_owned(), digest: None, strict: true });
        assert_eq!(run.conclusion(), Conclusion::Failed);
        run.cases[1].standing = Some(Standing::Known);
        assert_eq!(run.conclusion(), Conclusion::Passed);
        run.cases[0].standing = Some(Standing::New);
        assert_eq!(run.conclusion(), Conclusion::Failed);
    }
}
