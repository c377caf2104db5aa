//! The suite file as written: serde types, from which the JSON Schema is generated.
//!
//! Alternatives are written as objects with optional members ("give one of `text`, `file`, `size`"), never as
//! untagged unions, so that a mistake is reported at the member that is wrong. Which members go together is
//! checked by the linter.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A suite file: one family of SSE-C scenarios.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuiteFile {
    /// Where the JSON Schema of this format is, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id, unique among the suites of a run (lower-case words joined by `-`).
    pub id: String,
    /// One line for people.
    pub title: String,
    /// What the suite covers and why.
    pub about: String,
    /// Customer keys by name. Every case gets fresh ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, KeySpec>,
    /// Object contents by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bodies: BTreeMap<String, BodySpec>,
    /// Parameter tables by name: each row has an `id` and any further members, which a scenario that names the
    /// table in `for_each` reads as `${alias.member}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, Vec<Row>>,
    /// The scenarios, in the order in which they are reported.
    pub scenarios: Vec<Scenario>,
}

/// A row of a parameter table.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Stable id of the row; becomes part of the case's id.
    pub id: String,
    /// The row's other members, of any type.
    #[serde(flatten)]
    pub values: BTreeMap<String, Value>,
}

/// A customer key: by default 32 random bytes, fresh for each case.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeySpec {
    /// Length in bytes; 32 (256 bits) unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// A file below `fixtures/` with the key in hexadecimal, where a case needs fixed bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// An object's content: give one of `text`, `file`, `size` and `join`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BodySpec {
    /// The content itself, UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A file below `fixtures/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Size in bytes of generated content (pseudo-random, the same for the same `seed`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Seed of generated content; 0 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Names of other bodies, joined in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub join: Vec<String>,
}

/// How binding a rule is (RFC 2119): a failing `must` scenario fails the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Required: a failure fails the run.
    Must,
    /// Recommended: a failure is reported and does not fail the run.
    Should,
    /// Optional: a failure is reported and does not fail the run.
    May,
}

impl Level {
    /// The level as suites write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::May => "may",
        }
    }
}

/// One scenario: steps in order and what must come back.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Stable id, unique in the suite. Never positional.
    pub id: String,
    /// One line for people; may hold `${alias.member}`.
    pub title: String,
    /// Why it matters: what breaks for whom when a server gets this wrong.
    pub why: String,
    /// How binding it is.
    pub level: Level,
    /// Ids of the rules it tests, from the rule catalogue (`suites/rules.json`).
    pub rules: Vec<String>,
    /// Profiles under which it runs; all of them when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// The kind of bucket it runs in; a plain one unless told.
    #[serde(default, skip_serializing_if = "BucketKind::is_plain")]
    pub bucket: BucketKind,
    /// Alias → table name: the scenario becomes one case for each row (for several tables: for each combination).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub for_each: BTreeMap<String, String>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// The kinds of bucket that a run provides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BucketKind {
    /// As CreateBucket makes it, or the one given with `--bucket`.
    #[default]
    Plain,
    /// With versioning switched on.
    Versioned,
    /// With SSE-S3 (`AES256`) set as its default encryption.
    DefaultEncrypted,
}

impl BucketKind {
    fn is_plain(&self) -> bool {
        *self == Self::Plain
    }

    /// The kind as suites write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Versioned => "versioned",
            Self::DefaultEncrypted => "default-encrypted",
        }
    }
}

/// One S3 request and what must come back.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Stable id, unique in the scenario; later steps refer to it.
    pub id: String,
    /// A precondition, not the thing tested: when it does not come out as expected the scenario is blocked, not failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub setup: bool,
    /// A probe of whether the endpoint has the operation at all, without SSE-C: when it does not come out as expected
    /// the scenario is not supported, not failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
    /// The request.
    pub request: Request,
    /// What the answer must be for the step to be evidence at all (that the write succeeded, say, whose ETag is
    /// looked at): when it is not, the scenario is blocked, not failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<Outcome>,
    /// What must come back; a 2xx status when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Outcome>,
    /// What must come back besides by rules of their own, looked at once `expect` holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Also>,
    /// Profile name → what must come back besides `expect` under that profile.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub expect_under: BTreeMap<String, Outcome>,
    /// The positive control of a step that expects a refusal: members of the request that are put right.
    /// The request so mended must succeed, else the scenario is inconclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
}

/// An expectation that is about other rules than the rest of its scenario.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Also {
    /// The rules that it is about, of those that the scenario cites. The scenario's other expectations are not.
    pub rules: Vec<String>,
    /// How binding it is; as its scenario unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// What must come back.
    pub expect: Outcome,
}

/// The positive control of a refusal.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Members that replace those of the step's request; `"sse_c": {}` sends no SSE-C headers.
    pub request: Request,
    /// What must come back; a 2xx status when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Outcome>,
}

/// S3 operations that a step can send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Operation {
    /// `PUT /bucket/key`
    PutObject,
    /// `GET /bucket/key`
    GetObject,
    /// `HEAD /bucket/key`
    HeadObject,
    /// `DELETE /bucket/key`
    DeleteObject,
    /// `PUT /bucket/key` with `x-amz-copy-source`
    CopyObject,
    /// `GET /bucket/key?attributes`
    GetObjectAttributes,
    /// `POST /bucket/key?uploads`
    CreateMultipartUpload,
    /// `PUT /bucket/key?partNumber&uploadId`
    UploadPart,
    /// `PUT /bucket/key?partNumber&uploadId` with `x-amz-copy-source`
    UploadPartCopy,
    /// `POST /bucket/key?uploadId`
    CompleteMultipartUpload,
    /// `DELETE /bucket/key?uploadId`
    AbortMultipartUpload,
    /// `GET /bucket/key?uploadId`
    ListParts,
    /// `GET /bucket?list-type=2`, prefix = the scenario's own
    ListObjectsV2,
    /// `GET /bucket?versions`, prefix = the scenario's own
    ListObjectVersions,
}

impl Operation {
    /// The operation's name in the S3 API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PutObject => "PutObject",
            Self::GetObject => "GetObject",
            Self::HeadObject => "HeadObject",
            Self::DeleteObject => "DeleteObject",
            Self::CopyObject => "CopyObject",
            Self::GetObjectAttributes => "GetObjectAttributes",
            Self::CreateMultipartUpload => "CreateMultipartUpload",
            Self::UploadPart => "UploadPart",
            Self::UploadPartCopy => "UploadPartCopy",
            Self::CompleteMultipartUpload => "CompleteMultipartUpload",
            Self::AbortMultipartUpload => "AbortMultipartUpload",
            Self::ListParts => "ListParts",
            Self::ListObjectsV2 => "ListObjectsV2",
            Self::ListObjectVersions => "ListObjectVersions",
        }
    }
}

/// Which listener the request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// The endpoint's TLS listener.
    #[default]
    Tls,
    /// The plain-HTTP listener. The customer keys sent are never used again.
    Plain,
}

/// How the request is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Payload {
    /// As it is.
    #[default]
    Whole,
    /// In `aws-chunked` framing with a CRC32 as trailer (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`), as AWS's SDKs send it.
    AwsChunked,
}

/// Everything of a request that a suite controls. In a control, every member given replaces the step's.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
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
    pub sse_c: Option<SseC>,
    /// The source of a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_source: Option<CopySource>,
    /// Further headers by name.
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
    /// HeadObject: sent on a connection of its own, of which everything is read to the end. The one way to see a body
    /// where HTTP allows none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_connection: Option<bool>,
}

/// The SSE-C headers of a request. With `key` alone all three are right; each can be replaced. Empty: none is sent.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SseC {
    /// Name of the customer key from which the headers are derived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `x-amz-server-side-encryption-customer-algorithm`; `AES256` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<HeaderSpec>,
    /// `x-amz-server-side-encryption-customer-key`; the base64 of the key unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_key: Option<HeaderSpec>,
    /// `x-amz-server-side-encryption-customer-key-MD5`; the base64 of the raw key's MD5 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub md5: Option<HeaderSpec>,
}

/// The source of CopyObject or UploadPartCopy.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
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
    pub sse_c: Option<SseC>,
}

/// A header's value: give `absent`, `value`, `of_step`, or `key` and/or `form`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
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
    /// A second header line of the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Box<HeaderSpec>>,
}

/// A header of an earlier step's answer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepHeader {
    /// Id of the step.
    pub step: String,
    /// Name of the header.
    pub header: String,
}

/// What a header value is derived from a customer key as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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

/// What must come back. All members given must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// One of these must hold (besides the other members).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub any_of: Vec<Outcome>,
    /// Status codes or classes, any one of which will do: `"200"`, `"2xx"`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<String>,
    /// Id of an earlier step whose answer had the same status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_same_as: Option<String>,
    /// A conformant refusal: a 4xx that is no throttling; over plain HTTP also a redirect to https or a refused
    /// connection. Never a 5xx. The answer holds none of the scenario's object data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// S3 error codes, any one of which will do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<String>,
    /// Fields of the S3 error XML by name (`Message`, `ArgumentName`, …).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub error_fields: BTreeMap<String, TextMatch>,
    /// Headers of the answer by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, HeaderMatch>,
    /// Name of the customer key whose algorithm and MD5 the answer must echo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub echo: Option<String>,
    /// The answer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<BodyMatch>,
    /// The ETag (the header, or the element of the answer's XML).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<EtagMatch>,
    /// The entry of the request's object in a listing (ListObjectsV2, ListObjectVersions), a part in ListParts, or the
    /// attributes of GetObjectAttributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<EntryMatch>,
    /// Whether the object exists afterwards, seen by a listing that needs no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<bool>,
}

/// A match of text: give one member.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextMatch {
    /// Equal to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    /// Matches this regular expression (Rust's `regex` syntax), anywhere in the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
}

/// A match of a header: give one member.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderMatch {
    /// Equal to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    /// Matches this regular expression, anywhere in the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matches: Option<String>,
    /// Not in the answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
    /// Equal to a header of an earlier step's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<StepHeader>,
    /// Different from a header of an earlier step's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs_from: Option<StepHeader>,
}

/// A match of the body: give `empty`, `size`, `sha256`, or `equals`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BodyMatch {
    /// Equal to this body, or to the slice of it that `offset` and `length` name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<String>,
    /// First byte of the slice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Length of the slice in bytes; to the end unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Without a body.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
    /// Length in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// SHA-256 in lower-case hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// How an ETag is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EtagFormat {
    /// 32 hexadecimal digits.
    Hex32,
    /// 32 hexadecimal digits, `-`, the number of parts.
    Multipart,
}

/// What must hold of an ETag; quotes do not count.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EtagMatch {
    /// How it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<EtagFormat>,
    /// Neither the MD5 of any body nor of anything else that the scenario sent (the customer key, its base64 text).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_an_md5_of_what_was_sent: bool,
    /// Equal to the ETag of an earlier step's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<String>,
    /// Different from the ETag of an earlier step's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs_from: Option<String>,
}

/// What must hold of the object's entry in a listing, or of its attributes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryMatch {
    /// ListParts: the part that is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_number: Option<u32>,
    /// The size listed, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Id of an earlier step whose answer's ETag is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag_same_as: Option<String>,
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
            copy_source: pick(&patch.copy_source, &self.copy_source),
            headers: pick(&patch.headers, &self.headers),
            query: pick(&patch.query, &self.query),
            version_of: pick(&patch.version_of, &self.version_of),
            upload: pick(&patch.upload, &self.upload),
            part_number: pick(&patch.part_number, &self.part_number),
            parts: pick(&patch.parts, &self.parts),
            body: pick(&patch.body, &self.body),
            payload: pick(&patch.payload, &self.payload),
            own_connection: pick(&patch.own_connection, &self.own_connection),
        }
    }

    /// Names of the customer keys whose headers it carries.
    #[must_use]
    pub fn key_names(&self) -> BTreeSet<&str> {
        let source = self.copy_source.as_ref().and_then(|s| s.sse_c.as_ref());
        let headers = self.headers.iter().flatten().flat_map(|(_, spec)| spec.key_names());
        self.sse_c.iter().chain(source).flat_map(SseC::key_names).chain(headers).collect()
    }

    /// The object's name in the scenario.
    #[must_use]
    pub fn object_name(&self) -> &str {
        self.object.as_deref().unwrap_or("object")
    }

    /// The listener it goes to.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme.unwrap_or_default()
    }
}

impl Step {
    /// Whether an ETag of this step is compared with the MD5s of what was sent.
    #[must_use]
    pub fn asks_for_md5s(&self) -> bool {
        fn asks(outcome: &Outcome) -> bool {
            let by_etag = outcome.etag.as_ref().is_some_and(|etag| etag.not_an_md5_of_what_was_sent);
            by_etag || outcome.any_of.iter().any(asks)
        }
        self.outcomes().any(asks)
    }

    /// Whether anything that must come back depends on the object being stored or not.
    #[must_use]
    pub fn asks_for_storage(&self) -> bool {
        self.outcomes().any(Outcome::asks_for_storage)
    }

    /// Everything that must come back, under whatever profile.
    pub fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        let also = self.also.iter().map(|also| &also.expect);
        self.needs.iter().chain(&self.expect).chain(also).chain(self.expect_under.values())
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
            .flat_map(HeaderSpec::key_names)
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

impl Outcome {
    /// Any 2xx: what a step without `expect` must come back with.
    #[must_use]
    pub fn success() -> Self {
        Self { status: vec!["2xx".to_owned()], ..Self::default() }
    }

    /// Whether it depends on the object being stored or not.
    #[must_use]
    pub fn asks_for_storage(&self) -> bool {
        self.stored.is_some() || self.any_of.iter().any(Self::asks_for_storage)
    }

    /// Whether it says anything of the body.
    #[must_use]
    pub fn asks_for_body(&self) -> bool {
        self.body.is_some() || self.any_of.iter().any(Self::asks_for_body)
    }

    /// Whether nothing but a refusal can satisfy it, so that a positive control is needed.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.refused
            || (!self.status.is_empty() && self.status.iter().all(|s| s.starts_with(['4', '5'])))
            || (!self.any_of.is_empty() && self.any_of.iter().all(Self::is_refusal))
    }
}
