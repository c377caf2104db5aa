//! Uploads by HTML forms (Amazon S3 API Reference, "POST Object"): a form is a PutObject whose headers are fields.
//!
//! s3s checks the form's signature. It refuses a policy that does not hold otherwise than AWS, so the policy is checked here.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HOST, HeaderName, LOCATION};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};
use multer::Multipart;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::Body;
use s3s::post_policy::{PostPolicy, PostPolicyCondition};
use serde::Serialize;
use time::OffsetDateTime;

use super::error::{Cause, Refusal};
use super::hosts::bucket_of_host;
use super::request::Target;
use super::xml;

/// Kept as they are in the path of an object.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
/// Fields that a policy need not cover, beside those that begin with `x-ignore-`.
const UNCOVERED: [&str; 5] = ["awsaccesskeyid", "file", "policy", "signature", "x-amz-signature"];
/// Fields that are headers of the PutObject.
const HEADERS: [&str; 8] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
];
/// How names of fields begin that are headers of the PutObject.
const HEADERS_THAT_BEGIN: [&str; 4] =
    ["x-amz-checksum-", "x-amz-meta-", "x-amz-object-lock-", "x-amz-server-side-encryption"];

/// A form.
pub(super) struct Form {
    /// Names in lower case, and values.
    fields: Vec<(String, String)>,
    file: Bytes,
    /// The key of the object, with the file's name in its place.
    pub key: String,
}

/// Whether a request uploads by a form.
pub(super) fn is_form(method: &Method, headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    method == Method::POST && content_type.to_ascii_lowercase().starts_with("multipart/form-data")
}

impl Form {
    /// Reads a body.
    ///
    /// # Errors
    /// The refusal of one that is no form, or has no file.
    pub async fn read(headers: &HeaderMap, body: Bytes) -> Result<Self, Refusal> {
        let malformed = || {
            let message = "The body of your POST request is not well-formed multipart/form-data.";
            Refusal::new(400, "MalformedPOSTRequest", message)
        };
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let boundary = multer::parse_boundary(content_type).map_err(|_| malformed())?;
        let stream = futures_util::stream::once(std::future::ready(Ok::<_, std::convert::Infallible>(body)));
        let mut parts = Multipart::new(stream, boundary);
        let mut fields = Vec::new();
        while let Some(part) = parts.next_field().await.map_err(|_| malformed())? {
            let name = part.name().unwrap_or_default().to_ascii_lowercase();
            let file_name = part.file_name().unwrap_or_default().to_owned();
            let content = part.bytes().await.map_err(|_| malformed())?;
            // Nothing that follows the file counts.
            if name == "file" {
                let key = fields.iter().find(|(name, _)| name == "key").map(|(_, key): &(String, String)| key.as_str());
                let key = key.unwrap_or_default().replace("${filename}", &file_name);
                return Ok(Self { fields, file: content, key });
            }
            // The policy and the signature would be of one, and the object of the other.
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(
                    Refusal::invalid_argument("POST requires exactly one field of each name.").argument("name", &name)
                );
            }
            fields.push((name, String::from_utf8_lossy(&content).into_owned()));
        }
        let message = "POST requires exactly one file upload per request.";
        Err(Refusal::new(400, "InvalidArgument", message).argument("file", "0"))
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Checks what the form is for: a bucket, which the request names, and an object in it, which a field names.
    ///
    /// # Errors
    /// The refusal of any other.
    pub fn check_target(&self, target: &Target) -> Result<(), Refusal> {
        if target.bucket.is_empty() || !target.key.is_empty() {
            let message = "The specified method is not allowed against this resource.";
            return Err(Refusal::new(405, "MethodNotAllowed", message));
        }
        if self.key.is_empty() {
            let message = "The bucket POST must contain the specified field name. If it is specified, please check the order of the fields.";
            return Err(Refusal::new(400, "UserKeyMustBeSpecified", message));
        }
        Ok(())
    }

    /// Checks the policy that the form brings, if it does.
    ///
    /// # Errors
    /// The refusal of one that does not hold, or does not cover a field.
    pub fn check_policy(&self, bucket: &str) -> Result<(), Refusal> {
        let Some(policy) = self.field("policy") else { return Ok(()) };
        let malformed = || Refusal::new(400, "InvalidPolicyDocument", "Invalid Policy: Invalid JSON.");
        let policy = PostPolicy::from_base64(policy).map_err(|_| malformed())?;
        if OffsetDateTime::from(policy.expiration.clone()) <= OffsetDateTime::now_utc() {
            return Err(invalid("Policy expired."));
        }
        for condition in &policy.conditions {
            self.check_condition(condition, bucket)?;
        }
        let covers = |name: &str| {
            policy.conditions.iter().any(|condition| match condition {
                PostPolicyCondition::Eq { field, .. } | PostPolicyCondition::StartsWith { field, .. } => {
                    field.eq_ignore_ascii_case(name)
                }
                PostPolicyCondition::ContentLengthRange { .. } => false,
            })
        };
        let needs = |name: &str| !UNCOVERED.contains(&name) && !name.starts_with("x-ignore-");
        match self.fields.iter().find(|(name, _)| needs(name) && !covers(name)) {
            Some((name, _)) => Err(invalid("Extra input fields").field("FieldName", name).because(Cause::NotInPolicy)),
            None => Ok(()),
        }
    }

    fn check_condition(&self, condition: &PostPolicyCondition, bucket: &str) -> Result<(), Refusal> {
        let (operator, name, wanted) = match condition {
            PostPolicyCondition::Eq { field, value } => ("eq", field, value),
            PostPolicyCondition::StartsWith { field, prefix } => ("starts-with", field, prefix),
            PostPolicyCondition::ContentLengthRange { min, max } => {
                let size = self.file.len() as u64;
                let message = |of: &str| format!("Your proposed upload {of} allowed size");
                return match size {
                    size if size < *min => {
                        Err(Refusal::new(400, "EntityTooSmall", message("is smaller than the minimum")))
                    }
                    size if size > *max => Err(Refusal::new(400, "EntityTooLarge", message("exceeds the maximum"))),
                    _ => Ok(()),
                };
            }
        };
        // The names of fields may be written in any case, their values may not. The bucket is named by the request.
        let lowered = name.to_ascii_lowercase();
        let sent = if lowered == "bucket" { bucket } else { self.field(&lowered).unwrap_or_default() };
        let holds = if operator == "eq" { sent == wanted } else { sent.starts_with(wanted.as_str()) };
        if holds {
            return Ok(());
        }
        // No response tells of a customer key.
        if lowered.ends_with("customer-key") {
            return Err(invalid(&format!("Policy Condition failed: [\"{operator}\", \"${name}\"]")));
        }
        let shown = serde_json::json!([operator, format!("${name}"), wanted]).to_string().replace("\",\"", "\", \"");
        Err(invalid(&format!("Policy Condition failed: {shown}")))
    }

    /// Path, headers and body of the PutObject that this is.
    pub fn as_put(&self, uri: &Uri, headers: &HeaderMap) -> (Uri, HeaderMap, Bytes) {
        let host = headers.get(HOST);
        let named = host.and_then(|host| host.to_str().ok()).and_then(bucket_of_host);
        let key = utf8_percent_encode(&self.key, KEPT);
        let path = match named {
            Some(_) => format!("/{key}"),
            None => format!("/{}/{key}", uri.path().trim_matches('/')),
        };
        let mut put = HeaderMap::new();
        if let Some(host) = host {
            put.insert(HOST, host.clone());
        }
        put.insert(CONTENT_LENGTH, HeaderValue::from(self.file.len()));
        for (name, value) in &self.fields {
            let begins = HEADERS_THAT_BEGIN.iter().any(|start| name.starts_with(start));
            if let (true, Ok(name), Ok(value)) = (
                begins || HEADERS.contains(&name.as_str()),
                HeaderName::from_bytes(name.as_bytes()),
                HeaderValue::from_bytes(value.as_bytes()),
            ) {
                put.insert(name, value);
            }
        }
        (Uri::try_from(path).unwrap_or_else(|_| uri.clone()), put, self.file.clone())
    }

    /// The response to the form, where the PutObject succeeded with this response.
    pub fn response(&self, put: Response<Body>, target: &Target) -> Response<Body> {
        let etag = put.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default().to_owned();
        let (mut head, _) = put.into_parts();
        let kept = |name: &HeaderName| {
            name.as_str().starts_with("x-amz-id-2") || name == "x-amz-request-id" || name == "server"
        };
        let dropped: Vec<HeaderName> = head.headers.keys().filter(|name| !kept(name)).cloned().collect();
        for name in dropped {
            head.headers.remove(name);
        }
        let redirect = self.field("success_action_redirect").or(self.field("redirect"));
        if let Some(mut redirect) = redirect.and_then(|redirect| url::Url::parse(redirect).ok()) {
            let parameters = [("bucket", &target.bucket), ("key", &target.key), ("etag", &etag)];
            redirect.query_pairs_mut().extend_pairs(parameters);
            head.status = StatusCode::SEE_OTHER;
            if let Ok(location) = HeaderValue::from_str(redirect.as_str()) {
                head.headers.insert(LOCATION, location);
            }
            return Response::from_parts(head, Body::empty());
        }
        head.status = match self.field("success_action_status") {
            Some("200") => StatusCode::OK,
            Some("201") => StatusCode::CREATED,
            _ => StatusCode::NO_CONTENT,
        };
        if head.status != StatusCode::CREATED {
            return Response::from_parts(head, Body::empty());
        }
        let location = format!("/{}/{}", target.bucket, target.key);
        let document = PostResponse { location: &location, bucket: &target.bucket, key: &target.key, etag: &etag };
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        Response::from_parts(head, Body::from(xml::document("PostResponse", &document).unwrap_or_default()))
    }
}

fn invalid(text: &str) -> Refusal {
    Refusal::new(403, "AccessDenied", format!("Invalid according to Policy: {text}"))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PostResponse<'r> {
    location: &'r str,
    bucket: &'r str,
    key: &'r str,
    #[serde(rename = "ETag")]
    etag: &'r str,
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use s3s::post_policy::PostPolicyCondition as Condition;

    use super::*;

    async fn form() -> Form {
        let body = "--x\r\nContent-Disposition: form-data; name=\"Key\"\r\n\r\na\r\n--x\r\n\
                    Content-Disposition: form-data; name=\"x-amz-meta-n\"\r\n\r\nsomething\r\n--x\r\n\
                    Content-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\ncontent\r\n--x--\r\n";
        let headers =
            [(CONTENT_TYPE, HeaderValue::from_static("multipart/form-data; boundary=x"))].into_iter().collect();
        Form::read(&headers, Bytes::from_static(body.as_bytes())).await.unwrap()
    }

    /// As AWS was recorded to say it.
    #[rstest]
    #[case::equal("key", "eq", "a", None)]
    #[case::another("key", "eq", "b", Some(r#"["eq", "$key", "b"]"#))]
    #[case::another_case("key", "eq", "A", Some(r#"["eq", "$key", "A"]"#))]
    #[case::name_in_another_case("KEY", "eq", "a", None)]
    #[case::missing("acl", "eq", "private", Some(r#"["eq", "$acl", "private"]"#))]
    #[case::begins("x-amz-meta-n", "starts-with", "some", None)]
    #[case::begins_otherwise("x-amz-meta-n", "starts-with", "any", Some(r#"["starts-with", "$x-amz-meta-n", "any"]"#))]
    #[case::anything("acl", "starts-with", "", None)]
    #[case::bucket("bucket", "eq", "b", None)]
    #[case::another_bucket("bucket", "eq", "c", Some(r#"["eq", "$bucket", "c"]"#))]
    #[case::customer_key(
        "x-amz-server-side-encryption-customer-key",
        "eq",
        "secret",
        Some(r#"["eq", "$x-amz-server-side-encryption-customer-key"]"#)
    )]
    #[tokio::test]
    async fn conditions_of_a_form(
        #[case] field: &str,
        #[case] operator: &str,
        #[case] wanted: &str,
        #[case] expected: Option<&str>,
    ) {
        let (field, value) = (field.to_owned(), wanted.to_owned());
        let condition = match operator {
            "eq" => Condition::Eq { field, value },
            _ => Condition::StartsWith { field, prefix: value },
        };
        let expected = expected.map(|shown| format!("Invalid according to Policy: Policy Condition failed: {shown}"));
        let refused = form().await.check_condition(&condition, "b").err();
        assert_eq!(refused.map(|refusal| refusal.message.into_owned()), expected);
    }

    #[rstest]
    #[case::too_few(8, 9, Some("EntityTooSmall"))]
    #[case::too_many(1, 6, Some("EntityTooLarge"))]
    #[case::fitting(7, 7, None)]
    #[tokio::test]
    async fn lengths_of_a_form(#[case] min: u64, #[case] max: u64, #[case] code: Option<&str>) {
        let refused = form().await.check_condition(&Condition::ContentLengthRange { min, max }, "b").err();
        assert_eq!(refused.map(|refusal| refusal.code.into_owned()).as_deref(), code);
    }

    #[rstest]
    #[case::bucket("b", "", "a", None)]
    #[case::object("b", "k", "a", Some(405))]
    #[case::nothing("", "", "a", Some(405))]
    #[case::without_a_name("b", "", "", Some(400))]
    #[tokio::test]
    async fn a_form_is_for_a_bucket(
        #[case] bucket: &str,
        #[case] key: &str,
        #[case] field: &str,
        #[case] refused: Option<u16>,
    ) {
        let form = Form { key: field.to_owned(), ..form().await };
        let target = Target { bucket: bucket.to_owned(), key: key.to_owned() };
        assert_eq!(form.check_target(&target).err().map(|refusal| refusal.status), refused);
    }

    #[tokio::test]
    async fn a_field_comes_once() {
        let part = |name: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\nv\r\n");
        let body = ["key", "x-amz-meta-q", "X-Amz-Meta-Q", "file"].map(part).concat() + "--x--\r\n";
        let headers =
            [(CONTENT_TYPE, HeaderValue::from_static("Multipart/Form-Data; boundary=x"))].into_iter().collect();
        assert!(is_form(&Method::POST, &headers));
        let refusal = Form::read(&headers, Bytes::from(body)).await.err().unwrap();
        assert_eq!((refusal.status, &*refusal.fields[1].1), (400, "x-amz-meta-q"));
    }

    #[tokio::test]
    async fn a_form_is_a_put() {
        let headers = [(HOST, HeaderValue::from_static("localhost:1"))].into_iter().collect();
        let (uri, headers, body) = form().await.as_put(&Uri::from_static("/bucket/"), &headers);
        assert_eq!((uri.path(), &body[..]), ("/bucket/a", &b"content"[..]));
        assert_eq!(headers["x-amz-meta-n"], "something");
    }
}
