//! Who sends a request. s3s checks the signature; what the signature must cover is checked here.

use std::sync::{Arc, Mutex, PoisonError};

use http::header::{AUTHORIZATION, HeaderName};
use http::{Extensions, HeaderMap, Method, Uri};
use s3s::auth::SimpleAuth;
use s3s::route::S3Route;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3, S3Request, S3Response, S3Result, TrailingHeaders};

use super::error::{Cause, Refusal, refusal_of_s3s};
use super::hosts::BelowLocalhost;
use super::request::Standing;
use crate::config::Credentials;

/// Checks signatures.
pub(super) struct Authentication(S3Service);

/// A request whose signature was checked, or that has none.
pub(super) struct Authenticated {
    pub standing: Standing,
    pub uri: Uri,
    pub headers: HeaderMap,
    /// Without the framing of aws-chunked; it fails where it does not fit the digest that the signature covers.
    pub body: Body,
    pub trailers: Option<TrailingHeaders>,
}

/// A service without operations: all that it does is to check.
struct NoOperations;

impl S3 for NoOperations {}

/// Takes every request that is not refused.
struct EveryRequest;

/// Where a request is put that was not refused; an extension of it.
#[derive(Clone, Default)]
struct Passed(Arc<Mutex<Option<S3Request<Body>>>>);

#[async_trait::async_trait]
impl S3Route for EveryRequest {
    fn is_match(&self, _: &Method, _: &Uri, _: &HeaderMap, _: &mut Extensions) -> bool {
        true
    }

    async fn check_access(&self, _: &mut S3Request<Body>) -> S3Result<()> {
        Ok(())
    }

    async fn call(&self, mut request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        if let Some(passed) = request.extensions.remove::<Passed>() {
            *passed.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(request);
        }
        Ok(S3Response::new(Body::empty()))
    }
}

impl Authentication {
    pub fn new(credentials: &Credentials) -> Self {
        let mut builder = S3ServiceBuilder::new(NoOperations);
        let (id, secret) = (credentials.access_key_id.clone(), credentials.secret_access_key.as_str().to_owned());
        builder.set_auth(SimpleAuth::from_single(id, secret));
        builder.set_host(BelowLocalhost);
        builder.set_route(EveryRequest);
        Self(builder.build())
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// The refusal of one that is wrong, and of a request that is none.
    pub async fn check(&self, mut request: http::Request<Body>) -> Result<Authenticated, Refusal> {
        refuse_unsigned_headers(request.headers(), request.uri().query().unwrap_or_default())?;
        let passed = Passed::default();
        request.extensions_mut().insert(passed.clone());
        let response = self.0.call(request).await.map_err(|_| Refusal::internal())?;
        let passed = passed.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match passed {
            Some(request) => Ok(Authenticated {
                standing: if request.credentials.is_some() { Standing::Owner } else { Standing::Anonymous },
                uri: request.uri,
                headers: request.headers,
                body: request.input,
                trailers: request.trailing_headers,
            }),
            None => Err(refusal_of_s3s(response).await),
        }
    }
}

/// Parameters of a URL that is presigned with Signature Version 2.
pub(super) const OF_SIGNATURE_V2: [&str; 3] = ["AWSAccessKeyId", "Expires", "Signature"];

/// Whether the query of a URL has a signature.
pub(super) fn is_presigned(query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes())
        .any(|(name, _)| name.eq_ignore_ascii_case("X-Amz-Signature") || name == "Signature")
}

/// Signature Version 4 must cover every `x-amz-*` header that is sent.
fn refuse_unsigned_headers(headers: &HeaderMap, query: &str) -> Result<(), Refusal> {
    let Some(signed) = signed_headers(headers, query) else { return Ok(()) };
    let is_signed = |name: &HeaderName| signed.iter().any(|signed| signed == name.as_str());
    let unsigned: Vec<&str> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-amz-") && !is_signed(name))
        .map(HeaderName::as_str)
        .collect();
    if unsigned.is_empty() {
        return Ok(());
    }
    let message = "There were headers present in the request which were not signed";
    Err(Refusal::new(403, "AccessDenied", message)
        .field("HeadersNotSigned", unsigned.join(", "))
        .because(Cause::HeadersNotSigned))
}

/// The names that the signature covers; none where the request has no such signature.
fn signed_headers(headers: &HeaderMap, query: &str) -> Option<Vec<String>> {
    let in_query = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name.eq_ignore_ascii_case("X-Amz-SignedHeaders"))
        .map(|(_, value)| value.into_owned());
    let in_header = || {
        let authorization = headers.get(AUTHORIZATION)?.to_str().ok()?;
        let (_, rest) = authorization.strip_prefix("AWS4-HMAC-SHA256")?.split_once("SignedHeaders=")?;
        Some(rest.split(',').next().unwrap_or_default().trim().to_owned())
    };
    let listed = in_query.or_else(in_header)?;
    Some(listed.split(';').map(str::to_ascii_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use rstest::rstest;

    use super::*;

    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x-amz-date, Signature=0";

    #[rstest]
    #[case::all_signed(&[("authorization", SIGNED), ("x-amz-date", "d")], "", true)]
    #[case::one_not(&[("authorization", SIGNED), ("x-amz-date", "d"), ("x-amz-acl", "private")], "", false)]
    #[case::other_headers_need_not(&[("authorization", SIGNED), ("x-amz-date", "d"), ("range", "bytes=0-1")], "", true)]
    #[case::presigned(&[("x-amz-acl", "private")], "X-Amz-SignedHeaders=host%3Bx-amz-acl", true)]
    #[case::presigned_not(&[("x-amz-acl", "private")], "X-Amz-SignedHeaders=host", false)]
    #[case::anonymous(&[("x-amz-acl", "private")], "", true)]
    fn amz_headers_must_be_signed(
        #[case] lines: &[(&'static str, &'static str)],
        #[case] query: &str,
        #[case] good: bool,
    ) {
        let headers = lines.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect();
        assert_eq!(refuse_unsigned_headers(&headers, query).is_ok(), good);
    }
}
