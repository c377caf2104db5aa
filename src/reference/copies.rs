//! Copies: of whole objects, and what copies of parts share with them.

use std::sync::Arc;

use futures_util::StreamExt as _;
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::admission::{Admitted, Request};
use super::body::{self, Claims, Taken};
use super::checksums::{Algorithm, with_checksums};
use super::conditions::Conditions;
use super::content::{self, SealingKey};
use super::context::ServiceContext;
use super::error::Refusal;
use super::faults::{Action, CopyFlaw, Read, Served};
use super::seam::Copied;
use super::service::{Answer, Service};
use super::settings::refuse_write;
use super::sse_c::GivenKey;
use super::store::{Bucket, Object, ObjectHeaders};

/// The source of a copy, admitted.
pub(super) struct Source {
    pub object: Arc<Object>,
    pub tags: Vec<Tag>,
    /// The key that the request brought for it.
    pub given: Option<GivenKey>,
    /// The key that opens its data.
    pub opens: Option<SealingKey>,
    pub version_id: Option<String>,
    /// Whether it is copied onto itself.
    pub onto_itself: bool,
}

impl Service {
    pub(super) async fn copy(&self, req: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
        let copied = self.copy_admitted(req).await;
        if copied.as_ref().is_err_and(|refusal| refusal.cause.is_some()) {
            self.after_refused_copy(&bucket, &key).await;
        }
        copied
    }

    async fn copy_admitted(&self, req: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        let input = req.input;
        let request = Request::of(&req.headers, &req.extensions);
        let context = ServiceContext::in_extensions(&req.extensions);
        let source = self.source(
            request,
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
        let allowed = |bucket: &mut Bucket| refuse_write(&self.faults, bucket, &input.key, Action::CopyTarget, request);
        self.store.bucket(&input.bucket, allowed)?;
        let key = self.key_of(Action::CopyTarget, request)?;
        let key = self.unless_overridden(key, &input.bucket, CopyFlaw::DefaultEncryptionWins);
        self.refuse_other(Action::CopyTarget, input.server_side_encryption.as_ref())?;
        let source = source?;
        self.fail_copy(&source)?;
        let replaces = input.metadata_directive.is_some_and(|d| d.as_str() == MetadataDirective::REPLACE);
        if source.onto_itself && !replaces && key.is_none() && input.server_side_encryption.is_none() {
            let message = "This copy request is illegal because it is trying to copy an object to itself without changing \
                           the object's metadata, storage class, website redirect location or encryption attributes.";
            return Err(Refusal::new(400, "InvalidRequest", message));
        }
        let from_customers = source.object.encryption.is_customers();
        let replaces = replaces && !(from_customers && self.faults.has(CopyFlaw::ReplacePassedOver));
        let mut headers = if replaces {
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
        if from_customers && !replaces && self.faults.has(CopyFlaw::MetadataLost) {
            headers = ObjectHeaders::default();
        }
        let written_under = self.key_of_copy(&source, key.clone());
        let algorithm = match &input.checksum_algorithm {
            Some(asked) => Algorithm::asked(asked)?,
            None => Algorithm::of(&source.object.checksums).unwrap_or(Algorithm::Crc64Nvme),
        };
        let seals = written_under.as_ref().map(|k| &k.key);
        let taken = self.copied(&context, &source, self.served_to_copy(&source), seals, algorithm).await?;
        let checksums = taken.checksums.clone();
        let from = Some(source.object.etag.as_str());
        let etag = self.etag_of(&context, Action::CopyTarget, written_under.as_ref(), &taken, from);
        let mut object = self.whole_object(written_under.as_ref(), etag, taken, headers);
        if self.faults.has(CopyFlaw::EtagKept) {
            object.etag.clone_from(&source.object.etag);
        }
        let keep_former = |former: &Object| {
            source.onto_itself && former.encryption.is_customers() && self.faults.has(CopyFlaw::FormerKeyKept)
        };
        let (object, version_id) =
            self.place(&input.bucket, &input.key, object, keep_former, &Conditions::default())?;
        if input.tagging_directive.is_some_and(|d| d.as_str() == TaggingDirective::REPLACE) {
            self.tag_as_asked(&input.bucket, &input.key, input.tagging.as_deref())?;
        } else {
            self.tag_newest(&input.bucket, &input.key, source.tags)?;
        }
        let echo = self.echo(Action::CopyTarget, key.as_ref());
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(with_checksums!(
                checksums,
                CopyObjectResult {
                    e_tag: Some(ETag::Strong(object.etag.clone())),
                    last_modified: Some(time::OffsetDateTime::now_utc().into()),
                    checksum_type: checksums.checksum_type,
                }
            )),
            copy_source_version_id: source.version_id,
            version_id,
            server_side_encryption: echo.store,
            sse_customer_algorithm: echo.customer_algorithm,
            sse_customer_key_md5: echo.customer_key_md5,
            ..CopyObjectOutput::default()
        }))
    }

    /// The source of a copy, admitted. `target` is where it goes, if that may be the source itself.
    pub(super) fn source(
        &self,
        request: Request<'_>,
        source: &CopySource,
        target: Option<(&str, &str)>,
        conditions: Conditions,
    ) -> Result<Source, Refusal> {
        let CopySource::Bucket { bucket, key, version_id } = source else {
            return Err(Refusal::not_implemented("The reference endpoint has no access points."));
        };
        let onto_itself = version_id.is_none() && target == Some((bucket, key));
        let action = if target.is_some() { Action::CopySource } else { Action::PartCopySource };
        let presented = self.presented(action, request)?;
        let (mut version, mut object) = self.store.version(bucket, key, version_id.as_deref())?;
        if object.encryption.is_customers() && self.faults.has(CopyFlaw::VersionPassedOver) {
            (version, object) = self.store.version(bucket, key, None)?;
        }
        let read = Read {
            action,
            ranged: false,
            by_part_number: false,
            by_version: version_id.is_some(),
            presigned: request.presigned(),
            key_left_out: matches!(presented, Ok(None)) && request.carries(action),
            key_opens_another: false,
            empty: object.size() == 0,
            multipart: object.multipart,
            onto_itself,
        };
        conditions.check_source_before_key(&self.faults, &version, &object)?;
        let customer_key = self.admit(read, &object, None, presented)?;
        conditions.taken_by_copy(&self.faults, &object)?;
        let passed_over = object.encryption.is_customers() && self.faults.has(CopyFlaw::ConditionsPassedOver);
        if !passed_over {
            conditions.check_source(&version, &object)?;
        }
        let version_id = self.store.bucket(bucket, |bucket| Ok(bucket.shown_id(&version)))?;
        let Admitted { given, opens, .. } = customer_key;
        Ok(Source { object, tags: version.tags, given, opens, version_id, onto_itself })
    }

    /// A piece of a source's data, sealed anew.
    pub(super) async fn copied(
        &self,
        context: &ServiceContext,
        source: &Source,
        served: Served,
        key: Option<&SealingKey>,
        algorithm: Algorithm,
    ) -> Result<Taken, Refusal> {
        let parts: Vec<u64> = source.object.parts.iter().map(|part| part.content.size()).collect();
        let is_customers = source.object.encryption.is_customers();
        let of = Copied { parts: &parts, is_customers, range: served.range.clone() };
        let contents = source.object.contents();
        let read = |range| StreamingBlob::wrap(content::read(&contents, range, source.opens.clone()));
        let opened = context.copied(&of, &read).map(|chunk| chunk.map_err(std::io::Error::other));
        let claims = Claims::none_but(algorithm);
        let wants_md5 = self.faults.makes_etags() || context.has_seams();
        body::take(Some(served.stream(opened)), key, &self.store.memory, claims, wants_md5).await
    }
}
