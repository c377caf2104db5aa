//! Writes, copies, parts.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
use http::{HeaderValue, Method};
use s3s::dto::StreamingBlob;

use super::*;
use crate::faults::data::{BLOCK, PACKAGE, garbled_stream};
use crate::faults::defect::{Call, keeps, stateful, uri_of};
use crate::faults::facts::UploadFacts;
use crate::faults::memory::{KeyHeaders, Making};
use crate::faults::reads::{lets_copy, replace_key, told};
use crate::reference::seam::{Copied, Minted, Seam};
use crate::reference::sse_c::ENCRYPTION;

/// Does something further after requests that are refused for what they say of their key.
pub(super) fn after_refused<F>(operation: Operation, act: F) -> Box<dyn Defect>
where
    F: for<'c> Fn(Call<'c>) -> BoxFuture<'c, ()> + Send + Sync + 'static,
{
    let of_key = |cause: Cause| !matches!(cause, Cause::WithoutTls | Cause::HeadersNotSigned);
    after_refusal(move |refusal, facts| facts.operation == operation && refusal.cause.is_some_and(of_key), act)
}

/// Stores what came, in clear.
fn stores_in_clear(call: Call<'_>) -> BoxFuture<'_, ()> {
    let mut put = call.inward(Method::PUT, &call.facts.target, "");
    put.body = call.request.body;
    Box::pin(async move { drop(call.inner.call(put).await) })
}

/// Removes the object that is there.
pub(super) fn destroys(call: Call<'_>) -> BoxFuture<'_, ()> {
    let delete = call.inward(Method::DELETE, &call.facts.target, "versionId=null");
    Box::pin(async move { drop(call.inner.call(delete).await) })
}

/// Refuses these requests for the lack of a key that they need not have.
pub(super) fn asks_for_key(operations: &'static [Operation], of: fn(&Facts) -> bool) -> Box<dyn Defect> {
    refuses(
        move |facts| operations.contains(&facts.operation) && of(facts),
        |_| Refusal::new(400, "InvalidRequest", "The key is needed."),
    )
}

/// Whether it brings no key for an upload under one.
pub(super) fn is_upload_without_key(facts: &Facts) -> bool {
    facts.of_sse_c_upload() && !facts.carries
}

/// Whether it brings a key under which its object may be written.
fn brings_key(facts: &Facts) -> bool {
    let is_blocked = facts.bucket.is_none_or(|bucket| bucket.blocks_sse_c);
    facts.carries && facts.key != KeyRelation::Malformed && facts.transport == Transport::Tls && !is_blocked
}

/// Lets the default encryption of a bucket take the place of the customer key.
fn default_wins(operations: &'static [Operation]) -> Box<dyn Defect> {
    request(
        move |facts| {
            let is_set = facts.bucket.is_some_and(|bucket| bucket.is_default_encrypted);
            operations.contains(&facts.operation) && is_set && brings_key(facts)
        },
        |request, _| KeyHeaders::default().set(&mut request.headers),
    )
}

/// Writes copies under another key than was asked for, or under none, and tells of what was asked for.
fn copies_under(key: fn(&Facts) -> Option<KeyHeaders>) -> Box<dyn Defect> {
    custom(move |mut call| {
        let sent = KeyHeaders::of(&call.request.headers);
        let key = key(&call.facts).filter(|_| call.facts.operation == Operation::CopyObject);
        if let Some(key) = &key {
            key.set(&mut call.request.headers);
            call.request.headers.remove(ENCRYPTION);
            if key.is_empty() {
                // A copy onto itself has to ask for something.
                call.request.headers.insert(ENCRYPTION, HeaderValue::from_static("AES256"));
            }
        }
        Box::pin(async move {
            let reply = call.go().await;
            if key.is_some() { told(reply, &sent) } else { reply }
        })
    })
}

/// Whether it copies an SSE-C object with its key, so that nothing is wrong with its keys.
fn copies_rightly(facts: &Facts) -> bool {
    let is_right = facts.source_key == KeyRelation::Right && facts.key != KeyRelation::Malformed;
    facts.operation == Operation::CopyObject && is_right
}

/// Whether a precondition of a copy on its source fails, whatever key was sent for that.
pub(super) async fn fails_condition(call: &Call<'_>) -> bool {
    let Some((source, version)) = call.request.copy_source() else { return false };
    let query = version.map(|id| format!("versionId={id}")).unwrap_or_default();
    let mut head = call.inward(Method::HEAD, &source, &query);
    call.facts.right_source_key().set(&mut head.headers);
    for name in [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE] {
        let condition = call.request.headers.get(format!("x-amz-copy-source-{name}"));
        head.headers.extend(condition.map(|value| (name, value.clone())));
    }
    call.inner.call(head).await.is_err_and(|refusal| matches!(refusal.status, 304 | 412))
}

/// Fails such copies where nothing else is wrong with them.
fn fails_copies(when: fn(&Facts) -> bool, refusal: fn() -> Refusal) -> Box<dyn Defect> {
    custom(move |call| {
        Box::pin(async move {
            let is_right = copies_rightly(&call.facts) && when(&call.facts) && !fails_condition(&call).await;
            if is_right { Err(refusal()) } else { call.go().await }
        })
    })
}

/// What copies of SSE-C objects read in place of what they ask for: which bytes, and from which of these on they are garbled.
struct Copying(fn(&Copied<'_>) -> (Range<u64>, Option<u64>));

impl Seam for Copying {
    fn copied(&self, of: &Copied<'_>, read: &dyn Fn(Range<u64>) -> StreamingBlob) -> StreamingBlob {
        if !of.is_customers {
            return read(of.range.clone());
        }
        match (self.0)(of) {
            (range, None) => read(range),
            (range, Some(from)) => garbled_stream(read(range), from),
        }
    }
}

/// Makes copies of SSE-C objects read other bytes.
fn copies(operation: Operation, other: fn(&Copied<'_>) -> (Range<u64>, Option<u64>)) -> Box<dyn Defect> {
    keeps(move |facts| facts.operation == operation && facts.of_sse_c_source(), Copying(other))
}

/// Gives copies their source's ETag.
struct SourceEtag;

impl Seam for SourceEtag {
    fn etag(&self, made: String, of: &Minted<'_>) -> String {
        of.source.map_or(made, str::to_owned)
    }
}

/// Lets the old key read an object that was copied onto itself under a new one.
fn lets_old_key_read() -> Box<dyn Defect> {
    lets_read(
        |facts| {
            let making = facts.object.as_ref().and_then(|object| object.making.as_ref());
            let is_old = |making: &Making| making.is_in_place && making.source_key.key() == facts.sent_key.key();
            facts.reads() && facts.key == KeyRelation::Other && making.is_some_and(is_old)
        },
        ServedRead::Data,
    )
}

/// Whether it brings a part for an upload that there is.
fn brings_part(facts: &Facts) -> bool {
    facts.upload.is_some() && matches!(facts.operation, Operation::UploadPart | Operation::UploadPartCopy)
}

/// Takes parts whose key stands so to their upload's, and tells of the key that was sent.
fn takes_parts(key: KeyRelation) -> Box<dyn Defect> {
    lets_read(move |facts| brings_part(facts) && facts.key == key, ServedRead::Data)
}

/// Takes parts under any key; the last part's is the object's in the end.
fn last_key_counts() -> Box<dyn Defect> {
    stateful(|last: Arc<Mutex<BTreeMap<String, KeyHeaders>>>, mut call| {
        Box::pin(async move {
            let (facts, inner) = (Arc::clone(&call.facts), call.inner);
            let held = || last.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(upload) = facts.upload.as_ref().filter(|upload| upload.is_customers) else {
                return call.go().await;
            };
            if brings_part(&facts) && matches!(facts.key, KeyRelation::Right | KeyRelation::Other) {
                let sent = replace_key(&mut call.request, &facts);
                let response = told(call.go().await, &sent)?;
                held().insert(upload.id.clone(), sent);
                return Ok(response);
            }
            let mut copy = call.inward(Method::PUT, &facts.target, "");
            let response = call.go().await?;
            let last =
                if facts.operation == Operation::CompleteMultipartUpload { held().remove(&upload.id) } else { None };
            if let Some(last) = last.filter(|last| last.key() != facts.right_key().key())
                && let Ok(source) = HeaderValue::try_from(uri_of(&facts.target, "").to_string())
            {
                copy.headers.insert("x-amz-copy-source", source);
                facts.right_key().set_source(&mut copy.headers);
                last.set(&mut copy.headers);
                copy.seams.push(Arc::new(SourceEtag));
                let _ = inner.call(copy).await;
            }
            Ok(response)
        })
    })
}

pub(super) const FAULTS: &[Fault] = &[
    // Writes.
    fault(
        "refused-put-stores",
        "A refused PutObject stores its body all the same",
        &["refused-write-stores-nothing", "refused-write-keeps-previous"],
        KIND,
        || after_refused(Operation::PutObject, stores_in_clear),
    ),
    fault(
        "refused-put-destroys",
        "A refused PutObject removes the object that was there",
        &["refused-write-keeps-previous"],
        KIND,
        || after_refused(Operation::PutObject, destroys),
    ),
    fault(
        "default-encryption-wins",
        "A bucket's default encryption takes the place of the customer key",
        &["default-encryption-yields"],
        KIND,
        || default_wins(&[Operation::PutObject, Operation::PostObject]),
    ),
    fault(
        "default-encryption-wins-in-uploads",
        "A bucket's default encryption takes the place of the customer key of an upload",
        &["default-encryption-yields"],
        KIND,
        || default_wins(&[Operation::CreateMultipartUpload]),
    ),
    fault(
        "default-encryption-wins-in-copies",
        "A bucket's default encryption takes the place of the customer key of a copy",
        &["default-encryption-yields"],
        KIND,
        || default_wins(&[Operation::CopyObject]),
    ),
    fault(
        "refused-copy-stores",
        "A refused CopyObject leaves an object at its target",
        &["refused-write-stores-nothing", "refused-write-keeps-previous"],
        KIND,
        || after_refused(Operation::CopyObject, stores_in_clear),
    ),
    // Copies.
    fault(
        "copy-drops-encryption",
        "A copy under a customer key is stored in clear",
        &["copy-target-key", "default-encryption-yields"],
        KIND,
        || copies_under(|facts| brings_key(facts).then(KeyHeaders::default)),
    ),
    fault(
        "copy-under-source-key",
        "A copy is stored under its source's key in place of its own",
        &["copy-target-key", "key-rotation"],
        KIND,
        || {
            copies_under(|facts| {
                (brings_key(facts) && facts.source_key == KeyRelation::Right).then(|| facts.right_source_key())
            })
        },
    ),
    fault(
        "copy-keeps-source-key",
        "A copy for which no encryption is asked stays under its source's key",
        &["copy-source-key"],
        KIND,
        || {
            copies_under(|facts| {
                let is_asked = facts.carries || facts.is_in_place();
                (!is_asked && facts.source_key == KeyRelation::Right).then(|| facts.right_source_key())
            })
        },
    ),
    fault(
        "copy-not-implemented",
        "Copies of SSE-C objects are not implemented",
        &["copy-source-key", "key-rotation"],
        "minio/minio#5183, Ceph RGW 16.2.15",
        || fails_copies(|_| true, || Refusal::not_implemented("Copies of encrypted objects are not implemented.")),
    ),
    fault(
        "copy-garbled",
        "A copy of an SSE-C object holds other bytes than its source",
        &["copy-source-key", "copy-target-key", "key-rotation", "copy-multipart-source"],
        KIND,
        || copies(Operation::CopyObject, |of| (of.range.clone(), Some(0))),
    ),
    fault(
        "copy-without-source-key",
        "A copy of an SSE-C object without its key goes through",
        &["copy-needs-source-key"],
        "ceph/ceph#38537",
        || lets_copy(|facts| facts.source_key == KeyRelation::Missing),
    ),
    fault(
        "copy-with-wrong-source-key",
        "A copy of an SSE-C object with any key goes through",
        &["copy-needs-source-key", "key-is-256-bits"],
        KIND,
        || lets_copy(|facts| facts.source_key == KeyRelation::Other),
    ),
    fault(
        "copy-of-empty-with-wrong-source-key",
        "A copy of an SSE-C object without bytes goes through with any key",
        &["copy-needs-source-key"],
        KIND,
        || {
            lets_copy(|facts| {
                facts.source_key == KeyRelation::Other && facts.source.as_ref().is_some_and(|source| source.size == 0)
            })
        },
    ),
    fault(
        "rotation-with-wrong-source-key",
        "A copy onto itself goes through with any key for its source",
        &["copy-needs-source-key"],
        "minio/minio#5625",
        || lets_copy(|facts| facts.source_key == KeyRelation::Other && facts.is_in_place()),
    ),
    fault("rotation-fails", "A copy onto itself under a new key fails", &["key-rotation"], "minio/minio#10085", || {
        fails_copies(Facts::is_in_place, Refusal::internal)
    }),
    fault(
        "rotation-keeps-old-key",
        "After a copy onto itself under a new key the old one still reads the object",
        &["key-rotation"],
        KIND,
        lets_old_key_read,
    ),
    fault(
        "copy-of-parts-garbled",
        "A copy of an object made of parts is garbled from the second part on",
        &["copy-multipart-source"],
        "ceph/ceph#20739, minio/minio#5183",
        || {
            copies(Operation::CopyObject, |of| {
                (of.range.clone(), of.parts.first().copied().filter(|_| of.parts.len() > 1))
            })
        },
    ),
    fault(
        "copy-of-parts-cut-short",
        "A copy of an object made of parts of unaligned size lacks its last bytes",
        &["copy-multipart-source"],
        "minio/minio#7056",
        || {
            copies(Operation::CopyObject, |of| {
                let tail = if of.parts.len() > 1 { of.range.end % BLOCK } else { 0 };
                (of.range.start..of.range.end - tail, None)
            })
        },
    ),
    fault(
        "refused-copy-destroys",
        "A refused CopyObject removes the object that was at its target",
        &["refused-write-keeps-previous"],
        KIND,
        || after_refused(Operation::CopyObject, destroys),
    ),
    fault(
        "copy-if-match-fails",
        "x-amz-copy-source-if-match of an SSE-C object's own ETag fails",
        &["conditional-with-key"],
        "minio/minio#10085",
        || {
            request(Facts::of_sse_c_source, |request, _| {
                if let Some(etag) = request.headers.get_mut("x-amz-copy-source-if-match") {
                    *etag = HeaderValue::from_static("\"another\"");
                }
            })
        },
    ),
    fault("copy-etag-kept", "A copy under another key has its source's ETag", &["copy-etag-differs"], KIND, || {
        keeps(|facts| facts.operation == Operation::CopyObject, SourceEtag)
    }),
    // Parts.
    fault(
        "part-without-key-taken",
        "UploadPart without the key is taken into an upload created with one",
        &["part-as-created", "default-encryption-yields"],
        KIND,
        || takes_parts(KeyRelation::Missing),
    ),
    fault(
        "last-part-key-counts",
        "Parts under another key are taken, and the last part's key is the object's",
        &["part-same-key"],
        KIND,
        last_key_counts,
    ),
    fault(
        "part-key-on-plain-upload-taken",
        "UploadPart with a key is taken into an upload created without one, and stored in clear",
        &["part-as-created"],
        KIND,
        || takes_parts(KeyRelation::OnUnencrypted),
    ),
    fault("complete-needs-key", "CompleteMultipartUpload asks for the key", &["complete-needs-no-key"], KIND, || {
        asks_for_key(&[Operation::CompleteMultipartUpload], is_upload_without_key)
    }),
    fault("list-parts-needs-key", "ListParts asks for the key", &["list-parts-plaintext"], KIND, || {
        asks_for_key(&[Operation::ListParts], is_upload_without_key)
    }),
    fault(
        "part-copy-garbled",
        "UploadPartCopy gives the right length and other bytes",
        &["part-copy-exact"],
        "seaweedfs/seaweedfs#9280",
        || copies(Operation::UploadPartCopy, |of| (of.range.clone(), Some(0))),
    ),
    fault(
        "part-copy-unaligned-garbled",
        "UploadPartCopy of a range that starts inside a package gives other bytes",
        &["part-copy-exact"],
        "seaweedfs/seaweedfs#10971",
        || {
            copies(Operation::UploadPartCopy, |of| {
                (of.range.clone(), (!of.range.start.is_multiple_of(PACKAGE)).then_some(0))
            })
        },
    ),
    fault(
        "part-copy-aligned-shifted",
        "UploadPartCopy of a range that starts at a package's border copies the package before",
        &["part-copy-exact"],
        KIND,
        || {
            copies(Operation::UploadPartCopy, |of| match of.range {
                Range { start, end } if start > 0 && start.is_multiple_of(PACKAGE) => {
                    (start - PACKAGE..end - PACKAGE, None)
                }
                _ => (of.range.clone(), None),
            })
        },
    ),
    fault(
        "part-copy-etag-empty",
        "UploadPartCopy answers with an empty ETag",
        &["part-copy-etag"],
        "seaweedfs/seaweedfs#10971",
        || {
            document(
                |facts| facts.operation == Operation::UploadPartCopy && facts.of_sse_c_upload(),
                |root, _| root.set("ETag", "\"\""),
            )
        },
    ),
    fault(
        "unaligned-parts-refused",
        "Parts whose length is no multiple of a cipher block cannot be completed",
        &["multipart-round-trip"],
        KIND,
        || {
            let unaligned = |upload: &UploadFacts| upload.parts.iter().any(|(_, size)| !size.is_multiple_of(BLOCK));
            refuses(
                move |facts| {
                    let upload = facts.upload.as_ref().filter(|upload| upload.is_customers && upload.parts.len() > 1);
                    facts.operation == Operation::CompleteMultipartUpload && upload.is_some_and(unaligned)
                },
                |_| Refusal::internal(),
            )
        },
    ),
];
