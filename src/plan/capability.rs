//! Which capabilities a case needs: those that it names, and those that its requests show.

use std::sync::Arc;

use crate::suite::model::{CapabilitySpec, Certification, Step};
use crate::suite::{Capability, Case, Suite};

/// A capability together with the suite that declares it.
#[derive(Debug, Clone)]
pub struct Needed {
    /// The suite.
    pub suite: Arc<Suite>,
    /// The capability.
    pub capability: Capability,
}

impl Needed {
    /// The capability's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.capability.probe.id
    }

    /// The level of certification that asks for it.
    #[must_use]
    pub fn level(&self) -> Certification {
        self.capability.spec.level
    }
}

/// All capabilities of these suites.
#[must_use]
pub fn capabilities(suites: &[Arc<Suite>]) -> Vec<Arc<Needed>> {
    let of_suite = |suite: &Arc<Suite>| {
        let suite = Arc::clone(suite);
        let all = suite.capabilities.clone().into_iter();
        all.map(move |capability| Arc::new(Needed { suite: Arc::clone(&suite), capability })).collect::<Vec<_>>()
    };
    suites.iter().flat_map(of_suite).collect()
}

/// Those of them that a case needs. What a lower certification level requires comes first, so that a missing capability of a higher one
/// does not hide it.
pub(super) fn needed(case: &Case, capabilities: &[Arc<Needed>]) -> Vec<Arc<Needed>> {
    let needs = |needed: &&Arc<Needed>| {
        let spec = &needed.capability.spec;
        case.requires.iter().any(|id| id == needed.id())
            || spec.buckets.contains(&case.bucket)
            || case.steps.iter().any(|step| shows(step, spec))
    };
    let mut needed: Vec<Arc<Needed>> = capabilities.iter().filter(needs).cloned().collect();
    needed.sort_by_key(|needed| needed.level());
    needed
}

/// Those of them that the SSE-C headers of a case's requests depend on.
pub(super) fn optional(case: &Case, capabilities: &[Arc<Needed>]) -> Vec<Arc<Needed>> {
    let is_named = |needed: &&Arc<Needed>| {
        let mut named = case.steps.iter().filter_map(|step| step.request.sse_c_if.as_deref());
        named.any(|id| id == needed.id())
    };
    capabilities.iter().filter(is_named).cloned().collect()
}

fn shows(step: &Step, spec: &CapabilitySpec) -> bool {
    let request = &step.request;
    let sends = |name: &String| {
        let mut sent = request.headers.iter().flatten();
        sent.any(|(sent, _)| sent.eq_ignore_ascii_case(name))
    };
    request.operation.is_some_and(|operation| spec.operations.contains(&operation))
        || spec.payloads.contains(&request.payload.unwrap_or_default())
        || spec.auth.contains(&request.auth.unwrap_or_default())
        || spec.headers.iter().any(sends)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Selection, plan};
    use crate::rules::Catalogue;
    use crate::suite::{Fixtures, SuiteSource, load};

    #[test]
    fn what_the_lowest_level_requires_is_looked_at_first() {
        let capability = |id: &str, level: &str| {
            format!(
                r#"{{"id": "{id}", "title": "t", "why": "w", "level": "may", "capability": {{"level": "{level}"}},
                "steps": [{{"id": "get", "probe": true, "request": {{"operation": "GetObject"}}}}]}}"#
            )
        };
        let text = format!(
            r#"{{"id": "x", "title": "t", "about": "a", "scenarios": [{}, {}, {}, {{"id": "s", "title": "t", "why": "w", "level": "must",
            "rules": ["put-echoes"], "requires": ["high", "low"], "steps": [{{"id": "get", "request": {{"operation": "GetObject"}}}}]}}]}}"#,
            capability("high", "full"),
            capability("idle", "core"),
            capability("low", "extended"),
        );
        let source = SuiteSource { name: "x.json".to_owned(), text, fixtures: Fixtures::Embedded };
        let suite = load(&source, &Catalogue::embedded().unwrap()).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let plan = plan(&[Arc::new(suite)], &Selection::default());
        let needs: Vec<&str> = plan.cases[0].needs.iter().map(|needed| needed.id()).collect();
        assert_eq!(needs, ["low", "high"]);
        assert_eq!(plan.cases[0].certification(), Certification::Full);
    }
}
