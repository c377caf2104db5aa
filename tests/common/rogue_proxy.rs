//! Stands between a command and the reference endpoint as a server of its own, passes requests and responses on, and breaks HTTP's
//! framing, or ends connections, by the kind of request.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::raw_endpoint::{Certificate, Request, Stream, read, tls};
use super::{Served, Workplace};

/// What the proxy does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Nothing.
    None,
    /// A chunked body follows each 304, and each response to CopyObject, which has ended before.
    StrayBytes,
    /// The body of a refused PutObject is taken for the next request.
    BodyLeft,
    /// The first request of each connection that carries a customer key is answered with 500.
    FirstFails,
    /// Connections end after a response that does not say so.
    IdleClosed,
    /// Connections that the client has closed for writing stay open.
    NeverEnds,
    /// Requests with a customer key are answered with 501.
    RefusesKeys,
    /// Requests with a customer key are answered with 400 and a code without a message, as Ceph RGW 16 does.
    RefusesKeysWithoutWord,
    /// Requests of cases with a customer key are answered with 400 until the case is run again.
    FirstAttemptFails,
    /// Bucket policies are accepted and bind nobody.
    PoliciesIgnored,
    /// Presigned requests are refused for their access key.
    PresignedUnknown,
    /// HeadObject ignores partNumber.
    HeadPartsIgnored,
    /// If-Modified-Since of an object's own Last-Modified finds it modified, as a date with fractions of a second is later.
    DatesByFractions,
    /// A checksum is compared only where x-amz-sdk-checksum-algorithm comes with it.
    ChecksumsNeedAlgorithm,
    /// Cache-Control is left out of responses to requests without a customer key.
    CacheControlStripped,
    /// Requests are passed on to the endpoint's plain-HTTP listener, as a proxy does that ends TLS.
    EndsTls,
}

/// A running proxy.
pub struct RogueProxy {
    pub url: String,
    pub ca: PathBuf,
    _runtime: tokio::runtime::Runtime,
}

/// The connection to the endpoint.
type Upstream = Box<dyn Duplex>;

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// A response as it came.
struct Response {
    head: String,
    body: Vec<u8>,
}

impl Response {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of a header, in lower case.
    fn header(&self, name: &str) -> Option<String> {
        let lower = self.head.to_ascii_lowercase();
        lower.lines().find_map(|line| Some(line.strip_prefix(&format!("{name}: "))?.to_owned()))
    }

    /// The response without a header, which is named in lower case.
    fn without(self, name: &str) -> Self {
        let is_other = |line: &&str| !line.to_ascii_lowercase().starts_with(&format!("{name}:"));
        let lines: Vec<&str> = self.head.split("\r\n").filter(is_other).collect();
        Self { head: lines.join("\r\n"), body: self.body }
    }

    /// The response to the same HeadObject without partNumber.
    fn of_the_whole(self) -> Self {
        let size = self.header("content-range").and_then(|range| Some(range.rsplit_once('/')?.1.to_owned()));
        let Some(size) = size else { return self };
        let is_of_part = |line: &&str| {
            let line = line.to_ascii_lowercase();
            ["content-length:", "content-range:", "x-amz-mp-parts-count:"].iter().any(|name| line.starts_with(name))
        };
        let lines: Vec<&str> = self.head.trim_end().lines().skip(1).filter(|line| !is_of_part(line)).collect();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n{}\r\n\r\n", lines.join("\r\n"));
        Self { head, body: self.body }
    }
}

impl RogueProxy {
    /// Starts one before an endpoint whose authority stands in `ca.pem` of the workplace.
    pub fn before(workplace: &Workplace, served: &Served, habit: Habit) -> Self {
        let (config, authority) = tls(&Certificate::default());
        let ca = workplace.file("proxy-ca.pem", &authority);
        let mut roots = RootCertStore::empty();
        let trusted = CertificateDer::from_pem_slice(workplace.read("ca.pem").as_bytes()).expect("it is PEM");
        roots.add(trusted).expect("it is a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let client = client.expect("the versions are known").with_root_certificates(roots).with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(client));
        let of = if habit == Habit::EndsTls { "SSECHECK_PLAIN_ENDPOINT" } else { "SSECHECK_ENDPOINT" };
        let endpoint: url::Url = served.settings[of].parse().expect("it is a URL");
        let port = endpoint.port().expect("it has one");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let url = format!("https://localhost:{}", listener.local_addr().expect("it is bound").port());
        let acceptor = TlsAcceptor::from(Arc::new(config));
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, connector) = (acceptor.clone(), connector.clone());
                tokio::spawn(async move {
                    let stream = acceptor.accept(stream).await?;
                    let upstream = TcpStream::connect(("127.0.0.1", port)).await?;
                    let name = ServerName::try_from("localhost").expect("it is a name");
                    let upstream: Upstream = match habit {
                        Habit::EndsTls => Box::new(upstream),
                        _ => Box::new(connector.connect(name, upstream).await?),
                    };
                    serve(habit, stream, upstream).await
                });
            }
        });
        Self { url, ca, _runtime: runtime }
    }
}

/// Waits for up to so many milliseconds.
async fn pause(most: u64) {
    let milliseconds = rand::rng().random_range(0..=most);
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// Passes on what comes over a connection until it ends.
async fn serve(habit: Habit, mut stream: Stream, mut upstream: Upstream) -> std::io::Result<()> {
    let (mut is_first, mut last_modified) = (true, String::new());
    while let Some(request) = read(&mut stream).await? {
        let head = request.head.to_ascii_lowercase();
        let has_key = head.contains("customer-key");
        if std::mem::take(&mut is_first) && has_key && habit == Habit::FirstFails {
            stream.write_all(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n").await?;
            stream.flush().await?;
            continue;
        }
        if let Some((status, code)) = answered(habit, &head, &last_modified) {
            let body = if code.is_empty() { String::new() } else { format!("<Error><Code>{code}</Code></Error>") };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await?;
            stream.flush().await?;
            continue;
        }
        let mut response = pass_on(&request, &mut upstream).await?;
        last_modified = response.header("last-modified").unwrap_or(last_modified);
        if habit == Habit::HeadPartsIgnored && head.starts_with("head ") && head.contains("partnumber=") {
            response = response.of_the_whole();
        }
        if habit == Habit::CacheControlStripped && !has_key {
            response = response.without("cache-control");
        }
        let is_copy = head.contains("\r\nx-amz-copy-source:");
        let has_stray = habit == Habit::StrayBytes && (is_copy || response.status() == "304");
        let head = if has_stray && response.status() == "304" {
            response.head.replacen("\r\n", "\r\nTransfer-Encoding: chunked\r\n", 1)
        } else {
            response.head.clone()
        };
        stream.write_all(&[head.as_bytes(), &response.body].concat()).await?;
        stream.flush().await?;
        let is_refused_write = has_key && !request.body.is_empty() && response.status().starts_with('4');
        if has_stray {
            // The next request is served meanwhile only once these are written: a server writes them itself.
            pause(50).await;
            stream.write_all(b"5\r\nstray\r\n0\r\n\r\n").await?;
            stream.flush().await?;
        }
        if is_refused_write && habit == Habit::BodyLeft {
            pause(50).await;
            stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
            stream.shutdown().await?;
            return Ok(());
        }
        if habit == Habit::IdleClosed && has_key {
            pause(5).await;
            return stream.shutdown().await;
        }
    }
    if habit == Habit::NeverEnds {
        std::future::pending::<()>().await;
    }
    stream.shutdown().await
}

/// The status line and error code by which the proxy answers a request itself; its head is in lower case.
fn answered(habit: Habit, head: &str, last_modified: &str) -> Option<(&'static str, &'static str)> {
    let has_key = head.contains("customer-key");
    let line = head.lines().next().unwrap_or_default();
    match habit {
        Habit::RefusesKeys if has_key => Some(("501 Not Implemented", "NotImplemented")),
        Habit::RefusesKeysWithoutWord if has_key => Some(("400 Bad Request", "InvalidRequest")),
        Habit::FirstAttemptFails if has_key && !line.contains("/attempt-") && !line.contains("/preflight/") => {
            Some(("400 Bad Request", "InvalidRequest"))
        }
        Habit::PoliciesIgnored if line.starts_with("put ") && line.contains("?policy") => Some(("200 OK", "")),
        Habit::PresignedUnknown if line.contains("x-amz-signature=") => Some(("403 Forbidden", "InvalidAccessKeyId")),
        Habit::DatesByFractions if head.contains(&format!("if-modified-since: {last_modified}\r\n")) => {
            Some(("200 OK", ""))
        }
        Habit::ChecksumsNeedAlgorithm
            if head.contains("\r\nx-amz-checksum-crc32:") && !head.contains("\r\nx-amz-sdk-checksum-algorithm:") =>
        {
            Some(("200 OK", ""))
        }
        _ => None,
    }
}

async fn pass_on(request: &Request, upstream: &mut Upstream) -> std::io::Result<Response> {
    upstream.write_all(&[request.head.as_bytes(), &request.body].concat()).await?;
    upstream.flush().await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(upstream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut response = Response { head, body: Vec::new() };
    if request.method == "HEAD" || matches!(response.status(), "204" | "304") {
        return Ok(response);
    }
    let lower = response.head.to_ascii_lowercase();
    let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    if let Some(length) = length {
        response.body = vec![0; length];
        upstream.read_exact(&mut response.body).await?;
        return Ok(response);
    }
    if !lower.contains("transfer-encoding: chunked") {
        return Err(ErrorKind::InvalidData.into());
    }
    loop {
        let start = response.body.len();
        while !response.body[start..].ends_with(b"\r\n") {
            response.body.push(upstream.read_u8().await?);
        }
        let size = String::from_utf8_lossy(&response.body[start..]).trim().to_owned();
        let size = usize::from_str_radix(&size, 16).map_err(|_| ErrorKind::InvalidData)?;
        let mut chunk = vec![0; size + 2];
        upstream.read_exact(&mut chunk).await?;
        response.body.extend_from_slice(&chunk);
        if size == 0 {
            return Ok(response);
        }
    }
}
