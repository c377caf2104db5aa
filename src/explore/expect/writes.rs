//! PutObject.

use serde_json::{Map, Value, json};

use super::{Expected, Refusal, refused_for_style, refused_write, request, taken_for_style, told_request_id};
use crate::explore::action::{Action, Extra, Style};
use crate::explore::guard;
use crate::explore::names::{Body, Content, Object};
use crate::explore::presented::Presented;
use crate::explore::state::{Origin, State, Stored, Version};
use crate::suite::model::{BucketKind, Level};

/// What S3 must answer.
pub(super) fn put(state: &State, action: &Action) -> Option<Expected> {
    let Action::Put { object, key, body, extra, style } = *action else { return None };
    if style != Style::Usual && (!matches!(key, Presented::Key(_)) || extra != Extra::Nothing) {
        return None;
    }
    let mut request = request(action, object, key);
    request.insert("body".to_owned(), json!(body.name()));
    bring(&mut request, extra, body);
    if extra == Extra::Interrupted {
        return interrupted(state, action, request, object);
    }
    if let Some(refusal) = refusal(state, object, key, body, extra, style)? {
        return Some(refused_write(state, action, request, refusal, object));
    }
    Some(accepted(state, action, request, object, key, body, extra, style))
}

/// A body that breaks off: nothing comes back, and nothing is changed.
fn interrupted(state: &State, action: &Action, request: Map<String, Value>, object: Object) -> Option<Expected> {
    if state.bucket != BucketKind::Plain {
        return None;
    }
    let mut expected = Expected::answered(state, action, request, json!({}));
    expected.next.disturb(object, "interrupted-keeps-previous", state.steps);
    if state.objects.contains_key(&object) {
        return Some(expected);
    }
    let nothing = json!({"stored": false});
    Some(expected.decided("interrupted-stores-nothing", Level::Must, nothing, vec![guard::encrypted()]))
}

/// What comes besides, in the request.
pub(super) fn bring(request: &mut Map<String, Value>, extra: Extra, body: Body) {
    let another = if body == Body::Other { Body::Small } else { Body::Other };
    let digest = |body: Body, algorithm: &str| json!({"digest": {"body": body.name(), "algorithm": algorithm}});
    let members = match extra {
        Extra::Nothing => json!({}),
        Extra::Metadata => json!({"headers": {
            "x-amz-meta-owner": {"value": "ssecheck"}, "x-amz-meta-title": {"value": "=?UTF-8?B?R3LDvMOfZQ==?="},
            "content-type": {"value": "text/x-ssecheck"},
        }}),
        Extra::ContentMd5 => json!({"headers": {"content-md5": digest(body, "md5")}}),
        Extra::WrongContentMd5 => json!({"headers": {"content-md5": digest(another, "md5")}}),
        Extra::Crc32 => json!({"headers": {"x-amz-checksum-crc32": digest(body, "crc32")}}),
        Extra::WrongCrc32 => json!({"headers": {"x-amz-checksum-crc32": digest(another, "crc32")}}),
        Extra::Framed => json!({"payload": "aws-chunked"}),
        Extra::WrongTrailer => {
            json!({"payload": "aws-chunked", "trailer": {"body": another.name(), "algorithm": "crc32"}})
        }
        Extra::SignedChunks => json!({"payload": "aws-chunked-signed"}),
        Extra::OtherEncryption => json!({"headers": {"x-amz-server-side-encryption": {"value": "AES256"}}}),
        Extra::IfNoneMatch => json!({"headers": {"if-none-match": {"value": "*"}}}),
        Extra::Tagged => json!({"headers": {"x-amz-tagging": {"value": "made-by=ssecheck"}}}),
        Extra::Interrupted => json!({"interrupted": true}),
    };
    if let Value::Object(members) = members {
        request.extend(members);
    }
}

/// The same, put right.
pub(super) fn brought_right(extra: Extra, body: Body) -> Value {
    let right = match extra {
        Extra::WrongContentMd5 => Extra::ContentMd5,
        Extra::WrongCrc32 => Extra::Crc32,
        Extra::WrongTrailer => return json!({"trailer": {"body": body.name(), "algorithm": "crc32"}}),
        Extra::OtherEncryption | Extra::IfNoneMatch => return json!({"headers": {}}),
        other => other,
    };
    let mut members = Map::new();
    bring(&mut members, right, body);
    Value::Object(members)
}

/// Why it is refused, if it is; nothing where no rule says.
fn refusal(
    state: &State,
    object: Object,
    key: Presented,
    body: Body,
    extra: Extra,
    style: Style,
) -> Option<Option<Refusal>> {
    match key {
        Presented::Malformed(key, how) if extra == Extra::Nothing => Some(Some(Refusal::malformed(key, how))),
        Presented::Malformed(..) => None,
        Presented::Nothing => (matches!(extra, Extra::Nothing | Extra::Metadata)).then_some(None),
        Presented::Key(_) => {
            if let Some(refusal) = refused_for_style(style) {
                return Some(Some(refusal));
            }
            let right = brought_right(extra, body);
            let by = |rule| Some(Some(Refusal::must(rule, right.clone()).guarded([guard::encrypted()])));
            match extra {
                Extra::WrongContentMd5 => by("content-md5-compared"),
                Extra::WrongCrc32 => by("checksum-compared"),
                Extra::WrongTrailer => {
                    let refusal = Refusal::must("trailing-checksum-compared", right.clone());
                    Some(Some(refusal.guarded([guard::encrypted(), guard::framed_read()])))
                }
                Extra::OtherEncryption => Some(Some(Refusal::must("two-encryptions", right))),
                // Whether it is still there is what other rules are about.
                Extra::IfNoneMatch if state.current(object).is_some_and(|stored| stored.disturbed.is_some()) => None,
                Extra::IfNoneMatch if state.current(object).is_some() => {
                    let refusal = Refusal::must("conditional-write", right).guarded([guard::encrypted()]);
                    Some(Some(Refusal { stores_nothing: None, ..refusal }))
                }
                _ => Some(None),
            }
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "they are the members of the action")]
fn accepted(
    state: &State,
    action: &Action,
    request: Map<String, Value>,
    object: Object,
    key: Presented,
    body: Body,
    extra: Extra,
    style: Style,
) -> Expected {
    let guards = || [guard::encrypted()];
    let is_under_key = matches!(key, Presented::Key(_));
    let mut expected = Expected::accepted(state, action, request);
    let taken = json!({"status": ["200"]});
    let rule = match extra {
        Extra::ContentMd5 => Some("content-md5-accepted"),
        Extra::Crc32 => Some("checksum-accepted"),
        Extra::Framed => Some("trailing-checksum-accepted"),
        Extra::SignedChunks => Some("signed-chunks"),
        _ => None,
    };
    if let Some((rule, level)) = taken_for_style(style) {
        expected = expected.decided(rule, level, taken, guards().to_vec());
    } else if let Some(rule) = rule {
        expected = expected.decided(rule, Level::Must, taken, guards().to_vec());
    } else if is_under_key && extra == Extra::Nothing {
        expected = expected.decided("put-accepted", Level::Must, taken, Vec::new());
    }
    if let Presented::Key(key) = key {
        expected = expected
            .must("put-echoes", json!({"echo": key.name()}), guards())
            .must("etag-32-hex", json!({"etag": {"format": "hex32"}}), guards())
            .must("etag-not-md5", json!({"etag": {"not_an_md5_of_what_was_sent": true}}), guards())
            .must("etag-quoted", json!({"headers": {"etag": {"matches": "^\"[^\"]*\"$"}}}), guards())
            .should("no-other-encryption-told", json!({"headers": {"x-amz-server-side-encryption": {"absent": true}}}), guards())
            .should("request-id", told_request_id(), guards())
            .when(extra == Extra::Crc32, |expected| {
                let told = json!({"headers": {"x-amz-checksum-crc32": {"digest": {"body": body.name(), "algorithm": "crc32"}}}});
                expected.should("checksum-told", told, guards())
            });
        if let Some((step, level)) = written_alike(state, key, body) {
            expected = expected.besides("etag-random", level, json!({"etag": {"differs_from": step}}), guards());
        }
    } else {
        expected = expected.must("plain-told-plain", told_plain(), guards());
    }
    let had_key = state.current(object).is_some_and(|stored| stored.key.is_some());
    let stored = Stored {
        content: Content::whole(vec![body]),
        key: key.key(),
        origin: Origin::Put {
            framed: matches!(extra, Extra::Framed | Extra::SignedChunks),
            over_key: had_key && !is_under_key,
        },
        has_metadata: extra == Extra::Metadata,
        has_crc32: extra == Extra::Crc32,
        has_tags: extra == Extra::Tagged,
        dated: None,
        disturbed: None,
    };
    let is_over = state.objects.contains_key(&object);
    let version = Version { step: expected.id.clone(), at: state.steps, is_over, stored: Some(stored) };
    expected.next.store(object, version);
    expected
}

/// An answer tells nothing of SSE-C.
pub(super) fn told_plain() -> Value {
    json!({"headers": {
        "x-amz-server-side-encryption-customer-algorithm": {"absent": true},
        "x-amz-server-side-encryption-customer-key-md5": {"absent": true},
    }})
}

/// A step that wrote the same body, and how binding it is that its ETag is another.
fn written_alike(state: &State, key: crate::explore::names::Key, body: Body) -> Option<(String, Level)> {
    if state.bucket == BucketKind::DefaultEncrypted {
        return None;
    }
    let versions = state.objects.values().flatten();
    versions.rev().find_map(|version| {
        let stored = version.stored.as_ref()?;
        let is_alike = matches!(stored.origin, Origin::Put { .. }) && stored.content == Content::whole(vec![body]);
        let level = if stored.key == Some(key) { Level::Should } else { Level::Must };
        (is_alike && stored.key.is_some()).then(|| (version.step.clone(), level))
    })
}
