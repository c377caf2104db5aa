//! What faults know of objects and uploads beside what is stored: customer keys, how each came to be, and what was read when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

use crate::reference::request::{Form, Operation, Request, Target};
use crate::reference::sse_c::{SOURCE, TARGET};
use crate::reference::store::Store;

/// The three SSE-C headers of a request, right or wrong; those that are absent are none.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct KeyHeaders([Option<HeaderValue>; 3]);

const DIGEST: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// The names of the three SSE-C headers that begin so: of the algorithm, the key and its MD5.
pub(super) fn names(prefix: &str) -> [HeaderName; 3] {
    ["algorithm", "key", "key-md5"]
        .map(|end| HeaderName::try_from(format!("{prefix}{end}")).unwrap_or_else(|never| unreachable!("{never}")))
}

/// Whether a request says that its body comes in the framing of aws-chunked.
pub(super) fn is_framed(headers: &HeaderMap) -> bool {
    headers.get(DIGEST).is_some_and(|digest| digest.as_bytes().starts_with(b"STREAMING-"))
}

impl KeyHeaders {
    /// Those of an object that is written or read.
    pub fn of(headers: &HeaderMap) -> Self {
        Self::with_prefix(headers, TARGET)
    }

    /// Those of the source of a copy.
    pub fn of_source(headers: &HeaderMap) -> Self {
        Self::with_prefix(headers, SOURCE)
    }

    fn with_prefix(headers: &HeaderMap, prefix: &str) -> Self {
        Self(names(prefix).map(|name| headers.get(name).cloned()))
    }

    /// Puts them in the place of those of an object that is written or read.
    pub fn set(&self, headers: &mut HeaderMap) {
        self.set_with_prefix(headers, TARGET);
    }

    /// Puts them in the place of those of the source of a copy.
    pub fn set_source(&self, headers: &mut HeaderMap) {
        self.set_with_prefix(headers, SOURCE);
    }

    fn set_with_prefix(&self, headers: &mut HeaderMap, prefix: &str) {
        for (name, value) in names(prefix).into_iter().zip(&self.0) {
            match value {
                Some(value) => drop(headers.insert(name, value.clone())),
                None => drop(headers.remove(name)),
            }
        }
    }

    /// As the headers of a request.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        self.set(&mut headers);
        headers
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Whether both have the same key.
    pub fn has_key_of(&self, other: &Self) -> bool {
        self.key().is_some() && self.key() == other.key()
    }

    /// The key, in base64.
    pub fn key(&self) -> Option<&str> {
        self.0[1].as_ref()?.to_str().ok()
    }
}

/// A version of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct VersionId {
    pub target: Target,
    pub version: String,
}

/// How an object, or an upload, came to be.
#[derive(Clone)]
pub(crate) struct Making {
    /// The operation that wrote it.
    pub operation: Operation,
    /// The key that encrypts it; empty where none does.
    pub key: KeyHeaders,
    /// The headers of the request that wrote it, or created its upload.
    pub headers: HeaderMap,
    pub form: Form,
    /// Whether a copy wrote it onto its own source.
    pub is_in_place: bool,
    /// Whether an object of this name was deleted before.
    pub is_made_anew: bool,
    /// The keys of the objects of this name that were there before, newest last.
    pub former_keys: Vec<KeyHeaders>,
    /// The encryption of a copy's source.
    pub source_key: KeyHeaders,
    pub at: Instant,
    /// Connections over which it was read with the right key.
    pub read_over: BTreeSet<u64>,
}

impl Making {
    /// Of what a request writes.
    pub fn of(request: &Request) -> Self {
        let target = request.target();
        Self {
            operation: request.operation(),
            key: KeyHeaders::of(&request.headers),
            headers: request.headers.clone(),
            form: request.form,
            is_in_place: request.copy_source().is_some_and(|(source, _)| source == target),
            is_made_anew: false,
            former_keys: Vec::new(),
            source_key: KeyHeaders::of_source(&request.headers),
            at: Instant::now(),
            read_over: BTreeSet::new(),
        }
    }

    /// Whether the body came in the framing of aws-chunked.
    pub fn is_framed(&self) -> bool {
        is_framed(&self.headers)
    }

    /// Whether a header of the request that wrote it begins so.
    pub fn has_header(&self, prefix: &str) -> bool {
        self.headers.keys().any(|name| name.as_str().starts_with(prefix))
    }
}

#[derive(Default)]
struct Remembered {
    versions: BTreeMap<VersionId, Making>,
    /// The newest version of each name.
    newest: BTreeMap<Target, String>,
    uploads: BTreeMap<String, Making>,
    /// Names of which something was deleted.
    deleted: BTreeSet<Target>,
    /// How often something was asked for.
    counts: BTreeMap<(String, Target, Option<Operation>), u64>,
}

/// What is remembered of all objects of an endpoint.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Remembered>>);

impl Memory {
    fn held(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How a version came to be.
    pub fn making(&self, version: &VersionId) -> Option<Making> {
        self.held().versions.get(version).cloned()
    }

    /// How the newest version of an object came to be.
    pub fn newest(&self, target: &Target) -> Option<Making> {
        let version = self.held().newest.get(target).cloned()?;
        self.making(&VersionId { target: target.clone(), version })
    }

    /// How an open upload came to be.
    pub fn upload(&self, id: &str) -> Option<Making> {
        self.held().uploads.get(id).cloned()
    }

    /// The keys of all objects of a bucket.
    pub fn keys_of_bucket(&self, bucket: &str) -> Vec<KeyHeaders> {
        let held = self.held();
        let of_bucket = held.versions.iter().filter(|(version, _)| version.target.bucket == bucket);
        of_bucket.map(|(_, making)| making.key.clone()).filter(|key| !key.is_empty()).collect()
    }

    /// Counts for `whom` how often a target was asked for, by an operation if one is given; this time is included.
    pub fn count(&self, whom: String, target: &Target, operation: Option<Operation>) -> u64 {
        let mut held = self.held();
        let count = held.counts.entry((whom, target.clone(), operation)).or_default();
        *count += 1;
        *count
    }

    /// Whether something of this name was deleted.
    pub fn was_deleted(&self, target: &Target) -> bool {
        self.held().deleted.contains(target)
    }

    /// Notes that a part was sent with these headers; an upload with a framed part counts as framed.
    pub(super) fn part_sent(&self, upload: &str, part: &Making) {
        if let Some(upload) = self.held().uploads.get_mut(upload).filter(|_| part.is_framed()) {
            upload.headers.extend(part.headers.get(DIGEST).map(|digest| (DIGEST, digest.clone())));
        }
    }

    /// Notes an upload.
    pub(super) fn opened(&self, id: String, making: Making) {
        self.held().uploads.insert(id, making);
    }

    /// Takes an upload out that is finished.
    pub(super) fn closed(&self, id: &str) -> Option<Making> {
        self.held().uploads.remove(id)
    }

    /// Notes that a version was read with the right key.
    pub(super) fn was_read(&self, version: &VersionId, connection: u64) {
        if let Some(read) = self.held().versions.get_mut(version) {
            read.read_over.insert(connection);
        }
    }

    /// Forgets the versions of names of a bucket that are no longer stored, and notes which names were deleted.
    pub(super) fn forget_deleted(&self, bucket: &str, store: &Store) {
        let stored = |target: &Target| {
            let ids = store.bucket(bucket, |bucket| {
                let versions = bucket.objects.get(&target.key).into_iter().flatten();
                let current = bucket.current(&target.key).filter(|version| version.object.is_some());
                Ok((
                    versions.map(|version| version.id.clone()).collect::<Vec<_>>(),
                    current.map(|version| version.id.clone()),
                ))
            });
            ids.unwrap_or_default()
        };
        let mut held = self.held();
        let targets: BTreeSet<Target> = held.newest.keys().filter(|target| target.bucket == bucket).cloned().collect();
        for target in targets {
            let (ids, current) = stored(&target);
            held.versions.retain(|version, _| version.target != target || ids.contains(&version.version));
            match current {
                Some(current) => drop(held.newest.insert(target, current)),
                None => {
                    held.newest.remove(&target);
                    held.deleted.insert(target);
                }
            }
        }
    }

    /// Notes what was written.
    pub(super) fn wrote(&self, target: Target, version: &str, mut making: Making) {
        let mut held = self.held();
        let former = held.newest.insert(target.clone(), version.to_owned());
        let former = former.and_then(|version| held.versions.get(&VersionId { target: target.clone(), version }));
        if let Some(former) = former {
            making.former_keys = former.former_keys.clone();
            making.former_keys.push(former.key.clone());
        }
        making.is_made_anew = held.deleted.contains(&target);
        held.versions.insert(VersionId { target, version: version.to_owned() }, making);
    }
}
