//! What answers give besides the data: ranges, parts, metadata, preconditions.

use super::*;

pub(super) const FAULTS: &[Fault] = &[
    fault(
        "range-beyond-end-served",
        "A range beyond the end of an SSE-C object is answered with the whole object",
        &["range-unsatisfiable"],
        KIND,
        ReadingOf(ReadFlaw::RangeBeyondEndServed),
    ),
    fault(
        "content-range-of-ciphertext",
        "Content-Range tells the ciphertext's size",
        &["content-range-plaintext", "range-exact"],
        KIND,
        ReadingOf(ReadFlaw::ContentRangeOfCiphertext),
    ),
    fault(
        "head-passes-part-number-over",
        "HEAD of a part tells the size of the whole SSE-C object",
        &["head-part-number"],
        KIND,
        ReadingOf(ReadFlaw::HeadPartPassedOver),
    ),
    fault(
        "part-beyond-last-served",
        "A part beyond the last of an SSE-C object is answered with the whole",
        &["part-number-unsatisfiable"],
        KIND,
        ReadingOf(ReadFlaw::PartBeyondEndServed),
    ),
    fault(
        "parts-count-missing",
        "Reads by part number do not tell how many parts an SSE-C object has",
        &["parts-count"],
        KIND,
        ReadingOf(ReadFlaw::PartsCountMissing),
    ),
    fault(
        "part-number-as-200",
        "A part that is read by its number is answered with 200, whatever object it is of",
        &["part-number-partial"],
        "Ceph RGW 20.2",
        ReadingOf(ReadFlaw::PartNotPartial),
    ),
    fault(
        "attributes-size-padded",
        "GetObjectAttributes shows 16 bytes too many, whatever object it is of",
        &["attributes-size"],
        KIND,
        ReadingOf(ReadFlaw::AttributesSizePadded),
    ),
    layer(
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
        ReadingOf(ReadFlaw::MetadataLost),
    ),
    fault(
        "metadata-in-ascii",
        "Characters of user metadata beyond ASCII are lost with SSE-C objects",
        &["metadata-unicode"],
        KIND,
        ReadingOf(ReadFlaw::UnicodeLost),
    ),
    fault(
        "system-headers-lost",
        "Content-Type and its like are lost with SSE-C objects",
        &["system-headers-kept"],
        KIND,
        ReadingOf(ReadFlaw::SystemHeadersLost),
    ),
    fault(
        "sse-s3-told-besides",
        "Answers about SSE-C objects tell of SSE-S3 besides",
        &["no-other-encryption-told"],
        KIND,
        ReadingOf(ReadFlaw::OtherEncryptionTold),
    ),
    fault(
        "sse-c-told-of-plain",
        "Answers about plain objects tell of SSE-C",
        &["plain-told-plain"],
        KIND,
        ReadingOf(ReadFlaw::ToldOfPlain),
    ),
    fault(
        "refusal-shows-metadata",
        "A refused read shows the object's user metadata",
        &["metadata-needs-key"],
        KIND,
        ReadingOf(ReadFlaw::RefusalShowsMetadata),
    ),
    fault(
        "refusal-shows-checksum",
        "A refused read shows the object's checksum",
        &["read-checksum-needs-key"],
        KIND,
        ReadingOf(ReadFlaw::RefusalShowsChecksum),
    ),
    fault(
        "deleted-object-served",
        "A deleted object is still read by its key",
        &["delete-marker-read"],
        KIND,
        ReadingOf(ReadFlaw::MarkerPassedOver),
    ),
    fault(
        "delete-marker-untold",
        "A delete marker is not told as such",
        &["delete-marker-told"],
        KIND,
        ReadingOf(ReadFlaw::MarkerNotTold),
    ),
    fault(
        "delete-marker-takes-all",
        "Removing a delete marker removes the versions before it",
        &["delete-marker-removed"],
        KIND,
        ReadingOf(ReadFlaw::MarkerTakesAll),
    ),
    layer("etag-unquoted", "The ETag of an SSE-C object has no quotes", &["etag-quoted"], KIND, || {
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
        ReadingOf(ReadFlaw::AttributesWithoutChecksum),
    ),
    fault(
        "attributes-without-parts",
        "GetObjectAttributes does not tell of the parts of SSE-C objects",
        &["attributes-parts"],
        KIND,
        ReadingOf(ReadFlaw::AttributesWithoutParts),
    ),
    layer("attributes-etag-quoted", "GetObjectAttributes quotes the ETag", &["attributes-etag-bare"], KIND, || {
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
        ReadingOf(ReadFlaw::KeysShared),
    ),
    fault(
        "if-match-passed-over",
        "If-Match is passed over for SSE-C objects",
        &["conditional-fails"],
        KIND,
        Conditions(ConditionFlaw::IfMatchPassedOver),
    ),
    fault(
        "if-none-match-always-304",
        "If-None-Match is answered 304 for SSE-C objects, whatever the ETag",
        &["conditional-other-etag"],
        KIND,
        Conditions(ConditionFlaw::IfNoneMatchFails),
    ),
    fault(
        "if-modified-since-passed-over",
        "If-Modified-Since is passed over for SSE-C objects",
        &["conditional-modified-since"],
        KIND,
        Conditions(ConditionFlaw::IfModifiedSincePassedOver),
    ),
    fault(
        "if-unmodified-since-passed-over",
        "If-Unmodified-Since is passed over for SSE-C objects",
        &["conditional-unmodified-since"],
        KIND,
        Conditions(ConditionFlaw::IfUnmodifiedSincePassedOver),
    ),
    fault(
        "date-before-key",
        "If-Modified-Since is looked at before the key",
        &["conditional-needs-key"],
        KIND,
        Conditions(ConditionFlaw::DateFirst),
    ),
];
