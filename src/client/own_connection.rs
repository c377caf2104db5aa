//! A request on a connection of its own: of which everything is read to the end, whose header names are written in
//! another case, or that is cut in the middle of its body.
//!
//! HTTP clients take it that an answer to HEAD ends with its head, and never show what a server sends beyond it. Here
//! those bytes are kept: they are the body that must not be there.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;
use tower_service::Service;
use url::Url;

use super::Target;
use super::build::{OwnConnection, Prepared};
use super::header_case::Recased;
use super::receive::Looking;
use super::send::LocalhostResolver;
use crate::evidence::Answer;

/// The most bytes that are kept of what comes after the head.
const MAX_BEYOND: usize = 64 * 1024;
/// How long to wait for the server to end the connection once its head has come: it was asked to.
const PATIENCE: Duration = Duration::from_secs(2);

type Failure = Box<dyn Error + Send + Sync>;

/// Sends a request; no answer is awaited of one that is cut.
pub(super) async fn exchange(
    prepared: &Prepared,
    kind: OwnConnection,
    headers: HeaderMap,
    target: &Target,
    tls: Arc<ClientConfig>,
    looking: &Looking<'_>,
) -> Result<Option<Answer>, Failure> {
    let asked = async {
        let headers = with_own_headers(prepared, headers)?;
        let stream = connect(prepared, target).await?;
        let heard = Arc::new(AtomicBool::new(false));
        let sent = if prepared.url.scheme() == "https" {
            let name = ServerName::try_from(host(prepared)?.to_owned())?;
            let stream = TlsConnector::from(tls).connect(name, stream).await?;
            send(Hearing::new(stream, &heard), kind, prepared, headers, looking).await
        } else {
            send(Hearing::new(stream, &heard), kind, prepared, headers, looking).await
        };
        sent.map_err(|error| if heard.load(Ordering::Relaxed) { InAnAnswer(error).into() } else { error })
    };
    let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    // A body that is late is cut short where it is read.
    tokio::time::timeout_at(looking.deadline + PATIENCE, asked).await.map_err(late)?
}

fn host(prepared: &Prepared) -> Result<&str, Failure> {
    // The brackets of an IPv6 address are the URL's, not the name's.
    let host = prepared.url.host_str().ok_or("the URL has no host")?;
    Ok(host.trim_start_matches('[').trim_end_matches(']'))
}

async fn connect(prepared: &Prepared, target: &Target) -> Result<TcpStream, Failure> {
    let mut connector = HttpConnector::new_with_resolver(HostResolver);
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(target.connect_timeout));
    // A tunnel without a port leads to that of TLS.
    let port = prepared.url.port_or_known_default().ok_or("the URL has no port")?;
    let host = prepared.url.host_str().ok_or("the URL has no host")?;
    let to: Uri = format!("{}://{host}:{port}/", prepared.url.scheme()).parse()?;
    let stream = match &target.proxy {
        Some(proxy) => {
            let tunnel = Tunnel::new(proxy[..url::Position::BeforePath].parse()?, connector);
            let mut tunnel = match proxy_authorization(proxy) {
                Some(value) => tunnel.with_auth(value?),
                None => tunnel,
            };
            tunnel.call(to).await?
        }
        None => connector.call(to).await?,
    };
    Ok(stream.into_inner())
}

/// What a proxy is told of the user that its URL names (RFC 7617).
fn proxy_authorization(proxy: &Url) -> Option<Result<HeaderValue, Failure>> {
    let decoded = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = (decoded(proxy.username()), decoded(proxy.password().unwrap_or_default()));
    let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    (!user.is_empty()).then(|| HeaderValue::from_str(&value).map_err(Failure::from))
}

/// The headers that an HTTP client adds of its own.
fn with_own_headers(prepared: &Prepared, mut headers: HeaderMap) -> Result<HeaderMap, Failure> {
    let authority = prepared.url[url::Position::BeforeHost..url::Position::AfterPort].parse()?;
    headers.insert(http::header::HOST, authority);
    headers.insert(http::header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(http::header::USER_AGENT, HeaderValue::from_static(super::send::USER_AGENT));
    Ok(headers)
}

fn path(prepared: &Prepared) -> &str {
    &prepared.url[url::Position::BeforePath..url::Position::AfterQuery]
}

async fn send<S>(
    stream: S,
    kind: OwnConnection,
    prepared: &Prepared,
    headers: HeaderMap,
    looking: &Looking<'_>,
) -> Result<Option<Answer>, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    match kind {
        OwnConnection::ReadToTheEnd => ask_and_read_on(stream, prepared, headers, looking).await.map(Some),
        OwnConnection::Alone => ask(stream, prepared, headers, looking).await.map(Some),
        OwnConnection::Case(case) => ask(Recased::new(stream, case), prepared, headers, looking).await.map(Some),
        OwnConnection::Interrupted => {
            interrupt(stream, prepared, &headers).await.map(|came| gives_a_key_back(&came, looking))
        }
    }
}

/// Sends the first half of a body and closes the connection for writing; waits until the server has closed it, too, so
/// that whatever it makes of the request is made. What came back nobody awaits.
async fn interrupt<S>(mut stream: S, prepared: &Prepared, headers: &HeaderMap) -> Result<BytesMut, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = format!("{} {} HTTP/1.1\r\n", prepared.method, path(prepared)).into_bytes();
    for (name, value) in headers {
        request.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    // The headers tell the length of the whole body.
    request.extend_from_slice(b"\r\n");
    let body = prepared.body.bytes();
    request.extend_from_slice(&body[..body.len() / 2]);
    stream.write_all(&request).await?;
    stream.shutdown().await?;
    let mut came = BytesMut::new();
    let _ = tokio::time::timeout(PATIENCE, read_on(stream, &mut came)).await;
    Ok(came)
}

/// An answer that nobody awaited, where it gives a customer key back: then it is evidence.
fn gives_a_key_back(came: &[u8], looking: &Looking<'_>) -> Option<Answer> {
    let mut lines = [httparse::EMPTY_HEADER; 128];
    let mut read = httparse::Response::new(&mut lines);
    let httparse::Status::Complete(length) = read.parse(came).ok()? else { return None };
    let mut response = Response::builder().status(read.code?);
    for line in read.headers.iter() {
        response = response.header(line.name, line.value);
    }
    let (head, ()) = response.body(()).ok()?.into_parts();
    Some(looking.received(&head, &came[length..])).filter(|answer| !answer.leaked_keys.is_empty())
}

type Connection<S> = http1::Connection<TokioIo<S>, Full<Bytes>>;

/// Sends a request; the answer's head and body, and the connection that they come over.
async fn sent<S>(
    stream: S,
    prepared: &Prepared,
    headers: HeaderMap,
    deadline: Instant,
) -> Result<(http::response::Parts, Incoming, AbortOnDropHandle<hyper::Result<http1::Parts<TokioIo<S>>>>), Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection): (_, Connection<S>) = http1::handshake(TokioIo::new(stream)).await?;
    let body = Full::new(prepared.body.bytes());
    let mut request = Request::builder().method(prepared.method.clone()).uri(path(prepared)).body(body)?;
    *request.headers_mut() = headers;
    let running = AbortOnDropHandle::new(tokio::spawn(connection.without_shutdown()));
    let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    let response: Response<Incoming> =
        tokio::time::timeout_at(deadline, sender.send_request(request)).await.map_err(late)??;
    let (head, body) = response.into_parts();
    Ok((head, body, running))
}

/// Sends a request and reads its answer.
async fn ask<S>(stream: S, prepared: &Prepared, headers: HeaderMap, looking: &Looking<'_>) -> Result<Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (head, body, _running) = sent(stream, prepared, headers, looking.deadline).await?;
    Ok(looking.receive(head, body).await)
}

/// Sends a request and reads everything that comes, also after the answer's end.
async fn ask_and_read_on<S>(
    stream: S,
    prepared: &Prepared,
    headers: HeaderMap,
    looking: &Looking<'_>,
) -> Result<Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (head, body, running) = sent(stream, prepared, headers, looking.deadline).await?;
    let mut beyond = BytesMut::new();
    // What has come by the end of the server's time is what it sent, whether it ends the connection or not.
    let _ = tokio::time::timeout(PATIENCE, async {
        // HEAD's answer has none that hyper gives out.
        let _ = Limited::new(body, MAX_BEYOND).collect().await;
        match running.await {
            Ok(Ok(parts)) => {
                beyond.extend_from_slice(&parts.read_buf);
                read_on(parts.io.into_inner(), &mut beyond).await;
            }
            // hyper's word for bytes that no answer is awaited for; it does not give them out.
            Ok(Err(error)) if error.is_parse() || error.to_string().contains("unexpected message") => {
                beyond.extend_from_slice(b"(bytes after the end of the answer)");
            }
            // Cut off: nothing more comes.
            Ok(Err(_)) | Err(_) => {}
        }
    })
    .await;
    Ok(looking.received(&head, &beyond))
}

async fn read_on(mut stream: impl AsyncRead + Unpin, all: &mut BytesMut) {
    while all.len() < MAX_BEYOND {
        match stream.read_buf(all).await {
            Ok(1..) => {}
            // A server that cuts the connection off without a word of TLS has said all it will say.
            Ok(0) | Err(_) => break,
        }
    }
}

/// What went wrong once an answer had begun.
#[derive(Debug)]
pub(super) struct InAnAnswer(pub Failure);

impl std::fmt::Display for InAnAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "in the middle of an answer: {}", self.0)
    }
}

impl Error for InAnAnswer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// A stream that takes note of it when something comes.
struct Hearing<S> {
    stream: S,
    heard: Arc<AtomicBool>,
}

impl<S> Hearing<S> {
    fn new(stream: S, heard: &Arc<AtomicBool>) -> Self {
        Self { stream, heard: Arc::clone(heard) }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Hearing<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, into);
        if into.filled().len() > before {
            self.heard.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Hearing<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The client's one way to find addresses, as hyper's connector asks for it.
#[derive(Clone)]
struct HostResolver;

impl Service<Name> for HostResolver {
    type Response = std::vec::IntoIter<std::net::SocketAddr>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move { Ok(LocalhostResolver::addresses(name.as_str()).await?.into_iter()) })
    }
}
