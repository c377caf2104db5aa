//! How the SSE-C headers are read.

use http::HeaderName;

use super::*;
use crate::faults::defect::all;
use crate::faults::facts::{COPIES, EVERY, READS, WRITES};
use crate::faults::headers::{Reading, leaves_source_unchecked, leaves_unchecked, misread};
use crate::faults::memory::KeyHeaders;
use crate::reference::sse_c::is_header;

/// What breaks where the form of the SSE-C headers is not checked.
const FORM_OF_HEADERS: &[&str] =
    &["algorithm-exact", "algorithm-required", "key-required", "key-is-256-bits", "md5-required", "md5-compared"];

/// The same of a copy's source, which may lack the MD5.
const FORM_OF_SOURCE_HEADERS: &[&str] =
    &["algorithm-exact", "algorithm-required", "key-required", "key-is-256-bits", "md5-compared"];

/// Takes the first line of an SSE-C header that comes twice. The signature covers both, and so is not looked at.
fn take_first_of_doubled(request: &mut Request, _: &Facts) {
    let doubled: Vec<HeaderName> = request
        .headers
        .keys()
        .filter(|name| is_header(name) && request.headers.get_all(*name).iter().count() > 1)
        .cloned()
        .collect();
    for name in doubled {
        if let Some(first) = request.headers.get(&name).cloned() {
            request.headers.insert(name, first);
            request.standing = Standing::Owner;
        }
    }
}

/// Copies objects whose source headers leave the key out, as if the key were right.
fn copies_without_key() -> Box<dyn Defect> {
    let copies: &[Operation] = &[Operation::CopyObject];
    let passes_over = misread(Reading::KeyOptional, &[], copies);
    let opens = request(
        |facts| facts.operation == Operation::CopyObject && facts.carries_source,
        |request, facts| {
            if KeyHeaders::of_source(&request.headers).is_empty() {
                facts.right_source_key().set_source(&mut request.headers);
            }
        },
    );
    all(vec![passes_over, opens])
}

/// Takes headers that the signature does not cover.
fn unsigned_headers_taken(when: fn(&Facts) -> bool) -> Box<dyn Defect> {
    request(when, |request, _| {
        if matches!(&request.standing, Standing::Refused(refusal) if refusal.cause == Some(Cause::HeadersNotSigned)) {
            request.standing = Standing::Owner;
        }
    })
}

pub(super) const FAULTS: &[Fault] = &[
    // Algorithm.
    fault(
        "algorithm-not-compared",
        "Any algorithm is taken",
        &["algorithm-exact", "read-headers-checked", "attributes-need-key"],
        KIND,
        || misread(Reading::AlgorithmNotCompared, EVERY, COPIES),
    ),
    fault(
        "algorithm-in-any-case",
        "The algorithm is compared without regard to case",
        &["algorithm-exact", "read-headers-checked", "attributes-need-key"],
        KIND,
        || misread(Reading::AlgorithmInAnyCase, EVERY, COPIES),
    ),
    fault(
        "algorithm-ignored-on-read",
        "Reads take any algorithm",
        &["read-headers-checked", "attributes-need-key"],
        KIND,
        || misread(Reading::AlgorithmNotCompared, READS, &[]),
    ),
    fault(
        "algorithm-ignored-of-copy-source",
        "Any algorithm is taken for a copy's source",
        &["algorithm-exact"],
        KIND,
        || misread(Reading::AlgorithmNotCompared, &[], COPIES),
    ),
    fault(
        "algorithm-optional",
        "The algorithm header need not be there",
        &["algorithm-required", "algorithm-exact", "read-headers-checked"],
        KIND,
        || misread(Reading::AlgorithmOptional, EVERY, COPIES),
    ),
    // The key.
    fault(
        "key-optional",
        "SSE-C headers without a key are passed over: the object is stored in clear",
        &["algorithm-required", "key-required", "key-is-256-bits"],
        KIND,
        || misread(Reading::KeyOptional, WRITES, &[]),
    ),
    fault(
        "copy-source-key-optional",
        "A copy whose source headers leave the key out goes through",
        &["algorithm-required", "key-required"],
        KIND,
        copies_without_key,
    ),
    fault(
        "long-key-cut",
        "Of a longer key the first 32 bytes are taken",
        &["key-is-256-bits", "read-headers-checked"],
        KIND,
        || misread(Reading::LongKeyCut, EVERY, COPIES),
    ),
    fault("short-key-padded", "A shorter key is filled up with zeros", &["key-is-256-bits"], KIND, || {
        misread(Reading::ShortKeyPadded, EVERY, COPIES)
    }),
    fault(
        "key-in-any-spelling",
        "The key is taken in URL-safe base64 and without padding, too",
        &["key-is-standard-base64", "read-headers-checked"],
        KIND,
        || misread(Reading::KeyInAnySpelling, EVERY, COPIES),
    ),
    fault(
        "key-in-hex-taken",
        "The key is taken in hexadecimal, too",
        &["key-is-256-bits", "read-headers-checked"],
        KIND,
        || misread(Reading::KeyInHexTaken, EVERY, COPIES),
    ),
    fault(
        "key-decoded-leniently",
        "What is no base64 of 32 bytes is made into a key of 32 bytes all the same, its MD5 not compared",
        &["key-is-256-bits", "key-is-base64", "key-is-standard-base64", "read-headers-checked"],
        KIND,
        || misread(Reading::KeyDecodedLeniently, EVERY, COPIES),
    ),
    // The MD5.
    fault(
        "md5-not-compared",
        "The MD5 is not compared with the key",
        &["md5-compared", "md5-of-raw-key", "md5-is-base64", "read-headers-checked"],
        KIND,
        || misread(Reading::Md5NotCompared, EVERY, COPIES),
    ),
    fault(
        "md5-not-compared-on-read",
        "Reads do not compare the MD5 with the key",
        &["read-headers-checked"],
        KIND,
        || misread(Reading::Md5NotCompared, READS, &[]),
    ),
    fault(
        "md5-not-compared-on-create",
        "CreateMultipartUpload does not compare the MD5 with the key",
        &["md5-compared", "md5-of-raw-key", "md5-is-base64"],
        KIND,
        || misread(Reading::Md5NotCompared, &[Operation::CreateMultipartUpload], &[]),
    ),
    fault(
        "md5-not-compared-of-copy-source",
        "The MD5 of a copy's source key is not compared with the key",
        &["md5-compared"],
        KIND,
        || misread(Reading::Md5NotCompared, &[], COPIES),
    ),
    fault(
        "md5-compared-by-prefix",
        "Of the MD5 only the first 20 characters are compared",
        &["md5-compared", "md5-is-base64", "read-headers-checked"],
        KIND,
        || misread(Reading::Md5ComparedByPrefix, EVERY, COPIES),
    ),
    fault(
        "md5-compared-in-any-case",
        "The MD5 is compared without regard to case",
        &["md5-compared", "read-headers-checked"],
        KIND,
        || misread(Reading::Md5ComparedInAnyCase, EVERY, COPIES),
    ),
    fault(
        "md5-of-base64-taken",
        "The MD5 of the key's base64 text is taken, too",
        &["md5-of-raw-key", "read-headers-checked"],
        KIND,
        || misread(Reading::Md5OfBase64Taken, EVERY, COPIES),
    ),
    fault(
        "sha256-taken",
        "The SHA-256 of the key is taken in place of the MD5",
        &["md5-compared", "read-headers-checked"],
        KIND,
        || misread(Reading::Sha256Taken, EVERY, COPIES),
    ),
    fault("md5-optional", "The MD5 header need not be there", &["md5-required", "read-headers-checked"], KIND, || {
        misread(Reading::Md5Optional, EVERY, COPIES)
    }),
    Fault {
        profile: "aws",
        ..fault(
            "reads-need-md5",
            "Reads without the MD5 of the key are refused",
            &["read-md5-optional"],
            "Ceph RGW 16.2.15, Garage 2.5.0, LocalStack 4.13.1",
            || misread(Reading::Md5Needed, READS, &[]),
        )
    },
    Fault {
        profile: "aws",
        ..fault(
            "copy-sources-need-md5",
            "Copies without the MD5 of the source's key are refused",
            &["read-md5-optional"],
            "Garage 2.5.0, LocalStack 4.13.1",
            || misread(Reading::Md5Needed, &[], COPIES),
        )
    },
    fault(
        "md5-in-any-spelling",
        "The MD5 is taken in hexadecimal, URL-safe base64, and without padding, too",
        &["md5-is-base64", "read-headers-checked"],
        KIND,
        || misread(Reading::Md5InAnySpelling, EVERY, COPIES),
    ),
    // Headers and signatures.
    fault(
        "read-headers-unchecked",
        "Reads of SSE-C objects take any SSE-C headers that are malformed for the right ones",
        &["read-headers-checked", "attributes-need-key"],
        KIND,
        || leaves_unchecked(|facts| facts.reads() && facts.of_sse_c()),
    ),
    fault(
        "part-headers-unchecked",
        "UploadPart takes any SSE-C headers that are malformed for the right ones",
        FORM_OF_HEADERS,
        KIND,
        || {
            leaves_unchecked(|facts| {
                matches!(facts.operation, Operation::UploadPart | Operation::UploadPartCopy) && facts.of_sse_c_upload()
            })
        },
    ),
    fault(
        "copy-source-headers-unchecked",
        "Copies take any copy-source SSE-C headers that are malformed for the right ones",
        FORM_OF_SOURCE_HEADERS,
        KIND,
        leaves_source_unchecked,
    ),
    fault(
        "doubled-header-taken",
        "Of an SSE-C header that comes twice the first line counts",
        &["headers-once"],
        "Garage 2.5.0",
        || request(|facts| facts.carries, take_first_of_doubled),
    ),
    fault(
        "unsigned-headers-taken",
        "SSE-C headers that the signature does not cover are taken",
        &["amz-headers-signed"],
        KIND,
        || unsigned_headers_taken(|_| true),
    ),
    fault(
        "unsigned-headers-taken-when-presigned",
        "SSE-C headers that the signature of a presigned URL does not cover are taken",
        &["amz-headers-signed"],
        KIND,
        || unsigned_headers_taken(|facts| facts.form == Form::Presigned),
    ),
    fault(
        "presigned-refused",
        "Presigned requests with SSE-C headers are refused",
        &["presigned-headers"],
        KIND,
        || {
            refuses(
                |facts| facts.form == Form::Presigned && facts.uses_key(),
                |_| Refusal::new(403, "SignatureDoesNotMatch", "The signature does not match."),
            )
        },
    ),
    fault(
        "sse-s3-beside-taken",
        "SSE-C together with x-amz-server-side-encryption is taken, and the customer key counts",
        &["two-encryptions"],
        "Ceph RGW 16.2.15, Garage 2.5.0",
        || misread(Reading::OtherEncryptionPassedOver, WRITES, &[]),
    ),
    fault(
        "sse-s3-beside-taken-by-create",
        "CreateMultipartUpload with SSE-C together with x-amz-server-side-encryption is taken",
        &["two-encryptions"],
        KIND,
        || misread(Reading::OtherEncryptionPassedOver, &[Operation::CreateMultipartUpload], &[]),
    ),
];
