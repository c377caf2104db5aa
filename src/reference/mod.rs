//! The embedded reference endpoint: a real S3 service over TLS and plain HTTP, with real encryption, in memory.
//!
//! It is for tests: it answers as AWS S3 was recorded to answer, keeps object data in bounded memory, and forgets it
//! all at the end. It shares no SSE-C code with the checks, so that a mistake cannot hide itself on both sides.

mod annotations;
mod api;
mod attributes;
mod authentication;
mod body;
mod buckets;
mod certificate;
pub(crate) mod checksums;
mod conditions;
pub(crate) mod content;
mod context;
mod copies;
mod default_encryption;
pub(crate) mod error;
mod form;
mod front;
mod hosts;
pub(crate) mod identity;
pub(crate) mod layer;
mod lingering;
mod listing;
mod multipart;
mod objects;
mod operations;
mod policy;
pub(crate) mod request;
pub(crate) mod seam;
mod service;
mod settings;
pub(crate) mod sse_c;
pub(crate) mod store;
mod subresources;
pub(crate) mod wire;
mod writes;
mod xml;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rand::Rng as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use url::Url;
use zeroize::Zeroizing;

use self::api::Api;
use self::authentication::Authentication;
use self::certificate::Authority;
pub use self::certificate::CertificateError;
use self::content::Memory;
use self::front::{Connection, Front};
use self::layer::Layered;
pub use self::layer::Layers;
use self::lingering::{Lingering, Unread};
use self::request::Transport;
use self::service::Service;
use self::store::Store;
use self::wire::{Wire, Wired};
use crate::config::Credentials;

/// Bytes of object data that an endpoint holds unless told otherwise (1 GiB).
pub const DEFAULT_MEMORY: u64 = 1024 * 1024 * 1024;

/// How the endpoint is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address that both listeners bind to.
    pub address: IpAddr,
    /// Port of the TLS listener; 0 for any free one.
    pub tls_port: u16,
    /// Port of the plain-HTTP listener; 0 for any free one.
    pub plain_port: u16,
    /// The access key to expect; one is made up when absent.
    pub credentials: Option<Credentials>,
    /// The region it says it is in.
    pub region: String,
    /// Bytes of object data that it holds at most.
    pub memory: u64,
    /// Whether new buckets block SSE-C, as those of AWS do since April 2026.
    pub block_ssec: bool,
    /// What is around the service.
    pub layers: Layers,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST.into(),
            tls_port: 0,
            plain_port: 0,
            credentials: None,
            region: "us-east-1".to_owned(),
            memory: DEFAULT_MEMORY,
            block_ssec: false,
            layers: Layers::default(),
        }
    }
}

/// The endpoint cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened at.
    #[error("cannot listen at {address}: {error}; choose another port, or 0 for any free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// No certificate could be made.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// TLS cannot be spoken.
    #[error("cannot speak TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// A listener has no address that can be written.
    #[error("the listener has no address: {0}")]
    Address(String),
}

/// A running endpoint. It stops when told to ([`Endpoint::stop`]) or when dropped.
pub struct Endpoint {
    /// Address of the TLS listener.
    pub tls_url: Url,
    /// Address of the plain-HTTP listener.
    pub plain_url: Url,
    /// The certificate authority to trust, PEM.
    pub ca_pem: String,
    /// The access key to sign with.
    pub credentials: Credentials,
    /// The region to sign for.
    pub region: String,
    stop: CancellationToken,
    listeners: Vec<JoinHandle<()>>,
}

impl Endpoint {
    /// Stops listening, lets open requests finish, and forgets everything stored.
    pub async fn stop(mut self) {
        self.stop.cancel();
        for listener in self.listeners.drain(..) {
            let _ = listener.await;
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Starts an endpoint in the current tokio runtime.
///
/// # Errors
/// [`StartError`].
pub async fn start(options: Options) -> Result<Endpoint, StartError> {
    let authority = Authority::new()?;
    let ca_pem = authority.ca_pem.clone();
    let tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(authority));
    let tls_listener = listen(options.address, options.tls_port).await?;
    let plain_listener = listen(options.address, options.plain_port).await?;
    let tls_url = local_url("https", &tls_listener)?;
    let plain_url = local_url("http", &plain_listener)?;
    let credentials = options.credentials.unwrap_or_else(made_up_credentials);
    let store = Arc::new(Store::new(Memory::new(options.memory), options.block_ssec));
    let service = Service { store, region: options.region.clone() };
    let front = Arc::new(Front {
        authentication: Authentication::new(&credentials),
        service: Layered { layers: options.layers.layers.into(), service: Arc::new(Api::new(service)) },
        keeps_heads: options.layers.keep_heads,
        connections: AtomicU64::new(0),
    });
    let stop = CancellationToken::new();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listeners = vec![
        tokio::spawn(accept(tls_listener, Some(acceptor), Arc::clone(&front), stop.clone())),
        tokio::spawn(accept(plain_listener, None, front, stop.clone())),
    ];
    Ok(Endpoint { tls_url, plain_url, ca_pem, credentials, region: options.region, stop, listeners })
}

async fn listen(address: IpAddr, port: u16) -> Result<TcpListener, StartError> {
    let address = SocketAddr::new(address, port);
    TcpListener::bind(address).await.map_err(|error| StartError::Listen { address, error })
}

/// The address by which this machine reaches a listener; the certificate names `localhost`.
fn local_url(scheme: &str, listener: &TcpListener) -> Result<Url, StartError> {
    let port = listener.local_addr().map_err(|error| StartError::Address(error.to_string()))?.port();
    Url::parse(&format!("{scheme}://localhost:{port}")).map_err(|error| StartError::Address(error.to_string()))
}

fn made_up_credentials() -> Credentials {
    let mut random = Zeroizing::new([0; 40]);
    rand::rng().fill_bytes(&mut *random);
    let secret = Zeroizing::new(hex::encode(&random[10..]));
    let access_key_id = format!("SSECHECK{}", hex::encode_upper(&random[..6]));
    Credentials { access_key_id, secret_access_key: secret, session_token: None }
}

/// Takes connections until told to stop, then waits for the requests under way.
async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, front: Arc<Front>, stop: CancellationToken) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        // Out of file descriptors, or the client is gone already: neither ends the service.
        let Ok((stream, _)) = accepted else { continue };
        let _ = stream.set_nodelay(true);
        tokio::spawn(connection(stream, tls.clone(), front.clone(), graceful.watcher(), stop.clone()));
    }
    drop(listener);
    graceful.shutdown().await;
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    front: Arc<Front>,
    watcher: hyper_util::server::graceful::Watcher,
    stop: CancellationToken,
) {
    let transport = if tls.is_some() { Transport::Tls } else { Transport::Plain };
    let wire = Wire::new(front.keeps_heads);
    let unread = Unread::default();
    let stream = Lingering::new(stream, unread.clone());
    let number = front.connections.fetch_add(1, Ordering::Relaxed);
    let connection = Connection { transport, number, wire: wire.clone(), unread };
    let answer = service_fn(move |request| front::serve(Arc::clone(&front), connection.clone(), request));
    let server = {
        let mut server = hyper::server::conn::http1::Builder::new();
        server.timer(TokioTimer::new());
        server
    };
    match tls {
        None => {
            let stream = Wired::new(stream, wire);
            let _ = watcher.watch(server.serve_connection(TokioIo::new(stream), answer)).await;
        }
        Some(acceptor) => {
            let shaken = tokio::select! {
                shaken = acceptor.accept(stream) => shaken,
                () = stop.cancelled() => return,
            };
            if let Ok(stream) = shaken {
                let stream = Wired::new(stream, wire);
                let _ = watcher.watch(server.serve_connection(TokioIo::new(stream), answer)).await;
            }
        }
    }
}
