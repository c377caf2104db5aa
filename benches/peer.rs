//! What `ssecheck run` is compared with (fixtures/bench/run): a client of hyper alone that sends the same requests, and a network
//! that is slow. Not to be run by itself.
//!
//! `peer requests N CONNECTIONS` writes and reads N objects under a customer key each, by so many connections, at the endpoint that the
//! environment names; it prints seconds. `peer round-trip N` prints the median of the seconds that each of N requests takes, one after the
//! other on one connection. `peer delay PORT MILLISECONDS` prints its own port, and passes on what comes there to the port
//! of this machine and back, each piece so much later that a round trip takes these milliseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::identity::Identity;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use md5::{Digest as _, Md5};
use rand::Rng as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use url::Url;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// What each object holds.
const CONTENT: &[u8; 1024] = &[b'x'; 1024];

#[tokio::main]
async fn main() -> Result<(), Error> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["requests", objects, connections] => requests(objects.parse()?, connections.parse()?).await,
        ["round-trip", number] => round_trip(number.parse()?).await,
        ["delay", port, milliseconds] => delay(port.parse()?, Duration::from_millis(milliseconds.parse()?) / 2).await,
        // `cargo bench` runs all benchmarks.
        _ => {
            println!("peer: see fixtures/bench/run");
            Ok(())
        }
    }
}

fn variable(name: &str) -> Result<String, Error> {
    std::env::var(name).map_err(|error| format!("{name}: {error}").into())
}

/// Where requests go, and who signs them.
struct Endpoint {
    url: Url,
    identity: Identity,
    tls: TlsConnector,
}

impl Endpoint {
    fn of_environment() -> Result<Self, Error> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(variable("AWS_CA_BUNDLE")?)? {
            roots.add(certificate?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let tls = TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()));
        let (id, secret) = (variable("AWS_ACCESS_KEY_ID")?, variable("AWS_SECRET_ACCESS_KEY")?);
        let identity = Credentials::new(id, secret, None, None, "environment").into();
        Ok(Self { url: variable("SSECHECK_ENDPOINT")?.parse()?, identity, tls })
    }

    async fn connect(&self) -> Result<http1::SendRequest<Full<Bytes>>, Error> {
        let host = self.url.host_str().ok_or("no host")?.to_owned();
        let stream = TcpStream::connect((host.as_str(), self.url.port_or_known_default().unwrap_or(443))).await?;
        stream.set_nodelay(true)?;
        let stream = self.tls.connect(ServerName::try_from(host)?, stream).await?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    /// A signed request, with a customer key where one is given.
    fn request(
        &self,
        method: &str,
        path: &str,
        key: Option<&[u8; 32]>,
        body: &'static [u8],
    ) -> Result<http::Request<Full<Bytes>>, Error> {
        let url = self.url.join(path)?;
        let host = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(443));
        let mut headers = vec![("host".to_owned(), host)];
        if let Some(key) = key {
            let name = |rest: &str| format!("x-amz-server-side-encryption-customer-{rest}");
            headers.push((name("algorithm"), "AES256".to_owned()));
            headers.push((name("key"), STANDARD.encode(key)));
            headers.push((name("key-md5"), STANDARD.encode(Md5::digest(key))));
        }
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let params = v4::SigningParams::builder().identity(&self.identity).region("us-east-1").name("s3");
        let params = params.time(SystemTime::now()).settings(settings).build()?.into();
        let signed = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let digest = SignableBody::Precomputed(hex::encode(Sha256::digest(body)));
        let (instructions, _) =
            sign(SignableRequest::new(method, url.as_str(), signed, digest)?, &params)?.into_parts();
        let mut request = http::Request::builder().method(method).uri(path);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        for header in instructions.into_parts().0 {
            request = request.header(header.name(), header.value());
        }
        Ok(request.body(Full::new(Bytes::from_static(body)))?)
    }
}

/// Sends a request that must succeed, and reads the answer.
async fn send(
    sender: &mut http1::SendRequest<Full<Bytes>>,
    request: http::Request<Full<Bytes>>,
) -> Result<Bytes, Error> {
    sender.ready().await?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    if status.is_success() { Ok(body) } else { Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into()) }
}

async fn requests(objects: usize, connections: usize) -> Result<(), Error> {
    let endpoint = Arc::new(Endpoint::of_environment()?);
    let mut one = endpoint.connect().await?;
    send(&mut one, endpoint.request("PUT", "/peer", None, b"")?).await?;
    let next = Arc::new(AtomicUsize::new(0));
    let clock = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let (endpoint, next) = (Arc::clone(&endpoint), Arc::clone(&next));
            tokio::spawn(async move {
                let mut sender = endpoint.connect().await?;
                let mut key = [0; 32];
                loop {
                    let object = next.fetch_add(1, Ordering::Relaxed);
                    if object >= objects {
                        return Ok::<_, Error>(());
                    }
                    rand::rng().fill_bytes(&mut key);
                    let path = format!("/peer/o-{object}");
                    send(&mut sender, endpoint.request("PUT", &path, Some(&key), CONTENT)?).await?;
                    let body = send(&mut sender, endpoint.request("GET", &path, Some(&key), b"")?).await?;
                    if body != CONTENT[..] {
                        return Err("another content came back".into());
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await??;
    }
    println!("{}", clock.elapsed().as_secs_f64());
    Ok(())
}

async fn delay(port: u16, each_way: Duration) -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (client, _) = listener.accept().await?;
        tokio::spawn(async move {
            // A connection takes a round trip, too.
            tokio::time::sleep(each_way * 2).await;
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            let _ = (client.set_nodelay(true), server.set_nodelay(true));
            let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
            tokio::join!(pass(from_client, to_server, each_way), pass(from_server, to_client, each_way));
        });
    }
}

async fn round_trip(number: usize) -> Result<(), Error> {
    let endpoint = Endpoint::of_environment()?;
    let mut sender = endpoint.connect().await?;
    send(&mut sender, endpoint.request("PUT", "/round-trip", None, b"")?).await?;
    let mut taken = Vec::new();
    for _ in 0..number {
        let request = endpoint.request("GET", "/round-trip?list-type=2", None, b"")?;
        let clock = Instant::now();
        send(&mut sender, request).await?;
        taken.push(clock.elapsed());
    }
    taken.sort();
    println!("{}", taken.get(number / 2).ok_or("no request was sent")?.as_secs_f64());
    Ok(())
}

/// Passes on what comes, later; however much is under way.
async fn pass(mut from: tokio::net::tcp::OwnedReadHalf, mut to: tokio::net::tcp::OwnedWriteHalf, later: Duration) {
    let (sender, mut under_way) = tokio::sync::mpsc::unbounded_channel::<(tokio::time::Instant, Vec<u8>)>();
    let reading = async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            if sender.send((tokio::time::Instant::now() + later, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((at, piece)) = under_way.recv().await {
            tokio::time::sleep_until(at).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(reading, writing);
}
