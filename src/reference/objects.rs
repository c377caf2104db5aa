//! Whole objects: put, get, head, attributes, copy, delete.

use std::ops::Range;
use std::sync::Arc;

use http::StatusCode;
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::admission::{Admitted, Request};
use super::body::{self, Claims, Taken};
use super::conditions::Conditions;
use super::content;
use super::error::{ErrorFields, Refusal, Told};
use super::faults::{Action, Asks, ListingFlaw, Read, Served, Serves, View, WriteFlaw};
use super::service::{Answer, Service};
use super::sse_c::{Encryption, GivenKey};
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
    key: Admitted,
    range: Range<u64>,
    served: Served,
    parts_count: Option<i32>,
}

impl Reading {
    fn content_range(&self) -> Option<String> {
        let Range { start, end } = self.range;
        (self.served.partial && start < end).then(|| format!("bytes {start}-{}/{}", end - 1, self.object.size()))
    }

    fn status(&self) -> StatusCode {
        if self.served.partial { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK }
    }

    fn length(&self) -> i64 {
        i64::try_from(self.served.length()).unwrap_or(i64::MAX)
    }

    /// Checksums are those of the whole object, and given when asked for.
    fn checksums(&self, mode: Option<&ChecksumMode>) -> Checksum {
        let wanted = mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED) && !self.served.partial;
        if wanted { self.object.checksums.clone() } else { Checksum::default() }
    }
}

impl Service {
    pub(super) async fn put(&self, req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let mut input = req.input;
        let before = || {
            let key = self.key_of(Action::Put, Request::of(&req.headers, &req.extensions))?;
            self.refuse_other(Action::Put, input.server_side_encryption.as_ref())?;
            refuse_too_large(input.content_length)?;
            self.store.bucket(&input.bucket, |_| Ok(()))?;
            Ok(self.unless_overridden(key, &input.bucket, WriteFlaw::DefaultEncryptionWins))
        };
        let key = match before() {
            Ok(key) => key,
            Err(refusal) => {
                self.after_refused_put(&input.bucket, &input.key, input.body.take()).await;
                return Err(refusal);
            }
        };
        let claims = Claims::of(&req.headers, input.content_md5.take(), input.content_length, req.trailing_headers);
        let frames = key.is_some() && self.faults.has(WriteFlaw::FramingStored);
        let (body, claims) = body::as_stored(input.body.take(), claims, frames);
        let taken =
            body::take(body, key.as_ref().map(|k| &k.key), &self.store.memory, claims, self.faults.makes_etags())
                .await?;
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
        let object = self.whole_object(Action::Put, key.as_ref(), taken, headers);
        let keep_former = |former: &Object| {
            let plain = self.faults.has(WriteFlaw::FormerPlainServed);
            if former.encryption.is_customers() { self.faults.has(WriteFlaw::FormerKeyKept) } else { plain }
        };
        let (object, version_id) = self.place(&input.bucket, &input.key, object, keep_former, &conditions)?;
        let echo = self.echo(Action::Put, key.as_ref());
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
            Action::Get,
            Request::of(&req.headers, &req.extensions),
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
        let echo = self.echo(Action::Get, reading.key.given.as_ref());
        if reading.key.serves == Serves::DataUnderRefusal
            && let Some(told) = req.extensions.get::<ErrorFields>()
        {
            told.tell(Told { status: Some(StatusCode::FORBIDDEN), ..Told::default() });
        }
        let opens = reading.key.opens.clone();
        let data = content::read(&reading.object.contents(), reading.served.range.clone(), opens);
        let stored = reading.object.headers.clone();
        let output = GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(reading.served.stream(data)),
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
            e_tag: Some(ETag::Strong(self.etag_shown(View::Get, &reading.object))),
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
            Action::Head,
            Request::of(&req.headers, &req.extensions),
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
        let echo = self.echo(Action::Head, reading.key.given.as_ref());
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
            content_length: Some(self.length_shown(View::Head, &reading)),
            content_range: reading.content_range(),
            content_type: stored.content_type,
            e_tag: Some(ETag::Strong(self.etag_shown(View::Head, &reading.object))),
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
        let request = Request::of(&req.headers, &req.extensions);
        let reading = self.reading(Action::Attributes, request, place, Conditions::default(), None, None)?;
        // s3s takes each header line for one attribute; the header is a list.
        let wanted = |name: &str| {
            let mut listed = input.object_attributes.iter().flat_map(|line| line.as_str().split(','));
            listed.any(|attribute| attribute.trim() == name)
        };
        let object = &reading.object;
        let output = GetObjectAttributesOutput {
            e_tag: wanted(ObjectAttributes::ETAG).then(|| ETag::Strong(self.etag_shown(View::Attributes, object))),
            object_size: wanted(ObjectAttributes::OBJECT_SIZE).then(|| self.length_shown(View::Attributes, &reading)),
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
        action: Action,
        request: Request<'_>,
        (bucket, key, version): (&str, &str, Option<&str>),
        conditions: Conditions,
        range: Option<s3s::dto::Range>,
        part_number: Option<i32>,
    ) -> Result<Reading, Refusal> {
        let presented = self.presented(action, request)?;
        let by_version = version.is_some();
        let (version, object) = self.store.version(bucket, key, version)?;
        let share_key = self.faults.has(WriteFlaw::VersionsShareKey);
        let newest = share_key.then(|| self.store.version(bucket, key, None).ok()).flatten().map(|(_, newest)| newest);
        let read = Read {
            action,
            ranged: range.is_some(),
            by_part_number: part_number.is_some(),
            by_version,
            presigned: request.presigned(),
            key_left_out: matches!(presented, Ok(None)) && request.carries(action),
            empty: object.size() == 0,
            multipart: object.multipart,
            onto_itself: false,
        };
        conditions.check_before_key(&self.faults, &version, &object)?;
        let customer_key = self.admit(read, &object, newest.as_ref(), presented)?;
        conditions.taken_by(&self.faults, &object)?.check_read(&version, &object)?;
        let size = object.size();
        let (range, asks, parts_count) = match (range, part_number) {
            (Some(_), Some(_)) => {
                let message = "Cannot specify both Range header and partNumber query parameter";
                return Err(Refusal::new(400, "InvalidRequest", message));
            }
            (Some(range), None) => {
                let asks = if matches!(range, s3s::dto::Range::Suffix { .. }) { Asks::Suffix } else { Asks::Range };
                (range.check(size).map_err(|_| Refusal::invalid_range())?, asks, None)
            }
            (None, Some(number)) => {
                let count = object.multipart.then(|| i32::try_from(object.parts.len()).unwrap_or(i32::MAX));
                (part_range(&object, number)?, Asks::Part, count)
            }
            (None, None) => (0..size, Asks::Whole, None),
        };
        let served = self.faults.served(action, &object, range.clone(), asks, customer_key.serves);
        let version_id = self.store.bucket(bucket, |bucket| Ok(bucket.shown_id(&version)))?;
        Ok(Reading { version, version_id, object, key: customer_key, range, served, parts_count })
    }

    /// Refuses other encryption than the store's own, where that is looked at.
    pub(super) fn refuse_other(&self, action: Action, method: Option<&ServerSideEncryption>) -> Result<(), Refusal> {
        if self.faults.passes_over_other_encryption(action) { Ok(()) } else { refuse_other_encryption(method) }
    }

    /// What an answer echoes of a key.
    pub(super) fn echo(&self, action: Action, key: Option<&GivenKey>) -> Echo {
        self.faults.echo(action, Echo::of(key))
    }

    /// The ETag of data without parts: AWS gives SSE-C objects one that says nothing of their content.
    pub(super) fn etag_of(&self, action: Action, key: Option<&GivenKey>, taken: &Taken) -> String {
        key.map_or_else(|| taken.md5.clone(), |key| self.faults.etag(action, random_id(), key, &taken.md5))
    }

    pub(super) fn etag_shown(&self, view: View, object: &Object) -> String {
        match object.encryption {
            Encryption::Store => object.etag.clone(),
            Encryption::Customer(_) => self.faults.etag_shown(view, &object.etag),
        }
    }

    fn length_shown(&self, view: View, reading: &Reading) -> i64 {
        let length = reading.served.length();
        let shown = match reading.object.encryption {
            Encryption::Store => length,
            Encryption::Customer(_) => self.faults.size_shown(view, length, reading.object.multipart),
        };
        i64::try_from(shown).unwrap_or(i64::MAX)
    }

    pub(super) fn whole_object(
        &self,
        action: Action,
        key: Option<&GivenKey>,
        taken: Taken,
        headers: ObjectHeaders,
    ) -> Object {
        Object {
            etag: self.etag_of(action, key, &taken),
            multipart: false,
            encryption: self.encryption(key),
            headers,
            checksums: taken.checksums,
            parts: vec![ObjectPart { number: 1, content: Arc::new(taken.content) }],
        }
    }

    /// Puts an object in its place; answers it with the version id where one is shown.
    pub(super) fn place(
        &self,
        bucket: &str,
        key: &str,
        mut object: Object,
        keep_former: impl Fn(&Object) -> bool,
        conditions: &Conditions,
    ) -> Result<(Arc<Object>, Option<String>), Refusal> {
        self.store.bucket(bucket, |bucket| {
            let current = bucket.current(key).and_then(|version| version.object.as_deref());
            conditions.check_write(current)?;
            if let Some(current) = current.filter(|former| keep_former(former)) {
                object.encryption.hold_former(&current.encryption);
            }
            let object = Arc::new(object);
            let version = bucket.put(key, Some(Arc::clone(&object)));
            Ok((object, bucket.shown_id(&version)))
        })
    }

    fn remove(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Removed, Refusal> {
        use super::store::Versioning;
        let under_key = self.store.version(bucket, key, version).is_ok_and(|(_, o)| o.encryption.is_customers());
        if under_key && self.faults.has(ListingFlaw::DeleteNeedsKey) {
            return Err(Refusal::new(400, "InvalidRequest", "The key of the object is needed."));
        }
        if under_key && self.faults.has(ListingFlaw::DeleteKeeps) {
            return Ok(Removed { is_marker: false, version_id: None });
        }
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

struct Removed {
    is_marker: bool,
    version_id: Option<String>,
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
