//! From the HTTP library to the service and back: one request at a time.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LANGUAGE, EXPECT, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming, SizeHint};
use s3s::Body;

use super::authentication::{Authenticated, Authentication, is_presigned};
use super::error::Refusal;
use super::form::{self, Form};
use super::identity::Identity;
use super::layer::{Handler as _, Layered};
use super::lingering::Unread;
use super::request::{self, PolicyContext, Request, Standing, Target, Transport};
use super::sse_c::TARGET;
use super::store::random_id;
use super::wire::{Epilogue, Wire};

/// The most bytes of a body that are read after a refusal, before its response is sent, so that the client sees it.
const MAX_REST: usize = 16 * 1024 * 1024;
/// How long the rest of such a body is waited for.
const REST_TIME: Duration = Duration::from_secs(10);
/// The most bytes of a form.
const MAX_FORM: usize = 64 * 1024 * 1024;

/// What all connections share.
pub(super) struct Front {
    pub authentication: Authentication,
    pub service: Layered,
    /// Whether the heads of requests are kept as they were written.
    pub keeps_heads: bool,
    /// How many there were.
    pub connections: AtomicU64,
}

/// The connection that a request came over.
#[derive(Clone)]
pub(super) struct Connection {
    pub transport: Transport,
    /// Counted from 0.
    pub number: u64,
    pub wire: Wire,
    /// Takes that a body may still be coming when its response is sent.
    pub unread: Unread,
}

/// Answers one request.
pub(super) async fn serve(
    front: Arc<Front>,
    connection: Connection,
    request: http::Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (mut head, body) = request.into_parts();
    prepare(&mut head.headers);
    let waits = head.headers.contains_key(EXPECT);
    let body = Shared::new(body);
    let identity = Arc::new(Identity {
        request_id: random_id()[..16].to_ascii_uppercase(),
        resource: head.uri.path().to_owned(),
        is_head: head.method == Method::HEAD,
    });
    let (request, form) = front.read(&connection, &identity, head, &body).await;
    let target = form.as_ref().map(|_| request.target()).unwrap_or_default();
    let mut response = match (front.service.call(request).await, form) {
        (Ok(put), Some(form)) if put.status().is_success() => form.response(put, &target),
        (Ok(response), _) => response,
        (Err(refusal), _) => refusal.response(&identity),
    };
    if !response.status().is_success()
        && let Some(rest) = body.take()
        && !read_on(rest, waits).await
    {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        connection.unread.mark();
    }
    if let Some(epilogue) = response.extensions_mut().remove::<Epilogue>() {
        connection.wire.append(epilogue);
    }
    Ok(response)
}

impl Front {
    /// The request that the service is to see; with the form that it came as.
    async fn read(
        &self,
        connection: &Connection,
        identity: &Arc<Identity>,
        head: Parts,
        body: &Shared,
    ) -> (Request, Option<Form>) {
        let is_form = form::is_form(&head.method, &head.headers);
        let is_presigned = is_presigned(head.uri.query().unwrap_or_default());
        let mut request = Request {
            identity: Arc::clone(identity),
            method: head.method.clone(),
            uri: head.uri.clone(),
            headers: head.headers.clone(),
            body: Body::http_body(body.clone()),
            trailers: None,
            transport: connection.transport,
            connection: connection.number,
            written: connection.wire.take_head(),
            form: if is_presigned { request::Form::Presigned } else { request::Form::Headers },
            standing: Standing::Anonymous,
            policy_context: PolicyContext::default(),
            seams: Vec::new(),
        };
        let mut form = None;
        if is_form {
            let target = request.target();
            let (put, checked) = self.read_form(&head, body, &target).await;
            request.standing = checked.unwrap_or_else(Standing::Refused);
            if let Some((put, uri, headers, body)) = put {
                (request.method, request.uri, request.headers) = (Method::PUT, uri, headers);
                (request.form, request.body) = (request::Form::Html, Body::from(body));
                prepare(&mut request.headers);
                form = Some(put);
            }
        } else {
            let unchecked = http::Request::from_parts(head, Body::http_body(body.clone()));
            match self.authentication.check(unchecked).await {
                Ok(Authenticated { standing, uri, headers, body, trailers }) => {
                    (request.standing, request.body, request.trailers) = (standing, body, trailers);
                    (request.uri, request.headers) = (uri, headers);
                }
                Err(refusal) => request.standing = Standing::Refused(refusal),
            }
        }
        request.policy_context = PolicyContext {
            algorithm: request.header(&format!("{TARGET}algorithm")).map(str::to_owned),
            secure_transport: connection.transport == Transport::Tls,
        };
        (request, form)
    }

    /// A form as a PutObject, and what its signature and its policy make of its sender.
    async fn read_form(
        &self,
        head: &Parts,
        body: &Shared,
        target: &Target,
    ) -> (Option<(Form, http::Uri, HeaderMap, Bytes)>, Result<Standing, Refusal>) {
        let body = match http_body_util::Limited::new(body.clone(), MAX_FORM).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => return (None, Err(Refusal::too_large())),
            Err(_) => return (None, Err(Refusal::incomplete_body())),
        };
        let unchecked = http::Request::from_parts(head.clone(), Body::from(body.clone()));
        let standing = self.authentication.check(unchecked).await.map(|authenticated| authenticated.standing);
        match Form::read(&head.headers, body).await {
            Ok(form) => {
                let checked = form.check_target(target).and_then(|()| form.check_policy(&target.bucket));
                let standing = standing.and_then(|standing| checked.map(|()| standing));
                let (uri, headers, file) = form.as_put(&head.uri, &head.headers);
                (Some((form, uri, headers, file)), standing)
            }
            Err(refusal) => (None, standing.and(Err(refusal))),
        }
    }
}

/// A request's body, which can be taken back from whoever reads it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Option<Incoming>>>);

impl Shared {
    fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(Some(body))))
    }

    fn held(&self) -> MutexGuard<'_, Option<Incoming>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Option<Incoming> {
        self.held().take()
    }
}

impl hyper::body::Body for Shared {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.held().as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.held().as_ref().is_none_or(hyper::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.held().as_ref().map_or_else(SizeHint::default, hyper::body::Body::size_hint)
    }
}

/// Reads on after a refusal, so that a client that is still sending sees the response. One that waits to be told to send has not
/// begun. Returns whether the body came to its end: otherwise no request can follow.
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

/// Headers whose value is a list, which clients may write in several lines; s3s takes one (RFC 9110, section 5.3). The signature is over the
/// values joined by commas.
const LISTS: [HeaderName; 3] = [CONTENT_ENCODING, CONTENT_LANGUAGE, HeaderName::from_static("x-amz-object-attributes")];

/// Writes each list in one line, and hides customer keys from debug output.
fn prepare(headers: &mut HeaderMap) {
    for name in LISTS {
        let lines: Vec<&[u8]> = headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
        if lines.len() > 1
            && let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b","[..]))
        {
            headers.insert(name, joined);
        }
    }
    for (name, value) in headers.iter_mut() {
        if name.as_str().ends_with("-server-side-encryption-customer-key") {
            value.set_sensitive(true);
        }
    }
}
