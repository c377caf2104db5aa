//! Sends signed requests and captures what came back. No redirects, no retries, no decompression.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::build::{BuildError, HeaderLine, OwnConnection, Prepared};
use super::sign::Signer;
use super::{Target, TlsTrust, aws_chunked, form, own_connection, sign};
use crate::evidence::{
    Answer, Exchange, MAX_ANSWER, MAX_SENT_TEXT, MAX_TEXT, Received, Redactor, Reply, Secrets, Sent,
};
use crate::suite::body::Body;
use crate::suite::model::{Auth, Payload, Scheme};

/// How requests name their sender.
pub(super) const USER_AGENT: &str = concat!("ssecheck/", env!("CARGO_PKG_VERSION"));

/// The client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The CA file cannot be read.
    #[error("cannot read the CA file {path}: {error}; give --ca-file a PEM file")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The HTTP client cannot be built.
    #[error("cannot set up the HTTP client: {0}")]
    Setup(String),
}

/// Sends requests to one target.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    tls: Arc<rustls::ClientConfig>,
    target: Arc<Target>,
    credentials: Arc<Redactor>,
    journal: Option<Journal>,
}

/// Everything that a client sent, with what came back, in the order in which answers were complete.
pub type Journal = Arc<Mutex<Vec<Exchange>>>;

/// Names below `.localhost` are this machine (RFC 6761, section 6.3); the system's resolver does not always say so.
pub(super) struct LocalhostResolver;

impl LocalhostResolver {
    pub(super) async fn addresses(host: &str) -> std::io::Result<Vec<SocketAddr>> {
        if host == "localhost" || host.ends_with(".localhost") {
            let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            return Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect());
        }
        Ok(tokio::net::lookup_host((host, 0)).await?.collect())
    }
}

impl Resolve for LocalhostResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = Self::addresses(name.as_str()).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

impl Client {
    /// A client for one target.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(target: Target, trust: &TlsTrust) -> Result<Self, ClientError> {
        let setup = |e: reqwest::Error| ClientError::Setup(chain(&e));
        let mut builder = reqwest::Client::builder()
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .dns_resolver(Arc::new(LocalhostResolver))
            .connect_timeout(target.connect_timeout)
            .timeout(target.request_timeout)
            .user_agent(USER_AGENT);
        if let Some(proxy) = &target.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy.clone()).map_err(setup)?);
        }
        let tls = trust.client_config()?;
        let http = builder.tls_backend_preconfigured(tls.clone()).build().map_err(setup)?;
        let credentials = Arc::new(Redactor::of_credentials(&target.credentials));
        Ok(Self { http, tls: Arc::new(tls), target: Arc::new(target), credentials, journal: None })
    }

    /// The same client, every exchange of which is entered in a journal, too.
    #[must_use]
    pub fn journaled(&self, journal: &Journal) -> Self {
        Self { journal: Some(Arc::clone(journal)), ..self.clone() }
    }

    /// The target.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Signs and sends a request. The exchange is redacted as it is captured: customer keys and the target's
    /// secrets are blotted out of what came back, and `bodies` are looked for in answers other than 2xx.
    pub async fn send(
        &self,
        step: &str,
        storage_probe: bool,
        prepared: Result<Prepared, BuildError>,
        redactor: &Redactor,
        bodies: &BTreeMap<String, Body>,
    ) -> Exchange {
        let (started, clock) = (OffsetDateTime::now_utc(), Instant::now());
        let (sent, reply) = match prepared {
            Ok(mut prepared) => {
                // What frames and signs a body is no part of its text.
                let (remarks, body_text) = (remarks(&prepared), body_text(&prepared, redactor));
                let ready = make_ready(&mut prepared, &self.target).await;
                let sent = Sent::of(&prepared, remarks, body_text);
                let reply = match ready {
                    Ok(()) => self.exchange(prepared, redactor, bodies).await,
                    Err(why) => Reply::NotSent(why),
                };
                (sent, reply)
            }
            Err(error) => (Sent::nothing(), Reply::NotSent(error.to_string())),
        };
        let seconds = clock.elapsed().as_secs_f64();
        let exchange = Exchange { step: step.to_owned(), storage_probe, sent, reply, started, seconds };
        if let Some(journal) = &self.journal {
            journal.lock().unwrap_or_else(PoisonError::into_inner).push(exchange.clone());
        }
        exchange
    }

    async fn exchange(&self, prepared: Prepared, redactor: &Redactor, bodies: &BTreeMap<String, Body>) -> Reply {
        let scheme = prepared.scheme;
        let secrets = Secrets { keys: redactor, credentials: &self.credentials };
        let mut headers = http::HeaderMap::new();
        for line in &prepared.headers {
            headers.append(line.name.clone(), line.value.clone());
        }
        // HTTP clients leave the length of nothing out; Ceph's gateway, for one, asks for it (RFC 9110, section 8.6).
        if prepared.body.is_empty() && matches!(prepared.method, http::Method::PUT | http::Method::POST) {
            headers.insert(http::header::CONTENT_LENGTH, http::HeaderValue::from_static("0"));
        }
        if let Some(kind) = prepared.own_connection {
            let exchanged = own_connection::exchange(&prepared, kind, headers, &self.target, Arc::clone(&self.tls));
            return match exchanged.await {
                Ok(Some((head, body, cut_short))) => {
                    let head = (head.version, head.status, &head.headers);
                    Reply::Answer(receive(head, (body, cut_short), secrets, bodies))
                }
                Ok(None) => Reply::Interrupted,
                Err(error) => Reply::Failed(secrets.hidden(chain(&*error))),
            };
        }
        let request = self.http.request(prepared.method, prepared.url).headers(headers);
        match request.body(prepared.body).send().await {
            Ok(response) => {
                let (version, status, headers) = (response.version(), response.status(), response.headers().clone());
                let body = read(response).await;
                Reply::Answer(receive((version, status, &headers), body, secrets, bodies))
            }
            Err(error) => no_answer(&error, scheme, secrets),
        }
    }
}

/// What is done with a request that its header lines do not show.
fn remarks(prepared: &Prepared) -> Vec<String> {
    let named = |what: &str, names: Vec<&str>| (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")));
    let unsigned = prepared.headers.iter().filter(|line| !line.signed).map(|line| line.name.as_str()).collect();
    let tampered = prepared.tampered.iter().map(|(name, _)| name.as_str()).collect();
    let framed = serde_json::to_value(prepared.payload).ok().and_then(|framed| framed.as_str().map(str::to_owned));
    let own_connection = prepared.own_connection.map(|kind| match kind {
        OwnConnection::ReadToTheEnd => "on a connection of its own, read to its end",
        OwnConnection::Case(_) => "with the names of its headers in another case",
        OwnConnection::Interrupted => "cut off on purpose in the middle of its body",
    });
    let remarks = [
        (prepared.auth == Auth::Anonymous).then(|| "not signed".to_owned()),
        (prepared.auth == Auth::Presigned).then(|| "presigned: the URL holds the signature".to_owned()),
        named("not covered by the signature", unsigned),
        named("changed once it was signed", tampered),
        framed.filter(|_| prepared.payload != Payload::Whole).map(|framed| format!("the body is framed: {framed}")),
        own_connection.map(str::to_owned),
    ];
    remarks.into_iter().flatten().collect()
}

/// The text of a body that is not framed yet.
fn body_text(prepared: &Prepared, redactor: &Redactor) -> Option<String> {
    let body = &prepared.body;
    let is_shown = prepared.form.is_none() && !body.is_empty() && body.len() <= MAX_SENT_TEXT;
    (is_shown && std::str::from_utf8(body).is_ok()).then(|| redactor.text(body))
}

/// Frames and signs a request; why not, where that does not come off.
async fn make_ready(prepared: &mut Prepared, target: &Target) -> Result<(), String> {
    let signer = Signer::new(target);
    if let Some(form) = prepared.form.clone() {
        return form::encode(prepared, &form, &signer).await;
    }
    let told = |error: &dyn std::fmt::Display| format!("the body cannot be framed: {error}");
    let framed = prepared.payload != Payload::Whole;
    if framed {
        aws_chunked::announce(prepared).map_err(|error| told(&error))?;
    }
    let signature = signer.request(prepared).map_err(|error| error.to_string())?;
    if framed {
        let chunks_signed = prepared.payload != Payload::AwsChunked;
        let by = chunks_signed.then_some((&signer, signature));
        prepared.body = aws_chunked::framed(&prepared.body, prepared.trailer.as_ref(), by).map_err(|e| told(&e))?;
    }
    let tampered = std::mem::take(&mut prepared.tampered);
    prepared.headers.retain(|line| tampered.iter().all(|(name, _)| *name != line.name));
    prepared.headers.extend(tampered.into_iter().flat_map(|(_, lines)| lines));
    Ok(())
}

impl Sent {
    fn of(prepared: &Prepared, remarks: Vec<String>, body_text: Option<String>) -> Self {
        let shown = |line: &HeaderLine| {
            let shown = line.shown.clone();
            let value = shown.unwrap_or_else(|| String::from_utf8_lossy(line.value.as_bytes()).into_owned());
            (line.name.to_string(), value)
        };
        Self {
            operation: prepared.operation.to_owned(),
            scheme: prepared.scheme,
            method: prepared.method.to_string(),
            url: sign::shown(&prepared.url),
            headers: prepared.headers.iter().map(shown).collect(),
            fields: prepared.form.iter().flat_map(|form| &form.fields).map(shown).collect(),
            body_length: prepared.body.len() as u64,
            body_text,
            remarks,
            object_key: prepared.object_key.clone(),
        }
    }

    fn nothing() -> Self {
        Self {
            operation: String::new(),
            scheme: Scheme::Tls,
            method: String::new(),
            url: String::new(),
            headers: Vec::new(),
            fields: Vec::new(),
            body_length: 0,
            body_text: None,
            remarks: Vec::new(),
            object_key: String::new(),
        }
    }
}

/// Reads a body as far as it comes and may be kept; why it ended early, where it did.
async fn read(response: reqwest::Response) -> (Bytes, Option<String>) {
    let mut received = BytesMut::new();
    let mut cut_short = None;
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) if received.len() + chunk.len() > MAX_ANSWER => {
                cut_short = Some(format!("more than {MAX_ANSWER} bytes came; the rest was not read"));
                break;
            }
            Ok(chunk) => received.extend_from_slice(&chunk),
            Err(error) => {
                cut_short = Some(chain(&error));
                break;
            }
        }
    }
    (received.freeze(), cut_short)
}

fn receive(
    (version, status, lines): (http::Version, http::StatusCode, &http::HeaderMap),
    (received, cut_short): (Bytes, Option<String>),
    secrets: Secrets<'_>,
    bodies: &BTreeMap<String, Body>,
) -> Answer {
    let mut leaked_keys = Vec::new();
    let mut headers = Vec::new();
    for (name, value) in lines {
        let (shown, leaked) = secrets.searched(value.as_bytes());
        leaked_keys.extend(leaked);
        headers.push((name.to_string(), shown));
    }
    let is_text = received.len() <= MAX_TEXT && !received.is_empty() && std::str::from_utf8(&received).is_ok();
    let (text, leaked) = match is_text.then(|| secrets.searched(&received)) {
        Some((text, leaked)) => (Some(text), leaked),
        None => (None, secrets.keys.found(&received)),
    };
    leaked_keys.extend(leaked);
    leaked_keys.sort();
    leaked_keys.dedup();
    let discloses = if status.is_success() { Vec::new() } else { disclosed(&received, bodies) };
    let body = Received {
        length: received.len() as u64,
        sha256: hex::encode(Sha256::digest(&received)),
        text,
        discloses,
        cut_short: cut_short.map(|why| secrets.hidden(why)),
    };
    Answer { version: format!("{version:?}"), status: status.as_u16(), headers, body, leaked_keys }
}

/// Names of the bodies of which `received` holds the beginning or the end.
fn disclosed(received: &[u8], bodies: &BTreeMap<String, Body>) -> Vec<String> {
    const PIECE: usize = 24;
    let holds = |piece: &[u8]| received.windows(piece.len()).any(|window| window == piece);
    bodies
        .iter()
        .filter(|(_, body)| {
            let bytes = body.bytes();
            bytes.len() >= PIECE && (holds(&bytes[..PIECE]) || holds(&bytes[bytes.len() - PIECE..]))
        })
        .map(|(name, _)| name.clone())
        .collect()
}

fn no_answer(error: &reqwest::Error, scheme: Scheme, secrets: Secrets<'_>) -> Reply {
    let text = secrets.hidden(chain(error));
    if error.is_timeout() {
        return Reply::Failed(format!("no answer in time: {text}"));
    }
    let mut source = error.source();
    while let Some(cause) = source {
        let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let closed = [
            ErrorKind::ConnectionRefused,
            ErrorKind::ConnectionReset,
            ErrorKind::ConnectionAborted,
            ErrorKind::BrokenPipe,
            ErrorKind::UnexpectedEof,
        ];
        if kind.is_some_and(|kind| closed.contains(&kind)) {
            return Reply::Closed(text);
        }
        source = cause.source();
    }
    // hyper says "connection closed before message completed" without an I/O error below it.
    if scheme == Scheme::Plain && error.is_request() && !error.is_connect() {
        return Reply::Closed(text);
    }
    Reply::Failed(text)
}

/// An error with its causes. reqwest's errors name the URL; a presigned one has a signature, so it is left out.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.downcast_ref::<reqwest::Error>().map_or_else(|| error.to_string(), |e| e.without_url_text());
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// [`reqwest::Error::without_url`] takes the error by value; this shows one without its URL.
trait WithoutUrl {
    fn without_url_text(&self) -> String;
}

impl WithoutUrl for reqwest::Error {
    fn without_url_text(&self) -> String {
        let text = self.to_string();
        self.url().map_or(text.clone(), |url| text.replace(&format!(" for url ({url})"), ""))
    }
}
