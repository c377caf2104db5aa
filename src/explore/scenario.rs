//! Sequences as suite files: as they are explored, and as one is written that shows a divergence.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::action::{Action, PLAIN_LISTENER};
use super::expect::{Check, Expected, expected};
use super::names::Declared;
use super::state::State;
use crate::suite::SCHEMA_FILE;
use crate::suite::model::{BucketKind, Level};
use crate::verdict::KEY_NEVER_RETURNED;

/// A sequence with what S3 must answer to each of its requests.
#[derive(Debug, Clone)]
pub struct Walk {
    /// The bucket before it.
    pub start: State,
    /// The requests.
    pub actions: Vec<Action>,
    /// What must come back, request by request.
    pub expected: Vec<Expected>,
}

impl Walk {
    /// The walk of a sequence; nothing where a request is not possible when its turn comes.
    #[must_use]
    pub fn of(start: &State, actions: &[Action]) -> Option<Self> {
        let mut state = start.clone();
        let mut all = Vec::new();
        for action in actions {
            let one = expected(&state, action)?;
            state = one.next.clone();
            all.push(one);
        }
        Some(Self { start: start.clone(), actions: actions.to_vec(), expected: all })
    }

    /// The beginning of the walk.
    #[must_use]
    pub fn up_to(&self, count: usize) -> Self {
        let (actions, expected) = (self.actions[..count].to_vec(), self.expected[..count].to_vec());
        Self { start: self.start.clone(), actions, expected }
    }

    /// Walks that are shorter by a request, or simpler by one thing.
    #[must_use]
    pub fn simpler(&self) -> Vec<Self> {
        let mut all = Vec::new();
        if self.start.bucket != BucketKind::Plain {
            let start = State { bucket: BucketKind::Plain, ..self.start.clone() };
            all.extend(Self::of(&start, &self.actions));
        }
        for number in 0..self.actions.len() {
            if number + 1 < self.actions.len() {
                let mut fewer = self.actions.clone();
                fewer.remove(number);
                all.extend(Self::of(&self.start, &fewer));
            }
            for simpler in self.actions[number].simpler() {
                let mut actions = self.actions.clone();
                actions[number] = simpler;
                all.extend(Self::of(&self.start, &actions));
            }
        }
        all
    }

    /// Ids of the capabilities that it needs.
    fn capabilities(&self) -> BTreeSet<&'static str> {
        let all = self.actions.iter().flat_map(Action::capabilities);
        all.filter(|capability| *capability != PLAIN_LISTENER).collect()
    }
}

/// The check that no answer gives a customer key back, which every step has.
#[must_use]
pub fn key_never_returned() -> Check {
    let (rule, level) = (KEY_NEVER_RETURNED, Level::Must);
    Check { rule, level, decides: false, expect: json!({}), guards: Vec::new() }
}

/// A suite in which each sequence is a scenario of which every step is judged by all checks that are wanted. It finds what may be a
/// divergence: a refusal counts here without its positive control. What is found is then told by [`reproducing`].
///
/// Nothing for a sequence in which no check is wanted.
#[must_use]
pub fn exploring(id: &str, walks: &[Walk], is_wanted: impl Fn(&Action, &Check) -> bool) -> Option<Value> {
    let scenarios: Vec<Value> =
        walks.iter().enumerate().filter_map(|(index, walk)| explored(index, walk, &is_wanted)).collect();
    if scenarios.is_empty() {
        return None;
    }
    let Declared { keys, bodies } = Declared::of(&scenarios);
    Some(json!({
        "id": id,
        "title": "Explored sequences",
        "about": "Random sequences of requests, with what S3 must answer to each.",
        "keys": keys,
        "bodies": bodies,
        "scenarios": scenarios,
    }))
}

/// Checks that digest everything that is sent.
const DIGESTING: [&str; 2] = ["etag-not-md5", "part-etag"];

fn explored(index: usize, walk: &Walk, is_wanted: &impl Fn(&Action, &Check) -> bool) -> Option<Value> {
    let is_large = walk.actions.iter().any(Action::is_large);
    let mut rules: BTreeSet<&str> = BTreeSet::new();
    let mut steps = Vec::new();
    for (action, expected) in walk.actions.iter().zip(&walk.expected) {
        let checks: Vec<&Check> = expected.checks.iter().filter(|check| is_wanted(action, check)).collect();
        // Megabytes are not digested again and again: small bodies show the same.
        let checks: Vec<&Check> =
            checks.into_iter().filter(|check| !(is_large && DIGESTING.contains(&check.rule))).collect();
        let is_decided = checks.iter().any(|check| check.decides);
        let is_refusal = expected.control.is_some();
        if checks.is_empty() || (is_refusal && !is_decided) {
            steps.push(setup(expected));
            continue;
        }
        rules.extend(checks.iter().map(|check| check.rule));
        let also: Vec<Value> =
            checks.iter().map(|check| json!({"rules": [check.rule], "expect": check.expect})).collect();
        let mut step = json!({"id": expected.id, "request": expected.request, "expect": {}, "also": also});
        if !is_decided {
            step["needs"] = expected.answer.clone();
        }
        steps.push(step);
    }
    if rules.is_empty() {
        return None;
    }
    rules.insert(KEY_NEVER_RETURNED);
    Some(scenario(
        walk,
        json!({"id": format!("sequence-{index}"), "title": "A random sequence", "why": "It is explored.",
        "level": "must", "rules": rules}),
        steps,
    ))
}

fn setup(expected: &Expected) -> Value {
    json!({"id": expected.id, "setup": true, "request": expected.request, "expect": expected.answer})
}

/// The members of a scenario, with those that its walk asks for.
fn scenario(walk: &Walk, mut members: Value, steps: Vec<Value>) -> Value {
    if walk.start.bucket != BucketKind::Plain {
        members["bucket"] = json!(walk.start.bucket.as_str());
    }
    let requires = walk.capabilities();
    if !requires.is_empty() {
        members["requires"] = json!(requires);
    }
    members["steps"] = json!(steps);
    members
}

/// A suite of the one scenario that shows that the last request of a walk is not answered as a rule says: what comes before must come out,
/// and so must the guards, and a refusal has its positive control.
///
/// Nothing for a walk without a request.
#[must_use]
pub fn reproducing(id: &str, about: &str, walk: &Walk, check: &Check) -> Option<Value> {
    let (last, before) = walk.expected.split_last()?;
    let action = walk.actions.last()?;
    let mut steps = Vec::new();
    let mut ids = BTreeSet::new();
    let mut guarded = |number: Option<usize>, steps: &mut Vec<Value>| {
        let here = check.guards.iter().filter(|guard| guard.before == number);
        for step in here.flat_map(|guard| &guard.steps) {
            if ids.insert(step["id"].to_string()) {
                steps.push(step.clone());
            }
        }
    };
    guarded(None, &mut steps);
    for (number, expected) in before.iter().enumerate() {
        guarded(Some(number), &mut steps);
        steps.push(setup(expected));
    }
    guarded(Some(before.len()), &mut steps);
    let mut step = json!({"id": last.id, "request": last.request});
    if !check.decides {
        step["needs"] = last.answer.clone();
    }
    step["expect"] = check.expect.clone();
    if let Some(control) = &last.control {
        step["control"] = control.clone();
    }
    steps.push(step);
    let members = json!({
        "id": check.rule,
        "title": format!("{} after {}", action.operation(), requests(before.len())),
        "why": about,
        "level": check.level.as_str(),
        "rules": [check.rule],
    });
    let scenario = scenario(walk, members, steps);
    let Declared { keys, bodies } = Declared::of(std::slice::from_ref(&scenario));
    Some(json!({
        "$schema": SCHEMA_FILE,
        "id": id,
        "title": format!("A divergence from {}", check.rule),
        "about": about,
        "keys": keys,
        "bodies": bodies,
        "scenarios": [scenario],
    }))
}

fn requests(count: usize) -> String {
    match count {
        0 => "nothing else".to_owned(),
        1 => "one other request".to_owned(),
        count => format!("{count} other requests"),
    }
}

/// A suite that shows which of these capabilities an endpoint lacks: its scenarios need one each.
#[must_use]
pub fn asking(id: &str, capabilities: &[&str]) -> Value {
    let steps = json!([{"id": "put", "request": {"operation": "PutObject", "body": "small"}}]);
    let scenarios: Vec<Value> = capabilities
        .iter()
        .map(|capability| {
            // Ids of scenarios have no brackets.
            let id = capability.replace(['[', ','], "-").replace(']', "");
            json!({"id": id, "title": "Is it there?", "why": "What is not there is not explored.",
                "level": "may", "rules": ["put-accepted"], "requires": [capability], "steps": steps})
        })
        .collect();
    let Declared { keys, bodies } = Declared::of(&scenarios);
    json!({"id": id, "title": "Capabilities", "about": "What the endpoint has.", "keys": keys, "bodies": bodies,
        "scenarios": scenarios})
}
