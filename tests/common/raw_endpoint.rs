//! An endpoint of sockets alone: it answers the runner's own requests as an S3 service would, and a scenario's reads as it is told.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Workplace;

pub type Stream = TlsStream<TcpStream>;

/// A request as it came.
pub struct Request {
    pub method: String,
    pub target: String,
    pub head: String,
    pub body: Vec<u8>,
}

/// What is done with the reads of a scenario. The stream is closed when it returns `Err`.
#[async_trait::async_trait]
pub trait Behaviour: Send + Sync + 'static {
    /// Before TLS; whether the connection goes on.
    async fn accepted(&self, _stream: &mut TcpStream) -> bool {
        true
    }

    async fn answer(&self, request: &Request, stream: &mut Stream) -> std::io::Result<()>;
}

/// Which certificate is shown.
#[derive(Default)]
pub struct Certificate {
    /// Another name than `localhost`.
    pub name: Option<&'static str>,
    /// Its time is over.
    pub expired: bool,
    /// Its time is yet to come.
    pub future: bool,
    /// The authority that signed it is not the one told.
    pub unknown: bool,
}

pub struct RawEndpoint {
    pub address: SocketAddr,
    pub ca: PathBuf,
    /// Method and target of all requests.
    pub requests: Arc<Mutex<Vec<String>>>,
    pub connections: Arc<AtomicUsize>,
    _runtime: tokio::runtime::Runtime,
}

impl RawEndpoint {
    pub fn start(workplace: &Workplace, behaviour: impl Behaviour) -> Self {
        Self::with_certificate(workplace, behaviour, &Certificate::default())
    }

    pub fn with_certificate(workplace: &Workplace, behaviour: impl Behaviour, certificate: &Certificate) -> Self {
        let (config, ca) = tls(certificate);
        let ca = workplace.file("raw-ca.pem", &ca);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let listener = StdListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("it can be");
        let address = listener.local_addr().expect("it is bound");
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let connections = Arc::<AtomicUsize>::default();
        let serving = serve(listener, config, Arc::new(behaviour), Arc::clone(&requests), Arc::clone(&connections));
        runtime.spawn(serving);
        Self { address, ca, requests, connections, _runtime: runtime }
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// How many of the scenario's reads there were.
    pub fn reads(&self) -> usize {
        let requests = self.requests.lock().expect("nobody panicked");
        let is_read = |request: &&String| request.starts_with("GET ") && request.contains("/test/one");
        requests.iter().filter(is_read).filter(|request| !request.contains("prefix=")).count()
    }

    /// How many requests there were whose method and target contain this.
    pub fn count(&self, part: &str) -> usize {
        self.requests.lock().expect("nobody panicked").iter().filter(|request| request.contains(part)).count()
    }
}

async fn serve(
    listener: StdListener,
    config: ServerConfig,
    behaviour: Arc<dyn Behaviour>,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
) {
    let listener = TcpListener::from_std(listener).expect("it is a socket");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    while let Ok((mut stream, _)) = listener.accept().await {
        connections.fetch_add(1, Ordering::Relaxed);
        let (acceptor, behaviour, requests) = (acceptor.clone(), Arc::clone(&behaviour), Arc::clone(&requests));
        tokio::spawn(async move {
            if !behaviour.accepted(&mut stream).await {
                return;
            }
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            while let Ok(Some(request)) = read(&mut stream).await {
                requests.lock().expect("nobody panicked").push(format!("{} {}", request.method, request.target));
                // The objects of the scenario `one` of the suite `test` stand below its name; what lists them is the runner's.
                let is_scenarios = request.method != "DELETE" && request.target.contains("/test/one");
                let is_read = is_scenarios && request.method != "PUT" && !request.target.contains("prefix=");
                let done = if is_read || request.head.contains("x-judged") {
                    behaviour.answer(&request, &mut stream).await
                } else {
                    stream.write_all(tame(&request).as_bytes()).await
                };
                // TLS keeps written bytes until it is flushed.
                if done.is_err() || stream.flush().await.is_err() {
                    return;
                }
            }
        });
    }
}

/// As an S3 service would answer.
fn tame(request: &Request) -> String {
    let listing = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
    let (status, body) = match request.method.as_str() {
        "GET" => ("200 OK", listing),
        "DELETE" => ("204 No Content", ""),
        _ => ("200 OK", ""),
    };
    format!(
        "HTTP/1.1 {status}\r\nETag: \"0123456789abcdef0123456789abcdef\"\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The next request that comes, if one does.
pub async fn read(stream: &mut Stream) -> std::io::Result<Option<Request>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return Ok(None),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    // It may be cut off.
    let mut body = Vec::new();
    stream.take(length.unwrap_or(0)).read_to_end(&mut body).await?;
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    Ok(Some(Request { method, target, head, body }))
}

/// The server's side, and the authority that a client is told of.
pub fn tls(certificate: &Certificate) -> (ServerConfig, String) {
    let authority = || {
        let mut params = CertificateParams::new(Vec::new()).expect("no name is bad");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key can be made")).expect("it can be signed")
    };
    let (issuer, other) = (authority(), authority());
    let key = KeyPair::generate().expect("a key can be made");
    let names = match certificate.name {
        Some(name) => vec![name.to_owned()],
        None => vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
    };
    let mut params = CertificateParams::new(names).expect("they are names");
    let now = OffsetDateTime::now_utc();
    let day = time::Duration::days(1);
    (params.not_before, params.not_after) = match certificate {
        Certificate { expired: true, .. } => (now - 30 * day, now - day),
        Certificate { future: true, .. } => (now + day, now + 30 * day),
        _ => (now - day, now + 30 * day),
    };
    let signed = params.signed_by(&key, &issuer).expect("it can be signed");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = config.expect("the versions are known").with_no_client_auth();
    let config = config.with_single_cert(vec![signed.der().clone()], key).expect("key and certificate go together");
    let told = if certificate.unknown { other } else { issuer };
    (config, told.pem())
}
