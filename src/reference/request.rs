//! One request as the service sees it: its body decoded, its signature looked at, with what is known of how it came.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Method, Uri};
use s3s::{Body, TrailingHeaders};

use super::error::Refusal;
use super::hosts;
use super::identity::Identity;
use super::seam::Seam;
use super::subresources;

/// The listener that a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Tls,
    Plain,
}

/// What the signature of a request, or the lack of one, makes of its sender. The service enforces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The owner of everything here: the signature is right.
    Owner,
    /// The owner, to whom neither the policy of a bucket nor its block of SSE-C applies.
    Operator,
    /// Nobody: there is no signature.
    Anonymous,
    /// To be refused: the signature is wrong, or does not cover what it must, or a form's policy does not hold.
    Refused(Refusal),
}

/// How the sender of a request asked for it to be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// With an `Authorization` header, or without a signature.
    Headers,
    /// By a presigned URL.
    Presigned,
    /// By an HTML form; its fields are headers of a PutObject.
    Html,
}

/// What a bucket policy is evaluated against (IAM's request context).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PolicyContext {
    /// `s3:x-amz-server-side-encryption-customer-algorithm`; absent where the header is.
    pub algorithm: Option<String>,
    /// `aws:SecureTransport`.
    pub secure_transport: bool,
}

/// A request.
pub(crate) struct Request {
    pub identity: Arc<Identity>,
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    /// The content, without any framing.
    pub body: Body,
    /// Headers that follow the body.
    pub trailers: Option<TrailingHeaders>,
    pub transport: Transport,
    /// Number of the connection, counted from 0.
    pub connection: u64,
    /// The head as it was written, where the endpoint keeps it; empty otherwise.
    pub written: Bytes,
    pub form: Form,
    pub standing: Standing,
    pub policy_context: PolicyContext,
    /// What the store asks when it keeps what this request writes.
    pub seams: Vec<Arc<dyn Seam>>,
}

/// The bucket that a request is for, and the object key; empty where it is for none.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Target {
    pub bucket: String,
    pub key: String,
}

impl Request {
    /// The bucket and the object that this is for.
    pub fn target(&self) -> Target {
        let host = self.headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| self.uri.host()).unwrap_or_default();
        let decoded = percent_encoding::percent_decode_str(self.uri.path()).decode_utf8_lossy();
        let path = decoded.strip_prefix('/').unwrap_or(&decoded);
        let (bucket, key) = match hosts::bucket_of_host(host) {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').unwrap_or((path, "")),
        };
        Target { bucket: bucket.to_owned(), key: key.to_owned() }
    }

    /// The value of a query parameter, decoded; `None` where it is absent.
    pub fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        let mut parameters = url::form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes());
        parameters.find(|(parameter, _)| parameter == name).map(|(_, value)| value)
    }

    /// The value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The object that a copy names as its source, and the version.
    pub fn copy_source(&self) -> Option<(Target, Option<String>)> {
        let source = self.header("x-amz-copy-source")?;
        let (path, version) = source.split_once("?versionId=").map_or((source, None), |(path, id)| (path, Some(id)));
        let path = percent_encoding::percent_decode_str(path).decode_utf8().ok()?;
        let (bucket, key) = path.trim_start_matches('/').split_once('/')?;
        Some((Target { bucket: bucket.to_owned(), key: key.to_owned() }, version.map(str::to_owned)))
    }

    /// The operation that this asks for.
    pub fn operation(&self) -> Operation {
        Operation::of(self)
    }
}

/// Takes parameters out of a query, those whose name, as it is written, `drops` picks.
pub(crate) fn without_parameters(uri: &Uri, drops: impl Fn(&str) -> bool) -> Uri {
    let query = uri.query().unwrap_or_default();
    let kept: Vec<&str> = query.split('&').filter(|one| !drops(one.split('=').next().unwrap_or_default())).collect();
    let path = uri.path();
    let kept = if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = kept.parse().ok();
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

/// The operations of S3 that something here treats differently from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Operation {
    PutObject,
    /// An HTML form that uploads an object.
    PostObject,
    GetObject,
    HeadObject,
    GetObjectAttributes,
    CopyObject,
    DeleteObject,
    DeleteObjects,
    CreateMultipartUpload,
    UploadPart,
    UploadPartCopy,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    ListParts,
    ListMultipartUploads,
    ListObjects,
    ListObjectsV2,
    ListObjectVersions,
    GetObjectTagging,
    PutObjectTagging,
    DeleteObjectTagging,
    GetObjectAcl,
    PutObjectAcl,
    PutBucketEncryption,
    GetBucketEncryption,
    /// Any other.
    Other,
}

impl Operation {
    /// All of them, each with its name in the Amazon S3 API Reference.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::PutObject, "PutObject"),
        (Self::PostObject, "PostObject"),
        (Self::GetObject, "GetObject"),
        (Self::HeadObject, "HeadObject"),
        (Self::GetObjectAttributes, "GetObjectAttributes"),
        (Self::CopyObject, "CopyObject"),
        (Self::DeleteObject, "DeleteObject"),
        (Self::DeleteObjects, "DeleteObjects"),
        (Self::CreateMultipartUpload, "CreateMultipartUpload"),
        (Self::UploadPart, "UploadPart"),
        (Self::UploadPartCopy, "UploadPartCopy"),
        (Self::CompleteMultipartUpload, "CompleteMultipartUpload"),
        (Self::AbortMultipartUpload, "AbortMultipartUpload"),
        (Self::ListParts, "ListParts"),
        (Self::ListMultipartUploads, "ListMultipartUploads"),
        (Self::ListObjects, "ListObjects"),
        (Self::ListObjectsV2, "ListObjectsV2"),
        (Self::ListObjectVersions, "ListObjectVersions"),
        (Self::GetObjectTagging, "GetObjectTagging"),
        (Self::PutObjectTagging, "PutObjectTagging"),
        (Self::DeleteObjectTagging, "DeleteObjectTagging"),
        (Self::GetObjectAcl, "GetObjectAcl"),
        (Self::PutObjectAcl, "PutObjectAcl"),
        (Self::PutBucketEncryption, "PutBucketEncryption"),
        (Self::GetBucketEncryption, "GetBucketEncryption"),
        (Self::Other, "Other"),
    ];

    /// The name in the Amazon S3 API Reference.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(own, _)| *own == self).map_or("Other", |(_, name)| name)
    }

    fn of(request: &Request) -> Self {
        if request.form == Form::Html {
            return Self::PostObject;
        }
        let query = request.uri.query().unwrap_or_default();
        let names: Vec<Cow<'_, str>> =
            url::form_urlencoded::parse(query.as_bytes()).map(|(parameter, _)| parameter).collect();
        let has = |name: &str| names.iter().any(|own| own == name);
        let target = request.target();
        let known =
            if target.key.is_empty() { Self::of_bucket(request, &target, has) } else { Self::of_object(request, has) };
        // What asks for another sub-resource asks for none of these.
        let is_plain = matches!(
            known,
            Self::ListObjects
                | Self::GetObject
                | Self::HeadObject
                | Self::PutObject
                | Self::CopyObject
                | Self::DeleteObject
        );
        if is_plain && names.iter().any(|name| subresources::is_known(name)) { Self::Other } else { known }
    }

    fn of_bucket(request: &Request, target: &Target, has: impl Fn(&str) -> bool) -> Self {
        match request.method {
            Method::PUT if has("encryption") => Self::PutBucketEncryption,
            Method::GET if has("encryption") => Self::GetBucketEncryption,
            Method::POST if has("delete") => Self::DeleteObjects,
            Method::GET if has("versions") => Self::ListObjectVersions,
            Method::GET if has("uploads") => Self::ListMultipartUploads,
            Method::GET if request.parameter("list-type").as_deref() == Some("2") => Self::ListObjectsV2,
            Method::GET if target.bucket.is_empty() => Self::Other,
            Method::GET => Self::ListObjects,
            _ => Self::Other,
        }
    }

    fn of_object(request: &Request, has: impl Fn(&str) -> bool) -> Self {
        let is_copy = || request.headers.contains_key("x-amz-copy-source");
        match request.method {
            Method::PUT if has("tagging") => Self::PutObjectTagging,
            Method::GET if has("tagging") => Self::GetObjectTagging,
            Method::DELETE if has("tagging") => Self::DeleteObjectTagging,
            Method::PUT if has("acl") => Self::PutObjectAcl,
            Method::GET if has("acl") => Self::GetObjectAcl,
            Method::PUT if has("uploadId") && is_copy() => Self::UploadPartCopy,
            Method::PUT if has("uploadId") => Self::UploadPart,
            Method::PUT if is_copy() => Self::CopyObject,
            Method::PUT => Self::PutObject,
            Method::POST if has("uploads") => Self::CreateMultipartUpload,
            Method::POST if has("uploadId") => Self::CompleteMultipartUpload,
            Method::GET if has("uploadId") => Self::ListParts,
            Method::DELETE if has("uploadId") => Self::AbortMultipartUpload,
            Method::GET if has("attributes") => Self::GetObjectAttributes,
            Method::GET => Self::GetObject,
            Method::HEAD => Self::HeadObject,
            Method::DELETE => Self::DeleteObject,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn request(method: Method, uri: &'static str, host: &'static str) -> Request {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, http::HeaderValue::from_static(host));
        Request {
            identity: Arc::new(Identity { request_id: String::new(), resource: String::new(), is_head: false }),
            method,
            uri: Uri::from_static(uri),
            headers,
            body: Body::empty(),
            trailers: None,
            transport: Transport::Tls,
            connection: 0,
            written: Bytes::new(),
            form: Form::Headers,
            standing: Standing::Anonymous,
            policy_context: PolicyContext::default(),
            seams: Vec::new(),
        }
    }

    #[rstest]
    #[case("/b/a%20key/x", "localhost:1", "b", "a key/x")]
    #[case("/a%20key", "b.localhost:1", "b", "a key")]
    #[case("/b", "localhost", "b", "")]
    #[case("/b/", "localhost", "b", "")]
    #[case("/", "localhost", "", "")]
    #[case("//", "b.localhost", "b", "/")]
    fn targets_are_named_in_the_path_or_the_host(
        #[case] uri: &'static str,
        #[case] host: &'static str,
        #[case] bucket: &str,
        #[case] key: &str,
    ) {
        let expected = Target { bucket: bucket.to_owned(), key: key.to_owned() };
        assert_eq!(request(Method::GET, uri, host).target(), expected);
    }

    #[rstest]
    #[case(Method::GET, "/b/k?x-id=GetObject", Operation::GetObject)]
    #[case(Method::GET, "/b/k?attributes", Operation::GetObjectAttributes)]
    #[case(Method::GET, "/b/k?%61ttributes", Operation::GetObjectAttributes)]
    #[case(Method::GET, "/b/k?uploadId=1", Operation::ListParts)]
    #[case(Method::PUT, "/b/k?partNumber=1&uploadId=1", Operation::UploadPart)]
    #[case(Method::POST, "/b/k?uploads=", Operation::CreateMultipartUpload)]
    #[case(Method::POST, "/b?delete", Operation::DeleteObjects)]
    #[case(Method::GET, "/b?prefix=uploads", Operation::ListObjects)]
    #[case(Method::GET, "/b?list-type=2", Operation::ListObjectsV2)]
    #[case(Method::GET, "/b?location", Operation::Other)]
    #[case(Method::GET, "/b?cors", Operation::Other)]
    #[case(Method::PUT, "/b/k?retention", Operation::Other)]
    #[case(Method::PUT, "/b", Operation::Other)]
    #[case(Method::GET, "/", Operation::Other)]
    fn operations_are_told_apart(#[case] method: Method, #[case] uri: &'static str, #[case] expected: Operation) {
        assert_eq!(request(method, uri, "localhost").operation(), expected);
    }
}
