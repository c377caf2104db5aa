//! Forms, bucket settings, and how HTTP is spoken.

use bytes::Bytes;
use http::{HeaderName, Method, StatusCode};

use super::*;
use crate::faults::defect::retries;
use crate::faults::facts::{BLOCKED, COPIES, EVERY};
use crate::faults::headers::{Reading, misread};
use crate::faults::memory::KeyHeaders;
use crate::reference::sse_c::{ENCRYPTION, is_header};
use crate::reference::store::random_id;
use crate::reference::wire::Epilogue;

/// Whether a request is to be refused for this.
fn is_refused_for(request: &Request, cause: Cause) -> bool {
    matches!(&request.standing, Standing::Refused(refusal) if refusal.cause == Some(cause))
}

/// Whether SSE-C is blocked on the bucket.
fn blocks(facts: &Facts) -> bool {
    facts.bucket.is_some_and(|bucket| bucket.blocks_sse_c)
}

/// Whether the bucket has a policy.
fn has_policy(facts: &Facts) -> bool {
    facts.bucket.is_some_and(|bucket| bucket.has_policy)
}

/// Whether it copies an object or creates an upload.
fn copies_or_creates(facts: &Facts) -> bool {
    matches!(facts.operation, Operation::CopyObject | Operation::CreateMultipartUpload)
}

/// Carries out what is refused for this setting of its bucket all the same.
fn passes_over(cause: Cause, when: fn(&Facts) -> bool) -> Box<dyn Defect> {
    retries(
        move |refusal, facts| refusal.cause == Some(cause) && when(facts),
        |request, _| request.standing = Standing::Operator,
    )
}

/// Blocks SSE-C anew where a block is taken back.
fn block_stays() -> Box<dyn Defect> {
    const BLOCK: &str = "<ServerSideEncryptionConfiguration><Rule><BlockedEncryptionTypes><EncryptionType>SSE-C\
                         </EncryptionType></BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>";
    custom(|call| {
        let mut block = call.inward(Method::PUT, &call.facts.target, "encryption");
        block.body = s3s::Body::from(BLOCK.to_owned());
        let stays = call.facts.operation == Operation::PutBucketEncryption && blocks(&call.facts);
        let inner = call.inner;
        Box::pin(async move {
            let reply = call.go().await;
            if stays && reply.is_ok() {
                inner.call(block).await?;
            }
            reply
        })
    })
}

/// Whether a form is refused by the service itself, and not for its signature, its policy or for want of TLS.
fn is_of_service(refusal: &Refusal) -> bool {
    refusal
        .cause
        .is_some_and(|cause| !matches!(cause, Cause::WithoutTls | Cause::HeadersNotSigned | Cause::NotInPolicy))
}

/// Answers operations under a customer key with another status than 200.
fn answers(operations: &'static [Operation], status: StatusCode) -> Box<dyn Defect> {
    response(
        |facts| facts.carries && operations.contains(&facts.operation),
        move |response, _| {
            if response.status() == StatusCode::OK {
                *response.status_mut() = status;
            }
        },
    )
}

/// Refuses requests for how their SSE-C headers are spelt: the name, and the value with what stands around it.
fn refuses_spelling(is_refused: fn(&str, &str) -> bool) -> Box<dyn Defect> {
    custom(move |call| {
        let head = String::from_utf8_lossy(&call.request.written).into_owned();
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        let mut of_sse_c =
            lines.filter(|(name, _)| HeaderName::from_bytes(name.as_bytes()).is_ok_and(|name| is_header(&name)));
        let refused = of_sse_c.any(|(name, value)| is_refused(name, value));
        let refusal = Refusal::invalid_argument("A header is not known.");
        if refused { Box::pin(async move { Err(refusal) }) } else { Box::pin(call.go()) }
    })
}

/// Sends bytes after the end of responses.
fn adds(when: fn(&Facts, StatusCode) -> bool, bytes: &'static [u8]) -> Box<dyn Defect> {
    any_response(
        |_| true,
        move |response, facts| {
            if when(facts, response.status()) {
                response.extensions_mut().insert(Epilogue(Bytes::from_static(bytes)));
            }
        },
    )
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "form-fields-passed-over",
        "The SSE-C fields of a form are passed over: the file is stored in clear",
        &[
            "form-encrypts",
            "form-upload",
            "algorithm-exact",
            "algorithm-required",
            "key-required",
            "key-is-256-bits",
            "key-is-base64",
            "md5-required",
            "md5-compared",
            "md5-of-raw-key",
            "two-encryptions",
        ],
        KIND,
        || misread(Reading::PassedOver, &[Operation::PostObject], &[]),
    ),
    fault("form-with-key-refused", "Form uploads with SSE-C fields are refused", &["form-upload"], KIND, || {
        refuses(
            |facts| facts.operation == Operation::PostObject && facts.carries,
            |_| Refusal::new(400, "InvalidRequest", "This request is not supported."),
        )
    }),
    fault(
        "form-unlisted-fields-taken",
        "SSE-C fields that a form's policy does not list are taken",
        &["form-policy-lists"],
        KIND,
        || {
            custom(|mut call| {
                if is_refused_for(&call.request, Cause::NotInPolicy) {
                    call.request.standing = Standing::Owner;
                }
                Box::pin(call.go())
            })
        },
    ),
    fault(
        "form-without-tls-taken",
        "Form uploads with SSE-C fields are taken over plain HTTP",
        &["tls-required"],
        KIND,
        || request(|facts| facts.form == Form::Html, |request, _| request.transport = Transport::Tls),
    ),
    fault(
        "refused-form-stored",
        "A form upload that is refused for its SSE-C fields is stored all the same",
        &["refused-write-stores-nothing"],
        KIND,
        || {
            after_refusal(
                |refusal, facts| facts.form == Form::Html && is_of_service(refusal),
                |mut call| {
                    KeyHeaders::default().set(&mut call.request.headers);
                    call.request.headers.remove(ENCRYPTION);
                    call.request.standing = Standing::Operator;
                    Box::pin(async move { drop(call.go().await) })
                },
            )
        },
    ),
    fault(
        "policy-misses-absence",
        "Bucket policies do not notice that the algorithm is absent",
        &["policy-requires"],
        KIND,
        || passes_over(Cause::Policy, |facts| !facts.carries),
    ),
    fault(
        "policy-misses-presence",
        "Bucket policies do not notice that the algorithm is present",
        &["policy-forbids"],
        KIND,
        || passes_over(Cause::Policy, |facts| facts.carries),
    ),
    fault(
        "policy-misses-copies-and-uploads",
        "Bucket policies are not asked for copies and uploads in parts",
        &["policy-requires", "policy-forbids"],
        KIND,
        || passes_over(Cause::Policy, copies_or_creates),
    ),
    fault(
        "policy-always-absent",
        "To bucket policies the algorithm is always absent",
        &["policy-requires", "policy-forbids"],
        KIND,
        || request(has_policy, |request, _| request.policy_context.algorithm = None),
    ),
    fault(
        "policy-always-present",
        "To bucket policies the algorithm is always present",
        &["policy-forbids", "policy-requires"],
        KIND,
        || {
            request(has_policy, |request, _| {
                request.policy_context.algorithm.get_or_insert_with(|| "AES256".to_owned());
            })
        },
    ),
    fault("block-passed-over", "SSE-C is taken where it is blocked", &["blocked-writes"], KIND, || {
        passes_over(Cause::Block, |_| true)
    }),
    fault(
        "block-misses-copies-and-uploads",
        "Copies and uploads in parts under SSE-C are taken where it is blocked",
        &["blocked-writes"],
        KIND,
        || passes_over(Cause::Block, copies_or_creates),
    ),
    fault(
        "block-covers-reads",
        "Where SSE-C is blocked, SSE-C objects cannot be read",
        &["blocked-reads"],
        KIND,
        || refuses(|facts| blocks(facts) && facts.reads() && facts.of_sse_c(), |_| Refusal::access_denied()),
    ),
    fault("block-covers-plain", "Where SSE-C is blocked, nothing can be written", &["blocked-plain"], KIND, || {
        refuses(
            |facts| blocks(facts) && BLOCKED.contains(&facts.operation),
            |_| Refusal::access_denied().because(Cause::Block),
        )
    }),
    fault("block-stays", "A block of SSE-C that is taken back stays", &["block-undone"], KIND, block_stays),
    fault(
        "put-as-201",
        "PutObject and CopyObject under a customer key are answered with 201",
        &["success-status"],
        KIND,
        || answers(&[Operation::PutObject, Operation::CopyObject], StatusCode::CREATED),
    ),
    fault(
        "uploads-as-201",
        "CreateMultipartUpload and UploadPart under a customer key are answered with 201",
        &["success-status"],
        KIND,
        || answers(&[Operation::CreateMultipartUpload, Operation::UploadPart], StatusCode::CREATED),
    ),
    fault(
        "reads-as-203",
        "GetObject and HeadObject with a customer key are answered with 203",
        &["success-status"],
        KIND,
        || answers(&[Operation::GetObject, Operation::HeadObject], StatusCode::NON_AUTHORITATIVE_INFORMATION),
    ),
    fault("no-request-id", "Answers have no request id", &["request-id", "request-id-in-error"], KIND, || {
        any_response(|_| true, |response, _| drop(response.headers_mut().remove("x-amz-request-id")))
    }),
    fault(
        "other-request-id-in-error",
        "Error documents tell another request id than the header",
        &["request-id-in-error"],
        KIND,
        || {
            any_response(
                |_| true,
                |response, _| {
                    if response.status().is_client_error() {
                        set_header(response, "x-amz-request-id", &random_id()[..16].to_ascii_uppercase());
                    }
                },
            )
        },
    ),
    fault("errors-as-html", "Error documents are sent as HTML", &["error-content-type"], KIND, || {
        any_response(
            |facts| facts.operation != Operation::HeadObject,
            |response, _| {
                if response.status().is_client_error() {
                    set_header(response, "content-type", "text/html");
                }
            },
        )
    }),
    fault(
        "header-names-in-lower-case-only",
        "SSE-C headers are only known in lower case",
        &["header-names-any-case"],
        KIND,
        || refuses_spelling(|name, _| name.contains(|c: char| c.is_ascii_uppercase())),
    ),
    fault("blanks-count", "Blanks around the values of SSE-C headers count", &["header-values-trimmed"], KIND, || {
        refuses_spelling(|_, value| {
            let value = value.strip_prefix(' ').unwrap_or(value);
            value.trim() != value
        })
    }),
    fault(
        "body-after-304",
        "A 304 is followed by a chunked body",
        &["response-framing"],
        "Ceph RGW: CopyObject",
        || adds(|_, status| status == StatusCode::NOT_MODIFIED, b"5\r\nstray\r\n0\r\n\r\n"),
    ),
    fault(
        "body-after-head",
        "A response to HEAD is followed by a body",
        &["response-framing", "head-as-get"],
        KIND,
        || adds(|facts, _| facts.operation == Operation::HeadObject && facts.carries, b"a body"),
    ),
    fault(
        "second-refusal",
        "The body of a refused PutObject is taken for the next request, and answered",
        &["response-framing"],
        KIND,
        || {
            adds(
                |facts, status| facts.operation == Operation::PutObject && facts.carries && status.is_client_error(),
                b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            )
        },
    ),
    fault(
        "combined-headers-taken",
        "Of SSE-C headers with two values in one line the first counts",
        &["headers-once", "algorithm-exact"],
        KIND,
        || misread(Reading::CombinedTaken, EVERY, COPIES),
    ),
    fault(
        "key-is-credential",
        "Who knows the customer key needs no signature",
        &["key-is-no-credential"],
        KIND,
        || {
            request(Facts::uses_key, |request, _| {
                if matches!(request.standing, Standing::Anonymous) {
                    request.standing = Standing::Owner;
                }
            })
        },
    ),
    fault(
        "signature-not-checked",
        "Requests with SSE-C headers are not checked for their signature",
        &["tampered-headers-refused"],
        KIND,
        || {
            request(Facts::uses_key, |request, _| {
                let is_framed = request.headers.contains_key("x-amz-decoded-content-length");
                // What else the sender is refused for stays.
                let is_unsigned = matches!(&request.standing, Standing::Refused(refusal) if refusal.cause.is_none());
                if is_unsigned && !is_framed {
                    request.standing = Standing::Owner;
                }
            })
        },
    ),
    fault(
        "refused-signature-stores",
        "A PutObject with SSE-C headers that is refused for its signature leaves an empty object in clear",
        &["refused-write-stores-nothing"],
        KIND,
        || {
            custom(|call| {
                Box::pin(async move {
                    let stores = call.facts.operation == Operation::PutObject && call.facts.carries;
                    let put = call.inward(Method::PUT, &call.facts.target, "");
                    let inner = call.inner;
                    let reply = call.go().await;
                    if stores && reply.as_ref().is_err_and(|refusal| refusal.status == 403) {
                        let _ = inner.call(put).await;
                    }
                    reply
                })
            })
        },
    ),
];
