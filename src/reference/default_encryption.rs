//! PutBucketEncryption and GetBucketEncryption with `BlockedEncryptionTypes`, which s3s's model of the operations lacks.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use http_body_util::BodyExt as _;
use quick_xml::de;
use s3s::Body;
use serde::{Deserialize, Serialize};

use super::error::Refusal;
use super::layer::Reply;
use super::request::Request;
use super::store::Store;
use super::xml;

/// The most bytes of a configuration that are read.
const MAX_DOCUMENT: usize = 64 * 1024;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Configuration {
    #[serde(rename = "@xmlns", default, skip_serializing_if = "Option::is_none")]
    xmlns: Option<String>,
    #[serde(rename = "Rule", default)]
    rules: Vec<Rule>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    apply_server_side_encryption_by_default: Option<ByDefault>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bucket_key_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    blocked_encryption_types: Option<Blocked>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ByDefault {
    #[serde(rename = "SSEAlgorithm")]
    algorithm: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Blocked {
    #[serde(rename = "EncryptionType", default)]
    types: Vec<String>,
}

/// Carries out PutBucketEncryption.
///
/// # Errors
/// The refusal of a document that is none, or asks for what the endpoint has not.
pub(super) async fn set(store: &Store, request: Request) -> Reply {
    let bucket = request.target().bucket;
    let document = http_body_util::Limited::new(request.body, MAX_DOCUMENT).collect().await;
    let document = document.map_err(|_| malformed())?.to_bytes();
    configure(store, &bucket, &document)?;
    Ok(Response::new(Body::empty()))
}

/// Carries out GetBucketEncryption.
///
/// # Errors
/// The refusal of a bucket that there is not.
pub(super) fn get(store: &Store, request: &Request) -> Reply {
    let mut response = Response::new(Body::from(shown(store, &request.target().bucket)?));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    Ok(response)
}

fn configure(store: &Store, bucket: &str, document: &[u8]) -> Result<(), Refusal> {
    let text = std::str::from_utf8(document).map_err(|_| malformed())?;
    let configuration: Configuration = de::from_str(text).map_err(|_| malformed())?;
    let [rule] = configuration.rules.as_slice() else { return Err(malformed()) };
    let mut blocked = false;
    for kind in rule.blocked_encryption_types.iter().flat_map(|blocked| &blocked.types) {
        match kind.as_str() {
            "SSE-C" => blocked = true,
            "NONE" => {}
            _ => return Err(malformed()),
        }
    }
    match rule.apply_server_side_encryption_by_default.as_ref().map(|default| default.algorithm.as_str()) {
        None | Some("AES256") => {}
        Some("aws:kms" | "aws:kms:dsse") => {
            return Err(Refusal::not_implemented("The reference endpoint has no key management service."));
        }
        Some(_) => return Err(malformed()),
    }
    let is_default = rule.apply_server_side_encryption_by_default.is_some();
    store.bucket(bucket, |bucket| {
        bucket.default_encryption_set |= is_default;
        // What the rule does not speak of stays as it is.
        if rule.blocked_encryption_types.is_some() {
            bucket.blocks_sse_c = blocked;
        }
        Ok(())
    })
}

/// Everything without a customer key is encrypted by the store, whether the owner has said so or not.
fn shown(store: &Store, bucket: &str) -> Result<Vec<u8>, Refusal> {
    let blocks = store.bucket(bucket, |bucket| Ok(bucket.blocks_sse_c))?;
    let types = vec![if blocks { "SSE-C" } else { "NONE" }.to_owned()];
    let rule = Rule {
        apply_server_side_encryption_by_default: Some(ByDefault { algorithm: "AES256".to_owned() }),
        bucket_key_enabled: Some(false),
        blocked_encryption_types: Some(Blocked { types }),
    };
    let xmlns = Some("http://s3.amazonaws.com/doc/2006-03-01/".to_owned());
    xml::document("ServerSideEncryptionConfiguration", &Configuration { xmlns, rules: vec![rule] })
}

fn malformed() -> Refusal {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    Refusal::new(400, "MalformedXML", message)
}
