//! What is known of a request: the object that it is for, as it is before it, and whether the key is that object's.

use std::sync::Arc;

use http::header::RANGE;

use super::memory::{KeyHeaders, Making, Memory, VersionId};
use crate::reference::error::Refusal;
use crate::reference::request::{Form, Operation, Request, Target, Transport};
use crate::reference::sse_c::{Encryption, GivenKey, SOURCE, TARGET};
use crate::reference::store::{Store, Versioning};

/// Operations that read an object, or what is told of it.
pub(crate) const READS: &[Operation] = &[Operation::GetObject, Operation::HeadObject, Operation::GetObjectAttributes];

/// Operations that write something.
pub(crate) const WRITES: &[Operation] = &[
    Operation::PutObject,
    Operation::PostObject,
    Operation::CopyObject,
    Operation::CreateMultipartUpload,
    Operation::UploadPart,
    Operation::UploadPartCopy,
];

/// Operations that take the SSE-C headers of an object.
pub(crate) const EVERY: &[Operation] = &[
    Operation::PutObject,
    Operation::PostObject,
    Operation::GetObject,
    Operation::HeadObject,
    Operation::GetObjectAttributes,
    Operation::CopyObject,
    Operation::CreateMultipartUpload,
    Operation::UploadPart,
    Operation::UploadPartCopy,
];

/// Operations that take those of a copy's source.
pub(crate) const COPIES: &[Operation] = &[Operation::CopyObject, Operation::UploadPartCopy];

/// Operations that are refused where SSE-C is blocked.
pub(crate) const BLOCKED: &[Operation] =
    &[Operation::PutObject, Operation::PostObject, Operation::CopyObject, Operation::CreateMultipartUpload];

/// How the SSE-C headers of a request stand to the object that it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyRelation {
    /// Neither the object nor the request has a key, or there is no object.
    Unneeded,
    /// The object has a key, and the request none.
    Missing,
    Right,
    Other,
    /// The request has a key, and the object none.
    OnUnencrypted,
    /// The headers are refused for their form.
    Malformed,
}

/// A stored object.
#[derive(Clone)]
pub(crate) struct ObjectFacts {
    pub version: VersionId,
    /// Whether a customer key encrypts it.
    pub is_customers: bool,
    /// Bytes of plaintext.
    pub size: u64,
    /// Bytes of plaintext of each part; one, where it was not made of parts.
    pub parts: Vec<u64>,
    /// Numbers of the parts.
    pub part_numbers: Vec<i32>,
    pub is_multipart: bool,
    /// Without quotes.
    pub etag: String,
    /// Whether no version is newer.
    pub is_newest: bool,
    /// How many versions there are of its name.
    pub versions: usize,
    /// How it came to be, if that was seen.
    pub making: Option<Making>,
}

/// An open upload.
#[derive(Clone)]
pub(crate) struct UploadFacts {
    pub id: String,
    pub is_customers: bool,
    /// Numbers and sizes of the parts that have come.
    pub parts: Vec<(i32, u64)>,
    pub making: Option<Making>,
}

/// A bucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BucketFacts {
    pub versioning: Versioning,
    pub blocks_sse_c: bool,
    pub has_policy: bool,
    /// Whether its owner has set a default encryption.
    pub is_default_encrypted: bool,
}

/// What is known of a request.
#[derive(Clone)]
pub(crate) struct Facts {
    pub operation: Operation,
    pub target: Target,
    pub form: Form,
    pub transport: Transport,
    pub connection: u64,
    /// Whether it has an SSE-C header that is not of a copy's source.
    pub carries: bool,
    /// Whether it has an SSE-C header of a copy's source.
    pub carries_source: bool,
    /// The version that it names, of a copy's source too.
    pub version_id: Option<String>,
    pub part_number: Option<i32>,
    /// Whether it asks for a range.
    pub is_ranged: bool,
    /// The SSE-C headers that it brings.
    pub sent_key: KeyHeaders,
    /// Those of a copy's source.
    pub sent_source_key: KeyHeaders,
    pub bucket: Option<BucketFacts>,
    /// What is there: the version that it names, or the newest.
    pub object: Option<ObjectFacts>,
    /// Where a delete marker is there, the newest version that is none.
    pub hidden: Option<ObjectFacts>,
    /// The source of a copy.
    pub source: Option<ObjectFacts>,
    /// The upload that it names.
    pub upload: Option<UploadFacts>,
    /// Of the headers to the object or, of a part, to the upload.
    pub key: KeyRelation,
    /// Of the headers of a copy's source to it.
    pub source_key: KeyRelation,
    pub memory: Memory,
}

impl Facts {
    /// Of a request.
    pub fn of(request: &Request, store: &Store, memory: &Memory) -> Arc<Self> {
        let (operation, target) = (request.operation(), request.target());
        let version_id = request.parameter("versionId").map(|id| id.into_owned());
        let carries = |prefix: &str| request.headers.keys().any(|name| name.as_str().starts_with(prefix));
        let object = ObjectFacts::of(store, memory, &target, version_id.as_deref());
        let hidden = ObjectFacts::hidden(store, memory, &target, version_id.as_deref());
        let named = request.copy_source();
        let source =
            named.as_ref().and_then(|(source, version)| ObjectFacts::of(store, memory, source, version.as_deref()));
        let upload_id = request.parameter("uploadId");
        let upload = upload_id.and_then(|id| UploadFacts::of(store, memory, &target, &id));
        let bucket = store.bucket(&target.bucket, |bucket| {
            Ok(BucketFacts {
                versioning: bucket.versioning,
                blocks_sse_c: bucket.blocks_sse_c,
                has_policy: bucket.policy.is_some(),
                is_default_encrypted: bucket.default_encryption_set,
            })
        });
        let key = if READS.contains(&operation) {
            GivenKey::to_read(&request.headers)
        } else {
            GivenKey::to_write(&request.headers)
        };
        let key = match (&upload, &object) {
            (Some(_), _) => store.bucket(&target.bucket, |bucket| {
                let id = request.parameter("uploadId").unwrap_or_default();
                Ok(relation(key, bucket.upload(&target.key, &id).ok().map(|upload| &upload.encryption)))
            }),
            (None, Some(object)) => object.relation(store, key),
            (None, None) => Ok(relation(key, None)),
        };
        let source_key = GivenKey::of_source(&request.headers);
        let source_key = match &source {
            Some(source) => source.relation(store, source_key),
            None => Ok(relation(source_key, None)),
        };
        Arc::new(Self {
            operation,
            form: request.form,
            transport: request.transport,
            connection: request.connection,
            carries: carries(TARGET),
            carries_source: carries(SOURCE),
            version_id: version_id.or_else(|| named.and_then(|(_, version)| version)),
            part_number: request.parameter("partNumber").and_then(|number| number.parse().ok()),
            is_ranged: request.headers.contains_key(RANGE),
            sent_key: KeyHeaders::of(&request.headers),
            sent_source_key: KeyHeaders::of_source(&request.headers),
            bucket: bucket.ok(),
            key: key.unwrap_or(KeyRelation::Unneeded),
            source_key: source_key.unwrap_or(KeyRelation::Unneeded),
            target,
            object,
            hidden,
            source,
            upload,
            memory: memory.clone(),
        })
    }

    /// Whether the object is there and encrypted by a customer key.
    pub fn of_sse_c(&self) -> bool {
        self.object.as_ref().is_some_and(|object| object.is_customers)
    }

    /// Whether it reads an object under a customer key that a delete marker hides.
    pub fn reads_hidden_sse_c(&self) -> bool {
        self.reads() && self.hidden.as_ref().is_some_and(|hidden| hidden.is_customers)
    }

    /// Whether the source of a copy is encrypted by a customer key.
    pub fn of_sse_c_source(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.is_customers)
    }

    /// Whether the upload is under a customer key.
    pub fn of_sse_c_upload(&self) -> bool {
        self.upload.as_ref().is_some_and(|upload| upload.is_customers)
    }

    /// Whether it is a GetObject.
    pub fn gets(&self) -> bool {
        self.operation == Operation::GetObject
    }

    /// Whether it reads an object, or what is told of it.
    pub fn reads(&self) -> bool {
        READS.contains(&self.operation)
    }

    /// Whether it is a GetObject or HeadObject of an object under a customer key.
    pub fn reads_sse_c(&self) -> bool {
        matches!(self.operation, Operation::GetObject | Operation::HeadObject) && self.of_sse_c()
    }

    /// Whether it copies an object onto itself.
    pub fn is_in_place(&self) -> bool {
        let source = self.source.as_ref().map(|source| &source.version.target);
        self.operation == Operation::CopyObject && source == Some(&self.target)
    }

    /// Whether it brings SSE-C headers for something that takes them.
    pub fn uses_key(&self) -> bool {
        self.carries_source || (self.carries && EVERY.contains(&self.operation))
    }

    /// The key of the object, or of the upload; empty where that was not seen.
    pub fn right_key(&self) -> KeyHeaders {
        let making = match (&self.upload, &self.object) {
            (Some(upload), _) => upload.making.as_ref(),
            (None, object) => object.as_ref().and_then(|object| object.making.as_ref()),
        };
        making.map(|making| making.key.clone()).unwrap_or_default()
    }

    /// The key of a copy's source; empty where that was not seen.
    pub fn right_source_key(&self) -> KeyHeaders {
        let making = self.source.as_ref().and_then(|source| source.making.as_ref());
        making.map(|making| making.key.clone()).unwrap_or_default()
    }
}

impl ObjectFacts {
    /// Of a version of an object, or the newest; none where that is not there, or a delete marker.
    pub fn of(store: &Store, memory: &Memory, target: &Target, version: Option<&str>) -> Option<Self> {
        let (found, object) = store.version(&target.bucket, &target.key, version).ok()?;
        let (is_newest, versions) = store
            .bucket(&target.bucket, |bucket| {
                let all = bucket.objects.get(&target.key);
                let newest = all.and_then(|all| all.last()).is_some_and(|newest| newest.id == found.id);
                Ok((newest, all.map_or(0, Vec::len)))
            })
            .ok()?;
        let version = VersionId { target: target.clone(), version: found.id };
        Some(Self {
            making: memory.making(&version),
            version,
            is_customers: object.encryption.is_customers(),
            size: object.size(),
            parts: object.parts.iter().map(|part| part.content.size()).collect(),
            part_numbers: object.parts.iter().map(|part| part.number).collect(),
            is_multipart: object.multipart,
            etag: object.etag.clone(),
            is_newest,
            versions,
        })
    }

    /// Of the newest version below a delete marker; none where there is no marker.
    fn hidden(store: &Store, memory: &Memory, target: &Target, version: Option<&str>) -> Option<Self> {
        let refusal = store.version(&target.bucket, &target.key, version).err()?;
        refusal.headers.iter().find(|(name, _)| *name == "x-amz-delete-marker")?;
        let newest = store.bucket(&target.bucket, |bucket| {
            let versions = bucket.objects.get(&target.key).into_iter().flatten().rev();
            Ok(versions.filter(|version| version.object.is_some()).map(|version| version.id.clone()).next())
        });
        Self::of(store, memory, target, Some(&newest.ok()??))
    }

    fn relation(&self, store: &Store, key: Result<Option<GivenKey>, Refusal>) -> Result<KeyRelation, Refusal> {
        let VersionId { target, version } = &self.version;
        let (_, object) = store.version(&target.bucket, &target.key, Some(version))?;
        Ok(relation(key, Some(&object.encryption)))
    }
}

impl UploadFacts {
    fn of(store: &Store, memory: &Memory, target: &Target, id: &str) -> Option<Self> {
        let found = store.bucket(&target.bucket, |bucket| {
            let upload = bucket.upload(&target.key, id)?;
            let parts = upload.parts.iter().map(|(number, part)| (*number, part.content.size())).collect();
            Ok((upload.encryption.is_customers(), parts))
        });
        let (is_customers, parts) = found.ok()?;
        Some(Self { id: id.to_owned(), is_customers, parts, making: memory.upload(id) })
    }
}

fn relation(key: Result<Option<GivenKey>, Refusal>, encryption: Option<&Encryption>) -> KeyRelation {
    let Ok(key) = key else { return KeyRelation::Malformed };
    let Some(encryption) = encryption else { return KeyRelation::Unneeded };
    match (encryption.is_customers(), &key) {
        (false, None) => KeyRelation::Unneeded,
        (false, Some(_)) => KeyRelation::OnUnencrypted,
        (true, None) => KeyRelation::Missing,
        (true, Some(_)) if encryption.admit(key.as_ref()).is_ok() => KeyRelation::Right,
        (true, Some(_)) => KeyRelation::Other,
    }
}
