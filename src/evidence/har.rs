//! Exchanges as HAR 1.2, the format of browsers' network panes, and back.
//!
//! What HAR has no words for stands in members named `_ssecheck`; the format leaves names that begin with `_` to its users.
//! Source: "HAR 1.2 Spec", <http://www.softwareishard.com/blog/har-12-spec/>.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use super::har_1_2::{Cache, Content, Creator, NameValue, PostData, Request, Response, Timings};
use super::{Answer, Element, Exchange, Framing, Peer, Received, Reply, Sent};
use crate::suite::model::Scheme;

/// The most characters that are kept of an answer's text that is no XML: nothing is judged by it.
const MAX_OTHER_TEXT: usize = 4000;

/// A HAR file; `A` is what it says of all its exchanges.
#[derive(Debug, Serialize, Deserialize)]
struct File<A> {
    log: Log<A>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Log<A> {
    version: String,
    creator: Creator,
    entries: Vec<Entry>,
    #[serde(rename = "_ssecheck")]
    about: A,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: String,
    time: f64,
    request: Request,
    response: Response,
    cache: Cache,
    timings: Timings,
    /// Of the connection's other end; absent where there was no connection, and in files of older versions.
    #[serde(rename = "serverIPAddress", default, skip_serializing_if = "Option::is_none")]
    server_ip_address: Option<String>,
    /// The port of the connection's other end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connection: Option<String>,
    /// SHA-256 of the DER of the server's own certificate, in lower-case hexadecimal.
    #[serde(rename = "_peerCertificateSha256", default, skip_serializing_if = "Option::is_none")]
    peer_certificate: Option<String>,
    #[serde(rename = "_ssecheck")]
    own: Own,
}

/// What HAR has no words for.
#[derive(Debug, Serialize, Deserialize)]
struct Own {
    step: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    storage_probe: bool,
    operation: String,
    scheme: Scheme,
    object_key: String,
    /// Fields of a form, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fields: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
    seconds: f64,
    reply: OwnReply,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    framing: Option<Framing>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OwnReply {
    Answer(OwnAnswer),
    Closed(String),
    Interrupted,
    Failed(String),
    NotSent(String),
}

#[derive(Debug, Serialize, Deserialize)]
struct OwnAnswer {
    sha256: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    discloses: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut_short: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    is_lost: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    leaked_keys: Vec<String>,
}

/// A file is no HAR that this program wrote.
#[derive(Debug, thiserror::Error)]
pub enum HarError {
    /// It is no JSON, or lacks members.
    #[error("it is no HAR file of ssecheck: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It is of another version.
    #[error("it is HAR {0}, and not 1.2")]
    Version(String),
    /// A value in it is none that HAR allows.
    #[error("{member}: `{value}` {why}")]
    Value {
        /// The member.
        member: &'static str,
        /// What stands there.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Exchanges as a HAR file, with what is to be said of all of them.
///
/// # Errors
/// Where `about` cannot be written as JSON.
pub fn to_har<A: Serialize>(exchanges: &[Exchange], about: &A) -> Result<Vec<u8>, serde_json::Error> {
    let creator = Creator { name: "ssecheck".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let entries = exchanges.iter().map(Entry::of).collect();
    let mut text =
        serde_json::to_vec_pretty(&File { log: Log { version: "1.2".to_owned(), creator, entries, about } })?;
    text.push(b'\n');
    Ok(text)
}

/// The exchanges of a HAR file that [`to_har`] wrote, and what it says of all of them.
///
/// # Errors
/// [`HarError`].
pub fn from_har<A: DeserializeOwned>(text: &[u8]) -> Result<(Vec<Exchange>, A), HarError> {
    let File { log } = serde_json::from_slice::<File<A>>(text)?;
    if log.version != "1.2" {
        return Err(HarError::Version(log.version));
    }
    let exchanges = log.entries.into_iter().map(Entry::exchange).collect::<Result<_, _>>()?;
    Ok((exchanges, log.about))
}

impl Entry {
    fn of(exchange: &Exchange) -> Self {
        let Exchange { step, storage_probe, sent, reply, started, seconds, framing, peer } = exchange;
        let own_reply = match reply {
            Reply::Answer(answer) => OwnReply::Answer(OwnAnswer {
                sha256: answer.body.sha256.clone(),
                discloses: answer.body.discloses.clone(),
                cut_short: answer.body.cut_short.clone(),
                is_lost: answer.body.is_lost,
                leaked_keys: answer.leaked_keys.clone(),
            }),
            Reply::Closed(why) => OwnReply::Closed(why.clone()),
            Reply::Interrupted => OwnReply::Interrupted,
            Reply::Failed(why) => OwnReply::Failed(why.clone()),
            Reply::NotSent(why) => OwnReply::NotSent(why.clone()),
        };
        let time = seconds * 1000.0;
        let address = peer.as_ref().and_then(|peer| peer.address.rsplit_once(':'));
        let own = Own {
            step: step.clone(),
            storage_probe: *storage_probe,
            operation: sent.operation.clone(),
            scheme: sent.scheme,
            object_key: sent.object_key.clone(),
            fields: sent.fields.clone(),
            remarks: sent.remarks.clone(),
            seconds: *seconds,
            reply: own_reply,
            framing: framing.clone(),
        };
        Self {
            started_date_time: started.format(&Rfc3339).unwrap_or_default(),
            time,
            request: request(sent),
            response: reply.answer().map_or_else(no_response, response),
            cache: Cache {},
            timings: Timings { send: 0.0, wait: time, receive: 0.0 },
            server_ip_address: address.map(|(ip, _)| ip.trim_matches(['[', ']']).to_owned()),
            connection: address.map(|(_, port)| port.to_owned()),
            peer_certificate: peer.as_ref().and_then(|peer| peer.certificate.clone()),
            own,
        }
    }

    fn exchange(self) -> Result<Exchange, HarError> {
        let peer = self.peer()?;
        let Self { started_date_time, request, response, own, .. } = self;
        let started = OffsetDateTime::parse(&started_date_time, &Rfc3339);
        let started = started.map_err(|_| wrong("startedDateTime", &started_date_time, "is no date"))?;
        let reply = match own.reply {
            OwnReply::Answer(answer) => Reply::Answer(answered(response, answer)?),
            OwnReply::Closed(why) => Reply::Closed(why),
            OwnReply::Interrupted => Reply::Interrupted,
            OwnReply::Failed(why) => Reply::Failed(why),
            OwnReply::NotSent(why) => Reply::NotSent(why),
        };
        let sent = Sent {
            operation: own.operation,
            scheme: own.scheme,
            method: request.method,
            url: request.url,
            headers: request.headers.into_iter().map(|header| (header.name, header.value)).collect(),
            fields: own.fields,
            body_length: size("request.bodySize", request.body_size)?,
            body_text: request.post_data.and_then(|data| data.text),
            remarks: own.remarks,
            object_key: own.object_key,
        };
        let Own { step, storage_probe, seconds, framing, .. } = own;
        Ok(Exchange { step, storage_probe, sent, reply, started, seconds, framing, peer })
    }

    fn peer(&self) -> Result<Option<Arc<Peer>>, HarError> {
        let Some(ip) = &self.server_ip_address else { return Ok(None) };
        let port = self.connection.as_deref().unwrap_or_default();
        let address = if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") };
        // Reports and comparisons take it as it is.
        let is_address = address.parse::<SocketAddr>().is_ok_and(|read| read.to_string() == address);
        if !is_address {
            return Err(wrong("serverIPAddress and connection", &address, "is no IP address and port"));
        }
        let certificate = self.peer_certificate.clone();
        if let Some(digest) = certificate.as_ref().filter(|digest| !is_sha256(digest)) {
            return Err(wrong("_peerCertificateSha256", digest, "is no SHA-256 in lower-case hexadecimal"));
        }
        Ok(Some(Arc::new(Peer { address, certificate })))
    }
}

fn request(sent: &Sent) -> Request {
    let header = |name: &str| sent.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone());
    let query = Url::parse(&sent.url).ok();
    let query = query.iter().flat_map(Url::query_pairs);
    let query_string = query.map(|(name, value)| NameValue { name: name.into(), value: value.into() }).collect();
    let post_data = sent
        .body_text
        .as_ref()
        .map(|text| PostData { mime_type: header("content-type").unwrap_or_default(), text: Some(text.clone()) });
    Request {
        method: sent.method.clone(),
        url: sent.url.clone(),
        http_version: "HTTP/1.1".to_owned(),
        cookies: Vec::new(),
        headers: headers(&sent.headers),
        query_string,
        post_data,
        headers_size: -1,
        body_size: i64::try_from(sent.body_length).unwrap_or(i64::MAX),
    }
}

fn headers(lines: &[(String, String)]) -> Vec<NameValue> {
    lines.iter().map(|(name, value)| NameValue { name: name.clone(), value: value.clone() }).collect()
}

fn is_sha256(digest: &str) -> bool {
    digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What HAR has in place of a response that did not come.
fn no_response() -> Response {
    Response {
        content: Content { mime_type: Some("x-unknown".to_owned()), ..Content::default() },
        redirect_url: Some(String::new()),
        headers_size: -1,
        body_size: -1,
        ..Response::default()
    }
}

fn response(answer: &Answer) -> Response {
    let length = i64::try_from(answer.body.length).unwrap_or(i64::MAX);
    let (text, comment) = match &answer.body.text {
        Some(text) => kept(text),
        None => {
            (None, (length > 0).then(|| "the body is no text, or too long; its SHA-256 stands in _ssecheck".to_owned()))
        }
    };
    let status = http::StatusCode::from_u16(answer.status).ok().and_then(|status| status.canonical_reason());
    Response {
        status: i64::from(answer.status),
        status_text: status.unwrap_or_default().to_owned(),
        http_version: answer.version.clone(),
        cookies: Vec::new(),
        headers: headers(&answer.headers),
        content: Content {
            size: length,
            mime_type: Some(answer.header("content-type").unwrap_or("x-unknown").to_owned()),
            text,
            comment,
        },
        redirect_url: Some(answer.header("location").unwrap_or_default().to_owned()),
        headers_size: -1,
        body_size: length,
    }
}

/// As much of a text as verdicts rest on, and what is to be said of that. XML is kept whole; of other text only the
/// beginning is, and only where that would not be taken for XML.
fn kept(text: &str) -> (Option<String>, Option<String>) {
    let end = text.char_indices().nth(MAX_OTHER_TEXT).map(|(end, _)| end);
    let Some(end) = end.filter(|_| Element::parse(text).is_err()) else { return (Some(text.to_owned()), None) };
    let beginning = Some(text[..end].to_owned()).filter(|beginning| Element::parse(beginning).is_err());
    (beginning, Some(format!("the first {MAX_OTHER_TEXT} characters at most; the SHA-256 of all stands in _ssecheck")))
}

fn answered(response: Response, own: OwnAnswer) -> Result<Answer, HarError> {
    let status = u16::try_from(response.status)
        .map_err(|_| wrong("response.status", &response.status.to_string(), "is no status of HTTP"))?;
    let body = Received {
        length: size("response.content.size", response.content.size)?,
        sha256: own.sha256,
        text: response.content.text,
        discloses: own.discloses,
        cut_short: own.cut_short,
        is_lost: own.is_lost,
    };
    let headers = response.headers.into_iter().map(|header| (header.name, header.value)).collect();
    Ok(Answer { version: response.http_version, status, headers, body, leaked_keys: own.leaked_keys })
}

fn size(member: &'static str, size: i64) -> Result<u64, HarError> {
    u64::try_from(size).map_err(|_| wrong(member, &size.to_string(), "is no size"))
}

fn wrong(member: &'static str, value: &str, why: &'static str) -> HarError {
    HarError::Value { member, value: value.to_owned(), why }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
        proptest::collection::vec(("[a-zA-Z-]{1,8}", ".{0,12}"), 0..4)
    }

    prop_compose! {
        fn sent()(
            words in proptest::collection::vec(".{0,12}", 5),
            headers in pairs(),
            fields in pairs(),
            query in "[a-z=&%+]{0,12}",
            body_length in 0..i64::MAX as u64,
            body_text in proptest::option::of(".{0,40}"),
        ) -> Sent {
            Sent {
                operation: words[0].clone(),
                scheme: if words[1].len() % 2 == 0 { Scheme::Tls } else { Scheme::Plain },
                method: words[2].clone(),
                url: format!("https://localhost/b?{query}"),
                headers,
                fields,
                body_length,
                body_text,
                remarks: vec![words[3].clone()],
                object_key: words[4].clone(),
            }
        }
    }

    prop_compose! {
        fn answer()(
            status in 100..600u16,
            headers in pairs(),
            length in 0..i64::MAX as u64,
            text in proptest::option::of(".{0,60}"),
            cut_short in proptest::option::of(".{0,9}"),
            names in proptest::collection::vec("[A-Z]{1,3}", 0..3),
        ) -> Reply {
            let body = Received { length, sha256: "ab".to_owned(), text, discloses: names.clone(), is_lost: cut_short.is_some(), cut_short };
            Reply::Answer(Answer { version: "HTTP/1.1".to_owned(), status, headers, body, leaked_keys: names })
        }
    }

    prop_compose! {
        fn framing()(
            stray in proptest::option::of(".{0,9}"),
            leaked_keys in proptest::collection::vec("[A-Z]{1,3}", 0..3),
            is_doubtful: bool,
        ) -> Framing {
            Framing { broken_by: "s".to_owned(), stray, leaked_keys, is_doubtful }
        }
    }

    prop_compose! {
        fn peer()(address: std::net::SocketAddr, certificate in proptest::option::of("[0-9a-f]{64}")) -> Arc<Peer> {
            Arc::new(Peer { address: address.to_string(), certificate })
        }
    }

    fn reply() -> impl Strategy<Value = Reply> {
        let why = ".{0,20}";
        prop_oneof![
            4 => answer(),
            1 => why.prop_map(Reply::Closed),
            1 => why.prop_map(Reply::Failed),
            1 => why.prop_map(Reply::NotSent),
            1 => Just(Reply::Interrupted),
        ]
    }

    proptest! {
        #[test]
        fn exchanges_come_back_as_they_went_in(
            sent in sent(),
            reply in reply(),
            framing in proptest::option::of(framing()),
            probe: bool,
            nanos in 0..1_000_000_000i64,
            peer in proptest::option::of(peer()),
        ) {
            let started = OffsetDateTime::UNIX_EPOCH + time::Duration::nanoseconds(nanos);
            let seconds = nanos as f64 / 7e9;
            let exchange = Exchange { step: "s".to_owned(), storage_probe: probe, sent, reply, started, seconds, framing, peer };
            let har = to_har(std::slice::from_ref(&exchange), &"about").expect("it can be written");
            let (exchanges, about): (_, String) = from_har(&har).expect("it can be read");
            prop_assert_eq!(exchanges, vec![exchange]);
            prop_assert_eq!(about, "about");
        }

        #[test]
        fn what_is_kept_of_a_text_is_xml_only_if_the_text_is(start in "(<a>|</a>|<a/>| |x|é){0,4}", more in "(<b/>|</a>|z){0,2}") {
            let text = format!("{start}{}{more}", " ".repeat(MAX_OTHER_TEXT));
            let (kept, _) = kept(&text);
            prop_assert_eq!(kept.is_some_and(|kept| Element::parse(&kept).is_ok()), Element::parse(&text).is_ok());
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
            let _ = from_har::<String>(text.as_bytes());
        }
    }

    #[test]
    fn xml_is_kept_whole_and_of_other_text_the_beginning() {
        let xml = format!("<a>{}</a>", "x".repeat(9000));
        assert_eq!(kept(&xml), (Some(xml.clone()), None));
        let (beginning, comment) = kept(&"é".repeat(9000));
        assert_eq!(beginning.map(|text| text.chars().count()), Some(MAX_OTHER_TEXT));
        assert!(comment.is_some());
    }

    /// A file of an exchange over TLS, with these members of its entry changed.
    fn with(members: &serde_json::Value) -> Vec<u8> {
        let peer = Peer { address: "[::1]:443".to_owned(), certificate: Some("0a".repeat(32)) };
        let exchange =
            Exchange { peer: Some(Arc::new(peer)), ..crate::evidence::samples::exchange("s", Reply::Interrupted) };
        let har = to_har(&[exchange], &"about").expect("it can be written");
        let mut har: serde_json::Value = serde_json::from_slice(&har).expect("it is JSON");
        let entry = har["log"]["entries"][0].as_object_mut().expect("it is an object");
        for (name, value) in members.as_object().expect("it is an object") {
            entry.insert(name.clone(), value.clone());
        }
        entry.retain(|_, value| !value.is_null());
        serde_json::to_vec(&har).expect("it is JSON")
    }

    #[rstest::rstest]
    #[case::as_it_was(json!({}), Some("[::1]:443"))]
    #[case::of_an_older_version(json!({"serverIPAddress": null, "connection": null, "_peerCertificateSha256": null}), None)]
    #[case::over_ipv4(json!({"serverIPAddress": "127.0.0.1"}), Some("127.0.0.1:443"))]
    fn the_peer_is_read(#[case] members: serde_json::Value, #[case] address: Option<&str>) {
        let (exchanges, _) = from_har::<String>(&with(&members)).expect("it can be read");
        assert_eq!(exchanges[0].peer.as_ref().map(|peer| peer.address.as_str()), address);
    }

    #[rstest::rstest]
    #[case::a_name(json!({"serverIPAddress": "localhost"}), "no IP address")]
    #[case::no_port(json!({"connection": null}), "no IP address")]
    #[case::written_otherwise(json!({"serverIPAddress": "0::1"}), "no IP address")]
    #[case::no_digest(json!({"_peerCertificateSha256": "0A"}), "no SHA-256")]
    #[case::upper_case(json!({"_peerCertificateSha256": "0A".repeat(32)}), "no SHA-256")]
    fn a_peer_that_is_none_is_refused(#[case] members: serde_json::Value, #[case] told: &str) {
        let error = from_har::<String>(&with(&members)).expect_err("it is none").to_string();
        assert!(error.contains(told), "{error}");
    }

    #[rstest::rstest]
    #[case(
        r#"{"log": {"version": "1.3", "creator": {"name": "n", "version": "1"}, "entries": [], "_ssecheck": 1}}"#,
        "HAR 1.3"
    )]
    #[case(r#"{"log": {"version": "1.2", "creator": {"name": "n", "version": "1"}, "entries": []}}"#, "_ssecheck")]
    #[case("[]", "no HAR file")]
    fn what_is_no_evidence_is_refused(#[case] text: &str, #[case] told: &str) {
        let error = from_har::<u8>(text.as_bytes()).expect_err("it is none").to_string();
        assert!(error.contains(told), "{error}");
    }
}
