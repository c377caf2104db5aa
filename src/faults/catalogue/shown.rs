//! What answers say of an object.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use md5::{Digest as _, Md5};
use percent_encoding::percent_decode_str;
use s3s::Body;

use super::*;
use crate::faults::bodies::{read_body, set_body};
use crate::faults::data::ciphertext_size;
use crate::faults::defect::keeps;
use crate::faults::document::Element;
use crate::faults::facts::ObjectFacts;
use crate::reference::identity::identify;
use crate::reference::request::Target;
use crate::reference::seam::{Minted, Seam};
use crate::reference::store::Store;

/// The echo of the algorithm, and of the MD5.
const ALGORITHM: &str = "x-amz-server-side-encryption-customer-algorithm";
const KEY_MD5: &str = "x-amz-server-side-encryption-customer-key-md5";

/// What makes the ETag of an object, and that of a part.
const OF_OBJECTS: &[Operation] = &[Operation::PutObject, Operation::CopyObject];
const OF_PARTS: &[Operation] = &[Operation::UploadPart, Operation::UploadPartCopy];

/// Listings of the newest versions.
const LISTS: &[Operation] = &[Operation::ListObjects, Operation::ListObjectsV2];

/// Changes the echo of algorithm and MD5 in responses to these operations, or to all where there is none.
fn echoes(operations: &'static [Operation], edit: fn(&mut HeaderMap)) -> Box<dyn Defect> {
    response(
        |facts| operations.is_empty() || operations.contains(&facts.operation),
        move |response, _| {
            if response.headers().contains_key(ALGORITHM) {
                edit(response.headers_mut());
            }
        },
    )
}

/// Leaves algorithm and MD5 out of responses.
fn echo_missing(operations: &'static [Operation]) -> Box<dyn Defect> {
    echoes(operations, |headers| drop([ALGORITHM, KEY_MD5].map(|name| headers.remove(name))))
}

/// Makes the ETags of what is kept under a customer key.
struct Mints(fn(String, &Minted<'_>) -> String);

impl Seam for Mints {
    fn etag(&self, made: String, of: &Minted<'_>) -> String {
        if of.key_md5.is_some() { (self.0)(made, of) } else { made }
    }
}

/// Makes the ETags of what these operations write under a customer key.
fn mints(operations: &'static [Operation], make: fn(String, &Minted<'_>) -> String) -> Box<dyn Defect> {
    keeps(|facts| facts.carries && operations.contains(&facts.operation), Mints(make))
}

/// Makes the ETags of SSE-C objects that are made of parts.
fn mints_whole(make: fn(String, &Minted<'_>) -> String) -> Box<dyn Defect> {
    keeps(|facts| facts.operation == Operation::CompleteMultipartUpload && facts.of_sse_c_upload(), Mints(make))
}

/// The digits of an ETag that come before the number of parts.
fn digits(etag: &str) -> &str {
    etag.split('-').next().unwrap_or_default()
}

/// The MD5 of texts, one on each line.
fn digest(of: &[&str]) -> String {
    hex::encode(Md5::digest(of.join("\n").as_bytes()))
}

/// Makes another ETag of an ETag, quoted where it is.
fn another(etag: &str) -> String {
    let bare = etag.trim_matches('"');
    etag.replace(bare, &digest(&["another", bare]))
}

/// Makes a size that of the ciphertext.
pub(super) fn of_ciphertext(size: &str) -> String {
    ciphertext_size(size.parse().unwrap_or_default()).to_string()
}

/// Picks SSE-C objects.
fn any(object: &ObjectFacts) -> bool {
    object.is_customers
}

/// Picks SSE-C objects that were written whole.
pub(super) fn whole(object: &ObjectFacts) -> bool {
    object.is_customers && !object.is_multipart
}

/// Picks SSE-C objects that were made of parts.
fn of_parts(object: &ObjectFacts) -> bool {
    object.is_customers && object.is_multipart
}

/// Which objects a fault is about.
pub(super) type Of = fn(&ObjectFacts) -> bool;

/// Shows a header of an object otherwise.
fn header(operation: Operation, of: Of, name: &'static str, change: fn(&str) -> String) -> Box<dyn Defect> {
    response(
        move |facts| facts.operation == operation && facts.object.as_ref().is_some_and(of),
        move |response, _| {
            if let Some(shown) = response.headers().get(name).and_then(|value| value.to_str().ok()).map(change) {
                set_header(response, name, &shown);
            }
        },
    )
}

/// Shows an attribute of an object otherwise.
fn attribute(of: Of, name: &'static str, change: fn(&str) -> String) -> Box<dyn Defect> {
    document(
        move |facts| facts.operation == Operation::GetObjectAttributes && facts.object.as_ref().is_some_and(of),
        move |root, _| change_text(root, name, change),
    )
}

fn change_text(element: &mut Element, name: &str, change: fn(&str) -> String) {
    if let Some(text) = element.text_of(name) {
        element.set(name, &change(&text));
    }
}

/// Looks up the object that an entry of a listing, or of a deletion, is about.
fn object_of(entry: &Element, is_encoded: bool, facts: &Facts, store: &Store) -> Option<ObjectFacts> {
    let key = entry.text_of("Key")?;
    let key = if is_encoded { percent_decode_str(&key).decode_utf8_lossy().into_owned() } else { key };
    let target = Target { bucket: facts.target.bucket.clone(), key };
    ObjectFacts::of(store, &facts.memory, &target, entry.text_of("VersionId").as_deref())
}

/// Shows the entries of listings that are of such objects otherwise, or not.
fn listed(
    operations: &'static [Operation],
    of: Of,
    show: impl Fn(Element) -> Result<Option<Element>, Refusal> + Send + Sync + 'static,
) -> Box<dyn Defect> {
    let show = Arc::new(show);
    custom(move |call| {
        let show = operations.contains(&call.facts.operation).then(|| Arc::clone(&show));
        Box::pin(async move {
            let (facts, inner) = (Arc::clone(&call.facts), call.inner);
            let reply = call.go().await;
            let Some(show) = show else { return reply };
            let (mut response, body) = read_body(reply?).await;
            let Some(mut root) = Element::parse(&body) else { return Ok(response) };
            let (before, is_encoded) = (root.clone(), root.text_of("EncodingType").is_some());
            let is_entry = |element: &Element| matches!(&*element.name, "Contents" | "Version");
            let mut shown = Vec::new();
            for entry in std::mem::take(&mut root.children) {
                let object = is_entry(&entry).then(|| object_of(&entry, is_encoded, &facts, inner.store())).flatten();
                shown.extend(if object.is_some_and(|object| of(&object)) { show(entry)? } else { Some(entry) });
            }
            let is_counted = |entry: &&Element| matches!(&*entry.name, "Contents" | "CommonPrefixes");
            let count = shown.iter().filter(is_counted).count();
            root.children = shown;
            root.set("KeyCount", &count.to_string());
            if root != before {
                set_body(&mut response, root.write());
            }
            Ok(response)
        })
    })
}

/// Shows what the entries of listings say of an object otherwise.
pub(super) fn entry(
    operations: &'static [Operation],
    of: Of,
    name: &'static str,
    change: fn(&str) -> String,
) -> Box<dyn Defect> {
    listed(operations, of, move |mut entry| {
        change_text(&mut entry, name, change);
        Ok(Some(entry))
    })
}

/// Says of SSE-C objects that are deleted without a key that they are gone, and keeps them.
fn deletes_nothing() -> Box<dyn Defect> {
    custom(|call| {
        let is_owner = call.request.standing == Standing::Owner;
        if !(is_owner && deletes_without_key(&call.facts)) {
            return Box::pin(call.go());
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        identify(&mut response, &call.request.identity);
        Box::pin(async { Ok(response) })
    })
}

/// Whether a request deletes an SSE-C object without a key.
fn deletes_without_key(facts: &Facts) -> bool {
    facts.operation == Operation::DeleteObject && facts.of_sse_c() && !facts.carries
}

pub(super) const FAULTS: &[Fault] = &[
    // Echoes.
    fault("put-echo-missing", "The answer to PutObject does not echo algorithm and MD5", &["put-echoes"], KIND, || {
        echo_missing(&[Operation::PutObject])
    }),
    fault(
        "echo-md5-in-hex",
        "Answers echo the MD5 in hexadecimal",
        &["put-echoes", "read-echoes", "multipart-echoes", "copy-echoes"],
        KIND,
        || {
            echoes(&[], |headers| {
                let md5 = headers.get(KEY_MD5).map(|md5| hex::encode(STANDARD.decode(md5).unwrap_or_default()));
                if let Some(md5) = md5.and_then(|md5| HeaderValue::try_from(md5).ok()) {
                    headers.insert(KEY_MD5, md5);
                }
            })
        },
    ),
    fault(
        "echo-algorithm-missing",
        "Answers echo the MD5 without the algorithm",
        &["put-echoes", "read-echoes", "multipart-echoes", "copy-echoes"],
        KIND,
        || echoes(&[], |headers| drop(headers.remove(ALGORITHM))),
    ),
    fault(
        "get-echo-missing",
        "The answer to GetObject does not echo algorithm and MD5",
        &["read-echoes"],
        KIND,
        || echo_missing(&[Operation::GetObject]),
    ),
    fault(
        "head-echo-missing",
        "The answer to HeadObject does not echo algorithm and MD5",
        &["read-echoes"],
        KIND,
        || echo_missing(&[Operation::HeadObject]),
    ),
    fault(
        "create-echo-missing",
        "The answer to CreateMultipartUpload does not echo algorithm and MD5",
        &["multipart-echoes"],
        KIND,
        || echo_missing(&[Operation::CreateMultipartUpload]),
    ),
    fault(
        "part-echo-missing",
        "The answer to UploadPart does not echo algorithm and MD5",
        &["multipart-echoes"],
        "minio/minio#14578",
        || echo_missing(&[Operation::UploadPart]),
    ),
    fault(
        "part-copy-echo-missing",
        "The answer to UploadPartCopy does not echo algorithm and MD5",
        &["multipart-echoes"],
        "Ceph RGW 16.2.15",
        || echo_missing(&[Operation::UploadPartCopy]),
    ),
    fault(
        "copy-echo-missing",
        "The answer to CopyObject does not echo algorithm and MD5",
        &["copy-echoes"],
        KIND,
        || echo_missing(&[Operation::CopyObject]),
    ),
    // ETags and sizes.
    fault(
        "etag-md5",
        "The ETag of an SSE-C object is the MD5 of the plaintext",
        &["etag-not-md5", "etag-random", "copy-etag-differs"],
        "Ceph RGW 16.2.15",
        || mints(OF_OBJECTS, |_, of| of.content_md5.to_owned()),
    ),
    fault(
        "etag-from-key-and-body",
        "The ETag is made from key and body: two writes get the same",
        &["etag-random"],
        KIND,
        || mints(OF_OBJECTS, |_, of| digest(&[of.key_md5.unwrap_or_default(), of.content_md5])),
    ),
    fault(
        "etag-from-body",
        "The ETag is a salted digest of the body: the same under every key",
        &["etag-random", "copy-etag-differs"],
        KIND,
        || mints(OF_OBJECTS, |_, of| digest(&["of the body", of.content_md5])),
    ),
    fault("etag-uuid", "The ETag is random, but written as a UUID", &["etag-32-hex"], KIND, || {
        mints(OF_OBJECTS, |made, _| {
            [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| made.get(range).unwrap_or_default()).join("-")
        })
    }),
    fault("head-other-etag", "HeadObject shows another ETag than PutObject", &["etag-consistent"], KIND, || {
        header(Operation::HeadObject, any, "etag", another)
    }),
    fault("get-other-etag", "GetObject shows another ETag than PutObject", &["etag-consistent"], KIND, || {
        header(Operation::GetObject, any, "etag", another)
    }),
    fault(
        "attributes-other-etag",
        "GetObjectAttributes shows another ETag than PutObject",
        &["etag-consistent"],
        KIND,
        || attribute(any, "ETag", another),
    ),
    fault("listing-other-etag", "A listing shows another ETag than PutObject", &["etag-consistent"], KIND, || {
        entry(&[Operation::ListObjectsV2], any, "ETag", another)
    }),
    fault(
        "version-listing-other-etag",
        "A listing of versions shows another ETag than PutObject",
        &["etag-consistent"],
        KIND,
        || entry(&[Operation::ListObjectVersions], any, "ETag", another),
    ),
    fault("part-etag-md5", "The ETag of UploadPart is the MD5 of the part", &["part-etag"], "Ceph RGW 16.2.15", || {
        mints(OF_PARTS, |_, of| of.content_md5.to_owned())
    }),
    fault(
        "part-etag-long",
        "The ETag of UploadPart and UploadPartCopy is longer than 32 digits",
        &["part-etag", "part-copy-etag"],
        "minio/minio#14578",
        || mints(OF_PARTS, |made, _| made.get(..16).map(|half| format!("{made}{half}")).unwrap_or(made)),
    ),
    fault(
        "multipart-etag-without-count",
        "The ETag of an object made of parts lacks their number",
        &["multipart-etag"],
        KIND,
        || mints_whole(|made, _| digits(&made).to_owned()),
    ),
    fault(
        "multipart-etag-counts-one",
        "The ETag of an object made of two parts says that it has one",
        &["multipart-etag"],
        KIND,
        || mints_whole(|made, _| format!("{}-1", digits(&made))),
    ),
    fault(
        "head-ciphertext-length",
        "The Content-Length of HeadObject is that of the ciphertext",
        &["content-length-plaintext"],
        KIND,
        || header(Operation::HeadObject, whole, "content-length", of_ciphertext),
    ),
    fault(
        "head-ciphertext-length-of-parts",
        "The Content-Length of HeadObject is that of the ciphertext where an object was made of parts",
        &["content-length-plaintext", "head-part-number"],
        KIND,
        || header(Operation::HeadObject, of_parts, "content-length", of_ciphertext),
    ),
    fault(
        "listing-ciphertext-size-of-parts",
        "Listings show the ciphertext's size of objects made of parts",
        &["listing-plaintext-size"],
        KIND,
        || entry(&[Operation::ListObjectsV2], of_parts, "Size", of_ciphertext),
    ),
    fault(
        "attributes-ciphertext-size",
        "GetObjectAttributes shows the ciphertext's size",
        &["attributes-size"],
        KIND,
        || attribute(whole, "ObjectSize", of_ciphertext),
    ),
    fault("listing-ciphertext-size", "Listings show the ciphertext's size", &["listing-plaintext-size"], KIND, || {
        entry(&[Operation::ListObjectsV2], whole, "Size", of_ciphertext)
    }),
    fault(
        "version-listing-ciphertext-size",
        "Listings of versions show the ciphertext's size",
        &["listing-plaintext-size"],
        KIND,
        || entry(&[Operation::ListObjectVersions], whole, "Size", of_ciphertext),
    ),
    fault(
        "list-parts-ciphertext-size",
        "ListParts shows the ciphertext's sizes",
        &["list-parts-plaintext"],
        KIND,
        || {
            document(
                |facts| facts.operation == Operation::ListParts && facts.of_sse_c_upload(),
                |root, _| {
                    for part in root.children.iter_mut().filter(|child| child.name == "Part") {
                        change_text(part, "Size", of_ciphertext);
                    }
                },
            )
        },
    ),
    fault("listing-hides", "Listings leave SSE-C objects out", &["listing-plaintext-size"], KIND, || {
        listed(LISTS, any, |_| Ok(None))
    }),
    fault(
        "listing-refused",
        "Listing SSE-C objects asks for their key",
        &["listing-plaintext-size"],
        "ClickHouse/ClickHouse#37943 (a client that sends it)",
        || listed(LISTS, any, |_| Err(Refusal::new(400, "InvalidRequest", "The key of an object listed is needed."))),
    ),
    fault(
        "delete-needs-key",
        "Deleting an SSE-C object asks for its key",
        &["delete-needs-no-key"],
        "ClickHouse/ClickHouse#37943 (a client that sends it)",
        || refuses(deletes_without_key, |_| Refusal::new(400, "InvalidRequest", "The key of the object is needed.")),
    ),
    fault(
        "delete-keeps",
        "Deleting an SSE-C object without its key says 204 and does nothing",
        &["delete-needs-no-key"],
        KIND,
        || deletes_nothing(),
    ),
];
