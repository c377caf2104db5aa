//! AWS Signature Version 4, by the `aws-sigv4` crate.

use std::time::SystemTime;

use aws_credential_types::Credentials as Identity;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use http::{HeaderName, HeaderValue};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

use super::Target;
use super::build::{HeaderLine, Prepared};
use crate::config::Credentials;
use crate::suite::model::{Auth, Payload};

/// How long a presigned URL is valid.
const PRESIGNED_FOR: Duration = Duration::from_secs(300);

/// A request cannot be signed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the request cannot be signed: {0}")]
pub struct SignError(String);

/// Signs a request in place: headers are added, or for a presigned request query parameters.
pub(super) fn sign_request(prepared: &mut Prepared, target: &Target) -> Result<(), SignError> {
    let failed = |e: &dyn std::fmt::Display| SignError(e.to_string());
    let presigned = match prepared.auth {
        Auth::Anonymous => return Ok(()),
        Auth::Signed => false,
        Auth::Presigned => true,
    };
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    if presigned {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(PRESIGNED_FOR);
    } else {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let identity = identity(&target.credentials).into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&target.region)
        .name("s3")
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .map_err(|e| failed(&e))?
        .into();
    let mut headers: Vec<(&str, &str)> = Vec::new();
    for line in prepared.headers.iter().filter(|line| line.signed) {
        headers.push((line.name.as_str(), line.value.to_str().map_err(|e| failed(&e))?));
    }
    let digest;
    let body = if presigned {
        SignableBody::UnsignedPayload
    } else if prepared.payload == Payload::AwsChunked {
        SignableBody::StreamingUnsignedPayloadTrailer
    } else {
        digest = hex::encode(Sha256::digest(&prepared.body));
        SignableBody::Precomputed(digest.clone())
    };
    let signable = SignableRequest::new(prepared.method.as_str(), prepared.url.as_str(), headers.into_iter(), body)
        .map_err(|e| failed(&e))?;
    let (instructions, _) = sign(signable, &params).map_err(|e| failed(&e))?.into_parts();
    let (added, query) = instructions.into_parts();
    for header in added {
        let name = HeaderName::from_bytes(header.name().as_bytes()).map_err(|e| failed(&e))?;
        let value = HeaderValue::from_str(header.value()).map_err(|e| failed(&e))?;
        let secret = ["authorization", "x-amz-security-token"].contains(&name.as_str());
        let shown = secret.then(|| redacted_authorization(header.value()));
        prepared.headers.push(HeaderLine { name, value, shown, signed: true });
    }
    for (name, value) in query {
        prepared.url.query_pairs_mut().append_pair(name, &value);
    }
    Ok(())
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
