//! PutBucketEncryption and GetBucketEncryption with `BlockedEncryptionTypes`, which s3s's model of the operations lacks.

use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{Extensions, HeaderMap, HeaderValue, Method, Uri};
use http_body_util::BodyExt as _;
use quick_xml::{de, se};
use s3s::route::S3Route;
use s3s::{Body, S3Request, S3Response, S3Result};
use serde::{Deserialize, Serialize};

use super::error::Refusal;
use super::faults::{Faults, SettingFlaw};
use super::store::Store;

/// The most bytes of a configuration that are read.
const MAX_DOCUMENT: usize = 64 * 1024;

/// Takes these two operations before s3s looks at them; their signature has been checked.
pub(super) struct DefaultEncryption {
    pub store: Arc<Store>,
    pub faults: Faults,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename = "ServerSideEncryptionConfiguration")]
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

#[async_trait::async_trait]
impl S3Route for DefaultEncryption {
    fn is_match(&self, method: &Method, uri: &Uri, _: &HeaderMap, _: &mut Extensions) -> bool {
        let query = uri.query().unwrap_or_default();
        let asks = url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "encryption");
        asks && (method == Method::PUT || method == Method::GET)
    }

    async fn call(&self, req: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let extensions = req.extensions.clone();
        self.answer(req).await.map_err(|refusal| refusal.into_error(&extensions))
    }
}

impl DefaultEncryption {
    async fn answer(&self, req: S3Request<Body>) -> Result<S3Response<Body>, Refusal> {
        let bucket = bucket_of(&req).ok_or_else(Refusal::no_such_bucket)?;
        if req.method == Method::PUT {
            let document = http_body_util::Limited::new(req.input, MAX_DOCUMENT).collect().await;
            let document = document.map_err(|_| malformed())?.to_bytes();
            self.set(&bucket, &document)?;
            return Ok(S3Response::new(Body::empty()));
        }
        let mut response = S3Response::new(Body::from(self.shown(&bucket)?));
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        Ok(response)
    }

    fn set(&self, bucket: &str, document: &[u8]) -> Result<(), Refusal> {
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
        self.store.bucket(bucket, |bucket| {
            bucket.default_encryption_set |= is_default;
            // What the rule does not speak of stays as it is.
            if rule.blocked_encryption_types.is_some() {
                bucket.blocks_sse_c = blocked || (bucket.blocks_sse_c && self.faults.has(SettingFlaw::BlockStays));
            }
            Ok(())
        })
    }

    /// Everything without a customer key is encrypted by the store, whether the owner has said so or not.
    fn shown(&self, bucket: &str) -> Result<String, Refusal> {
        let blocks = self.store.bucket(bucket, |bucket| Ok(bucket.blocks_sse_c))?;
        let types = vec![if blocks { "SSE-C" } else { "NONE" }.to_owned()];
        let rule = Rule {
            apply_server_side_encryption_by_default: Some(ByDefault { algorithm: "AES256".to_owned() }),
            bucket_key_enabled: Some(false),
            blocked_encryption_types: Some(Blocked { types }),
        };
        let xmlns = Some("http://s3.amazonaws.com/doc/2006-03-01/".to_owned());
        se::to_string(&Configuration { xmlns, rules: vec![rule] }).map_err(|_| Refusal::internal())
    }
}

fn malformed() -> Refusal {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    Refusal::new(400, "MalformedXML", message)
}

/// The bucket that a request names, before `.localhost` or in the path.
fn bucket_of<T>(req: &S3Request<T>) -> Option<String> {
    let host = req.headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let before_localhost = super::hosts::bucket_of_host(host).map(str::to_owned);
    before_localhost.or_else(|| {
        let path = percent_encoding::percent_decode_str(req.uri.path()).decode_utf8().ok()?;
        path.trim_matches('/').split('/').next().filter(|name| !name.is_empty()).map(str::to_owned)
    })
}
