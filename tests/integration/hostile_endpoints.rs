//! Endpoints that break HTTP, TLS or good manners: each gets a verdict, in bounded time and memory. All by real sockets.

use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::raw_endpoint::{Behaviour, Certificate, RawEndpoint, Request, Stream};
use crate::common::{Outcome, Workplace, program, suite};
use rstest::rstest;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Kibibytes of memory that a run may use, whatever the endpoint sends.
const MOST_MEMORY: u32 = 128 * 1024;
/// A run that takes longer than this many seconds hangs.
const MOST_TIME: u32 = 240;

/// Something that an endpoint does in place of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    NeverAnswers,
    OneByteASecond,
    EndlessHeaders,
    OneHugeHeader,
    EndlessBody,
    EndlessChunks,
    TenGibibytesAndSilence,
    TooShortALength,
    TooLongALength,
    ChunkedGarbage,
    NoHttp,
    ResetAfterTheRequest,
    ResetInTheStatusLine,
    ResetInTheHeaders,
    ResetInTheBody,
    ClosedAfterTheRequest,
    EarlyHintsForever,
    ControlCharactersInAHeader,
    RedirectLoop,
    Status(u16),
}

impl Fault {
    /// Whether a read is sent once more, on a new connection: the one that the object was written by may have been closed in the meantime,
    /// or hold bytes that belong to no response.
    fn is_asked_again(self) -> bool {
        matches!(self, Self::NoHttp | Self::ResetAfterTheRequest | Self::ClosedAfterTheRequest)
    }

    /// How long to wait: briefly for what never comes, and as long as it takes for what never ends.
    fn patience(self) -> &'static str {
        match self {
            Self::EndlessBody | Self::EndlessChunks => "--request-timeout 120",
            Self::NeverAnswers | Self::OneByteASecond | Self::TenGibibytesAndSilence | Self::EarlyHintsForever => {
                "--request-timeout 2"
            }
            _ => "--request-timeout 6",
        }
    }
}

/// Until the client has had enough.
async fn forever(stream: &mut Stream, piece: &[u8]) -> std::io::Result<()> {
    loop {
        stream.write_all(piece).await?;
    }
}

/// Until the client closes the connection.
async fn silence(stream: &mut Stream) -> std::io::Result<()> {
    let mut byte = [0];
    while stream.read(&mut byte).await? > 0 {}
    Err(std::io::ErrorKind::UnexpectedEof.into())
}

fn reset(stream: &mut Stream) -> std::io::Result<()> {
    stream.get_ref().0.set_zero_linger()?;
    Err(std::io::ErrorKind::ConnectionReset.into())
}

#[async_trait::async_trait]
impl Behaviour for Fault {
    async fn answer(&self, request: &Request, stream: &mut Stream) -> std::io::Result<()> {
        let zeros = vec![0; 64 * 1024];
        match self {
            Self::NeverAnswers => silence(stream).await,
            Self::OneByteASecond => {
                let mut ticks = tokio::time::interval(Duration::from_secs(1));
                for byte in "HTTP/1.1 200 OK\r\n".bytes().cycle() {
                    ticks.tick().await;
                    stream.write_all(&[byte]).await?;
                    stream.flush().await?;
                }
                Ok(())
            }
            Self::EndlessHeaders => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
                forever(stream, "x-more: and more\r\n".repeat(200).as_bytes()).await
            }
            Self::OneHugeHeader => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nx-more: ").await?;
                forever(stream, &[b'0'; 64 * 1024]).await
            }
            Self::EndlessBody => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n").await?;
                forever(stream, &zeros).await
            }
            Self::EndlessChunks => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
                forever(stream, &[b"10000\r\n", &zeros[..], b"\r\n"].concat()).await
            }
            Self::TenGibibytesAndSilence => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\nsome").await?;
                stream.flush().await?;
                silence(stream).await
            }
            Self::TooShortALength => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsome text").await?;
                stream.shutdown().await?;
                Err(std::io::ErrorKind::UnexpectedEof.into())
            }
            Self::TooLongALength => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nsome text").await?;
                stream.shutdown().await?;
                Err(std::io::ErrorKind::UnexpectedEof.into())
            }
            Self::ChunkedGarbage => {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nsome text\r\n-1\r\n")
                    .await
            }
            Self::NoHttp => stream.write_all(b"+OK Dovecot ready.\r\n\r\n").await,
            Self::ResetAfterTheRequest => reset(stream),
            Self::ResetInTheStatusLine => {
                stream.write_all(b"HTTP/1.1 2").await?;
                stream.flush().await?;
                reset(stream)
            }
            Self::ResetInTheHeaders => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nETag: \"").await?;
                stream.flush().await?;
                reset(stream)
            }
            Self::ResetInTheBody => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome").await?;
                stream.flush().await?;
                reset(stream)
            }
            Self::ClosedAfterTheRequest => {
                stream.shutdown().await?;
                Err(std::io::ErrorKind::UnexpectedEof.into())
            }
            Self::EarlyHintsForever => forever(stream, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").await,
            Self::ControlCharactersInAHeader => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nx-title: \x1b]0;owned\x07\r\nContent-Length: 0\r\n\r\n").await
            }
            Self::RedirectLoop => {
                let again = &request.target;
                let answer =
                    format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {again}\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await
            }
            Self::Status(status) => {
                stream.write_all(format!("HTTP/1.1 {status} Odd\r\nContent-Length: 0\r\n\r\n").as_bytes()).await
            }
        }
    }
}

/// A suite of as many cases with these steps.
fn cases(count: usize, steps: &str) -> String {
    let rows: Vec<String> = (0..count).map(|row| format!(r#"{{"id": "r{row}"}}"#)).collect();
    suite("must", steps)
        .replace(r#""rules":"#, r#""for_each": {"row": "rows"}, "rules":"#)
        .replace(r#""scenarios":"#, &format!(r#""tables": {{"rows": [{}]}}, "scenarios":"#, rows.join(",")))
}

/// The steps that write something, and read it.
fn read_back(request: &str, expect: &str) -> String {
    let put =
        r#"{"id": "put", "setup": true, "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}}}"#;
    format!(r#"{put}, {{"id": "read", "request": {{{request}, "sse_c": {{"key": "K"}}}}, "expect": {expect}}}"#)
}

/// Reads what was written, eight times at once.
fn reads(request: &str, expect: &str) -> String {
    cases(8, &read_back(request, expect))
}

/// The command in a shell that lets it use only so much memory and time.
fn bounded(workplace: &Workplace, endpoint: &RawEndpoint, words: &str) -> Outcome {
    let within = format!("ulimit -d {MOST_MEMORY} && exec timeout {MOST_TIME} \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.arg("-c").arg(within).arg(program()).args(words.split_whitespace());
    if !words.contains("--request-timeout") {
        command.args(["--request-timeout", "6"]);
    }
    command.args(["--report", "json=run.json"]);
    command.current_dir(workplace.path("")).env_clear().env("HOME", workplace.path("")).env("PATH", "/usr/bin:/bin");
    command.env("SSECHECK_ENDPOINT", endpoint.url()).env("AWS_CA_BUNDLE", &endpoint.ca);
    command.env("AWS_ACCESS_KEY_ID", "AKID").env("AWS_SECRET_ACCESS_KEY", "s3cret");
    Outcome::of(command.output().expect("a shell starts"))
}

/// Of all cases the verdict, and what the first finding says.
fn judged(workplace: &Workplace) -> (Vec<String>, String) {
    let record: Value = serde_json::from_str(&workplace.read("run.json")).expect("the record is JSON");
    let cases = record["cases"].as_array().expect("it has cases");
    let verdicts = cases.iter().map(|case| case["verdict"].as_str().unwrap_or_default().to_owned()).collect();
    (verdicts, cases[0]["findings"][0]["finding"]["mismatches"][0].to_string())
}

const WHOLE: &str = r#"{"status": ["200"], "body": {"equals": "data"}}"#;
const ANY: &str = r#"{"status": ["200"]}"#;

#[rstest]
#[case::never(Fault::NeverAnswers, WHOLE, "error", "no answer in time")]
#[case::slowly(Fault::OneByteASecond, WHOLE, "error", "no answer in time")]
#[case::headers(Fault::EndlessHeaders, WHOLE, "error", "too large")]
#[case::header(Fault::OneHugeHeader, WHOLE, "error", "too large")]
#[case::body(Fault::EndlessBody, WHOLE, "fail", "cut short")]
#[case::chunks(Fault::EndlessChunks, WHOLE, "fail", "cut short")]
#[case::unread_body(Fault::EndlessBody, ANY, "error", "cut short")]
#[case::length(Fault::TenGibibytesAndSilence, ANY, "error", "cut short")]
#[case::short(Fault::TooShortALength, WHOLE, "fail", "bytes that belong to none: ` text`")]
#[case::short_unread(Fault::TooShortALength, ANY, "fail", "bytes that belong to none: ` text`")]
#[case::long(Fault::TooLongALength, WHOLE, "fail", "cut short")]
#[case::long_unread(Fault::TooLongALength, ANY, "error", "cut short")]
#[case::garbage(Fault::ChunkedGarbage, ANY, "error", "cut short")]
#[case::no_http(Fault::NoHttp, WHOLE, "error", "no HTTP/1.1 answer")]
#[case::reset(Fault::ResetAfterTheRequest, WHOLE, "error", "connection")]
#[case::reset_in_status(Fault::ResetInTheStatusLine, WHOLE, "error", "connection")]
#[case::reset_in_headers(Fault::ResetInTheHeaders, WHOLE, "error", "connection")]
#[case::reset_in_body(Fault::ResetInTheBody, ANY, "error", "Connection reset")]
#[case::closed(Fault::ClosedAfterTheRequest, WHOLE, "error", "connection")]
#[case::hints(Fault::EarlyHintsForever, WHOLE, "error", "no answer in time")]
#[case::control_characters(Fault::ControlCharactersInAHeader, WHOLE, "error", "no HTTP/1.1 answer")]
#[case::redirects(Fault::RedirectLoop, WHOLE, "error", "not followed")]
#[case::switching(Fault::Status(101), WHOLE, "fail", "101")]
#[case::no_such_status(Fault::Status(999), WHOLE, "fail", "999")]
fn every_fault_gets_a_verdict(#[case] fault: Fault, #[case] expect: &str, #[case] verdict: &str, #[case] told: &str) {
    let workplace = Workplace::new();
    let endpoint = RawEndpoint::start(&workplace, fault);
    workplace.file("one.json", &reads(r#""operation": "GetObject""#, expect));
    let outcome = bounded(&workplace, &endpoint, &format!("run one.json {}", fault.patience()));
    assert_eq!(outcome.code, Some(if verdict == "fail" { 1 } else { 3 }), "{outcome:#?}");
    let (verdicts, finding) = judged(&workplace);
    assert_eq!(verdicts, vec![verdict; 8], "{finding}");
    assert!(finding.contains(told), "{finding}");
    // What was made is asked to be removed.
    assert_eq!(endpoint.reads(), if fault.is_asked_again() { 16 } else { 8 });
    assert!(endpoint.count("DELETE /ssecheck-") > 0);
    for text in [&outcome.out, &outcome.err] {
        assert!(!text.contains('\u{1b}') && !text.contains("s3cret"), "{text}");
    }
}

/// The requests that need a connection of their own are made by other code.
#[rstest]
#[case::never(Fault::NeverAnswers, "no answer in time")]
#[case::slowly(Fault::OneByteASecond, "no answer in time")]
#[case::headers(Fault::EndlessHeaders, "too large")]
#[case::no_http(Fault::NoHttp, "no HTTP/1.1 answer")]
#[case::reset(Fault::ResetAfterTheRequest, "connection")]
#[case::closed(Fault::ClosedAfterTheRequest, "connection")]
#[case::hints(Fault::EarlyHintsForever, "no answer in time")]
fn so_it_is_on_connections_of_their_own(
    #[case] fault: Fault,
    #[case] told: &str,
    #[values(
        r#""operation": "HeadObject", "own_connection": true"#,
        r#""operation": "GetObject", "header_case": "upper""#
    )]
    request: &str,
) {
    let workplace = Workplace::new();
    let endpoint = RawEndpoint::start(&workplace, fault);
    workplace.file("one.json", &reads(request, ANY));
    let outcome = bounded(&workplace, &endpoint, &format!("run one.json {}", fault.patience()));
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
    let (verdicts, finding) = judged(&workplace);
    assert_eq!(verdicts, vec!["error"; 8], "{finding}");
    assert!(finding.contains(told), "{finding}");
}

#[test]
fn an_endless_body_on_a_connection_of_its_own_is_cut_off() {
    let workplace = Workplace::new();
    let endpoint = RawEndpoint::start(&workplace, Fault::EndlessChunks);
    workplace.file("one.json", &reads(r#""operation": "GetObject", "header_case": "upper""#, ANY));
    let outcome = bounded(&workplace, &endpoint, "run one.json");
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
    let (verdicts, finding) = judged(&workplace);
    assert_eq!(verdicts, vec!["error"; 8], "{finding}");
}

/// An answer of this status, with these headers and this body.
struct Answers(u16, String, Vec<u8>);

#[async_trait::async_trait]
impl Behaviour for Answers {
    async fn answer(&self, _: &Request, stream: &mut Stream) -> std::io::Result<()> {
        let Self(status, headers, body) = self;
        let head = format!("HTTP/1.1 {status} Odd\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await
    }
}

fn entity_bomb() -> String {
    let mut entities = "<!ENTITY a0 \"lol\">".to_owned();
    for level in 1..30 {
        entities.push_str(&format!("<!ENTITY a{level} \"{}\">", format!("&a{};", level - 1).repeat(10)));
    }
    format!("<?xml version=\"1.0\"?><!DOCTYPE Error [{entities}]><Error><Code>&a29;</Code></Error>")
}

#[rstest]
#[case::huge(format!("<Error><Code>NoSuchKey</Code><Message>{}</Message></Error>", ". ".repeat(1 << 20)).into_bytes())]
#[case::deep(format!("{}{}", "<Error>".repeat(10_000), "</Error>".repeat(10_000)).into_bytes())]
#[case::wide(format!("<Error>{}</Error>", "<Code/>".repeat(1_000_000)).into_bytes())]
#[case::bomb(entity_bomb().into_bytes())]
#[case::external(b"<!DOCTYPE e [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><Error><Code>&x;</Code></Error>".to_vec())]
#[case::not_utf_8(b"<Error><Code>\xff\xfe</Code></Error>".to_vec())]
#[case::utf_16("<Error/>".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())]
#[case::html(b"<!doctype html><html><body><h1>502 Bad Gateway<br></h1>".to_vec())]
#[case::unclosed(b"<Error><Code>NoSuchKey".to_vec())]
#[case::control_characters(b"<Error><Code>\x1b]0;owned\x07</Code></Error>".to_vec())]
fn no_error_document_does_harm(#[case] body: Vec<u8>, #[values(400, 500)] status: u16) {
    let workplace = Workplace::new();
    let endpoint = RawEndpoint::start(&workplace, Answers(status, String::new(), body));
    workplace.file("one.json", &reads(r#""operation": "GetObject""#, WHOLE));
    let outcome = bounded(&workplace, &endpoint, "run one.json");
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let (verdicts, finding) = judged(&workplace);
    assert_eq!(verdicts, vec!["fail"; 8], "{finding}");
    assert!(finding.contains(&status.to_string()), "{finding}");
    assert!(!outcome.out.contains('\u{1b}'), "{}", outcome.out);
}

/// A listing whose every page says that there is another.
struct EndlessListing;

#[async_trait::async_trait]
impl Behaviour for EndlessListing {
    async fn answer(&self, _: &Request, stream: &mut Stream) -> std::io::Result<()> {
        let entry = "<Contents><Key>somebody else's</Key></Contents>".repeat(5000);
        let page = format!(
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>{entry}</ListBucketResult>"
        );
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", page.len());
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(page.as_bytes()).await
    }
}

#[test]
fn a_listing_without_an_end_is_judged_by_its_page() {
    let workplace = Workplace::new();
    let endpoint = RawEndpoint::start(&workplace, EndlessListing);
    let listing = r#""operation": "ListObjectsV2", "headers": {"x-judged": {"value": "1"}}"#;
    let one =
        reads(listing, r#"{"entry": {"size": 9}}"#).replace(r#", "sse_c": {"key": "K"}}, "expect""#, r#"}, "expect""#);
    workplace.file("one.json", &one);
    let outcome = bounded(&workplace, &endpoint, "run one.json");
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert_eq!(endpoint.count("test%2Fone"), 8);
}

#[test]
fn nobody_else_is_asked_where_a_redirect_leads() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    elsewhere.set_nonblocking(true).expect("it can be");
    let location = format!("https://{}/bucket/key", elsewhere.local_addr().expect("it is bound"));
    for status in [301, 302, 303, 307, 308] {
        let workplace = Workplace::new();
        let headers = format!("Location: {location}\r\n");
        let endpoint = RawEndpoint::start(&workplace, Answers(status, headers, Vec::new()));
        workplace.file("one.json", &reads(r#""operation": "GetObject""#, WHOLE));
        let outcome = bounded(&workplace, &endpoint, "run one.json");
        assert_eq!(outcome.code, Some(3), "{outcome:#?}");
        let (verdicts, finding) = judged(&workplace);
        assert_eq!(verdicts, vec!["error"; 8], "{finding}");
        assert!(finding.contains(&location) && finding.contains("not followed"), "{finding}");
    }
    let asked = elsewhere.accept().map(|(_, from)| from).map_err(|error| error.kind());
    assert_eq!(asked, Err(std::io::ErrorKind::WouldBlock), "somebody followed");
}

/// What it does to a connection before TLS.
enum BeforeTls {
    Silence,
    Reset,
    PlainText,
    /// A server that knows nothing newer, and says so as it was said then.
    Tls11Alert,
    /// One that goes on with TLS 1.1 all the same.
    Tls11Hello,
    Garbage,
}

#[async_trait::async_trait]
impl Behaviour for BeforeTls {
    async fn accepted(&self, stream: &mut TcpStream) -> bool {
        let mut hello = [0; 4096];
        if let Self::Reset = self {
            let _ = stream.set_zero_linger();
            return false;
        }
        let _ = stream.read(&mut hello).await;
        let said: &[u8] = match self {
            Self::Silence => {
                while stream.read(&mut hello).await.is_ok_and(|count| count > 0) {}
                return false;
            }
            Self::Reset => b"",
            Self::PlainText => b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
            // Record of an alert: fatal, protocol_version (RFC 4346, section 7.2).
            Self::Tls11Alert => &[21, 3, 2, 0, 2, 2, 70],
            // Record of a ServerHello of version 3.2: random, no session id, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
            Self::Tls11Hello => &[&[22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2][..], &[7; 32], &[0, 0, 47, 0]].concat(),
            Self::Garbage => &[0; 600],
        };
        let _ = stream.write_all(said).await;
        false
    }

    async fn answer(&self, _: &Request, _: &mut Stream) -> std::io::Result<()> {
        Ok(())
    }
}

fn not_reached(endpoint: &RawEndpoint, workplace: &Workplace, told: &str) {
    workplace.file("one.json", &reads(r#""operation": "GetObject""#, WHOLE));
    let outcome = bounded(workplace, endpoint, "run one.json");
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
    assert!(outcome.err.contains("cannot be reached") && outcome.err.contains(told), "{}", outcome.err);
}

#[rstest]
#[case::silence(BeforeTls::Silence, "no answer in time")]
#[case::reset(BeforeTls::Reset, "Connect")]
#[case::plain_text(BeforeTls::PlainText, "TLS connection could not be made")]
#[case::tls_1_1(BeforeTls::Tls11Alert, "neither TLS 1.2 nor TLS 1.3")]
#[case::tls_1_1_in_spite(BeforeTls::Tls11Hello, "neither TLS 1.2 nor TLS 1.3")]
#[case::garbage(BeforeTls::Garbage, "TLS connection could not be made")]
fn no_tls_no_run(#[case] behaviour: BeforeTls, #[case] told: &str) {
    let workplace = Workplace::new();
    not_reached(&RawEndpoint::start(&workplace, behaviour), &workplace, told);
}

#[rstest]
#[case::expired(Certificate { expired: true, ..Certificate::default() }, "has expired")]
#[case::not_yet(Certificate { future: true, ..Certificate::default() }, "is not valid yet")]
#[case::other_name(Certificate { name: Some("s3.example.com"), ..Certificate::default() }, "for other names")]
#[case::unknown_authority(Certificate { unknown: true, ..Certificate::default() }, "--ca-file")]
fn a_bad_certificate_is_named(#[case] certificate: Certificate, #[case] told: &str) {
    let workplace = Workplace::new();
    let endpoint = RawEndpoint::with_certificate(&workplace, Fault::NeverAnswers, &certificate);
    not_reached(&endpoint, &workplace, told);
    // No request, and so no key and no signature, was sent to a server that is not known to be the endpoint.
    assert_eq!(endpoint.count(""), 0);
}

/// Busy for some answers, then not any more.
struct Busy {
    times: usize,
    then: Answers,
    asked: AtomicUsize,
}

#[async_trait::async_trait]
impl Behaviour for Busy {
    async fn answer(&self, request: &Request, stream: &mut Stream) -> std::io::Result<()> {
        if self.asked.fetch_add(1, Ordering::Relaxed) >= self.times {
            return self.then.answer(request, stream).await;
        }
        let body = b"<Error><Code>SlowDown</Code></Error>".to_vec();
        Answers(503, "Retry-After: 0\r\n".to_owned(), body).answer(request, stream).await
    }
}

#[rstest]
#[case::not_unless_asked_for(3, "", 200, "error", 1, 0)]
#[case::as_often_as_it_takes(2, "--retry-throttled 3", 200, "pass", 2, 2)]
#[case::no_more_often_than_told(9, "--retry-throttled 2", 200, "error", 3, 2)]
#[case::what_is_wrong_stays_wrong(2, "--retry-throttled 3", 404, "fail", 2, 2)]
#[case::other_errors_are_no_throttling(0, "--retry-throttled 3", 500, "fail", 0, 0)]
fn a_busy_endpoint_is_asked_again_only_if_the_user_says_so(
    #[case] times: usize,
    #[case] words: &str,
    #[case] status: u16,
    #[case] verdict: &str,
    #[case] answers: u64,
    #[case] sent_again: u64,
) {
    let workplace = Workplace::new();
    let then = Answers(status, String::new(), b"some text".to_vec());
    let endpoint = RawEndpoint::start(&workplace, Busy { times, then, asked: AtomicUsize::new(0) });
    // One case is enough, and its requests come in order.
    workplace.file("one.json", &cases(1, &read_back(r#""operation": "GetObject""#, WHOLE)));
    let outcome = bounded(&workplace, &endpoint, &format!("run one.json --evidence evidence {words}"));
    let record: Value = serde_json::from_str(&workplace.read("run.json")).expect("the record is JSON");
    assert_eq!(record["cases"][0]["verdict"], verdict, "{outcome:#?}");
    let counted = |name: &str| record["throttling"][name].as_u64().unwrap_or(0);
    assert_eq!((counted("answers"), counted("sent_again")), (answers, sent_again));
    assert_eq!(outcome.out.contains("that it was busy"), answers > 0, "{}", outcome.out);
    let files = std::fs::read_dir(workplace.path("evidence/cases")).expect("it is a folder");
    let har: String =
        files.map(|file| std::fs::read_to_string(file.expect("it is there").path()).expect("it is text")).collect();
    assert_eq!(har.matches("sent again after 503 SlowDown").count() as u64, sent_again);
    let manifest: Value = serde_json::from_str(&workplace.read("evidence/evidence.json")).expect("it is JSON");
    assert_eq!(manifest["sent_again"]["busy"].as_u64().unwrap_or(0), sent_again);
    // Kept evidence tells the same.
    let again = workplace.run("judge evidence one.json --report json=again.json");
    assert_eq!(again.code, outcome.code, "{again:#?}");
    assert_eq!(workplace.read("again.json"), workplace.read("run.json"));
}

/// Refuses everything with this status and code, and gives the customer key back.
struct Leaky(u16, &'static str);

#[async_trait::async_trait]
impl Behaviour for Leaky {
    async fn answer(&self, request: &Request, stream: &mut Stream) -> std::io::Result<()> {
        let key = request.head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("x-amz-server-side-encryption-customer-key").then_some(value)
        });
        let Self(status, code) = self;
        let body = format!("<Error><Code>{code}</Code><Key>{}</Key></Error>", key.unwrap_or_default());
        Answers(*status, "Retry-After: 0\r\n".to_owned(), body.into_bytes()).answer(request, stream).await
    }
}

#[test]
fn a_busy_answer_that_gives_a_key_back_is_kept() {
    let workplace = Workplace::new();
    let endpoint = RawEndpoint::start(&workplace, Leaky(503, "SlowDown"));
    workplace.file("one.json", &cases(1, &read_back(r#""operation": "GetObject""#, WHOLE)));
    let outcome = bounded(&workplace, &endpoint, "run one.json --retry-throttled 3");
    // It is not asked again: a key that was given back is a breach, whatever the endpoint would answer when it is not busy.
    assert_eq!((outcome.code, endpoint.reads()), (Some(1), 1), "{outcome:#?}");
    assert!(outcome.out.contains("customer key K stands in the answer"), "{}", outcome.out);
}

/// Nobody waits for the answer to a request that is cut off; what it gives away is found all the same.
#[test]
fn what_comes_back_to_a_request_that_is_cut_off_is_searched() {
    let workplace = Workplace::new();
    let endpoint = RawEndpoint::start(&workplace, Leaky(400, "IncompleteBody"));
    let put = r#""operation": "PutObject", "body": "data", "interrupted": true, "sse_c": {"key": "K"}, "headers": {"x-judged": {"value": "1"}}"#;
    let steps = format!(r#"{{"id": "put", "request": {{{put}}}, "expect": {{"stored": false}}}}"#);
    workplace.file("one.json", &cases(1, &steps));
    let outcome = bounded(&workplace, &endpoint, "run one.json");
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert!(outcome.out.contains("customer key K stands in the answer"), "{}", outcome.out);
}

/// Takes whatever comes, and keeps how often each request tells its length.
struct Lengths(std::sync::Arc<std::sync::Mutex<Vec<usize>>>);

#[async_trait::async_trait]
impl Behaviour for Lengths {
    async fn answer(&self, request: &Request, stream: &mut Stream) -> std::io::Result<()> {
        let lengths = request.head.to_ascii_lowercase().matches("\r\ncontent-length:").count();
        self.0.lock().expect("nobody panicked").push(lengths);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await
    }
}

/// Strict servers refuse a request that tells its length twice (RFC 9112, section 6.3), and a case that expects a refusal would pass.
#[rstest]
#[case::whole("")]
#[case::in_another_case(r#""header_case": "upper","#)]
#[case::interrupted(r#""interrupted": true,"#)]
fn a_request_tells_its_length_once(#[case] members: &str) {
    let workplace = Workplace::new();
    let lengths = std::sync::Arc::default();
    let endpoint = RawEndpoint::start(&workplace, Lengths(std::sync::Arc::clone(&lengths)));
    let put = format!(
        r#""operation": "PutObject", {members} "body": "data", "sse_c": {{"key": "K"}}, "headers": {{"x-judged": {{"value": "1"}}}}"#
    );
    workplace.file(
        "one.json",
        &cases(1, &format!(r#"{{"id": "put", "request": {{{put}}}, "expect": {{"stored": false}}}}"#)),
    );
    let outcome = bounded(&workplace, &endpoint, "run one.json");
    assert_eq!(*lengths.lock().expect("nobody panicked"), [1], "{outcome:#?}");
}

/// A write that stays without an answer may be carried out when the run is long over.
#[rstest]
#[case::for_a_request("--request-timeout 2")]
#[case::for_a_scenario("--request-timeout 200 --scenario-timeout 2")]
fn a_write_that_nobody_waited_for_leaves_the_ledger(#[case] words: &str) {
    let workplace = Workplace::new();
    let endpoint = RawEndpoint::start(&workplace, Fault::NeverAnswers);
    let put = r#"{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}, "headers": {"x-judged": {"value": "1"}}}}"#;
    workplace.file("one.json", &cases(1, put));
    let outcome = bounded(&workplace, &endpoint, &format!("run one.json {words}"));
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
    assert!(outcome.out.contains("1 request had no answer in time"), "{outcome:#?}");
    assert!(outcome.err.contains("ssecheck sweep --run"), "{outcome:#?}");
    // It is asked as the run asked it, whatever the configuration says now.
    let mut sweep = workplace.command("sweep --older-than 0s --addressing virtual");
    sweep.env("SSECHECK_ENDPOINT", endpoint.url()).env("AWS_CA_BUNDLE", &endpoint.ca);
    sweep.env("AWS_ACCESS_KEY_ID", "AKID").env("AWS_SECRET_ACCESS_KEY", "s3cret");
    let swept = Outcome::of(sweep.output().expect("the binary starts"));
    assert!(swept.code == Some(0) && swept.out.contains(&endpoint.url()), "{swept:#?}");
}

/// A clock that is a day ahead.
fn tomorrow() -> String {
    let date = time::OffsetDateTime::now_utc() + time::Duration::days(1) + time::Duration::hours(1);
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    format!("Date: {}\r\n", date.format(format).expect("it can be written"))
}

#[test]
fn a_clock_that_is_off_is_named() {
    let workplace = Workplace::new();
    let error = b"<Error><Code>RequestTimeTooSkewed</Code></Error>".to_vec();
    let endpoint = RawEndpoint::start(&workplace, Answers(403, tomorrow(), error));
    workplace.file("one.json", &reads(r#""operation": "GetObject""#, WHOLE));
    let outcome = bounded(&workplace, &endpoint, "run one.json");
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
    let (verdicts, finding) = judged(&workplace);
    assert_eq!(verdicts, vec!["error"; 8], "{finding}");
    assert!(finding.contains("24 hours ahead of this machine's"), "{finding}");
}

/// Its preparations are answered, and then nothing is any more, but for clean-up.
#[test]
fn an_endpoint_that_has_gone_silent_is_not_waited_for_case_by_case() {
    let workplace = Workplace::new();
    let endpoint = RawEndpoint::start(&workplace, Fault::ClosedAfterTheRequest);
    let put = r#"{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}, "headers": {"x-judged": {"value": "1"}}}}"#;
    workplace.file("one.json", &cases(200, put));
    let outcome = bounded(&workplace, &endpoint, "run one.json");
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
    let (verdicts, _) = judged(&workplace);
    assert_eq!(verdicts, vec!["error"; 200]);
    assert!(outcome.out.contains("gave no answer to 32 requests in a row"), "{}", outcome.out);
    // Those that were under way when it was enough are among them.
    let asked = endpoint.count("/test/one");
    assert!((32..=32 + 8).contains(&asked), "{asked}");
    assert!(endpoint.count("DELETE /ssecheck-") > 0);
}
