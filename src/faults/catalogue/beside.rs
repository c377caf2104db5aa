//! What answers give besides the data: ranges, parts, metadata, preconditions.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_RANGE, RANGE};
use http::{HeaderValue, Method, Response, StatusCode};
use s3s::Body;

use super::*;
use crate::faults::conditions::{looks_before_key, sets_condition};
use crate::faults::data::ciphertext_size;
use crate::faults::defect::{drops_headers, retries, set_parameter, without_body};
use crate::faults::memory::KeyHeaders;
use crate::reference::sse_c::ENCRYPTION;

const ALGORITHM: &str = "x-amz-server-side-encryption-customer-algorithm";

const SYSTEM_HEADERS: [&str; 5] =
    ["content-type", "cache-control", "content-disposition", "content-encoding", "content-language"];

fn gets_attributes_of_sse_c(facts: &Facts) -> bool {
    facts.operation == Operation::GetObjectAttributes && facts.of_sse_c()
}

/// Makes Content-Range tell the ciphertext's size.
fn tell_ciphertext_size(response: &mut Response<Body>, facts: &Facts) {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let range = range.and_then(|range| Some(range.split_once('/')?.0.to_owned()));
    if let (Some(range), Some(object)) = (range, &facts.object) {
        set_header(response, "content-range", &format!("{range}/{}", ciphertext_size(object.size)));
    }
}

/// Changes the user metadata that reads of SSE-C objects show, or takes it away.
fn edits_metadata(edit: fn(&str) -> Option<String>) -> Box<dyn Defect> {
    response(Facts::reads_sse_c, move |response, _| {
        let headers = std::mem::take(response.headers_mut());
        let shown = headers.iter().filter_map(|(name, value)| {
            let is_metadata = name.as_str().starts_with("x-amz-meta-");
            let edited =
                if is_metadata { HeaderValue::try_from(edit(value.to_str().ok()?)?).ok()? } else { value.clone() };
            Some((name.clone(), edited))
        });
        *response.headers_mut() = shown.collect();
    })
}

/// What is ASCII of a value that was encoded because not all of it is (RFC 2047).
fn in_ascii(value: &str) -> String {
    let words = value.split(' ').map(|word| word.strip_prefix("=?UTF-8?B?")?.strip_suffix("?="));
    let Some(words) = words.collect::<Option<Vec<_>>>() else { return value.to_owned() };
    let bytes: Vec<u8> = words.iter().flat_map(|word| STANDARD.decode(word).unwrap_or_default()).collect();
    String::from_utf8_lossy(&bytes).chars().filter(char::is_ascii).collect()
}

/// Loses the system headers of SSE-C objects; what a GetObject sets itself stays.
fn loses_system_headers() -> Box<dyn Defect> {
    custom(|call| {
        let (reads, gets) = (call.facts.reads_sse_c(), call.facts.gets());
        let is_set = |name: &&str| gets && call.request.parameter(&format!("response-{name}")).is_some();
        let lost: Vec<&str> = SYSTEM_HEADERS.into_iter().filter(|name| reads && !is_set(name)).collect();
        Box::pin(async move {
            let mut response = call.go().await?;
            for name in lost {
                match name {
                    "content-type" => set_header(&mut response, "content-type", "binary/octet-stream"),
                    name => drop(response.headers_mut().remove(name)),
                }
            }
            Ok(response)
        })
    })
}

/// Shows a header of the object with refusals of reads for their key.
fn shows_with_refusal(header: &'static str) -> Box<dyn Defect> {
    custom(move |call| {
        Box::pin(async move {
            let version = call.facts.version_id.as_ref().map(|id| format!("versionId={id}")).unwrap_or_default();
            let mut head = call.inward(Method::HEAD, &call.facts.target, &version);
            head.headers.insert("x-amz-checksum-mode", HeaderValue::from_static("ENABLED"));
            call.facts.right_key().set(&mut head.headers);
            let (inner, reads) = (call.inner, call.facts.reads());
            match call.go().await {
                Err(refusal) if reads && matches!(refusal.cause, Some(Cause::KeyNeeded | Cause::WrongKey)) => {
                    let object = inner.call(head).await.ok();
                    let shown = object.and_then(|object| Some(object.headers().get(header)?.to_str().ok()?.to_owned()));
                    Err(refusal.with_headers(shown.map(|value| (header, value))))
                }
                reply => reply,
            }
        })
    })
}

/// Removes all versions of an object with a delete marker that is removed.
fn marker_takes_all() -> Box<dyn Defect> {
    custom(|call| {
        Box::pin(async move {
            if call.facts.operation != Operation::DeleteObject || call.facts.version_id.is_none() {
                return call.go().await;
            }
            let response = call.inner.call(without_body(&call.request)).await?;
            let target = &call.facts.target;
            let versions = call.inner.store().bucket(&target.bucket, |bucket| {
                let versions = bucket.objects.get(&target.key).into_iter().flatten();
                Ok(versions.map(|version| format!("versionId={}", version.id)).collect::<Vec<_>>())
            });
            let is_marker = response.headers().contains_key("x-amz-delete-marker");
            for version in versions.unwrap_or_default().iter().filter(|_| is_marker) {
                let _ = call.inner.call(call.inward(Method::DELETE, target, version)).await;
            }
            Ok(response)
        })
    })
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "range-beyond-end-served",
        "A range beyond the end of an SSE-C object is answered with the whole object",
        &["range-unsatisfiable"],
        KIND,
        || {
            retries(
                |refusal, facts| refusal.code == "InvalidRange" && facts.reads_sse_c(),
                |request, _| drop(request.headers.remove(RANGE)),
            )
        },
    ),
    fault(
        "content-range-of-ciphertext",
        "Content-Range tells the ciphertext's size",
        &["content-range-plaintext", "range-exact"],
        KIND,
        || response(Facts::reads_sse_c, tell_ciphertext_size),
    ),
    fault(
        "head-passes-part-number-over",
        "HEAD of a part tells the size of the whole SSE-C object",
        &["head-part-number"],
        KIND,
        || {
            request(
                |facts| facts.operation == Operation::HeadObject && facts.of_sse_c(),
                |request, _| drop_parameters(request, |name| name == "partNumber"),
            )
        },
    ),
    fault(
        "part-beyond-last-served",
        "A part beyond the last of an SSE-C object is answered with the whole",
        &["part-number-unsatisfiable"],
        KIND,
        || {
            retries(
                |refusal, facts| refusal.code == "InvalidPartNumber" && facts.reads_sse_c(),
                |request, _| drop_parameters(request, |name| name == "partNumber"),
            )
        },
    ),
    fault(
        "parts-count-missing",
        "Reads by part number do not tell how many parts an SSE-C object has",
        &["parts-count"],
        KIND,
        || response(Facts::reads_sse_c, |response, _| drop(response.headers_mut().remove("x-amz-mp-parts-count"))),
    ),
    fault(
        "part-number-as-200",
        "A part that is read by its number is answered with 200, whatever object it is of",
        &["part-number-partial"],
        "Ceph RGW 20.2",
        || {
            response(
                |facts| facts.reads() && facts.part_number.is_some(),
                |response, _| {
                    if response.status() == StatusCode::PARTIAL_CONTENT {
                        *response.status_mut() = StatusCode::OK;
                        response.headers_mut().remove(CONTENT_RANGE);
                    }
                },
            )
        },
    ),
    fault(
        "attributes-size-padded",
        "GetObjectAttributes shows 16 bytes too many, whatever object it is of",
        &["attributes-size"],
        KIND,
        || {
            document(
                |facts| facts.operation == Operation::GetObjectAttributes,
                |root, _| {
                    let size = root.text_of("ObjectSize").and_then(|size| size.parse::<u64>().ok());
                    if let Some(size) = size {
                        root.set("ObjectSize", &(size + 16).to_string());
                    }
                },
            )
        },
    ),
    fault(
        "overrides-passed-over",
        "response-* parameters are passed over for SSE-C objects",
        &["response-overrides"],
        KIND,
        || request(Facts::of_sse_c, |request, _| drop_parameters(request, |name| name.starts_with("response-"))),
    ),
    fault(
        "metadata-lost",
        "User metadata of SSE-C objects is lost",
        &["metadata-kept", "metadata-unicode"],
        KIND,
        || edits_metadata(|_| None),
    ),
    fault(
        "metadata-in-ascii",
        "Characters of user metadata beyond ASCII are lost with SSE-C objects",
        &["metadata-unicode"],
        KIND,
        || edits_metadata(|value| Some(in_ascii(value))),
    ),
    fault(
        "system-headers-lost",
        "Content-Type and its like are lost with SSE-C objects",
        &["system-headers-kept"],
        KIND,
        || loses_system_headers(),
    ),
    fault(
        "sse-s3-told-besides",
        "Answers about SSE-C objects tell of SSE-S3 besides",
        &["no-other-encryption-told"],
        KIND,
        || {
            response(
                |_| true,
                |response, _| {
                    if response.headers().contains_key(ALGORITHM) {
                        set_header(response, ENCRYPTION, "AES256");
                    }
                },
            )
        },
    ),
    fault("sse-c-told-of-plain", "Answers about plain objects tell of SSE-C", &["plain-told-plain"], KIND, || {
        response(
            |facts| facts.operation != Operation::CompleteMultipartUpload,
            |response, _| {
                let headers = response.headers();
                if headers.contains_key(ENCRYPTION) && !headers.contains_key(ALGORITHM) {
                    set_header(response, ALGORITHM, "AES256");
                }
            },
        )
    }),
    fault(
        "refusal-shows-metadata",
        "A refused read shows the object's user metadata",
        &["metadata-needs-key"],
        KIND,
        || shows_with_refusal("x-amz-meta-owner"),
    ),
    fault(
        "refusal-shows-checksum",
        "A refused read shows the object's checksum",
        &["read-checksum-needs-key"],
        KIND,
        || shows_with_refusal("x-amz-checksum-crc32"),
    ),
    fault("deleted-object-served", "A deleted object is still read by its key", &["delete-marker-read"], KIND, || {
        request(Facts::reads_hidden_sse_c, |request, facts| {
            if let Some(hidden) = &facts.hidden {
                set_parameter(request, "versionId", &hidden.version.version);
            }
        })
    }),
    fault("delete-marker-untold", "A delete marker is not told as such", &["delete-marker-told"], KIND, || {
        refusal(
            |_, facts| facts.reads_hidden_sse_c(),
            |refusal, _| {
                refusal.headers.retain(|(name, _)| !["x-amz-delete-marker", "x-amz-version-id"].contains(name));
            },
        )
    }),
    fault(
        "delete-marker-takes-all",
        "Removing a delete marker removes the versions before it",
        &["delete-marker-removed"],
        KIND,
        || marker_takes_all(),
    ),
    fault("etag-unquoted", "The ETag of an SSE-C object has no quotes", &["etag-quoted"], KIND, || {
        response(Facts::uses_key, |response, _| {
            if let Some(etag) = response.headers().get("etag").and_then(|etag| etag.to_str().ok()) {
                let bare = etag.trim_matches('"').to_owned();
                set_header(response, "etag", &bare);
            }
        })
    }),
    fault(
        "attributes-without-checksum",
        "GetObjectAttributes gives no checksum of SSE-C objects",
        &["attributes-checksum"],
        KIND,
        || document(gets_attributes_of_sse_c, |root, _| root.remove("Checksum")),
    ),
    fault(
        "attributes-without-parts",
        "GetObjectAttributes does not tell of the parts of SSE-C objects",
        &["attributes-parts"],
        KIND,
        || document(gets_attributes_of_sse_c, |root, _| root.remove("ObjectParts")),
    ),
    fault("attributes-etag-quoted", "GetObjectAttributes quotes the ETag", &["attributes-etag-bare"], KIND, || {
        document(
            |facts| facts.operation == Operation::GetObjectAttributes && facts.carries,
            |root, _| {
                if let Some(etag) = root.text_of("ETag") {
                    root.set("ETag", &format!("\"{etag}\""));
                }
            },
        )
    }),
    fault(
        "any-key-of-the-bucket",
        "A key that opens any object of the bucket opens all",
        &["keys-isolated", "copy-target-key", "version-own-key", "attributes-need-key"],
        KIND,
        || {
            lets_read(
                |facts| {
                    let opens = |key: &KeyHeaders| key.has_key_of(&facts.sent_key);
                    let opens_any = || facts.memory.keys_of_bucket(&facts.target.bucket).iter().any(opens);
                    facts.reads() && facts.key == KeyRelation::Other && opens_any()
                },
                ServedRead::Data,
            )
        },
    ),
    fault("if-match-passed-over", "If-Match is passed over for SSE-C objects", &["conditional-fails"], KIND, || {
        drops_headers(Facts::reads_sse_c, &["if-match"])
    }),
    fault(
        "if-none-match-always-304",
        "If-None-Match is answered 304 for SSE-C objects, whatever the ETag",
        &["conditional-other-etag"],
        KIND,
        || sets_condition("if-none-match", "*"),
    ),
    fault(
        "if-modified-since-passed-over",
        "If-Modified-Since is passed over for SSE-C objects",
        &["conditional-modified-since"],
        KIND,
        || drops_headers(Facts::reads_sse_c, &["if-modified-since"]),
    ),
    fault(
        "if-unmodified-since-passed-over",
        "If-Unmodified-Since is passed over for SSE-C objects",
        &["conditional-unmodified-since"],
        KIND,
        || drops_headers(Facts::reads_sse_c, &["if-unmodified-since"]),
    ),
    fault("date-before-key", "If-Modified-Since is looked at before the key", &["conditional-needs-key"], KIND, || {
        looks_before_key("if-modified-since")
    }),
];
