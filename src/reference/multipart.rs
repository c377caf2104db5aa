//! Multipart uploads.

use std::sync::Arc;

use http::StatusCode;
use md5::{Digest as _, Md5};
use s3s::dto::*;
use s3s::{S3Request, S3Response};
use time::OffsetDateTime;

use super::admission::{PartKey, Request};
use super::body::{self, Claims, Taken};
use super::checksums::{self, Algorithm, OfParts, with_checksums};
use super::conditions::Conditions;
use super::context::ServiceContext;
use super::error::Refusal;
use super::faults::{Action, PartFlaw, View};
use super::seam::Minted;
use super::service::{Answer, Service};
use super::settings::refuse_write;
use super::sse_c::{Encryption, GivenKey};
use super::store::{Bucket, Object, ObjectHeaders, ObjectPart, Part as StoredPart, Upload, random_id};
use super::writes::refuse_too_large;

/// Every part but the last must be as long as this (5 MiB).
const MIN_PART: u64 = 5 * 1024 * 1024;

impl Service {
    pub(super) async fn create_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        let input = req.input;
        let request = Request::of(&req.headers, &req.extensions);
        let allowed =
            |bucket: &mut Bucket| refuse_write(&self.faults, bucket, &input.key, Action::CreateUpload, request);
        self.store.bucket(&input.bucket, allowed)?;
        let key = self.key_of(Action::CreateUpload, request)?;
        let key = self.unless_overridden(key, &input.bucket, PartFlaw::DefaultEncryptionWins);
        self.refuse_other(Action::CreateUpload, input.server_side_encryption.as_ref())?;
        let checked = OfParts::asked(input.checksum_algorithm.as_ref(), input.checksum_type.as_ref())?;
        let upload_id = random_id();
        let upload = Upload {
            key: input.key.clone(),
            started: OffsetDateTime::now_utc(),
            encryption: Arc::new(self.encryption(key.as_ref())),
            headers: ObjectHeaders {
                content_type: input.content_type,
                cache_control: input.cache_control,
                content_disposition: input.content_disposition,
                content_encoding: self.encoding_kept(input.content_encoding, key.is_some()),
                content_language: input.content_language,
                metadata: input.metadata,
            },
            checked,
            parts: Default::default(),
            last_key: None,
        };
        self.store.bucket(&input.bucket, |bucket| {
            bucket.uploads.insert(upload_id.clone(), upload);
            Ok(())
        })?;
        let echo = self.echo(Action::CreateUpload, key.as_ref());
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
        let mut input = req.input;
        let before = || {
            refuse_part_number(input.part_number)?;
            refuse_too_large(input.content_length)?;
            let request = Request::of(&req.headers, &req.extensions);
            let key = self.part_key(Action::UploadPart, request, &input.bucket, &input.key, &input.upload_id)?;
            let length = input.content_length;
            let trailers = ServiceContext::in_extensions(&req.extensions).trailers;
            let claims = Claims::of(&req.headers, input.content_md5.clone(), length, trailers);
            let created_with = self.algorithm_of(&input.bucket, &input.key, &input.upload_id)?;
            // A client sends back at the end what it was told: of an upload without checksums that would be refused.
            let tells_checksum = created_with.is_some() || claims.is_named();
            Ok((key, claims.of_part(created_with)?, tells_checksum))
        };
        let (PartKey { given: key, seals }, claims, tells_checksum) = match before() {
            Ok(both) => both,
            Err(refusal) => {
                self.after_refused_part(&mut input).await;
                return Err(refusal);
            }
        };
        let claims = if key.is_some() { claims.misread(&self.faults) } else { claims };
        let frames = || seals.is_some() && self.faults.has(PartFlaw::FramingStored);
        let (body, claims) = body::as_stored(input.body.take(), claims, frames);
        let context = ServiceContext::in_extensions(&req.extensions);
        let wants_md5 = self.faults.makes_etags() || context.has_seams();
        let taken = body::take(body, seals.as_ref(), &self.store.memory, claims, wants_md5).await?;
        let checksums = if tells_checksum { taken.checksums.clone() } else { Checksum::default() };
        let etag = self.etag_of(&context, Action::UploadPart, key.as_ref(), &taken, None);
        let part = stored(taken, etag);
        self.add_part(&input.bucket, &input.key, &input.upload_id, input.part_number, part.clone(), key.clone())?;
        let echo = self.echo(Action::UploadPart, key.as_ref());
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
        let input = req.input;
        refuse_part_number(input.part_number)?;
        let request = Request::of(&req.headers, &req.extensions);
        let PartKey { given: key, seals } =
            self.part_key(Action::PartCopyTarget, request, &input.bucket, &input.key, &input.upload_id)?;
        let conditions = Conditions {
            if_match: input.copy_source_if_match,
            if_none_match: input.copy_source_if_none_match,
            if_modified_since: input.copy_source_if_modified_since,
            if_unmodified_since: input.copy_source_if_unmodified_since,
        };
        let source = self.source(request, &input.copy_source, None, conditions)?;
        let range = copied_range(input.copy_source_range.as_deref(), source.object.size())?;
        let created_with = self.algorithm_of(&input.bucket, &input.key, &input.upload_id)?;
        let algorithm = created_with.unwrap_or(Algorithm::Crc64Nvme);
        let context = ServiceContext::in_extensions(&req.extensions);
        let served = self.served_to_part(&source, range);
        let taken = self.copied(&context, &source, served, seals.as_ref(), algorithm).await?;
        let from = Some(source.object.etag.as_str());
        let etag = self.etag_of(&context, Action::PartCopyTarget, key.as_ref(), &taken, from);
        let part = stored(taken, etag);
        self.add_part(&input.bucket, &input.key, &input.upload_id, input.part_number, part.clone(), key.clone())?;
        let echo = self.echo(Action::PartCopyTarget, key.as_ref());
        let etag = if key.is_some() && self.faults.has(PartFlaw::CopyEtagEmpty) { String::new() } else { part.etag };
        let told = if created_with.is_some() { part.checksums } else { Checksum::default() };
        Ok(S3Response::new(UploadPartCopyOutput {
            copy_part_result: Some(with_checksums!(
                told,
                CopyPartResult { e_tag: Some(ETag::Strong(etag)), last_modified: Some(part.modified.into()) }
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
        self.fail_without_key(PartFlaw::CompleteNeedsKey, &req.headers, &req.input)?;
        self.fail_with_key(PartFlaw::CompleteWithKeyRefused, &req.headers)?;
        let context = ServiceContext::in_extensions(&req.extensions);
        let input = req.input;
        let conditions =
            Conditions { if_match: input.if_match, if_none_match: input.if_none_match, ..Conditions::default() };
        let listed = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let (object, version_id) = self.store.bucket(&input.bucket, |bucket| {
            let upload = bucket.upload(&input.key, &input.upload_id)?;
            let parts = listed_parts(&listed, upload, &input.upload_id)?;
            let is_store_encrypted = matches!(*upload.encryption, Encryption::Store);
            let etag = self.multipart_etag(&parts, is_store_encrypted);
            let key_md5 = (!is_store_encrypted).then_some("");
            let minted = Minted { content_md5: "", key_md5, parts: Some(parts.len()), source: None };
            let etag = context.minted(etag, &minted);
            self.fail_completion(&parts, is_store_encrypted)?;
            conditions.check_write(bucket.current(&input.key).and_then(|version| version.object.as_deref()))?;
            let Some(upload) = bucket.uploads.remove(&input.upload_id) else { return Err(Refusal::no_such_upload()) };
            let lengths: Vec<_> = parts.iter().map(|(_, part)| (&part.checksums, part.content.size())).collect();
            let checksums = upload.checked.and_then(|checked| checked.joined(&lengths)).unwrap_or_default();
            let part = |(number, part): (i32, StoredPart)| ObjectPart {
                number,
                content: part.content,
                checksums: part.checksums,
            };
            let object = Arc::new(Object {
                parts: parts.into_iter().map(part).collect(),
                etag,
                multipart: true,
                encryption: self.encryption_of_whole(upload.encryption, upload.last_key)?,
                headers: upload.headers,
                checksums,
            });
            let version = bucket.put(&input.key, Some(Arc::clone(&object)));
            Ok((object, bucket.shown_id(&version)))
        })?;
        let checksums = object.checksums.clone();
        Ok(S3Response::new(with_checksums!(
            checksums,
            CompleteMultipartUploadOutput {
                location: Some(format!("/{}/{}", input.bucket, input.key)),
                bucket: Some(input.bucket),
                key: Some(input.key),
                e_tag: Some(ETag::Strong(object.etag.clone())),
                version_id,
                checksum_type: checksums.checksum_type,
                server_side_encryption: matches!(object.encryption, Encryption::Store)
                    .then(|| ServerSideEncryption::from_static(ServerSideEncryption::AES256)),
                ..CompleteMultipartUploadOutput::default()
            }
        )))
    }

    pub(super) async fn abort_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        self.fail_without_key(PartFlaw::AbortNeedsKey, &req.headers, &req.input)?;
        let input = req.input;
        self.store.bucket(&input.bucket, |bucket| {
            let upload = bucket.upload(&input.key, &input.upload_id)?;
            if !(upload.encryption.is_customers() && self.faults.has(PartFlaw::AbortKeeps)) {
                bucket.uploads.remove(&input.upload_id);
            }
            Ok(())
        })?;
        let output = AbortMultipartUploadOutput::default();
        Ok(S3Response { status: Some(StatusCode::NO_CONTENT), ..S3Response::new(output) })
    }

    pub(super) async fn list_upload_parts(&self, req: S3Request<ListPartsInput>) -> Answer<ListPartsOutput> {
        self.fail_without_key(PartFlaw::ListNeedsKey, &req.headers, &req.input)?;
        self.fail_with_key(PartFlaw::ListWithKeyRefused, &req.headers)?;
        let input = req.input;
        let marker = input.part_number_marker.unwrap_or(0);
        let max = usize::try_from(input.max_parts.unwrap_or(1000).clamp(0, 1000)).unwrap_or(0);
        let (mut parts, more, checked) = self.store.bucket(&input.bucket, |bucket| {
            let upload = bucket.upload(&input.key, &input.upload_id)?;
            let mut after = upload.parts.range(marker.saturating_add(1)..);
            let under_key = upload.encryption.is_customers();
            let size = |part: &StoredPart| match part.content.size() {
                size if under_key => self.faults.size_shown(View::Parts, size, false),
                size => size,
            };
            let checked = upload.checked;
            let shown = after.by_ref().take(max).map(|(number, part)| listed(*number, part, size(part), checked));
            let shown: Vec<Part> = shown.collect();
            Ok((shown, after.next().is_some(), checked))
        })?;
        parts.shrink_to_fit();
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

    fn part_key(
        &self,
        action: Action,
        request: Request<'_>,
        bucket: &str,
        key: &str,
        upload_id: &str,
    ) -> Result<PartKey, Refusal> {
        let presented = self.presented(action, request)?;
        self.store.bucket(bucket, |bucket| self.admit_part(&bucket.upload(key, upload_id)?.encryption, presented))
    }

    /// The checksum algorithm that an upload was created with.
    fn algorithm_of(&self, bucket: &str, key: &str, upload_id: &str) -> Result<Option<Algorithm>, Refusal> {
        self.store.bucket(bucket, |bucket| Ok(bucket.upload(key, upload_id)?.checked.map(|checked| checked.algorithm)))
    }

    pub(super) fn add_part(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: i32,
        part: StoredPart,
        given: Option<GivenKey>,
    ) -> Result<(), Refusal> {
        self.store.bucket(bucket, |bucket| {
            let upload = bucket.upload(key, upload_id)?;
            let part = match upload.parts.get(&number) {
                Some(first) if given.is_some() && self.faults.has(PartFlaw::FirstContentKept) => {
                    StoredPart { content: Arc::clone(&first.content), ..part }
                }
                _ => part,
            };
            upload.parts.insert(number, part);
            upload.last_key = given;
            Ok(())
        })
    }

    /// The ETag of an object made of parts; under a customer key it says nothing of the content.
    fn multipart_etag(&self, parts: &[(i32, StoredPart)], is_store_encrypted: bool) -> String {
        if !is_store_encrypted {
            let digits = random_id();
            if self.faults.has(PartFlaw::EtagWithoutCount) {
                return digits;
            }
            let count = if self.faults.has(PartFlaw::EtagCountsOne) { 1 } else { parts.len() };
            return format!("{digits}-{count}");
        }
        let mut md5 = Md5::new();
        for (_, part) in parts {
            md5.update(hex::decode(&part.etag).unwrap_or_default());
        }
        format!("{}-{}", hex::encode(md5.finalize()), parts.len())
    }
}

fn stored(taken: Taken, etag: String) -> StoredPart {
    let (content, checksums) = (Arc::new(taken.content), taken.checksums);
    StoredPart { content, etag, modified: OffsetDateTime::now_utc(), checksums }
}

/// A part as it is listed, with its checksum where its upload was created with an algorithm.
fn listed(number: i32, part: &StoredPart, size: u64, checked: Option<OfParts>) -> Part {
    let checksums = checked.map(|_| part.checksums.clone()).unwrap_or_default();
    with_checksums!(
        checksums,
        Part {
            part_number: Some(number),
            e_tag: Some(ETag::Strong(part.etag.clone())),
            last_modified: Some(part.modified.into()),
            size: i64::try_from(size).ok(),
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
