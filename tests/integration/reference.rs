//! The embedded endpoint as HTTP clients see it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::common::{Served, Workplace, suite};
use rstest::rstest;

/// Refused before its signature is looked at: it comes without TLS.
const REFUSED: &str =
    "PUT /bucket/key HTTP/1.1\r\nHost: localhost\r\nx-amz-server-side-encryption-customer-algorithm: AES256\r\n";

/// Sends pieces one by one, and reads until the endpoint closes the connection.
fn told(served: &Served, pieces: &[String]) -> String {
    let url = url::Url::parse(&served.settings["SSECHECK_PLAIN_ENDPOINT"]).expect("it is a URL");
    let port = url.port().expect("it has a port");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    for piece in pieces {
        stream.write_all(piece.as_bytes()).expect("it takes it");
        stream.flush().expect("it is sent");
    }
    let mut told = String::new();
    stream.read_to_string(&mut told).expect("it answers and closes");
    told
}

#[test]
fn who_waits_to_be_told_to_send_is_told_no_and_that_no_request_can_follow() {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    let head = format!("{REFUSED}Content-Length: 50000000\r\nExpect: 100-continue\r\n\r\n");
    let told = told(&served, &[head]);
    assert!(told.starts_with("HTTP/1.1 400 ") && told.contains("connection: close"), "{told}");
}

#[rstest]
#[case::a_little(100)]
#[case::much(10_000_000)]
fn what_is_sent_all_the_same_is_read_and_a_request_can_follow(#[case] size: usize) {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    let first = format!("{REFUSED}Content-Length: {size}\r\n\r\n");
    let second = format!("{REFUSED}Content-Length: 0\r\nConnection: close\r\n\r\n");
    let told = told(&served, &[first, "x".repeat(size), second]);
    assert_eq!(told.matches("HTTP/1.1 400 ").count(), 2, "{told}");
    assert_eq!(told.matches("connection: close").count(), 1, "{told}");
}

/// Sends head and body at once, whatever comes back meanwhile, and reads the response then: as clients do that send a body with `Expect`.
fn response_to(port: u16, head: &str, body: usize) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let mut told = String::new();
    let sent = stream.write_all(head.as_bytes()).and_then(|()| {
        let piece = vec![b'x'; 1 << 20];
        (0..body).try_for_each(|_| stream.write_all(&piece))
    });
    let read = stream.read_to_string(&mut told);
    match (sent, read) {
        (Ok(()), Ok(_)) => told,
        (sent, read) => format!("lost: {sent:?}, {read:?}"),
    }
}

#[rstest]
#[case::with_expect(80, 5, "Expect: 100-continue\r\n")]
#[case::without(10, 40, "")]
fn a_refusal_is_never_lost(#[case] uploads: usize, #[case] mebibytes: usize, #[case] header: &str) {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    let url = url::Url::parse(&served.settings["SSECHECK_PLAIN_ENDPOINT"]).expect("it is a URL");
    let port = url.port().expect("it has a port");
    let head = format!("{REFUSED}Content-Length: {}\r\n{header}\r\n", mebibytes << 20);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let lost = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while next.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < uploads {
                    let told = response_to(port, &head, mebibytes);
                    if !told.starts_with("HTTP/1.1 400 ") {
                        lost.lock().expect("nobody panicked").push(told);
                    }
                }
            });
        }
    });
    let lost = lost.into_inner().expect("nobody panicked");
    assert!(lost.is_empty(), "{} of {uploads}: {}", lost.len(), lost[0]);
}

/// What SDKs send, and the endpoint must neither refuse nor take for something else.
#[rstest]
#[case::checksum_mode_in_lower_case(
    r#"{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}, "headers": {"x-amz-checksum-crc32": {"digest": {"body": "data", "algorithm": "crc32"}}}}},
       {"id": "get", "request": {"operation": "GetObject", "sse_c": {"key": "K"}, "headers": {"x-amz-checksum-mode": {"value": "enabled"}}}, "expect": {"status": ["200"], "headers": {"x-amz-checksum-crc32": {"digest": {"body": "data", "algorithm": "crc32"}}}}}"#
)]
#[case::content_encoding_in_two_lines(
    r#"{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}, "headers": {"content-encoding": {"value": "gzip", "then": {"value": "br"}}}}},
       {"id": "get", "request": {"operation": "GetObject", "sse_c": {"key": "K"}}, "expect": {"status": ["200"], "headers": {"content-encoding": {"equals": "gzip,br"}}}}"#
)]
#[case::parts_tell_no_checksum_unasked(
    r#"{"id": "create", "request": {"operation": "CreateMultipartUpload", "sse_c": {"key": "K"}}, "expect": {"status": ["2xx"]}},
       {"id": "part", "request": {"operation": "UploadPart", "upload": "create", "part_number": 1, "body": "data", "sse_c": {"key": "K"}}, "expect": {"status": ["200"], "headers": {"x-amz-checksum-crc64nvme": {"absent": true}}}},
       {"id": "complete", "request": {"operation": "CompleteMultipartUpload", "upload": "create", "parts": ["part"]}}"#
)]
fn what_sdks_send_is_taken_as_aws_takes_it(#[case] steps: &str) {
    let workplace = Workplace::new();
    workplace.file("one.json", &suite("must", steps));
    let outcome = workplace.run("run one.json");
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
}

/// A sub-resource that S3 has and the endpoint has not is no object: nothing is stored, whoever asks. Unknown parameters change nothing.
#[rstest]
#[case::rename("renameObject", "501")]
#[case::key_rotation("encryption", "501")]
#[case::id_of_an_sdk("x-id=PutObject", "403")]
fn a_sub_resource_is_not_taken_for_an_object(#[case] query: &str, #[case] status: &str) {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    let head = format!(
        "PUT /bucket/key?{query} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let told = told(&served, &[head]);
    assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{told}");
}

/// By the rules of RFC 5280 that Python 3.13 demands: the certificate names the key of its authority.
#[test]
fn its_certificate_is_strictly_valid() {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    let url = url::Url::parse(&served.settings["SSECHECK_ENDPOINT"]).expect("it is a URL");
    let checked = std::process::Command::new("openssl")
        .args(["s_client", "-x509_strict", "-verify_return_error", "-verify_hostname", "localhost", "-connect"])
        .arg(format!("127.0.0.1:{}", url.port().expect("it has a port")))
        .args(["-CAfile", &served.settings["AWS_CA_BUNDLE"]])
        .stdin(std::process::Stdio::null())
        .output()
        .expect("openssl is there");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
