//! How refusals are written, and keys given back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Response, StatusCode};
use s3s::Body;
use zeroize::Zeroizing;

use super::*;
use crate::faults::bodies::set_body;
use crate::faults::defect::{set_length, written};
use crate::faults::memory::KeyHeaders;
use crate::reference::wire::Epilogue;

/// Whether a refusal is for SSE-C.
fn of_sse_c(refusal: &Refusal, _: &Facts) -> bool {
    refusal.cause.is_some_and(|cause| cause != Cause::HeadersNotSigned)
}

/// Writes refusals of requests that use a customer key as errors of the server's own.
fn as_server_error(status: u16, code: &'static str) -> Box<dyn Defect> {
    refusal(
        |refusal, facts| of_sse_c(refusal, facts) || ((400..500).contains(&refusal.status) && facts.uses_key()),
        move |refusal, facts| {
            refusal.status = status;
            if of_sse_c(refusal, facts) {
                refusal.code = code.into();
            }
        },
    )
}

/// Writes the refusals for these causes with another status and code.
fn recoded(causes: &'static [Cause], status: u16, code: &'static str) -> Box<dyn Defect> {
    refusal(
        |refusal, _| refusal.cause.is_some_and(|cause| causes.contains(&cause)),
        move |refusal, _| (refusal.status, refusal.code) = (status, code.into()),
    )
}

/// Changes refusals of HEAD as they are written.
fn head_refusal(edit: fn(&mut Response<Body>)) -> Box<dyn Defect> {
    custom(move |call| {
        let (identity, facts) = (std::sync::Arc::clone(&call.request.identity), std::sync::Arc::clone(&call.facts));
        Box::pin(async move {
            match call.go().await {
                Err(refusal) if identity.is_head && of_sse_c(&refusal, &facts) => {
                    let mut response = refusal.response(&identity);
                    edit(&mut response);
                    Ok(response)
                }
                reply => reply,
            }
        })
    })
}

/// Gives the key back in a header of responses that are no errors.
fn key_in_header(operations: &'static [Operation]) -> Box<dyn Defect> {
    custom(move |call| {
        let key = KeyHeaders::of(&call.request.headers);
        let gives = operations.contains(&call.facts.operation);
        let identity = std::sync::Arc::clone(&call.request.identity);
        Box::pin(async move {
            let mut response = match call.go().await {
                Err(refusal) if refusal.status >= 400 => return Err(refusal),
                reply => written(reply, &identity),
            };
            if let Some(key) = key.key().filter(|_| gives) {
                set_header(&mut response, "x-amz-server-side-encryption-customer-key", key);
            }
            Ok(response)
        })
    })
}

/// Gives the key back in a field of errors.
fn key_in_error(field: &'static str, write: fn(&str) -> String) -> Box<dyn Defect> {
    refusal(
        |_, facts| facts.sent_key.key().is_some(),
        move |refusal, facts| refusal.fields.extend(facts.sent_key.key().map(|key| (field, write(key)))),
    )
}

/// Each byte as the character of its number, all but ASCII escaped.
fn in_json(base64: &str) -> String {
    let written = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\u{byte:04x}"),
    };
    STANDARD.decode(base64).unwrap_or_default().into_iter().map(written).collect()
}

pub(super) const FAULTS: &[Fault] = &[
    // How refusals are written.
    Fault {
        refuses_nothing: true,
        ..fault(
            "refusals-as-500",
            "What must be refused for its SSE-C headers or the lack of them is answered with 500",
            &["refusal-client-error"],
            KIND,
            || as_server_error(500, "InternalError"),
        )
    },
    Fault {
        refuses_nothing: true,
        ..fault(
            "refusals-as-503",
            "What must be refused for its SSE-C headers or the lack of them is answered with 503",
            &[],
            KIND,
            || as_server_error(503, "ServiceUnavailable"),
        )
    },
    fault(
        "another-key-as-500",
        "Another key than the object's is answered with 500",
        &["refusal-client-error"],
        "SeaweedFS 4.48, CopyObject",
        || recoded(&[Cause::WrongKey, Cause::WrongMd5], 500, "InternalError"),
    ),
    fault("error-not-xml", "Refusals are plain text, without an S3 error document", &["error-xml"], KIND, || {
        any_response(
            |facts| facts.operation != Operation::HeadObject,
            |response, _| {
                if response.status().is_client_error() {
                    set_header(response, "content-type", "text/plain");
                    let text = format!("refused: {}\n", response.status());
                    set_body(response, text);
                }
            },
        )
    }),
    fault(
        "head-error-with-body",
        "HeadObject is refused with a body",
        &["head-as-get", "response-framing"],
        KIND,
        || {
            head_refusal(|response| {
                // On a connection that goes on the client would take it for the next response.
                set_header(response, "connection", "close");
                let body = Bytes::from_static(b"<Error><Code>AccessDenied</Code></Error>");
                set_length(response, body.len() as u64);
                response.extensions_mut().insert(Epilogue(body));
            })
        },
    ),
    fault(
        "head-refused-with-404",
        "HeadObject is refused with 404 where GetObject is with 400 or 403",
        &["head-as-get"],
        KIND,
        || head_refusal(|response| *response.status_mut() = StatusCode::NOT_FOUND),
    ),
    // Keys given back.
    fault(
        "key-in-header-of-put",
        "The answer to PutObject gives the key back in a header",
        &["customer-key-never-returned"],
        KIND,
        || key_in_header(&[Operation::PutObject]),
    ),
    fault(
        "key-in-header-of-reads",
        "The answers to GetObject and HeadObject give the key back in a header",
        &["customer-key-never-returned"],
        KIND,
        || key_in_header(&[Operation::GetObject, Operation::HeadObject]),
    ),
    fault("key-in-error", "Error documents give the key back", &["customer-key-never-returned"], KIND, || {
        key_in_error("Detail", str::to_owned)
    }),
    fault(
        "key-in-error-as-hex",
        "Error documents give the key back in hexadecimal",
        &["customer-key-never-returned"],
        KIND,
        || key_in_error("Detail", |key| hex::encode(STANDARD.decode(key).unwrap_or_default())),
    ),
    fault(
        "key-in-error-in-base64",
        "Error documents give the key back as a part of JSON in base64",
        &["customer-key-never-returned"],
        KIND,
        || {
            key_in_error("Request", |key| {
                let headers = Zeroizing::new(format!(r#"{{"algorithm":"AES256","key":"{key}"}}"#));
                STANDARD.encode(headers.as_bytes())
            })
        },
    ),
    fault(
        "key-in-error-as-json",
        "Error documents give the bytes of the key back as a JSON string",
        &["customer-key-never-returned"],
        KIND,
        || key_in_error("Detail", in_json),
    ),
    // AWS's own wording.
    wording(
        "wrong-key-answered-400",
        "Another key is refused with 400 InvalidArgument in place of 403 AccessDenied",
        "minio/minio#5202, #6431; Ceph RGW 16.2.15",
        || recoded(&[Cause::WrongKey], 400, "InvalidArgument"),
    ),
    wording(
        "no-key-answered-403",
        "A read without a key is refused with 403 AccessDenied in place of 400 InvalidRequest",
        KIND,
        || recoded(&[Cause::KeyNeeded], 403, "AccessDenied"),
    ),
    wording(
        "copy-without-key-incomplete-body",
        "A copy without its source's key ends as IncompleteBody",
        "minio/minio#6671",
        || recoded(&[Cause::KeyNeededForCopy], 400, "IncompleteBody"),
    ),
    wording(
        "algorithm-answered-invalid-argument",
        "Another algorithm is refused with InvalidArgument in place of InvalidEncryptionAlgorithmError",
        KIND,
        || recoded(&[Cause::UnknownAlgorithm], 400, "InvalidArgument"),
    ),
    wording(
        "algorithm-answered-403",
        "Another algorithm is refused with 403 AccessDenied in place of 400 InvalidEncryptionAlgorithmError",
        KIND,
        || recoded(&[Cause::UnknownAlgorithm], 403, "AccessDenied"),
    ),
    wording(
        "malformed-answered-invalid-request",
        "Malformed SSE-C headers are refused with InvalidRequest in place of InvalidArgument",
        "Garage 2.5.0",
        || {
            recoded(
                &[
                    Cause::NoAlgorithm,
                    Cause::NoKey,
                    Cause::InvalidKey,
                    Cause::NoMd5,
                    Cause::WrongMd5,
                    Cause::TwoEncryptions,
                ],
                400,
                "InvalidRequest",
            )
        },
    ),
    wording(
        "parts-answered-invalid-argument",
        "Parts that do not fit their upload are refused with InvalidArgument in place of InvalidRequest",
        KIND,
        || recoded(&[Cause::PartDiffers, Cause::OtherKeyThanCreated], 400, "InvalidArgument"),
    ),
    wording("argument-left-out", "Errors do not name the argument and its value", KIND, || {
        refusal(of_sse_c, |refusal, _| refusal.fields.clear())
    }),
    wording("other-messages", "Refusals have other messages", KIND, || {
        refusal(of_sse_c, |refusal, _| refusal.message = "The request was refused.".into())
    }),
];
