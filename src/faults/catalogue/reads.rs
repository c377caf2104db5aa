//! Reads that must be refused, and conditional ones.

use super::*;
use crate::faults::conditions::{looks_before_key, sets_condition};
use crate::faults::defect::{all, drops_headers, without_body};
use crate::faults::facts::{ObjectFacts, READS};
use crate::faults::memory::{KeyHeaders, Making};
use crate::faults::reads::{lets_copy, replace_key, told};

/// What breaks where GetObject is answered with a 200 whatever the key.
const GET_WITH_ANY_KEY: &[&str] =
    &["read-wrong-key", "read-headers-checked", "version-own-key", "copy-target-key", "key-rotation"];

fn any(_: &Facts) -> bool {
    true
}

fn object_is(facts: &Facts, so: fn(&ObjectFacts) -> bool) -> bool {
    facts.object.as_ref().is_some_and(so)
}

/// Gives the data where the key stands so to the object.
fn gives(operations: &'static [Operation], key: KeyRelation, when: fn(&Facts) -> bool) -> Box<dyn Defect> {
    lets_read(move |facts| operations.contains(&facts.operation) && facts.key == key && when(facts), ServedRead::Data)
}

/// Answers GetObject with another key otherwise than by the data.
fn serves_instead(serves: ServedRead) -> Box<dyn Defect> {
    lets_read(|facts| facts.gets() && facts.key == KeyRelation::Other, serves)
}

/// Lets reads and copies through by what read what an object was written over, given how it was written and the key sent.
fn still_opens(key: KeyRelation, opens: fn(&Making, &KeyHeaders) -> bool) -> Box<dyn Defect> {
    let of = move |object: &Option<ObjectFacts>, sent: &KeyHeaders| {
        let making = object.as_ref().and_then(|object| object.making.as_ref());
        making.is_some_and(|making| {
            matches!(making.operation, Operation::PutObject | Operation::PostObject) && opens(making, sent)
        })
    };
    all(vec![
        lets_read(
            move |facts| facts.reads() && facts.key == key && of(&facts.object, &facts.sent_key),
            ServedRead::Data,
        ),
        lets_copy(move |facts| facts.source_key == key && of(&facts.source, &facts.sent_source_key)),
    ])
}

/// Checks reads of an older version against the key of the newest.
fn asks_newest_key() -> Box<dyn Defect> {
    custom(|mut call| {
        Box::pin(async move {
            let (facts, store) = (&call.facts, call.inner.store());
            let is_older = facts.reads() && object_is(facts, |object| !object.is_newest);
            if !is_older || ObjectFacts::of(store, &facts.memory, &facts.target, None).is_none() {
                return call.go().await;
            }
            let mut of_newest = without_body(&call.request);
            drop_parameters(&mut of_newest, |name| name == "versionId");
            match call.inner.call(of_newest).await {
                Err(refusal) if refusal.cause.is_some() => return Err(refusal),
                _ => {}
            }
            let sent = replace_key(&mut call.request, &call.facts);
            told(call.go().await, &sent)
        })
    })
}

pub(super) const FAULTS: &[Fault] = &[
    // Reads with another key, or none.
    fault("wrong-key-reads", "GetObject with any key gives the data", GET_WITH_ANY_KEY, KIND, || {
        gives(&[Operation::GetObject], KeyRelation::Other, any)
    }),
    fault(
        "wrong-key-garbage",
        "GetObject with another key is answered with 200 and garbage",
        GET_WITH_ANY_KEY,
        KIND,
        || serves_instead(ServedRead::Garbage),
    ),
    fault(
        "wrong-key-cut-at-once",
        "GetObject with another key is answered with the head of a 200, and then the connection is cut",
        GET_WITH_ANY_KEY,
        KIND,
        || serves_instead(ServedRead::HeadOnly),
    ),
    fault(
        "wrong-key-cut-midway",
        "GetObject with another key is answered with 200, and the connection is cut in the middle of garbage",
        GET_WITH_ANY_KEY,
        KIND,
        || serves_instead(ServedRead::HalfGarbage),
    ),
    fault(
        "wrong-key-data-under-refusal",
        "GetObject with another key is answered with 403, and the data in the body",
        &["read-wrong-key", "read-headers-checked", "version-own-key", "copy-target-key", "key-rotation", "error-xml"],
        KIND,
        || serves_instead(ServedRead::DataUnderRefusal),
    ),
    fault("wrong-key-reads-ranges", "A range is given with any key", &["read-wrong-key"], KIND, || {
        gives(&[Operation::GetObject], KeyRelation::Other, |facts| facts.is_ranged)
    }),
    fault(
        "wrong-key-reads-empty",
        "An object without bytes is read with any key",
        &["read-wrong-key", "attributes-need-key"],
        KIND,
        || gives(READS, KeyRelation::Other, |facts| object_is(facts, |object| object.size == 0)),
    ),
    fault(
        "wrong-key-reads-multipart",
        "An object made of parts is read with any key",
        &["read-wrong-key"],
        KIND,
        || gives(READS, KeyRelation::Other, |facts| object_is(facts, |object| object.is_multipart)),
    ),
    fault("wrong-key-reads-presigned", "A presigned read succeeds with any key", &["read-wrong-key"], KIND, || {
        gives(READS, KeyRelation::Other, |facts| facts.form == Form::Presigned)
    }),
    fault("wrong-key-reads-part", "A part is read by its number with any key", &["read-wrong-key"], KIND, || {
        gives(&[Operation::GetObject], KeyRelation::Other, |facts| facts.part_number.is_some())
    }),
    fault(
        "head-with-wrong-key",
        "HeadObject with another key answers 200; GetObject refuses",
        &["read-wrong-key", "read-headers-checked", "version-own-key"],
        "minio/minio#6598",
        || gives(&[Operation::HeadObject], KeyRelation::Other, any),
    ),
    fault(
        "attributes-with-wrong-key",
        "GetObjectAttributes with another key answers 200",
        &["attributes-need-key"],
        KIND,
        || gives(&[Operation::GetObjectAttributes], KeyRelation::Other, any),
    ),
    fault(
        "no-key-reads",
        "GetObject without a key gives the data",
        &["read-needs-key", "copy-target-key", "default-encryption-yields"],
        KIND,
        || gives(&[Operation::GetObject], KeyRelation::Missing, any),
    ),
    fault("no-key-reads-ranges", "A range is given without a key", &["read-needs-key"], KIND, || {
        gives(&[Operation::GetObject], KeyRelation::Missing, |facts| facts.is_ranged)
    }),
    fault("no-key-reads-part", "A part is read by its number without a key", &["read-needs-key"], KIND, || {
        gives(&[Operation::GetObject], KeyRelation::Missing, |facts| facts.part_number.is_some())
    }),
    fault(
        "no-key-reads-versions",
        "A version is read without a key",
        &["read-needs-key", "attributes-need-key"],
        KIND,
        || gives(READS, KeyRelation::Missing, |facts| facts.version_id.is_some()),
    ),
    fault("no-key-reads-presigned", "A presigned read succeeds without a key", &["read-needs-key"], KIND, || {
        gives(READS, KeyRelation::Missing, |facts| facts.form == Form::Presigned)
    }),
    fault(
        "overwritten-plain-served",
        "A plain object that was overwritten under a key is still read without one",
        &["read-needs-key"],
        KIND,
        || {
            let was_plain =
                |making: &Making, _: &KeyHeaders| making.former_keys.last().is_some_and(KeyHeaders::is_empty);
            still_opens(KeyRelation::Missing, was_plain)
        },
    ),
    fault("no-key-reads-multipart", "An object made of parts is read without a key", &["read-needs-key"], KIND, || {
        gives(READS, KeyRelation::Missing, |facts| object_is(facts, |object| object.is_multipart))
    }),
    fault(
        "head-without-key",
        "HeadObject without a key answers 200",
        &["read-needs-key", "default-encryption-yields"],
        KIND,
        || gives(&[Operation::HeadObject], KeyRelation::Missing, any),
    ),
    fault(
        "attributes-without-key",
        "GetObjectAttributes without a key answers 200",
        &["attributes-need-key"],
        KIND,
        || gives(&[Operation::GetObjectAttributes], KeyRelation::Missing, any),
    ),
    fault(
        "key-on-plain-object-taken",
        "SSE-C headers on an object stored without a key are answered as if they did not matter",
        &["plain-object-with-key"],
        "minio/minio#7332, Ceph RGW 16.2.15",
        || gives(READS, KeyRelation::OnUnencrypted, any),
    ),
    fault(
        "overwritten-key-kept",
        "An overwritten object is still read with its former key",
        &["read-wrong-key", "version-own-key", "concurrent-writes-consistent", "attributes-need-key"],
        KIND,
        || {
            still_opens(KeyRelation::Other, |making, sent| {
                making.former_keys.iter().any(|former| former.has_key_of(sent))
            })
        },
    ),
    fault(
        "versions-share-key",
        "All versions of an object are checked against the newest one's key",
        &["version-own-key", "attributes-need-key"],
        KIND,
        || asks_newest_key(),
    ),
    // Conditional reads.
    fault(
        "not-modified-without-key",
        "If-None-Match is looked at before the key: a read without it is answered with 304",
        &["conditional-needs-key"],
        "Ceph RGW 16.2.15",
        || looks_before_key("if-none-match"),
    ),
    fault(
        "precondition-failed-without-key",
        "If-Match is looked at before the key: a read without it is answered with 412",
        &["conditional-needs-key"],
        KIND,
        || looks_before_key("if-match"),
    ),
    fault(
        "if-match-fails",
        "If-Match of an SSE-C object's own ETag fails",
        &["conditional-with-key"],
        "minio/minio#10085",
        || sets_condition("if-match", "\"of another object\""),
    ),
    fault(
        "if-none-match-passed-over",
        "If-None-Match of an SSE-C object's own ETag is passed over",
        &["conditional-with-key"],
        KIND,
        || drops_headers(Facts::reads_sse_c, &["if-none-match"]),
    ),
];
