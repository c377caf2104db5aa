//! What a file declares: customer keys, bodies and tables.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use super::Lint;
use crate::suite::body::Body;
use crate::suite::limits::{MAX_BODY, MAX_FIXTURE, MAX_JOINED, MAX_KEY_FILE, MAX_LITERAL, take};
use crate::suite::load::{Key, declared_key};
use crate::suite::locate::escape;
use crate::suite::model::{BodySpec, MAX_KEYS};
use crate::suite::source::Fixtures;

impl Lint<'_, '_> {
    pub(super) fn keys(&mut self, fixtures: &Fixtures) -> BTreeMap<String, Key> {
        let mut keys = BTreeMap::new();
        for (name, spec) in &self.typed.file.keys {
            if self.found.is_full() {
                break;
            }
            let pointer = format!("/keys/{}", escape(name));
            if spec.length.is_some_and(|l| l > 1024) {
                self.error(&format!("{pointer}/length"), "a customer key of a test is at most 1024 bytes long", None);
            }
            let bytes = spec.file.as_ref().and_then(|path| {
                let read = fixtures.read(path, MAX_KEY_FILE).map(Zeroizing::new).and_then(|text| {
                    let decoded = hex::decode(text.trim_ascii()).map(Zeroizing::new);
                    decoded.map_err(|_| format!("fixture `{path}` is not hexadecimal"))
                });
                read.map_err(|message| self.error(&format!("{pointer}/file"), message, None)).ok()
            });
            if bytes.as_ref().is_some_and(|bytes| bytes.len() > 1024) {
                self.error(&format!("{pointer}/file"), "a customer key of a test is at most 1024 bytes long", None);
                continue;
            }
            if spec.file.is_some() && spec.length.is_some() {
                self.error(&pointer, "give `length` or `file`, not both", None);
            }
            if spec.count.is_some_and(|count| !(1..=MAX_KEYS).contains(&count) || spec.file.is_some()) {
                let message = format!("`count` is 1 to {MAX_KEYS}, and does not go with `file`");
                self.error(&format!("{pointer}/count"), message, None);
                continue;
            }
            for one in spec.names(name) {
                if keys.insert(one.clone(), declared_key(spec, bytes.clone())).is_some() {
                    self.error(&pointer, format!("there are two keys `{one}`"), None);
                }
            }
            if keys.len() > MAX_KEYS as usize {
                self.error(&pointer, format!("a suite has at most {MAX_KEYS} customer keys"), None);
                break;
            }
        }
        keys
    }

    pub(super) fn bodies(&mut self, fixtures: &Fixtures) {
        let specs = &self.typed.file.bodies;
        let (joined, plain): (Vec<_>, Vec<_>) = specs.iter().partition(|(_, spec)| !spec.join.is_empty());
        for (name, spec) in plain.into_iter().chain(joined) {
            if self.found.is_full() {
                return;
            }
            let pointer = format!("/bodies/{}", escape(name));
            if let Some(body) = self.body(&pointer, spec, fixtures) {
                if body.len() > MAX_BODY {
                    self.error(&pointer, format!("a body is at most {MAX_BODY} bytes long"), None);
                    continue;
                }
                if let Body::Literal(bytes) = &body
                    && !take(&mut self.budget.literal, bytes.len() as u64)
                {
                    let message = format!("texts and fixtures come to more than {MAX_LITERAL} bytes in all");
                    let help = Some("give `size`: generated content takes no memory until it is sent".to_owned());
                    self.error(&pointer, message, help);
                    return;
                }
                self.bodies.insert(name.clone(), body);
            }
        }
    }

    fn body(&mut self, pointer: &str, spec: &BodySpec, fixtures: &Fixtures) -> Option<Body> {
        let given = [spec.text.is_some(), spec.file.is_some(), spec.size.is_some(), !spec.join.is_empty()];
        if given.iter().filter(|g| **g).count() != 1 || (spec.seed.is_some() && spec.size.is_none()) {
            let help = Some("`seed` goes with `size`".to_owned());
            self.error(pointer, "give exactly one of `text`, `file`, `size` and `join`", help);
            return None;
        }
        if let Some(text) = &spec.text {
            return Some(Body::Literal(text.clone().into()));
        }
        if let Some(size) = spec.size {
            return Some(Body::Generated { size, seed: spec.seed.unwrap_or(0) });
        }
        if let Some(path) = &spec.file {
            let read = fixtures.read(path, MAX_FIXTURE).map_err(|m| self.error(&format!("{pointer}/file"), m, None));
            return read.ok().map(|bytes| Body::Literal(bytes.into()));
        }
        if spec.join.len() > MAX_JOINED {
            self.error(&format!("{pointer}/join"), format!("a body joins at most {MAX_JOINED} others"), None);
            return None;
        }
        let typed = self.typed;
        let specs_of = |name: &String| typed.file.bodies.get(name);
        let mut parts = Vec::new();
        for (index, name) in spec.join.iter().enumerate() {
            self.used.insert(("bodies", name.clone()));
            let is_reported =
                specs_of(name).is_some_and(|spec| spec.join.is_empty()) || self.may_be_declared("bodies", name);
            match self.bodies.get(name) {
                // What is wrong with the other is reported there.
                None if is_reported => {}
                Some(Body::Joined(_)) | None => {
                    self.unknown.insert(("bodies", name.clone()));
                    let help = self.found.suggest(name, self.bodies.keys().map(String::as_str));
                    let message = format!("there is no body `{name}` that could be joined");
                    self.error(&format!("{pointer}/join/{index}"), message, help);
                }
                Some(body) => parts.push(body.clone()),
            }
        }
        Some(Body::Joined(parts))
    }

    pub(super) fn tables(&mut self) {
        for (name, rows) in &self.typed.file.tables {
            let mut seen = BTreeSet::new();
            for (index, row) in rows.iter().enumerate() {
                let pointer = format!("/tables/{}/{index}/id", escape(name));
                self.id(&pointer, &row.id);
                if !seen.insert(&row.id) {
                    self.error(&pointer, format!("row id `{}` stands twice in this table", row.id), None);
                }
            }
        }
        for table in self.typed.file.scenarios.iter().flat_map(|scenario| scenario.for_each.values()) {
            if !self.typed.file.tables.contains_key(table) {
                self.unknown.insert(("tables", table.clone()));
            }
            self.used.insert(("tables", table.clone()));
        }
    }

    /// What is declared and never used, if all is known that may use it. A name that is like an unknown one was meant there.
    pub(super) fn unused(&mut self) {
        let gaps = self.gaps;
        if !gaps.is_whole || gaps.file.is_unsure("/scenarios") {
            return;
        }
        let file = &self.typed.file;
        let declared = file.keys.keys().map(|n| ("keys", n));
        let declared = declared.chain(file.bodies.keys().map(|n| ("bodies", n)));
        for (kind, name) in declared.chain(file.tables.keys().map(|n| ("tables", n))) {
            let several = file.keys.get(name).filter(|spec| kind == "keys" && spec.count.is_some());
            let one = several.and_then(|spec| spec.names(name).next()).unwrap_or_else(|| name.clone());
            let at = format!("/{kind}/{}", escape(name));
            let may_be_used = gaps.has_unfilled && several.is_some()
                || [&gaps.texts, &gaps.file.texts].iter().any(|texts| texts.contains(name) || texts.contains(&one))
                || self.missing.contains(kind)
                || self.is_unsure(&at)
                || self.is_meant(kind, name);
            if !self.used.contains(&(kind, one)) && !may_be_used {
                self.found.at_name(&at, format!("`{name}` is never used"), None);
            }
        }
    }

    /// Whether an unknown name is probably this one, misspelt.
    fn is_meant(&self, kind: &str, name: &str) -> bool {
        let unknown = self.unknown.iter().filter(|(of, _)| *of == kind);
        unknown.into_iter().any(|(_, unknown)| self.found.nearest(unknown, [name]).is_some())
    }
}
