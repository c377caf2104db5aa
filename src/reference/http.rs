//! The HTTP layer around the S3 service: what AWS does before an operation is known, and how its errors are written.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderName,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming, SizeHint};
use quick_xml::events::{BytesEnd, BytesText, Event};
use quick_xml::{Reader, Writer};
use s3s::access::{S3Access, S3AccessContext};
use s3s::post_policy::{PostPolicy, PostPolicyCondition};
use s3s::service::S3Service;
use s3s::{Body, S3Error, S3ErrorCode, S3Result};

use super::error::{ErrorFields, Refusal};
use super::faults::{Action, Asked, Beyond, Faults, Overheard, ReadFlaw, SignatureFlaw};
use super::hosts::is_of_object;
use super::lingering::Unread;
use super::sse_c;
use super::store::random_id;
use super::subresources::refuse_unrouted;

/// The longest rest of a body that is read before a request is refused, so that the client sees the answer.
const MAX_REST: usize = 16 * 1024 * 1024;

/// How long the rest of such a body is waited for.
const REST_TIME: std::time::Duration = std::time::Duration::from_secs(10);

/// The most bytes of a form.
const MAX_FORM: usize = 64 * 1024 * 1024;

/// Which listener a request came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Tls,
    Plain,
}

/// What all connections share.
#[derive(Clone)]
pub(super) struct Front {
    pub service: S3Service,
    pub faults: Faults,
}

/// Lets requests with a signature in, and those of which the HTTP layer has said that they need none.
pub(super) struct Admittance;

/// Marks a request that is let in without its signature being looked at.
#[derive(Clone)]
struct WavedThrough;

#[async_trait::async_trait]
impl S3Access for Admittance {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_some() || context.extensions_mut().get::<WavedThrough>().is_some() {
            return Ok(());
        }
        Err(S3Error::with_message(S3ErrorCode::AccessDenied, "Access Denied"))
    }
}

/// The connection that a request came over.
#[derive(Clone)]
pub(super) struct Wire {
    pub transport: Transport,
    /// Takes what is to follow an answer, where HTTP allows nothing.
    pub beyond: Beyond,
    /// The requests as they were written.
    pub overheard: Overheard,
    /// Takes that a body may still be coming when its response is sent.
    pub unread: Unread,
}

/// Answers one request.
pub(super) async fn serve(
    front: Front,
    wire: Wire,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let Front { service, faults } = front;
    let Wire { transport, beyond, overheard, unread } = wire;
    let request_id = random_id()[..16].to_ascii_uppercase();
    let is_head = request.method() == Method::HEAD;
    let asks_for_attributes = request.method() == Method::GET && has_parameter(request.uri().query(), "attributes");
    let resource = request.uri().path().to_owned();
    let is_form = request.method() == Method::POST && content_type(&request).starts_with("multipart/form-data");
    hide_customer_keys(request.headers_mut());
    let fields = ErrorFields::default();
    request.extensions_mut().insert(fields.clone());
    let asked = Asked::of(transport, &request, faults.leak());
    request.extensions_mut().insert(asked.clone());
    join_lists(request.headers_mut());
    let doubled = doubled(request.headers());
    if !doubled.is_empty() && faults.has(SignatureFlaw::DoubledHeadersTaken) {
        take_first_of(doubled, &mut request);
    }
    let extensions = request.extensions().clone();
    let waits = request.headers().contains_key(EXPECT);
    let (lent, rest) = tokio::sync::oneshot::channel();
    let request = request.map(|body| Lent { body: Some(body), back: Some(lent) });
    let refused = faults
        .refuse_spelling(&overheard.take())
        .and_then(|()| refused_at_the_door(&asked, &faults, &request))
        .map_err(|refusal| faults.refusal(refusal));
    let uri = request.uri().clone();
    let mut response = match refused {
        Err(refusal) if faults.does_all_the_same(&refusal) => {
            let _ = service.call(request.map(Body::http_body)).await;
            refusal.into_error(&extensions).to_http_response().unwrap_or_else(|_| Response::new(Body::empty()))
        }
        Err(refusal) => {
            drop(request);
            refusal.into_error(&extensions).to_http_response().unwrap_or_else(|_| Response::new(Body::empty()))
        }
        Ok(()) if is_form => match with_policy(request).await {
            Some(form) => match service.call(form.request).await {
                Ok(response) if response.status() == StatusCode::CREATED => quoted(response).await,
                Ok(response) if response.status() == StatusCode::BAD_REQUEST => {
                    let (response, of_policy) = says(response, UNMET).await;
                    let refusal = form.unmet.filter(|_| of_policy);
                    let instead = refusal.and_then(|refusal| refusal.into_error(&extensions).to_http_response().ok());
                    instead.unwrap_or(response)
                }
                Ok(response) => response,
                Err(_) => internal_error(),
            },
            None => internal_error(),
        },
        Ok(()) => match service.call(waved_through(request, &asked, &faults).map(Body::http_body)).await {
            Ok(response) if is_refused_signature(&response, &asked) && faults.has(SignatureFlaw::RefusedStored) => {
                let _ = service.call(empty_put(uri)).await;
                response
            }
            Ok(response)
                if asks_for_attributes
                    && response.status().is_success()
                    && !(asked.actions.contains(&Action::Attributes) && faults.has(ReadFlaw::AttributesEtagQuoted)) =>
            {
                attributes(response).await
            }
            Ok(response) => response,
            Err(_) => internal_error(),
        },
    };
    if let Ok(rest) = rest.await
        && !response.status().is_success()
        && !read_on(rest, waits).await
    {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        unread.mark();
    }
    let told = fields.take();
    if let Some(status) = told.status {
        *response.status_mut() = status;
    }
    for (name, value) in &told.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    let response = finish(response, &told.fields, &resource, &request_id, is_head).await;
    let (response, after) = faults.answer(&asked, told.cause, response).await;
    if let Some(bytes) = after {
        beyond.append(bytes);
    }
    Ok(response)
}

fn content_type<B>(request: &Request<B>) -> &str {
    request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A request's body, which comes back when it is dropped.
struct Lent {
    body: Option<Incoming>,
    back: Option<tokio::sync::oneshot::Sender<Incoming>>,
}

impl hyper::body::Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.body.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(hyper::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, hyper::body::Body::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(back)) = (self.body.take(), self.back.take()) {
            let _ = back.send(body);
        }
    }
}

/// Reads on after a refusal, so that a client that is still sending sees the answer. One that waits to be told to send
/// has not begun. Answers whether the body came to its end: otherwise no request can follow.
async fn read_on(mut rest: Incoming, waits: bool) -> bool {
    if waits {
        return hyper::body::Body::is_end_stream(&rest);
    }
    let reading = async {
        let mut left = MAX_REST;
        while let Some(frame) = rest.frame().await {
            let length = frame.ok().map(|frame| frame.data_ref().map_or(0, Bytes::len));
            match length.and_then(|length| left.checked_sub(length)) {
                Some(less) => left = less,
                None => return false,
            }
        }
        true
    };
    tokio::time::timeout(REST_TIME, reading).await.unwrap_or(false)
}

/// A form that came in.
struct Form {
    request: Request<Body>,
    /// What AWS refuses it for if its policy does not hold; s3s does so with another status and code.
    unmet: Option<Refusal>,
}

/// A form with the policy that it brings: s3s checks it, and does not hand it on.
async fn with_policy(request: Request<Lent>) -> Option<Form> {
    let (mut head, body) = request.into_parts();
    let body = http_body_util::Limited::new(body, MAX_FORM).collect().await.ok()?.to_bytes();
    let encoded = field(&body, b"name=\"policy\"").and_then(|policy| std::str::from_utf8(policy).ok());
    let policy = encoded.and_then(|encoded| PostPolicy::from_base64(encoded).ok());
    // Nothing that follows the file counts.
    let file = body.windows(FILE.len()).position(|window| window == FILE).unwrap_or(body.len());
    let unmet = policy.as_ref().and_then(|policy| policy.conditions.iter().find_map(|c| unmet(c, &body[..file])));
    if let Some(policy) = policy {
        head.extensions.insert(policy);
    }
    Some(Form { request: Request::from_parts(head, Body::from(body)), unmet })
}

/// The same answer, and whether it says this.
async fn says(mut response: Response<Body>, text: &[u8]) -> (Response<Body>, bool) {
    let body = std::mem::replace(response.body_mut(), Body::empty());
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let found = contains(&bytes, text);
    *response.body_mut() = Body::from(bytes);
    (response, found)
}

fn contains(document: &[u8], text: &[u8]) -> bool {
    document.windows(text.len()).any(|window| window == text)
}

/// What AWS says of a condition that the fields of a form do not meet. The bucket is no field.
fn unmet(condition: &PostPolicyCondition, form: &[u8]) -> Option<Refusal> {
    let (operator, name, wanted) = match condition {
        PostPolicyCondition::Eq { field, value } => ("eq", field, value),
        PostPolicyCondition::StartsWith { field, prefix } => ("starts-with", field, prefix),
        PostPolicyCondition::ContentLengthRange { .. } => return None,
    };
    let lowered = form.to_ascii_lowercase();
    let head = format!("; name=\"{}\"", name.to_ascii_lowercase());
    // The names of fields may be written in any case, their values may not.
    let found = lowered.windows(head.len()).position(|window| window == head.as_bytes());
    let sent = found.and_then(|at| field(&form[at..], &form[at..at + head.len()])).unwrap_or_default();
    let holds = if operator == "eq" { sent == wanted.as_bytes() } else { sent.starts_with(wanted.as_bytes()) };
    // Of a customer key no answer tells.
    if holds || name == "bucket" || name.to_ascii_lowercase().ends_with("customer-key") {
        return None;
    }
    let shown = serde_json::json!([operator, format!("${name}"), wanted]).to_string().replace("\",\"", "\", \"");
    let text = format!("Invalid according to Policy: Policy Condition failed: {shown}");
    Some(Refusal::new(403, "AccessDenied", text))
}

/// The content of a form's part, by what stands in its head.
fn field<'b>(body: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
    let after = |body: &'b [u8], text: &[u8]| {
        body.windows(text.len()).position(|window| window == text).map(|at| &body[at + text.len()..])
    };
    after(after(body, name)?, b"\r\n\r\n")?.split(|byte| *byte == b'\r').next()
}

/// A request that a fault lets in without its signature.
fn waved_through(mut request: Request<Lent>, asked: &Asked, faults: &Faults) -> Request<Lent> {
    let headers = request.headers();
    let is_signed = headers.contains_key(http::header::AUTHORIZATION) || asked.presigned;
    let is_framed = headers.contains_key("x-amz-decoded-content-length");
    let key_counts = || !is_signed && faults.has(SignatureFlaw::KeyCounts);
    let unchecked = || is_signed && !is_framed && faults.has(SignatureFlaw::NotChecked);
    if asked.actions.is_empty() || !(key_counts() || unchecked()) {
        return request;
    }
    request.headers_mut().remove(http::header::AUTHORIZATION);
    request.headers_mut().remove("x-amz-content-sha256");
    request.extensions_mut().insert(WavedThrough);
    request
}

/// Whether a PutObject with SSE-C headers is refused for its signature, or for the lack of one.
fn is_refused_signature(response: &Response<Body>, asked: &Asked) -> bool {
    response.status() == StatusCode::FORBIDDEN && asked.actions.contains(&Action::Put)
}

/// A PutObject of nothing that is let in without a signature.
fn empty_put(uri: http::Uri) -> Request<Body> {
    let mut request = Request::new(Body::empty());
    (*request.method_mut(), *request.uri_mut()) = (Method::PUT, uri);
    request.extensions_mut().insert(WavedThrough);
    request
}

/// The SSE-C headers that come twice.
fn doubled(headers: &HeaderMap) -> Vec<HeaderName> {
    let doubled = |name: &&HeaderName| headers.get_all(*name).iter().count() > 1;
    headers.keys().filter(|name| name.as_str().starts_with(sse_c::TARGET)).filter(doubled).cloned().collect()
}

/// Of headers that come twice the first line is kept. The signature covers both, so that it is not looked at.
fn take_first_of(names: Vec<HeaderName>, request: &mut Request<Incoming>) {
    for name in names {
        if let Some(first) = request.headers().get(&name).cloned() {
            request.headers_mut().insert(name, first);
        }
    }
    request.headers_mut().remove(http::header::AUTHORIZATION);
    request.headers_mut().remove("x-amz-content-sha256");
    request.extensions_mut().insert(WavedThrough);
}

fn has_parameter(query: Option<&str>, name: &str) -> bool {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).any(|(parameter, _)| parameter == name)
}

/// GetObjectAttributes alone gives the ETag without quotes; s3s writes it with them.
async fn attributes(response: Response<Body>) -> Response<Body> {
    with_etag(response, |etag| etag.to_owned()).await
}

/// The answer to a form gives the ETag with quotes, like all others; s3s writes it without.
async fn quoted(response: Response<Body>) -> Response<Body> {
    with_etag(response, |etag| format!("\"{etag}\"")).await
}

/// The same with the ETag, of which the quotes are taken, written otherwise.
async fn with_etag(mut response: Response<Body>, written: impl Fn(&str) -> String) -> Response<Body> {
    let body = std::mem::replace(response.body_mut(), Body::empty());
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let changed = etag_written(&bytes, written).unwrap_or(bytes);
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = Body::from(changed);
    response
}

fn etag_written(document: &[u8], written: impl Fn(&str) -> String) -> Option<Bytes> {
    let mut reader = Reader::from_reader(document);
    let mut writer = Writer::new(Vec::new());
    loop {
        match reader.read_event().ok()? {
            Event::Eof => return Some(writer.into_inner().into()),
            Event::Start(start) if start.name().as_ref() == b"ETag" => {
                let quoted = reader.read_text(start.name()).ok()?.decode().ok()?.into_owned();
                let bare = quoted.replace("&quot;", "\"");
                let text = written(bare.trim_matches('"'));
                writer.create_element("ETag").write_text_content(BytesText::new(&text)).ok()?;
            }
            event => writer.write_event(event).ok()?,
        }
    }
}

/// Headers whose value is a list, which clients may write in several lines; s3s takes one (RFC 9110, section 5.3). The signature is over the
/// values joined by commas.
const LISTS: [HeaderName; 3] = [CONTENT_ENCODING, CONTENT_LANGUAGE, HeaderName::from_static("x-amz-object-attributes")];

/// Writes each list in one line.
fn join_lists(headers: &mut HeaderMap) {
    for name in LISTS {
        let lines: Vec<&[u8]> = headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
        if lines.len() > 1
            && let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b","[..]))
        {
            headers.insert(name, joined);
        }
    }
}

/// A header value marked as sensitive is not shown by debug output.
fn hide_customer_keys(headers: &mut HeaderMap) {
    for (name, value) in headers.iter_mut() {
        if name.as_str().ends_with("-server-side-encryption-customer-key") {
            value.set_sensitive(true);
        }
    }
}

fn refused_at_the_door<B>(asked: &Asked, faults: &Faults, request: &Request<B>) -> Result<(), Refusal> {
    if asked.transport == Transport::Plain && !faults.overlooks_tls(asked) {
        sse_c::refuse_without_tls(request.headers())?;
    }
    if asked.presigned && !asked.actions.is_empty() && faults.has(SignatureFlaw::PresignedRefused) {
        return Err(Refusal::new(403, "SignatureDoesNotMatch", "The signature does not match."));
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| request.uri().host()).unwrap_or_default();
    let is_of_object = is_of_object(host, request.uri().path());
    refuse_unrouted(request.method(), is_of_object, request.uri().query().unwrap_or_default())?;
    let when_presigned = || asked.presigned && faults.has(SignatureFlaw::UnsignedHeadersTakenWhenPresigned);
    let refused = refuse_unsigned_headers(request.headers(), request.uri().query().unwrap_or_default());
    let takes = || when_presigned() || faults.has(SignatureFlaw::UnsignedHeadersTaken);
    if refused.is_err() && takes() { Ok(()) } else { refused }
}

/// Signature Version 4 must cover every `x-amz-*` header that is sent.
fn refuse_unsigned_headers(headers: &HeaderMap, query: &str) -> Result<(), Refusal> {
    let Some(signed) = signed_headers(headers, query) else { return Ok(()) };
    let is_signed = |name: &HeaderName| signed.iter().any(|signed| signed == name.as_str());
    let unsigned: Vec<&str> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-amz-") && !is_signed(name))
        .map(HeaderName::as_str)
        .collect();
    if unsigned.is_empty() {
        return Ok(());
    }
    let message = "There were headers present in the request which were not signed";
    Err(Refusal::new(403, "AccessDenied", message).field("HeadersNotSigned", unsigned.join(", ")))
}

/// The names that the signature covers; none where the request has no such signature.
fn signed_headers(headers: &HeaderMap, query: &str) -> Option<Vec<String>> {
    let in_query = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name.eq_ignore_ascii_case("X-Amz-SignedHeaders"))
        .map(|(_, value)| value.into_owned());
    let in_header = || {
        let authorization = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
        let (_, rest) = authorization.strip_prefix("AWS4-HMAC-SHA256")?.split_once("SignedHeaders=")?;
        Some(rest.split(',').next().unwrap_or_default().trim().to_owned())
    };
    let listed = in_query.or_else(in_header)?;
    Some(listed.split(';').map(str::to_ascii_lowercase).collect())
}

/// The name of a form's last field.
const FILE: &[u8] = b"; name=\"file\"";
/// How s3s refuses a form whose policy does not hold.
const UNMET: &[u8] = b"<Code>InvalidPolicyDocument</Code>";
/// The error that s3s says nothing more of, and what AWS says.
const NO_MATCH: &[u8] = b"<Code>SignatureDoesNotMatch</Code>";
const NO_MATCH_MESSAGE: &str = "The request signature we calculated does not match the signature you provided. Check your key and signing \
                                method.";

fn internal_error() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// Adds what every answer of AWS has; fills errors up, and takes the body of those that may have none.
async fn finish(
    mut response: Response<Body>,
    fields: &[(&'static str, String)],
    resource: &str,
    request_id: &str,
    is_head: bool,
) -> Response<Body> {
    let host_id = hex::encode(request_id);
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if status == StatusCode::NOT_MODIFIED || (is_error && is_head) {
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_LENGTH);
    } else if is_error {
        let body = std::mem::replace(response.body_mut(), Body::empty());
        let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let unsaid = contains(&bytes, NO_MATCH) && !contains(&bytes, b"<Message>");
        let message = unsaid.then_some(("Message", NO_MATCH_MESSAGE));
        let mut all: Vec<(&str, &str)> = message.into_iter().collect();
        all.extend(fields.iter().map(|(name, value)| (*name, value.as_str())));
        all.extend([("Resource", resource), ("RequestId", request_id), ("HostId", &host_id)]);
        let filled = with_fields(&bytes, &all).unwrap_or(bytes);
        response.headers_mut().remove(CONTENT_LENGTH);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        *response.body_mut() = Body::from(filled);
    }
    let headers = response.headers_mut();
    headers.insert(
        http::header::SERVER,
        HeaderValue::from_static(concat!("ssecheck-reference/", env!("CARGO_PKG_VERSION"))),
    );
    for (name, value) in [("x-amz-request-id", request_id), ("x-amz-id-2", &host_id)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// An error document with further elements at its end; none where it is no error document.
pub(super) fn with_fields(document: &[u8], fields: &[(&str, &str)]) -> Option<Bytes> {
    let mut reader = Reader::from_reader(document);
    let mut writer = Writer::new(Vec::new());
    loop {
        match reader.read_event().ok()? {
            Event::Eof => return None,
            Event::End(end) if end.name().as_ref() == b"Error" => {
                for (name, value) in fields {
                    writer.create_element(*name).write_text_content(BytesText::new(value)).ok()?;
                }
                writer.write_event(Event::End(BytesEnd::new("Error"))).ok()?;
                return Some(writer.into_inner().into());
            }
            event => writer.write_event(event).ok()?,
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use s3s::post_policy::PostPolicyCondition as Condition;

    use super::*;

    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x-amz-date, Signature=0";

    #[rstest]
    #[case::all_signed(&[("authorization", SIGNED), ("x-amz-date", "d")], "", true)]
    #[case::one_not(&[("authorization", SIGNED), ("x-amz-date", "d"), ("x-amz-acl", "private")], "", false)]
    #[case::other_headers_need_not(&[("authorization", SIGNED), ("x-amz-date", "d"), ("range", "bytes=0-1")], "", true)]
    #[case::presigned(&[("x-amz-acl", "private")], "X-Amz-SignedHeaders=host%3Bx-amz-acl", true)]
    #[case::presigned_not(&[("x-amz-acl", "private")], "X-Amz-SignedHeaders=host", false)]
    #[case::anonymous(&[("x-amz-acl", "private")], "", true)]
    fn amz_headers_must_be_signed(
        #[case] lines: &[(&'static str, &'static str)],
        #[case] query: &str,
        #[case] good: bool,
    ) {
        let headers = lines.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect();
        assert_eq!(refuse_unsigned_headers(&headers, query).is_ok(), good);
    }

    #[test]
    fn fields_are_written_into_the_error_and_escaped() {
        let filled =
            with_fields(b"<?xml version=\"1.0\"?><Error><Code>A</Code></Error>", &[("ArgumentValue", "<&>")]).unwrap();
        let text = std::str::from_utf8(&filled).unwrap();
        assert_eq!(
            text,
            "<?xml version=\"1.0\"?><Error><Code>A</Code><ArgumentValue>&lt;&amp;&gt;</ArgumentValue></Error>"
        );
    }

    #[rstest]
    #[case("<A><ETag>\"0f\"</ETag><ObjectSize>3</ObjectSize></A>")]
    #[case("<A><ETag>&quot;0f&quot;</ETag><ObjectSize>3</ObjectSize></A>")]
    fn attributes_have_a_bare_etag(#[case] written: &str) {
        let bare = etag_written(written.as_bytes(), str::to_owned).unwrap();
        assert_eq!(bare, "<A><ETag>0f</ETag><ObjectSize>3</ObjectSize></A>");
        let quoted = etag_written(written.as_bytes(), |etag| format!("\"{etag}\"")).unwrap();
        assert_eq!(quoted, "<A><ETag>&quot;0f&quot;</ETag><ObjectSize>3</ObjectSize></A>");
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
    #[case::customer_key("x-amz-server-side-encryption-customer-key", "eq", "secret", None)]
    fn conditions_of_a_form(
        #[case] field: &str,
        #[case] operator: &str,
        #[case] wanted: &str,
        #[case] expected: Option<&str>,
    ) {
        let form = b"--x\r\nContent-Disposition: form-data; name=\"Key\"\r\n\r\na\r\n--x\r\n\
                     Content-Disposition: form-data; name=\"x-amz-meta-n\"\r\n\r\nsomething\r\n--x--\r\n";
        let (field, value) = (field.to_owned(), wanted.to_owned());
        let condition = match operator {
            "eq" => Condition::Eq { field, value },
            _ => Condition::StartsWith { field, prefix: value },
        };
        let expected = expected.map(|shown| format!("Invalid according to Policy: Policy Condition failed: {shown}"));
        assert_eq!(unmet(&condition, form).map(|refusal| refusal.message.into_owned()), expected);
    }
}
