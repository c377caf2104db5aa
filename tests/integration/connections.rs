//! What a run costs an endpoint in connections and handshakes. By real sockets.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use crate::common::raw_endpoint::{Behaviour, RawEndpoint, Request, Stream};
use crate::common::{GOOD_PUT, Served, Workplace, suite};
use rustls::HandshakeKind;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

/// Answers each read, and closes the connection after it or not.
struct Answering {
    closes: bool,
    /// By which handshakes the connections of the reads were begun.
    handshakes: Arc<Mutex<Vec<Option<HandshakeKind>>>>,
}

#[async_trait::async_trait]
impl Behaviour for Answering {
    async fn answer(&self, _: &Request, stream: &mut Stream) -> std::io::Result<()> {
        self.handshakes.lock().expect("nobody panicked").push(stream.get_ref().1.handshake_kind());
        let closes = if self.closes { "Connection: close\r\n" } else { "" };
        stream.write_all(format!("HTTP/1.1 200 OK\r\n{closes}Content-Length: 0\r\n\r\n").as_bytes()).await?;
        if self.closes { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// How many connections a run of as many reads took, and the handshakes of those that the reads came by.
fn run(reads: usize, closes: bool) -> (usize, Vec<Option<HandshakeKind>>) {
    let workplace = Workplace::new();
    let read = |number: usize| format!(r#"{{"id": "get-{number}", "request": {{"operation": "GetObject"}}}}"#);
    let steps: Vec<String> = [GOOD_PUT.to_owned()].into_iter().chain((0..reads).map(read)).collect();
    workplace.file("one.json", &suite("must", &steps.join(", ")));
    let handshakes = Arc::<Mutex<Vec<_>>>::default();
    let endpoint = RawEndpoint::start(&workplace, Answering { closes, handshakes: Arc::clone(&handshakes) });
    let mut command = workplace.command("run one.json --plain-endpoint none --ledger ledger");
    command.arg("--endpoint").arg(endpoint.url()).arg("--ca-file").arg(&endpoint.ca);
    command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "a secret");
    let output = command.output().expect("the binary runs");
    assert!(output.status.success(), "{output:?}");
    let handshakes = handshakes.lock().expect("nobody panicked").clone();
    assert_eq!(handshakes.len(), reads);
    (endpoint.connections.load(Ordering::Relaxed), handshakes)
}

#[test]
fn connections_are_used_again() {
    let (connections, _) = run(20, false);
    // One is the case's; what lists a bucket's objects and its uploads goes side by side.
    assert!(connections <= 3, "{connections}");
}

#[test]
fn sessions_are_resumed_where_connections_are_closed() {
    let (connections, handshakes) = run(20, true);
    assert!(connections >= 20, "{connections}");
    let resumed = handshakes.iter().filter(|kind| **kind == Some(HandshakeKind::Resumed)).count();
    // The connections on which the bucket was made and emptied were begun by full handshakes.
    assert!(resumed >= 19, "{handshakes:?}");
}

/// Answers the first read on each connection, and closes the connection upon the second.
#[derive(Default)]
struct OnceOnly(Mutex<BTreeSet<u16>>);

#[async_trait::async_trait]
impl Behaviour for OnceOnly {
    async fn answer(&self, _: &Request, stream: &mut Stream) -> std::io::Result<()> {
        let client = stream.get_ref().0.peer_addr()?.port();
        if !self.0.lock().expect("nobody panicked").insert(client) {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await
    }
}

#[test]
fn what_a_used_connection_gave_no_response_to_is_counted() {
    let workplace = Workplace::new();
    let read = |number: usize| format!(r#"{{"id": "get-{number}", "request": {{"operation": "GetObject"}}}}"#);
    let steps: Vec<String> = [GOOD_PUT.to_owned()].into_iter().chain((0..3).map(read)).collect();
    workplace.file("one.json", &suite("must", &steps.join(", ")));
    let endpoint = RawEndpoint::start(&workplace, OnceOnly::default());
    let mut command = workplace.command("run one.json --plain-endpoint none --ledger ledger --evidence evidence");
    command.arg("--endpoint").arg(endpoint.url()).arg("--ca-file").arg(&endpoint.ca);
    command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "a secret");
    let output = command.output().expect("the binary runs");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(manifest(&workplace)["sent_again"], json!({"no_response": 2}));
}

fn manifest(workplace: &Workplace) -> Value {
    serde_json::from_str(&workplace.read("evidence/evidence.json")).expect("it is JSON")
}

/// Passes on what `from` sends.
fn pass_on(from: &TcpStream, to: &TcpStream) -> std::thread::JoinHandle<()> {
    let (mut from, mut to) = (from.try_clone().expect("it can be"), to.try_clone().expect("it can be"));
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    })
}

/// A proxy that makes a tunnel for CONNECT and forwards other requests; its address, and the first line on each of its connections.
fn proxy() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let lines = Arc::<Mutex<Vec<String>>>::default();
    let told = Arc::clone(&lines);
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, told) = (client.expect("it is accepted"), Arc::clone(&told));
            std::thread::spawn(move || {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    client.read_exact(&mut byte).expect("a head comes");
                    head.push(byte[0]);
                }
                let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
                let target = line.split(' ').nth(1).unwrap_or_default();
                let authority = target.strip_prefix("http://").unwrap_or(target).split('/').next().unwrap_or_default();
                let port = authority.rsplit(':').next().and_then(|port| port.parse().ok()).expect("it names a port");
                let mut server = TcpStream::connect(("127.0.0.1", port)).expect("the endpoint is there");
                if line.starts_with("CONNECT ") {
                    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("it listens");
                } else {
                    server.write_all(&head).expect("it listens");
                }
                told.lock().expect("nobody panicked").push(line);
                let passing = [pass_on(&client, &server), pass_on(&server, &client)];
                passing.into_iter().for_each(|passing| passing.join().expect("it does not panic"));
            });
        }
    });
    (address, lines)
}

/// TLS goes through a tunnel; plain HTTP is asked for by the whole URL, which proxies allow that make tunnels for TLS only.
#[test]
fn a_proxy_is_asked_for_tunnels_and_for_plain_requests() {
    let workplace = Workplace::new();
    let served = Served::start(&workplace);
    let (proxy, lines) = proxy();
    let choice = "--only plain-http/put --only http/read";
    let outcome = workplace.run_against(&served, &format!("run {choice} --proxy {proxy} --evidence evidence"));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let lines = lines.lock().expect("nobody panicked");
    let count = |start: &str| lines.iter().filter(|line| line.starts_with(start)).count();
    assert!(count("CONNECT localhost:") > 5, "{lines:#?}");
    assert!(count("PUT http://localhost:") > 0, "{lines:#?}");
    // The TCP connections are to the proxy, those with TLS lead to the endpoint.
    let peers = &manifest(&workplace)["peers"];
    let address = json!(proxy.trim_start_matches("http://"));
    assert_eq!(peers["plain"], json!([address]));
    assert_eq!((peers["tls"].as_array().map(Vec::len), &peers["tls"][0]["address"]), (Some(1), &address), "{peers}");
    assert_eq!(peers["tls"][0]["certificate"].as_str().map(str::len), Some(64), "{peers}");
    let judged = workplace.run(&format!("judge evidence {choice}"));
    assert_eq!(judged.code, Some(0), "{judged:#?}");
}
