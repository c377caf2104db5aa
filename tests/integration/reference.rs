//! The embedded endpoint as HTTP clients see it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::common::{Served, Workplace};
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
