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

/// Those of them that a case needs.
pub(super) fn needed(case: &Case, capabilities: &[Arc<Needed>]) -> Vec<Arc<Needed>> {
    let needs = |needed: &&Arc<Needed>| {
        let spec = &needed.capability.spec;
        case.requires.iter().any(|id| id == needed.id())
            || spec.buckets.contains(&case.bucket)
            || case.steps.iter().any(|step| shows(step, spec))
    };
    capabilities.iter().filter(needs).cloned().collect()
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
