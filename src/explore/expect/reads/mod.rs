//! GetObject, HeadObject and GetObjectAttributes: what is refused, and what is read without a key.

mod right_key;

use serde_json::{Map, Value, json};

use super::writes::told_plain;
use super::{Expected, Refusal, refused_for_style, request};
use crate::explore::action::{Action, Of, Reading, Style, Which};
use crate::explore::guard::{self, Guard};
use crate::explore::names::{Key, Object};
use crate::explore::presented::{Malformation, Presented};
use crate::explore::state::{Origin, RefusedGet, State, Stored, Version};
use crate::suite::model::{BucketKind, Level};

/// A read of an object that is there.
struct Read<'s> {
    state: &'s State,
    action: &'s Action,
    reading: Reading,
    object: Object,
    which: Which,
    of: Of,
    key: Presented,
    style: Style,
    version: &'s Version,
    stored: &'s Stored,
}

/// What S3 must answer.
pub(super) fn read(state: &State, action: &Action) -> Option<Expected> {
    let Action::Read { reading, object, which, of, key, style } = *action else { return None };
    let version = match which {
        Which::Newest => state.newest(object)?,
        Which::Back(newer) if state.is_versioned() => state.back(object, newer)?,
        Which::Back(_) => return None,
    };
    let Some(stored) = &version.stored else {
        let is_plain = which == Which::Newest && of == Of::Whole && style == Style::Usual;
        return if is_plain { deleted(state, action, object, reading, key) } else { None };
    };
    let read = Read { state, action, reading, object, which, of, key, style, version, stored };
    if !read.fits() {
        return None;
    }
    match (stored.key, key) {
        (None, Presented::Nothing) => read.plain(),
        (None, Presented::Key(_)) => read.plain_with_key(),
        (Some(right), Presented::Key(key)) if key == right => read.with_right_key(right),
        (Some(right), Presented::Nothing) => read.without_key(right),
        (Some(right), Presented::Key(key)) => read.with_other_key(right, key),
        (Some(right), Presented::Malformed(key, how)) if key == right => read.malformed(right, how),
        (_, Presented::Malformed(..)) => None,
    }
}

/// A read of an object whose newest version is a delete marker.
fn deleted(state: &State, action: &Action, object: Object, reading: Reading, key: Presented) -> Option<Expected> {
    let Presented::Key(presented) = key else { return None };
    let (before, stored) = state.objects.get(&object)?.iter().rev().find_map(|v| Some((v, v.stored.as_ref()?)))?;
    if stored.key != Some(presented) || reading == Reading::Attributes {
        return None;
    }
    let mut expected = Expected::answered(state, action, request(action, object, key), json!({"status": ["404"]}));
    expected.control = Some(json!({"request": {"version_of": before.step}, "expect": {"status": ["200"]}}));
    let not_found = expected.answer.clone();
    let expected = expected.decided("delete-marker-read", Level::Must, not_found, vec![guard::encrypted()]);
    let told = json!({"headers": {"x-amz-delete-marker": {"equals": "true"}}});
    Some(expected.must("delete-marker-told", told, [guard::encrypted()]))
}

impl Read<'_> {
    /// Whether it makes sense to ask for this, so.
    fn fits(&self) -> bool {
        let length = self.stored.content.length;
        let is_get_or_head = self.reading != Reading::Attributes;
        let has_own_etag_header = matches!(self.stored.origin, Origin::Put { .. });
        let fits = match self.of {
            Of::Whole => true,
            Of::Range(from, to) => self.reading == Reading::Get && from <= to && from < length,
            Of::From(from) => self.reading == Reading::Get && from < length,
            Of::Last(last) => self.reading == Reading::Get && 0 < last && 0 < length,
            Of::BeyondEnd => self.reading == Reading::Get && 0 < length,
            Of::Part(_) => is_get_or_head && self.stored.parts().is_some_and(|parts| parts[0].0 == 1),
            Of::Override => self.reading == Reading::Get,
            Of::Checksum => self.stored.has_crc32,
            Of::PartsCount => !is_get_or_head && self.stored.parts().is_some(),
            Of::IfModifiedSince => is_get_or_head && self.stored.dated.is_some() && self.which == Which::Newest,
            Of::OwnConnection => self.reading == Reading::Head,
            Of::IfMatch | Of::IfNoneMatch => is_get_or_head && has_own_etag_header,
            Of::IfMatchOther | Of::IfNoneMatchOther => is_get_or_head,
            Of::IfModifiedSinceLongAgo | Of::IfUnmodifiedSinceLongAgo => is_get_or_head,
        };
        let is_styled = self.style == Style::Usual
            || (self.of == Of::Whole && self.which == Which::Newest && self.key != Presented::Nothing)
            || (self.style == Style::Presigned && self.of == Of::Whole && self.which == Which::Newest);
        // Which version's key counts is for reads of the whole.
        let is_of_a_version = self.which == Which::Newest || self.is_plain_part_of();
        fits && is_styled && is_of_a_version
    }

    fn request(&self) -> Map<String, Value> {
        let mut request = request(self.action, self.object, self.key);
        if let Which::Back(_) = self.which {
            request.insert("version_of".to_owned(), json!(self.version.step));
        }
        let other = "\"00000000000000000000000000000000\"";
        let long_ago = "Sat, 01 Jan 2000 00:00:00 GMT";
        let own = || json!({"of_step": {"step": self.version.step, "header": "etag"}});
        let header = |name: &str, value: Value| json!({"headers": {name: value}});
        let range = |value: String| header("range", json!({"value": value}));
        let members = match self.of {
            Of::Whole => json!({}),
            Of::Range(from, to) => range(format!("bytes={from}-{to}")),
            Of::From(from) => range(format!("bytes={from}-")),
            Of::Last(last) => range(format!("bytes=-{last}")),
            Of::BeyondEnd => range(format!("bytes={}-", self.stored.content.length)),
            Of::Part(number) => json!({"part_number": number}),
            Of::Override => json!({"query": {"response-content-type": "text/x-override"}}),
            Of::Checksum if self.reading == Reading::Attributes => {
                header("x-amz-object-attributes", json!({"value": "Checksum"}))
            }
            Of::Checksum => header("x-amz-checksum-mode", json!({"value": "ENABLED"})),
            Of::PartsCount => header("x-amz-object-attributes", json!({"value": "ObjectParts"})),
            Of::IfModifiedSince => {
                header("if-modified-since", json!({"of_step": {"step": self.stored.dated, "header": "last-modified"}}))
            }
            Of::OwnConnection => json!({"own_connection": true}),
            Of::IfMatch => header("if-match", own()),
            Of::IfMatchOther => header("if-match", json!({"value": other})),
            Of::IfNoneMatch => header("if-none-match", own()),
            Of::IfNoneMatchOther => header("if-none-match", json!({"value": other})),
            Of::IfModifiedSinceLongAgo => header("if-modified-since", json!({"value": long_ago})),
            Of::IfUnmodifiedSinceLongAgo => header("if-unmodified-since", json!({"value": long_ago})),
        };
        if let Value::Object(members) = members {
            request.extend(members);
        }
        request
    }

    fn accepted(&self) -> Expected {
        Expected::accepted(self.state, self.action, self.request())
    }

    /// An object stored without a key is read without one.
    fn plain(&self) -> Option<Expected> {
        if self.of != Of::Whole || self.reading == Reading::Attributes || self.style != Style::Usual {
            return None;
        }
        let expected = self.accepted();
        let rule = match &self.stored.origin {
            Origin::Put { over_key: true, .. } if self.which == Which::Newest && !self.state.is_versioned() => {
                Some(("overwritten-by-plain", vec![guard::encrypted()]))
            }
            Origin::Copy { source_key: Some(_), onto_itself: false, of_parts: false, of_version: false, .. }
                if !self.version.is_over =>
            {
                Some(("copy-source-key", vec![guard::encrypted(), guard::read(self.reading), self.source_seen()]))
            }
            _ => None,
        };
        let rule = rule.filter(|_| self.stored.disturbed.is_none() && self.state.bucket == BucketKind::Plain);
        let expected = match rule {
            Some((rule, guards)) => expected.decided(rule, Level::Must, self.whole(), guards),
            None => expected,
        };
        Some(expected.must("plain-told-plain", told_plain(), [guard::encrypted()]))
    }

    fn plain_with_key(&self) -> Option<Expected> {
        let is_usual = self.of == Of::Whole && self.style == Style::Usual && self.state.bucket == BucketKind::Plain;
        // What a copy was stored under is what other rules are about.
        if !is_usual || !matches!(self.stored.origin, Origin::Put { over_key: false, .. }) || self.version.is_over {
            return None;
        }
        let refusal = Refusal::must("plain-object-with-key", json!({"sse_c": {}}))
            .of_level(Level::Should)
            .guarded([guard::read(self.reading)]);
        Some(Expected::refused(self.state, self.action, self.request(), refusal))
    }

    /// Refused, and put right by the right key.
    fn refused(&self, rule: &'static str, right: Key, guards: Vec<Guard>) -> Expected {
        // What GetObjectAttributes gives away is a rule of its own, however the object came to be.
        let rule = if self.reading == Reading::Attributes { "attributes-need-key" } else { rule };
        let refusal = Refusal::must(rule, json!({"sse_c": {"key": right.name()}})).guarded(guards);
        let mut expected = Expected::refused(self.state, self.action, self.request(), refusal);
        if self.of == Of::Checksum {
            let hidden = json!({"headers": {"x-amz-checksum-crc32": {"absent": true}}});
            expected = expected.must("read-checksum-needs-key", hidden, []);
        }
        if self.stored.has_metadata {
            let hidden = json!({"headers": {"x-amz-meta-owner": {"absent": true}}});
            expected = expected.must("metadata-needs-key", hidden, []);
        }
        match (self.reading, self.which, self.of) {
            (Reading::Get, Which::Newest, Of::Whole) if self.style == Style::Usual => {
                let (step, object, key) = (expected.id.clone(), self.object, self.key);
                expected.next.refused_get = Some(RefusedGet { step, object, key });
            }
            (Reading::Head, _, Of::OwnConnection) => {
                expected = expected.must("head-as-get", json!({"body": {"empty": true}}), []);
            }
            (Reading::Head, Which::Newest, Of::Whole) => {
                if let Some(step) = self.refused_get() {
                    expected = expected.must("head-as-get", json!({"status_same_as": step}), []);
                }
            }
            _ => {}
        }
        expected
    }

    /// The step just before, where it was this very read by GetObject.
    fn refused_get(&self) -> Option<&str> {
        let before = self.state.refused_get.as_ref()?;
        (before.object == self.object && before.key == self.key).then_some(before.step.as_str())
    }

    fn malformed(&self, right: Key, how: Malformation) -> Option<Expected> {
        let of_attributes = matches!(how, Malformation::AlgorithmKms | Malformation::AlgorithmLowerCase);
        let is_known = how.is_refused_of_reads() && (self.reading != Reading::Attributes || of_attributes);
        let is_usual = self.stored.is_usual() && self.style == Style::Usual && self.which == Which::Newest;
        if !is_known || !is_usual || !matches!(self.of, Of::Whole | Of::OwnConnection) {
            return None;
        }
        let mut expected = self.refused("read-headers-checked", right, Vec::new());
        expected.checks[0].level = how.level();
        Some(expected)
    }

    fn without_key(&self, right: Key) -> Option<Expected> {
        if let Some(conditional) = self.conditional_without_key(right) {
            return conditional;
        }
        if !self.is_plain_part_of() || !matches!(self.style, Style::Usual | Style::Presigned) {
            return None;
        }
        let is_whole = self.of == Of::Whole && self.style == Style::Usual;
        match &self.stored.origin {
            _ if self.stored.disturbed.is_some() => None,
            // Which version's key counts is another rule.
            _ if self.which != Which::Newest && self.has_versions_under_others(right) => None,
            Origin::Copy { onto_itself: false, .. } if is_whole && self.state.bucket == BucketKind::Plain => {
                Some(self.refused("copy-target-key", right, vec![guard::refused(self.reading)]))
            }
            Origin::Copy { .. } => None,
            Origin::Put { .. } if self.state.bucket == BucketKind::DefaultEncrypted => {
                let is_known = is_whole && self.reading != Reading::Attributes && !self.version.is_over;
                is_known.then(|| self.refused("default-encryption-yields", right, Vec::new()))
            }
            Origin::Parts { .. } if self.state.bucket == BucketKind::DefaultEncrypted => None,
            _ => Some(self.refused("read-needs-key", right, Vec::new())),
        }
    }

    /// Whether another version of the object is under another key, or none.
    fn has_versions_under_others(&self, right: Key) -> bool {
        let versions = self.state.objects.get(&self.object).into_iter().flatten();
        versions.into_iter().any(|version| version.stored.as_ref().is_none_or(|stored| stored.key != Some(right)))
    }

    /// Whether a part of the object, or all of it, is asked for, on no condition.
    fn is_plain_part_of(&self) -> bool {
        let is_hidden_checksum = self.of == Of::Checksum && self.reading != Reading::Attributes;
        let is_part = matches!(self.of, Of::Range(..) | Of::From(_) | Of::Last(_) | Of::Part(_));
        is_part || is_hidden_checksum || matches!(self.of, Of::Whole | Of::OwnConnection)
    }

    /// A condition must not be looked at before the key.
    fn conditional_without_key(&self, right: Key) -> Option<Option<Expected>> {
        let (answered, same_as) = match self.of {
            Of::IfNoneMatch | Of::IfModifiedSince => ("304", None),
            Of::IfMatchOther => ("412", Some(self.refused_get())),
            _ => return None,
        };
        let is_known = self.which == Which::Newest && matches!(self.stored.origin, Origin::Put { .. });
        if !is_known || self.stored.disturbed.is_some() {
            return Some(None);
        }
        let guards = match self.key {
            Presented::Nothing => vec![guard::refused(self.reading)],
            _ => vec![guard::other_key_refused(self.reading)],
        };
        let mut expected = self.refused("conditional-needs-key", right, guards);
        if let Some(same_as) = same_as {
            // A 412 is a refusal, too: it is told from that of the key by its status.
            let Some(step) = same_as else { return Some(None) };
            expected.checks.truncate(1);
            expected.checks[0].expect = json!({"refused": true, "status_same_as": step});
        }
        let right = json!({"request": {"sse_c": {"key": right.name()}}, "expect": {"status": [answered]}});
        expected.control = Some(right);
        Some(Some(expected))
    }

    fn with_other_key(&self, right: Key, key: Key) -> Option<Expected> {
        // What is wrong in two ways says nothing of either.
        if refused_for_style(self.style).is_some() {
            return None;
        }
        if let Some(conditional) = self.conditional_without_key(right) {
            return if key == Key::Nobody { conditional } else { None };
        }
        if !self.is_plain_part_of() || !matches!(self.style, Style::Usual | Style::Presigned) {
            return None;
        }
        let is_in_use = self.state.is_in_use_elsewhere(key, self.object);
        let is_of_version = self.state.is_key_of_another_version(key, self.object, &self.version.step);
        let is_whole = matches!(self.of, Of::Whole) && self.style == Style::Usual;
        if self.stored.disturbed.is_some() || (!is_whole && (is_in_use || is_of_version)) {
            return None;
        }
        let guarded = || vec![guard::other_key_refused(self.reading)];
        match &self.stored.origin {
            Origin::Copy { source_key: Some(source), onto_itself: true, .. } if *source == key && is_whole => {
                let is_plain = self.state.bucket == BucketKind::Plain && !is_in_use;
                is_plain.then(|| self.refused("key-rotation", right, guarded()))
            }
            Origin::Copy { source_key, onto_itself: false, .. } if is_whole => {
                let is_known =
                    self.state.bucket == BucketKind::Plain && (*source_key == Some(key) || key == Key::Nobody);
                is_known.then(|| self.refused("copy-target-key", right, guarded()))
            }
            Origin::Copy { .. } => None,
            _ if self.state.bucket == BucketKind::DefaultEncrypted => None,
            _ if is_of_version => Some(self.refused("version-own-key", right, guarded())),
            _ if is_in_use
                && self.reading != Reading::Attributes
                && matches!(self.stored.origin, Origin::Put { .. }) =>
            {
                Some(self.refused("keys-isolated", right, guarded()))
            }
            _ if is_in_use => None,
            _ => Some(self.refused("read-wrong-key", right, Vec::new())),
        }
    }
}
