//! What a run will do: the cases selected, each with its positive controls.

use std::sync::Arc;

use crate::suite::model::{Scheme, Step};
use crate::suite::{Case, Suite};

/// Which cases are run.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Name of the profile.
    pub profile: String,
    /// Parts of case ids, any one of which will do; all cases when empty.
    pub only: Vec<String>,
}

/// One case with what it takes to run it.
#[derive(Debug, Clone)]
pub struct PlannedCase {
    /// The suite it belongs to.
    pub suite: Arc<Suite>,
    /// The case.
    pub case: Case,
    /// Its positive controls.
    pub controls: Vec<Control>,
}

/// A positive control: the scenario up to a step, with that step's request put right.
#[derive(Debug, Clone)]
pub struct Control {
    /// Id of the step that is put right.
    pub step: String,
    /// The steps, the last one put right.
    pub steps: Vec<Step>,
    /// Equal for controls that send the same, so that one run serves all of them.
    pub identity: String,
}

/// The cases of a run, in the order of reports.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The cases.
    pub cases: Vec<PlannedCase>,
}

impl PlannedCase {
    /// Whether any step goes to the plain-HTTP listener.
    #[must_use]
    pub fn needs_plain_endpoint(&self) -> bool {
        self.case.steps.iter().any(|step| step.request.scheme() == Scheme::Plain)
    }
}

/// Selects cases and derives their controls.
#[must_use]
pub fn plan(suites: &[Arc<Suite>], selection: &Selection) -> Plan {
    let mut cases = Vec::new();
    for suite in suites {
        for case in &suite.cases {
            let in_profile = case.profiles.is_empty() || case.profiles.contains(&selection.profile);
            let wanted = selection.only.is_empty() || selection.only.iter().any(|part| case.id.contains(part));
            if in_profile && wanted {
                let controls = controls(suite, case);
                cases.push(PlannedCase { suite: Arc::clone(suite), case: case.clone(), controls });
            }
        }
    }
    Plan { cases }
}

fn controls(suite: &Suite, case: &Case) -> Vec<Control> {
    let with_control = case.steps.iter().enumerate().filter_map(|(i, step)| Some((i, step, step.control.as_ref()?)));
    with_control
        .map(|(index, step, control)| {
            let mut steps: Vec<Step> = case.steps[..index].to_vec();
            // Other steps' refusals are theirs to prove: here they would only stand in the way.
            steps.retain(|s| s.control.is_none());
            steps.push(Step {
                id: step.id.clone(),
                setup: false,
                probe: false,
                request: step.request.patched(&control.request),
                needs: None,
                expect: control.expect.clone(),
                also: Vec::new(),
                expect_under: Default::default(),
                control: None,
            });
            let identity = format!("{}\n{}\n{}", suite.id, case.bucket.as_str(), serde_json::json!(steps));
            Control { step: step.id.clone(), steps, identity }
        })
        .collect()
}
