//! Runs the built binary.
#![allow(dead_code, reason = "the test of the repository uses a part")]

pub mod estate;
pub mod gate;
pub mod raw_endpoint;
pub mod rogue_proxy;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// The path of the program that is tested: the one that cargo built beside the tests, or the one that the environment variable
/// `SSECHECK_PROGRAM` names. `.ci/run` names the optimised one for the ignored tests, which are whole runs.
pub fn program() -> PathBuf {
    std::env::var_os("SSECHECK_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_ssecheck").into()).into()
}

/// A folder to run in, without any setting from outside.
pub struct Workplace {
    folder: TempDir,
}

impl Workplace {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it has a parent")).expect("the folder can be made");
        std::fs::write(&path, text).expect("the file can be written");
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The command, with arguments as one text of words.
    pub fn command(&self, words: &str) -> Command {
        let mut command = Command::new(program());
        command.args(words.split_whitespace()).current_dir(self.folder.path()).env_clear();
        command.env("HOME", self.folder.path());
        command
    }

    pub fn run(&self, words: &str) -> Outcome {
        Outcome::of(self.command(words).output().expect("the binary starts"))
    }

    /// Against an endpoint that is not there.
    pub fn run_nowhere(&self, words: &str) -> Outcome {
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let endpoint = format!("https://localhost:{}", port.expect("a port is free").port());
        let mut command = self.command(words);
        command.env("SSECHECK_ENDPOINT", endpoint).env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
        Outcome::of(command.output().expect("the binary starts"))
    }

    pub fn run_against(&self, served: &Served, words: &str) -> Outcome {
        Outcome::of(self.command(words).envs(&served.settings).output().expect("the binary starts"))
    }
}

/// What came of a command.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Outcome {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the output is UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// The reference endpoint, served by another process.
pub struct Served {
    child: Child,
    pub settings: BTreeMap<String, String>,
}

impl Served {
    pub fn start(workplace: &Workplace) -> Self {
        Self::start_with(workplace, "")
    }

    pub fn start_with(workplace: &Workplace, words: &str) -> Self {
        let mut command = workplace.command(&format!("serve --port 0 --plain-port 0 --ca-file ca.pem {words}"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary starts");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut settings = BTreeMap::new();
        for line in out.lines() {
            let line = line.expect("the output is text");
            if let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
                settings.insert(name.to_owned(), value.to_owned());
            }
            if settings.contains_key("AWS_SECRET_ACCESS_KEY") {
                break;
            }
        }
        assert!(settings.contains_key("AWS_SECRET_ACCESS_KEY"), "it does not serve: {words}");
        Self { child, settings }
    }

    /// The same service, with one setting more or other.
    pub fn with(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    pub fn without(&mut self, name: &str) {
        self.settings.remove(name);
    }

    /// Asks it to stop; its exit code.
    pub fn stop(mut self, signal: &str) -> Option<i32> {
        send(signal, self.child.id());
        self.child.wait().expect("it was started").code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Interrupts a command that runs cases, one at a time, once the first has passed; what comes of it, with the rest of its output.
pub fn interrupted_midway(mut command: Command) -> Outcome {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut line = String::new();
    while !line.starts_with("PASS") {
        line.clear();
        assert!(out.read_line(&mut line).expect("the output is text") > 0, "it ended before the first case");
    }
    send("INT", child.id());
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("the output is text");
    Outcome { out: rest, ..Outcome::of(child.wait_with_output().expect("it was started")) }
}

/// Sends a signal to a process.
pub fn send(signal: &str, process: u32) {
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(process.to_string()).status();
    assert!(sent.expect("kill starts").success());
}

/// A suite of one scenario with these steps.
pub fn suite(level: &str, steps: &str) -> String {
    format!(
        r#"{{"id": "test", "title": "t", "about": "a", "keys": {{"K": {{}}}}, "bodies": {{"data": {{"text": "some text"}}}},
        "scenarios": [{{"id": "one", "title": "t", "why": "w", "level": "{level}", "rules": ["put-echoes"], "steps": [{steps}]}}]}}"#
    )
}

/// The same suite with [`GOOD_PUT`] as its step, which needs the capability `has-it` (level extended), probed by this step.
pub fn suite_needing(level: &str, probe: &str) -> String {
    let needing = suite(level, GOOD_PUT);
    let needing = needing.replace(r#""rules": ["put-echoes"]"#, r#""rules": ["put-echoes"], "requires": ["has-it"]"#);
    let capability = format!(
        r#"{{"id": "has-it", "title": "t", "why": "w", "level": "may", "capability": {{"level": "extended"}}, "steps": [{probe}]}}"#
    );
    needing.replace(r#""scenarios": ["#, &format!(r#""scenarios": [{capability}, "#))
}

/// A probe that shows that the reference endpoint lacks the capability.
pub const LACKING: &str =
    r#"{"id": "ask", "probe": true, "request": {"operation": "GetObject"}, "lacks": {"status": ["404"]}}"#;

/// A step that the reference endpoint answers with 200.
pub const GOOD_PUT: &str =
    r#"{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}}}"#;

/// Where the repository is.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
