//! The bytes that are served.

use std::ops::Range;

use http::HeaderValue;
use http::header::{CONTENT_LENGTH, HeaderName};
use s3s::Body;

use super::*;
use crate::faults::data::{Asked, BLOCK, Extent, PACKAGE, Served, serves};
use crate::faults::defect::Buffered;
use crate::faults::facts::ObjectFacts;
use crate::faults::memory::is_framed;

/// Serves the whole otherwise.
fn serves_whole(change: fn(&mut Served, &Asked<'_>)) -> Box<dyn Defect> {
    serves(move |served, asked| {
        if asked.extent == Extent::Whole {
            change(served, asked);
        }
    })
}

/// Serves ranges otherwise.
fn serves_range(change: fn(&mut Served, &Asked<'_>)) -> Box<dyn Defect> {
    serves(move |served, asked| {
        if asked.is_ranged() {
            change(served, asked);
        }
    })
}

/// Serves parts otherwise that are read by their number.
fn serves_part(change: fn(&mut Served, &Asked<'_>)) -> Box<dyn Defect> {
    serves(move |served, asked| {
        if asked.extent == Extent::Part {
            change(served, asked);
        }
    })
}

/// As many bytes from further ahead.
fn moved(asked: &Asked<'_>, back: u64) -> Served {
    let Range { start, end } = asked.range;
    Served { range: start - back..end - back, ..Served::rightly(asked) }
}

/// Where the second part begins.
fn border(object: &ObjectFacts) -> Option<u64> {
    object.parts.first().copied().filter(|_| object.parts.len() > 1)
}

/// Stores bodies that came in the framing of aws-chunked with a framing; nothing that is claimed of the data is compared.
fn frames_again(when: fn(&Facts) -> bool) -> Box<dyn Defect> {
    custom(move |mut call| {
        let frames = is_framed(&call.request.headers) && when(&call.facts);
        Box::pin(async move {
            if frames {
                let body = Buffered::of(call.request).await;
                call.request = body.request();
                if call.request.body.bytes().is_some() {
                    frame(&mut call.request, &body.bytes);
                }
            }
            call.go().await
        })
    })
}

fn frame(request: &mut Request, data: &[u8]) {
    let framed = [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n0\r\n\r\n"].concat();
    let claims = ["content-md5", "x-amz-trailer", "x-amz-sdk-checksum-algorithm"];
    let names: Vec<HeaderName> = request.headers.keys().cloned().collect();
    for name in
        names.iter().filter(|name| claims.contains(&name.as_str()) || name.as_str().starts_with("x-amz-checksum-"))
    {
        request.headers.remove(name);
    }
    request.trailers = None;
    request.headers.insert(CONTENT_LENGTH, HeaderValue::from(framed.len()));
    request.body = Body::from(framed);
}

pub(super) const FAULTS: &[Fault] = &[
    // Data.
    fault(
        "padding-served",
        "Objects come with the padding of their last cipher block",
        &[
            "read-right-key",
            "multipart-round-trip",
            "copy-target-key",
            "key-rotation",
            "part-copy-exact",
            "copy-multipart-source",
            "version-own-key",
            "default-encryption-yields",
        ],
        KIND,
        || serves_whole(|served, asked| served.padding = BLOCK - asked.object.size % BLOCK),
    ),
    fault(
        "tail-lost",
        "Of an object what exceeds full cipher blocks is lost",
        &[
            "read-right-key",
            "copy-target-key",
            "key-rotation",
            "copy-multipart-source",
            "version-own-key",
            "default-encryption-yields",
            "multipart-round-trip",
        ],
        KIND,
        || serves_whole(|served, asked| served.range.end -= asked.object.size % BLOCK),
    ),
    fault(
        "later-segments-garbled",
        "Objects are garbled from the second package of 64 KiB on",
        &["read-right-key", "multipart-round-trip", "copy-multipart-source", "part-copy-exact"],
        KIND,
        || serves_whole(|served, asked| served.garbled_from = (asked.object.size > PACKAGE).then_some(PACKAGE)),
    ),
    fault(
        "later-parts-garbled",
        "Objects made of parts are garbled from the second part on",
        &["multipart-round-trip"],
        "ceph/ceph#52248",
        || serves_whole(|served, asked| served.garbled_from = border(asked.object)),
    ),
    fault(
        "range-passed-over",
        "A range of an SSE-C object is passed over: all of it comes, with 200",
        &["range-exact"],
        KIND,
        || serves_range(|served, asked| (served.range, served.is_partial) = (0..asked.object.size, false)),
    ),
    fault("range-block-early", "A range begins a cipher block early", &["range-exact"], KIND, || {
        serves_range(|served, asked| *served = moved(asked, if asked.range.start < BLOCK { 0 } else { BLOCK }))
    }),
    fault("range-from-block", "A range begins at the border of a cipher block", &["range-exact"], KIND, || {
        serves_range(|served, asked| *served = moved(asked, asked.range.start % BLOCK))
    }),
    fault(
        "range-across-packages",
        "A range across the border of a package of 64 KiB is garbled behind it",
        &["range-exact"],
        KIND,
        || {
            serves_range(|served, asked| {
                let border = (asked.range.start / PACKAGE + 1) * PACKAGE;
                served.garbled_from = (border < asked.range.end).then_some(border);
            })
        },
    ),
    fault(
        "range-across-parts",
        "A range across the border of two parts is garbled behind it",
        &["range-exact"],
        KIND,
        || {
            serves_range(|served, asked| {
                let Range { start, end } = asked.range;
                served.garbled_from = border(asked.object).filter(|border| (start + 1..end).contains(border));
            })
        },
    ),
    fault(
        "range-suffix-from-start",
        "The last so many bytes are taken for the first so many",
        &["range-exact"],
        KIND,
        || {
            serves_range(|served, asked| {
                if asked.extent == Extent::Suffix {
                    served.range = 0..asked.range.end - asked.range.start;
                }
            })
        },
    ),
    fault("range-last-byte-lost", "The last byte of a range is left out", &["range-exact"], KIND, || {
        serves_range(|served, _| served.range.end -= 1)
    }),
    fault(
        "parts-taken-for-equal",
        "GetObject by partNumber takes all parts for as long as the last",
        &["part-number-exact"],
        KIND,
        || {
            serves_part(|served, asked| {
                let (size, last) = (asked.object.size, asked.object.parts.last().copied().unwrap_or_default());
                served.range = if asked.range.start == 0 { 0..last } else { last..(last * 2).min(size) };
            })
        },
    ),
    fault(
        "part-number-passed-over",
        "GetObject by partNumber gives the whole object",
        &["part-number-exact"],
        KIND,
        || serves_part(|served, asked| served.range = 0..asked.object.size),
    ),
    fault(
        "framing-stored",
        "The framing of aws-chunked bodies is encrypted and stored with them",
        &["aws-chunked-decoded"],
        KIND,
        || frames_again(|facts| facts.operation == Operation::PutObject && facts.carries),
    ),
    fault(
        "framing-of-parts-stored",
        "The framing of aws-chunked parts is encrypted and stored with them",
        &["aws-chunked-decoded"],
        KIND,
        || frames_again(|facts| facts.operation == Operation::UploadPart && facts.of_sse_c_upload()),
    ),
];
