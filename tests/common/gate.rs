//! Stands between a command and an endpoint, counts what the command sends, and ends it in the middle of that.

use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

use super::send;

/// What happens once so many bytes came from the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// It gets this signal.
    Signal(&'static str),
    /// Nothing more of it is passed on until the gate is opened.
    Hold,
    Nothing,
}

/// A listener that passes on what comes to an endpoint.
pub struct Gate {
    /// Its address, as one of the endpoint.
    pub url: String,
    state: Arc<State>,
}

struct State {
    watched: Mutex<Watched>,
    /// How many connections are open.
    open: watch::Sender<usize>,
    /// Whether what comes is held back.
    held: watch::Sender<bool>,
}

struct Watched {
    passed: u64,
    at: u64,
    then: Then,
    process: u32,
}

impl Gate {
    pub async fn before(endpoint: &Url) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let to = ("127.0.0.1", endpoint.port().expect("it has a port"));
        let watched = Mutex::new(Watched { passed: 0, at: u64::MAX, then: Then::Nothing, process: 0 });
        let state = Arc::new(State { watched, open: watch::Sender::new(0), held: watch::Sender::new(false) });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                state.open.send_modify(|open| *open += 1);
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(to).await {
                        state.pass(client, server).await;
                    }
                    state.open.send_modify(|open| *open -= 1);
                });
            }
        });
        Self { url: format!("https://localhost:{port}/"), state }
    }

    /// Starts a command of which something becomes once it has sent so many bytes.
    pub fn start(&self, command: &mut Command, at: u64, then: Then) -> Child {
        // Nothing of it is passed on before it is known.
        let mut watched = self.state.watched.lock().expect("it is whole");
        let child = command.spawn().expect("the binary starts");
        *watched = Watched { passed: 0, at, then, process: child.id() };
        child
    }

    /// How many bytes came from the command.
    pub fn passed(&self) -> u64 {
        self.state.watched.lock().expect("it is whole").passed
    }

    /// Passes on what was held back.
    pub fn open(&self) {
        self.state.held.send_replace(false);
    }

    /// Until something is held back.
    pub async fn holds(&self) {
        self.state.held.subscribe().wait_for(|held| *held).await.expect("the gate is there");
    }

    /// Until no connection is open: then the endpoint has done all that it was asked for.
    pub async fn is_quiet(&self) {
        self.state.open.subscribe().wait_for(|open| *open == 0).await.expect("the gate is there");
    }
}

impl State {
    /// Passes on what comes, both ways, until the endpoint has no more to say.
    async fn pass(&self, client: TcpStream, server: TcpStream) {
        let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
            (client.into_split(), server.into_split());
        let asking = async {
            let mut buffer = vec![0; 16 * 1024];
            while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
                self.count(length as u64);
                let mut held = self.held.subscribe();
                held.wait_for(|held| !held).await.expect("the gate is there");
                if to_server.write_all(&buffer[..length]).await.is_err() {
                    break;
                }
            }
            let _ = to_server.shutdown().await;
        };
        let answering = async {
            let mut buffer = vec![0; 16 * 1024];
            let mut is_read = true;
            while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
                // Also where nobody listens any more: the endpoint is heard to its end.
                is_read = is_read && to_client.write_all(&buffer[..length]).await.is_ok();
            }
            let _ = to_client.shutdown().await;
        };
        tokio::join!(asking, answering);
    }

    fn count(&self, length: u64) {
        let mut watched = self.watched.lock().expect("it is whole");
        watched.passed += length;
        if watched.passed < watched.at {
            return;
        }
        watched.at = u64::MAX;
        match watched.then {
            Then::Signal(signal) => send(signal, watched.process),
            Then::Hold => _ = self.held.send_replace(true),
            Then::Nothing => {}
        }
    }
}
