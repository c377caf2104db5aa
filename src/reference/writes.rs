//! Whole objects that come in one request: PutObject and the browser's form upload; and what all writes share.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use s3s::dto::*;
use s3s::post_policy::{PostPolicy, PostPolicyCondition};
use s3s::{S3Request, S3Response, TrailingHeaders};

use super::admission::Request;
use super::body::{self, Claims, Taken};
use super::checksums::with_checksums;
use super::conditions::Conditions;
use super::context::ServiceContext;
use super::error::Refusal;
use super::faults::{Action, ChecksumFlaw, FormFlaw, WriteFlaw};
use super::objects::STORE_ENCRYPTION;
use super::seam::Minted;
use super::service::{Answer, Service};
use super::settings::refuse_write;
use super::sse_c::{self, GivenKey, TARGET};
use super::store::{Checksums, Object, ObjectHeaders, ObjectPart, random_id};

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
        let message = "Your proposed upload exceeds the maximum allowed size";
        return Err(Refusal::new(400, "EntityTooLarge", message));
    }
    Ok(())
}

/// A whole object that comes in.
struct Incoming<'r> {
    action: Action,
    input: PutObjectInput,
    request: Request<'r>,
    trailing: Option<TrailingHeaders>,
}

impl Service {
    pub(super) async fn put(&self, req: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let request = Request::of(&req.headers, &req.extensions);
        let trailing = ServiceContext::in_extensions(&req.extensions).trailers;
        let action = if request.is_form() { Action::Post } else { Action::Put };
        self.take_in(Incoming { action, input: req.input, request, trailing }).await.map(S3Response::new)
    }

    async fn take_in(&self, incoming: Incoming<'_>) -> Result<PutObjectOutput, Refusal> {
        let Incoming { action, mut input, request, trailing } = incoming;
        let context = ServiceContext::in_extensions(request.extensions);
        let before = || {
            self.store
                .bucket(&input.bucket, |bucket| refuse_write(&self.faults, bucket, &input.key, action, request))?;
            let key = self.key_of(action, request)?;
            self.refuse_other(action, input.server_side_encryption.as_ref())?;
            refuse_too_large(input.content_length)?;
            let signed_chunks = body::refuse_signed_chunks(request.headers);
            signed_chunks.or_else(|refusal| {
                let refuses = key.is_some() && self.faults.has(WriteFlaw::SignedChunksRefused);
                if refuses { Err(refusal) } else { Ok(()) }
            })?;
            Ok(self.unless_overridden(key, &input.bucket, WriteFlaw::DefaultEncryptionWins))
        };
        let key = match before() {
            Ok(key) => key,
            Err(refusal) => {
                self.after_refused_put(action, &input.bucket, &input.key, input.body.take()).await;
                return Err(refusal);
            }
        };
        let object_key = self.spelt(input.key, key.is_some());
        let claims = Claims::of(request.headers, input.content_md5.take(), input.content_length, trailing);
        let claims = if key.is_some() { claims.misread(&self.faults) } else { claims };
        let frames = || key.is_some() && self.faults.has(WriteFlaw::FramingStored);
        let (body, claims) = body::as_stored(input.body.take(), claims, frames);
        let as_it_came = key.is_some() && self.faults.has(WriteFlaw::InterruptedStored);
        let (body, claims) = if as_it_came { body::as_it_came(body, claims) } else { (body, claims) };
        let seals = key.as_ref().map(|k| &k.key);
        let wants_md5 = self.faults.makes_etags() || context.has_seams();
        let taken = body::take(body, seals, &self.store.memory, claims, wants_md5).await;
        let taken = match taken {
            Err(refusal) if key.is_some() => {
                self.after_refused_body(&refusal, &input.bucket, &object_key).await;
                return Err(refusal);
            }
            taken => taken?,
        };
        let mut conditions =
            Conditions { if_match: input.if_match, if_none_match: input.if_none_match, ..Conditions::default() };
        let is_conditional = conditions.if_match.is_some() || conditions.if_none_match.is_some();
        if is_conditional && key.is_some() && self.faults.has(WriteFlaw::ConditionsPassedOver) {
            conditions = Conditions::default();
        }
        let headers = ObjectHeaders {
            content_type: input.content_type,
            cache_control: input.cache_control,
            content_disposition: input.content_disposition,
            content_encoding: self.encoding_kept(input.content_encoding, key.is_some()),
            content_language: input.content_language,
            metadata: input.metadata,
        };
        let told = self.checksums_told(&taken, key.is_some());
        let etag = self.etag_of(&context, action, key.as_ref(), &taken, None);
        let object = self.whole_object(key.as_ref(), etag, taken, headers);
        let keep_former = |former: &Object| {
            let flaw =
                if former.encryption.is_customers() { WriteFlaw::FormerKeyKept } else { WriteFlaw::FormerPlainServed };
            self.faults.has(flaw)
        };
        let (object, version_id) = self.place(&input.bucket, &object_key, object, keep_former, &conditions)?;
        self.tag_as_asked(&input.bucket, &object_key, input.tagging.as_deref())?;
        let echo = self.echo(action, key.as_ref());
        Ok(with_checksums!(
            told,
            PutObjectOutput {
                e_tag: Some(ETag::Strong(object.etag.clone())),
                version_id,
                server_side_encryption: echo.store,
                sse_customer_algorithm: echo.customer_algorithm,
                sse_customer_key_md5: echo.customer_key_md5,
                checksum_type: told.checksum_type,
                ..PutObjectOutput::default()
            }
        ))
    }

    fn checksums_told(&self, taken: &Taken, under_key: bool) -> Checksums {
        let flaw = if taken.claimed { ChecksumFlaw::NotTold } else { ChecksumFlaw::NoDefault };
        if under_key && self.faults.has(flaw) { Checksums::default() } else { taken.checksums.clone() }
    }

    /// `aws-chunked` is how the body came, and not what is stored.
    pub(super) fn encoding_kept(&self, encoding: Option<String>, under_key: bool) -> Option<String> {
        let is_framed = encoding.as_ref().is_some_and(|encoding| encoding.contains("aws-chunked"));
        if is_framed && under_key && self.faults.has(WriteFlaw::EncodingKept) {
            return encoding;
        }
        let kept: Vec<&str> =
            encoding.iter().flat_map(|all| all.split(',')).map(str::trim).filter(|one| *one != "aws-chunked").collect();
        (!kept.is_empty()).then(|| kept.join(","))
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

    /// Refuses other encryption than the store's own, where that is looked at.
    pub(super) fn refuse_other(&self, action: Action, method: Option<&ServerSideEncryption>) -> Result<(), Refusal> {
        let refused = refuse_other_encryption(method);
        if refused.is_err() && self.faults.passes_over_other_encryption(action) { Ok(()) } else { refused }
    }

    /// The ETag of data without parts: AWS gives SSE-C objects one that says nothing of their content.
    pub(super) fn etag_of(
        &self,
        context: &ServiceContext,
        action: Action,
        key: Option<&GivenKey>,
        taken: &Taken,
        source: Option<&str>,
    ) -> String {
        let made = key.map_or_else(|| taken.md5.clone(), |key| self.faults.etag(action, random_id(), key, &taken.md5));
        let key_md5 = key.map(|key| key.md5.as_str());
        context.minted(made, &Minted { content_md5: &taken.md5, key_md5, parts: None, source })
    }

    pub(super) fn whole_object(
        &self,
        key: Option<&GivenKey>,
        etag: String,
        taken: Taken,
        headers: ObjectHeaders,
    ) -> Object {
        Object {
            etag,
            multipart: false,
            encryption: self.encryption(key),
            headers,
            parts: vec![ObjectPart { number: 1, content: Arc::new(taken.content), checksums: taken.checksums.clone() }],
            checksums: taken.checksums,
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
            if let Some(held) = current.and_then(|former| former.encryption.held())
                && !object.encryption.is_customers()
                && self.faults.has(WriteFlaw::FormerKeyAsked)
            {
                object.encryption = self.encryption(Some(&held.opens));
            }
            let object = Arc::new(object);
            let version = bucket.put(key, Some(Arc::clone(&object)));
            Ok((object, bucket.shown_id(&version)))
        })
    }
}
