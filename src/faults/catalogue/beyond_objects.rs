//! Tags, access control lists, deletes, listings, uploads and copies.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::shown::{entry, of_ciphertext, whole};
use super::writes::{after_refused, asks_for_key, fails_condition, is_upload_without_key};
use super::*;
use crate::faults::bodies::{read_body, set_body};
use crate::faults::defect::{Buffered, Call, drops_headers, stateful};
use crate::faults::document::Element;
use crate::faults::memory::{KeyHeaders, VersionId};
use crate::faults::reads::{replace_key, told};
use crate::reference::request::Target;

const COPY_SOURCE: &str = "x-amz-copy-source";
const DIRECTIVE: &str = "x-amz-metadata-directive";

/// Refuses requests that bring a key without needing it.
fn refuses_key(operation: Operation) -> Box<dyn Defect> {
    refuses(
        move |facts| facts.operation == operation && facts.carries,
        |_| Refusal::new(400, "InvalidRequest", "No key is asked for here."),
    )
}

/// Refuses the right key of objects, and of sources of copies, that were tagged; each is known by its ETag.
fn tagging_loses_key() -> Box<dyn Defect> {
    stateful(|tagged: Arc<Mutex<BTreeSet<String>>>, call| {
        Box::pin(async move {
            let held = || tagged.lock().unwrap_or_else(PoisonError::into_inner);
            let facts = Arc::clone(&call.facts);
            let object = facts.object.as_ref().filter(|_| facts.reads() && facts.key == KeyRelation::Right);
            let source = facts.source.as_ref().filter(|_| facts.source_key == KeyRelation::Right);
            if object.into_iter().chain(source).any(|opened| held().contains(&opened.etag)) {
                return Err(Refusal::access_denied().because(Cause::WrongKey));
            }
            let response = call.go().await?;
            if matches!(facts.operation, Operation::PutObjectTagging | Operation::DeleteObjectTagging)
                && let Some(object) = facts.object.as_ref().filter(|object| object.is_customers)
            {
                held().insert(object.etag.clone());
            }
            Ok(response)
        })
    })
}

/// Refuses to delete several objects where any of them is an SSE-C object.
fn delete_many_needs_key() -> Box<dyn Defect> {
    custom(|call| {
        Box::pin(async move {
            if call.facts.operation != Operation::DeleteObjects {
                return call.go().await;
            }
            let request = Buffered::of(call.request).await;
            let memory = &call.facts.memory;
            let is_customers = |entry: &Element| {
                let target = Target { bucket: call.facts.target.bucket.clone(), key: entry.text_of("Key")? };
                let making = match entry.text_of("VersionId") {
                    Some(version) => memory.making(&VersionId { target, version }),
                    None => memory.newest(&target),
                };
                making.map(|making| !making.key.is_empty())
            };
            let listed = Element::parse(&request.bytes).unwrap_or_default();
            if listed.children.iter().any(|entry| is_customers(entry) == Some(true)) {
                return Err(Refusal::new(400, "InvalidRequest", "The key of an object is needed."));
            }
            call.inner.call(request.request()).await
        })
    })
}

/// Lists the parts of an SSE-C upload in place of aborting it.
fn abort_keeps_upload() -> Box<dyn Defect> {
    custom(|mut call| {
        let keeps = call.facts.operation == Operation::AbortMultipartUpload && call.facts.of_sse_c_upload();
        if keeps {
            call.request.method = Method::GET;
        }
        Box::pin(async move {
            let mut response = call.go().await?;
            if keeps {
                *response.status_mut() = StatusCode::NO_CONTENT;
                response.headers_mut().remove(CONTENT_TYPE);
                set_body(&mut response, Bytes::new());
            }
            Ok(response)
        })
    })
}

/// Answers a part that is there already with the ETag that it has, and keeps it.
fn keeps_first_of_part() -> Box<dyn Defect> {
    custom(|call| {
        let facts = Arc::clone(&call.facts);
        let number = facts.part_number.unwrap_or_default();
        let is_there = facts.upload.as_ref().is_some_and(|upload| upload.parts.iter().any(|(own, _)| *own == number));
        let is_taken = facts.operation == Operation::UploadPart && facts.key == KeyRelation::Right && is_there;
        Box::pin(async move {
            if !is_taken {
                return call.go().await;
            }
            let query = format!("uploadId={}", call.request.parameter("uploadId").unwrap_or_default());
            let mut list = call.inward(Method::GET, &facts.target, &query);
            list.standing.clone_from(&call.request.standing);
            let sent = KeyHeaders::of(&call.request.headers);
            let _unused = Buffered::of(call.request).await;
            let (mut response, parts) = read_body(told(call.inner.call(list).await, &sent)?).await;
            let parts = Element::parse(&parts).unwrap_or_default();
            let first = parts.children.iter().find(|part| part.text_of("PartNumber") == Some(number.to_string()));
            set_header(&mut response, "etag", &first.and_then(|part| part.text_of("ETag")).unwrap_or_default());
            response.headers_mut().remove(CONTENT_TYPE);
            set_body(&mut response, Bytes::new());
            Ok(response)
        })
    })
}

/// Stores a part under the key of its upload.
fn stores_under_right_key(mut call: Call<'_>) -> BoxFuture<'_, ()> {
    replace_key(&mut call.request, &call.facts);
    Box::pin(async move { drop(call.go().await) })
}

/// Whether it copies an SSE-C object, and not onto itself without a key.
fn copies_metadata(facts: &Facts) -> bool {
    let may_lack_directive = facts.carries || !facts.is_in_place();
    facts.operation == Operation::CopyObject && facts.of_sse_c_source() && may_lack_directive
}

/// Asks for other metadata than the source's, and brings none.
fn lose_metadata(request: &mut Request) {
    if request.header(DIRECTIVE) == Some("REPLACE") {
        return;
    }
    let is_metadata = |name: &HeaderName| {
        let name = name.as_str();
        name.starts_with("x-amz-meta-")
            || name.starts_with("content-") && name != "content-length"
            || name == "cache-control"
    };
    let brought: Vec<HeaderName> = request.headers.keys().filter(|name| is_metadata(name)).cloned().collect();
    brought.iter().for_each(|name| drop(request.headers.remove(name)));
    request.headers.insert(DIRECTIVE, HeaderValue::from_static("REPLACE"));
}

/// Looks at the preconditions of a copy before the key of its source.
fn copy_condition_first() -> Box<dyn Defect> {
    custom(|call| {
        Box::pin(async move {
            let is_wrong = matches!(call.facts.source_key, KeyRelation::Missing | KeyRelation::Other);
            let is_first = is_wrong && call.facts.key != KeyRelation::Malformed;
            if is_first && fails_condition(&call).await {
                return Err(Refusal::precondition_failed());
            }
            call.go().await
        })
    })
}

pub(super) const FAULTS: &[Fault] = &[
    fault("tagging-needs-key", "Tagging an SSE-C object asks for its key", &["tagging-needs-no-key"], KIND, || {
        const TAGGING: &[Operation] =
            &[Operation::GetObjectTagging, Operation::PutObjectTagging, Operation::DeleteObjectTagging];
        asks_for_key(TAGGING, Facts::of_sse_c)
    }),
    fault(
        "tagging-loses-key",
        "An SSE-C object that is tagged can no longer be read with its key",
        &["tagging-keeps-object"],
        KIND,
        tagging_loses_key,
    ),
    fault("tags-lost", "Tags of SSE-C objects are lost", &["tags-kept"], KIND, || {
        document(
            |facts| facts.operation == Operation::GetObjectTagging && facts.of_sse_c(),
            |root, _| root.children.iter_mut().for_each(|tags| tags.children.clear()),
        )
    }),
    fault(
        "acl-needs-key",
        "Access control lists of SSE-C objects ask for the key",
        &["acl-needs-no-key"],
        KIND,
        || asks_for_key(&[Operation::GetObjectAcl, Operation::PutObjectAcl], Facts::of_sse_c),
    ),
    fault(
        "delete-many-needs-key",
        "DeleteObjects asks for the keys of SSE-C objects",
        &["delete-many-needs-no-key"],
        KIND,
        delete_many_needs_key,
    ),
    fault(
        "delete-with-key-refused",
        "DeleteObject with SSE-C headers is refused",
        &["key-ignored-where-not-taken"],
        "the counterpart of ClickHouse/ClickHouse#37943",
        || refuses_key(Operation::DeleteObject),
    ),
    fault("uploads-hidden", "Open uploads under a customer key are not listed", &["uploads-listed"], KIND, || {
        document(
            |facts| facts.operation == Operation::ListMultipartUploads,
            |root, facts| {
                let making = |upload: &Element| facts.memory.upload(&upload.text_of("UploadId")?);
                root.children.retain(|child| making(child).is_none_or(|upload| upload.key.is_empty()));
            },
        )
    }),
    fault(
        "first-listing-shows-ciphertext-size",
        "The first version of the listing shows the ciphertext's size",
        &["listing-plaintext-size"],
        KIND,
        || entry(&[Operation::ListObjects], whole, "Size", of_ciphertext),
    ),
    fault("abort-needs-key", "Aborting an SSE-C upload asks for its key", &["abort-needs-no-key"], KIND, || {
        asks_for_key(&[Operation::AbortMultipartUpload], is_upload_without_key)
    }),
    fault(
        "abort-keeps-upload",
        "Aborting an SSE-C upload says so, and the upload goes on",
        &["abort-ends-upload"],
        KIND,
        abort_keeps_upload,
    ),
    fault(
        "first-content-of-part-kept",
        "A part under a customer key that is uploaded again keeps its first content",
        &["part-replaced"],
        KIND,
        keeps_first_of_part,
    ),
    fault(
        "complete-with-key-refused",
        "Completing an upload with its key is refused",
        &["complete-takes-key"],
        KIND,
        || refuses_key(Operation::CompleteMultipartUpload),
    ),
    fault(
        "list-parts-with-key-refused",
        "Listing parts with the upload's key is refused",
        &["list-parts-takes-key"],
        KIND,
        || refuses_key(Operation::ListParts),
    ),
    fault(
        "refused-part-kept",
        "A part that is refused for its key is kept all the same",
        &["refused-part-not-kept"],
        KIND,
        || after_refused(Operation::UploadPart, stores_under_right_key),
    ),
    fault("copy-loses-metadata", "Copies of SSE-C objects lose their metadata", &["copy-metadata"], KIND, || {
        request(copies_metadata, |request, _| lose_metadata(request))
    }),
    fault(
        "copy-keeps-metadata",
        "Copies of SSE-C objects keep their metadata whatever was asked for",
        &["copy-metadata-replaced"],
        KIND,
        || drops_headers(copies_metadata, &[DIRECTIVE]),
    ),
    fault(
        "copy-condition-passed-over",
        "Preconditions on the SSE-C source of a copy are passed over",
        &["copy-conditional"],
        KIND,
        || {
            drops_headers(
                Facts::of_sse_c_source,
                &[
                    "x-amz-copy-source-if-match",
                    "x-amz-copy-source-if-none-match",
                    "x-amz-copy-source-if-modified-since",
                    "x-amz-copy-source-if-unmodified-since",
                ],
            )
        },
    ),
    fault(
        "copy-condition-before-key",
        "Preconditions on the SSE-C source of a copy are looked at before its key",
        &["conditional-needs-key"],
        "Garage 2.5.0",
        copy_condition_first,
    ),
    fault(
        "copy-of-newest-version",
        "The newest version of an SSE-C object is copied, whatever version was named",
        &["copy-version"],
        KIND,
        || {
            request(Facts::of_sse_c_source, |request, _| {
                let source = request.header(COPY_SOURCE).and_then(|source| source.split_once("?versionId="));
                if let Some(newest) = source.and_then(|(path, _)| HeaderValue::from_str(path).ok()) {
                    request.headers.insert(COPY_SOURCE, newest);
                }
            })
        },
    ),
];
