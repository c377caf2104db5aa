//! What a schema cannot say: names that must exist, members that go together, controls that must be there, and what a suite
//! may reach and ask for.

mod declared;
mod outcome;
mod reach;
mod request;
mod scenario;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock};

use regex::Regex;

use super::body::Body;
use super::found::Found;
use super::limits::Budget;
use super::load::{Key, Typed};
use super::model::Step;
use super::source::Fixtures;
use crate::rules::Catalogue;

/// What the checks have read on the way.
pub(super) struct Checked {
    pub keys: BTreeMap<String, Key>,
    pub bodies: BTreeMap<String, Body>,
}

static ID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^[a-z0-9]+([-_][a-z0-9]+)*$").unwrap_or_else(|e| unreachable!("{e}")));

/// The longest id, in bytes.
const MAX_ID: usize = 100;

/// Checks a typed suite; nothing is found where all is right. Of what is known to be right only the declarations are read.
pub(super) fn check(
    typed: &Typed,
    fixtures: &Fixtures,
    rules: &Catalogue,
    found: &mut Found<'_>,
    budget: &mut Budget,
    is_known: bool,
) -> Checked {
    let mut lint =
        Lint { typed, rules, found, budget, bodies: BTreeMap::new(), used: BTreeSet::new(), patterns: BTreeSet::new() };
    let keys = lint.keys(fixtures);
    lint.bodies(fixtures);
    if is_known {
        return Checked { keys, bodies: lint.bodies };
    }
    lint.id("/id", &typed.file.id);
    lint.tables();
    // Ids stand in those of all cases.
    if lint.found.is_empty() {
        lint.scenarios();
        lint.unused();
    }
    Checked { keys, bodies: lint.bodies }
}

struct Lint<'a, 'f> {
    typed: &'a Typed,
    rules: &'a Catalogue,
    found: &'a mut Found<'f>,
    budget: &'a mut Budget,
    bodies: BTreeMap<String, Body>,
    /// What is used of what the file declares.
    used: BTreeSet<(&'static str, String)>,
    /// The regular expressions so far.
    patterns: BTreeSet<String>,
}

/// The steps before one, of which it may name the answers.
#[derive(Clone, Copy)]
struct Before<'s> {
    steps: &'s [Arc<Step>],
    /// Where the scenario has its steps, by id.
    places: &'s HashMap<&'s str, usize>,
}

impl<'s> Before<'s> {
    fn get(&self, id: &str) -> Option<&'s Arc<Step>> {
        self.places.get(id).and_then(|place| self.steps.get(*place))
    }

    fn ids(&self) -> impl Iterator<Item = &'s str> {
        self.steps.iter().map(|step| step.id.as_str())
    }
}

impl Lint<'_, '_> {
    fn error(&mut self, pointer: &str, message: impl Into<String>, help: Option<String>) {
        self.found.at(pointer, message, help);
    }

    fn id(&mut self, pointer: &str, id: &str) {
        if id.len() > MAX_ID || !ID.is_match(id) {
            let help = Some(format!("write lower-case words and digits joined by `-`, {MAX_ID} bytes at most"));
            self.error(pointer, format!("`{id}` is not an id"), help);
        }
    }

    /// A customer key must be declared; remembers that it is used.
    fn key_named(&mut self, pointer: &str, name: &str) {
        self.used.insert(("keys", name.to_owned()));
        let typed = self.typed;
        if !typed.key_names.contains(name) {
            let help = self.found.suggest(name, typed.key_names.iter().map(String::as_str));
            self.error(pointer, format!("there is no customer key `{name}`"), help);
        }
    }

    /// A body must be declared; remembers that it is used.
    fn body_named(&mut self, pointer: &str, name: &str) {
        self.used.insert(("bodies", name.to_owned()));
        let bodies = &self.typed.file.bodies;
        if !bodies.contains_key(name) {
            let help = self.found.suggest(name, bodies.keys().map(String::as_str));
            self.error(pointer, format!("there is no body `{name}`"), help);
        }
    }

    /// A step must be an earlier one.
    fn step_named(&mut self, pointer: &str, name: &str, before: Before<'_>) {
        if before.get(name).is_none() {
            let help = self.found.suggest(name, before.ids());
            self.error(pointer, format!("there is no earlier step `{name}`"), help);
        }
    }
}
