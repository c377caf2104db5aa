//! Sends signed requests and captures what came back. No redirects, no decompression, and nothing is sent twice unless
//! the user asks for that where an endpoint says that it is busy, or the connection was closed before the request arrived.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Instant;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::build::{BuildError, HeaderLine, OwnConnection, Prepared};
use super::connect::{Failure, addresses, certificate_digest};
use super::connections::{Connections, ExchangeId, Lane};
use super::content::Content;
use super::no_answer::{NoAnswer, chain};
use super::pace::Pace;
use super::peer_log::PeerLog;
use super::receive::{Disclosures, Looking};
use super::sent_again::SentAgain;
use super::sign::Signer;
use super::silence::Silence;
use super::throttling::{self, Counted, Throttling};
use super::{Target, TlsTrust, aws_chunked, form, own_connection, sign};
use crate::evidence::{Answer, Exchange, Peer, Peers, Redactor, Reply, Secrets, Sent, most_sent_text, most_text};
use crate::suite::model::{Auth, Payload, Scheme};

/// How requests name their sender.
pub(super) const USER_AGENT: &str = concat!("ssecheck/", env!("CARGO_PKG_VERSION"));

/// The remark of evidence on a request without a signature.
pub(crate) const NOT_SIGNED: &str = "not signed";
/// How the remark of evidence begins that names headers that were changed once the request was signed.
pub(crate) const CHANGED_AFTER_SIGNING: &str = "changed once it was signed";

/// After as many requests in a row without any HTTP answer, no scenario's request is sent any more.
const MOST_IN_A_ROW: u32 = 32;

/// Once the answers to scenarios take more than so many bytes of memory (512 MiB), no scenario's request is sent any more. The
/// built-in suites' take some 10 MiB.
const MOST_KEPT: usize = 512 << 20;

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
    /// How often a request is sent again where the endpoint says that it is busy.
    again: u32,
    throttled: Arc<Counted>,
    peers: Arc<PeerLog>,
    /// About how many bytes the answers took so far.
    kept: Arc<AtomicUsize>,
    /// None where an endpoint that has gone silent is asked all the same.
    silence: Option<Arc<Silence>>,
    pace: Option<Arc<Pace>>,
    /// How many connections the endpoint did not end once they were closed for writing.
    unended: Arc<AtomicU32>,
    /// Once this is cancelled, nothing is sent again.
    stop: CancellationToken,
}

/// [`addresses`] as reqwest asks for them.
struct LocalhostResolver;

impl Resolve for LocalhostResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = addresses(name.as_str()).await?;
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
            .tls_info(true)
            .user_agent(USER_AGENT);
        if let Some(proxy) = &target.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy.clone()).map_err(setup)?);
        }
        let tls = trust.client_config()?;
        let http = builder.tls_backend_preconfigured(tls.clone()).build().map_err(setup)?;
        Ok(Self {
            http,
            tls: Arc::new(tls),
            credentials: Arc::new(Redactor::of_credentials(&target.credentials)),
            again: target.retry_throttled,
            throttled: Arc::default(),
            peers: Arc::default(),
            kept: Arc::default(),
            silence: Some(Arc::new(Silence::of(MOST_IN_A_ROW))),
            pace: target.max_rps.map(|rate| Arc::new(Pace::of(rate))),
            unended: Arc::default(),
            stop: CancellationToken::new(),
            target: Arc::new(target),
        })
    }

    /// The same client, which sends nothing again once this is cancelled.
    #[must_use]
    pub fn until(self, stop: &CancellationToken) -> Self {
        Self { stop: stop.clone(), ..self }
    }

    /// The same client for requests of the harness's own, by which nothing is judged: what a busy endpoint refuses is sent
    /// again, and an endpoint that has gone silent is asked all the same.
    #[must_use]
    pub fn for_housekeeping(&self) -> Self {
        Self { again: self.again.max(throttling::OF_HOUSEKEEPING), silence: None, ..self.clone() }
    }

    /// Says that the answers so far take no memory any more.
    pub fn forget_answers(&self) {
        self.kept.store(0, Ordering::Relaxed);
    }

    /// How often the endpoint said that it was busy, to this client or to any made from it.
    #[must_use]
    pub fn throttling(&self) -> Throttling {
        self.throttled.throttling()
    }

    /// How much was sent again, and why, by this client or by any made from it.
    #[must_use]
    pub fn sent_again(&self) -> BTreeMap<SentAgain, u64> {
        self.throttled.again.all()
    }

    /// Counts so many requests that are sent again; attempts at a case, for [`SentAgain::Retries`].
    pub fn count_again(&self, why: SentAgain, count: u64) {
        self.throttled.again.add(why, count);
    }

    /// The peers of all connections of this client and of any made from it.
    #[must_use]
    pub fn peers(&self) -> Peers {
        self.peers.peers()
    }

    pub(super) fn peer_log(&self) -> &PeerLog {
        &self.peers
    }

    /// The target.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Connections for one run of steps.
    #[must_use]
    pub fn connections(&self) -> Connections {
        Connections::of(self.clone())
    }

    pub(super) fn tls(&self) -> &Arc<rustls::ClientConfig> {
        &self.tls
    }

    pub(super) fn credentials(&self) -> &Redactor {
        &self.credentials
    }

    /// Waits until a request may be sent.
    pub(super) async fn turn(&self) {
        if let Some(pace) = &self.pace {
            pace.turn().await;
        }
    }

    pub(super) fn unended(&self) -> &Arc<AtomicU32> {
        &self.unended
    }

    /// Signs and sends a request over any connection. The exchange is redacted as it is captured: customer keys and the target's
    /// secrets are blotted out of what came back, and answers other than 2xx are looked at for what they give away of bodies.
    pub async fn send(
        &self,
        step: &str,
        storage_probe: bool,
        prepared: Result<Prepared, BuildError>,
        redactor: &Redactor,
        disclosures: &Disclosures<'_>,
    ) -> Exchange {
        let id = ExchangeId { step: step.to_owned(), storage_probe };
        self.send_over(None, id, prepared, redactor, disclosures).await
    }

    /// The same over the connections of a lane, if there is one.
    pub(super) async fn send_over(
        &self,
        lane: Option<Lane<'_>>,
        id: ExchangeId,
        prepared: Result<Prepared, BuildError>,
        redactor: &Redactor,
        disclosures: &Disclosures<'_>,
    ) -> Exchange {
        let (started, clock) = (OffsetDateTime::now_utc(), Instant::now());
        let route = lane.map(|lane| (lane, &id));
        let mut peer = None;
        let (sent, reply) = match prepared {
            Ok(prepared) => self.exchange(route, prepared, redactor, disclosures, &mut peer).await,
            Err(error) => (Sent::default(), Reply::NotSent(error.to_string())),
        };
        let seconds = clock.elapsed().as_secs_f64();
        let ExchangeId { step, storage_probe } = id;
        Exchange { step, storage_probe, sent, reply, started, seconds, framing: None, peer }
    }

    /// Sends a request, and sends it again as often as may be while the endpoint is busy. Sets `peer` to the other end of
    /// the last connection.
    async fn exchange(
        &self,
        route: Option<(Lane<'_>, &ExchangeId)>,
        prepared: Prepared,
        redactor: &Redactor,
        disclosures: &Disclosures<'_>,
        peer: &mut Option<Arc<Peer>>,
    ) -> (Sent, Reply) {
        // What frames and signs a body is no part of its text.
        let (mut remarks, body_text) = (remarks(&prepared), body_text(&prepared, redactor));
        let secrets = Secrets { keys: redactor, credentials: &self.credentials };
        let mut again = 0;
        loop {
            self.turn().await;
            let deadline = tokio::time::Instant::now() + self.target.request_timeout;
            let looking = Looking { secrets, disclosures, most_text: most_text(prepared.operation), deadline };
            let mut ready = prepared.clone();
            let made_ready = make_ready(&mut ready, &self.target).await;
            let sent = |remarks| Sent::of(&ready, remarks, body_text.clone());
            if let Err(why) = made_ready {
                return (sent(remarks), Reply::NotSent(why));
            }
            if self.silence.as_ref().is_some_and(|silence| silence.is_long()) {
                let why = format!("not sent: the endpoint gave no answer to {MOST_IN_A_ROW} requests in a row");
                return (sent(remarks), Reply::Failed(why));
            }
            if self.silence.is_some() && self.kept.load(Ordering::Relaxed) > MOST_KEPT {
                let why = format!("not sent: the answers of the run took more than {MOST_KEPT} bytes of memory");
                return (sent(remarks), Reply::Failed(why));
            }
            let mut sent_now = sent(remarks.clone());
            let (reply, remark) = self.once(route, ready, &looking, peer).await;
            reply.answer().into_iter().for_each(|answer| self.peers.answered(answer));
            sent_now.remarks.extend(remark);
            self.kept.fetch_add(reply.answer().map_or(0, Answer::size), Ordering::Relaxed);
            self.silence.iter().for_each(|silence| silence.note(&reply, prepared.scheme));
            let busy = throttling::says_busy(&reply);
            busy.iter().for_each(|_| self.throttled.answer());
            // What an answer gives away must not be lost with it.
            let may_be_lost = |answer: &&Answer| answer.leaked_keys.is_empty() && answer.body.discloses.is_empty();
            let Some(busy) = busy.filter(may_be_lost).filter(|_| again < self.again) else { return (sent_now, reply) };
            again += 1;
            let wait = throttling::wait(busy, again);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stop.cancelled() => return (sent_now, reply),
            }
            remarks.push(throttling::remark(busy, wait));
            self.count_again(SentAgain::Busy, 1);
        }
    }

    /// Sends a request once; with the reply what evidence says of how it was got.
    async fn once(
        &self,
        route: Option<(Lane<'_>, &ExchangeId)>,
        prepared: Prepared,
        looking: &Looking<'_>,
        peer: &mut Option<Arc<Peer>>,
    ) -> (Reply, Option<String>) {
        *peer = None;
        let scheme = prepared.scheme;
        let mut headers = http::HeaderMap::new();
        for line in &prepared.headers {
            headers.append(line.name.clone(), line.value.clone());
        }
        // HTTP clients leave the length of nothing out; Ceph's gateway, for one, asks for it (RFC 9110, section 8.6).
        if prepared.body.is_empty() && matches!(prepared.method, http::Method::PUT | http::Method::POST) {
            headers.insert(http::header::CONTENT_LENGTH, http::HeaderValue::from_static("0"));
        } else if !prepared.body.is_empty() {
            // Of a body that is sent piece by piece nobody but us knows it.
            headers.insert(http::header::CONTENT_LENGTH, http::HeaderValue::from(prepared.body.len()));
        }
        let no_answer = |error: &(dyn std::error::Error + 'static)| {
            NoAnswer::of(error).reply(scheme, &looking.secrets.hidden(chain(error)))
        };
        let told = |reply: Result<Reply, Failure>| (reply.unwrap_or_else(|error| no_answer(&*error)), None);
        // Most requests are sent in none of these ways, and need no room for them.
        match (prepared.own_connection, route) {
            (Some(OwnConnection::Interrupted), _) => {
                let sent = Box::pin(own_connection::interrupt(&prepared, headers, self, looking, peer)).await;
                told(sent.map(|answer| answer.map_or(Reply::Interrupted, Reply::Answer)))
            }
            (Some(OwnConnection::Uninterrupted), _) => {
                let sent = Box::pin(own_connection::write_whole(&prepared, headers, self, looking, peer)).await;
                told(sent.map(Reply::Answer))
            }
            (Some(OwnConnection::ReadToTheEnd), _) => {
                let sent = Box::pin(own_connection::read_beyond(&prepared, headers, self, looking, peer)).await;
                told(sent.map(Reply::Answer))
            }
            (_, Some((lane, id))) => {
                let (answer, remark) = Box::pin(lane.exchange(id, &prepared, &headers, looking, peer)).await;
                (answer.map_or_else(|error| no_answer(&*error), Reply::Answer), remark)
            }
            // Of a tunnel reqwest does not tell whose certificate it got.
            (_, None) if self.target.proxy.is_some() && scheme == Scheme::Tls => {
                let (connections, id) = (self.connections(), ExchangeId { step: String::new(), storage_probe: false });
                let exchanged = connections.lane(0).exchange(&id, &prepared, &headers, looking, peer);
                let (answer, remark) = Box::pin(exchanged).await;
                (answer.map_or_else(|error| no_answer(&*error), Reply::Answer), remark)
            }
            (_, None) => {
                let request = self.http.request(prepared.method, prepared.url).headers(headers);
                match request.body(prepared.body.to_be_sent()).send().await {
                    Ok(response) => {
                        *peer = peer_of(&response).map(|peer| self.peers.connected(scheme, peer));
                        let (head, body) = http::Response::<reqwest::Body>::from(response).into_parts();
                        (Reply::Answer(looking.receive(&head, body).await), None)
                    }
                    Err(error) => (no_answer(&error), None),
                }
            }
        }
    }
}

/// The other end of a pooled connection.
fn peer_of(response: &reqwest::Response) -> Option<Peer> {
    let tls = response.extensions().get::<reqwest::tls::TlsInfo>();
    let certificate = tls.and_then(reqwest::tls::TlsInfo::peer_certificate).map(certificate_digest);
    Some(Peer { address: response.remote_addr()?.to_string(), certificate })
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
        OwnConnection::Uninterrupted => "written like one that is cut off on purpose, and to its end",
    });
    let remarks = [
        (prepared.auth == Auth::Anonymous).then(|| NOT_SIGNED.to_owned()),
        (prepared.auth == Auth::Presigned).then(|| "presigned: the URL holds the signature".to_owned()),
        named("not covered by the signature", unsigned),
        named(CHANGED_AFTER_SIGNING, tampered),
        framed.filter(|_| prepared.payload != Payload::Whole).map(|framed| format!("the body is framed: {framed}")),
        own_connection.map(str::to_owned),
    ];
    remarks.into_iter().flatten().collect()
}

/// The text of a body that is not framed yet.
fn body_text(prepared: &Prepared, redactor: &Redactor) -> Option<String> {
    let body = &prepared.body;
    let is_shown =
        prepared.form.is_none() && !body.is_empty() && body.len() <= most_sent_text(prepared.operation) as u64;
    let bytes = is_shown.then(|| body.bytes())?;
    std::str::from_utf8(&bytes).is_ok().then(|| redactor.text(&bytes))
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
        let framed = aws_chunked::framed(&prepared.body.bytes(), prepared.trailer.as_ref(), by);
        prepared.body = Content::Document(framed.map_err(|error| told(&error))?);
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
            body_length: prepared.body.len(),
            body_text,
            remarks,
            object_key: prepared.object_key.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::client::{CustomerKey, housekeeping, samples};

    /// A client of an endpoint that is not there.
    fn client() -> Client {
        Client::new(samples::target("https://127.0.0.1:1"), &TlsTrust::default()).unwrap()
    }

    async fn sent_by(client: &Client) -> Reply {
        let prepared =
            housekeeping("HeadBucket", http::Method::HEAD, "bucket", "", &[], bytes::Bytes::new(), client.target());
        let redactor = CustomerKey::redactor(&BTreeMap::new());
        client.send("step", false, prepared, &redactor, &Disclosures::of(&BTreeMap::new())).await.reply
    }

    #[tokio::test]
    async fn once_answers_took_too_much_memory_only_clean_up_is_sent() {
        let client = client();
        client.kept.store(MOST_KEPT, Ordering::Relaxed);
        assert!(matches!(sent_by(&client).await, Reply::Closed(_)));
        client.kept.store(MOST_KEPT + 1, Ordering::Relaxed);
        let reply = sent_by(&client).await;
        assert!(matches!(&reply, Reply::Failed(why) if why.contains("took more than")), "{reply:?}");
        assert!(matches!(sent_by(&client.for_housekeeping()).await, Reply::Closed(_)));
    }
}
