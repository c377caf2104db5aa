//! Refusals: the errors of S3, with the fields that AWS puts beside code and message, and how they are written.

use std::borrow::Cow;

use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::BodyExt as _;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use s3s::Body;
use serde::Deserialize;

use super::identity::{Identity, host_id, identify};

/// Why a request was refused, where that matters to somebody but its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    WithoutTls,
    TwoEncryptions,
    NoAlgorithm,
    UnknownAlgorithm,
    NoKey,
    InvalidKey,
    NoMd5,
    WrongMd5,
    /// An SSE-C object is read without a key.
    KeyNeeded,
    /// An SSE-C object is copied without its key.
    KeyNeededForCopy,
    WrongKey,
    /// A plain object is read with a key.
    NotApplicable,
    PartDiffers,
    OtherKeyThanCreated,
    /// A bucket policy denies it.
    Policy,
    /// A bucket policy denies it whatever its headers say.
    PolicyAlways,
    /// SSE-C is blocked on the bucket.
    Block,
    /// The signature does not cover a header.
    HeadersNotSigned,
    /// A form's policy does not list its SSE-C fields.
    NotInPolicy,
}

/// A refusal: status, code, message, further fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub cause: Option<Cause>,
    pub status: u16,
    pub code: Cow<'static, str>,
    pub message: Cow<'static, str>,
    pub fields: Vec<(&'static str, String)>,
    /// Headers of the answer.
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal {
    pub fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            cause: None,
            status,
            code: code.into(),
            message: message.into(),
            fields: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// The same with further headers.
    pub fn with_headers(mut self, headers: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        self.headers.extend(headers);
        self
    }

    /// The same with `ArgumentName` and `ArgumentValue`.
    pub fn argument(mut self, name: &str, value: &str) -> Self {
        self.fields = vec![("ArgumentName", name.to_owned()), ("ArgumentValue", value.to_owned())];
        self
    }

    /// The same with a message of this request's own.
    pub fn saying(mut self, text: String) -> Self {
        self.message = text.into();
        self
    }

    /// The same for this cause.
    pub fn because(mut self, cause: Cause) -> Self {
        self.cause = Some(cause);
        self
    }

    /// The same with one more field.
    pub fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Writes it as the response to a request.
    pub fn response(&self, to: &Identity) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let has_body = !to.is_head && status != StatusCode::NOT_MODIFIED;
        let document = self.document(to).unwrap_or_default();
        let mut response = Response::new(if has_body { Body::from(document) } else { Body::empty() });
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        for (name, value) in &self.headers {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        identify(&mut response, to);
        response
    }

    fn document(&self, to: &Identity) -> std::io::Result<Vec<u8>> {
        let host_id = host_id(to);
        let own = self.fields.iter().map(|(name, value)| (*name, value.as_str()));
        let all = [("Code", &*self.code), ("Message", &*self.message)].into_iter().chain(own).chain([
            ("Resource", to.resource.as_str()),
            ("RequestId", &to.request_id),
            ("HostId", &host_id),
        ]);
        let mut writer = Writer::new(Vec::new());
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        writer.create_element("Error").write_inner_content(|error| {
            for (name, value) in all.filter(|field| *field != ("Message", "")) {
                error.create_element(name).write_text_content(BytesText::new(value))?;
            }
            Ok(())
        })?;
        Ok(writer.into_inner())
    }
}

/// An error as s3s writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    code: String,
    #[serde(default)]
    message: String,
}

/// Reads a refusal that s3s has written.
pub(super) async fn refusal_of_s3s(response: Response<Body>) -> Refusal {
    let (head, body) = response.into_parts();
    let document = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let read = std::str::from_utf8(&document).ok().and_then(|text| quick_xml::de::from_str::<Document>(text).ok());
    let Some(Document { code, message }) = read else { return Refusal::internal() };
    // The one error that s3s says nothing of.
    let message = if message.is_empty() && code == "SignatureDoesNotMatch" {
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.".to_owned()
    } else {
        message
    };
    Refusal::new(head.status.as_u16(), code, message)
}

/// Refusals that have nothing to do with SSE-C.
impl Refusal {
    pub fn access_denied() -> Self {
        Self::new(403, "AccessDenied", "Access Denied")
    }

    pub fn no_such_bucket() -> Self {
        Self::new(404, "NoSuchBucket", "The specified bucket does not exist")
    }

    pub fn no_such_key() -> Self {
        Self::new(404, "NoSuchKey", "The specified key does not exist.")
    }

    pub fn no_such_version() -> Self {
        Self::new(404, "NoSuchVersion", "The specified version does not exist.")
    }

    pub fn no_such_upload() -> Self {
        let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been \
                       aborted or completed.";
        Self::new(404, "NoSuchUpload", message)
    }

    pub fn precondition_failed() -> Self {
        let message = "At least one of the pre-conditions you specified did not hold";
        Self::new(412, "PreconditionFailed", message)
    }

    pub fn not_modified() -> Self {
        Self::new(304, "NotModified", "Not Modified")
    }

    pub fn invalid_range() -> Self {
        Self::new(416, "InvalidRange", "The requested range is not satisfiable")
    }

    pub fn invalid_part(upload_id: &str, number: i32, etag: &str) -> Self {
        let message = "One or more of the specified parts could not be found.  The part may not have been uploaded, or \
                       the specified entity tag may not match the part's entity tag.";
        let refusal = Self::new(400, "InvalidPart", message);
        refusal.field("UploadId", upload_id).field("PartNumber", number.to_string()).field("ETag", etag)
    }

    pub fn incomplete_body() -> Self {
        let message = "You did not provide the number of bytes specified by the Content-Length HTTP header";
        Self::new(400, "IncompleteBody", message)
    }

    pub fn too_large() -> Self {
        Self::new(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
    }

    pub fn bad_digest() -> Self {
        let message = "The Content-MD5 you specified did not match what we received.";
        Self::new(400, "BadDigest", message)
    }

    pub fn invalid_argument(message: &'static str) -> Self {
        Self::new(400, "InvalidArgument", message)
    }

    pub fn not_implemented(message: &'static str) -> Self {
        Self::new(501, "NotImplemented", message)
    }

    pub fn memory_full() -> Self {
        Self::new(503, "ServiceUnavailable", "The memory set aside for objects is full.")
    }

    pub fn internal() -> Self {
        Self::new(500, "InternalError", "We encountered an internal error. Please try again.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_fields_and_is_escaped() {
        let to = Identity { request_id: "0A".to_owned(), resource: "/b/a&b".to_owned(), is_head: false };
        let document = Refusal::new(400, "A", "m").argument("n", "<&>").document(&to).unwrap();
        assert_eq!(
            String::from_utf8(document).unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>A</Code><Message>m</Message><ArgumentName>n</ArgumentName>\
             <ArgumentValue>&lt;&amp;&gt;</ArgumentValue><Resource>/b/a&amp;b</Resource><RequestId>0A</RequestId><HostId>3041</HostId></Error>"
        );
    }
}
