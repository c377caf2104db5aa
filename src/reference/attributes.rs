//! GetObjectAttributes, written below s3s: its ETag has no quotes, unlike all others, and its header is a list.

use http::header::{CONTENT_TYPE, HeaderName, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, Response};
use s3s::Body;
use s3s::dto::{Timestamp, TimestampFormat};
use serde::Serialize;

use super::checksums::Algorithm;
use super::conditions::Conditions;
use super::error::Refusal;
use super::layer::Reply;
use super::request::Request;
use super::service::Service;
use super::sse_c;
use super::xml;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    #[serde(rename = "@xmlns")]
    xmlns: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum: Option<Checksum>,
    #[serde(rename = "ETag", skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_parts: Option<Parts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_class: Option<&'static str>,
}

#[derive(Serialize)]
struct Checksum {
    #[serde(rename = "ChecksumCRC32", skip_serializing_if = "Option::is_none")]
    crc32: Option<String>,
    #[serde(rename = "ChecksumCRC32C", skip_serializing_if = "Option::is_none")]
    crc32c: Option<String>,
    #[serde(rename = "ChecksumCRC64NVME", skip_serializing_if = "Option::is_none")]
    crc64nvme: Option<String>,
    #[serde(rename = "ChecksumSHA1", skip_serializing_if = "Option::is_none")]
    sha1: Option<String>,
    #[serde(rename = "ChecksumSHA256", skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(rename = "ChecksumType", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Parts {
    parts_count: usize,
}

impl Checksum {
    /// Attributes alone show a checksum of checksums without the number of parts behind it.
    fn of(checksums: &s3s::dto::Checksum) -> Option<Self> {
        Algorithm::of(checksums)?;
        let shown =
            |value: &Option<String>| value.as_ref().map(|value| value.split('-').next().unwrap_or_default().to_owned());
        Some(Self {
            crc32: shown(&checksums.checksum_crc32),
            crc32c: shown(&checksums.checksum_crc32c),
            crc64nvme: shown(&checksums.checksum_crc64nvme),
            sha1: shown(&checksums.checksum_sha1),
            sha256: shown(&checksums.checksum_sha256),
            kind: checksums.checksum_type.as_ref().map(|kind| kind.as_str().to_owned()),
        })
    }
}

/// Carries out GetObjectAttributes.
///
/// # Errors
/// The refusal of what names no attribute, and those of reads.
pub(super) fn get(service: &Service, request: &Request) -> Reply {
    let wanted: Vec<&str> =
        request.header("x-amz-object-attributes").unwrap_or_default().split(',').map(str::trim).collect();
    if wanted.iter().all(|name| name.is_empty()) {
        let message =
            "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty";
        return Err(Refusal::invalid_argument(message).argument("x-amz-object-attributes", ""));
    }
    refuse_doubled(&request.headers)?;
    if let Some(max) = request.header("x-amz-max-parts").filter(|max| max.parse::<u32>().is_err()) {
        return Err(Refusal::invalid_argument("Provided max-parts not an integer or within integer range")
            .argument("max-parts", max));
    }
    let (target, version) = (request.target(), request.parameter("versionId"));
    let place = (target.bucket.as_str(), target.key.as_str(), version.as_deref());
    let reading = service.reading(&request.headers, place, Conditions::default(), None, None)?;
    let (object, wants) = (&reading.object, |name: &str| wanted.contains(&name));
    let document = Document {
        xmlns: "http://s3.amazonaws.com/doc/2006-03-01/",
        checksum: Checksum::of(&object.checksums).filter(|_| wants("Checksum")),
        etag: wants("ETag").then(|| object.etag.clone()),
        object_parts: (wants("ObjectParts") && object.multipart).then(|| Parts { parts_count: object.parts.len() }),
        object_size: wants("ObjectSize").then(|| object.size()),
        storage_class: wants("StorageClass").then_some("STANDARD"),
    };
    let mut response = Response::new(Body::from(xml::document("GetObjectAttributesResponse", &document)?));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    let mut date = Vec::new();
    let modified = Timestamp::from(reading.version.modified);
    modified.format(TimestampFormat::HttpDate, &mut date).map_err(|_| Refusal::internal())?;
    let shown =
        [(LAST_MODIFIED, Some(date)), (HeaderName::from_static("x-amz-version-id"), reading.version_id.map(Vec::from))];
    for (name, value) in shown {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

/// Refuses SSE-C headers that come twice, as s3s does for other operations.
fn refuse_doubled(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_doubled = |name: &&HeaderName| sse_c::is_header(name) && headers.get_all(*name).iter().count() > 1;
    match headers.keys().find(is_doubled) {
        Some(name) => Err(Refusal::new(400, "InvalidRequest", format!("duplicate header: {name}"))),
        None => Ok(()),
    }
}
