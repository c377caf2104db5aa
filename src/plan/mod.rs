//! What a run will do: the cases selected, each with its positive controls and the capabilities that it needs.

mod capability;
mod shard;
mod volume;

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

pub use capability::{Needed, capabilities};
pub use shard::{MAX_SHARDS, NoShard, Part, Shard, shard};
pub use volume::Volume;

use crate::profile::Profile;
use crate::suite::model::{BucketKind, Certification, Level, Operation, Scheme, Step};
use crate::suite::{Case, Suite};

/// Which cases are run.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The profile judged by.
    pub profile: Arc<Profile>,
    /// Parts of case ids, any one of which will do; all cases when empty.
    pub only: Vec<String>,
}

/// One case with what it takes to run it.
#[derive(Debug, Clone)]
pub struct PlannedCase {
    /// The suite it belongs to.
    pub suite: Arc<Suite>,
    /// The case; the suite's, unless the profile asks for more of it.
    pub case: Arc<Case>,
    /// Its positive controls.
    pub controls: Vec<Control>,
    /// The capabilities that it needs.
    pub needs: Vec<Arc<Needed>>,
    /// The capabilities on which the SSE-C headers of some of its requests depend (`sse_c_if`).
    pub options: Vec<Arc<Needed>>,
}

/// A positive control: the scenario up to a step, with that step's request put right ([`PlannedCase::steps_of`]).
#[derive(Debug, Clone)]
pub struct Control {
    /// Id of the step that is put right.
    pub step: String,
    /// Equal for controls that send the same, so that one run serves all of them: a SHA-256, lower-case hexadecimal.
    pub identity: String,
    /// Where in the case that step is.
    index: usize,
    put_right: Arc<Step>,
}

/// The cases of a run, in the order of reports.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The cases.
    pub cases: Vec<PlannedCase>,
}

impl Plan {
    /// The kinds of bucket that its cases and the probes of their capabilities need.
    #[must_use]
    pub fn bucket_kinds(&self) -> BTreeSet<BucketKind> {
        let probes = self.cases.iter().flat_map(PlannedCase::probed);
        let of_probes = probes.map(|needed| needed.capability.probe.bucket);
        self.cases.iter().map(|planned| planned.case.bucket).chain(of_probes).collect()
    }
}

impl Plan {
    /// SHA-256 of the ids of all cases in order, each followed by a line feed, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for planned in &self.cases {
            digest.update(format!("{}\n", planned.case.id));
        }
        hex::encode(digest.finalize())
    }
}

impl PlannedCase {
    /// The capabilities whose probes it asks for.
    pub fn probed(&self) -> impl Iterator<Item = &Arc<Needed>> {
        self.needs.iter().chain(&self.options)
    }

    /// Whether any step goes to the plain-HTTP listener.
    #[must_use]
    pub fn needs_plain_endpoint(&self) -> bool {
        self.case.steps.iter().any(|step| step.request.scheme() == Scheme::Plain)
    }

    /// The steps of one of its controls: those that have none of their own, up to the one that is put right.
    #[must_use]
    pub fn steps_of(&self, control: &Control) -> Vec<Arc<Step>> {
        // Other steps' refusals are theirs to prove: here they would only stand in the way.
        let before = self.case.steps[..control.index].iter().filter(|step| step.control.is_none());
        before.chain([&control.put_right]).cloned().collect()
    }

    /// The operations of its steps that are judged.
    pub fn judged_operations(&self) -> impl Iterator<Item = Operation> + '_ {
        let judged = self.case.steps.iter().filter(|step| !step.setup);
        judged.filter_map(|step| step.request.operation)
    }

    /// The lowest level of certification that asks for everything it needs.
    #[must_use]
    pub fn certification(&self) -> Certification {
        self.needs.iter().map(|needed| needed.level()).max().unwrap_or_default()
    }
}

/// These steps as they are sent to an endpoint that lacks some capabilities: without the SSE-C headers that depend on one of them.
#[must_use]
pub fn without_options(steps: &[Arc<Step>], lacking: &[&str]) -> Vec<Arc<Step>> {
    let without = |step: &Arc<Step>| match &step.request.sse_c_if {
        Some(id) if lacking.contains(&id.as_str()) => {
            let mut step = Step::clone(step);
            step.request.sse_c = None;
            Arc::new(step)
        }
        _ => Arc::clone(step),
    };
    steps.iter().map(without).collect()
}

/// Selects cases and derives their controls. The suites hold the capabilities, too.
#[must_use]
pub fn plan(suites: &[Arc<Suite>], selection: &Selection) -> Plan {
    let capabilities = capabilities(suites);
    let mut cases = Vec::new();
    for suite in suites {
        for case in &suite.cases {
            let in_profile = case.profiles.is_empty() || case.profiles.contains(&selection.profile.id);
            let wanted = selection.only.is_empty() || selection.only.iter().any(|part| case.id.contains(part));
            if in_profile && wanted {
                let controls = controls(suite, case);
                let needs = capability::needed(case, &capabilities);
                let options = capability::optional(case, &capabilities);
                let case = as_required(case, &selection.profile);
                cases.push(PlannedCase { suite: Arc::clone(suite), case, controls, needs, options });
            }
        }
    }
    Plan { cases }
}

/// The case with the levels that the profile gives it.
fn as_required(case: &Arc<Case>, profile: &Profile) -> Arc<Case> {
    let is_required = |rules: &[String]| rules.iter().any(|rule| profile.requires(rule));
    if !is_required(&case.rules) {
        return Arc::clone(case);
    }
    let mut case = Case::clone(case);
    if is_required(&case.own_rules()) {
        case.level = Level::Must;
    }
    for step in &mut case.steps {
        if step.also.iter().any(|also| is_required(&also.rules)) {
            let required = Arc::make_mut(step).also.iter_mut().filter(|also| is_required(&also.rules));
            required.for_each(|also| also.level = Some(Level::Must));
        }
    }
    Arc::new(case)
}

/// The controls of a case. However many there are, each of its steps is written out once.
fn controls(suite: &Suite, case: &Case) -> Vec<Control> {
    if case.steps.iter().all(|step| step.control.is_none()) {
        return Vec::new();
    }
    let digest_of = |step: &Step, digest: &mut Sha256| digest.update(format!("{}\n", serde_json::json!(step)));
    let mut controls = Vec::new();
    let mut before = Sha256::new_with_prefix(format!("{}\n{}\n", suite.id, case.bucket.as_str()));
    for (index, step) in case.steps.iter().enumerate() {
        let Some(control) = &step.control else {
            digest_of(step, &mut before);
            continue;
        };
        let put_right = Step {
            id: step.id.clone(),
            setup: false,
            probe: false,
            lacks: None,
            settles: false,
            together: None,
            repeat: None,
            request: step.request.patched(&control.request),
            needs: None,
            expect: control.expect.clone(),
            also: Vec::new(),
            expect_under: Default::default(),
            control: None,
            controlled_by: None,
        };
        let mut whole = before.clone();
        digest_of(&put_right, &mut whole);
        let identity = hex::encode(whole.finalize());
        controls.push(Control { step: step.id.clone(), identity, index, put_right: Arc::new(put_right) });
    }
    controls
}
