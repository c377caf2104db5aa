//! Whole objects: put, get, head, attributes, copy, delete.

use std::ops::Range;
use std::sync::Arc;

use http::StatusCode;
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::admission::{Admitted, Request};
use super::checksums::{Algorithm, with_checksums};
use super::conditions::Conditions;
use super::content;
use super::error::Refusal;
use super::faults::{Action, Asks, ChecksumFlaw, ListingFlaw, Read, ReadFlaw, Served, Serves, View, WriteFlaw};
use super::service::{Answer, Service};
use super::sse_c::{Encryption, GivenKey};
use super::store::{Object, ObjectHeaders, Version};

/// How AWS names its own encryption, which everything without a customer key gets.
pub(super) const STORE_ENCRYPTION: &str = ServerSideEncryption::AES256;

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

/// What a read has come to before its answer is written.
pub(super) struct Reading {
    pub version: Version,
    pub version_id: Option<String>,
    pub object: Arc<Object>,
    key: Admitted,
    range: Range<u64>,
    served: Served,
    parts_count: Option<i32>,
    /// The size that Content-Range tells.
    size_told: u64,
}

impl Reading {
    fn content_range(&self) -> Option<String> {
        let Range { start, end } = self.range;
        (self.served.partial && start < end).then(|| format!("bytes {start}-{}/{}", end - 1, self.size_told))
    }

    fn status(&self) -> StatusCode {
        if self.served.partial { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK }
    }

    /// How many tags there are, where there are any.
    fn tag_count(&self) -> Option<i32> {
        i32::try_from(self.version.tags.len()).ok().filter(|count| *count > 0)
    }

    fn length(&self) -> i64 {
        i64::try_from(self.served.length()).unwrap_or(i64::MAX)
    }

    /// Checksums are those of the whole object, and given when asked for.
    fn checksums(&self, mode: Option<&ChecksumMode>) -> Checksum {
        let wanted =
            mode.is_some_and(|mode| mode.as_str().eq_ignore_ascii_case(ChecksumMode::ENABLED)) && !self.served.partial;
        if wanted { self.object.checksums.clone() } else { Checksum::default() }
    }
}

impl Service {
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
        let checksums = self.checksums_shown(&reading, input.checksum_mode.as_ref());
        let echo = self.echo(Action::Get, reading.key.given.as_ref());
        let opens = reading.key.opens.clone();
        let data = content::read(&reading.object.contents(), reading.served.range.clone(), opens);
        let stored = self.headers_shown(&reading.object);
        let output = with_checksums!(
            checksums,
            GetObjectOutput {
                accept_ranges: Some("bytes".to_owned()),
                body: Some(reading.served.stream(data)),
                cache_control: input.response_cache_control.or(stored.cache_control),
                checksum_type: checksums.checksum_type,
                content_disposition: input.response_content_disposition.or(stored.content_disposition),
                content_encoding: input.response_content_encoding.or(stored.content_encoding),
                content_language: input.response_content_language.or(stored.content_language),
                content_length: Some(reading.length()),
                content_range: reading.content_range(),
                content_type: input.response_content_type.or(stored.content_type).or_else(untyped),
                e_tag: Some(ETag::Strong(self.etag_shown(View::Get, &reading.object))),
                last_modified: Some(reading.version.modified.into()),
                metadata: stored.metadata,
                parts_count: reading.parts_count,
                server_side_encryption: echo.store,
                sse_customer_algorithm: echo.customer_algorithm,
                sse_customer_key_md5: echo.customer_key_md5,
                tag_count: reading.tag_count(),
                version_id: reading.version_id.clone(),
                ..GetObjectOutput::default()
            }
        );
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
        let checksums = self.checksums_shown(&reading, input.checksum_mode.as_ref());
        let echo = self.echo(Action::Head, reading.key.given.as_ref());
        let stored = self.headers_shown(&reading.object);
        let status = reading.status();
        let output = with_checksums!(
            checksums,
            HeadObjectOutput {
                accept_ranges: Some("bytes".to_owned()),
                cache_control: stored.cache_control,
                checksum_type: checksums.checksum_type,
                content_disposition: stored.content_disposition,
                content_encoding: stored.content_encoding,
                content_language: stored.content_language,
                content_length: Some(self.length_shown(View::Head, &reading)),
                content_range: reading.content_range(),
                content_type: stored.content_type.or_else(untyped),
                e_tag: Some(ETag::Strong(self.etag_shown(View::Head, &reading.object))),
                last_modified: Some(reading.version.modified.into()),
                metadata: stored.metadata,
                parts_count: reading.parts_count,
                server_side_encryption: echo.store,
                sse_customer_algorithm: echo.customer_algorithm,
                sse_customer_key_md5: echo.customer_key_md5,
                version_id: reading.version_id.clone(),
                ..HeadObjectOutput::default()
            }
        );
        let mut response = S3Response::new(output);
        response.extensions.insert(status);
        Ok(response)
    }

    pub(super) async fn delete(&self, req: S3Request<DeleteObjectInput>) -> Answer<DeleteObjectOutput> {
        self.fail_with_key(ListingFlaw::DeleteWithKeyRefused, &req.headers)?;
        let DeleteObjectInput { bucket, key, version_id, .. } = req.input;
        let found = self.store.version(&bucket, &key, version_id.as_deref());
        let without_key = !Request::of(&req.headers, &req.extensions).carries_key();
        let under_key = found.is_ok_and(|(_, object)| object.encryption.is_customers());
        if under_key && without_key && self.faults.has(ListingFlaw::DeleteNeedsKey) {
            return Err(Refusal::new(400, "InvalidRequest", "The key of the object is needed."));
        }
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
            let found = self.store.version(&bucket, &key, version_id.as_deref());
            if found.is_ok_and(|(_, o)| o.encryption.is_customers()) && self.faults.has(ListingFlaw::DeleteManyNeedsKey)
            {
                return Err(Refusal::new(400, "InvalidRequest", "The key of an object is needed."));
            }
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
    pub(super) fn reading(
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
        let (version, object) = self.found(bucket, key, version)?;
        let blocks = self.store.bucket(bucket, |b| Ok(b.blocks_sse_c))?;
        if blocks && self.reads_wrongly(&object, ReadFlaw::BlockCoversReads) {
            return Err(Refusal::new(403, "AccessDenied", "Access Denied"));
        }
        let newest = self.store.version(bucket, key, None).ok().filter(|(newest, _)| newest.id != version.id);
        let newest = newest.filter(|_| self.faults.has(WriteFlaw::VersionsShareKey)).map(|(_, newest)| newest);
        let read = Read {
            action,
            ranged: range.is_some(),
            by_part_number: part_number.is_some(),
            by_version,
            presigned: request.presigned(),
            key_left_out: matches!(presented, Ok(None)) && request.carries(action),
            key_opens_another: self.opens_another(bucket, presented.as_ref().ok().and_then(Option::as_ref)),
            empty: object.size() == 0,
            multipart: object.multipart,
            onto_itself: false,
        };
        conditions.check_before_key(&self.faults, &version, &object)?;
        let customer_key = self
            .admit(read, &object, newest.as_ref(), presented)
            .map_err(|refusal| refusal.with_headers(self.shown_with_refusal(&object)))?;
        conditions.taken_by(&self.faults, &object)?.check_read(&version, &object)?;
        let size = object.size();
        let head_part = action == Action::Head && self.reads_wrongly(&object, ReadFlaw::HeadPartPassedOver);
        let part_number = part_number.filter(|_| !head_part);
        let beyond = range.as_ref().is_some_and(|range| range.check(size).is_err());
        let range = range.filter(|_| !(beyond && self.reads_wrongly(&object, ReadFlaw::RangeBeyondEndServed)));
        let beyond = part_number.is_some_and(|number| part_range(&object, number).is_err());
        let part_number =
            part_number.filter(|_| !(beyond && self.reads_wrongly(&object, ReadFlaw::PartBeyondEndServed)));
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
        let is_whole = matches!(asks, Asks::Part) && self.faults.has(ReadFlaw::PartNotPartial);
        let mut served = self.faults.served(action, &object, range.clone(), asks, customer_key.serves);
        served.partial &= !is_whole;
        let version_id = self.store.bucket(bucket, |bucket| Ok(bucket.shown_id(&version)))?;
        let parts_count = parts_count.filter(|_| !self.reads_wrongly(&object, ReadFlaw::PartsCountMissing));
        let of_ciphertext = served.partial && self.reads_wrongly(&object, ReadFlaw::ContentRangeOfCiphertext);
        let size_told = if of_ciphertext { ciphertext_size(size) } else { size };
        Ok(Reading { version, version_id, object, key: customer_key, range, served, parts_count, size_told })
    }

    /// The version that a read addresses.
    fn found(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<(Version, Arc<Object>), Refusal> {
        let found = self.store.version(bucket, key, version);
        let is_marker = found.as_ref().is_err_and(|refusal| !refusal.headers.is_empty());
        if !is_marker {
            return found;
        }
        let below = self.store.bucket(bucket, |bucket| {
            let versions = bucket.objects.get(key).into_iter().flatten().rev();
            Ok(versions.cloned().find_map(|version| Some((version.clone(), version.object?))))
        })?;
        match below.filter(|(_, object)| object.encryption.is_customers()) {
            Some(below) if self.faults.has(ReadFlaw::MarkerPassedOver) => return Ok(below),
            Some(_) if self.faults.has(ReadFlaw::MarkerNotTold) => {
                return found.map_err(|refusal| Refusal { headers: Vec::new(), ..refusal });
            }
            _ => {}
        }
        found
    }

    /// Whether an object under a customer key is read wrongly.
    pub(super) fn reads_wrongly(&self, object: &Object, flaw: ReadFlaw) -> bool {
        object.encryption.is_customers() && self.faults.has(flaw)
    }

    /// What a refusal shows of the object, at an endpoint that gives it away.
    fn shown_with_refusal(&self, object: &Object) -> Vec<(&'static str, String)> {
        let mut shown = Vec::new();
        if let Some(owner) = object.headers.metadata.as_ref().and_then(|metadata| metadata.get("owner"))
            && self.reads_wrongly(object, ReadFlaw::RefusalShowsMetadata)
        {
            shown.push(("x-amz-meta-owner", owner.clone()));
        }
        if let Some(crc32) = &object.checksums.checksum_crc32
            && self.reads_wrongly(object, ReadFlaw::RefusalShowsChecksum)
        {
            shown.push(("x-amz-checksum-crc32", crc32.clone()));
        }
        shown
    }

    /// What is stored with an object, as reads give it back.
    fn headers_shown(&self, object: &Object) -> ObjectHeaders {
        let mut shown = object.headers.clone();
        if self.reads_wrongly(object, ReadFlaw::SystemHeadersLost) {
            shown = ObjectHeaders { metadata: shown.metadata, ..ObjectHeaders::default() };
        }
        if shown.metadata.is_some() && self.reads_wrongly(object, ReadFlaw::MetadataLost) {
            shown.metadata = None;
        }
        if shown.metadata.is_some() && self.reads_wrongly(object, ReadFlaw::UnicodeLost) {
            for value in shown.metadata.iter_mut().flat_map(|metadata| metadata.values_mut()) {
                value.retain(|c| c.is_ascii());
            }
        }
        shown
    }

    fn checksums_shown(&self, reading: &Reading, mode: Option<&ChecksumMode>) -> Checksum {
        let untold =
            mode.is_some() && reading.object.encryption.is_customers() && self.faults.has(ChecksumFlaw::NotToldOnRead);
        if untold { Checksum::default() } else { reading.checksums(mode) }
    }

    /// What an answer echoes of a key.
    pub(super) fn echo(&self, action: Action, key: Option<&GivenKey>) -> Echo {
        let mut echo = Echo::of(key);
        if key.is_some() && self.faults.has(ReadFlaw::OtherEncryptionTold) {
            echo.store = Some(ServerSideEncryption::from_static(STORE_ENCRYPTION));
        }
        if key.is_none() && self.faults.has(ReadFlaw::ToldOfPlain) {
            echo.customer_algorithm = Some("AES256".to_owned());
        }
        self.faults.echo(action, echo)
    }

    pub(super) fn etag_shown(&self, view: View, object: &Object) -> String {
        match object.encryption {
            Encryption::Store => object.etag.clone(),
            Encryption::Customer(_) => self.faults.etag_shown(view, &object.etag),
        }
    }

    pub(super) fn length_shown(&self, view: View, reading: &Reading) -> i64 {
        let length = reading.served.length();
        let shown = match reading.object.encryption {
            Encryption::Store => length,
            Encryption::Customer(_) => self.faults.size_shown(view, length, reading.object.multipart),
        };
        i64::try_from(shown).unwrap_or(i64::MAX)
    }

    fn remove(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Removed, Refusal> {
        use super::store::Versioning;
        let under_key = self.store.version(bucket, key, version).is_ok_and(|(_, o)| o.encryption.is_customers());
        if under_key && self.faults.has(ListingFlaw::DeleteKeeps) {
            return Ok(Removed { is_marker: false, version_id: None });
        }
        self.store.bucket(bucket, |bucket| match version {
            Some(id) => {
                let removed = bucket.remove(key, id);
                let is_marker = removed.as_ref().is_some_and(|removed| removed.object.is_none());
                if is_marker && self.faults.has(ReadFlaw::MarkerTakesAll) {
                    bucket.objects.remove(key);
                }
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

/// What an object is said to be that was stored without a content type.
fn untyped() -> Option<String> {
    Some("binary/octet-stream".to_owned())
}

/// A tag of 16 bytes for each segment, of which there is at least one.
fn ciphertext_size(size: u64) -> u64 {
    size + 16 * size.div_ceil(content::SEGMENT as u64).max(1)
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
