//! Scenarios and their steps.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{Before, Lint};
use crate::suite::limits::{MAX_CAPABILITIES, MAX_REPEAT, take};
use crate::suite::locate::{escape, near_miss};
use crate::suite::model::{BucketKind, Operation, Outcome, Scenario, Scheme, Step};

impl Lint<'_, '_> {
    pub(super) fn scenarios(&mut self) {
        let mut ids = BTreeMap::new();
        let (typed, gaps) = (self.typed, self.gaps);
        for (case, (scenario, origin)) in typed.file.scenarios.iter().zip(&typed.origins).enumerate() {
            let index = &origin.scenario;
            let pointer = format!("/scenarios/{index}");
            self.of_case = gaps.cases.get(&case).map(AsRef::as_ref);
            // One that does not repeat as it should stands for others.
            self.has_unnamed_step = self.is_any_step_unknown(&pointer, &["id", "repeat"])
                || scenario.steps.iter().any(|step| step.repeat.is_some());
            self.id(&format!("{pointer}/id"), &scenario.id);
            // Its cases differ in the ids of their rows, which differ in a table.
            let other = *ids.entry(scenario.id.clone()).or_insert(*index);
            if other != *index {
                self.error(&format!("{pointer}/id"), format!("scenario id `{}` stands twice", scenario.id), None);
            }
            if scenario.capability.is_some() {
                if !take(&mut self.budget.capabilities, 1) {
                    self.error(&pointer, format!("the suites have more than {MAX_CAPABILITIES} capabilities"), None);
                }
                if !scenario.rules.is_empty() || !scenario.requires.is_empty() {
                    let message = "the probe of a capability tests no rule, and needs no other capability";
                    self.error(&pointer, message, None);
                }
            } else if scenario.rules.is_empty() && !self.is_any_unknown(&pointer, &["capability"]) {
                let help = Some("a pass must mean that some rule was obeyed".to_owned());
                self.error(&format!("{pointer}/rules"), "name at least one rule", help);
            }
            for (i, rule) in scenario.rules.iter().enumerate() {
                if self.rules.get(rule).is_none() {
                    let help = self.found.suggest(rule, self.rules.iter().map(|r| r.id.as_str()));
                    self.error(&format!("{pointer}/rules/{i}"), format!("there is no rule `{rule}`"), help);
                }
            }
            let is_test = scenario.capability.is_none() && !self.is_any_unknown(&pointer, &["capability"]);
            if is_test
                && scenario.steps.iter().all(|step| step.setup)
                && !self.is_any_step_unknown(&pointer, &["setup"])
            {
                let help = Some("a scenario needs a step without `setup`".to_owned());
                self.error(&format!("{pointer}/steps"), "no step is judged", help);
            }
            self.also(&pointer, scenario, &origin.steps);
            self.steps(&pointer, scenario, &origin.steps);
            self.work(&pointer, scenario, &origin.steps);
        }
        self.of_case = None;
    }

    /// Whether any of these members of a step is not known, or the steps are not.
    fn is_any_step_unknown(&self, pointer: &str, members: &[&str]) -> bool {
        let steps = format!("{pointer}/steps");
        let is_one = |place: &String| {
            let rest = place[steps.len()..].trim_start_matches('/');
            rest.split_once('/').is_none_or(|(_, member)| members.contains(&member))
        };
        self.is_unknown(&steps) || self.of_case.is_some_and(|malformed| malformed.below(&steps).any(is_one))
    }

    /// Expectations with rules of their own: the scenario cites these and at least one more.
    fn also(&mut self, pointer: &str, scenario: &Scenario, origins: &[usize]) {
        let mut named = BTreeSet::new();
        let has_unknown_rules = self.of_case.is_some() && self.is_unsure(&format!("{pointer}/rules"));
        let misspelt: Vec<&str> =
            scenario.rules.iter().map(String::as_str).filter(|id| self.rules.get(id).is_none()).collect();
        for (index, step) in scenario.steps.iter().enumerate() {
            let pointer = format!("{pointer}/steps/{}", origins.get(index).unwrap_or(&index));
            for (i, also) in step.also.iter().enumerate() {
                let at = format!("{pointer}/also/{i}");
                let is_uncited = |rule: &&String| {
                    !has_unknown_rules
                        && !scenario.rules.contains(*rule)
                        && near_miss(rule, misspelt.iter().copied()).is_none()
                };
                for rule in also.rules.iter().filter(is_uncited) {
                    let message = format!("the scenario does not cite the rule `{rule}`");
                    self.error(&format!("{at}/rules"), message, Some("add it to the scenario's `rules`".to_owned()));
                }
                let is_role_unknown = self.is_any_unknown(&pointer, &["setup", "probe"]);
                if (also.rules.is_empty() || step.setup || step.probe) && !is_role_unknown {
                    let message = "`also` names at least one rule, and goes with a step that is judged";
                    self.error(&at, message, None);
                }
                named.extend(&also.rules);
            }
        }
        if !has_unknown_rules && !scenario.rules.is_empty() && scenario.rules.iter().all(|rule| named.contains(rule)) {
            self.error(&format!("{pointer}/rules"), "no rule is left for the scenario's other expectations", None);
        }
    }

    fn steps(&mut self, pointer: &str, scenario: &Scenario, origins: &[usize]) {
        let (of_scenario, steps) = (pointer, scenario.steps.as_slice());
        let bucket = (!self.is_any_unknown(pointer, &["bucket"])).then_some(scenario.bucket);
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (index, step) in steps.iter().enumerate() {
            places.entry(&step.id).or_insert(index);
        }
        let mut group = 0;
        let mut exposed: BTreeSet<&str> = BTreeSet::new();
        for (index, step) in steps.iter().enumerate() {
            let pointer = format!("{pointer}/steps/{}", origins.get(index).unwrap_or(&index));
            if step.repeat.is_some() {
                self.error(&format!("{pointer}/repeat"), format!("a step repeats 1 to {MAX_REPEAT} times"), None);
            }
            if scenario.capability.is_some() && (step.control.is_some() || step.request.scheme() == Scheme::Plain) {
                self.error(&pointer, "the probe of a capability has no control, and goes to the TLS listener", None);
            }
            self.id(&format!("{pointer}/id"), &step.id);
            if places.get(step.id.as_str()).is_some_and(|first| *first < index) {
                self.error(
                    &format!("{pointer}/id"),
                    format!("step id `{}` stands twice in the scenario", step.id),
                    None,
                );
            }
            // Steps sent together know nothing of each other.
            if index == 0 || step.together.is_none() || steps[index - 1].together != step.together {
                group = index;
            }
            let before = Before { steps: &steps[..group], places: &places, scenario: of_scenario, origins };
            self.request(&format!("{pointer}/request"), &step.request, before, bucket);
            let sent = step.request.key_names();
            if let Some(name) = sent.iter().find(|name| exposed.contains(*name)) {
                let message =
                    format!("customer key `{name}` went over plain HTTP in an earlier step and may not be used again");
                self.error(&format!("{pointer}/request"), message, Some("use another key here".to_owned()));
            }
            if step.request.scheme() == Scheme::Plain {
                let fixed = sent.iter().find(|n| self.typed.file.keys.get(**n).is_some_and(|k| k.file.is_some()));
                if let Some(name) = fixed {
                    let message =
                        format!("the fixed customer key `{name}` may not go over plain HTTP: other cases use it");
                    self.error(&format!("{pointer}/request"), message, Some("use a fresh key".to_owned()));
                }
                exposed.extend(sent);
            }
            if step.probe && scenario.capability.is_none() && !self.is_any_unknown(of_scenario, &["capability"]) {
                let help = "move the probes to a scenario with `\"capability\": {\"level\": …}` and name its id in this scenario's `requires`";
                let message = "only the scenario of a capability has probes";
                self.error(&format!("{pointer}/probe"), message, Some(help.to_owned()));
            }
            if step.lacks.is_some() && !step.probe {
                self.error(&format!("{pointer}/lacks"), "`lacks` goes with a probe", None);
            }
            if step.settles && step.together.is_some() {
                let message = "steps that are sent together are sent once: `settles` cannot stand here";
                self.error(&format!("{pointer}/settles"), message, None);
            }
            let needs = step.needs.as_deref().into_iter().map(|o| (format!("{pointer}/needs"), o));
            let needs = needs.chain(step.lacks.as_deref().map(|o| (format!("{pointer}/lacks"), o)));
            let outcomes = needs.chain(step.expect.as_deref().map(|o| (format!("{pointer}/expect"), o)));
            let also = step.also.iter().enumerate().map(|(i, a)| (format!("{pointer}/also/{i}/expect"), &a.expect));
            let outcomes = outcomes.chain(also);
            let under = step.expect_under.iter().map(|(p, o)| (format!("{pointer}/expect_under/{}", escape(p)), o));
            for (at, outcome) in outcomes.chain(under).collect::<Vec<_>>() {
                self.outcome(&at, outcome, before);
            }
            let is_cut = step.request.interrupted == Some(true);
            let is_judged = !step.setup && !step.probe;
            let of_storage = step.outcomes().all(Outcome::is_of_storage_alone);
            if is_cut && (!of_storage || (is_judged && !step.asks_for_storage())) && !self.is_unsure(&pointer) {
                let help = Some("no answer is awaited: expect `stored`, or in a setup step `{}`".to_owned());
                self.error(&pointer, "this would hold whatever the endpoint does", help);
            }
            self.body_of_head(&pointer, step);
            if step.needs.is_some() && (step.setup || step.probe) {
                let help = Some("a setup or probe step is a precondition as a whole".to_owned());
                self.error(&format!("{pointer}/needs"), "`needs` goes with a step that is judged", help);
            }
            self.control(&pointer, step, before, scenario.capability.is_some(), bucket);
        }
    }

    /// A body that HTTP clients never show cannot be expected to be absent.
    fn body_of_head(&mut self, pointer: &str, step: &Step) {
        let control = step.control.as_ref().and_then(|control| control.expect.as_deref());
        let is_head = step.request.operation == Some(Operation::HeadObject);
        let asks = step.outcomes().chain(control).any(Outcome::asks_for_body);
        let is_unknown = self.is_any_unknown(pointer, &["request/own_connection"]);
        if is_head && step.request.own_connection != Some(true) && asks && !is_unknown {
            let help = Some("add `\"own_connection\": true` to the request: only then is a body seen".to_owned());
            self.error(pointer, "this expectation of a body would hold whatever the endpoint sends", help);
        }
    }

    fn control(&mut self, pointer: &str, step: &Step, before: Before<'_>, is_probe: bool, bucket: Option<BucketKind>) {
        let refusal = step.needs.iter().chain(&step.expect).any(|outcome| outcome.is_refusal());
        if let Some(id) = &step.controlled_by {
            let succeeds = |s: &&Arc<Step>| {
                s.setup
                    && s.request.operation == step.request.operation
                    && s.request.object == step.request.object
                    && !s.expect.as_deref().is_some_and(Outcome::is_refusal)
            };
            let is_unsure = self.is_unsure(pointer) || self.is_step_unsure(id, before);
            if (before.get(id).filter(succeeds).is_none() || !refusal || step.control.is_some()) && !is_unsure {
                let message = "`controlled_by` names an earlier setup step that sends the same request to the same object and succeeds, in place of a control";
                self.error(&format!("{pointer}/controlled_by"), message, None);
            }
            return;
        }
        match &step.control {
            None if refusal
                && !step.setup
                && !step.probe
                && !is_probe
                && !self.is_any_unknown(before.scenario, &["capability"]) =>
            {
                let help = "add `\"control\": {\"request\": {…}}` with the one thing put right: without it a server that refuses everything would pass";
                self.error(pointer, "a step that expects a refusal needs a positive control", Some(help.to_owned()));
            }
            Some(control) => {
                let at = format!("{pointer}/control");
                if !refusal && !["expect", "needs"].iter().any(|member| self.is_unsure(&format!("{pointer}/{member}")))
                {
                    self.error(&at, "a control goes with a step that expects a refusal", None);
                }
                let patched = step.request.patched(&control.request);
                let at_request = format!("{at}/request");
                self.control = Some((at_request.clone(), format!("{pointer}/request")));
                self.request(&at_request, &patched, before, bucket);
                self.control = None;
                if let Some(outcome) = &control.expect {
                    self.outcome(&format!("{at}/expect"), outcome, before);
                }
            }
            None => {}
        }
    }
}
