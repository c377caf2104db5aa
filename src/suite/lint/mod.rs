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
use super::cases::Gaps;
use super::found::Found;
use super::limits::Budget;
use super::load::{Key, Typed};
use super::malformed::Malformed;
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

/// Checks a typed suite; nothing is found where all is right. Where something is malformed, what cannot be known for that reason is
/// not reported. Of what is known to be right only the declarations are read.
pub(super) fn check(
    typed: &Typed,
    gaps: &Gaps,
    fixtures: &Fixtures,
    rules: &Catalogue,
    found: &mut Found<'_>,
    budget: &mut Budget,
    is_known: bool,
) -> Checked {
    let mut lint = Lint {
        typed,
        gaps,
        of_case: None,
        has_unnamed_step: false,
        control: None,
        rules,
        found,
        budget,
        bodies: BTreeMap::new(),
        used: BTreeSet::new(),
        unknown: BTreeSet::new(),
        missing: BTreeSet::new(),
        patterns: BTreeSet::new(),
    };
    let keys = lint.keys(fixtures);
    lint.bodies(fixtures);
    if is_known {
        return Checked { keys, bodies: lint.bodies };
    }
    lint.id("/id", &typed.file.id);
    lint.tables();
    lint.scenarios();
    lint.unused();
    Checked { keys, bodies: lint.bodies }
}

struct Lint<'a, 'f> {
    typed: &'a Typed,
    gaps: &'a Gaps,
    /// Where the case that is checked is malformed.
    of_case: Option<&'a Malformed>,
    /// Whether the id of one of its steps is not known.
    has_unnamed_step: bool,
    /// While the request of a control is checked: where it stands, and where the request that it puts right.
    control: Option<(String, String)>,
    rules: &'a Catalogue,
    found: &'a mut Found<'f>,
    budget: &'a mut Budget,
    bodies: BTreeMap<String, Body>,
    /// What is used of what the file declares.
    used: BTreeSet<(&'static str, String)>,
    /// What is used and not declared.
    unknown: BTreeSet<(&'static str, String)>,
    /// The kinds of which some name is missing: it may be any that is declared and not used.
    missing: BTreeSet<&'static str>,
    /// The regular expressions so far.
    patterns: BTreeSet<String>,
}

/// The steps before one, of which it may name the answers.
#[derive(Clone, Copy)]
struct Before<'s> {
    steps: &'s [Arc<Step>],
    /// Where the scenario has its steps, by id.
    places: &'s HashMap<&'s str, usize>,
    /// Where the scenario stands in the file.
    scenario: &'s str,
    /// For each step its index in the file.
    origins: &'s [usize],
}

impl<'s> Before<'s> {
    fn get(&self, id: &str) -> Option<&'s Arc<Step>> {
        self.places.get(id).and_then(|place| self.steps.get(*place))
    }

    fn ids(&self) -> impl Iterator<Item = &'s str> {
        self.steps.iter().map(|step| step.id.as_str())
    }

    /// Where a step stands in the file.
    fn pointer(&self, id: &str) -> Option<String> {
        let index = self.places.get(id)?;
        Some(format!("{}/steps/{}", self.scenario, self.origins.get(*index).unwrap_or(index)))
    }
}

impl Lint<'_, '_> {
    /// A mistake at what `pointer` names, unless it is the consequence of another: the value, one around it or a member of it is
    /// malformed, or, of a control, the mistake is that of the request which it puts right.
    fn error(&mut self, pointer: &str, message: impl Into<String>, help: Option<String>) {
        let message = message.into();
        if self.is_member_unknown(pointer) || self.is_of_base(pointer, &message) {
            return;
        }
        self.found.at(pointer, message, help);
    }

    /// Whether a mistake in the request of a control is one of the step's own request, from which the control has that member.
    fn is_of_base(&self, pointer: &str, message: &str) -> bool {
        let Some((control, base)) = &self.control else { return false };
        let Some(rest) = pointer.strip_prefix(control) else { return false };
        let in_base = format!("{base}{rest}");
        self.is_member_unknown(&in_base)
            || ((rest.is_empty() || !self.found.stands_in_file(pointer)) && self.found.is_known(&in_base, message))
    }

    fn malformed(&self) -> impl Iterator<Item = &Malformed> {
        [&self.gaps.file].into_iter().chain(self.of_case)
    }

    /// Whether what stands there is not known: see [`Malformed`].
    fn is_unknown(&self, pointer: &str) -> bool {
        self.malformed().any(|malformed| malformed.is_unknown(pointer))
    }

    /// Whether a member of it, or itself, is not known.
    fn is_member_unknown(&self, pointer: &str) -> bool {
        self.malformed().any(|malformed| malformed.is_member_unknown(pointer))
    }

    /// Whether anything in it, or itself, is not known.
    fn is_unsure(&self, pointer: &str) -> bool {
        self.malformed().any(|malformed| malformed.is_unsure(pointer))
    }

    /// Whether any of these members is not known.
    fn is_any_unknown(&self, pointer: &str, members: &[&str]) -> bool {
        self.of_case.is_some() && members.iter().any(|member| self.is_unknown(&format!("{pointer}/{member}")))
    }

    /// Whether a name that nothing declares may be declared by what is malformed.
    fn may_be_declared(&self, kind: &'static str, name: &str) -> bool {
        let file = &self.gaps.file;
        let section = format!("/{kind}");
        // A key with a `count` declares others than itself.
        let is_numbered = |declared: &str| {
            let number = name.strip_prefix(declared).filter(|number| !declared.is_empty() && !number.is_empty());
            kind == "keys" && number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let mut malformed = file.below(&section).filter_map(|place| place[section.len()..].split('/').nth(1));
        file.is_unknown(&section)
            || file.texts.contains(name)
            || file.texts.iter().any(|text| is_numbered(text))
            || malformed.any(is_numbered)
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
        if !typed.key_names.contains(name) && !self.may_be_declared("keys", name) {
            self.unknown.insert(("keys", name.to_owned()));
            let help = self.found.suggest(name, typed.key_names.iter().map(String::as_str));
            self.error(pointer, format!("there is no customer key `{name}`"), help);
        }
    }

    /// A body must be declared; remembers that it is used.
    fn body_named(&mut self, pointer: &str, name: &str) {
        self.used.insert(("bodies", name.to_owned()));
        let bodies = &self.typed.file.bodies;
        if !bodies.contains_key(name) && !self.may_be_declared("bodies", name) {
            self.unknown.insert(("bodies", name.to_owned()));
            let help = self.found.suggest(name, bodies.keys().map(String::as_str));
            self.error(pointer, format!("there is no body `{name}`"), help);
        }
    }

    /// A step must be an earlier one.
    fn step_named(&mut self, pointer: &str, name: &str, before: Before<'_>) {
        if before.get(name).is_none() && !self.has_unnamed_step {
            let help = self.found.suggest(name, before.ids());
            self.error(pointer, format!("there is no earlier step `{name}`"), help);
        }
    }

    /// Whether it is not known what a step is: it may be what names it needs.
    fn is_step_unsure(&self, name: &str, before: Before<'_>) -> bool {
        self.has_unnamed_step || before.pointer(name).is_some_and(|pointer| self.is_unsure(&pointer))
    }
}
