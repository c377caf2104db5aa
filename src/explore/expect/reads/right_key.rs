//! Reads with the right key: what comes back.

use serde_json::{Value, json};

use super::super::{Expected, of_length, refused_for_style, seen, taken_for_style, told_request_id};
use super::Read;
use crate::explore::action::{Of, Reading, Which};
use crate::explore::guard::{self, Guard};
use crate::explore::names::Key;
use crate::explore::state::Origin;
use crate::suite::model::{BucketKind, Level};

/// The title that was written, in any form in which it has the same characters.
const TITLE: &str = r"^(Grüße|=\?(?i:utf-8)\?(?i:b)\?R3LDvMOfZQ==\?=|=\?(?i:utf-8)\?(?i:q)\?Gr=C3=BC=C3=9Fe\?=)$";

impl Read<'_> {
    pub(super) fn with_right_key(&self, right: Key) -> Option<Expected> {
        if let Some(refusal) = refused_for_style(self.style) {
            let mut expected = Expected::refused(self.state, self.action, self.request(), refusal);
            expected.next.refused_get = None;
            return Some(expected);
        }
        let length = self.stored.content.length;
        let guards = || vec![guard::encrypted(), guard::read(self.reading)];
        let expected = match self.of {
            Of::Checksum | Of::PartsCount if self.reading == Reading::Attributes => self.attributes(),
            Of::PartsCount => return None,
            Of::Whole | Of::OwnConnection | Of::Override | Of::Checksum => {
                return Some(self.whole_with_right_key(right));
            }
            Of::Range(from, to) => self.ranged(from, to.min(length - 1)),
            Of::From(from) => self.ranged(from, length - 1),
            Of::Last(last) => self.ranged(length.saturating_sub(last), length - 1),
            Of::BeyondEnd => {
                let first =
                    json!({"request": {"headers": {"range": {"value": "bytes=0-0"}}}, "expect": {"status": ["206"]}});
                self.failing("416", "range-unsatisfiable", first)
            }
            Of::Part(number) => return self.part(number),
            Of::IfMatch => {
                self.accepted().decided("conditional-with-key", Level::Must, json!({"status": ["200"]}), guards())
            }
            Of::IfNoneMatchOther => {
                self.accepted().decided("conditional-other-etag", Level::Must, json!({"status": ["200"]}), guards())
            }
            Of::IfModifiedSinceLongAgo => {
                let answer = json!({"status": ["200"]});
                self.accepted().decided("conditional-modified-since", Level::Must, answer, guards())
            }
            Of::IfNoneMatch => self.unmodified("conditional-with-key"),
            Of::IfModifiedSince => self.unmodified("conditional-modified-since"),
            Of::IfMatchOther => self.failing("412", "conditional-fails", json!({"request": {"headers": {}}})),
            Of::IfUnmodifiedSinceLongAgo => {
                self.failing("412", "conditional-unmodified-since", json!({"request": {"headers": {}}}))
            }
        };
        Some(expected)
    }

    /// The attributes that are asked for besides ETag and size.
    fn attributes(&self) -> Expected {
        let guards = [guard::encrypted(), guard::read(Reading::Attributes)];
        if self.of == Of::PartsCount {
            let count = self.stored.parts().map_or(0, <[_]>::len).to_string();
            let told = json!({"elements": {"ObjectParts/PartsCount": {"equals": count}}});
            return self.accepted().must("attributes-parts", told, guards);
        }
        let body = self.stored.content.bodies.first().map_or("small", |body| body.name());
        let digest = json!({"digest": {"body": body, "algorithm": "crc32"}});
        self.accepted().must("attributes-checksum", json!({"elements": {"Checksum/ChecksumCRC32": digest}}), guards)
    }

    /// A status that tells of a condition, or range, that does not hold.
    fn failing(&self, status: &str, rule: &'static str, control: Value) -> Expected {
        let answer = json!({"status": [status]});
        let mut expected = Expected::answered(self.state, self.action, self.request(), answer.clone());
        expected.control = Some(control);
        expected.decided(rule, Level::Must, answer, vec![guard::encrypted(), guard::read(self.reading)])
    }

    /// That the object is the one that is known.
    fn unmodified(&self, rule: &'static str) -> Expected {
        let answer = json!({"status": ["304"]});
        let guards = vec![guard::encrypted(), guard::read(self.reading)];
        let expected = Expected::answered(self.state, self.action, self.request(), answer.clone());
        expected.decided(rule, Level::Must, answer, guards)
    }

    fn ranged(&self, from: u64, to: u64) -> Expected {
        let length = self.stored.content.length;
        let slice = self.stored.content.slice(from, to - from + 1).expected();
        let answer = json!({"status": ["206"]});
        let told = json!({"headers": {"content-range": {"equals": format!("bytes {from}-{to}/{length}")}}});
        let guards = || vec![guard::encrypted(), guard::read(Reading::Get), self.seen()];
        Expected::answered(self.state, self.action, self.request(), answer)
            .decided("range-exact", Level::Must, json!({"status": ["206"], "body": slice}), guards())
            .must("content-range-plaintext", told, guards())
    }

    fn part(&self, number: u32) -> Option<Expected> {
        let parts = self.stored.parts()?;
        let are_numbered = parts.iter().zip(1..).all(|((number, _), expected)| *number == expected);
        if !are_numbered {
            return None;
        }
        let guards = || vec![guard::encrypted(), guard::parts_read(), self.seen()];
        let Some((_, size)) = parts.get(number as usize - 1) else {
            let control = json!({"request": {"part_number": 1}});
            if self.reading == Reading::Head {
                return None;
            }
            let mut expected = Expected::answered(self.state, self.action, self.request(), json!({"refused": true}));
            expected.control = Some(control);
            let answer = expected.answer.clone();
            return Some(expected.decided("part-number-unsatisfiable", Level::Must, answer, guards()));
        };
        let start: u64 = parts.iter().take(number as usize - 1).map(|(_, size)| size).sum();
        let expected = Expected::answered(self.state, self.action, self.request(), json!({"status": ["200", "206"]}));
        let count = json!({"headers": {"x-amz-mp-parts-count": {"equals": parts.len().to_string()}}});
        let expected = match self.reading {
            Reading::Get => {
                let slice = self.stored.content.slice(start, *size).expected();
                let answer = json!({"status": ["200", "206"], "body": slice});
                expected.decided("part-number-exact", Level::Must, answer, guards())
            }
            _ => {
                let length = json!({"headers": {"content-length": {"equals": size.to_string()}}});
                expected.must("head-part-number", length, guards())
            }
        };
        Some(expected.must("parts-count", count, guards()))
    }

    /// Just before this read the object reads whole.
    fn seen(&self) -> Guard {
        seen(self.state.steps, self.object, self.stored)
    }

    /// The source of a copy reads whole before it is copied.
    pub(super) fn source_seen(&self) -> Guard {
        let Origin::Copy { source, source_key, .. } = &self.stored.origin else { return self.seen() };
        let key = source_key.map_or(json!({}), |key| json!({"key": key.name()}));
        guard::seen_before(self.version.at, source.name(), &key, &self.stored.content.expected())
    }

    /// What comes back of the whole object.
    pub(super) fn whole(&self) -> Value {
        match self.reading {
            Reading::Get => json!({"status": ["200"], "body": self.stored.content.expected()}),
            Reading::Head | Reading::Attributes => json!({"status": ["200"]}),
        }
    }

    fn whole_with_right_key(&self, right: Key) -> Expected {
        let mut expected = self.accepted();
        if self.which == Which::Newest && self.reading != Reading::Attributes {
            let newest = expected.next.objects.get_mut(&self.object).and_then(|versions| versions.last_mut());
            if let Some(stored) = newest.and_then(|version| version.stored.as_mut()) {
                stored.dated = Some(expected.id.clone());
            }
        }
        let expected = match self.rule_of_whole() {
            Some((rule, level, answer, guards)) => expected.decided(rule, level, answer, guards),
            None => expected,
        };
        let length = self.stored.content.length;
        let step = &self.version.step;
        let guards = || [guard::encrypted()];
        let of_length = || of_length(self.state, self.object, self.stored);
        if self.reading == Reading::Attributes && self.stored.is_framed() {
            return expected;
        }
        if self.reading == Reading::Attributes {
            let size = json!({"entry": {"size": length}});
            return expected
                .must("attributes-size", size, of_length())
                .must("etag-consistent", json!({"entry": {"etag_same_as": step}}), guards())
                .should("attributes-etag-bare", json!({"elements": {"ETag": {"matches": "^[^\"]+$"}}}), guards());
        }
        let is_of_parts = matches!(self.stored.origin, Origin::Copy { of_parts: true, .. });
        if is_of_parts && self.reading == Reading::Head {
            // Whether the copy is whole is what a GetObject tells.
            return expected.must("read-echoes", json!({"echo": right.name()}), guards());
        }
        if self.stored.is_framed() {
            // What is stored in place of the body decides.
            let is_head = self.reading == Reading::Head && matches!(self.stored.origin, Origin::Put { .. });
            let encoding = json!({"headers": {"content-encoding": {"absent": true}}});
            return expected.when(is_head, |it| it.should("aws-chunked-no-encoding", encoding, guards()));
        }
        let header = |name: &str, value: &str| json!({"headers": {name: {"equals": value}}});
        let has_metadata = self.stored.has_metadata;
        let (rule_of_metadata, is_replaced) = match &self.stored.origin {
            Origin::Copy { replaced, .. } => {
                (if *replaced { "copy-metadata-replaced" } else { "copy-metadata" }, *replaced)
            }
            _ => ("metadata-kept", false),
        };
        let owner = if is_replaced { "somebody-else" } else { "ssecheck" };
        let of_metadata: Vec<Guard> = match &self.stored.origin {
            Origin::Copy { .. } => vec![guard::encrypted(), guard::metadata_read(), self.metadata_seen()],
            _ => guards().to_vec(),
        };
        let is_copy = matches!(self.stored.origin, Origin::Copy { .. });
        expected
            .must("read-echoes", json!({"echo": right.name()}), guards())
            .must("etag-consistent", json!({"etag": {"same_as": step}}), guards())
            .must("content-length-plaintext", header("content-length", &length.to_string()), of_length())
            .must("etag-quoted", json!({"headers": {"etag": {"matches": "^\"[^\"]*\"$"}}}), guards())
            .should(
                "no-other-encryption-told",
                json!({"headers": {"x-amz-server-side-encryption": {"absent": true}}}),
                guards(),
            )
            .should("request-id", told_request_id(), guards())
            .when(has_metadata || is_replaced, |it| {
                it.must(rule_of_metadata, header("x-amz-meta-owner", owner), of_metadata)
            })
            .when(has_metadata && !is_copy, |it| {
                let title = json!({"headers": {"x-amz-meta-title": {
                    "matches": TITLE,
                }}});
                it.should("metadata-unicode", title, guards())
            })
            .when(has_metadata && !is_copy && self.of != Of::Override, |it| {
                it.must("system-headers-kept", header("content-type", "text/x-ssecheck"), guards())
            })
            .when(self.of == Of::Override, |it| {
                it.must("response-overrides", header("content-type", "text/x-override"), guards())
            })
            .when(self.of == Of::Checksum, |it| {
                let body = self.stored.content.bodies.first().map_or("small", |body| body.name());
                let told =
                    json!({"headers": {"x-amz-checksum-crc32": {"digest": {"body": body, "algorithm": "crc32"}}}});
                it.must("checksum-on-read", told, guards())
            })
            .when(is_copy, |it| it.must("etag-32-hex", json!({"etag": {"format": "hex32"}}), guards()))
            .when(matches!(self.stored.origin, Origin::Copy { source_key: Some(_), .. }), |it| {
                it.must("etag-not-md5", json!({"etag": {"not_an_md5_of_what_was_sent": true}}), guards())
            })
    }

    /// The metadata of a copy's source is there before it is copied.
    fn metadata_seen(&self) -> Guard {
        let mut guard = self.source_seen();
        let is_seen = match &self.stored.origin {
            Origin::Copy { replaced: false, .. } => true,
            _ => return guard,
        };
        if is_seen && let Some(step) = guard.steps.first_mut() {
            step["expect"]["headers"] = json!({"x-amz-meta-owner": {"equals": "ssecheck"}});
            step["id"] = json!(format!("metadata-{}", step["id"].as_str().unwrap_or_default()));
        }
        guard
    }

    /// The rule by which the whole object comes back, and what is to be seen before.
    fn rule_of_whole(&self) -> Option<(&'static str, Level, Value, Vec<Guard>)> {
        let must = |rule, guards| Some((rule, Level::Must, self.whole(), guards));
        let basics = || vec![guard::encrypted(), guard::read(self.reading)];
        if let Some((rule, level)) = taken_for_style(self.style) {
            return Some((rule, level, self.whole(), basics()));
        }
        if self.of != Of::Whole {
            return None;
        }
        if let Some(disturbed) = &self.stored.disturbed {
            if self.which != Which::Newest || self.reading == Reading::Attributes {
                return None;
            }
            let guards = vec![guard::encrypted(), seen(disturbed.at, self.object, self.stored)];
            return Some((disturbed.rule, Level::Must, self.whole(), guards));
        }
        if self.state.bucket == BucketKind::DefaultEncrypted {
            let answer = json!({"status": ["200"]});
            return Some(("default-encryption-yields", Level::Must, answer, Vec::new()));
        }
        let versions = self.state.objects.get(&self.object).map_or(0, Vec::len);
        match &self.stored.origin {
            _ if self.stored.is_framed() && self.reading != Reading::Get => None,
            Origin::Put { framed: true, .. } => must("aws-chunked-decoded", basics()),
            Origin::Put { .. } if self.reading == Reading::Attributes => None,
            Origin::Put { .. } if versions > 1 => must("version-own-key", basics()),
            Origin::Put { .. } => must("read-right-key", Vec::new()),
            _ if self.which != Which::Newest || self.state.is_versioned() => match &self.stored.origin {
                Origin::Copy { of_version: true, of_parts: false, onto_itself: false, .. } => {
                    must("copy-version", vec![guard::encrypted(), guard::copies_read()])
                }
                _ => None,
            },
            Origin::Copy { of_parts: true, .. } => {
                must("copy-multipart-source", vec![guard::encrypted(), guard::copies_read(), self.source_seen()])
            }
            Origin::Copy { onto_itself: true, .. } => {
                let mut guards = basics();
                guards.extend([guard::copies_read(), self.source_seen()]);
                must("key-rotation", guards)
            }
            Origin::Copy { .. } => {
                let mut guards = basics();
                guards.push(self.source_seen());
                must("copy-target-key", guards)
            }
            Origin::Parts { framed: true, .. } => {
                let mut guards = basics();
                guards.push(guard::parts_read());
                must("aws-chunked-decoded", guards)
            }
            Origin::Parts { copied: true, .. } => {
                let mut guards = basics();
                guards.push(guard::parts_read());
                must("part-copy-exact", guards)
            }
            Origin::Parts { replaced: true, .. } => {
                let mut guards = basics();
                guards.push(guard::parts_read());
                must("part-replaced", guards)
            }
            Origin::Parts { .. } => Some(("multipart-round-trip", Level::Must, self.whole(), basics())),
        }
    }
}
