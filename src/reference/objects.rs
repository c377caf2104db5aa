//! Whole objects: put, get, head, attributes, copy, delete.

use std::ops::Range;
use std::sync::Arc;

use http::StatusCode;
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::body::{self, Claims, Taken};
use super::conditions::Conditions;
use super::content;
use super::error::Refusal;
use super::service::{Answer, Service};
use super::sse_c::{CustomerKey, Encryption, GivenKey};
use super::store::{Object, ObjectHeaders, ObjectPart, Version, random_id};

/// How AWS names its own encryption, which everything without a customer key gets.
const STORE_ENCRYPTION: &str = ServerSideEncryption::AES256;
/// The most bytes that one PutObject or UploadPart may bring (5 GiB).
const MAX_UPLOAD: i64 = 5 * 1024 * 1024 * 1024;

/// The headers by which an answer tells how the object is encrypted.
pub(super) struct Echo {
    pub customer_algorithm: Option<String>,
    pub customer_key_md5: Option<String>,
    pub store: Option<ServerSideEncryption>,
}

impl Echo {
    pub fn of(key: Option<&GivenKey>) -> Self {
        Self {
            customer_algorithm: key.map(|_| "AES256".to_owned()),
            customer_key_md5: key.map(|given| given.md5.clone()),
            store: key.is_none().then(|| ServerSideEncryption::from_static(STORE_ENCRYPTION)),
        }
    }
}

/// The ETag of data without parts: AWS gives SSE-C objects one that says nothing of their content.
pub(super) fn etag_of(key: Option<&GivenKey>, taken: &Taken) -> String {
    if key.is_some() { random_id() } else { taken.md5.clone() }
}

/// Refuses encryption that only AWS's own services could do.
pub(super) fn refuse_other_encryption(method: Option<&ServerSideEncryption>) -> Result<(), Refusal> {
    match method.map(ServerSideEncryption::as_str) {
        None | Some(STORE_ENCRYPTION) => Ok(()),
        Some("aws:kms" | "aws:kms:dsse") => {
            Err(Refusal::not_implemented("The reference endpoint has no key management service."))
        }
        Some(other) => {
            let message = "The encryption method specified is not supported";
            Err(Refusal::invalid_argument(message).argument("x-amz-server-side-encryption", other))
        }
    }
}

/// A body that is longer than one request may bring is refused before it is read.
pub(super) fn refuse_too_large(length: Option<i64>) -> Result<(), Refusal> {
    if length.is_some_and(|length| length > MAX_UPLOAD) {
        let message = "Your proposed upload exceeds the maximum allowed size";
        return Err(Refusal::new(400, "EntityTooLarge", message));
    }
    Ok(())
}

/// What a read has come to before its answer is written.
struct Reading {
    version: Version,
    version_id: Option<String>,
    object: Arc<Object>,
    key: Option<GivenKey>,
    range: Range<u64>,
    /// Whether less than the whole was asked for.
    partial: bool,
    parts_count: Option<i32>,
}

impl Reading {
    fn content_range(&self) -> Option<String> {
        let Range { start, end } = self.range;
        (self.partial && start < end).then(|| format!("bytes {start}-{}/{}", end - 1, self.object.size()))
    }

    fn status(&self) -> StatusCode {
        if self.partial { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK }
    }

    fn length(&self) -> i64 {
        i64::try_from(self.range.end - self.range.start).unwrap_or(i64::MAX)
    }

    /// Checksums are those of the whole object, and given when asked for.
    fn checksums(&self, mode: Option<&ChecksumMode>) -> Checksum {
        let wanted = mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED) && !self.partial;
        if wanted { self.object.checksums.clone() } else { Checksum::default() }
    }
}

impl Service {
    pub(super) async fn put(&self, req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let mut input = req.input;
        let before = || {
            let key = CustomerKey::to_write(&req.headers)?.given();
            refuse_other_encryption(input.server_side_encryption.as_ref())?;
            refuse_too_large(input.content_length)?;
            self.store.bucket(&input.bucket, |_| Ok(()))?;
            Ok(key)
        };
        let key = match before() {
            Ok(key) => key,
            Err(refusal) => {
                body::drain(input.body.take()).await;
                return Err(refusal);
            }
        };
        let claims = Claims::of(&req.headers, input.content_md5.take(), input.content_length, req.trailing_headers);
        let taken = body::take(input.body.take(), key.as_ref().map(|k| &k.key), &self.store.memory, claims).await?;
        let conditions =
            Conditions { if_match: input.if_match, if_none_match: input.if_none_match, ..Conditions::default() };
        let headers = ObjectHeaders {
            content_type: input.content_type,
            cache_control: input.cache_control,
            content_disposition: input.content_disposition,
            content_encoding: input.content_encoding,
            content_language: input.content_language,
            metadata: input.metadata,
        };
        let checksums = taken.checksums.clone();
        let object = Arc::new(whole_object(key.as_ref(), taken, headers));
        let version_id = self.place(&input.bucket, &input.key, Arc::clone(&object), &conditions)?;
        let echo = Echo::of(key.as_ref());
        Ok(S3Response::new(PutObjectOutput {
            e_tag: Some(ETag::Strong(object.etag.clone())),
            version_id,
            server_side_encryption: echo.store,
            sse_customer_algorithm: echo.customer_algorithm,
            sse_customer_key_md5: echo.customer_key_md5,
            checksum_crc32: checksums.checksum_crc32,
            checksum_crc32c: checksums.checksum_crc32c,
            checksum_crc64nvme: checksums.checksum_crc64nvme,
            checksum_sha1: checksums.checksum_sha1,
            checksum_sha256: checksums.checksum_sha256,
            checksum_type: checksums.checksum_type,
            ..PutObjectOutput::default()
        }))
    }

    pub(super) async fn get(&self, req: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let input = req.input;
        let reading = self.reading(
            &req.headers,
            (&input.bucket, &input.key, input.version_id.as_deref()),
            Conditions {
                if_match: input.if_match,
                if_none_match: input.if_none_match,
                if_modified_since: input.if_modified_since,
                if_unmodified_since: input.if_unmodified_since,
            },
            input.range,
            input.part_number,
        )?;
        let checksums = reading.checksums(input.checksum_mode.as_ref());
        let echo = Echo::of(reading.key.as_ref());
        let key = reading.key.as_ref().map(|given| given.key.clone());
        let stream = content::read(&reading.object.contents(), reading.range.clone(), key);
        let stored = reading.object.headers.clone();
        let output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(StreamingBlob::wrap(stream)),
            cache_control: input.response_cache_control.or(stored.cache_control),
            checksum_crc32: checksums.checksum_crc32,
            checksum_crc32c: checksums.checksum_crc32c,
            checksum_crc64nvme: checksums.checksum_crc64nvme,
            checksum_sha1: checksums.checksum_sha1,
            checksum_sha256: checksums.checksum_sha256,
            checksum_type: checksums.checksum_type,
            content_disposition: input.response_content_disposition.or(stored.content_disposition),
            content_encoding: input.response_content_encoding.or(stored.content_encoding),
            content_language: input.response_content_language.or(stored.content_language),
            content_length: Some(reading.length()),
            content_range: reading.content_range(),
            content_type: input.response_content_type.or(stored.content_type),
            e_tag: Some(ETag::Strong(reading.object.etag.clone())),
            last_modified: Some(reading.version.modified.into()),
            metadata: stored.metadata,
            parts_count: reading.parts_count,
            server_side_encryption: echo.store,
            sse_customer_algorithm: echo.customer_algorithm,
            sse_customer_key_md5: echo.customer_key_md5,
            version_id: reading.version_id.clone(),
            ..GetObjectOutput::default()
        };
        Ok(S3Response { status: Some(reading.status()), ..S3Response::new(output) })
    }

    pub(super) async fn head(&self, req: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let input = req.input;
        let reading = self.reading(
            &req.headers,
            (&input.bucket, &input.key, input.version_id.as_deref()),
            Conditions {
                if_match: input.if_match,
                if_none_match: input.if_none_match,
                if_modified_since: input.if_modified_since,
                if_unmodified_since: input.if_unmodified_since,
            },
            input.range,
            input.part_number,
        )?;
        let checksums = reading.checksums(input.checksum_mode.as_ref());
        let echo = Echo::of(reading.key.as_ref());
        let stored = reading.object.headers.clone();
        let output = HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: stored.cache_control,
            checksum_crc32: checksums.checksum_crc32,
            checksum_crc32c: checksums.checksum_crc32c,
            checksum_crc64nvme: checksums.checksum_crc64nvme,
            checksum_sha1: checksums.checksum_sha1,
            checksum_sha256: checksums.checksum_sha256,
            checksum_type: checksums.checksum_type,
            content_disposition: stored.content_disposition,
            content_encoding: stored.content_encoding,
            content_language: stored.content_language,
            content_length: Some(reading.length()),
            content_range: reading.content_range(),
            content_type: stored.content_type,
            e_tag: Some(ETag::Strong(reading.object.etag.clone())),
            last_modified: Some(reading.version.modified.into()),
            metadata: stored.metadata,
            parts_count: reading.parts_count,
            server_side_encryption: echo.store,
            sse_customer_algorithm: echo.customer_algorithm,
            sse_customer_key_md5: echo.customer_key_md5,
            version_id: reading.version_id.clone(),
            ..HeadObjectOutput::default()
        };
        Ok(S3Response { status: Some(reading.status()), ..S3Response::new(output) })
    }

    pub(super) async fn attributes(
        &self,
        req: S3Request<GetObjectAttributesInput>,
    ) -> Answer<GetObjectAttributesOutput> {
        let input = req.input;
        let place = (input.bucket.as_str(), input.key.as_str(), input.version_id.as_deref());
        let reading = self.reading(&req.headers, place, Conditions::default(), None, None)?;
        // s3s takes each header line for one attribute; the header is a list.
        let wanted = |name: &str| {
            let mut listed = input.object_attributes.iter().flat_map(|line| line.as_str().split(','));
            listed.any(|attribute| attribute.trim() == name)
        };
        let object = &reading.object;
        let output = GetObjectAttributesOutput {
            e_tag: wanted(ObjectAttributes::ETAG).then(|| ETag::Strong(object.etag.clone())),
            object_size: wanted(ObjectAttributes::OBJECT_SIZE).then(|| reading.length()),
            storage_class: wanted(ObjectAttributes::STORAGE_CLASS)
                .then(|| StorageClass::from_static(StorageClass::STANDARD)),
            checksum: (wanted(ObjectAttributes::CHECKSUM) && !object.multipart).then(|| object.checksums.clone()),
            object_parts: (wanted(ObjectAttributes::OBJECT_PARTS) && object.multipart).then(|| {
                GetObjectAttributesParts {
                    total_parts_count: i32::try_from(object.parts.len()).ok(),
                    ..GetObjectAttributesParts::default()
                }
            }),
            last_modified: Some(reading.version.modified.into()),
            version_id: reading.version_id.clone(),
            ..GetObjectAttributesOutput::default()
        };
        Ok(S3Response::new(output))
    }

    pub(super) async fn copy(&self, req: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        let input = req.input;
        let source = self.source(
            &req.headers,
            &input.copy_source,
            Some((&input.bucket, &input.key)),
            Conditions {
                if_match: input.copy_source_if_match,
                if_none_match: input.copy_source_if_none_match,
                if_modified_since: input.copy_source_if_modified_since,
                if_unmodified_since: input.copy_source_if_unmodified_since,
            },
        );
        // The target's headers are looked at first.
        let key = CustomerKey::to_write(&req.headers)?.given();
        refuse_other_encryption(input.server_side_encryption.as_ref())?;
        let source = source?;
        let replaces = input.metadata_directive.is_some_and(|d| d.as_str() == MetadataDirective::REPLACE);
        if source.onto_itself && !replaces && key.is_none() && input.server_side_encryption.is_none() {
            let message = "This copy request is illegal because it is trying to copy an object to itself without changing \
                           the object's metadata, storage class, website redirect location or encryption attributes.";
            return Err(Refusal::new(400, "InvalidRequest", message));
        }
        let headers = if replaces {
            ObjectHeaders {
                content_type: input.content_type,
                cache_control: input.cache_control,
                content_disposition: input.content_disposition,
                content_encoding: input.content_encoding,
                content_language: input.content_language,
                metadata: input.metadata,
            }
        } else {
            source.object.headers.clone()
        };
        let range = 0..source.object.size();
        let taken = self.copied(&source, range, key.as_ref()).await?;
        let checksums = taken.checksums.clone();
        let object = Arc::new(whole_object(key.as_ref(), taken, headers));
        let version_id = self.place(&input.bucket, &input.key, Arc::clone(&object), &Conditions::default())?;
        let echo = Echo::of(key.as_ref());
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: Some(ETag::Strong(object.etag.clone())),
                last_modified: Some(time::OffsetDateTime::now_utc().into()),
                checksum_crc64nvme: checksums.checksum_crc64nvme,
                checksum_type: checksums.checksum_type,
                ..CopyObjectResult::default()
            }),
            copy_source_version_id: source.version_id,
            version_id,
            server_side_encryption: echo.store,
            sse_customer_algorithm: echo.customer_algorithm,
            sse_customer_key_md5: echo.customer_key_md5,
            ..CopyObjectOutput::default()
        }))
    }

    pub(super) async fn delete(&self, req: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        let DeleteObjectInput { bucket, key, version_id, .. } = req.input;
        let removed = self.remove(&bucket, &key, version_id.as_deref())?;
        let output = DeleteObjectOutput {
            delete_marker: removed.is_marker.then_some(true),
            version_id: removed.version_id,
            ..DeleteObjectOutput::default()
        };
        Ok(S3Response { status: Some(StatusCode::NO_CONTENT), ..S3Response::new(output) })
    }

    pub(super) async fn delete_many(&self, req: S3Request<DeleteObjectsInput>) -> Answer<DeleteObjectsOutput> {
        let DeleteObjectsInput { bucket, delete, .. } = req.input;
        let quiet = delete.quiet.unwrap_or(false);
        let mut deleted = Vec::new();
        for ObjectIdentifier { key, version_id, .. } in delete.objects {
            let removed = self.remove(&bucket, &key, version_id.as_deref())?;
            let (marker, marker_id) = (removed.is_marker.then_some(true), removed.version_id);
            deleted.push(DeletedObject {
                key: Some(key),
                delete_marker: marker,
                delete_marker_version_id: marker.and(marker_id),
                version_id,
            });
        }
        let output = DeleteObjectsOutput { deleted: (!quiet).then_some(deleted), ..DeleteObjectsOutput::default() };
        Ok(S3Response::new(output))
    }

    /// Everything about a read that comes before its answer, in the order in which AWS looks: the headers' form,
    /// the object, its key, the preconditions, the range.
    fn reading(
        &self,
        headers: &http::HeaderMap,
        (bucket, key, version): (&str, &str, Option<&str>),
        conditions: Conditions,
        range: Option<s3s::dto::Range>,
        part_number: Option<i32>,
    ) -> Result<Reading, Refusal> {
        let customer_key = CustomerKey::to_read(headers)?;
        let (version, object) = self.store.version(bucket, key, version)?;
        let customer_key = object.encryption.admit(customer_key)?;
        conditions.check_read(&version, &object)?;
        let size = object.size();
        let (range, partial, parts_count) = match (range, part_number) {
            (Some(_), Some(_)) => {
                let message = "Cannot specify both Range header and partNumber query parameter";
                return Err(Refusal::new(400, "InvalidRequest", message));
            }
            (Some(range), None) => (range.check(size).map_err(|_| Refusal::invalid_range())?, true, None),
            (None, Some(number)) => {
                let count = object.multipart.then(|| i32::try_from(object.parts.len()).unwrap_or(i32::MAX));
                (part_range(&object, number)?, true, count)
            }
            (None, None) => (0..size, false, None),
        };
        let version_id = self.store.bucket(bucket, |bucket| Ok(bucket.shown_id(&version)))?;
        Ok(Reading { version, version_id, object, key: customer_key, range, partial, parts_count })
    }

    /// The source of a copy, admitted. `target` is where it goes, if that may be the source itself.
    pub(super) fn source(
        &self,
        headers: &http::HeaderMap,
        source: &CopySource,
        target: Option<(&str, &str)>,
        conditions: Conditions,
    ) -> Result<Source, Refusal> {
        let CopySource::Bucket { bucket, key, version_id } = source else {
            return Err(Refusal::not_implemented("The reference endpoint has no access points."));
        };
        let onto_itself = version_id.is_none() && target == Some((bucket, key));
        let customer_key = CustomerKey::of_source(headers)?;
        let (version, object) = self.store.version(bucket, key, version_id.as_deref())?;
        let customer_key = object.encryption.admit_copy(customer_key, onto_itself)?;
        conditions.check_source(&version, &object)?;
        let version_id = self.store.bucket(bucket, |bucket| Ok(bucket.shown_id(&version)))?;
        Ok(Source { object, key: customer_key, version_id, onto_itself })
    }

    /// A range of a source's data, sealed anew.
    pub(super) async fn copied(
        &self,
        source: &Source,
        range: Range<u64>,
        key: Option<&GivenKey>,
    ) -> Result<Taken, Refusal> {
        let opened =
            content::read(&source.object.contents(), range, source.key.as_ref().map(|given| given.key.clone()));
        let body = StreamingBlob::wrap(opened);
        body::take(Some(body), key.map(|given| &given.key), &self.store.memory, Claims::none()).await
    }

    /// Puts an object in its place; answers the version id where one is shown.
    pub(super) fn place(
        &self,
        bucket: &str,
        key: &str,
        object: Arc<Object>,
        conditions: &Conditions,
    ) -> Result<Option<String>, Refusal> {
        self.store.bucket(bucket, |bucket| {
            conditions.check_write(bucket.current(key).and_then(|version| version.object.as_deref()))?;
            let version = bucket.put(key, Some(object));
            Ok(bucket.shown_id(&version))
        })
    }

    fn remove(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Removed, Refusal> {
        use super::store::Versioning;
        self.store.bucket(bucket, |bucket| match version {
            Some(id) => {
                let removed = bucket.remove(key, id);
                let is_marker = removed.is_some_and(|version| version.object.is_none());
                Ok(Removed { is_marker, version_id: Some(id.to_owned()) })
            }
            None if bucket.versioning == Versioning::Never => {
                bucket.remove(key, super::store::NULL_VERSION);
                Ok(Removed { is_marker: false, version_id: None })
            }
            None => {
                let marker = bucket.put(key, None);
                Ok(Removed { is_marker: true, version_id: Some(marker.id) })
            }
        })
    }
}

/// The source of a copy, admitted.
pub(super) struct Source {
    pub object: Arc<Object>,
    pub key: Option<GivenKey>,
    pub version_id: Option<String>,
    /// Whether it is copied onto itself.
    pub onto_itself: bool,
}

struct Removed {
    is_marker: bool,
    version_id: Option<String>,
}

fn whole_object(key: Option<&GivenKey>, taken: Taken, headers: ObjectHeaders) -> Object {
    Object {
        etag: etag_of(key, &taken),
        multipart: false,
        encryption: Encryption::under(key),
        headers,
        checksums: taken.checksums,
        parts: vec![ObjectPart { number: 1, content: Arc::new(taken.content) }],
    }
}

fn part_range(object: &Object, number: i32) -> Result<Range<u64>, Refusal> {
    let mut start = 0;
    for part in &object.parts {
        let end = start + part.content.size();
        if part.number == number {
            return Ok(start..end);
        }
        start = end;
    }
    Err(Refusal::new(416, "InvalidPartNumber", "The requested partnumber is not satisfiable"))
}
