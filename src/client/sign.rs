//! AWS Signature Version 4, by the `aws-sigv4` crate: of requests, of the chunks of a body, of a form's policy.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials as Identity;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity as AnyIdentity;
use aws_smithy_runtime_api::http::Headers;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use time::OffsetDateTime;
use time::macros::format_description;
use url::Url;
use zeroize::Zeroizing;

use super::Target;
use super::build::{HeaderLine, Prepared};
use crate::config::Credentials;
use crate::suite::model::{Auth, Payload};

/// How long a presigned URL or a form's policy is valid.
const VALID_FOR: Duration = Duration::from_secs(300);
/// How a signed request says that its chunks are signed one by one, and nothing follows them.
const SIGNED_CHUNKS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const SERVICE: &str = "s3";

/// A request cannot be signed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the request cannot be signed: {0}")]
pub struct SignError(String);

impl SignError {
    fn new(why: impl std::fmt::Display) -> Self {
        Self(why.to_string())
    }
}

/// Who signs, and when: the same for a request and everything that follows it.
pub(super) struct Signer<'t> {
    target: &'t Target,
    identity: AnyIdentity,
    time: SystemTime,
}

impl<'t> Signer<'t> {
    pub fn new(target: &'t Target) -> Self {
        Self { target, identity: identity(&target.credentials).into(), time: SystemTime::now() }
    }

    fn params<S: Default>(&self, settings: S) -> Result<v4::SigningParams<'_, S>, SignError> {
        let builder = v4::SigningParams::builder().identity(&self.identity).region(&self.target.region);
        builder.name(SERVICE).time(self.time).settings(settings).build().map_err(SignError::new)
    }

    /// Signs a request in place: headers are added, or for a presigned request query parameters. Gives the signature,
    /// which those of the body's chunks go on from.
    pub fn request(&self, prepared: &mut Prepared) -> Result<String, SignError> {
        let presigned = match prepared.auth {
            Auth::Anonymous => return Ok(String::new()),
            Auth::Signed => false,
            Auth::Presigned => true,
        };
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        if presigned {
            settings.signature_location = SignatureLocation::QueryParams;
            settings.expires_in = Some(VALID_FOR);
        } else {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let params = self.params(settings)?.into();
        let mut headers: Vec<(&str, &str)> = Vec::new();
        for line in prepared.headers.iter().filter(|line| line.signed) {
            // Blanks around a value are none of it.
            headers.push((line.name.as_str(), line.value.to_str().map_err(SignError::new)?.trim()));
        }
        let body = match prepared.payload {
            _ if presigned => SignableBody::UnsignedPayload,
            Payload::Whole => SignableBody::Precomputed(prepared.body.sha256()),
            Payload::AwsChunked => SignableBody::StreamingUnsignedPayloadTrailer,
            Payload::AwsChunkedSigned => SignableBody::Precomputed(SIGNED_CHUNKS.to_owned()),
            Payload::AwsChunkedSignedTrailer => SignableBody::StreamingSignedPayloadTrailer,
        };
        let signable = SignableRequest::new(prepared.method.as_str(), prepared.url.as_str(), headers.into_iter(), body)
            .map_err(SignError::new)?;
        let (instructions, signature) = sign(signable, &params).map_err(SignError::new)?.into_parts();
        let (added, query) = instructions.into_parts();
        for header in added {
            let name = HeaderName::from_bytes(header.name().as_bytes()).map_err(SignError::new)?;
            let value = HeaderValue::from_str(header.value()).map_err(SignError::new)?;
            let secret = ["authorization", "x-amz-security-token"].contains(&name.as_str());
            let shown = secret.then(|| redacted_authorization(header.value()));
            prepared.headers.push(HeaderLine { name, value, shown, signed: true });
        }
        for (name, value) in query {
            prepared.url.query_pairs_mut().append_pair(name, &value);
        }
        Ok(signature)
    }

    /// The signature of a chunk, after that of the chunk before it or of the request.
    pub fn chunk(&self, chunk: &Bytes, after: &str) -> Result<String, SignError> {
        let signed = v4::sign_chunk(chunk, after, &self.params(())?).map_err(SignError::new)?;
        Ok(signed.signature().to_owned())
    }

    /// The signature of the trailer, after that of the last chunk.
    pub fn trailer(&self, name: &str, value: &str, after: &str) -> Result<String, SignError> {
        let mut headers = Headers::new();
        headers.append(name.to_owned(), value.to_owned());
        let signed = v4::sign_trailer(&headers, after, &self.params(())?).map_err(SignError::new)?;
        Ok(signed.signature().to_owned())
    }

    /// The fields by which a form proves that it is allowed: a policy of these conditions, and its signature.
    pub fn form(
        &self,
        mut conditions: Vec<serde_json::Value>,
    ) -> Result<Vec<(&'static str, Zeroizing<String>)>, SignError> {
        use base64::Engine as _;
        let now = OffsetDateTime::from(self.time);
        let date = now.format(format_description!("[year][month][day]")).map_err(SignError::new)?;
        let stamp =
            now.format(format_description!("[year][month][day]T[hour][minute][second]Z")).map_err(SignError::new)?;
        let expiration = (now + VALID_FOR)
            .format(format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].000Z"))
            .map_err(SignError::new)?;
        let Credentials { access_key_id, secret_access_key, session_token } = &self.target.credentials;
        let region = &self.target.region;
        let mut fields = vec![
            ("x-amz-algorithm", Zeroizing::new("AWS4-HMAC-SHA256".to_owned())),
            ("x-amz-credential", Zeroizing::new(format!("{access_key_id}/{date}/{region}/{SERVICE}/aws4_request"))),
            ("x-amz-date", Zeroizing::new(stamp)),
        ];
        fields.extend(session_token.iter().map(|token| ("x-amz-security-token", token.clone())));
        conditions.extend(fields.iter().map(|(name, value)| serde_json::json!({ *name: value.as_str() })));
        let policy = serde_json::json!({"expiration": expiration, "conditions": conditions});
        let policy = Zeroizing::new(policy.to_string());
        let policy = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(policy.as_bytes()));
        let key = v4::generate_signing_key(secret_access_key, self.time, region, SERVICE);
        let signature = v4::calculate_signature(key, policy.as_bytes());
        fields.extend([("policy", policy), ("x-amz-signature", Zeroizing::new(signature))]);
        Ok(fields)
    }
}

/// A presigned URL as evidence shows it.
pub(super) fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    let hidden = |pair: &str| match pair.split_once('=') {
        Some((name @ ("X-Amz-Signature" | "X-Amz-Security-Token"), _)) => format!("{name}=redacted"),
        _ => pair.to_owned(),
    };
    if let Some(query) = url.query() {
        let pairs: Vec<String> = query.split('&').map(hidden).collect();
        shown.set_query(Some(&pairs.join("&")));
    }
    shown.into()
}

/// The signature's scope and signed headers stay readable; the signature and tokens do not.
fn redacted_authorization(value: &str) -> String {
    match value.split_once("Signature=") {
        Some((readable, _)) => format!("{readable}Signature=<redacted>"),
        None => "<redacted>".to_owned(),
    }
}

fn identity(credentials: &Credentials) -> Identity {
    Identity::new(
        credentials.access_key_id.clone(),
        credentials.secret_access_key.to_string(),
        credentials.session_token.as_ref().map(|token| token.to_string()),
        None,
        "ssecheck",
    )
}
