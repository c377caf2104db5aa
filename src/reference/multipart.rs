//! Multipart uploads.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use md5::{Digest as _, Md5};
use s3s::dto::*;
use s3s::{S3Request, S3Response};
use time::OffsetDateTime;

use super::body::{Claims, Taken};
use super::checksums::{self, Algorithm, OfParts, with_checksums};
use super::conditions::Conditions;
use super::context::ServiceContext;
use super::error::Refusal;
use super::seam::Minted;
use super::service::{Answer, Service};
use super::settings::refuse_write;
use super::sse_c::{Echo, Encryption, GivenKey, STORE_ENCRYPTION};
use super::store::{Object, ObjectHeaders, ObjectPart, Part as StoredPart, Upload, random_id};
use super::writes::{encoding_kept, etag_of, refuse_other_encryption, refuse_too_large};

/// Every part but the last must be as long as this (5 MiB).
const MIN_PART: u64 = 5 * 1024 * 1024;

impl Service {
    pub(super) async fn create_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let context = ServiceContext::in_extensions(&req.extensions);
        let input = req.input;
        self.store.bucket(&input.bucket, |bucket| refuse_write(bucket, &input.key, &req.headers, &context))?;
        let key = GivenKey::to_write(&req.headers)?;
        refuse_other_encryption(input.server_side_encryption.as_ref())?;
        let checked = OfParts::asked(input.checksum_algorithm.as_ref(), input.checksum_type.as_ref())?;
        let upload_id = random_id();
        let upload = Upload {
            key: input.key.clone(),
            started: OffsetDateTime::now_utc(),
            encryption: Encryption::under(key.as_ref()),
            headers: ObjectHeaders {
                content_type: input.content_type,
                cache_control: input.cache_control,
                content_disposition: input.content_disposition,
                content_encoding: encoding_kept(input.content_encoding),
                content_language: input.content_language,
                metadata: input.metadata,
            },
            checked,
            parts: Default::default(),
        };
        self.store.bucket(&input.bucket, |bucket| {
            bucket.uploads.insert(upload_id.clone(), upload);
            Ok(())
        })?;
        let echo = Echo::of(key.as_ref());
        Ok(S3Response::new(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(upload_id),
            checksum_algorithm: checked.map(|checked| checked.algorithm.told()),
            checksum_type: checked.map(OfParts::told),
            server_side_encryption: echo.store,
            sse_customer_algorithm: echo.customer_algorithm,
            sse_customer_key_md5: echo.customer_key_md5,
            ..CreateMultipartUploadOutput::default()
        }))
    }

    pub(super) async fn upload_part(&self, req: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        let context = ServiceContext::in_extensions(&req.extensions);
        let input = req.input;
        refuse_part_number(input.part_number)?;
        refuse_too_large(input.content_length)?;
        let place = (input.bucket.as_str(), input.key.as_str(), input.upload_id.as_str());
        let (key, created_with) = self.part_key(&req.headers, place)?;
        let claims = Claims::of(&req.headers, input.content_md5, input.content_length, context.trailers.clone());
        // A client sends back at the end what it was told: of an upload without checksums that would be refused.
        let tells_checksum = created_with.is_some() || claims.is_named();
        let taken = self.taken(&context, input.body, key.as_ref(), claims.of_part(created_with)?).await?;
        let checksums = if tells_checksum { taken.checksums.clone() } else { Checksum::default() };
        let etag = etag_of(&context, key.as_ref(), &taken, None);
        let part = self.add_part(place, input.part_number, stored(taken, etag))?;
        let echo = Echo::of(key.as_ref());
        Ok(S3Response::new(with_checksums!(
            checksums,
            UploadPartOutput {
                e_tag: Some(ETag::Strong(part.etag)),
                server_side_encryption: echo.store,
                sse_customer_algorithm: echo.customer_algorithm,
                sse_customer_key_md5: echo.customer_key_md5,
                ..UploadPartOutput::default()
            }
        )))
    }

    pub(super) async fn copy_part(&self, req: S3Request<UploadPartCopyInput>) -> Answer<UploadPartCopyOutput> {
        let context = ServiceContext::in_extensions(&req.extensions);
        let input = req.input;
        refuse_part_number(input.part_number)?;
        let place = (input.bucket.as_str(), input.key.as_str(), input.upload_id.as_str());
        let (key, created_with) = self.part_key(&req.headers, place)?;
        let conditions = Conditions {
            if_match: input.copy_source_if_match,
            if_none_match: input.copy_source_if_none_match,
            if_modified_since: input.copy_source_if_modified_since,
            if_unmodified_since: input.copy_source_if_unmodified_since,
        };
        let source = self.source(&req.headers, &input.copy_source, conditions)?;
        let range = copied_range(input.copy_source_range.as_deref(), source.object.size())?;
        let algorithm = created_with.unwrap_or(Algorithm::Crc64Nvme);
        let taken = self.copied(&context, &source, range, key.as_ref(), algorithm).await?;
        let etag = etag_of(&context, key.as_ref(), &taken, Some(&source.object.etag));
        let part = self.add_part(place, input.part_number, stored(taken, etag))?;
        let echo = Echo::of(key.as_ref());
        let told = if created_with.is_some() { part.checksums } else { Checksum::default() };
        Ok(S3Response::new(UploadPartCopyOutput {
            copy_part_result: Some(with_checksums!(
                told,
                CopyPartResult { e_tag: Some(ETag::Strong(part.etag)), last_modified: Some(part.modified.into()) }
            )),
            copy_source_version_id: source.version_id,
            server_side_encryption: echo.store,
            sse_customer_algorithm: echo.customer_algorithm,
            sse_customer_key_md5: echo.customer_key_md5,
            ..UploadPartCopyOutput::default()
        }))
    }

    pub(super) async fn complete_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let context = ServiceContext::in_extensions(&req.extensions);
        let input = req.input;
        let conditions =
            Conditions { if_match: input.if_match, if_none_match: input.if_none_match, ..Conditions::default() };
        let listed = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let (object, version_id) = self.store.bucket(&input.bucket, |bucket| {
            let upload = bucket.upload(&input.key, &input.upload_id)?;
            let parts = listed_parts(&listed, upload, &input.upload_id)?;
            conditions.check_write(bucket.current(&input.key).and_then(|version| version.object.as_deref()))?;
            let Some(upload) = bucket.uploads.remove(&input.upload_id) else { return Err(Refusal::no_such_upload()) };
            let is_customers = upload.encryption.is_customers();
            let lengths: Vec<_> = parts.iter().map(|(_, part)| (&part.checksums, part.content.size())).collect();
            let checksums = upload.checked.and_then(|checked| checked.joined(&lengths)).unwrap_or_default();
            let key_md5 = is_customers.then_some("");
            let minted = Minted { content_md5: "", key_md5, source: None };
            let etag = context.minted(multipart_etag(&parts, is_customers), &minted);
            let part = |(number, part): (i32, StoredPart)| ObjectPart { number, content: part.content };
            let object = Arc::new(Object {
                parts: parts.into_iter().map(part).collect(),
                etag,
                multipart: true,
                encryption: upload.encryption,
                headers: upload.headers,
                checksums,
            });
            let version = bucket.put(&input.key, Some(Arc::clone(&object)));
            Ok((object, bucket.shown_id(&version)))
        })?;
        let checksums = object.checksums.clone();
        let store = || ServerSideEncryption::from_static(STORE_ENCRYPTION);
        Ok(S3Response::new(with_checksums!(
            checksums,
            CompleteMultipartUploadOutput {
                location: Some(format!("/{}/{}", input.bucket, input.key)),
                bucket: Some(input.bucket),
                key: Some(input.key),
                e_tag: Some(ETag::Strong(object.etag.clone())),
                version_id,
                checksum_type: checksums.checksum_type,
                server_side_encryption: (!object.encryption.is_customers()).then(store),
                ..CompleteMultipartUploadOutput::default()
            }
        )))
    }

    pub(super) async fn abort_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        let input = req.input;
        self.store.bucket(&input.bucket, |bucket| {
            bucket.upload(&input.key, &input.upload_id)?;
            bucket.uploads.remove(&input.upload_id);
            Ok(())
        })?;
        let output = AbortMultipartUploadOutput::default();
        Ok(S3Response { status: Some(StatusCode::NO_CONTENT), ..S3Response::new(output) })
    }

    pub(super) async fn list_upload_parts(&self, req: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        let input = req.input;
        let marker = input.part_number_marker.unwrap_or(0);
        let max = usize::try_from(input.max_parts.unwrap_or(1000).clamp(0, 1000)).unwrap_or(0);
        let (parts, more, checked) = self.store.bucket(&input.bucket, |bucket| {
            let upload = bucket.upload(&input.key, &input.upload_id)?;
            let mut after = upload.parts.range(marker.saturating_add(1)..);
            let checked = upload.checked;
            let shown: Vec<Part> =
                after.by_ref().take(max).map(|(number, part)| listed(*number, part, checked)).collect();
            Ok((shown, after.next().is_some(), checked))
        })?;
        Ok(S3Response::new(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            part_number_marker: Some(marker),
            next_part_number_marker: parts.last().and_then(|part| part.part_number),
            max_parts: i32::try_from(max).ok(),
            is_truncated: Some(more),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            checksum_algorithm: checked.map(|checked| checked.algorithm.told()),
            checksum_type: checked.map(OfParts::told),
            parts: Some(parts),
            ..ListPartsOutput::default()
        }))
    }

    /// The key of a part, which is that of its upload, and the checksum algorithm that the upload was created with.
    fn part_key(
        &self,
        headers: &HeaderMap,
        (bucket, key, upload_id): (&str, &str, &str),
    ) -> Result<(Option<GivenKey>, Option<Algorithm>), Refusal> {
        let given = GivenKey::to_write(headers)?;
        self.store.bucket(bucket, |bucket| {
            let upload = bucket.upload(key, upload_id)?;
            upload.encryption.admit_part(given.as_ref())?;
            Ok((given, upload.checked.map(|checked| checked.algorithm)))
        })
    }

    fn add_part(
        &self,
        (bucket, key, upload_id): (&str, &str, &str),
        number: i32,
        part: StoredPart,
    ) -> Result<StoredPart, Refusal> {
        self.store.bucket(bucket, |bucket| {
            bucket.upload(key, upload_id)?.parts.insert(number, part.clone());
            Ok(part)
        })
    }
}

/// The ETag of an object made of parts; under a customer key it says nothing of the content.
fn multipart_etag(parts: &[(i32, StoredPart)], is_customers: bool) -> String {
    if is_customers {
        return format!("{}-{}", random_id(), parts.len());
    }
    let mut md5 = Md5::new();
    for (_, part) in parts {
        md5.update(hex::decode(&part.etag).unwrap_or_default());
    }
    format!("{}-{}", hex::encode(md5.finalize()), parts.len())
}

fn stored(taken: Taken, etag: String) -> StoredPart {
    let (content, checksums) = (Arc::new(taken.content), taken.checksums);
    StoredPart { content, etag, modified: OffsetDateTime::now_utc(), checksums }
}

/// A part as it is listed, with its checksum where its upload was created with an algorithm.
fn listed(number: i32, part: &StoredPart, checked: Option<OfParts>) -> Part {
    let checksums = checked.map(|_| part.checksums.clone()).unwrap_or_default();
    with_checksums!(
        checksums,
        Part {
            part_number: Some(number),
            e_tag: Some(ETag::Strong(part.etag.clone())),
            last_modified: Some(part.modified.into()),
            size: i64::try_from(part.content.size()).ok(),
        }
    )
}

fn refuse_part_number(number: i32) -> Result<(), Refusal> {
    if (1..=10_000).contains(&number) {
        return Ok(());
    }
    let message = "Part number must be an integer between 1 and 10000, inclusive";
    Err(Refusal::invalid_argument(message).argument("partNumber", &number.to_string()))
}

/// The parts that the client lists, checked against those that came.
fn listed_parts(listed: &[CompletedPart], upload: &Upload, upload_id: &str) -> Result<Vec<(i32, StoredPart)>, Refusal> {
    if listed.is_empty() {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        return Err(Refusal::new(400, "MalformedXML", message));
    }
    let mut parts: Vec<(i32, StoredPart)> = Vec::new();
    for part in listed {
        let number = part.part_number.unwrap_or(0);
        if parts.last().is_some_and(|(last, _)| *last >= number) {
            let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
            return Err(Refusal::new(400, "InvalidPartOrder", message));
        }
        let etag = part.e_tag.as_ref().map(ETag::value).unwrap_or_default();
        let invalid = || Refusal::invalid_part(upload_id, number, etag);
        let stored = upload.parts.get(&number).ok_or_else(invalid)?;
        if etag != stored.etag {
            return Err(invalid());
        }
        checksums::check_listed(part, upload.checked, &stored.checksums, invalid)?;
        parts.push((number, stored.clone()));
    }
    let all_but_last = &parts[..parts.len() - 1];
    if all_but_last.iter().any(|(_, part)| part.content.size() < MIN_PART) {
        let message = "Your proposed upload is smaller than the minimum allowed size";
        return Err(Refusal::new(400, "EntityTooSmall", message));
    }
    Ok(parts)
}

/// `bytes=first-last`, both given and inside the source.
fn copied_range(header: Option<&str>, size: u64) -> Result<std::ops::Range<u64>, Refusal> {
    let Some(header) = header else { return Ok(0..size) };
    let message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the \
                   zero-based offsets of the first and last bytes to copy";
    let malformed = || Refusal::invalid_argument(message).argument("x-amz-copy-source-range", header);
    let Ok(Range::Int { first, last: Some(last) }) = Range::parse(header) else { return Err(malformed()) };
    if first > last || last >= size {
        return Err(Refusal::new(
            400,
            "InvalidArgument",
            "Range specified is not valid for source object of this size",
        ));
    }
    Ok(first..last + 1)
}
