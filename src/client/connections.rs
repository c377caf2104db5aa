//! The connections of one run of steps. No other request goes over them, so that what a server leaves on a connection harms nobody
//! else, and verdicts do not depend on how many cases run at a time.
//!
//! A connection is used again after a response that ended as its framing says ([`After`]). Each is closed for writing in the end and
//! read to its end: bytes that belong to no response are reported for the exchanges that used it.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Response};
use hyper::body::Incoming;
use tokio_util::task::AbortOnDropHandle;

use super::build::{BuildError, OwnConnection, Prepared};
use super::connect::{Failure, Stream, ThroughProxy, connect};
use super::connection::{After, Connection, End, Unanswered, request};
use super::header_case::Recased;
use super::no_answer::InAnAnswer;
use super::receive::{Disclosures, Looking};
use super::send::Client;
use super::sent_again::SentAgain;
use crate::evidence::{Answer, Exchange, Framing, Peer, Redactor, Secrets};

/// How long a server is waited for to end a connection that was closed for writing.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same once [`MOST_UNENDED`] connections of the client were not ended, where nothing speaks for stray bytes.
const BRIEF_PATIENCE: Duration = Duration::from_millis(20);
const MOST_UNENDED: u32 = 8;
/// How long the last request may still be written once its response has come.
const WRITING: Duration = Duration::from_secs(1);

/// The most characters of stray bytes that evidence shows.
const MAX_SHOWN: usize = 64;

/// Names an exchange of a run of steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeId {
    /// Id of the step.
    pub step: String,
    /// Whether it is the listing that follows the step's own request.
    pub storage_probe: bool,
}

/// The connections of one run of steps.
pub struct Connections {
    client: Client,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By lane and origin.
    idle: BTreeMap<(usize, String), Used>,
    ending: Vec<AbortOnDropHandle<Ended>>,
    ended: Vec<Ended>,
}

/// A connection with the exchanges whose responses came over it, in order.
struct Used {
    connection: Connection,
    peer: Option<Arc<Peer>>,
    exchanges: Vec<ExchangeId>,
}

/// What came over a connection after the response to the last of its exchanges.
struct Ended {
    exchanges: Vec<ExchangeId>,
    stray: Bytes,
}

/// Requests that follow one another: they share connections, requests of other lanes have their own. Steps that are sent at the same
/// time go by lanes, so that it does not depend on their speed which connection they get.
#[derive(Clone, Copy)]
pub struct Lane<'c> {
    connections: &'c Connections,
    number: usize,
}

/// An answer, and what evidence says of how it was got.
pub(super) type Exchanged = (Result<Answer, Failure>, Option<String>);

impl Connections {
    /// Without any connection.
    pub(super) fn of(client: Client) -> Self {
        Self { client, state: Mutex::default() }
    }

    /// The lane of this number.
    #[must_use]
    pub fn lane(&self, number: usize) -> Lane<'_> {
        Lane { connections: self, number }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the connection for writing, and reads it to its end while other requests go on.
    fn retire(&self, used: Used, is_suspect: bool) {
        let unended = Arc::clone(self.client.unended());
        let is_brief = !is_suspect && unended.load(Ordering::Relaxed) >= MOST_UNENDED;
        let patience = if is_brief { BRIEF_PATIENCE } else { PATIENCE };
        let Used { connection, exchanges, .. } = used;
        let ending = tokio::spawn(async move {
            let End { stray, is_complete } = connection.end(patience).await;
            if !is_complete {
                unended.fetch_add(1, Ordering::Relaxed);
            }
            Ended { exchanges, stray }
        });
        self.state().ending.push(AbortOnDropHandle::new(ending));
    }

    /// Ends all connections. For each exchange whose connection held bytes that belong to no response: what is known of them.
    pub async fn end(&self, keys: &Redactor) -> Vec<(ExchangeId, Framing)> {
        let idle = std::mem::take(&mut self.state().idle);
        idle.into_values().for_each(|used| self.retire(used, false));
        let State { ending, mut ended, .. } = std::mem::take(&mut *self.state());
        for ending in ending {
            ended.extend(ending.await);
        }
        let secrets = Secrets { keys, credentials: self.client.credentials() };
        ended.iter().flat_map(|ended| ended.framings(secrets)).collect()
    }
}

impl Ended {
    /// What is known of the exchanges of a connection that held stray bytes.
    fn framings(&self, secrets: Secrets<'_>) -> Vec<(ExchangeId, Framing)> {
        let Some(last) = self.exchanges.last().filter(|_| is_stray(&self.stray)) else { return Vec::new() };
        let (text, leaked_keys) = secrets.searched(&self.stray);
        let shown: String = text.chars().flat_map(char::escape_debug).take(MAX_SHOWN).collect();
        let framing = |id: &ExchangeId, is_doubtful| Framing {
            broken_by: last.step.clone(),
            stray: (id == last).then(|| shown.clone()),
            leaked_keys: if id == last { leaked_keys.clone() } else { Vec::new() },
            is_doubtful,
        };
        let exchanges = self.exchanges.iter().enumerate();
        // The response to the first is certainly its own.
        exchanges
            .filter(|(index, id)| *index > 0 || *id == last)
            .map(|(index, id)| (id.clone(), framing(id, index > 0)))
            .collect()
    }
}

/// Whether bytes after a response are a fault. A server may say 408 on an idle connection before it closes it (RFC 9110, section
/// 15.5.9).
fn is_stray(bytes: &[u8]) -> bool {
    let is_timeout = [&b"HTTP/1.1 408"[..], b"HTTP/1.0 408"].iter().any(|start| bytes.starts_with(start));
    !bytes.is_empty() && !is_timeout
}

/// A request on its way.
struct Sending<'s> {
    id: &'s ExchangeId,
    prepared: &'s Prepared,
    headers: &'s HeaderMap,
    looking: &'s Looking<'s>,
    /// Whether its connection is neither used before nor after.
    is_alone: bool,
    through: ThroughProxy,
}

impl Lane<'_> {
    /// Signs and sends a request, as [`Client::send`] does.
    pub async fn send(
        self,
        id: ExchangeId,
        prepared: Result<Prepared, BuildError>,
        redactor: &Redactor,
        disclosures: &Disclosures<'_>,
    ) -> Exchange {
        self.connections.client.send_over(Some(self), id, prepared, redactor, disclosures).await
    }

    /// Sends a request and reads the response. Sets `peer` to the other end of the connection, once there is one.
    pub(super) async fn exchange(
        self,
        id: &ExchangeId,
        prepared: &Prepared,
        headers: &HeaderMap,
        looking: &Looking<'_>,
        peer: &mut Option<Arc<Peer>>,
    ) -> Exchanged {
        // A plain-HTTP connection that is refused is judged: it must be this request's alone. To a proxy such a connection
        // is one through a tunnel, which many allow for TLS only.
        let is_https = prepared.url.scheme() == "https";
        let has_proxy = self.connections.client.target().proxy.is_some();
        let is_alone = prepared.own_connection.is_some() || (!is_https && !has_proxy);
        let through = if is_https || is_alone { ThroughProxy::Tunnel } else { ThroughProxy::Forward };
        let sending = Sending { id, prepared, headers, looking, is_alone, through };
        // A request that may not be repeated never meets a connection that the server is about to close (RFC 9110, section 9.2.2).
        let has_precondition = prepared.headers.iter().any(|line| line.name.as_str().starts_with("if-"));
        let takes_used =
            !is_alone && prepared.method != Method::POST && !(has_precondition && prepared.method == Method::PUT);
        let idle = if takes_used { self.take_idle(prepared) } else { None };
        let Some(mut used) = idle else { return (self.on_a_new_connection(&sending, peer).await, None) };
        let soon = looking.deadline.min(tokio::time::Instant::now() + WRITING);
        if !used.connection.is_ready(soon).await {
            self.connections.retire(used, false);
            return (self.on_a_new_connection(&sending, peer).await, None);
        }
        peer.clone_from(&used.peer);
        let sent = match self.request(&sending) {
            Ok(request) => used.connection.send(request, looking.deadline).await,
            Err(error) => return (Err(error), None),
        };
        match sent {
            Ok(response) => (Ok(self.finish(&sending, used, response).await), None),
            Err(Unanswered { error, is_late: true, .. }) => (Err(error), None),
            Err(Unanswered { is_unsent: true, .. }) => {
                self.connections.retire(used, false);
                (self.on_a_new_connection(&sending, peer).await, None)
            }
            // Who has begun to answer has received the request.
            Err(Unanswered { error, .. })
                if used.connection.has_heard() && used.connection.no_response().is_empty() =>
            {
                (Err(InAnAnswer(error).into()), None)
            }
            Err(_) => {
                let remark = "sent again on a new connection: the one used before gave no response".to_owned();
                self.connections.client.count_again(SentAgain::NoResponse, 1);
                self.connections.client.turn().await;
                let exchanged = self.on_a_new_connection(&sending, peer).await;
                let stray = used.connection.no_response();
                // Of a server that answers so on a new connection, too, it is the response.
                if exchanged.is_ok() && !stray.is_empty() {
                    self.connections.state().ended.push(Ended { exchanges: used.exchanges, stray });
                }
                (exchanged, Some(remark))
            }
        }
    }

    fn take_idle(self, prepared: &Prepared) -> Option<Used> {
        self.connections.state().idle.remove(&(self.number, prepared.url.origin().ascii_serialization()))
    }

    fn request(self, sending: &Sending<'_>) -> Result<http::Request<reqwest::Body>, Failure> {
        let proxy = self.connections.client.target().proxy.as_ref();
        let proxy = proxy.map(|proxy| (proxy, sending.through));
        request(sending.prepared, sending.headers.clone(), sending.is_alone, proxy)
    }

    async fn on_a_new_connection(self, sending: &Sending<'_>, peer: &mut Option<Arc<Peer>>) -> Result<Answer, Failure> {
        // What an earlier connection was to tells nothing of this one.
        *peer = None;
        let (prepared, client) = (sending.prepared, &self.connections.client);
        let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
        let connected = connect(&prepared.url, client, sending.through, peer);
        let mut stream = tokio::time::timeout_at(sending.looking.deadline, connected).await.map_err(late)??;
        if let Some(OwnConnection::Case(case)) = prepared.own_connection {
            stream = Box::new(Recased::new(stream, case)) as Stream;
        }
        let connection = Connection::over(stream).await?;
        let mut used = Used { connection, peer: peer.clone(), exchanges: Vec::new() };
        match used.connection.send(self.request(sending)?, sending.looking.deadline).await {
            Ok(response) => Ok(self.finish(sending, used, response).await),
            Err(failed) if used.connection.has_heard() && !failed.is_late => Err(InAnAnswer(failed.error).into()),
            Err(failed) => Err(failed.error),
        }
    }

    /// Reads the rest of a response, and decides what becomes of its connection.
    async fn finish(self, sending: &Sending<'_>, mut used: Used, response: Response<Incoming>) -> Answer {
        let Sending { id, prepared, looking, is_alone, .. } = *sending;
        let (head, body) = response.into_parts();
        let answer = looking.receive(&head, body).await;
        let is_whole = answer.body.cut_short.is_none();
        used.exchanges.push(id.clone());
        match After::of(&prepared.method, !prepared.body.is_empty(), &head, is_whole) {
            After::Kept if !is_alone => {
                let key = (self.number, prepared.url.origin().ascii_serialization());
                let other = self.connections.state().idle.insert(key, used);
                other.into_iter().for_each(|other| self.connections.retire(other, false));
            }
            After::Kept => self.connections.retire(used, false),
            After::Ended { is_suspect } => self.connections.retire(used, is_suspect),
            After::Dropped => {}
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use rstest::rstest;

    use super::*;

    fn id(step: &str) -> ExchangeId {
        ExchangeId { step: step.to_owned(), storage_probe: false }
    }

    fn framings(steps: &[&str], stray: &[u8]) -> Vec<(ExchangeId, Framing)> {
        let key = [7, 200, 13, 54, 99, 1, 0, 255].repeat(4);
        let (keys, none) = (Redactor::new([("K", key.as_slice())]), Redactor::new([]));
        let ended =
            Ended { exchanges: steps.iter().map(|step| id(step)).collect(), stray: Bytes::copy_from_slice(stray) };
        ended.framings(Secrets { keys: &keys, credentials: &none })
    }

    #[rstest]
    #[case::nothing_came(&["put", "get"], b"")]
    #[case::a_timeout_of_an_idle_connection(&["put"], b"HTTP/1.1 408 Request Timeout\r\n\r\n")]
    #[case::no_response_came_over_it(&[], b"+OK Dovecot ready.\r\n")]
    fn nobody_is_accused(#[case] steps: &[&str], #[case] stray: &[u8]) {
        assert_eq!(framings(steps, stray), []);
    }

    #[test]
    fn the_last_step_is_accused_and_what_came_over_the_connection_before_it_is_doubtful() {
        let broken_by = || "head".to_owned();
        let doubtful = Framing { broken_by: broken_by(), stray: None, leaked_keys: Vec::new(), is_doubtful: true };
        let guilty = Framing { stray: Some("0\\r\\n".to_owned()), ..doubtful.clone() };
        let expected = [(id("get"), doubtful), (id("head"), guilty.clone())];
        assert_eq!(framings(&["put", "get", "head"], b"0\r\n"), expected);
        assert_eq!(framings(&["head"], b"0\r\n"), [(id("head"), Framing { is_doubtful: false, ..guilty })]);
    }

    #[test]
    fn a_customer_key_among_stray_bytes_is_named_and_not_shown() {
        let key = STANDARD.encode([7, 200, 13, 54, 99, 1, 0, 255].repeat(4));
        let [(_, framing)] = &framings(&["head"], format!("{}{key}", " ".repeat(80)).as_bytes())[..] else { panic!() };
        assert_eq!(framing.leaked_keys, ["K"]);
        assert_eq!(framing.stray.as_deref().map(str::len), Some(MAX_SHOWN));
        let [(_, framing)] = &framings(&["head"], key.as_bytes())[..] else { panic!() };
        assert_eq!(framing.stray.as_deref(), Some("[redacted customer key]"));
    }
}
