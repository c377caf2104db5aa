//! Reads of objects, and their removal.

use std::ops::Range;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::checksums::with_checksums;
use super::conditions::Conditions;
use super::content;
use super::error::Refusal;
use super::service::{Answer, Service};
use super::sse_c::{Echo, GivenKey};
use super::store::{NULL_VERSION, Object, Version, Versioning};

/// A read that is let in, before its response is written.
pub(super) struct Reading {
    pub version: Version,
    /// The version id that the response shows.
    pub version_id: Option<String>,
    pub object: Arc<Object>,
    key: Option<GivenKey>,
    /// The bytes of the object that are asked for.
    range: Range<u64>,
    is_partial: bool,
    parts_count: Option<i32>,
}

impl Reading {
    fn content_range(&self) -> Option<String> {
        let (Range { start, end }, size) = (&self.range, self.object.size());
        (self.is_partial && start < end).then(|| format!("bytes {start}-{}/{size}", end - 1))
    }

    fn status(&self) -> StatusCode {
        if self.is_partial { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK }
    }

    fn length(&self) -> Option<i64> {
        i64::try_from(self.range.end - self.range.start).ok()
    }

    fn content_type(&self) -> Option<String> {
        // What AWS says of an object that was stored without one.
        let untyped = || "binary/octet-stream".to_owned();
        Some(self.object.headers.content_type.clone().unwrap_or_else(untyped))
    }

    /// Checksums are those of the whole object, and given when asked for.
    fn checksums(&self, mode: Option<&ChecksumMode>) -> Checksum {
        let is_asked = mode.is_some_and(|mode| mode.as_str().eq_ignore_ascii_case(ChecksumMode::ENABLED));
        if is_asked && !self.is_partial { self.object.checksums.clone() } else { Checksum::default() }
    }
}

/// Lets in what GetObject and HeadObject ask for alike.
macro_rules! reading {
    ($service:ident, $headers:expr, $input:ident) => {{
        let conditions = Conditions {
            if_match: $input.if_match,
            if_none_match: $input.if_none_match,
            if_modified_since: $input.if_modified_since,
            if_unmodified_since: $input.if_unmodified_since,
        };
        let place = ($input.bucket.as_str(), $input.key.as_str(), $input.version_id.as_deref());
        $service.reading($headers, place, conditions, $input.range, $input.part_number)?
    }};
}

impl Service {
    pub(super) async fn get(&self, req: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let input = req.input;
        let reading = reading!(self, &req.headers, input);
        let checksums = reading.checksums(input.checksum_mode.as_ref());
        let echo = Echo::of(reading.key.as_ref());
        let opens = reading.key.as_ref().map(|given| given.key.clone());
        let data = content::read(&reading.object.contents(), reading.range.clone(), opens);
        let stored = reading.object.headers.clone();
        let output = with_checksums!(
            checksums,
            GetObjectOutput {
                accept_ranges: Some("bytes".to_owned()),
                body: Some(StreamingBlob::wrap(data)),
                cache_control: input.response_cache_control.or(stored.cache_control),
                checksum_type: checksums.checksum_type,
                content_disposition: input.response_content_disposition.or(stored.content_disposition),
                content_encoding: input.response_content_encoding.or(stored.content_encoding),
                content_language: input.response_content_language.or(stored.content_language),
                content_length: reading.length(),
                content_range: reading.content_range(),
                content_type: input.response_content_type.or(reading.content_type()),
                e_tag: Some(ETag::Strong(reading.object.etag.clone())),
                last_modified: Some(reading.version.modified.into()),
                metadata: stored.metadata,
                parts_count: reading.parts_count,
                server_side_encryption: echo.store,
                sse_customer_algorithm: echo.customer_algorithm,
                sse_customer_key_md5: echo.customer_key_md5,
                tag_count: i32::try_from(reading.version.tags.len()).ok().filter(|count| *count > 0),
                version_id: reading.version_id.clone(),
                ..GetObjectOutput::default()
            }
        );
        Ok(S3Response { status: Some(reading.status()), ..S3Response::new(output) })
    }

    pub(super) async fn head(&self, req: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let input = req.input;
        let reading = reading!(self, &req.headers, input);
        let checksums = reading.checksums(input.checksum_mode.as_ref());
        let echo = Echo::of(reading.key.as_ref());
        let stored = reading.object.headers.clone();
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
                content_length: reading.length(),
                content_range: reading.content_range(),
                content_type: reading.content_type(),
                e_tag: Some(ETag::Strong(reading.object.etag.clone())),
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

    /// Lets a read in, in the order in which AWS looks: the form of the headers, the object, its key, the preconditions, the
    /// range.
    pub(super) fn reading(
        &self,
        headers: &HeaderMap,
        (bucket, key, version): (&str, &str, Option<&str>),
        conditions: Conditions,
        range: Option<s3s::dto::Range>,
        part_number: Option<i32>,
    ) -> Result<Reading, Refusal> {
        let given = GivenKey::to_read(headers)?;
        let (version, object) = self.store.version(bucket, key, version)?;
        object.encryption.admit(given.as_ref())?;
        conditions.check_read(&version, &object)?;
        let size = object.size();
        let is_partial = range.is_some() || part_number.is_some();
        let (range, parts_count) = match (range, part_number) {
            (Some(_), Some(_)) => {
                let message = "Cannot specify both Range header and partNumber query parameter";
                return Err(Refusal::new(400, "InvalidRequest", message));
            }
            (Some(range), None) => (range.check(size).map_err(|_| Refusal::invalid_range())?, None),
            (None, Some(number)) => {
                let count = object.multipart.then(|| i32::try_from(object.parts.len()).unwrap_or(i32::MAX));
                (part_range(&object, number)?, count)
            }
            (None, None) => (0..size, None),
        };
        let version_id = self.store.bucket(bucket, |bucket| Ok(bucket.shown_id(&version)))?;
        Ok(Reading { version, version_id, object, key: given, range, is_partial, parts_count })
    }

    fn remove(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Removed, Refusal> {
        self.store.bucket(bucket, |bucket| match version {
            Some(id) => {
                let is_marker = bucket.remove(key, id).is_some_and(|removed| removed.object.is_none());
                Ok(Removed { is_marker, version_id: Some(id.to_owned()) })
            }
            None if bucket.versioning == Versioning::Never => {
                bucket.remove(key, NULL_VERSION);
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
