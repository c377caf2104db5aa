//! SSE-C as a whole, and TLS.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::faults::defect::{Call, stateful};
use crate::faults::facts::{COPIES, EVERY};
use crate::faults::headers::{Reading, misread};
use crate::faults::memory::KeyHeaders;

/// What breaks where no SSE-C object can be read.
const NO_READS: &[&str] = &[
    "read-right-key",
    "part-number-exact",
    "attributes-size",
    "version-own-key",
    "copy-target-key",
    "key-rotation",
    "default-encryption-yields",
    "multipart-round-trip",
];

/// Takes SSE-C without TLS.
fn over_tls(when: fn(&Facts) -> bool) -> Box<dyn Defect> {
    request(when, |request, _| request.transport = Transport::Tls)
}

/// The refusal of a request because it has SSE-C headers.
fn refusal_of_everything(status: u16) -> Refusal {
    match status {
        403 => Refusal::access_denied(),
        status => Refusal::new(status, "InvalidRequest", "This request is not supported."),
    }
}

/// Whether it is a read with SSE-C headers.
fn reads_with_key(facts: &Facts) -> bool {
    facts.carries && facts.reads()
}

/// Takes one PutObject with SSE-C headers, and refuses every request with any after it.
fn refuses_all_but_the_first() -> Box<dyn Defect> {
    stateful(|is_past: std::sync::Arc<AtomicBool>, call: Call<'_>| {
        let is_first = call.facts.operation == Operation::PutObject
            && call.request.standing == Standing::Owner
            && call.facts.transport == Transport::Tls;
        let is_refused = call.facts.uses_key() && (!is_first || is_past.swap(true, Ordering::Relaxed));
        if is_refused { Box::pin(async { Err(refusal_of_everything(403)) }) } else { Box::pin(call.go()) }
    })
}

pub(super) const FAULTS: &[Fault] = &[
    // SSE-C as a whole.
    fault(
        "sse-c-ignored",
        "SSE-C headers are passed over: objects are stored in clear and served without a key",
        &[
            "algorithm-exact",
            "algorithm-required",
            "key-required",
            "md5-required",
            "key-is-256-bits",
            "key-is-base64",
            "key-is-standard-base64",
            "md5-of-raw-key",
            "md5-compared",
            "md5-is-base64",
            "two-encryptions",
            "read-needs-key",
            "read-wrong-key",
            "read-headers-checked",
            "plain-object-with-key",
            "version-own-key",
            "copy-target-key",
            "copy-needs-source-key",
            "key-rotation",
            "part-as-created",
            "part-same-key",
            "default-encryption-yields",
            "attributes-need-key",
        ],
        "minio/minio#5511, localstack/localstack#11356, floci#1140",
        || misread(Reading::PassedOver, EVERY, COPIES),
    ),
    fault(
        "copy-source-key-ignored",
        "Copy-source SSE-C headers are passed over: copies of SSE-C objects fail, of plain ones succeed",
        &["copy-source-key", "key-rotation", "part-copy-exact"],
        KIND,
        || misread(Reading::PassedOver, &[], COPIES),
    ),
    fault(
        "part-copy-by-upload-key",
        "UploadPartCopy reads its source by the key of the upload, whatever its copy-source headers say",
        &["copy-needs-source-key", "part-copy-exact"],
        "Ceph RGW 16.2.15",
        || misread(Reading::TargetsTaken, &[], &[Operation::UploadPartCopy]),
    ),
    Fault {
        nothing_passes: true,
        ..fault(
            "everything-refused-400",
            "Every request with SSE-C headers is refused with 400, right or wrong",
            &["put-accepted", "default-encryption-yields"],
            KIND,
            || refuses(Facts::uses_key, |_| refusal_of_everything(400)),
        )
    },
    Fault {
        nothing_passes: true,
        ..fault(
            "everything-refused-403",
            "Every request with SSE-C headers is refused with 403, as on a bucket on which SSE-C is blocked",
            &[],
            "AWS, new buckets since April 2026",
            || refuses(Facts::uses_key, |_| refusal_of_everything(403)),
        )
    },
    Fault {
        nothing_passes: true,
        ..fault(
            "everything-but-the-first-refused-403",
            "After one PutObject every request with SSE-C headers is refused with 403, right or wrong",
            &["put-accepted", "default-encryption-yields"],
            KIND,
            refuses_all_but_the_first,
        )
    },
    fault(
        "reads-refused-403",
        "Every read with SSE-C headers is refused with 403, with the right key, too",
        NO_READS,
        KIND,
        || refuses(reads_with_key, |_| refusal_of_everything(403)),
    ),
    fault(
        "reads-refused-400",
        "Every read with SSE-C headers is refused with 400, with the right key, too",
        NO_READS,
        KIND,
        || refuses(reads_with_key, |_| refusal_of_everything(400)),
    ),
    // TLS.
    fault(
        "tls-not-asked-for",
        "SSE-C is taken over plain HTTP",
        &["tls-required"],
        "Garage 2.5.0, which leaves TLS to a proxy; kind",
        || over_tls(|_| true),
    ),
    fault(
        "tls-not-asked-for-by-head",
        "HeadObject with SSE-C is taken over plain HTTP",
        &["tls-required"],
        KIND,
        || over_tls(|facts| facts.operation == Operation::HeadObject),
    ),
    fault("tls-not-asked-for-by-get", "GetObject with SSE-C is taken over plain HTTP", &["tls-required"], KIND, || {
        over_tls(|facts| facts.operation == Operation::GetObject)
    }),
    fault(
        "tls-not-asked-for-by-attributes",
        "GetObjectAttributes with SSE-C is taken over plain HTTP",
        &["tls-required"],
        KIND,
        || over_tls(|facts| facts.operation == Operation::GetObjectAttributes),
    ),
    fault(
        "tls-not-asked-for-by-copy-source",
        "The copy-source SSE-C headers are taken over plain HTTP",
        &["tls-required"],
        KIND,
        || over_tls(|facts| !facts.carries && facts.carries_source),
    ),
    fault(
        "tls-not-asked-for-by-parts",
        "UploadPart and UploadPartCopy with SSE-C are taken over plain HTTP",
        &["tls-required"],
        KIND,
        || over_tls(|facts| matches!(facts.operation, Operation::UploadPart | Operation::UploadPartCopy)),
    ),
    fault(
        "tls-not-asked-for-by-part-copy-source",
        "The copy-source SSE-C headers of UploadPartCopy are taken over plain HTTP",
        &["tls-required"],
        KIND,
        || over_tls(|facts| facts.operation == Operation::UploadPartCopy && !facts.carries && facts.carries_source),
    ),
    fault(
        "tls-not-asked-for-by-create",
        "CreateMultipartUpload with SSE-C is taken over plain HTTP",
        &["tls-required"],
        KIND,
        || over_tls(|facts| facts.operation == Operation::CreateMultipartUpload),
    ),
    fault(
        "tls-not-asked-for-when-presigned",
        "Presigned requests with SSE-C are taken over plain HTTP",
        &["tls-required"],
        KIND,
        || over_tls(|facts| facts.form == Form::Presigned),
    ),
    fault(
        "plain-http-in-clear",
        "Over plain HTTP SSE-C headers are passed over, and objects are stored in clear",
        &["tls-required"],
        KIND,
        || {
            request(
                |facts| facts.transport == Transport::Plain,
                |request, _| {
                    KeyHeaders::default().set(&mut request.headers);
                    KeyHeaders::default().set_source(&mut request.headers);
                },
            )
        },
    ),
    fault(
        "plain-http-refused-and-done",
        "SSE-C over plain HTTP is refused, but the object is stored all the same",
        &["tls-nothing-stored"],
        KIND,
        || {
            after_refusal(
                |refusal, _| refusal.cause == Some(Cause::WithoutTls),
                |mut call| {
                    call.request.transport = Transport::Tls;
                    Box::pin(async move { drop(call.go().await) })
                },
            )
        },
    ),
];
