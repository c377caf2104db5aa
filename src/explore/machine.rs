//! The model as a state machine of proptest: which requests may come next, and how likely each kind is.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Just, Strategy as _, Union};
use proptest_state_machine::{ReferenceStateMachine, Sequential};

use super::action::{Action, Annotation, Copying, Extra, Listing, Of, Reading, Source, Style, Which};
use super::expect::expected;
use super::names::{Body, Key, Object};
use super::presented::{Malformation, Presented};
use super::state::{State, Theme};
use crate::suite::model::BucketKind;

/// The model.
#[derive(Debug, Clone, Copy)]
pub struct Model;

impl ReferenceStateMachine for Model {
    type State = State;
    type Transition = Action;

    fn init_state() -> BoxedStrategy<State> {
        Just(State::empty(BucketKind::Plain, Theme::Everything, Arc::default())).boxed()
    }

    fn transitions(state: &State) -> BoxedStrategy<Action> {
        let groups = groups(state).into_iter().filter(|(_, actions)| !actions.is_empty());
        Union::new_weighted(groups.map(|(weight, actions)| (weight, select(actions).boxed())).collect()).boxed()
    }

    fn apply(state: State, action: &Action) -> State {
        expected(&state, action).map_or(state, |expected| expected.next)
    }

    fn preconditions(state: &State, action: &Action) -> bool {
        expected(state, action).is_some()
    }
}

/// Sequences of requests.
pub type Sequences = Sequential<State, Action, BoxedStrategy<State>, BoxedStrategy<Action>>;

/// Sequences in buckets of these kinds, of what an endpoint does not lack.
#[must_use]
pub fn sequences(kinds: &[BucketKind], lacking: &Arc<BTreeSet<String>>, longest: usize) -> Sequences {
    let state = |kind: BucketKind, theme| State::empty(kind, theme, Arc::clone(lacking));
    let plain = [(4, Theme::Everything), (2, Theme::Reads), (2, Theme::Copies), (3, Theme::Uploads)];
    let mut states: Vec<(u32, State)> =
        plain.into_iter().map(|(weight, theme)| (weight, state(BucketKind::Plain, theme))).collect();
    for kind in kinds.iter().copied().filter(|kind| *kind != BucketKind::Plain) {
        states.push((2, state(kind, Theme::Everything)));
        if kind == BucketKind::DefaultEncrypted {
            states.push((1, state(kind, Theme::Uploads)));
        }
    }
    Sequential::new(
        (1..=longest).into(),
        move || {
            let states = states.iter().cloned().map(|(weight, state)| (weight, Just(state).boxed()));
            Union::new_weighted(states.collect()).boxed()
        },
        Model::preconditions,
        Model::transitions,
        Model::apply,
    )
}

/// A kind of request: how often it comes, and what may come.
type Group = (u32, Vec<Action>);

/// The kinds of requests that may come next, the simplest first.
fn groups(state: &State) -> Vec<Group> {
    let small = puts(&[Body::Small, Body::Other, Body::Empty]);
    let puts = vec![(6, small), (1, puts(&[Body::Packages])), (4, puts_with_extras())];
    let wrong_puts = vec![(3, malformed_puts()), (2, styled_puts())];
    let (of_puts, of_reads, of_copies, of_uploads) = match state.theme {
        Theme::Everything => (2, 2, 2, 2),
        Theme::Reads => (1, 4, 0, 0),
        Theme::Copies => (1, 2, 8, 0),
        Theme::Uploads => (1, 2, 1, 8),
    };
    let is_about_puts = u32::from(state.theme == Theme::Everything) * 2;
    let weighed = |groups: Vec<Group>, times: u32| groups.into_iter().map(move |(weight, all)| (weight * times, all));
    let all = weighed(puts, of_puts)
        .chain(weighed(wrong_puts, is_about_puts))
        .chain(weighed(reads(state), of_reads))
        .chain(weighed(copies(state), of_copies))
        .chain(weighed(uploads(state), of_uploads))
        .chain(weighed(keyless(state), 2));
    all.filter(|(weight, _)| *weight > 0).collect()
}

fn put(object: Object, key: Presented, body: Body, extra: Extra, style: Style) -> Action {
    Action::Put { object, key, body, extra, style }
}

fn puts(bodies: &[Body]) -> Vec<Action> {
    let mut actions = Vec::new();
    for body in bodies.iter().copied() {
        for object in Object::ALL {
            actions.extend(Key::OWN.map(|key| put(object, Presented::Key(key), body, Extra::Nothing, Style::Usual)));
            actions.push(put(object, Presented::Nothing, body, Extra::Nothing, Style::Usual));
        }
    }
    actions
}

fn puts_with_extras() -> Vec<Action> {
    let mut actions = Vec::new();
    for extra in Extra::OF_PUT {
        for object in Object::ALL {
            actions.push(put(object, Presented::Key(Key::K1), Body::Small, extra, Style::Usual));
        }
    }
    actions
}

fn malformed_puts() -> Vec<Action> {
    let of =
        |how| Object::ALL.map(|object| put(object, malformed(Key::K1, how), Body::Small, Extra::Nothing, Style::Usual));
    Malformation::ALL.into_iter().flat_map(of).collect()
}

fn malformed(key: Key, how: Malformation) -> Presented {
    Presented::Malformed(key, how)
}

fn styled_puts() -> Vec<Action> {
    let mut actions = Vec::new();
    for style in Style::OTHERS {
        for object in Object::ALL {
            for key in [Key::K1, Key::K2] {
                actions.push(put(object, Presented::Key(key), Body::Small, Extra::Nothing, style));
            }
        }
    }
    actions
}

/// The versions of an object that may be asked for.
fn versions(state: &State, object: Object) -> Vec<Which> {
    let count = if state.is_versioned() { state.objects.get(&object).map_or(0, Vec::len) } else { 0 };
    std::iter::once(Which::Newest).chain((0..count).map(Which::Back)).collect()
}

/// What is said of a key, by what would be right: the right one, none, and others.
fn presented(right: Option<Key>) -> (Presented, Vec<Presented>) {
    let others = [Key::Nobody, Key::K1, Key::K2, Key::K3].into_iter().filter(|key| Some(*key) != right);
    let others: Vec<Presented> = others.map(Presented::Key).collect();
    match right {
        Some(key) => (Presented::Key(key), std::iter::once(Presented::Nothing).chain(others).collect()),
        None => (Presented::Nothing, others),
    }
}

fn reads(state: &State) -> Vec<Group> {
    let (mut deleted, mut of_parts, mut borders) = (Vec::new(), Vec::new(), Vec::new());
    let (mut by_number, mut checksums) = (Vec::new(), Vec::new());
    let (mut right_reads, mut parts_of, mut refused, mut malformed_reads, mut styled, mut again) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for object in state.objects.keys().copied() {
        for which in versions(state, object) {
            let version = match which {
                Which::Newest => state.newest(object),
                Which::Back(newer) => state.back(object, newer),
            };
            let Some(version) = version else { continue };
            // Of what is deleted, the last key is asked with.
            let before = || state.objects.get(&object)?.iter().rev().find_map(|version| version.stored.as_ref());
            let Some(stored) = version.stored.as_ref().or_else(before) else { continue };
            let (right, others) = presented(stored.key);
            let read = |reading, of, key, style| Action::Read { reading, object, which, of, key, style };
            let length = stored.content.length;
            if version.stored.is_none() && which == Which::Newest {
                deleted.extend([Reading::Get, Reading::Head].map(|it| read(it, Of::Whole, right, Style::Usual)));
                deleted.push(Action::Delete { object, which: Which::Back(0) });
            }
            if stored.parts().is_some() {
                of_parts.extend(Reading::ALL.map(|it| read(it, Of::Whole, right, Style::Usual)));
                of_parts.push(read(Reading::Attributes, Of::PartsCount, right, Style::Usual));
                of_parts.extend(ranges(length).into_iter().map(|of| read(Reading::Get, of, right, Style::Usual)));
            }
            if length > 65_536 {
                let all = ranges(length).into_iter().filter(|of| matches!(of, Of::Range(from, _) if *from > 5));
                borders.extend(all.map(|of| read(Reading::Get, of, right, Style::Usual)));
            }
            for reading in Reading::ALL {
                right_reads.push(read(reading, Of::Whole, right, Style::Usual));
                refused.extend(others.iter().map(|key| read(reading, Of::Whole, *key, Style::Usual)));
                if let Some(key) = stored.key.filter(|_| which == Which::Newest) {
                    let of = |how| read(reading, Of::Whole, malformed(key, how), Style::Usual);
                    malformed_reads.extend(Malformation::ALL.map(of));
                    styled.extend(Style::OTHERS.map(|style| read(reading, Of::Whole, right, style)));
                    for key in [Presented::Nothing, Presented::Key(Key::Nobody)] {
                        styled.push(read(reading, Of::Whole, key, Style::Presigned));
                    }
                }
            }
            if stored.key.is_none() {
                continue;
            }
            for of in ranges(length) {
                parts_of.push(read(Reading::Get, of, right, Style::Usual));
                refused.push(read(Reading::Get, of, Presented::Nothing, Style::Usual));
                refused.push(read(Reading::Get, of, Presented::Key(Key::Nobody), Style::Usual));
            }
            for reading in [Reading::Get, Reading::Head] {
                let conditions = [Of::IfMatch, Of::IfMatchOther, Of::IfNoneMatch, Of::IfNoneMatchOther];
                let more = [
                    Of::IfModifiedSince,
                    Of::Checksum,
                    Of::Override,
                    Of::IfModifiedSinceLongAgo,
                    Of::IfUnmodifiedSinceLongAgo,
                ];
                parts_of.extend(conditions.into_iter().chain(more).map(|of| read(reading, of, right, Style::Usual)));
                if let Some(parts) = stored.parts() {
                    for number in 1..=parts.len() as u32 + 1 {
                        for key in [right, Presented::Nothing, Presented::Key(Key::Nobody)] {
                            by_number.push(read(reading, Of::Part(number), key, Style::Usual));
                        }
                    }
                }
                for key in [Presented::Nothing, Presented::Key(Key::Nobody)] {
                    let of = [Of::IfNoneMatch, Of::IfMatchOther, Of::IfModifiedSince, Of::Checksum];
                    refused.extend(of.map(|of| read(reading, of, key, Style::Usual)));
                }
            }
            if stored.has_crc32 {
                checksums.extend(Reading::ALL.map(|reading| read(reading, Of::Checksum, right, Style::Usual)));
            }
            for key in [Presented::Nothing, Presented::Key(Key::Nobody)] {
                refused.push(read(Reading::Head, Of::OwnConnection, key, Style::Usual));
            }
            if let Some(before) = state.refused_get.as_ref().filter(|before| before.object == object) {
                for (reading, of) in
                    [(Reading::Head, Of::Whole), (Reading::Head, Of::IfMatchOther), (Reading::Get, Of::IfMatchOther)]
                {
                    again.push(read(reading, of, before.key, Style::Usual));
                }
            }
        }
    }
    vec![
        (8, right_reads),
        (5, parts_of),
        (6, refused),
        (3, malformed_reads),
        (2, styled),
        (15, again),
        (20, deleted),
        (6, by_number),
        (3, checksums),
        (8, of_parts),
        (5, borders),
    ]
}

/// Ranges of a content of this length: of a few bytes, across the borders of blocks, packages and parts, and its ends.
fn ranges(length: u64) -> Vec<Of> {
    let mut ranges =
        vec![Of::Range(0, 3), Of::Range(5, 20), Of::From(16), Of::From(7), Of::Last(9), Of::Last(5), Of::BeyondEnd];
    ranges.push(Of::Range(3, length + 100));
    for border in [65_536, 131_072, Body::Part.length()] {
        if length > border + 10 {
            ranges.push(Of::Range(border - 10, border + 9));
            ranges.push(Of::From(border - 5));
        }
    }
    ranges
}

/// Each source, with what may be said of its key: what is right, none or another key, and what is malformed.
fn sources(state: &State) -> Vec<(Source, Vec<Source>)> {
    let mut sources = Vec::new();
    for object in state.objects.keys().copied() {
        for which in versions(state, object) {
            let version = match which {
                Which::Newest => state.newest(object),
                Which::Back(newer) => state.back(object, newer),
            };
            let Some(stored) = version.and_then(|version| version.stored.as_ref()) else { continue };
            let (right, others) = presented(stored.key);
            let source = |key| Source { object, which, key };
            let mut wrong: Vec<Source> = Vec::new();
            if let Some(key) = stored.key {
                wrong.extend(others.into_iter().map(source));
                wrong.extend(Malformation::ALL.map(|how| source(malformed(key, how))));
            }
            sources.push((source(right), wrong));
        }
    }
    sources
}

fn copies(state: &State) -> Vec<Group> {
    let (mut right_copies, mut conditional, mut wrong_sources, mut malformed_targets, mut styled) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (right, wrong) in sources(state) {
        for object in Object::ALL {
            let copy = |source, key, copying, style| Action::Copy { source, object, key, copying, style };
            for key in [Presented::Key(Key::K2), Presented::Key(Key::K3), Presented::Key(Key::K1), Presented::Nothing] {
                right_copies.push(copy(right, key, Copying::Plainly, Style::Usual));
            }
            for copying in [Copying::Replacing, Copying::IfMatch, Copying::IfNoneMatch] {
                conditional.push(copy(right, Presented::Key(Key::K2), copying, Style::Usual));
            }
            for source in &wrong {
                wrong_sources.push(copy(*source, Presented::Key(Key::K2), Copying::Plainly, Style::Usual));
                if source.key == Presented::Nothing || source.key == Presented::Key(Key::Nobody) {
                    wrong_sources.push(copy(*source, Presented::Nothing, Copying::Plainly, Style::Usual));
                }
            }
            let of = |how| copy(right, malformed(Key::K2, how), Copying::Plainly, Style::Usual);
            malformed_targets.extend(Malformation::ALL.map(of));
            for key in [Presented::Nothing, Presented::Key(Key::K2)] {
                styled.push(copy(right, key, Copying::Plainly, Style::Plain));
            }
        }
    }
    vec![(6, right_copies), (2, conditional), (3, wrong_sources), (2, malformed_targets), (1, styled)]
}

fn uploads(state: &State) -> Vec<Group> {
    let (mut creates, mut wrong_creates, mut styled) = (Vec::new(), Vec::new(), Vec::new());
    for object in Object::ALL.into_iter().filter(|object| !state.uploads.contains_key(object)) {
        let create = |key, other_encryption, style| Action::CreateUpload { object, key, other_encryption, style };
        for key in [Presented::Key(Key::K1), Presented::Key(Key::K2), Presented::Nothing] {
            creates.push(create(key, false, Style::Usual));
        }
        wrong_creates.extend(Malformation::ALL.map(|how| create(malformed(Key::K1, how), false, Style::Usual)));
        styled.push(create(Presented::Key(Key::K1), true, Style::Usual));
        styled.push(create(Presented::Key(Key::K1), false, Style::Plain));
    }
    let mut second_parts = Vec::new();
    let (mut right_parts, mut large_parts, mut wrong_parts, mut copied, mut wrongly_copied, mut ends, mut lists) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (object, upload) in &state.uploads {
        let object = *object;
        let (right, others) = presented(upload.key);
        let part = |number, key, body, extra, style| Action::UploadPart { object, number, key, body, extra, style };
        for number in [1, 2] {
            for body in [Body::Small, Body::Other, Body::Packages] {
                right_parts.push(part(number, right, body, Extra::Nothing, Style::Usual));
            }
            wrong_parts.extend(others.iter().map(|key| part(number, *key, Body::Small, Extra::Nothing, Style::Usual)));
            lists.extend([false, true].map(|with_key| Action::ListParts { object, number, with_key }));
        }
        large_parts.push(part(1, right, Body::Part, Extra::Nothing, Style::Usual));
        wrong_parts.extend(Extra::OF_PART.map(|extra| part(1, right, Body::Packages, extra, Style::Usual)));
        styled.push(part(1, right, Body::Small, Extra::Nothing, Style::Plain));
        if upload.content().is_some_and(|content| content.length >= Body::Part.length()) {
            let of = |body| part(2, right, body, Extra::Nothing, Style::Usual);
            second_parts.extend([Body::Small, Body::Other].map(of));
        }
        if let Some(key) = upload.key {
            let of = |how| part(1, malformed(key, how), Body::Small, Extra::Nothing, Style::Usual);
            wrong_parts.extend(Malformation::ALL.map(of));
        }
        for (from, wrong) in sources(state) {
            let copy = |source, range, key, style| Action::CopyPart { object, number: 1, source, range, key, style };
            for range in [None, Some((65_536, 131_071)), Some((70_001, 150_000))] {
                copied.push(copy(from, range, right, Style::Usual));
            }
            wrongly_copied.extend(wrong.iter().map(|source| copy(*source, None, right, Style::Usual)));
            wrongly_copied.extend(others.iter().map(|key| copy(from, None, *key, Style::Usual)));
            styled.push(copy(from, None, right, Style::Plain));
        }
        ends.extend([false, true].map(|with_key| Action::Complete { object, with_key }));
        lists.push(Action::Abort { object });
    }
    lists.extend(Object::ALL.map(|object| Action::ListUploads { object }));
    let large = vec![put(Object::A, Presented::Key(Key::K1), Body::Part, Extra::Nothing, Style::Usual)];
    let large = if state.uploads.is_empty() { Vec::new() } else { large };
    vec![
        (4, creates),
        (1, wrong_creates),
        (6, right_parts),
        (2, large_parts),
        (4, wrong_parts),
        (4, copied),
        (3, wrongly_copied),
        (8, ends),
        (3, lists),
        (1, large),
        (15, second_parts),
        (8, state.aborted.iter().map(|object| Action::ListUploads { object: *object }).collect()),
        (1, styled),
    ]
}

/// What needs no key.
fn keyless(state: &State) -> Vec<Group> {
    let (mut deletes, mut lists, mut annotations) = (Vec::new(), Vec::new(), Vec::new());
    for object in state.objects.keys().copied() {
        deletes.extend(versions(state, object).into_iter().map(|which| Action::Delete { object, which }));
        deletes.push(Action::DeleteMany { object });
        let listings = [Listing::Objects, Listing::FirstVersion, Listing::Versions];
        lists.extend(listings.map(|listing| Action::List { listing, object }));
        let all =
            [Annotation::PutTags, Annotation::GetTags, Annotation::DeleteTags, Annotation::GetAcl, Annotation::PutAcl];
        annotations.extend(all.map(|annotation| Action::Annotate { annotation, object }));
    }
    vec![(if state.is_versioned() { 6 } else { 3 }, deletes), (2, lists), (3, annotations)]
}
