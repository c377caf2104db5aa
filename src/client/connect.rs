//! Opens connections to the endpoint: name resolution, proxy, TCP and TLS.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;
use url::{Position, Url};

use super::send::Client;
use crate::evidence::Peer;
use crate::suite::model::Scheme;

/// What keeps a request from its response.
pub(super) type Failure = Box<dyn Error + Send + Sync>;

/// Bytes in both directions, over TCP or TLS.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {
    /// The other end; `None` if the connection is closed already.
    fn peer(&self) -> Option<Peer>;
}

impl Duplex for TcpStream {
    fn peer(&self) -> Option<Peer> {
        Some(Peer { address: self.peer_addr().ok()?.to_string(), certificate: None })
    }
}

impl<S: Duplex> Duplex for TlsStream<S> {
    fn peer(&self) -> Option<Peer> {
        let (stream, tls) = self.get_ref();
        let certificate = tls.peer_certificates().and_then(|chain| chain.first());
        Some(Peer { certificate: certificate.map(|leaf| certificate_digest(leaf)), ..stream.peer()? })
    }
}

impl Duplex for Stream {
    fn peer(&self) -> Option<Peer> {
        (**self).peer()
    }
}

/// SHA-256 of a certificate's DER, as [`Peer`] holds it.
pub(super) fn certificate_digest(der: &[u8]) -> String {
    hex::encode(Sha256::digest(der))
}

/// An open connection.
pub(super) type Stream = Box<dyn Duplex>;

/// How a proxy is asked for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThroughProxy {
    /// By `CONNECT`: the connection then leads to the endpoint.
    Tunnel,
    /// By a request with the whole URL, which many proxies demand for plain HTTP (RFC 9112, section 3.2.2).
    Forward,
}

/// Opens a connection to the host of a URL, with TLS where its scheme asks for that, within the connect timeout. Sets `peer`
/// to its other end.
pub(super) async fn connect(
    url: &Url,
    client: &Client,
    through: ThroughProxy,
    peer: &mut Option<Arc<Peer>>,
) -> Result<Stream, Failure> {
    let opened = open(url, client, through);
    let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    let stream = tokio::time::timeout(client.target().connect_timeout, opened).await.map_err(late)??;
    let scheme = if url.scheme() == "https" { Scheme::Tls } else { Scheme::Plain };
    *peer = stream.peer().map(|peer| client.peer_log().connected(scheme, peer));
    Ok(stream)
}

async fn open(url: &Url, client: &Client, through: ThroughProxy) -> Result<Stream, Failure> {
    let (target, tls) = (client.target(), client.tls());
    let mut tcp = HttpConnector::new_with_resolver(HostResolver);
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let mut connector = Connector { tcp, tls: Arc::clone(tls) };
    // A tunnel without a port leads to that of TLS.
    let port = url.port_or_known_default().ok_or("the URL has no port")?;
    let host = url.host_str().ok_or("the URL has no host")?;
    let endpoint: Uri = format!("{}://{host}:{port}/", url.scheme()).parse()?;
    let Some(proxy) = &target.proxy else { return Ok(connector.call(endpoint).await?.into_inner()) };
    let to_proxy: Uri = proxy[..Position::BeforePath].parse()?;
    if through == ThroughProxy::Forward {
        return Ok(connector.call(to_proxy).await?.into_inner());
    }
    let tunnel = Tunnel::new(to_proxy, connector);
    let mut tunnel = match proxy_authorization(proxy) {
        Some(value) => tunnel.with_auth(value?),
        None => tunnel,
    };
    let stream = tunnel.call(endpoint).await?.into_inner();
    if url.scheme() == "https" { encrypt(stream, host, tls).await } else { Ok(stream) }
}

async fn encrypt<S: Duplex + 'static>(stream: S, host: &str, tls: &Arc<ClientConfig>) -> Result<Stream, Failure> {
    // The brackets of an IPv6 address are the URL's, not the name's.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned())?;
    Ok(Box::new(TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?))
}

/// The credentials for a proxy that its URL names (RFC 7617).
pub(super) fn proxy_authorization(proxy: &Url) -> Option<Result<HeaderValue, Failure>> {
    let decoded = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = (decoded(proxy.username()), decoded(proxy.password().unwrap_or_default()));
    let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    (!user.is_empty()).then(|| HeaderValue::from_str(&value).map_err(Failure::from))
}

/// Connects to a host by TCP, and by TLS where the scheme is `https`.
struct Connector {
    tcp: HttpConnector<HostResolver>,
    tls: Arc<ClientConfig>,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(context).map_err(Failure::from)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (connecting, tls) = (self.tcp.call(to.clone()), Arc::clone(&self.tls));
        Box::pin(async move {
            let stream = connecting.await?.into_inner();
            if to.scheme_str() != Some("https") {
                return Ok(TokioIo::new(Box::new(stream) as Stream));
            }
            encrypt(stream, to.host().unwrap_or_default(), &tls).await.map(TokioIo::new)
        })
    }
}

/// The addresses of a host. Names below `.localhost` are this machine (RFC 6761, section 6.3); the system's resolver does not
/// always say so.
pub(super) async fn addresses(host: &str) -> std::io::Result<Vec<SocketAddr>> {
    if host == "localhost" || host.ends_with(".localhost") {
        let addresses = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        return Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect());
    }
    Ok(tokio::net::lookup_host((host, 0)).await?.collect())
}

/// [`addresses`] as hyper's connector asks for them.
#[derive(Clone)]
struct HostResolver;

impl Service<Name> for HostResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move { Ok(addresses(name.as_str()).await?.into_iter()) })
    }
}
