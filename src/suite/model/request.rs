//! What a step sends.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Operation;

/// Which listener the request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// The endpoint's TLS listener.
    #[default]
    Tls,
    /// The plain-HTTP listener. The customer keys sent are never used again.
    Plain,
}

/// How the request is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// AWS Signature Version 4 in the `Authorization` header.
    #[default]
    Signed,
    /// AWS Signature Version 4 in the URL; the headers of the step are signed and sent.
    Presigned,
    /// No signature.
    Anonymous,
}

/// How a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Payload {
    /// As it is.
    #[default]
    Whole,
    /// In `aws-chunked` framing with a checksum as trailer (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`), as AWS's SDKs send it.
    AwsChunked,
    /// In `aws-chunked` framing, each chunk signed (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`).
    AwsChunkedSigned,
    /// The same with a checksum as signed trailer (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER`).
    AwsChunkedSignedTrailer,
}

impl Payload {
    /// Whether a checksum follows the body as trailer.
    #[must_use]
    pub fn has_trailer(self) -> bool {
        matches!(self, Self::AwsChunked | Self::AwsChunkedSignedTrailer)
    }
}

/// How a request writes the names of its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum HeaderCase {
    /// `X-Amz-Date`
    Title,
    /// `X-AMZ-DATE`
    Upper,
}

/// A digest of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BodyDigest {
    /// Name of the body.
    pub body: String,
    /// The algorithm; the digest is written in base64, as S3's headers have it.
    pub algorithm: DigestAlgorithm,
}

/// Algorithms that S3 takes checksums by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DigestAlgorithm {
    /// MD5, of `Content-MD5`.
    Md5,
    /// CRC-32 (ISO-HDLC).
    Crc32,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// CRC-64/NVME.
    Crc64nvme,
    /// SHA-256.
    Sha256,
}

impl DigestAlgorithm {
    /// The algorithm as S3's header names end in it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Crc32 => "crc32",
            Self::Crc32c => "crc32c",
            Self::Crc64nvme => "crc64nvme",
            Self::Sha256 => "sha256",
        }
    }
}

/// The name of the object that a request addresses unless it names one.
const DEFAULT_OBJECT: &str = "object";

/// Everything of a request that a suite controls. In a control, every member given replaces the step's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The S3 operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
    /// The object's name in the scenario (the key is made from the run's prefix, the case and this); `object` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Which listener it goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// How it is authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Names of headers that are sent without being signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsigned_headers: Option<Vec<String>>,
    /// The three SSE-C headers of the object (or of the copy's target).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sse_c: Option<Box<SseC>>,
    /// Id of a capability: where the endpoint lacks it, the headers of `sse_c` are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sse_c_if: Option<String>,
    /// The source of a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_source: Option<Box<CopySource>>,
    /// Further headers by name. With an `x-amz-checksum-…` goes `x-amz-sdk-checksum-algorithm`, as AWS's SDKs send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<BTreeMap<String, HeaderSpec>>,
    /// Further query parameters by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<BTreeMap<String, String>>,
    /// Id of an earlier step: address the version that its answer named (`x-amz-version-id`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_of: Option<String>,
    /// Id of the CreateMultipartUpload step whose upload this belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    /// Part number, 1 to 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_number: Option<u32>,
    /// CompleteMultipartUpload: ids of the part steps, in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<String>>,
    /// Name of the body sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// How the body is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
    /// The checksum that follows an aws-chunked body; the CRC32 of the body sent unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trailer: Option<Box<BodyDigest>>,
    /// Only the first half of the body is sent, and then the connection is closed; `false`: the whole body is sent by the same means,
    /// which shows that the endpoint takes requests so written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<bool>,
    /// How the names of headers are written; in lower case unless told. Sent on a connection of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_case: Option<HeaderCase>,
    /// Headers that are changed once the request is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tampered: Option<BTreeMap<String, HeaderSpec>>,
    /// PostObject: fields that the policy does not list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<Vec<String>>,
    /// DeleteObjects: the names of the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<Vec<String>>,
    /// PutBucketPolicy: the policy; `{bucket}` in its texts is the name of the bucket, and `{prefix}` what the keys of the case's objects
    /// begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Value>,
    /// HeadObject: sent on a connection of its own, of which everything is read to the end. The one way to see a body
    /// where HTTP allows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_connection: Option<bool>,
}

/// The SSE-C headers of a request. With `key` alone all three are right; each can be replaced. Empty: none is sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SseC {
    /// Name of the customer key from which the headers are derived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `x-amz-server-side-encryption-customer-algorithm`; `AES256` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Box<HeaderSpec>>,
    /// `x-amz-server-side-encryption-customer-key`; the base64 of the key unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_key: Option<Box<HeaderSpec>>,
    /// `x-amz-server-side-encryption-customer-key-MD5`; the base64 of the raw key's MD5 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<Box<HeaderSpec>>,
}

/// The source of CopyObject or UploadPartCopy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CopySource {
    /// The source object's name in the scenario; `object` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Id of an earlier step: copy the version that its answer named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_of: Option<String>,
    /// The SSE-C headers of the source (`x-amz-copy-source-server-side-encryption-customer-…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sse_c: Option<Box<SseC>>,
}

impl CopySource {
    /// The source object's name in the scenario.
    #[must_use]
    pub fn object_name(&self) -> &str {
        self.object.as_deref().unwrap_or(DEFAULT_OBJECT)
    }
}

/// A header's value: give `absent`, `value`, `of_step`, `digest`, or `key` and/or `form`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HeaderSpec {
    /// The header is not sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
    /// The value as written; may be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Derived from this customer key; the request's own unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Which form of the key; the header's right one unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<KeyForm>,
    /// A header of an earlier step's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_step: Option<StepHeader>,
    /// With `of_step`: that header is an HTTP date, and this value is so many seconds after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_later: Option<u32>,
    /// A digest of a body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<BodyDigest>,
    /// With blanks and a tab around the value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub padded: bool,
    /// This line and those after it (`then`) are one line, with `, ` between the values.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub combined: bool,
    /// A second header line of the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Box<HeaderSpec>>,
}

/// A header of an earlier step's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StepHeader {
    /// Id of the step.
    pub step: String,
    /// Name of the header.
    pub header: String,
}

/// What a header value is derived from a customer key as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeyForm {
    /// Standard base64 with padding: the right form of the key header.
    Base64,
    /// Standard base64 without its padding.
    Base64Unpadded,
    /// URL-safe base64 with padding.
    Base64url,
    /// Standard base64 without its last four characters.
    Base64Truncated,
    /// Base64 of the base64 text.
    Base64Twice,
    /// Base64 of the raw key followed by 16 bytes more.
    Base64WithMore,
    /// Lower-case hexadecimal.
    Hex,
    /// Base64 of the MD5 of the raw key: the right form of the MD5 header.
    Md5,
    /// Base64 of the MD5 of the raw key followed by the same 16 bytes more.
    Md5WithMore,
    /// MD5 of the raw key in lower-case hexadecimal.
    Md5Hex,
    /// Base64 of the MD5 of the key's base64 text.
    Md5OfBase64,
    /// URL-safe base64 of the MD5 of the raw key.
    Md5Base64url,
    /// Base64 of the MD5 of the raw key, without padding.
    Md5Unpadded,
    /// Base64 of the first 15 bytes of the MD5 of the raw key.
    Md5Truncated,
    /// Base64 of the MD5 of the raw key with upper and lower case swapped.
    Md5CaseSwapped,
    /// Base64 of the MD5 of the raw key with only its last byte changed.
    Md5LastByteChanged,
    /// Base64 of the SHA-256 of the raw key.
    Sha256,
}

impl Request {
    /// This request with the members that `patch` gives in place of its own.
    #[must_use]
    pub fn patched(&self, patch: &Self) -> Self {
        fn pick<T: Clone>(patch: &Option<T>, own: &Option<T>) -> Option<T> {
            patch.as_ref().or(own.as_ref()).cloned()
        }
        Self {
            operation: pick(&patch.operation, &self.operation),
            object: pick(&patch.object, &self.object),
            scheme: pick(&patch.scheme, &self.scheme),
            auth: pick(&patch.auth, &self.auth),
            unsigned_headers: pick(&patch.unsigned_headers, &self.unsigned_headers),
            sse_c: pick(&patch.sse_c, &self.sse_c),
            sse_c_if: pick(&patch.sse_c_if, &self.sse_c_if),
            copy_source: pick(&patch.copy_source, &self.copy_source),
            headers: pick(&patch.headers, &self.headers),
            query: pick(&patch.query, &self.query),
            version_of: pick(&patch.version_of, &self.version_of),
            upload: pick(&patch.upload, &self.upload),
            part_number: pick(&patch.part_number, &self.part_number),
            parts: pick(&patch.parts, &self.parts),
            body: pick(&patch.body, &self.body),
            payload: pick(&patch.payload, &self.payload),
            trailer: pick(&patch.trailer, &self.trailer),
            interrupted: pick(&patch.interrupted, &self.interrupted),
            header_case: pick(&patch.header_case, &self.header_case),
            tampered: pick(&patch.tampered, &self.tampered),
            unlisted: pick(&patch.unlisted, &self.unlisted),
            delete: pick(&patch.delete, &self.delete),
            policy: pick(&patch.policy, &self.policy),
            own_connection: pick(&patch.own_connection, &self.own_connection),
        }
    }

    /// Names of the customer keys whose headers it carries.
    #[must_use]
    pub fn key_names(&self) -> BTreeSet<&str> {
        let source = self.copy_source.as_deref().and_then(|s| s.sse_c.as_deref());
        let headers = self.headers.iter().chain(&self.tampered).flatten().flat_map(|(_, spec)| spec.key_names());
        self.sse_c.as_deref().into_iter().chain(source).flat_map(SseC::key_names).chain(headers).collect()
    }

    /// The object's name in the scenario.
    #[must_use]
    pub fn object_name(&self) -> &str {
        self.object.as_deref().unwrap_or(DEFAULT_OBJECT)
    }

    /// Whether its body must be held in memory as a whole to be sent.
    #[must_use]
    pub fn is_held_in_memory(&self) -> bool {
        self.scheme() == Scheme::Plain
            || self.operation == Some(Operation::PostObject)
            || self.payload.unwrap_or_default() != Payload::Whole
            || self.header_case.is_some()
            || self.interrupted.is_some()
            || self.own_connection == Some(true)
    }

    /// The listener it goes to.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme.unwrap_or_default()
    }
}

impl SseC {
    /// Whether no SSE-C header is sent at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.key.is_none() && self.algorithm.is_none() && self.customer_key.is_none() && self.md5.is_none()
    }

    /// Names of all customer keys that its headers are derived from.
    pub fn key_names(&self) -> impl Iterator<Item = &str> {
        [&self.algorithm, &self.customer_key, &self.md5]
            .into_iter()
            .flatten()
            .flat_map(|spec| spec.key_names())
            .chain(self.key.as_deref())
    }
}

impl HeaderSpec {
    /// Names of the customer keys that the header's lines are derived from.
    pub fn key_names(&self) -> impl Iterator<Item = &str> {
        self.lines().filter_map(|line| line.key.as_deref())
    }

    /// The header's lines in order.
    pub fn lines(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |line| line.then.as_deref())
    }
}
