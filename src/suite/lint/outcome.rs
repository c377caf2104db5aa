//! What must come back.

use std::sync::LazyLock;

use regex::Regex;

use super::{Before, Lint};
use crate::suite::limits::{MAX_PATTERNS, take};
use crate::suite::locate::escape;
use crate::suite::model::{HeaderMatch, Outcome, TextMatch};
use crate::suite::pattern;

static STATUS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("^[1-5]([0-9]{2}|xx)$").unwrap_or_else(|e| unreachable!("{e}")));

impl Lint<'_, '_> {
    pub(super) fn outcome(&mut self, pointer: &str, outcome: &Outcome, before: Before<'_>) {
        for (i, status) in outcome.status.iter().enumerate() {
            if !STATUS.is_match(status) {
                let help = Some("write `404` or `4xx`".to_owned());
                self.error(&format!("{pointer}/status/{i}"), format!("`{status}` is not a status"), help);
            }
        }
        for (name, text) in &outcome.elements {
            self.text_match(&format!("{pointer}/elements/{}", escape(name)), text);
        }
        for (name, text) in &outcome.error_fields {
            self.text_match(&format!("{pointer}/error_fields/{}", escape(name)), text);
        }
        for (name, header) in &outcome.headers {
            self.header_match(&format!("{pointer}/headers/{}", escape(name)), header, before);
        }
        if let Some(key) = &outcome.echo {
            self.key_named(&format!("{pointer}/echo"), key);
        }
        if let Some(body) = &outcome.body {
            let at = format!("{pointer}/body");
            let given = [body.equals.is_some(), body.empty, body.size.is_some(), body.sha256.is_some()];
            let slice = body.offset.is_some() || body.length.is_some();
            if given.iter().filter(|g| **g).count() != 1 || (slice && body.equals.is_none()) {
                self.missing.insert("bodies");
                let help = Some("`offset` and `length` go with `equals`".to_owned());
                self.error(&at, "give exactly one of `equals`, `empty`, `size` and `sha256`", help);
            }
            if let Some(name) = &body.equals {
                self.body_named(&format!("{at}/equals"), name);
            }
        }
        let etag = outcome.etag.iter().flat_map(|e| e.same_as.iter().chain(&e.differs_from));
        let entry = outcome.entry.iter().flat_map(|e| e.etag_same_as.iter());
        let statuses = outcome.status_same_as.iter().chain(&outcome.status_differs_from);
        for step in etag.chain(entry).chain(statuses) {
            self.step_named(pointer, step, before);
        }
        for (i, inner) in outcome.any_of.iter().enumerate() {
            self.outcome(&format!("{pointer}/any_of/{i}"), inner, before);
        }
    }

    fn header_match(&mut self, at: &str, header: &HeaderMatch, before: Before<'_>) {
        let given = [
            header.equals.is_some(),
            header.matches.is_some(),
            header.digest.is_some(),
            header.absent,
            header.same_as.is_some(),
            header.differs_from.is_some(),
        ];
        if given.iter().filter(|g| **g).count() != 1 {
            let message = "give exactly one of `equals`, `matches`, `digest`, `absent`, `same_as`, `differs_from`";
            self.error(at, message, None);
        }
        if let Some(digest) = &header.digest {
            self.body_named(&format!("{at}/digest/body"), &digest.body);
        }
        self.pattern(at, header.matches.as_deref());
        for of_step in header.same_as.iter().chain(&header.differs_from) {
            self.step_named(at, &of_step.step, before);
        }
    }

    fn text_match(&mut self, pointer: &str, text: &TextMatch) {
        let given =
            [text.equals.is_some(), text.matches.is_some(), text.digest.is_some(), text.same_as_header.is_some()];
        if given.iter().filter(|g| **g).count() != 1 {
            self.error(pointer, "give exactly one of `equals`, `matches`, `digest` and `same_as_header`", None);
        }
        if let Some(digest) = &text.digest {
            self.body_named(&format!("{pointer}/digest/body"), &digest.body);
        }
        self.pattern(pointer, text.matches.as_deref());
    }

    fn pattern(&mut self, pointer: &str, pattern: Option<&str>) {
        let Some(pattern) = pattern.filter(|pattern| !self.patterns.contains(*pattern)) else { return };
        if !take(&mut self.budget.patterns, 1) {
            let message = format!("there are more than {MAX_PATTERNS} different regular expressions in all");
            self.error(&format!("{pointer}/matches"), message, Some("use `equals` where it will do".to_owned()));
            return;
        }
        self.patterns.insert(pattern.to_owned());
        if let Err(message) = pattern::compile(pattern) {
            // Not remembered, so that it is said wherever it stands; that costs no more than the limit allows.
            self.patterns.remove(pattern);
            self.error(&format!("{pointer}/matches"), message, None);
        }
    }
}
