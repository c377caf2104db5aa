//! Digests, checksums, framed bodies, and objects that stay whole.

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HOST};
use http::{HeaderValue, Method};
use s3s::Body;

use super::*;
use crate::faults::defect::{Buffered, drops_headers, uri_of};
use crate::faults::memory::{KeyHeaders, Making};
use crate::faults::reads::told;
use crate::reference::checksums::Algorithm;
use crate::reference::request::Target;

/// Whether a request brings an object under a customer key.
fn puts(facts: &Facts) -> bool {
    facts.carries && matches!(facts.operation, Operation::PutObject | Operation::PostObject)
}

/// Whether a request brings data under a customer key.
fn brings(facts: &Facts) -> bool {
    puts(facts) || (facts.carries && facts.operation == Operation::UploadPart)
}

/// The checksum that a request sends in a header.
fn checksum(request: &Request) -> Option<Algorithm> {
    Algorithm::ALL.into_iter().find(|algorithm| request.headers.contains_key(algorithm.header()))
}

/// The checksum that a request sends behind its body.
fn trailing_checksum(request: &Request) -> Option<Algorithm> {
    let trailer = request.header("x-amz-trailer")?;
    Algorithm::ALL.into_iter().find(|algorithm| trailer.eq_ignore_ascii_case(algorithm.header()))
}

/// Makes the checksum that `find` finds one that no data has.
fn checksum_never_right(find: fn(&Request) -> Option<Algorithm>) -> Box<dyn Defect> {
    request(brings, move |request, _| {
        if let Some(algorithm) = find(request) {
            request.headers.insert(algorithm.header(), HeaderValue::from_static("of the ciphertext"));
        }
    })
}

/// Asks for the checksum that `find` finds to be made, and not to be compared.
fn checksum_not_compared(find: fn(&Request) -> Option<Algorithm>) -> Box<dyn Defect> {
    request(brings, move |request, _| {
        if let Some(algorithm) = find(request) {
            request.headers.remove(algorithm.header());
            request.headers.remove("x-amz-trailer");
            request.headers.insert("x-amz-sdk-checksum-algorithm", HeaderValue::from_static(algorithm.name()));
        }
    })
}

/// Leaves the checksum out of responses to writes under a customer key that bring one, or that bring none.
fn checksum_untold(of_those_with_one: bool) -> Box<dyn Defect> {
    custom(move |call| {
        let has_one = checksum(&call.request).or(trailing_checksum(&call.request)).is_some();
        let leaves_out = puts(&call.facts) && has_one == of_those_with_one;
        Box::pin(async move {
            let mut response = call.go().await?;
            if leaves_out {
                for name in Algorithm::ALL.map(Algorithm::header).into_iter().chain(["x-amz-checksum-type"]) {
                    response.headers_mut().remove(name);
                }
            }
            Ok(response)
        })
    })
}

/// Refuses bodies in signed chunks under a customer key.
fn refuses_signed_chunks() -> Box<dyn Defect> {
    custom(|call| {
        let digest = call.request.header("x-amz-content-sha256").unwrap_or_default();
        let is_well_formed = call.facts.key != KeyRelation::Malformed;
        if puts(&call.facts) && is_well_formed && digest.starts_with("STREAMING-AWS4-HMAC-SHA256") {
            return Box::pin(async { Err(Refusal::not_implemented("Signed chunks are not implemented.")) });
        }
        Box::pin(call.go())
    })
}

/// The encoding that an SSE-C object was sent with, where that is the framing of its body.
fn framing(facts: &Facts) -> Option<HeaderValue> {
    let making: &Making = facts.object.as_ref().filter(|object| object.is_customers)?.making.as_ref()?;
    let encoding = making.headers.get(CONTENT_ENCODING)?;
    encoding.to_str().is_ok_and(|encoding| encoding.contains("aws-chunked")).then(|| encoding.clone())
}

/// Puts an underscore in the place of what needs escaping.
fn misspelt(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_alphanumeric() || "/._-".contains(c) { c } else { '_' }).collect()
}

/// Stores what came of a body that breaks off.
fn stores_what_came() -> Box<dyn Defect> {
    custom(|call| {
        Box::pin(async move {
            if !puts(&call.facts) {
                return call.go().await;
            }
            let buffered = Buffered::of(call.request).await;
            let mut request = buffered.request();
            if buffered.breaks_off {
                request.body = Body::from(buffered.bytes.clone());
                request.headers.insert(CONTENT_LENGTH, HeaderValue::from(buffered.bytes.len()));
            }
            call.inner.call(request).await
        })
    })
}

/// Removes the object that was there when an upload under a customer key is refused with this code.
fn destroys(code: &'static str) -> Box<dyn Defect> {
    after_refusal(move |refusal, facts| refusal.code == code && puts(facts), writes::destroys)
}

/// Leaves an empty object in clear when an upload under a customer key is refused for its digest.
fn leaves_empty() -> Box<dyn Defect> {
    after_refusal(
        |refusal, facts| refusal.code == "BadDigest" && puts(facts) && facts.object.is_none(),
        |call| {
            Box::pin(async move {
                let put = call.inward(Method::PUT, &call.facts.target, "");
                drop(call.inner.call(put).await);
            })
        },
    )
}

/// Keeps what replaces an SSE-C object in clear under that object's key.
fn keeps_former_key() -> Box<dyn Defect> {
    custom(|mut call| {
        let writes =
            matches!(call.facts.operation, Operation::PutObject | Operation::PostObject | Operation::CopyObject);
        let replaces = writes && !call.facts.carries && call.facts.of_sse_c();
        if !replaces {
            return Box::pin(call.go());
        }
        call.facts.right_key().set(&mut call.request.headers);
        call.request.headers.remove("x-amz-server-side-encryption");
        Box::pin(async move { told(call.go().await, &KeyHeaders::default()) })
    })
}

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "content-md5-of-ciphertext",
        "Content-MD5 is compared with the ciphertext",
        &["content-md5-accepted"],
        KIND,
        || {
            request(brings, |request, _| {
                if request.headers.contains_key("content-md5") {
                    request.headers.insert("content-md5", HeaderValue::from_static("AAAAAAAAAAAAAAAAAAAAAA=="));
                }
            })
        },
    ),
    fault(
        "content-md5-not-compared",
        "Content-MD5 is not compared where there is a customer key",
        &["content-md5-compared"],
        KIND,
        || drops_headers(brings, &["content-md5"]),
    ),
    fault("checksum-of-ciphertext", "Checksums are compared with the ciphertext", &["checksum-accepted"], KIND, || {
        checksum_never_right(checksum)
    }),
    fault(
        "checksum-not-compared",
        "Checksums are not compared where there is a customer key",
        &["checksum-compared"],
        KIND,
        || checksum_not_compared(checksum),
    ),
    fault(
        "checksum-untold",
        "The answer to an SSE-C write does not tell the checksum sent",
        &["checksum-told"],
        KIND,
        || checksum_untold(true),
    ),
    fault("checksum-not-made", "An SSE-C write without a checksum gets none", &["checksum-default"], KIND, || {
        checksum_untold(false)
    }),
    fault(
        "checksum-untold-on-read",
        "Reads of SSE-C objects do not tell the checksum",
        &["checksum-on-read"],
        KIND,
        || drops_headers(|facts| facts.of_sse_c(), &["x-amz-checksum-mode"]),
    ),
    fault(
        "trailing-checksum-of-ciphertext",
        "Trailing checksums are compared with the ciphertext",
        &["trailing-checksum-accepted"],
        KIND,
        || checksum_never_right(trailing_checksum),
    ),
    fault(
        "trailing-checksum-not-compared",
        "Trailing checksums are not compared where there is a customer key",
        &["trailing-checksum-compared"],
        KIND,
        || checksum_not_compared(trailing_checksum),
    ),
    fault(
        "signed-chunks-refused",
        "Bodies in signed chunks are refused under a customer key",
        &["signed-chunks"],
        KIND,
        || refuses_signed_chunks(),
    ),
    fault(
        "aws-chunked-kept-as-encoding",
        "aws-chunked is stored as the encoding of SSE-C objects",
        &["aws-chunked-no-encoding"],
        KIND,
        || {
            response(
                |facts| matches!(facts.operation, Operation::GetObject | Operation::HeadObject),
                |response, facts| {
                    if let Some(encoding) = framing(facts) {
                        response.headers_mut().insert(CONTENT_ENCODING, encoding);
                    }
                },
            )
        },
    ),
    fault(
        "conditional-write-passed-over",
        "If-None-Match: * is passed over in SSE-C writes",
        &["conditional-write"],
        KIND,
        || drops_headers(puts, &["if-match", "if-none-match"]),
    ),
    fault(
        "escaped-keys-misspelt",
        "SSE-C objects whose keys need escaping are stored under other keys",
        &["object-key-any"],
        KIND,
        || {
            request(
                |facts| puts(facts) && misspelt(&facts.target.key) != facts.target.key,
                |request, facts| {
                    let target = Target { key: misspelt(&facts.target.key), ..facts.target.clone() };
                    request.uri = uri_of(&target, request.uri.query().unwrap_or_default());
                    request.headers.insert(HOST, HeaderValue::from_static("localhost"));
                },
            )
        },
    ),
    fault(
        "interrupted-upload-stored",
        "Of an SSE-C upload that breaks off, what came is stored",
        &["interrupted-stores-nothing", "interrupted-keeps-previous"],
        KIND,
        || stores_what_came(),
    ),
    fault(
        "interrupted-upload-destroys",
        "An SSE-C upload that breaks off removes the object that was there",
        &["interrupted-keeps-previous"],
        KIND,
        || destroys("IncompleteBody"),
    ),
    fault(
        "damaged-upload-destroys",
        "An SSE-C upload that is refused for its digest removes the object that was there",
        &["refused-write-keeps-previous"],
        "LocalStack 4.13.1",
        || destroys("BadDigest"),
    ),
    fault(
        "damaged-upload-stored",
        "An SSE-C upload that is refused for its digest leaves an empty object in clear",
        &["refused-write-stores-nothing"],
        KIND,
        || leaves_empty(),
    ),
    fault(
        "plain-overwrite-asks-former-key",
        "A plain object that replaced an SSE-C object asks for the former key",
        &["overwritten-by-plain"],
        KIND,
        || keeps_former_key(),
    ),
];
