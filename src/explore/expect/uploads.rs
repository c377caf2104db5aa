//! Multipart uploads.

use serde_json::{Map, Value, json};

use super::copies::{Side, copy_source, is_ambiguous, right_source, side_of_source, source};
use super::writes::{bring, brought_right};
use super::{Expected, Refusal, refused_for_style, request, seen};
use crate::explore::action::{Action, Extra, Style, Which};
use crate::explore::guard;
use crate::explore::names::{Body, Content, Object};
use crate::explore::presented::Presented;
use crate::explore::state::{Origin, Part, State, Stored, Upload, Version};
use crate::suite::model::Level;

/// CreateMultipartUpload.
pub(super) fn create(state: &State, action: &Action) -> Option<Expected> {
    let Action::CreateUpload { object, key, other_encryption, style } = *action else { return None };
    if state.uploads.contains_key(&object) || (style != Style::Usual && !matches!(key, Presented::Key(_))) {
        return None;
    }
    let mut request = request(action, object, key);
    if let Presented::Malformed(key, how) = key {
        return (!other_encryption).then(|| Expected::refused(state, action, request, Refusal::malformed(key, how)));
    }
    if other_encryption {
        request.insert("headers".to_owned(), json!({"x-amz-server-side-encryption": {"value": "AES256"}}));
        let refusal = Refusal::must("two-encryptions", json!({"headers": {}}));
        let is_known = key != Presented::Nothing && style == Style::Usual;
        return is_known.then(|| Expected::refused(state, action, request, refusal));
    }
    if style != Style::Usual {
        let refusal = refused_for_style(style).filter(|_| style.is_plain())?;
        return Some(Expected::refused(state, action, request, refusal));
    }
    let mut expected = Expected::accepted(state, action, request);
    if let Some(key) = key.key() {
        expected = expected.must("multipart-echoes", json!({"echo": key.name()}), [guard::encrypted()]);
    }
    let upload = Upload {
        step: expected.id.clone(),
        key: key.key(),
        parts: Default::default(),
        refused: Default::default(),
        replaced: false,
    };
    expected.next.uploads.insert(object, upload);
    expected.next.aborted.remove(&object);
    Some(expected)
}

/// How a part's key fits its upload.
fn refused_for_upload(upload: &Upload, key: Presented) -> Option<Option<Refusal>> {
    let right = json!({"sse_c": upload.key.map_or(json!({}), |key| json!({"key": key.name()}))});
    match (upload.key, key) {
        (Some(own), Presented::Key(key)) if own == key => Some(None),
        (None, Presented::Nothing) => Some(None),
        (Some(_), Presented::Nothing) => Some(Some(Refusal::must("part-as-created", right))),
        (Some(_), Presented::Key(_)) => Some(Some(Refusal::must("part-same-key", right))),
        (None, Presented::Key(_)) => Some(Some(Refusal::must("part-as-created", right).guarded([guard::encrypted()]))),
        (Some(own), Presented::Malformed(key, how)) if own == key => Some(Some(Refusal::malformed(key, how))),
        (_, Presented::Malformed(..)) => None,
    }
}

fn into_upload(request: &mut Map<String, Value>, upload: &Upload, number: u32) {
    request.insert("upload".to_owned(), json!(upload.step));
    request.insert("part_number".to_owned(), json!(number));
}

/// A part that is refused for its SSE-C headers.
fn refused_part(
    state: &State,
    action: &Action,
    request: Map<String, Value>,
    refusal: Refusal,
    object: Object,
    number: u32,
) -> Expected {
    let mut expected = Expected::refused(state, action, request, refusal);
    if let Some(upload) = expected.next.uploads.get_mut(&object)
        && !upload.parts.contains_key(&number)
    {
        upload.refused.insert(number);
    }
    expected
}

/// UploadPart.
pub(super) fn part(state: &State, action: &Action) -> Option<Expected> {
    let Action::UploadPart { object, number, key, body, extra, style } = *action else { return None };
    let upload = state.uploads.get(&object)?;
    let is_right = upload.key.is_some() && key.key() == upload.key && matches!(key, Presented::Key(_));
    if (style != Style::Usual || extra != Extra::Nothing) && !is_right {
        return None;
    }
    let mut request = request(action, object, key);
    into_upload(&mut request, upload, number);
    request.insert("body".to_owned(), json!(body.name()));
    bring(&mut request, extra, body);
    if let Some(refusal) = refused_for_upload(upload, key)? {
        return Some(refused_part(state, action, request, refusal, object, number));
    }
    if style != Style::Usual {
        let refusal = refused_for_style(style).filter(|_| style.is_plain())?;
        return Some(Expected::refused(state, action, request, refusal));
    }
    if extra == Extra::WrongContentMd5 {
        let refusal = Refusal::must("content-md5-compared", brought_right(extra, body)).guarded([guard::encrypted()]);
        return Some(Expected::refused(state, action, request, refusal));
    }
    let mut expected = Expected::accepted(state, action, request);
    if let Some(key) = upload.key {
        let etag = json!({"etag": {"format": "hex32", "not_an_md5_of_what_was_sent": true}});
        if extra == Extra::ContentMd5 {
            let taken = json!({"status": ["200"]});
            expected = expected.decided("content-md5-accepted", Level::Must, taken, vec![guard::encrypted()]);
        }
        expected = expected.must("multipart-echoes", json!({"echo": key.name()}), [guard::encrypted()]).must(
            "part-etag",
            etag,
            [guard::encrypted()],
        );
    }
    let part = Part {
        step: expected.id.clone(),
        content: Content::whole(vec![body]),
        copied: false,
        framed: extra == Extra::Framed,
    };
    keep(&mut expected, object, number, part);
    Some(expected)
}

fn keep(expected: &mut Expected, object: Object, number: u32, part: Part) {
    if let Some(upload) = expected.next.uploads.get_mut(&object) {
        upload.refused.remove(&number);
        upload.replaced |= upload.parts.insert(number, part).is_some();
    }
}

/// UploadPartCopy.
pub(super) fn copied_part(state: &State, action: &Action) -> Option<Expected> {
    let Action::CopyPart { object, number, source: from, range, key, style } = *action else { return None };
    let upload = state.uploads.get(&object)?;
    let (version, stored) = source(state, &from)?;
    if from.which != Which::Newest || stored.disturbed.is_some() || stored.is_framed() {
        return None;
    }
    let content = match range {
        None => stored.content.clone(),
        // AWS copies ranges of objects of more than 5 MiB only.
        Some((first, last)) if last < stored.content.length && stored.content.length >= Body::Part.length() => {
            stored.content.slice(first, last - first + 1)
        }
        Some(_) => return None,
    };
    let mut request = request(action, object, key);
    into_upload(&mut request, upload, number);
    request.insert("copy_source".to_owned(), copy_source(&from, version, from.key));
    if let Some((first, last)) = range {
        let value = format!("bytes={first}-{last}");
        request.insert("headers".to_owned(), json!({"x-amz-copy-source-range": {"value": value}}));
    }
    let of_upload = refused_for_upload(upload, key)?;
    if let Side::Wrong(rule, level) = side_of_source(stored, from.key)? {
        let is_else_right = of_upload.is_none() && style == Style::Usual && range.is_none();
        let right = json!({"copy_source": right_source(&from, version, stored)});
        let refusal = Refusal::must(rule, right).of_level(level);
        // An endpoint that opens the source by the upload's key is found by other requests.
        let is_told_apart = !matches!(from.key, Presented::Malformed(..)) || upload.key != stored.key;
        // What was there before may be served in its place.
        let is_former = from.key == Presented::Nothing && version.is_over;
        let is_known = is_else_right && is_told_apart && !is_former && !is_ambiguous(&from);
        return is_known.then(|| refused_part(state, action, request, refusal, object, number));
    }
    if let Some(refusal) = of_upload {
        let is_known = style == Style::Usual && range.is_none();
        return is_known.then(|| refused_part(state, action, request, refusal, object, number));
    }
    if style != Style::Usual {
        let has_key = stored.key.is_some() || key != Presented::Nothing;
        let refusal = refused_for_style(style).filter(|_| has_key && style.is_plain())?;
        return Some(Expected::refused(state, action, request, refusal));
    }
    let mut expected = Expected::accepted(state, action, request);
    let guards = || vec![guard::encrypted()];
    if let (Some(_), Some(own)) = (stored.key, upload.key) {
        let seen = seen(state.steps, from.object, stored);
        let answer = expected.answer.clone();
        expected = expected
            .decided("part-copy-exact", Level::Must, answer, vec![guard::encrypted(), seen])
            .must("part-copy-etag", json!({"etag": {"format": "hex32"}}), guards())
            .must("multipart-echoes", json!({"echo": own.name()}), guards());
    }
    let part = Part { step: expected.id.clone(), content, copied: true, framed: false };
    keep(&mut expected, object, number, part);
    Some(expected)
}

fn key_of(upload: &Upload, with_key: bool) -> Option<Presented> {
    match (with_key, upload.key) {
        (false, _) => Some(Presented::Nothing),
        (true, Some(key)) => Some(Presented::Key(key)),
        (true, None) => None,
    }
}

/// CompleteMultipartUpload.
pub(super) fn complete(state: &State, action: &Action) -> Option<Expected> {
    let Action::Complete { object, with_key } = *action else { return None };
    let upload = state.uploads.get(&object)?;
    let content = upload.content()?;
    let mut request = request(action, object, key_of(upload, with_key)?);
    request.insert("upload".to_owned(), json!(upload.step));
    let steps: Vec<&str> = upload.parts.values().map(|part| part.step.as_str()).collect();
    request.insert("parts".to_owned(), json!(steps));
    let mut expected = Expected::accepted(state, action, request);
    if upload.key.is_some() {
        let rule = if with_key { "complete-takes-key" } else { "complete-needs-no-key" };
        let is_of_usual_parts = !upload.replaced
            && upload.refused.is_empty()
            && upload.parts.values().all(|part| !part.copied && !part.framed);
        if is_of_usual_parts {
            let answer = expected.answer.clone();
            expected = if upload.parts.len() == 1 {
                expected.decided(rule, Level::Must, answer, vec![guard::encrypted()])
            } else {
                let guards = vec![guard::encrypted(), guard::parts_read()];
                expected.decided("multipart-round-trip", Level::Must, answer, guards)
            };
        }
        let format = json!({"etag": {"format": "multipart"}});
        expected = expected.must("multipart-etag", format, [guard::encrypted()]);
    }
    let stored = Stored {
        content,
        key: upload.key,
        origin: Origin::Parts {
            parts: upload.parts.iter().map(|(number, part)| (*number, part.content.length)).collect(),
            replaced: upload.replaced,
            copied: upload.parts.values().any(|part| part.copied),
            framed: upload.parts.values().any(|part| part.framed),
        },
        has_metadata: false,
        has_crc32: false,
        has_tags: false,
        dated: None,
        disturbed: None,
    };
    let is_over = state.objects.contains_key(&object);
    let version = Version { step: expected.id.clone(), at: state.steps, is_over, stored: Some(stored) };
    expected.next.uploads.remove(&object);
    expected.next.store(object, version);
    Some(expected)
}

/// AbortMultipartUpload.
pub(super) fn abort(state: &State, action: &Action) -> Option<Expected> {
    let Action::Abort { object } = *action else { return None };
    let upload = state.uploads.get(&object)?;
    let mut request = request(action, object, Presented::Nothing);
    request.insert("upload".to_owned(), json!(upload.step));
    let mut expected = Expected::answered(state, action, request, json!({"status": ["2xx"]}));
    if upload.key.is_some() {
        let answer = expected.answer.clone();
        expected = expected.decided("abort-needs-no-key", Level::Must, answer, vec![guard::encrypted()]);
        expected.next.aborted.insert(object);
    }
    expected.next.uploads.remove(&object);
    Some(expected)
}

/// ListParts.
pub(super) fn list_parts(state: &State, action: &Action) -> Option<Expected> {
    let Action::ListParts { object, number, with_key } = *action else { return None };
    let upload = state.uploads.get(&object)?;
    let mut request = request(action, object, key_of(upload, with_key)?);
    request.insert("upload".to_owned(), json!(upload.step));
    let expected = Expected::accepted(state, action, request);
    upload.key?;
    if with_key {
        let answer = expected.answer.clone();
        return Some(expected.decided("list-parts-takes-key", Level::Must, answer, vec![guard::encrypted()]));
    }
    if let Some(part) = upload.parts.get(&number).filter(|_| !upload.replaced && upload.refused.is_empty()) {
        let answer = json!({"status": ["200"], "entry": {"part_number": number, "size": part.content.length}});
        return Some(expected.decided("list-parts-plaintext", Level::Must, answer, vec![guard::encrypted()]));
    }
    let absent = json!({"entry": {"part_number": number, "absent": true}});
    upload.refused.contains(&number).then(|| expected.must("refused-part-not-kept", absent, [guard::encrypted()]))
}

/// ListMultipartUploads.
pub(super) fn list_uploads(state: &State, action: &Action) -> Option<Expected> {
    let Action::ListUploads { object } = *action else { return None };
    let expected = Expected::accepted(state, action, request(action, object, Presented::Nothing));
    let guards = vec![guard::encrypted()];
    if state.uploads.get(&object).is_some_and(|upload| upload.key.is_some()) {
        return Some(expected.decided("uploads-listed", Level::Must, json!({"status": ["200"], "entry": {}}), guards));
    }
    let is_aborted = state.aborted.contains(&object) && !state.uploads.contains_key(&object);
    let absent = json!({"status": ["200"], "entry": {"absent": true}});
    is_aborted.then(|| expected.decided("abort-ends-upload", Level::Must, absent, guards))
}
