//! Buckets, object versions and open uploads, in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::Rng as _;
use time::OffsetDateTime;

use super::checksums::{Checksums, OfParts};
use super::content::{Content, Memory};
use super::error::Refusal;
use super::policy::Policy;
use super::sse_c::Encryption;

/// The version id of objects stored without versioning.
pub(crate) const NULL_VERSION: &str = "null";

/// Everything that is stored.
pub(crate) struct Store {
    /// Whether new buckets block SSE-C.
    blocks_sse_c: bool,
    buckets: Mutex<BTreeMap<String, Bucket>>,
    /// The bound on object data.
    pub memory: Memory,
}

/// Whether a bucket keeps old versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versioning {
    Never,
    Enabled,
    Suspended,
}

pub(crate) struct Bucket {
    pub created: OffsetDateTime,
    pub versioning: Versioning,
    /// Whether the owner has set a default encryption.
    pub default_encryption_set: bool,
    /// Whether writes under customer keys are refused.
    pub blocks_sse_c: bool,
    /// The owner's policy.
    pub policy: Option<Policy>,
    /// Versions by key, oldest first.
    pub objects: BTreeMap<String, Vec<Version>>,
    /// Open uploads by id.
    pub uploads: BTreeMap<String, Upload>,
}

#[derive(Clone)]
pub(crate) struct Version {
    pub id: String,
    pub modified: OffsetDateTime,
    /// The object; none in a delete marker.
    pub object: Option<Arc<Object>>,
    pub tags: Vec<s3s::dto::Tag>,
}

/// A stored object.
pub(crate) struct Object {
    /// Its data: one content, or one for each part.
    pub parts: Vec<ObjectPart>,
    pub etag: String,
    /// Whether it was made of parts.
    pub multipart: bool,
    pub encryption: Encryption,
    pub headers: ObjectHeaders,
    pub checksums: Checksums,
}

pub(crate) struct ObjectPart {
    pub number: i32,
    pub content: Arc<Content>,
}

/// What is stored with an object and given back with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ObjectHeaders {
    pub content_type: Option<String>,
    pub cache_control: Option<String>,
    pub content_disposition: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    pub metadata: Option<s3s::dto::Metadata>,
}

pub(crate) struct Upload {
    pub key: String,
    pub started: OffsetDateTime,
    pub encryption: Encryption,
    pub headers: ObjectHeaders,
    /// How it is checked, if its creator asked for that.
    pub checked: Option<OfParts>,
    pub parts: BTreeMap<i32, Part>,
}

#[derive(Clone)]
pub(crate) struct Part {
    pub content: Arc<Content>,
    pub etag: String,
    pub modified: OffsetDateTime,
    pub checksums: Checksums,
}

impl Store {
    pub fn new(memory: Memory, blocks_sse_c: bool) -> Self {
        Self { blocks_sse_c, buckets: Mutex::default(), memory }
    }

    /// A bucket as it is when it is made.
    pub fn new_bucket(&self) -> Bucket {
        Bucket { blocks_sse_c: self.blocks_sse_c, ..Bucket::new() }
    }

    /// All buckets. Nothing that takes long is done while they are held.
    pub fn buckets(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at or changes one bucket.
    pub fn bucket<T>(&self, name: &str, act: impl FnOnce(&mut Bucket) -> Result<T, Refusal>) -> Result<T, Refusal> {
        act(self.buckets().get_mut(name).ok_or_else(Refusal::no_such_bucket)?)
    }

    /// The version that a request addresses.
    pub fn version(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<(Version, Arc<Object>), Refusal> {
        self.bucket(bucket, |bucket| {
            let found = match version {
                None => bucket.current(key).ok_or_else(Refusal::no_such_key)?,
                Some(id) => {
                    let versions = bucket.objects.get(key).into_iter().flatten();
                    versions.clone().find(|v| v.id == id).ok_or_else(Refusal::no_such_version)?
                }
            };
            let marker = || {
                let shown = [("x-amz-delete-marker", "true".to_owned()), ("x-amz-version-id", found.id.clone())];
                // Of a marker that is named nothing but its removal is allowed.
                let refusal = match version {
                    Some(_) => Refusal::new(
                        405,
                        "MethodNotAllowed",
                        "The specified method is not allowed against this resource.",
                    ),
                    None => Refusal::no_such_key(),
                };
                refusal.with_headers(shown)
            };
            let object = found.object.clone().ok_or_else(marker)?;
            Ok((found.clone(), object))
        })
    }
}

impl Bucket {
    fn new() -> Self {
        let created = OffsetDateTime::now_utc();
        Self {
            created,
            versioning: Versioning::Never,
            default_encryption_set: false,
            blocks_sse_c: false,
            policy: None,
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.uploads.is_empty()
    }

    /// The newest version of a key, be it a delete marker.
    pub fn current(&self, key: &str) -> Option<&Version> {
        self.objects.get(key)?.last()
    }

    /// Adds a version, or replaces the null version where none are kept.
    pub fn put(&mut self, key: &str, object: Option<Arc<Object>>) -> Version {
        let id = match self.versioning {
            Versioning::Enabled => random_id(),
            Versioning::Never | Versioning::Suspended => NULL_VERSION.to_owned(),
        };
        let versions = self.objects.entry(key.to_owned()).or_default();
        versions.retain(|v| v.id != id);
        let version = Version { id, modified: OffsetDateTime::now_utc(), object, tags: Vec::new() };
        versions.push(version.clone());
        version
    }

    /// Takes one version away.
    pub fn remove(&mut self, key: &str, id: &str) -> Option<Version> {
        let versions = self.objects.get_mut(key)?;
        let index = versions.iter().position(|v| v.id == id)?;
        let removed = versions.remove(index);
        if versions.is_empty() {
            self.objects.remove(key);
        }
        Some(removed)
    }

    /// The version id that answers show, if the bucket shows any.
    pub fn shown_id(&self, version: &Version) -> Option<String> {
        (self.versioning != Versioning::Never).then(|| version.id.clone())
    }

    /// An open upload of a key.
    pub fn upload(&mut self, key: &str, id: &str) -> Result<&mut Upload, Refusal> {
        self.uploads.get_mut(id).filter(|upload| upload.key == key).ok_or_else(Refusal::no_such_upload)
    }
}

impl Object {
    pub fn size(&self) -> u64 {
        self.parts.iter().map(|part| part.content.size()).sum()
    }

    pub fn contents(&self) -> Vec<Arc<Content>> {
        self.parts.iter().map(|part| Arc::clone(&part.content)).collect()
    }
}

/// 32 random hexadecimal digits: upload and version ids, and the ETag of SSE-C objects.
pub(crate) fn random_id() -> String {
    let mut bytes = [0; 16];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}
