//! What a run costs an endpoint in connections and handshakes. By real sockets.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use crate::common::raw_endpoint::{Behaviour, RawEndpoint, Request, Stream};
use crate::common::{GOOD_PUT, Workplace, suite};
use rustls::HandshakeKind;
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
