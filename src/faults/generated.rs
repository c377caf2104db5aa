//! Faults that nobody chose: every operation with every header, status and position in a body, and narrowed faults of the catalogue.
//!
//! They keep authors from proving only what they thought of. They break no rule by declaration: any case may catch them.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::{HeaderName, Response, StatusCode};
use s3s::Body;
use s3s::dto::StreamingBlob;

use super::bodies::{read_body, set_body};
use super::defect::{Buffered, Defect, custom, keeps, request, response, set_header};
use super::facts::{COPIES, EVERY, Facts, KeyRelation};
use super::predicate::Predicate;
use super::{Code, Fault};
use crate::reference::request::Operation::{self, *};
use crate::reference::seam::{Copied, Seam};
use crate::reference::sse_c::{SOURCE, TARGET};

/// A fault of a table.
#[derive(Debug, Clone, Copy)]
pub(super) enum Generated {
    /// A header of the request counts as not sent.
    Ignores { operation: Operation, header: &'static str },
    /// All headers of the request that begin so count as not sent.
    IgnoresAll { operation: Operation, prefix: &'static str },
    /// A header is missing in the response.
    Drops { operation: Operation, header: &'static str },
    /// A header of the response has another value.
    Changes { operation: Operation, header: &'static str },
    /// What succeeds has another status.
    Succeeds { operation: Operation, status: StatusCode },
    /// What is refused has another status.
    Refuses { operation: Operation, status: StatusCode },
    /// A byte of what is served, written or copied is another.
    Corrupts { operation: Operation, at: Position },
    /// The last byte of what is served, written or copied is missing.
    Shortens { operation: Operation },
}

/// A byte of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    At(u64),
    Last,
}

/// Operations whose status matters.
const STATUSES: &[Operation] = &[
    PutObject,
    PostObject,
    GetObject,
    HeadObject,
    GetObjectAttributes,
    CopyObject,
    CreateMultipartUpload,
    UploadPart,
    UploadPartCopy,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    ListParts,
    DeleteObject,
];
/// Headers of responses that a rule speaks of, each with the operations whose responses have it.
const SHOWN: &[(&str, &[Operation])] = &[
    (
        "x-amz-server-side-encryption-customer-algorithm",
        &[PutObject, GetObject, HeadObject, CopyObject, CreateMultipartUpload, UploadPart, UploadPartCopy],
    ),
    (
        "x-amz-server-side-encryption-customer-key-md5",
        &[PutObject, GetObject, HeadObject, CopyObject, CreateMultipartUpload, UploadPart, UploadPartCopy],
    ),
    ("etag", &[PutObject, GetObject, HeadObject, UploadPart]),
    ("content-length", &[HeadObject]),
    ("content-range", &[GetObject, HeadObject]),
    ("content-type", &[GetObject, HeadObject]),
    ("content-disposition", &[GetObject, HeadObject]),
    ("content-encoding", &[GetObject, HeadObject]),
    ("content-language", &[GetObject, HeadObject]),
    ("cache-control", &[GetObject, HeadObject]),
    ("last-modified", &[GetObject, HeadObject]),
    ("accept-ranges", &[GetObject, HeadObject]),
    ("x-amz-mp-parts-count", &[GetObject, HeadObject]),
    ("x-amz-checksum-crc32", &[PutObject, GetObject, HeadObject, UploadPart]),
    ("x-amz-checksum-crc64nvme", &[PutObject, GetObject, HeadObject]),
    ("x-amz-checksum-type", &[PutObject, GetObject, HeadObject]),
    ("x-amz-version-id", &[PutObject, GetObject, HeadObject, CopyObject, CompleteMultipartUpload, DeleteObject]),
    ("x-amz-copy-source-version-id", &[CopyObject, UploadPartCopy]),
    ("x-amz-delete-marker", &[DeleteObject]),
    ("x-amz-request-id", &[PutObject, GetObject, HeadObject]),
];
/// Positions in bodies: the borders of cipher blocks and of packages, and a little behind the smallest part.
const POSITIONS: &[Position] = &[
    Position::At(0),
    Position::At(15),
    Position::At(16),
    Position::At(4096),
    Position::At(65_535),
    Position::At(65_536),
    Position::At(1 << 20),
    Position::At(5 << 20),
    Position::At(6 << 20),
    Position::At(8 << 20),
    Position::Last,
];
/// Operations that move content.
const MOVING: &[Operation] = &[GetObject, PutObject, PostObject, UploadPart, CopyObject, UploadPartCopy];
/// Faults of the catalogue that are narrowed, each with the ways of asking by which it can be.
const NARROWED: &[(&str, &[&str])] = &[
    ("no-key-reads", READING),
    ("wrong-key-reads", READING),
    ("wrong-key-reads", NEAR_KEYS),
    ("head-without-key", READING),
    ("head-with-wrong-key", READING),
    ("head-with-wrong-key", NEAR_KEYS),
    ("attributes-without-key", &["version-id", "presigned"]),
    ("attributes-with-wrong-key", &["version-id", "presigned"]),
    ("attributes-with-wrong-key", NEAR_KEYS),
    ("copy-without-source-key", COPYING_BY),
    ("copy-with-wrong-source-key", COPYING_BY),
    ("copy-with-wrong-source-key", NEAR_KEYS),
    ("get-other-etag", READING),
    ("metadata-lost", READING),
];
/// Ways in which an object is read.
const READING: &[&str] = &["range", "part-number>=2", "version-id", "presigned", "conditional", "checksum-mode"];
/// Ways in which it is copied.
const COPYING_BY: &[&str] = &["operation=UploadPartCopy", "range", "conditional", "presigned"];
/// Keys that are nearly right.
const NEAR_KEYS: &[&str] = &["key-shares-first>=16", "key-shares-last>=16", "key-shares-first>=31"];
/// How an object came to be, what it is like, and the order and time of reading: each narrows every one of those faults.
const NARROWINGS: &[&str] = &[
    "framed",
    "made-by=PostObject",
    "made-by=CopyObject",
    "made-by=CompleteMultipartUpload",
    "made-presigned",
    "with-metadata",
    "with-tags",
    "with-content-md5",
    "with-checksum",
    "with-storage-class",
    "conditional-write",
    "in-place",
    "from-sse-c",
    "overwrote",
    "made-anew",
    "size<=16",
    "size%16",
    "size>=64KiB",
    "size>=1MiB",
    "parts>=3",
    "name-length>=200",
    "name-has=%20",
    "name-has=+",
    "name-has=%25",
    "versioned",
    "suspended",
    "versions>=2",
    "!newest",
    "default-encrypted",
    "read-before",
    "!read-before",
    "one-of=2",
    "one-of=3",
    "node-of=3",
    "age>=1s",
];
/// The same of parts: how each is sent, and which it is.
const OF_PARTS: &[&str] =
    &["framed", "presigned", "part-number>=2", "parts>=2", "size>=1MiB", "size%16", "versioned", "one-of=2"];

/// All of them, in the order of reports.
pub(super) static ALL: LazyLock<Vec<Fault>> = LazyLock::new(|| table().chain(narrowed()).collect());

fn table() -> impl Iterator<Item = Fault> {
    let mut all = Vec::new();
    for (operations, prefix) in [(EVERY, TARGET), (COPIES, SOURCE)] {
        for operation in operations.iter().copied() {
            for end in ["algorithm", "key", "key-md5"] {
                all.push(Generated::Ignores { operation, header: String::leak(format!("{prefix}{end}")) });
            }
            all.push(Generated::IgnoresAll { operation, prefix });
        }
    }
    for (name, operations) in SHOWN {
        for operation in operations.iter().copied() {
            all.push(Generated::Drops { operation, header: name });
            all.push(Generated::Changes { operation, header: name });
        }
    }
    for operation in STATUSES.iter().copied() {
        for status in [StatusCode::CREATED, StatusCode::ACCEPTED] {
            all.push(Generated::Succeeds { operation, status });
        }
        for status in [StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::INTERNAL_SERVER_ERROR] {
            all.push(Generated::Refuses { operation, status });
        }
    }
    for operation in MOVING.iter().copied() {
        all.extend(POSITIONS.iter().map(|at| Generated::Corrupts { operation, at: *at }));
        all.push(Generated::Shortens { operation });
    }
    all.into_iter().map(Fault::of_table)
}

fn narrowed() -> impl Iterator<Item = Fault> {
    let mut all: Vec<(&str, &str)> = Vec::new();
    for (id, ways) in NARROWED {
        if !all.iter().any(|(known, _)| known == id) {
            all.extend(NARROWINGS.iter().map(|predicate| (*id, *predicate)));
        }
        all.extend(ways.iter().map(|predicate| (*id, *predicate)));
    }
    all.extend(OF_PARTS.iter().map(|predicate| ("part-without-key-taken", *predicate)));
    all.into_iter().filter_map(|(id, text)| {
        let (fault, predicate) = (Fault::named(id).ok()?, text.parse::<Predicate>().ok()?);
        Some(fault.narrowed(&format!("{id}[{text}]"), vec![predicate]))
    })
}

impl Fault {
    fn of_table(generated: Generated) -> Self {
        // The table is made once, and lives as long as the program.
        let id: &'static str = String::leak(generated.id());
        let code = Code::Generated(generated);
        Self {
            id,
            summary: id,
            breaks: &[],
            seen: "generated",
            nothing_passes: false,
            refuses_nothing: false,
            profile: "portable",
            code,
            narrowed_by: &[],
        }
    }
}

impl Generated {
    fn id(&self) -> String {
        let of = |operation: &Operation, what: String| format!("{}: {what}", operation.name());
        match self {
            Self::Ignores { operation, header } => of(operation, format!("{header} ignored")),
            Self::IgnoresAll { operation, prefix } => of(operation, format!("all {prefix}* ignored")),
            Self::Drops { operation, header } => of(operation, format!("{header} missing in the response")),
            Self::Changes { operation, header } => of(operation, format!("{header} of the response changed")),
            Self::Succeeds { operation, status } => of(operation, format!("success as {}", status.as_u16())),
            Self::Refuses { operation, status } => of(operation, format!("refusal as {}", status.as_u16())),
            Self::Corrupts { operation, at: Position::At(at) } => of(operation, format!("byte {at} changed")),
            Self::Corrupts { operation, at: Position::Last } => of(operation, "last byte changed".to_owned()),
            Self::Shortens { operation } => of(operation, "last byte missing".to_owned()),
        }
    }

    /// What it does.
    pub fn defect(&self) -> Box<dyn Defect> {
        match *self {
            Self::Ignores { operation, header } => request(
                move |facts| facts.operation == operation,
                move |request, _| drop(request.headers.remove(header)),
            ),
            Self::IgnoresAll { operation, prefix } => request(
                move |facts| facts.operation == operation,
                move |request, _| {
                    for end in ["algorithm", "key", "key-md5"] {
                        request.headers.remove(format!("{prefix}{end}"));
                    }
                },
            ),
            Self::Drops { operation, header } => response(
                move |facts| facts.operation == operation && is_of_sse_c(facts),
                move |response, _| drop(response.headers_mut().remove(header)),
            ),
            Self::Changes { operation, header } => response(
                move |facts| facts.operation == operation && is_of_sse_c(facts),
                move |response, _| change(response, header),
            ),
            Self::Succeeds { operation, status } => response(
                move |facts| facts.operation == operation && is_of_sse_c(facts),
                move |response, _| *response.status_mut() = status,
            ),
            Self::Refuses { operation, status } => refuses_as(operation, status),
            Self::Corrupts { operation: GetObject, at } => changes_served(move |bytes| corrupt(bytes, at, 0)),
            Self::Shortens { operation: GetObject } => changes_served(shorten),
            Self::Corrupts { operation, at } if COPIES.contains(&operation) => {
                keeps(move |facts| facts.operation == operation && is_of_sse_c(facts), Altered { at: Some(at) })
            }
            Self::Shortens { operation } if COPIES.contains(&operation) => {
                keeps(move |facts| facts.operation == operation && is_of_sse_c(facts), Altered { at: None })
            }
            Self::Corrupts { operation, at } => changes_sent(operation, move |bytes| corrupt(bytes, at, 0)),
            Self::Shortens { operation } => changes_sent(operation, shorten),
        }
    }
}

/// Whether a customer key has to do with it.
fn is_of_sse_c(facts: &Facts) -> bool {
    facts.carries || facts.carries_source || facts.of_sse_c() || facts.of_sse_c_source() || facts.of_sse_c_upload()
}

/// Gives a header another value that looks like it.
fn change(response: &mut Response<Body>, header: &'static str) {
    let Some(value) = response.headers().get(header).and_then(|value| value.to_str().ok()) else { return };
    let other = |c: char| match c {
        '0'..='8' | 'a'..='y' | 'A'..='Y' => char::from_u32(u32::from(c) + 1).unwrap_or(c),
        '9' => '8',
        'z' | 'Z' => 'a',
        c => c,
    };
    // The last character that can be another: quotes and padding stay.
    let at = value.rfind(|c: char| c.is_ascii_alphanumeric());
    let changed = value.char_indices().map(|(i, c)| if Some(i) == at { other(c) } else { c });
    let changed: String = changed.collect();
    set_header(response, header, &changed);
}

fn refuses_as(operation: Operation, status: StatusCode) -> Box<dyn Defect> {
    custom(move |call| {
        let (identity, facts) = (Arc::clone(&call.request.identity), Arc::clone(&call.facts));
        Box::pin(async move {
            let reply = call.go().await;
            match reply {
                Err(refusal) if facts.operation == operation && is_of_sse_c(&facts) && refusal.status >= 400 => {
                    let mut response = refusal.response(&identity);
                    *response.status_mut() = status;
                    Ok(response)
                }
                reply => reply,
            }
        })
    })
}

fn corrupt(bytes: Bytes, at: Position, offset: u64) -> Bytes {
    let at = match at {
        Position::At(at) => at.checked_sub(offset).and_then(|at| usize::try_from(at).ok()),
        Position::Last => bytes.len().checked_sub(1),
    };
    let mut corrupted = BytesMut::from(&bytes[..]);
    if let Some(byte) = at.and_then(|at| corrupted.get_mut(at)) {
        *byte ^= 0xa5;
    }
    corrupted.freeze()
}

fn shorten(bytes: Bytes) -> Bytes {
    bytes.slice(..bytes.len().saturating_sub(1))
}

/// Serves other bytes of SSE-C objects that are read whole.
fn changes_served(change: impl Fn(Bytes) -> Bytes + Send + Sync + 'static) -> Box<dyn Defect> {
    let change = Arc::new(change);
    custom(move |call| {
        let change = Arc::clone(&change);
        let is_whole = !call.request.headers.contains_key("range") && call.facts.part_number.is_none();
        let changes = call.facts.gets() && call.facts.key == KeyRelation::Right && is_whole;
        Box::pin(async move {
            let (mut response, body) = read_body(call.go().await?).await;
            if changes && response.status().is_success() {
                set_body(&mut response, change(body));
            }
            Ok(response)
        })
    })
}

/// Stores other bytes than those that were sent under a customer key. What was claimed of them is not looked at.
fn changes_sent(operation: Operation, change: impl Fn(Bytes) -> Bytes + Send + Sync + 'static) -> Box<dyn Defect> {
    let change = Arc::new(change);
    custom(move |call| {
        let change = Arc::clone(&change);
        Box::pin(async move {
            if call.facts.operation != operation || !call.facts.carries {
                return call.go().await;
            }
            let buffered = Buffered::of(call.request).await;
            let changed = change(buffered.bytes.clone());
            let mut request = buffered.request();
            if !buffered.breaks_off && changed != buffered.bytes {
                request.body = Body::from(changed);
                request.trailers = None;
                let claims = |name: &HeaderName| {
                    let name = name.as_str();
                    name == "content-md5"
                        || name == "content-length"
                        || name == "x-amz-decoded-content-length"
                        || name.starts_with("x-amz-checksum-")
                };
                let claims: Vec<HeaderName> = request.headers.keys().filter(|name| claims(name)).cloned().collect();
                for name in claims {
                    request.headers.remove(name);
                }
            }
            call.inner.call(request).await
        })
    })
}

/// Keeps other data of copies.
struct Altered {
    /// The byte that is another; none where the last is missing.
    at: Option<Position>,
}

impl Seam for Altered {
    fn copied(&self, of: &Copied<'_>, read: &dyn Fn(Range<u64>) -> StreamingBlob) -> StreamingBlob {
        let Range { start, end } = of.range;
        let Some(at) = self.at else { return read(start..end.saturating_sub(1).max(start)) };
        let at = match at {
            Position::At(at) => at,
            Position::Last => (end - start).saturating_sub(1),
        };
        let mut position = 0;
        StreamingBlob::wrap(read(of.range.clone()).map(move |chunk| {
            let chunk = chunk.map_err(std::io::Error::other)?;
            let start = position;
            position += chunk.len() as u64;
            Ok::<_, std::io::Error>(corrupt(chunk, Position::At(at), start))
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_generated_fault_is_another_and_none_is_left_out() {
        let ids: BTreeSet<&str> = Fault::generated().map(|fault| fault.id).collect();
        assert_eq!(ids.len(), Fault::generated().count());
        let mut narrowed = NARROWED.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>().len() * NARROWINGS.len();
        narrowed += NARROWED.iter().map(|(_, ways)| ways.len()).sum::<usize>() + OF_PARTS.len();
        assert_eq!(Fault::generated().filter(|fault| fault.id.contains('[')).count(), narrowed);
    }

    #[test]
    fn a_changed_header_looks_like_the_header() {
        let mut response = Response::new(Body::empty());
        for (value, changed) in
            [("\"0af9\"", "\"0af8\""), ("AES256", "AES257"), ("aT6a+E09/Q==", "aT6a+E09/R=="), ("--", "--")]
        {
            set_header(&mut response, "etag", value);
            change(&mut response, "etag");
            assert_eq!(response.headers()["etag"], changed);
        }
    }

    #[test]
    fn a_byte_is_corrupted_where_it_is_said() {
        let corrupted = |at, offset| corrupt(Bytes::from_static(b"abc"), at, offset);
        assert_eq!(corrupted(Position::At(1), 0)[..], [b'a', b'b' ^ 0xa5, b'c']);
        assert_eq!(corrupted(Position::At(7), 5)[..], [b'a', b'b', b'c' ^ 0xa5]);
        assert_eq!(corrupted(Position::Last, 0)[..], [b'a', b'b', b'c' ^ 0xa5]);
        assert_eq!(corrupted(Position::At(3), 0), "abc");
    }
}
