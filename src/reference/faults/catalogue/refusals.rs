//! How refusals are written, and keys given back.

use super::*;

pub(super) const FAULTS: &[Fault] = &[
    // How refusals are written.
    Fault {
        refuses_nothing: true,
        ..fault(
            "refusals-as-500",
            "What must be refused for its SSE-C headers or the lack of them is answered with 500",
            &["refusal-client-error"],
            KIND,
            Refuses(RefusalFlaw::AsServerError(500)),
        )
    },
    Fault {
        refuses_nothing: true,
        ..fault(
            "refusals-as-503",
            "What must be refused for its SSE-C headers or the lack of them is answered with 503",
            &[],
            KIND,
            Refuses(RefusalFlaw::AsServerError(503)),
        )
    },
    fault(
        "another-key-as-500",
        "Another key than the object's is answered with 500",
        &["refusal-client-error"],
        "SeaweedFS 4.48, CopyObject",
        Refuses(RefusalFlaw::Recoded(&[Cause::WrongKey, Cause::WrongMd5], 500, "InternalError")),
    ),
    fault(
        "error-not-xml",
        "Refusals are plain text, without an S3 error document",
        &["error-xml"],
        KIND,
        Refuses(RefusalFlaw::NotXml),
    ),
    fault(
        "head-error-with-body",
        "HeadObject is refused with a body",
        &["head-as-get", "response-framing"],
        KIND,
        Refuses(RefusalFlaw::HeadWithBody),
    ),
    fault(
        "head-refused-with-404",
        "HeadObject is refused with 404 where GetObject is with 400 or 403",
        &["head-as-get"],
        KIND,
        Refuses(RefusalFlaw::HeadNotFound),
    ),
    // Keys given back.
    fault(
        "key-in-header-of-put",
        "The answer to PutObject gives the key back in a header",
        &["customer-key-never-returned"],
        KIND,
        Leaks(Leak::Header(&[Put])),
    ),
    fault(
        "key-in-header-of-reads",
        "The answers to GetObject and HeadObject give the key back in a header",
        &["customer-key-never-returned"],
        KIND,
        Leaks(Leak::Header(&[Get, Head])),
    ),
    fault(
        "key-in-error",
        "Error documents give the key back",
        &["customer-key-never-returned"],
        KIND,
        Leaks(Leak::ErrorText),
    ),
    fault(
        "key-in-error-as-hex",
        "Error documents give the key back in hexadecimal",
        &["customer-key-never-returned"],
        KIND,
        Leaks(Leak::ErrorTextInHex),
    ),
    fault(
        "key-in-error-in-base64",
        "Error documents give the key back as a part of JSON in base64",
        &["customer-key-never-returned"],
        KIND,
        Leaks(Leak::ErrorTextInBase64),
    ),
    fault(
        "key-in-error-as-json",
        "Error documents give the bytes of the key back as a JSON string",
        &["customer-key-never-returned"],
        KIND,
        Leaks(Leak::ErrorTextInJson),
    ),
    // AWS's own wording.
    wording(
        "wrong-key-answered-400",
        "Another key is refused with 400 InvalidArgument in place of 403 AccessDenied",
        "minio/minio#5202, #6431; Ceph RGW 16.2.15",
        RefusalFlaw::Recoded(&[Cause::WrongKey], 400, "InvalidArgument"),
    ),
    wording(
        "no-key-answered-403",
        "A read without a key is refused with 403 AccessDenied in place of 400 InvalidRequest",
        KIND,
        RefusalFlaw::Recoded(&[Cause::KeyNeeded], 403, "AccessDenied"),
    ),
    wording(
        "copy-without-key-incomplete-body",
        "A copy without its source's key ends as IncompleteBody",
        "minio/minio#6671",
        RefusalFlaw::Recoded(&[Cause::KeyNeededForCopy], 400, "IncompleteBody"),
    ),
    wording(
        "algorithm-answered-invalid-argument",
        "Another algorithm is refused with InvalidArgument in place of InvalidEncryptionAlgorithmError",
        KIND,
        RefusalFlaw::Recoded(&[Cause::UnknownAlgorithm], 400, "InvalidArgument"),
    ),
    wording(
        "algorithm-answered-403",
        "Another algorithm is refused with 403 AccessDenied in place of 400 InvalidEncryptionAlgorithmError",
        KIND,
        RefusalFlaw::Recoded(&[Cause::UnknownAlgorithm], 403, "AccessDenied"),
    ),
    wording(
        "malformed-answered-invalid-request",
        "Malformed SSE-C headers are refused with InvalidRequest in place of InvalidArgument",
        "Garage 2.5.0",
        RefusalFlaw::Recoded(
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
        ),
    ),
    wording(
        "parts-answered-invalid-argument",
        "Parts that do not fit their upload are refused with InvalidArgument in place of InvalidRequest",
        KIND,
        RefusalFlaw::Recoded(&[Cause::PartDiffers, Cause::OtherKeyThanCreated], 400, "InvalidArgument"),
    ),
    wording("argument-left-out", "Errors do not name the argument and its value", KIND, RefusalFlaw::WithoutArgument),
    wording("other-messages", "Refusals have other messages", KIND, RefusalFlaw::OtherMessages),
];
