//! Judgements for tests.

use super::{Finding, Judgement, Mismatch, Verdict};

/// A finding that is about this rule.
pub fn finding(rule: &str) -> Finding {
    Finding {
        step: "put".to_owned(),
        control: false,
        rules: vec![rule.to_owned()],
        level: None,
        mismatches: vec![Mismatch::new("status", "4xx", "200")],
    }
}

/// A judgement by the evidence alone; unless it is a pass, with a finding that is about this rule.
pub fn judgement(verdict: Verdict, rule: &str) -> Judgement {
    let findings = if verdict == Verdict::Pass { Vec::new() } else { vec![finding(rule)] };
    Judgement::new(verdict, "why".to_owned(), findings)
}
