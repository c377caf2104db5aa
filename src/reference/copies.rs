//! Copies: of whole objects, and what copies of parts share with them.

use std::ops::Range;
use std::sync::Arc;

use futures_util::StreamExt as _;
use http::HeaderMap;
use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::body::{Claims, Taken};
use super::checksums::{Algorithm, with_checksums};
use super::conditions::Conditions;
use super::content;
use super::context::ServiceContext;
use super::error::Refusal;
use super::seam::Copied;
use super::service::{Answer, Service};
use super::settings::refuse_write;
use super::sse_c::{Echo, GivenKey};
use super::store::{Object, ObjectHeaders};
use super::writes::{encoding_kept, etag_of, refuse_other_encryption, whole_object};

/// The source of a copy, which the request may read.
pub(super) struct Source {
    pub object: Arc<Object>,
    tags: Vec<Tag>,
    /// The key that the request brought for it.
    key: Option<GivenKey>,
    pub version_id: Option<String>,
}

impl Service {
    pub(super) async fn copy(&self, req: S3Request<CopyObjectInput>) -> Answer<CopyObjectOutput> {
        let context = ServiceContext::in_extensions(&req.extensions);
        let input = req.input;
        let source = self.source(
            &req.headers,
            &input.copy_source,
            Conditions {
                if_match: input.copy_source_if_match,
                if_none_match: input.copy_source_if_none_match,
                if_modified_since: input.copy_source_if_modified_since,
                if_unmodified_since: input.copy_source_if_unmodified_since,
            },
        );
        // The target's headers are looked at first.
        self.store.bucket(&input.bucket, |bucket| refuse_write(bucket, &input.key, &req.headers, &context))?;
        let key = GivenKey::to_write(&req.headers)?;
        refuse_other_encryption(input.server_side_encryption.as_ref())?;
        let source = source?;
        let onto_itself = matches!(&input.copy_source, CopySource::Bucket { bucket, key, version_id: None }
            if (&**bucket, &**key) == (input.bucket.as_str(), input.key.as_str()));
        let replaces = input.metadata_directive.is_some_and(|d| d.as_str() == MetadataDirective::REPLACE);
        if onto_itself && !replaces && key.is_none() && input.server_side_encryption.is_none() {
            let message = "This copy request is illegal because it is trying to copy an object to itself without changing \
                           the object's metadata, storage class, website redirect location or encryption attributes.";
            return Err(Refusal::new(400, "InvalidRequest", message));
        }
        let stored = if replaces {
            ObjectHeaders {
                content_type: input.content_type,
                cache_control: input.cache_control,
                content_disposition: input.content_disposition,
                content_encoding: encoding_kept(input.content_encoding),
                content_language: input.content_language,
                metadata: input.metadata,
            }
        } else {
            source.object.headers.clone()
        };
        let algorithm = match &input.checksum_algorithm {
            Some(asked) => Algorithm::asked(asked)?,
            None => Algorithm::of(&source.object.checksums).unwrap_or(Algorithm::Crc64Nvme),
        };
        let taken = self.copied(&context, &source, 0..source.object.size(), key.as_ref(), algorithm).await?;
        let checksums = taken.checksums.clone();
        let etag = etag_of(&context, key.as_ref(), &taken, Some(&source.object.etag));
        let object = whole_object(key.as_ref(), etag, taken, stored);
        let (object, version_id) = self.place(&input.bucket, &input.key, object, &Conditions::default())?;
        if input.tagging_directive.is_some_and(|d| d.as_str() == TaggingDirective::REPLACE) {
            self.tag_as_asked(&input.bucket, &input.key, input.tagging.as_deref())?;
        } else {
            self.tag_newest(&input.bucket, &input.key, source.tags)?;
        }
        let echo = Echo::of(key.as_ref());
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

    /// Lets the source of a copy be read.
    pub(super) fn source(
        &self,
        headers: &HeaderMap,
        source: &CopySource,
        conditions: Conditions,
    ) -> Result<Source, Refusal> {
        let CopySource::Bucket { bucket, key, version_id } = source else {
            return Err(Refusal::not_implemented("The reference endpoint has no access points."));
        };
        let given = GivenKey::of_source(headers)?;
        let (version, object) = self.store.version(bucket, key, version_id.as_deref())?;
        object.encryption.admit_source(given.as_ref())?;
        conditions.check_source(&version, &object)?;
        let version_id = self.store.bucket(bucket, |bucket| Ok(bucket.shown_id(&version)))?;
        Ok(Source { object, tags: version.tags, key: given, version_id })
    }

    /// A range of a source's data, under another key.
    pub(super) async fn copied(
        &self,
        context: &ServiceContext,
        source: &Source,
        range: Range<u64>,
        key: Option<&GivenKey>,
        algorithm: Algorithm,
    ) -> Result<Taken, Refusal> {
        let parts: Vec<u64> = source.object.parts.iter().map(|part| part.content.size()).collect();
        let is_customers = source.object.encryption.is_customers();
        let contents = source.object.contents();
        let opens = source.key.as_ref().map(|given| given.key.clone());
        let read = |range| StreamingBlob::wrap(content::read(&contents, range, opens.clone()));
        let data = context.copied(&Copied { parts: &parts, is_customers, range }, &read);
        let data = StreamingBlob::wrap(data.map(|chunk| chunk.map_err(std::io::Error::other)));
        self.taken(context, Some(data), key, Claims::none_but(algorithm)).await
    }
}
