//! One HTTP/1.1 connection: requests over it in order, and everything that it holds beyond their responses.

use std::future::poll_fn;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;
use url::{Position, Url};

use super::build::Prepared;
use super::connect::{Failure, Stream, ThroughProxy, proxy_authorization};
use super::send::USER_AGENT;
use super::tap::{Tap, Tapped};

/// The most bytes after the end of a response that are kept.
const MAX_STRAY: usize = 64 * 1024;

/// A connection without a request under way.
pub(super) struct Connection {
    sender: SendRequest<reqwest::Body>,
    driver: AbortOnDropHandle<http1::Parts<TokioIo<Tapped<Stream>>>>,
    tap: Tap,
    is_used: bool,
}

/// A request without a response.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub error: Failure,
    /// Whether nothing of the request was written.
    pub is_unsent: bool,
    /// Whether the time was over.
    pub is_late: bool,
}

/// How a connection ended.
pub(super) struct End {
    /// What came after the end of the last response.
    pub stray: Bytes,
    /// Whether the server ended it, too.
    pub is_complete: bool,
}

impl Connection {
    /// Speaks HTTP over a stream.
    pub async fn over(stream: Stream) -> Result<Self, Failure> {
        let tap = Tap::default();
        let (sender, mut connection) = http1::handshake(TokioIo::new(Tapped::new(stream, &tap))).await?;
        let driver = AbortOnDropHandle::new(tokio::spawn(async move {
            // What ended it stands with the request under way, or in what was read and belongs to none.
            let _ = poll_fn(|context| connection.poll_without_shutdown(context)).await;
            connection.into_parts()
        }));
        Ok(Self { sender, driver, tap, is_used: false })
    }

    /// Waits until another request can be sent; `false` if the connection was closed, holds bytes that belong to no response, or
    /// the last request is still being written at the `deadline`.
    pub async fn is_ready(&mut self, deadline: Instant) -> bool {
        matches!(tokio::time::timeout_at(deadline, self.sender.ready()).await, Ok(Ok(())))
    }

    /// Sends a request and reads the head of its response.
    pub async fn send(
        &mut self,
        request: Request<reqwest::Body>,
        deadline: Instant,
    ) -> Result<Response<Incoming>, Unanswered> {
        if std::mem::replace(&mut self.is_used, true) {
            self.tap.begin_request();
        }
        match tokio::time::timeout_at(deadline, self.sender.try_send_request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(mut failed)) => {
                let is_unsent = failed.take_message().is_some();
                Err(Unanswered { error: failed.into_error().into(), is_unsent, is_late: false })
            }
            Err(_) => {
                let error = std::io::Error::from(std::io::ErrorKind::TimedOut).into();
                Err(Unanswered { error, is_unsent: false, is_late: true })
            }
        }
    }

    /// Whether anything came since the last request was begun.
    pub fn has_heard(&self) -> bool {
        self.tap.has_heard()
    }

    /// What came where the response to a request had to begin, and begins none.
    pub fn no_response(&self) -> Bytes {
        self.tap.no_response().into()
    }

    /// Closes the connection for writing, and reads what still comes until the server closes it, too. Ends with `patience`.
    pub async fn end(self, patience: Duration) -> End {
        let Self { sender, driver, tap, .. } = self;
        drop(sender);
        let mut stray = BytesMut::new();
        let ending = async {
            let Ok(http1::Parts { io, read_buf, .. }) = driver.await else { return };
            stray.extend_from_slice(&read_buf[..read_buf.len().min(MAX_STRAY)]);
            let mut stream = io.into_inner();
            let _ = stream.shutdown().await;
            read_to_end(stream, &mut stray).await;
        };
        let is_complete = tokio::time::timeout(patience, ending).await.is_ok();
        let stray = if stray.is_empty() { tap.no_response().into() } else { stray.freeze() };
        End { stray, is_complete }
    }
}

/// Reads what comes until the stream ends, or [`MAX_STRAY`] bytes have come.
pub(super) async fn read_to_end(mut stream: impl AsyncRead + Unpin, all: &mut BytesMut) {
    while all.len() < MAX_STRAY {
        match stream.read_buf(all).await {
            Ok(1..) => {}
            // A server that cuts the connection off without a word of TLS has said all it will say.
            Ok(0) | Err(_) => break,
        }
    }
}

/// What becomes of a connection once a response has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// Another request may follow.
    Kept,
    /// None may; bytes that come all the same belong to no response.
    Ended {
        /// Whether servers are known to leave bytes after such an exchange.
        is_suspect: bool,
    },
    /// The response did not end: what comes may be the rest of it.
    Dropped,
}

impl After {
    /// Decides by the request's method and body and by the head of a response that was `whole`.
    pub fn of(method: &Method, has_body: bool, response: &http::response::Parts, whole: bool) -> Self {
        let http::response::Parts { status, version, headers, .. } = response;
        if !whole || status.is_informational() {
            return Self::Dropped;
        }
        let is_bodiless =
            *method == Method::HEAD || matches!(*status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        // The body of a refused request may not have been read, and is then taken for the next request (RFC 9112, section 9.3).
        let is_refusal = has_body && (status.is_client_error() || status.is_server_error());
        // Recipients do not agree on which of the two counts (RFC 9112, section 6.3).
        let has_length = headers.contains_key(header::CONTENT_LENGTH);
        let is_ambiguous = has_length && headers.contains_key(header::TRANSFER_ENCODING);
        let closes = *version != Version::HTTP_11 || names_close(headers) || !(has_length || is_chunked(headers));
        match is_bodiless || is_refusal || is_ambiguous {
            true => Self::Ended { is_suspect: true },
            false if closes => Self::Ended { is_suspect: false },
            false => Self::Kept,
        }
    }
}

fn tokens(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|named| named.trim().eq_ignore_ascii_case(token))
}

fn is_chunked(headers: &HeaderMap) -> bool {
    tokens(headers, header::TRANSFER_ENCODING, "chunked")
}

fn names_close(headers: &HeaderMap) -> bool {
    tokens(headers, header::CONNECTION, "close")
}

/// Makes the HTTP request; with `closes` it is the last on its connection.
pub(super) fn request(
    prepared: &Prepared,
    mut headers: HeaderMap,
    closes: bool,
    proxy: Option<(&Url, ThroughProxy)>,
) -> Result<Request<reqwest::Body>, Failure> {
    let url = &prepared.url;
    headers.insert(header::HOST, url[Position::BeforeHost..Position::AfterPort].parse()?);
    headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    if closes {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let mut target = path(prepared);
    if let Some((proxy, ThroughProxy::Forward)) = proxy {
        target = &url[..Position::AfterQuery];
        if let Some(value) = proxy_authorization(proxy) {
            headers.insert(header::PROXY_AUTHORIZATION, value?);
        }
    }
    let mut request =
        Request::builder().method(prepared.method.clone()).uri(target).body(prepared.body.to_be_sent())?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// The path and query of a request's URL.
pub(super) fn path(prepared: &Prepared) -> &str {
    &prepared.url[Position::BeforePath..Position::AfterQuery]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const SUSPECT: After = After::Ended { is_suspect: true };
    const CLEAN: After = After::Ended { is_suspect: false };

    #[rstest]
    #[case::get(Method::GET, false, 200, "content-length: 5", After::Kept)]
    #[case::chunked(Method::GET, false, 200, "transfer-encoding: gzip, Chunked", After::Kept)]
    #[case::written(Method::PUT, true, 200, "content-length: 0", After::Kept)]
    #[case::refused_read(Method::GET, false, 403, "content-length: 5", After::Kept)]
    #[case::refused_empty_write(Method::PUT, false, 400, "content-length: 5", After::Kept)]
    #[case::refused_write(Method::PUT, true, 400, "content-length: 5", SUSPECT)]
    #[case::failed_write(Method::PUT, true, 500, "content-length: 5", SUSPECT)]
    #[case::head(Method::HEAD, false, 200, "content-length: 5", SUSPECT)]
    #[case::removed(Method::DELETE, false, 204, "content-length: 0", SUSPECT)]
    #[case::not_modified(Method::GET, false, 304, "transfer-encoding: chunked", SUSPECT)]
    #[case::two_framings(Method::GET, false, 200, "content-length: 5\ntransfer-encoding: chunked", SUSPECT)]
    #[case::until_close(Method::GET, false, 200, "etag: \"e\"", CLEAN)]
    #[case::another_coding(Method::GET, false, 200, "transfer-encoding: gzip", CLEAN)]
    #[case::close(Method::GET, false, 200, "content-length: 5\nconnection: te, Close", CLEAN)]
    #[case::switched(Method::GET, false, 101, "content-length: 0", After::Dropped)]
    fn what_may_follow_a_response(
        #[case] method: Method,
        #[case] has_body: bool,
        #[case] status: u16,
        #[case] headers: &str,
        #[case] expected: After,
    ) {
        let mut response = Response::builder().status(status);
        for (name, value) in headers.lines().filter_map(|line| line.split_once(": ")) {
            response = response.header(name, value);
        }
        let (head, ()) = response.body(()).unwrap().into_parts();
        assert_eq!(After::of(&method, has_body, &head, true), expected);
        assert_eq!(After::of(&method, has_body, &head, false), After::Dropped);
    }
}
