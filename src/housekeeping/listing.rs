//! What is in a bucket: listings read page by page, as far as they get on. Whatever an endpoint lists is hostile.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};

use http::Method;

use super::removal::Removal;
use super::reply_in_words;
use crate::evidence::{Element, Reply};

/// The most pages that are read of a listing.
const MAX_PAGES: usize = 1000;
/// The most entries that are read of a listing.
const MAX_ENTRIES: usize = 100_000;
/// The most bytes of object keys and ids that are kept of a listing: 32 MiB, 4 MiB in unit tests.
const MAX_NAMES: usize = if cfg!(test) { 4 << 20 } else { 32 << 20 };
/// The longest object key in bytes (Amazon S3 User Guide, "Naming Amazon S3 objects"), and the longest id that is taken.
const MAX_NAME: usize = 1024;

/// What an entry of a listing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A version of an object.
    Version,
    /// A delete marker.
    DeleteMarker,
    /// An object, by an endpoint that does not list versions.
    Object,
    /// An open multipart upload.
    Upload,
}

/// An entry of a listing: what one DELETE removes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The object key.
    pub key: String,
    /// What it is.
    pub kind: Kind,
    /// The id of the version or upload.
    pub id: Option<String>,
}

impl Entry {
    /// The entry in words, with the bucket it is in.
    #[must_use]
    pub fn in_words(&self, bucket: &str) -> String {
        let (what, of_id) = match self.kind {
            Kind::Version => ("object", "version"),
            Kind::DeleteMarker => ("delete marker", "version"),
            Kind::Object => ("object", "version"),
            Kind::Upload => ("upload", "upload id"),
        };
        let id = self.id.as_ref().map(|id| format!(" ({of_id} {id})")).unwrap_or_default();
        format!("{what} {bucket}/{}{id}", self.key)
    }

    /// The query of the DELETE that removes it.
    pub(super) fn query(&self) -> Option<(&'static str, &str)> {
        let parameter = if self.kind == Kind::Upload { "uploadId" } else { "versionId" };
        self.id.as_deref().map(|id| (parameter, id))
    }
}

/// What listings say of a bucket.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// All entries below the prefix asked for.
    pub entries: Vec<Entry>,
    /// What could not be found out, in sentences.
    pub troubles: Vec<String>,
    /// Whether there is no such bucket.
    pub is_gone: bool,
}

/// An operation that lists.
struct Listing {
    operation: &'static str,
    query: (&'static str, &'static str),
    /// The elements that are entries.
    entries: &'static [(&'static str, Kind)],
    /// The element of an entry that holds the id of its version or upload.
    id: Option<&'static str>,
    /// Elements that say where the next page begins, and the parameters that ask for it.
    next: &'static [(&'static str, &'static str)],
}

const VERSIONS: Listing = Listing {
    operation: "ListObjectVersions",
    query: ("versions", ""),
    entries: &[("Version", Kind::Version), ("DeleteMarker", Kind::DeleteMarker)],
    id: Some("VersionId"),
    next: &[("NextKeyMarker", "key-marker"), ("NextVersionIdMarker", "version-id-marker")],
};
const OBJECTS: Listing = Listing {
    operation: "ListObjectsV2",
    query: ("list-type", "2"),
    entries: &[("Contents", Kind::Object)],
    id: None,
    next: &[("NextContinuationToken", "continuation-token")],
};
const UPLOADS: Listing = Listing {
    operation: "ListMultipartUploads",
    query: ("uploads", ""),
    entries: &[("Upload", Kind::Upload)],
    id: Some("UploadId"),
    next: &[("NextKeyMarker", "key-marker"), ("NextUploadIdMarker", "upload-id-marker")],
};

/// How a listing ended.
enum Ended {
    Whole,
    /// It was cut off, for this reason.
    Cut(String),
    Refused(Reply),
}

impl Removal<'_> {
    /// Everything in a bucket below a prefix: object versions, delete markers, open uploads.
    pub(super) async fn contents(&self, bucket: &str, prefix: &str) -> Contents {
        let (mut found, uploads) = tokio::join!(self.objects(bucket, prefix), self.uploads(bucket, prefix));
        if !found.is_gone {
            found.entries.extend(uploads.entries);
            found.troubles.extend(uploads.troubles);
        }
        found
    }

    async fn objects(&self, bucket: &str, prefix: &str) -> Contents {
        let mut found = Contents::default();
        let mut ended = self.pages(&VERSIONS, bucket, prefix, &mut found).await;
        let mut listing = &VERSIONS;
        if matches!(&ended, Ended::Refused(Reply::Answer(_))) && !says_gone(&ended) {
            // The endpoint does not list versions: it has none, or none that these credentials may see.
            listing = &OBJECTS;
            ended = self.pages(listing, bucket, prefix, &mut found).await;
        }
        found.is_gone = says_gone(&ended);
        if !found.is_gone {
            found.tell(bucket, listing, &ended);
        }
        found
    }

    async fn uploads(&self, bucket: &str, prefix: &str) -> Contents {
        let mut found = Contents::default();
        let ended = self.pages(&UPLOADS, bucket, prefix, &mut found).await;
        // Where there is no such operation there are no uploads.
        let lacks = |reply: &Reply| reply.answer().is_some_and(|answer| matches!(answer.status, 404 | 405 | 501));
        if !matches!(&ended, Ended::Refused(reply) if lacks(reply)) {
            found.tell(bucket, &UPLOADS, &ended);
        }
        found
    }

    /// Reads a listing page by page, as long as pages have news.
    async fn pages(&self, listing: &Listing, bucket: &str, prefix: &str, found: &mut Contents) -> Ended {
        // Hashes will do: names take much memory.
        let (mut known, hasher) = (HashSet::new(), RandomState::new());
        let mut markers: Vec<(&'static str, String)> = Vec::new();
        let mut left = MAX_NAMES;
        for _ in 0..MAX_PAGES {
            let mut query = vec![listing.query, ("prefix", prefix)];
            query.extend(markers.iter().map(|(name, value)| (*name, value.as_str())));
            let reply = self.send(listing.operation, Method::GET, bucket, "", &query).await;
            let page = reply.answer().filter(|answer| answer.status == 200).and_then(|answer| answer.xml().ok());
            let Some(page) = page else { return Ended::Refused(reply) };
            // Another server, or an address that means something else, answers with a document of its own.
            if !page.name.starts_with("List") || page.name == "ListAllMyBucketsResult" {
                return Ended::Cut("the answer is no listing of a bucket".to_owned());
            }
            if page.children.iter().any(|child| listing.is_too_long(child, prefix)) {
                let operation = listing.operation;
                found
                    .troubles
                    .push(format!("bucket {bucket} ({operation}): a name or id of more than {MAX_NAME} bytes"));
            }
            let before = known.len();
            // Nothing but what was asked for, whatever the endpoint lists.
            for entry in page.children.iter().filter_map(|child| listing.entry(child)) {
                if entry.key.starts_with(prefix) && known.insert(hasher.hash_one(&entry)) {
                    left = left.saturating_sub(entry.key.len() + entry.id.as_ref().map_or(0, String::len));
                    found.entries.push(entry);
                }
                if known.len() > MAX_ENTRIES || left == 0 {
                    return Ended::Cut(format!(
                        "it has more than {MAX_ENTRIES} entries, or {MAX_NAMES} bytes of names"
                    ));
                }
            }
            if page.child_text("IsTruncated") != Some("true") {
                return Ended::Whole;
            }
            let next: Vec<(&'static str, String)> = listing
                .next
                .iter()
                .filter_map(|(element, parameter)| Some((*parameter, page.child_text(element)?.to_owned())))
                .collect();
            if known.len() == before || next.is_empty() || next == markers {
                return Ended::Cut("it says that it goes on, and does not".to_owned());
            }
            markers = next;
        }
        Ended::Cut(format!("it has more than {MAX_PAGES} pages"))
    }
}

impl Listing {
    fn entry(&self, element: &Element) -> Option<Entry> {
        let (_, kind) = self.entries.iter().find(|(name, _)| *name == element.name)?;
        let id = self.id.and_then(|name| element.child_text(name)).map(str::to_owned);
        // To remove an upload takes its id: without it the DELETE would be one of the object.
        if *kind == Kind::Upload && id.as_ref().is_none_or(String::is_empty) {
            return None;
        }
        let key = element.child_text("Key")?.to_owned();
        (!self.is_too_long(element, "")).then_some(Entry { key, kind: *kind, id })
    }

    /// Whether an element is an entry below a prefix that names more than can be asked for.
    fn is_too_long(&self, element: &Element, prefix: &str) -> bool {
        let is_entry = self.entries.iter().any(|(name, _)| *name == element.name);
        let key = element.child_text("Key").unwrap_or_default();
        let id = self.id.and_then(|name| element.child_text(name)).unwrap_or_default();
        is_entry && key.starts_with(prefix) && (key.len() > MAX_NAME || id.len() > MAX_NAME)
    }
}

impl Contents {
    fn tell(&mut self, bucket: &str, listing: &Listing, ended: &Ended) {
        let why = match ended {
            Ended::Whole => return,
            Ended::Cut(why) => why.clone(),
            Ended::Refused(reply) => reply_in_words(reply),
        };
        self.troubles.push(format!("what else is in bucket {bucket} ({}): {why}", listing.operation));
    }
}

fn says_gone(ended: &Ended) -> bool {
    let Ended::Refused(Reply::Answer(answer)) = ended else { return false };
    // A 404 without a word may be anybody's: that of what stands in front of the endpoint, say.
    answer.status == 404 && answer.s3_code().as_deref() == Some("NoSuchBucket")
}
