//! CopyObject.

use serde_json::{Map, Value, json};

use super::{Expected, Refusal, refused_for_style, refused_write, request, seen};
use crate::explore::action::{Action, Copying, Source, Style, Which};
use crate::explore::guard;
use crate::explore::names::{Key, Object};
use crate::explore::presented::Presented;
use crate::explore::state::{Origin, State, Stored, Version};
use crate::suite::model::Level;

/// The object that a copy is made of.
pub(super) fn source<'s>(state: &'s State, source: &Source) -> Option<(&'s Version, &'s Stored)> {
    let version = match source.which {
        Which::Newest => state.newest(source.object)?,
        Which::Back(newer) if state.is_versioned() => state.back(source.object, newer)?,
        Which::Back(_) => return None,
    };
    Some((version, version.stored.as_ref()?))
}

/// The `copy_source` of a request, with what is said of the key.
pub(super) fn copy_source(source: &Source, version: &Version, key: Presented) -> Value {
    let mut members = Map::new();
    members.insert("object".to_owned(), json!(source.object.name()));
    if let Which::Back(_) = source.which {
        members.insert("version_of".to_owned(), json!(version.step));
    }
    if key != Presented::Nothing {
        members.insert("sse_c".to_owned(), key.sse_c());
    }
    Value::Object(members)
}

/// How the source's key is presented.
pub(super) enum Side {
    /// As it must be.
    Right,
    /// So that the copy is refused by this rule, and how binding that is.
    Wrong(&'static str, Level),
}

/// Whether what is said of a source's key is right; nothing where no rule says what comes of it.
pub(super) fn side_of_source(stored: &Stored, presented: Presented) -> Option<Side> {
    match (stored.key, presented) {
        (None, Presented::Nothing) => Some(Side::Right),
        (None, _) => None,
        (Some(right), Presented::Key(key)) if key == right => Some(Side::Right),
        (Some(_), Presented::Nothing | Presented::Key(_)) => Some(Side::Wrong("copy-needs-source-key", Level::Must)),
        // Of an object without bytes, or of parts, other rules tell that its key is looked at.
        (Some(right), Presented::Malformed(key, how))
            if key == right && how.is_refused_of_sources() && stored.is_usual() =>
        {
            Some(Side::Wrong(how.rule(), how.level()))
        }
        (Some(_), Presented::Malformed(..)) => None,
    }
}

/// The `copy_source` put right.
pub(super) fn right_source(source: &Source, version: &Version, stored: &Stored) -> Value {
    copy_source(source, version, stored.key.map_or(Presented::Nothing, Presented::Key))
}

/// What S3 must answer.
pub(super) fn copy(state: &State, action: &Action) -> Option<Expected> {
    let Action::Copy { source: from, object, key, copying, style } = *action else { return None };
    let (version, stored) = source(state, &from)?;
    let onto_itself = from.object == object;
    // A copy onto itself must change something: here it is the key.
    let rotates = matches!((stored.key, key), (Some(old), Presented::Key(new)) if old != new);
    if onto_itself && (!rotates || from.which != Which::Newest || state.is_versioned()) {
        return None;
    }
    if style != Style::Usual && (copying != Copying::Plainly || from.which != Which::Newest) {
        return None;
    }
    let is_conditional = matches!(copying, Copying::IfMatch | Copying::IfNoneMatch);
    if stored.disturbed.is_some() || stored.is_framed() || (is_conditional && from.which != Which::Newest) {
        return None;
    }
    let mut request = request(action, object, key);
    request.insert("copy_source".to_owned(), copy_source(&from, version, from.key));
    let own_etag = json!({"of_step": {"step": version.step, "header": "etag"}});
    let has_own_etag_header = matches!(stored.origin, Origin::Put { .. });
    let headers = match copying {
        Copying::Plainly => None,
        Copying::Replacing => Some(json!({
            "x-amz-metadata-directive": {"value": "REPLACE"}, "x-amz-meta-owner": {"value": "somebody-else"},
        })),
        Copying::IfMatch if has_own_etag_header => Some(json!({"x-amz-copy-source-if-match": own_etag})),
        Copying::IfNoneMatch if has_own_etag_header => Some(json!({"x-amz-copy-source-if-none-match": own_etag})),
        Copying::IfMatch | Copying::IfNoneMatch => return None,
    };
    if let Some(headers) = headers {
        request.insert("headers".to_owned(), headers);
    }
    let side = side_of_source(stored, from.key)?;
    let right = json!({"copy_source": right_source(&from, version, stored)});
    if let Side::Wrong(rule, level) = side {
        // What is wrong in two ways says nothing of either.
        let is_else_right = !matches!(key, Presented::Malformed(..)) && style == Style::Usual;
        // What was there before may be served in its place.
        let is_former = from.key == Presented::Nothing && version.is_over;
        let is_rotation = onto_itself && matches!(from.key, Presented::Malformed(..));
        let is_known =
            is_else_right && !is_rotation && !is_former && copying == Copying::Plainly && !is_ambiguous(&from);
        let refusal = Refusal::must(rule, right).of_level(level);
        return is_known.then(|| refused_write(state, action, request, refusal, object));
    }
    if let Presented::Malformed(key, how) = key {
        let is_known = style == Style::Usual && copying == Copying::Plainly;
        let refusal = Refusal::malformed(key, how).guarded([guard::copies_encrypted()]);
        return is_known.then(|| refused_write(state, action, request, refusal, object));
    }
    if style != Style::Usual {
        let has_key = stored.key.is_some() || key != Presented::Nothing;
        let refusal = refused_for_style(style).filter(|_| has_key && style.is_plain())?;
        return Some(refused_write(state, action, request, refusal, object));
    }
    if copying == Copying::IfNoneMatch {
        return stored.key.is_some().then(|| if_none_match(state, action, request));
    }
    Some(accepted(state, action, request, version, stored))
}

/// Whether another key that is presented for a source may open something else, or have opened it, which other rules are about.
pub(super) fn is_ambiguous(source: &Source) -> bool {
    matches!(source.key, Presented::Key(key) if key != Key::Nobody)
}

fn if_none_match(state: &State, action: &Action, request: Map<String, Value>) -> Expected {
    let other = json!({"x-amz-copy-source-if-none-match": {"value": "\"00000000000000000000000000000000\""}});
    let mut expected = Expected::answered(state, action, request, json!({"status": ["412"]}));
    expected.control = Some(json!({"request": {"headers": other}}));
    let answer = expected.answer.clone();
    expected.decided("copy-conditional", Level::Must, answer, vec![guard::encrypted()])
}

fn accepted(
    state: &State,
    action: &Action,
    request: Map<String, Value>,
    version: &Version,
    stored: &Stored,
) -> Expected {
    let Action::Copy { source: from, object, key, copying, .. } = *action else { unreachable!("it is a copy") };
    let onto_itself = from.object == object;
    let mut expected = Expected::accepted(state, action, request);
    let answer = expected.answer.clone();
    let (is_of_key, target) = (stored.key.is_some(), key.key());
    let seen = seen(state.steps, from.object, stored);
    let is_newest = from.which == Which::Newest && !state.is_versioned();
    if copying == Copying::IfMatch && is_of_key {
        let guards = vec![guard::encrypted(), guard::copies_read()];
        expected = expected.decided("conditional-with-key", Level::Must, answer, guards);
    } else if is_of_key && onto_itself {
        expected = expected.decided("key-rotation", Level::Must, answer, vec![guard::encrypted(), seen]);
    } else if is_of_key && is_newest {
        expected = expected.decided("copy-source-key", Level::Must, answer, vec![guard::encrypted(), seen]);
    }
    if let Some(target) = target {
        let guards = || [guard::encrypted()];
        expected = expected.must("copy-echoes", json!({"echo": target.name()}), guards());
        if is_of_key && stored.key != Some(target) && !onto_itself {
            let differs = json!({"etag": {"differs_from": version.step}});
            expected = expected.must("copy-etag-differs", differs, guards());
        }
    }
    let id = expected.id.clone();
    let is_over = state.objects.contains_key(&object);
    let copy = Stored {
        content: stored.content.clone(),
        key: target,
        origin: origin(&from, object, stored, copying),
        has_metadata: stored.has_metadata && copying != Copying::Replacing,
        has_crc32: false,
        has_tags: stored.has_tags,
        dated: None,
        disturbed: None,
    };
    expected.next.store(object, Version { step: id, at: state.steps, is_over, stored: Some(copy) });
    expected
}

fn origin(from: &Source, object: Object, stored: &Stored, copying: Copying) -> Origin {
    let source_key: Option<Key> = stored.key;
    Origin::Copy {
        source_key,
        of_parts: is_of_parts(stored),
        of_version: from.which != Which::Newest,
        onto_itself: from.object == object,
        replaced: copying == Copying::Replacing,
        source: from.object,
    }
}

/// Whether it was made of parts, or is a copy of what was.
fn is_of_parts(stored: &Stored) -> bool {
    matches!(stored.origin, Origin::Parts { .. } | Origin::Copy { of_parts: true, .. })
}
