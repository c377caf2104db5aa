//! Whole objects that come in one request, and what all writes share.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Response};

use super::body::{self, Claims, Taken};
use super::checksums::with_checksums;
use super::conditions::Conditions;
use super::context::ServiceContext;
use super::error::Refusal;
use super::seam::Minted;
use super::service::{Answer, Service};
use super::settings::refuse_write;
use super::sse_c::{Echo, Encryption, GivenKey, STORE_ENCRYPTION};
use super::store::{Object, ObjectHeaders, ObjectPart, random_id};

/// The most bytes that one PutObject or UploadPart may bring (5 GiB).
const MAX_UPLOAD: i64 = 5 * 1024 * 1024 * 1024;

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
        return Err(Refusal::too_large());
    }
    Ok(())
}

impl Service {
    pub(super) async fn put(&self, req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let context = ServiceContext::in_extensions(&req.extensions);
        let (input, headers) = (req.input, &req.headers);
        self.store.bucket(&input.bucket, |bucket| refuse_write(bucket, &input.key, headers, &context))?;
        let key = GivenKey::to_write(headers)?;
        refuse_other_encryption(input.server_side_encryption.as_ref())?;
        refuse_too_large(input.content_length)?;
        let claims = Claims::of(headers, input.content_md5, input.content_length, context.trailers.clone());
        let taken = self.taken(&context, input.body, key.as_ref(), claims).await?;
        let conditions =
            Conditions { if_match: input.if_match, if_none_match: input.if_none_match, ..Conditions::default() };
        let stored = ObjectHeaders {
            content_type: input.content_type,
            cache_control: input.cache_control,
            content_disposition: input.content_disposition,
            content_encoding: encoding_kept(input.content_encoding),
            content_language: input.content_language,
            metadata: input.metadata,
        };
        let checksums = taken.checksums.clone();
        let etag = etag_of(&context, key.as_ref(), &taken, None);
        let object = whole_object(key.as_ref(), etag, taken, stored);
        let (object, version_id) = self.place(&input.bucket, &input.key, object, &conditions)?;
        self.tag_as_asked(&input.bucket, &input.key, input.tagging.as_deref())?;
        let echo = Echo::of(key.as_ref());
        Ok(S3Response::new(with_checksums!(
            checksums,
            PutObjectOutput {
                e_tag: Some(ETag::Strong(object.etag.clone())),
                version_id,
                server_side_encryption: echo.store,
                sse_customer_algorithm: echo.customer_algorithm,
                sse_customer_key_md5: echo.customer_key_md5,
                checksum_type: checksums.checksum_type,
                ..PutObjectOutput::default()
            }
        )))
    }

    /// Takes a body in.
    pub(super) async fn taken(
        &self,
        context: &ServiceContext,
        body: Option<StreamingBlob>,
        key: Option<&GivenKey>,
        claims: Claims,
    ) -> Result<Taken, Refusal> {
        body::take(body, key.map(|given| &given.key), &self.store.memory, claims, context.has_seams()).await
    }

    /// Tags that come with an object, as a query string.
    pub(super) fn tag_as_asked(&self, bucket: &str, key: &str, tagging: Option<&str>) -> Result<(), Refusal> {
        let Some(tagging) = tagging else { return Ok(()) };
        let tag = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| Tag {
            key: Some(name.into_owned()),
            value: Some(value.into_owned()),
        };
        self.tag_newest(bucket, key, url::form_urlencoded::parse(tagging.as_bytes()).map(tag).collect())
    }

    pub(super) fn tag_newest(&self, bucket: &str, key: &str, tags: Vec<Tag>) -> Result<(), Refusal> {
        self.store.bucket(bucket, |bucket| {
            if let Some(newest) = bucket.objects.get_mut(key).and_then(|versions| versions.last_mut()) {
                newest.tags = tags;
            }
            Ok(())
        })
    }

    /// Puts an object in its place; returns it with the version id where one is shown.
    pub(super) fn place(
        &self,
        bucket: &str,
        key: &str,
        object: Object,
        conditions: &Conditions,
    ) -> Result<(Arc<Object>, Option<String>), Refusal> {
        self.store.bucket(bucket, |bucket| {
            conditions.check_write(bucket.current(key).and_then(|version| version.object.as_deref()))?;
            let object = Arc::new(object);
            let version = bucket.put(key, Some(Arc::clone(&object)));
            Ok((object, bucket.shown_id(&version)))
        })
    }
}

/// The content encoding to keep: `aws-chunked` is how the body came, and not what is stored.
pub(super) fn encoding_kept(encoding: Option<String>) -> Option<String> {
    let listed = encoding.iter().flat_map(|all| all.split(',')).map(str::trim);
    let kept: Vec<&str> = listed.filter(|one| *one != "aws-chunked").collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// The ETag of data without parts: AWS gives SSE-C objects one that says nothing of their content. `source` is that of what is copied.
pub(super) fn etag_of(context: &ServiceContext, key: Option<&GivenKey>, taken: &Taken, source: Option<&str>) -> String {
    let made = if key.is_some() { random_id() } else { taken.md5.clone() };
    let key_md5 = key.map(|key| key.md5.as_str());
    context.minted(made, &Minted { content_md5: &taken.md5, key_md5, source })
}

/// An object that was not made of parts.
pub(super) fn whole_object(key: Option<&GivenKey>, etag: String, taken: Taken, headers: ObjectHeaders) -> Object {
    let checksums = taken.checksums;
    Object {
        etag,
        multipart: false,
        encryption: Encryption::under(key),
        headers,
        parts: vec![ObjectPart { number: 1, content: Arc::new(taken.content) }],
        checksums,
    }
}
