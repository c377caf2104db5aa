//! How much a run sends, as far as that is known before it starts.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Plan, PlannedCase};
use crate::suite::Suite;
use crate::suite::model::Step;

/// Requests and bytes of bodies that cases send with their controls and the probes of their capabilities. A case that stops at a step
/// sends less; one whose request is repeated because the endpoint is busy sends more. Requests that make buckets and remove what
/// was made are not among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Volume {
    /// How many requests.
    pub requests: u64,
    /// Bytes of their bodies, before they are framed.
    pub bytes: u64,
}

impl Volume {
    /// Of the cases of a plan that are sent. Equal controls are sent once, and so is the probe of a capability.
    #[must_use]
    pub fn of(plan: &Plan, is_sent: impl Fn(&PlannedCase) -> bool) -> Self {
        let mut volume = Self::default();
        let (mut controls, mut probes) = (BTreeSet::new(), BTreeSet::new());
        for planned in plan.cases.iter().filter(|planned| is_sent(planned)) {
            volume.add(&planned.suite, &planned.case.steps);
            for needed in planned.probed().filter(|needed| probes.insert(needed.id())) {
                volume.add(&needed.suite, &needed.capability.probe.steps);
            }
            for control in planned.controls.iter().filter(|control| controls.insert(control.identity.as_str())) {
                volume.add(&planned.suite, &planned.steps_of(control));
            }
        }
        volume
    }

    fn add(&mut self, suite: &Suite, steps: &[Arc<Step>]) {
        for step in steps {
            // Whether an object is stored is asked by a request of its own.
            self.requests = self.requests.saturating_add(1 + u64::from(step.asks_for_storage()));
            let body = step.request.body.as_ref().and_then(|name| suite.bodies.get(name));
            self.bytes = self.bytes.saturating_add(body.map_or(0, |body| body.len()));
        }
    }

    /// In words.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mebibytes = self.bytes as f64 / f64::from(1024 * 1024);
        format!(
            "it sends about {} requests with {mebibytes:.1} MiB of bodies, and those that make buckets and remove what it made",
            self.requests
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Selection, plan};
    use crate::rules::Catalogue;
    use crate::suite::{Fixtures, SuiteSource, load};

    /// Two scenarios with the same control, of which one asks whether an object is stored.
    const SUITE: &str = r#"{"id": "x", "title": "t", "about": "a", "keys": {"K": {}}, "bodies": {"b": {"size": 1000}}, "scenarios": [
        {"id": "one", "title": "t", "why": "w", "level": "must", "rules": ["put-echoes"], "steps": [
            {"id": "put", "request": {"operation": "PutObject", "body": "b"}, "expect": {"refused": true, "stored": false}, "control": {"request": {"sse_c": {"key": "K"}}}}]},
        {"id": "two", "title": "t", "why": "w", "level": "must", "rules": ["put-echoes"], "steps": [
            {"id": "put", "request": {"operation": "PutObject", "body": "b", "auth": "anonymous"}, "expect": {"refused": true}, "control": {"request": {"auth": "signed", "sse_c": {"key": "K"}}}},
            {"id": "get", "repeat": 3, "request": {"operation": "GetObject"}, "expect": {"status": ["2xx"]}}]}]}"#;

    #[test]
    fn steps_storage_probes_and_each_control_once_are_counted() {
        let source = SuiteSource { name: "x.json".to_owned(), text: SUITE.to_owned(), fixtures: Fixtures::Embedded };
        let suite = Arc::new(load(&source, &Catalogue::embedded().unwrap()).unwrap_or_else(|error| panic!("{error}")));
        let plan = plan(&[suite], &Selection::default());
        // A put with its probe, and its control; a put, and three reads. The other control differs: it says how it is signed.
        let all = Volume::of(&plan, |_| true);
        let controls: BTreeSet<&str> =
            plan.cases.iter().flat_map(|case| &case.controls).map(|it| it.identity.as_str()).collect();
        let controls = controls.len() as u64;
        assert_eq!(all, Volume { requests: 2 + 1 + 3 + controls, bytes: (2 + controls) * 1000 });
        let twice = Plan { cases: plan.cases.iter().chain(&plan.cases).cloned().collect() };
        assert_eq!(Volume::of(&twice, |_| true).requests, 2 * (2 + 1 + 3) + controls);
        let one = Volume::of(&plan, |planned| planned.case.id == "x/one");
        assert_eq!(one, Volume { requests: 3, bytes: 2000 });
        assert!(one.sentence().contains("about 3 requests with 0.0 MiB"), "{}", one.sentence());
    }
}
