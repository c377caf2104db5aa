//! The one place that makes an HTTP request of a step.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::aws_chunked::Trailer;
use super::content::Content;
use super::customer_key::CustomerKey;
use super::headers::{COPY_SOURCE_SSE_C_PREFIX, Headers, SSE_C_PREFIX};
use super::{Target, bodies};
use crate::config::Addressing;
use crate::evidence::Answer;
use crate::suite::body::Body;
use crate::suite::model::{Auth, CopySource, DigestAlgorithm, HeaderCase, Operation, Payload, Request, Scheme, Step};
use crate::suite::object_name;

/// Everything but A–Z a–z 0–9 `-` `.` `_` `~` is escaped, as SigV4 asks.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// In object keys, `/` stays.
const ESCAPED_PATH: &AsciiSet = &ESCAPED.remove(b'/');

/// Where the objects of a case are.
#[derive(Debug, Clone)]
pub struct Place {
    /// The bucket.
    pub bucket: String,
    /// What the keys of the case's objects begin with; ends in `/`.
    pub prefix: String,
}

impl Place {
    /// The object key of an object of the case.
    #[must_use]
    pub fn key(&self, object: &str) -> String {
        format!("{}{object}", self.prefix)
    }
}

/// What a request is made from, besides its step.
pub struct Earlier<'a> {
    /// The case's customer keys.
    pub keys: &'a BTreeMap<String, CustomerKey>,
    /// The suite's bodies.
    pub bodies: &'a BTreeMap<String, Body>,
    /// Answers of earlier steps, by step id.
    pub answers: &'a BTreeMap<String, Answer>,
    /// The steps themselves, for the part numbers of an upload.
    pub steps: &'a [Arc<Step>],
}

/// A request ready to be signed.
#[derive(Clone)]
pub struct Prepared {
    /// Name of the S3 operation.
    pub operation: &'static str,
    /// The listener it goes to.
    pub scheme: Scheme,
    /// HTTP method.
    pub method: Method,
    /// The whole URL.
    pub url: Url,
    /// Header lines in order.
    pub headers: Vec<HeaderLine>,
    /// The body.
    pub body: Content,
    /// How the body is framed.
    pub payload: Payload,
    /// The checksum that follows an aws-chunked body.
    pub trailer: Option<Trailer>,
    /// The fields of a form, in order; the body is its file.
    pub form: Option<Form>,
    /// Headers that take the place of those of their name once the request is signed; without a line it is left out.
    pub tampered: Vec<(HeaderName, Vec<HeaderLine>)>,
    /// What a connection of its own is needed for, if it is.
    pub own_connection: Option<OwnConnection>,
    /// How it is authenticated.
    pub auth: Auth,
    /// The object key, decoded; empty for requests to a bucket.
    pub object_key: String,
}

/// A browser's form upload.
#[derive(Clone)]
pub struct Form {
    /// The bucket that its policy is for.
    pub bucket: String,
    /// The fields before those of the signature.
    pub fields: Vec<HeaderLine>,
    /// Names of the fields that the policy does not list.
    pub unlisted: Vec<String>,
}

/// What a connection of a request's own is needed for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OwnConnection {
    /// Everything that comes is read, also where HTTP allows nothing more.
    ReadToTheEnd,
    /// The names of headers are written so.
    Case(HeaderCase),
    /// It is closed in the middle of the body.
    Interrupted,
    /// Written as one that is interrupted, and to its end.
    Uninterrupted,
}

/// A header line.
#[derive(Clone)]
pub struct HeaderLine {
    /// Name.
    pub name: HeaderName,
    /// Value as sent.
    pub value: HeaderValue,
    /// What evidence shows in place of a value that reveals a customer key.
    pub shown: Option<String>,
    /// Whether the signature covers it.
    pub signed: bool,
}

/// A request cannot be made of a step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// An earlier answer lacks what this request needs: a finding about that answer.
    #[error("the answer of step `{step}` has no {what}, which this request needs")]
    Missing {
        /// The earlier step.
        step: String,
        /// What it lacks.
        what: String,
    },
    /// No plain-HTTP listener is known.
    #[error("no plain-HTTP endpoint is known; give --plain-endpoint")]
    NoPlainEndpoint,
    /// The path that would be sent is not the one that was meant.
    #[error("the object key `{0}` cannot be addressed: its path would be that of something else")]
    OtherPath(String),
    /// A value cannot be written in HTTP.
    #[error("{0} cannot be sent: it holds characters that HTTP does not allow")]
    Unsendable(String),
}

/// Makes the HTTP request of a step.
///
/// # Errors
/// [`BuildError`].
pub fn build(request: &Request, place: &Place, target: &Target, earlier: &Earlier<'_>) -> Result<Prepared, BuildError> {
    let operation = request.operation.unwrap_or(Operation::GetObject);
    let object_key = if operation.is_of_bucket() { String::new() } else { place.key(request.object_name()) };
    let mut query = operation_query(operation, request, place, earlier)?;
    query.extend(request.query.iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
    let scheme = request.scheme();
    let url = address(target, scheme, &place.bucket, &object_key, &query)?;
    let mut headers = Headers { earlier, lines: Vec::new() };
    if let Some(sse_c) = &request.sse_c {
        headers.sse_c(SSE_C_PREFIX, sse_c)?;
    }
    if let Some(source) = &request.copy_source {
        let value = copy_source_value(source, place, earlier)?;
        headers.push("x-amz-copy-source", &value, None)?;
        if let Some(sse_c) = &source.sse_c {
            headers.sse_c(COPY_SOURCE_SSE_C_PREFIX, sse_c)?;
        }
    }
    for (name, spec) in request.headers.iter().flatten() {
        headers.spec(name, spec, None)?;
    }
    let own_attributes =
        request.headers.iter().flatten().any(|(n, _)| n.eq_ignore_ascii_case("x-amz-object-attributes"));
    if operation == Operation::GetObjectAttributes && !own_attributes {
        headers.push("x-amz-object-attributes", "ETag,ObjectSize", None)?;
    }
    let trailer = trailer(request, earlier);
    if let Some(algorithm) =
        sdk_checksum_algorithm(request, trailer.as_ref()).filter(|_| operation != Operation::PostObject)
    {
        headers.push("x-amz-sdk-checksum-algorithm", &algorithm, None)?;
    }
    let body = bodies::body(operation, request, place, earlier)?;
    if digests_body(operation) {
        headers.push("content-md5", &body.content_md5(), None)?;
    }
    let mut lines = headers.lines;
    let mut form = None;
    let mut object_key = object_key;
    if operation == Operation::PostObject {
        object_key = place.key(request.object_name());
        let mut fields = Headers { earlier, lines: Vec::new() };
        fields.push("key", &object_key, None)?;
        fields.push("success_action_status", "201", None)?;
        fields.lines.append(&mut lines);
        let unlisted = request.unlisted.clone().unwrap_or_default();
        form = Some(Form { bucket: place.bucket.clone(), fields: fields.lines, unlisted });
    }
    let mut tampered = Vec::new();
    for (name, spec) in request.tampered.iter().flatten() {
        let mut instead = Headers { earlier, lines: Vec::new() };
        instead.spec(name, spec, None)?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| BuildError::Unsendable(name.clone()))?;
        tampered.push((name, instead.lines));
    }
    for line in &mut lines {
        let unsigned = request.unsigned_headers.iter().flatten().any(|n| n.eq_ignore_ascii_case(line.name.as_str()));
        line.signed = !unsigned;
    }
    Ok(Prepared {
        operation: operation.as_str(),
        scheme,
        method: method(operation),
        url,
        headers: lines,
        body,
        payload: request.payload.unwrap_or_default(),
        trailer,
        form,
        tampered,
        own_connection: own_connection(request),
        auth: request.auth.unwrap_or_default(),
        object_key,
    })
}

/// The listing that tells whether an object is stored; it needs no customer key.
///
/// # Errors
/// [`BuildError`] where the URL cannot be made.
pub fn storage_probe(object_key: &str, bucket: &str, target: &Target) -> Result<Prepared, BuildError> {
    let query = [("list-type", "2"), ("prefix", object_key)];
    let probe = housekeeping("ListObjectsV2", Method::GET, bucket, "", &query, Bytes::new(), target)?;
    Ok(Prepared { object_key: object_key.to_owned(), ..probe })
}

/// The HeadObject without a key that tells whether an object is there where a listing may be behind: 404 says that it is not.
///
/// # Errors
/// [`BuildError`] where the URL cannot be made.
pub fn existence_probe(object_key: &str, bucket: &str, target: &Target) -> Result<Prepared, BuildError> {
    housekeeping("HeadObject", Method::HEAD, bucket, object_key, &[], Bytes::new(), target)
}

/// A signed request of the runner's own: to make, look at and empty buckets.
///
/// # Errors
/// [`BuildError`] where the URL cannot be made.
pub fn housekeeping(
    operation: &'static str,
    method: Method,
    bucket: &str,
    object_key: &str,
    query: &[(&str, &str)],
    body: Bytes,
    target: &Target,
) -> Result<Prepared, BuildError> {
    let query: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (mut headers, body) = (Vec::new(), Content::Document(body));
    if !body.is_empty() {
        // S3 asks for a digest of some documents (DeleteObjects), and takes it with all.
        let digest = body.content_md5();
        let value = HeaderValue::from_str(&digest).map_err(|_| BuildError::Unsendable(digest))?;
        headers.push(HeaderLine { name: HeaderName::from_static("content-md5"), value, shown: None, signed: true });
    }
    Ok(Prepared {
        operation,
        scheme: Scheme::Tls,
        method,
        url: address(target, Scheme::Tls, bucket, object_key, &query)?,
        headers,
        body,
        payload: Payload::Whole,
        trailer: None,
        form: None,
        tampered: Vec::new(),
        own_connection: None,
        auth: Auth::Signed,
        object_key: object_key.to_owned(),
    })
}

/// The URL of a bucket (empty key) or object.
fn address(
    target: &Target,
    scheme: Scheme,
    bucket: &str,
    key: &str,
    query: &[(String, String)],
) -> Result<Url, BuildError> {
    let mut url = match scheme {
        Scheme::Tls => target.tls.clone(),
        Scheme::Plain => target.plain.clone().ok_or(BuildError::NoPlainEndpoint)?,
    };
    let encoded = utf8_percent_encode(key, ESCAPED_PATH).to_string();
    let path = match target.addressing {
        Addressing::Path if key.is_empty() => format!("/{bucket}"),
        Addressing::Path => format!("/{bucket}/{encoded}"),
        Addressing::Virtual => {
            let host = format!("{bucket}.{}", url.host_str().unwrap_or_default());
            url.set_host(Some(&host)).map_err(|_| BuildError::Unsendable(format!("host name `{host}`")))?;
            format!("/{encoded}")
        }
    };
    url.set_path(&path);
    // URLs resolve `.` and `..`.
    if url.path() != path {
        return Err(BuildError::OtherPath(key.to_owned()));
    }
    if !query.is_empty() {
        let pairs: Vec<String> = query
            .iter()
            .map(|(n, v)| format!("{}={}", utf8_percent_encode(n, ESCAPED), utf8_percent_encode(v, ESCAPED)))
            .collect();
        url.set_query(Some(&pairs.join("&")));
    }
    Ok(url)
}

fn method(operation: Operation) -> Method {
    match operation {
        Operation::PutObject
        | Operation::CopyObject
        | Operation::UploadPart
        | Operation::UploadPartCopy
        | Operation::PutObjectTagging
        | Operation::PutObjectAcl
        | Operation::PutBucketPolicy
        | Operation::PutBucketEncryption => Method::PUT,
        Operation::HeadObject => Method::HEAD,
        Operation::DeleteObject | Operation::AbortMultipartUpload | Operation::DeleteObjectTagging => Method::DELETE,
        Operation::CreateMultipartUpload
        | Operation::CompleteMultipartUpload
        | Operation::PostObject
        | Operation::DeleteObjects => Method::POST,
        Operation::GetObject
        | Operation::GetObjectAttributes
        | Operation::GetObjectTagging
        | Operation::GetObjectAcl
        | Operation::GetBucketEncryption
        | Operation::ListParts
        | Operation::ListMultipartUploads
        | Operation::ListObjects
        | Operation::ListObjectsV2
        | Operation::ListObjectVersions => Method::GET,
    }
}

fn operation_query(
    operation: Operation,
    request: &Request,
    place: &Place,
    earlier: &Earlier<'_>,
) -> Result<Vec<(String, String)>, BuildError> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut query = match operation {
        Operation::GetObjectAttributes => vec![pair("attributes", "")],
        Operation::CreateMultipartUpload => vec![pair("uploads", "")],
        Operation::ListObjectsV2 => vec![pair("list-type", "2"), pair("prefix", &place.prefix)],
        Operation::ListObjects => vec![pair("prefix", &place.prefix)],
        Operation::ListObjectVersions => vec![pair("versions", ""), pair("prefix", &place.prefix)],
        Operation::ListMultipartUploads => vec![pair("uploads", ""), pair("prefix", &place.prefix)],
        Operation::DeleteObjects => vec![pair("delete", "")],
        Operation::GetObjectTagging | Operation::PutObjectTagging | Operation::DeleteObjectTagging => {
            vec![pair("tagging", "")]
        }
        Operation::GetObjectAcl | Operation::PutObjectAcl => vec![pair("acl", "")],
        Operation::PutBucketPolicy => vec![pair("policy", "")],
        Operation::PutBucketEncryption | Operation::GetBucketEncryption => vec![pair("encryption", "")],
        _ => Vec::new(),
    };
    if let Some(number) = request.part_number {
        query.push(pair("partNumber", &number.to_string()));
    }
    if let Some(step) = &request.upload {
        let id = earlier.answer(step)?.xml().ok().and_then(|xml| xml.child_text("UploadId").map(str::to_owned));
        query.push(pair("uploadId", &id.ok_or_else(|| missing(step, "UploadId"))?));
    }
    if let Some(step) = &request.version_of {
        query.push(pair("versionId", earlier.header(step, "x-amz-version-id")?));
    }
    Ok(query)
}

fn copy_source_value(source: &CopySource, place: &Place, earlier: &Earlier<'_>) -> Result<String, BuildError> {
    let key = place.key(source.object.as_deref().unwrap_or("object"));
    if object_name::climbs(&key) {
        return Err(BuildError::OtherPath(key));
    }
    let mut value = format!("/{}/{}", place.bucket, utf8_percent_encode(&key, ESCAPED_PATH));
    if let Some(step) = &source.version_of {
        let version = earlier.header(step, "x-amz-version-id")?;
        value.push_str(&format!("?versionId={}", utf8_percent_encode(version, ESCAPED)));
    }
    Ok(value)
}

/// Whether AWS asks for a digest of the request's document.
fn digests_body(operation: Operation) -> bool {
    use Operation::{DeleteObjects, PutBucketEncryption, PutBucketPolicy, PutObjectTagging};
    matches!(operation, DeleteObjects | PutObjectTagging | PutBucketPolicy | PutBucketEncryption)
}

fn trailer(request: &Request, earlier: &Earlier<'_>) -> Option<Trailer> {
    if !request.payload.unwrap_or_default().has_trailer() {
        return None;
    }
    let of = request.trailer.as_ref();
    let algorithm = of.map_or(DigestAlgorithm::Crc32, |of| of.algorithm);
    let body = earlier.bodies.get(of.map_or(request.body.as_ref()?, |of| &of.body))?;
    Some(Trailer { name: format!("x-amz-checksum-{}", algorithm.as_str()), value: body.digest(algorithm) })
}

/// The algorithm that AWS's SDKs name in `x-amz-sdk-checksum-algorithm` beside the checksum header or trailer of a request.
fn sdk_checksum_algorithm(request: &Request, trailer: Option<&Trailer>) -> Option<String> {
    const SDK: &str = "x-amz-sdk-checksum-algorithm";
    let mut names = request.headers.iter().flatten().map(|(name, _)| name.to_ascii_lowercase());
    if names.clone().any(|name| name == SDK) {
        return None;
    }
    let algorithm = |name: &str| {
        let name = name.strip_prefix("x-amz-checksum-")?;
        let is_one = !matches!(name, "mode" | "type" | "algorithm");
        is_one.then(|| name.to_ascii_uppercase())
    };
    names.find_map(|name| algorithm(&name)).or_else(|| algorithm(&trailer?.name))
}

fn own_connection(request: &Request) -> Option<OwnConnection> {
    if let Some(interrupted) = request.interrupted {
        return Some(if interrupted { OwnConnection::Interrupted } else { OwnConnection::Uninterrupted });
    }
    let case = request.header_case.map(OwnConnection::Case);
    case.or_else(|| (request.own_connection == Some(true)).then_some(OwnConnection::ReadToTheEnd))
}

impl<'a> Earlier<'a> {
    pub(super) fn answer(&self, step: &str) -> Result<&'a Answer, BuildError> {
        self.answers.get(step).ok_or_else(|| missing(step, "HTTP answer"))
    }

    pub(super) fn header(&self, step: &str, name: &str) -> Result<&'a str, BuildError> {
        self.answer(step)?.header(name).ok_or_else(|| missing(step, &format!("header `{name}`")))
    }
}

pub(super) fn missing(step: &str, what: &str) -> BuildError {
    BuildError::Missing { step: step.to_owned(), what: what.to_owned() }
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod address_tests;
