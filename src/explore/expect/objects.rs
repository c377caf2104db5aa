//! What needs no customer key: to delete, list and annotate objects.

use serde_json::json;

use super::{Expected, of_length, request};
use crate::explore::action::{Action, Annotation, Listing, Which};
use crate::explore::guard;
use crate::explore::names::Object;
use crate::explore::presented::Presented;
use crate::explore::state::{Disturbed, State, Version};
use crate::suite::model::Level;

/// DeleteObject.
pub(super) fn delete(state: &State, action: &Action) -> Option<Expected> {
    let Action::Delete { object, which } = *action else { return None };
    match which {
        Which::Newest => delete_newest(state, action, object),
        Which::Back(newer) if state.is_versioned() => delete_version(state, action, object, newer),
        Which::Back(_) => None,
    }
}

fn delete_newest(state: &State, action: &Action, object: Object) -> Option<Expected> {
    let stored = state.current(object).filter(|stored| stored.disturbed.is_none())?;
    let request = request(action, object, Presented::Nothing);
    let mut expected = Expected::answered(state, action, request, json!({"status": ["2xx"], "stored": false}));
    if stored.key.is_some() {
        let answer = expected.answer.clone();
        expected = expected.decided("delete-needs-no-key", Level::Must, answer, vec![guard::encrypted()]);
    }
    remove_newest(&mut expected, state, object);
    Some(expected)
}

/// The model after the newest version was deleted without being named.
fn remove_newest(expected: &mut Expected, state: &State, object: Object) {
    if state.is_versioned() {
        let (step, at) = (expected.id.clone(), state.steps);
        expected.next.store(object, Version { step, at, is_over: true, stored: None });
    } else {
        expected.next.objects.remove(&object);
    }
}

fn delete_version(state: &State, action: &Action, object: Object, newer: usize) -> Option<Expected> {
    let versions = state.objects.get(&object)?;
    let version = state.back(object, newer)?;
    let mut request = request(action, object, Presented::Nothing);
    request.insert("version_of".to_owned(), json!(version.step));
    let mut expected = Expected::answered(state, action, request, json!({"status": ["2xx"]}));
    match &version.stored {
        Some(stored) if stored.key.is_some() => {
            let answer = expected.answer.clone();
            expected = expected.decided("delete-needs-no-key", Level::Must, answer, vec![guard::encrypted()]);
        }
        Some(_) => return None,
        // Only the removal of the newest marker shows what is before it.
        None if newer > 0 => return None,
        None => {}
    }
    let index = versions.len() - 1 - newer;
    let is_marker = version.stored.is_none();
    let at = version.at;
    if let Some(versions) = expected.next.objects.get_mut(&object) {
        versions.remove(index);
        if versions.is_empty() {
            expected.next.objects.remove(&object);
        }
    }
    if is_marker {
        expected.next.disturb(object, "delete-marker-removed", at);
    }
    Some(expected)
}

/// DeleteObjects.
pub(super) fn delete_many(state: &State, action: &Action) -> Option<Expected> {
    let Action::DeleteMany { object } = *action else { return None };
    let stored = state.current(object).filter(|stored| stored.disturbed.is_none())?;
    stored.key?;
    let mut request = request(action, object, Presented::Nothing);
    request.insert("delete".to_owned(), json!([object.name()]));
    let mut expected = Expected::accepted(state, action, request);
    let named = format!("/{}$", object.name());
    let answer = json!({"status": ["200"], "elements": {"Deleted/Key": {"matches": named}}});
    expected = expected.decided("delete-many-needs-no-key", Level::Must, answer, vec![guard::encrypted()]);
    remove_newest(&mut expected, state, object);
    Some(expected)
}

/// ListObjectsV2, ListObjects and ListObjectVersions.
pub(super) fn list(state: &State, action: &Action) -> Option<Expected> {
    let Action::List { listing, object } = *action else { return None };
    let version = state.newest(object)?;
    let stored = version.stored.as_ref()?;
    stored.key?;
    let is_one = state.objects.get(&object).is_some_and(|versions| versions.len() == 1);
    if stored.disturbed.is_some() || (listing == Listing::Versions && !is_one) {
        return None;
    }
    let expected = Expected::accepted(state, action, request(action, object, Presented::Nothing));
    let size = json!({"status": ["200"], "entry": {"size": stored.content.length}});
    let expected = expected.decided("listing-plaintext-size", Level::Must, size, of_length(state, object, stored));
    let same = json!({"entry": {"etag_same_as": version.step}});
    Some(expected.should("etag-consistent", same, [guard::encrypted()]))
}

/// Tags and access control lists.
pub(super) fn annotate(state: &State, action: &Action) -> Option<Expected> {
    let Action::Annotate { annotation, object } = *action else { return None };
    let is_as_it_was = |disturbed: &Disturbed| disturbed.rule == "tagging-keeps-object";
    let stored = state.current(object).filter(|stored| stored.disturbed.as_ref().is_none_or(is_as_it_was))?;
    stored.key?;
    let mut request = request(action, object, Presented::Nothing);
    let (rule, changes) = match annotation {
        Annotation::PutTags => ("tagging-needs-no-key", true),
        Annotation::DeleteTags => ("tagging-needs-no-key", true),
        Annotation::GetTags => ("tagging-needs-no-key", false),
        Annotation::GetAcl | Annotation::PutAcl => ("acl-needs-no-key", false),
    };
    if annotation == Annotation::PutTags {
        request.insert("body".to_owned(), json!("tags"));
    }
    if annotation == Annotation::PutAcl {
        request.insert("headers".to_owned(), json!({"x-amz-acl": {"value": "private"}}));
    }
    let expected = Expected::answered(state, action, request, json!({"status": ["2xx"]}));
    let answer = expected.answer.clone();
    let mut expected = expected.decided(rule, Level::Must, answer, vec![guard::encrypted()]);
    if annotation == Annotation::GetTags && stored.has_tags {
        let kept = json!({"elements": {
            "TagSet/Tag/Key": {"equals": "made-by"}, "TagSet/Tag/Value": {"equals": "ssecheck"},
        }});
        expected = expected.must("tags-kept", kept, [guard::encrypted()]);
    }
    if changes {
        expected.next.disturb(object, "tagging-keeps-object", state.steps);
        let newest = expected.next.objects.get_mut(&object).and_then(|versions| versions.last_mut());
        if let Some(stored) = newest.and_then(|version| version.stored.as_mut()) {
            stored.has_tags = annotation == Annotation::PutTags;
        }
    }
    Some(expected)
}
