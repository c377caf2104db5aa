//! No secret is written anywhere: all suites are run with keys that are known, and all that was written is searched for them.
//!
//! The search is this test's own, and shares nothing with what blots secrets out.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Outcome, Served, Workplace, raw_endpoint, repository};
use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};
use ssecheck::client::{CustomerKey, Target};
use ssecheck::config::{self, Environment, Typed};
use ssecheck::evidence::{Redactor, Secrets};
use ssecheck::suite::Key;
use zeroize::Zeroizing;

/// Shorter keys are none: suites ask for them to have them refused.
const SHORTEST: u64 = 12;
/// Larger bodies are cut to this, in bytes; cases that need more fail, which is no matter here.
const LARGEST: u64 = 150_000;
/// As much of an encoding is looked for.
const PIECE: usize = 24;

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rand::Rng::fill_bytes(&mut rand::rng(), &mut bytes);
    bytes
}

/// Writes bytes in an encoding.
type Encode = fn(&[u8]) -> Vec<u8>;

/// The encodings that are searched for, by name.
const ENCODINGS: [(&str, Encode); 21] = [
    ("raw", |secret| secret.to_vec()),
    ("base64", |secret| STANDARD.encode(secret).into()),
    ("base64url", |secret| URL_SAFE.encode(secret).into()),
    ("base64 after one byte", |secret| STANDARD.encode([b"x", secret].concat())[2..].into()),
    ("base64 after two bytes", |secret| STANDARD.encode([b"xx", secret].concat())[3..].into()),
    ("base64 of base64", |secret| STANDARD.encode(STANDARD.encode(secret)).into()),
    ("base64 of base64 after one byte", |secret| STANDARD.encode(format!("x{}", STANDARD.encode(secret)))[2..].into()),
    ("base64 of base64 after two bytes", |secret| {
        STANDARD.encode(format!("xx{}", STANDARD.encode(secret)))[3..].into()
    }),
    ("hexadecimal", |secret| spaced(secret, "", "", |b| format!("{b:02x}"))),
    ("hexadecimal in upper case", |secret| spaced(secret, "", "", |b| format!("{b:02X}"))),
    ("hexadecimal with blanks", |secret| spaced(secret, "", " ", |b| format!("{b:02x}"))),
    ("hexadecimal with colons", |secret| spaced(secret, "", ":", |b| format!("{b:02x}"))),
    ("hexadecimal of base64", |secret| spaced(STANDARD.encode(secret).as_bytes(), "", "", |b| format!("{b:02x}"))),
    ("hexadecimal of base64 with blanks", |secret| {
        spaced(STANDARD.encode(secret).as_bytes(), "", " ", |b| format!("{b:02x}"))
    }),
    ("percent", |secret| spaced(secret, "", "", |b| percent(b, true))),
    ("percent in lower case", |secret| spaced(secret, "", "", |b| percent(b, false))),
    ("percent twice", |secret| spaced(secret, "", "", |b| percent(b, true).replace('%', "%25"))),
    ("JSON", |secret| serde_json::to_vec(&latin1(secret)).expect("it is JSON")[1..].to_vec()),
    ("JSON in ASCII", |secret| spaced(secret, "", "", json_ascii)),
    ("UTF-8", |secret| latin1(secret).into_bytes()),
    ("decimal", |secret| spaced(secret, "", ", ", |b| b.to_string())),
];

fn spaced(bytes: &[u8], before: &str, between: &str, written: fn(u8) -> String) -> Vec<u8> {
    let each: Vec<String> = bytes.iter().map(|byte| format!("{before}{}", written(*byte))).collect();
    each.join(between).into_bytes()
}

fn percent(byte: u8, upper: bool) -> String {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if upper => format!("%{byte:02X}"),
        _ => format!("%{byte:02x}"),
    }
}

fn json_ascii(byte: u8) -> String {
    match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\u{byte:04x}"),
    }
}

fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Everything that must be found nowhere.
struct Canaries {
    search: AhoCorasick,
    /// Of each pattern, whose it is and what encoding.
    patterns: Vec<String>,
}

impl Canaries {
    fn of(secrets: &[(String, Vec<u8>)]) -> Self {
        let mut pieces = Vec::new();
        let mut patterns = Vec::new();
        for (name, secret) in secrets {
            for (encoding, encoded) in ENCODINGS {
                let mut piece = encoded(secret);
                // The end of base64 depends on what follows; a piece tells as well as the whole.
                piece.truncate(if encoding == "raw" { PIECE.min(secret.len()) } else { PIECE });
                pieces.push(piece);
                patterns.push(format!("{name} in {encoding}"));
            }
        }
        let search = AhoCorasick::new(&pieces).expect("they are not too many");
        Self { search, patterns }
    }

    /// What stands in `bytes`, as they are or once the characters of base64 that are escaped are put back.
    fn found_in(&self, bytes: &[u8]) -> Vec<&str> {
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        let escapes = [
            ("+", ["%2B", "%2b", "\\u002B", "\\u002b", "&#43;", "&#x2B;", "&#x2b;", "&plus;"]),
            ("/", ["%2F", "%2f", "\\u002F", "\\u002f", "&#47;", "&#x2F;", "&#x2f;", "\\/"]),
        ];
        for (character, escaped) in escapes {
            for escape in escaped {
                if text.contains(escape) {
                    text = text.replace(escape, character);
                }
            }
        }
        let both = self.search.find_iter(bytes).chain(self.search.find_iter(text.as_bytes()));
        let mut found: Vec<&str> = both.map(|hit| self.patterns[hit.pattern().as_usize()].as_str()).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Fails where one stands in what a command wrote to its outputs.
    fn assert_none_in(&self, what: &str, outcome: &Outcome) {
        for text in [&outcome.out, &outcome.err] {
            assert_eq!(self.found_in(text.as_bytes()), [""; 0], "{what}");
        }
    }

    /// Fails where one stands in a file of a folder or its name; how many files that are.
    fn assert_none_below(&self, folder: &Path) -> usize {
        let mut files = 0;
        for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                files += self.assert_none_below(&path);
                continue;
            }
            files += 1;
            assert_eq!(self.found_in(path.to_string_lossy().as_bytes()), [""; 0], "the name of {}", path.display());
            let bytes = std::fs::read(&path).expect("it can be read");
            assert_eq!(self.found_in(&bytes), [""; 0], "{}", path.display());
        }
        files
    }
}

/// The built-in suites with known keys in place of fresh ones, in the folder `given`; and those keys.
fn suites_with_known_keys(workplace: &Workplace) -> Vec<(String, Vec<u8>)> {
    let mut secrets = Vec::new();
    for entry in std::fs::read_dir(repository().join("suites")).expect("the suites are there") {
        let path = entry.expect("it can be read").path();
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        let Ok(Value::Object(mut suite)) = serde_json::from_slice(&std::fs::read(&path).unwrap_or_default()) else {
            continue;
        };
        // Not the rules, the schema and the record of what faults do.
        let (Some(id), true) = (suite.get("id").cloned(), suite.contains_key("scenarios")) else { continue };
        // What debug builds encrypt by the mebibyte takes minutes, and holds no more secrets than a little of it.
        for (_, body) in suite.get_mut("bodies").and_then(Value::as_object_mut).into_iter().flatten() {
            if body["size"].as_u64() > Some(LARGEST) {
                body["size"] = LARGEST.into();
            }
        }
        if let Some(Value::Object(keys)) = suite.get_mut("keys") {
            *keys = keys.iter().flat_map(|(key, spec)| known(workplace, &id, key, spec, &mut secrets)).collect();
        }
        workplace.file(&format!("given/{name}"), &Value::Object(suite).to_string());
    }
    let bodies = workplace.path("given/fixtures/bodies");
    std::fs::create_dir_all(&bodies).expect("the folder can be made");
    for entry in std::fs::read_dir(repository().join("fixtures/bodies")).expect("the bodies are there") {
        let path = entry.expect("it can be read").path();
        std::fs::copy(&path, bodies.join(path.file_name().expect("it has a name"))).expect("it can be copied");
    }
    assert!(secrets.len() > 1000, "{}", secrets.len());
    secrets
}

/// The declaration of a key, or of as many as it stands for, as a known one.
fn known(
    workplace: &Workplace,
    suite: &Value,
    key: &str,
    spec: &Value,
    secrets: &mut Vec<(String, Vec<u8>)>,
) -> Vec<(String, Value)> {
    let names = match spec["count"].as_u64() {
        Some(count) => (1..=count).map(|number| format!("{key}{number}")).collect(),
        None => vec![key.to_owned()],
    };
    let length = spec["length"].as_u64().unwrap_or(32);
    let mut declared = Vec::new();
    for name in names {
        let bytes = match spec["file"].as_str() {
            Some(file) => {
                let text = std::fs::read_to_string(repository().join("fixtures").join(file)).expect("it is there");
                hex::decode(text.trim()).expect("it is hexadecimal")
            }
            // A key that goes over plain HTTP must be fresh.
            None if length < SHORTEST || name.starts_with("EXPOSED") => {
                declared.push((name, spec.clone()));
                continue;
            }
            None => random(usize::try_from(length).expect("it is short")),
        };
        let file = format!("keys/canary-{}.hex", secrets.len());
        workplace.file(&format!("given/fixtures/{file}"), &hex::encode(&bytes));
        declared.push((name.clone(), json!({"file": file})));
        secrets.push((format!("customer key {name} of {suite}"), bytes));
    }
    declared
}

const REPORTS: &str = "--report json=out/run.json --report junit=out/junit.xml --report html=out/report.html \
    --report markdown=out/summary.md --report tap=out/run.tap --report github=out/github.txt --report badge=out/badge.svg";

/// Runs everything that writes, and searches what was written. Gives the record.
fn nothing_is_written(
    workplace: &Workplace,
    endpoint: &[(&str, &str)],
    choice: &str,
    mut secrets: Vec<(String, Vec<u8>)>,
) -> Value {
    let token = format!("IQo+/{}==", STANDARD.encode(random(90)));
    let mut settings = endpoint.to_vec();
    settings.push(("AWS_SESSION_TOKEN", &token));
    secrets.push(("session token".to_owned(), token.clone().into_bytes()));
    let secret = endpoint.iter().find(|(name, _)| *name == "AWS_SECRET_ACCESS_KEY").expect("there is one").1;
    secrets.push(("secret access key".to_owned(), secret.as_bytes().to_vec()));
    assert_eq!(workplace.run("keygen --out key.pem").code, Some(0));
    secrets.push(("signing key".to_owned(), seed(&workplace.read("key.pem"))));
    let canaries = Canaries::of(&secrets);

    std::fs::create_dir(workplace.path("out")).expect("the folder can be made");
    let patient = "--request-timeout 300 --scenario-timeout 900";
    let certify = format!(
        "certify given --reference {choice} {patient} --key key.pem --out out/certificate.json {REPORTS} --evidence out/evidence"
    );
    let judge = format!(
        "judge out/evidence given {choice} --report json=out/again.json --report junit=out/again.xml --report tap=-"
    );
    let commands = [
        &certify,
        &judge,
        "verify out/certificate.json --public-key key.pem.pub --run out/run.json --any-suites",
        "report render out/run.json --report html=out/rendered.html --report markdown=-",
        "compare out/run.json",
        "diff out/run.json out/again.json",
        "list given",
        "validate given",
    ];
    for words in commands {
        let mut command = workplace.command(words);
        command.envs(settings.iter().copied()).env("RUST_BACKTRACE", "1");
        let outcome = Outcome::of(command.output().expect("the binary starts"));
        assert!(matches!(outcome.code, Some(0 | 1 | 3)), "{words}: {outcome:#?}");
        canaries.assert_none_in(words, &outcome);
    }
    let files = canaries.assert_none_below(&workplace.path("out"));
    assert!(files > 10, "{files}");
    serde_json::from_str(&workplace.read("out/run.json")).expect("it is JSON")
}

/// The 32 bytes that an Ed25519 key is made of; they stand at the end of its PKCS#8 (RFC 8410, section 7).
fn seed(pem: &str) -> Vec<u8> {
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(base64).expect("it is base64");
    let start = der.windows(4).position(|four| four == [4, 34, 4, 32]).expect("it is an octet string in another") + 4;
    der[start..start + 32].to_vec()
}

fn cases_that_accuse(record: &Value, rule: &str) -> usize {
    let accuses = |case: &&Value| case["findings"].to_string().contains(&format!("\"{rule}\""));
    record["cases"].as_array().expect("it has cases").iter().filter(accuses).count()
}

fn settings_of(served: &Served) -> Vec<(&str, &str)> {
    served.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

#[rstest::rstest]
#[ignore = "a whole run"]
#[case::by_all_suites("")]
#[case::by_some("--only round-trip --only copy --only form --only presigned --only refusals --only multipart")]
fn of_an_honest_endpoint(#[case] choice: &str) {
    let workplace = Workplace::new();
    let secrets = suites_with_known_keys(&workplace);
    let served = Served::start(&workplace);
    let record = nothing_is_written(&workplace, &settings_of(&served), choice, secrets);
    let least = if choice.is_empty() { 400 } else { 100 };
    assert!(record["counts"]["pass"].as_u64() > Some(least), "{}", record["counts"]);
    assert_eq!(cases_that_accuse(&record, "customer-key-never-returned"), 0);
}

#[test]
fn of_an_endpoint_that_gives_keys_back() {
    let workplace = Workplace::new();
    let secrets = suites_with_known_keys(&workplace);
    let faults = [
        "key-in-header-of-put",
        "key-in-header-of-reads",
        "key-in-error",
        "key-in-error-as-hex",
        "key-in-error-in-base64",
        "key-in-error-as-json",
    ];
    let served = Served::start_with(&workplace, &faults.map(|fault| format!("--fault {fault}")).join(" "));
    let choice = "--only refusals/ --only key-mismatch/ --only malformed-keys/";
    let record = nothing_is_written(&workplace, &settings_of(&served), choice, secrets);
    assert!(cases_that_accuse(&record, "customer-key-never-returned") > 5, "{}", record["counts"]);
}

#[test]
fn of_an_endpoint_that_gives_back_whatever_it_was_sent() {
    let workplace = Workplace::new();
    let secrets = suites_with_known_keys(&workplace);
    let echo = Echo::start(&workplace);
    let secret = STANDARD.encode(random(30));
    let endpoint = [
        ("SSECHECK_ENDPOINT", echo.tls.as_str()),
        ("SSECHECK_PLAIN_ENDPOINT", echo.plain.as_str()),
        ("AWS_CA_BUNDLE", "ca.pem"),
        ("AWS_ACCESS_KEY_ID", "AKIDCANARY"),
        ("AWS_SECRET_ACCESS_KEY", &secret),
    ];
    let record =
        nothing_is_written(&workplace, &endpoint, "--only refusals/ --only forms/ --only plain-http/", secrets);
    assert!(cases_that_accuse(&record, "customer-key-never-returned") > 5, "{}", record["counts"]);
    assert!(record.to_string().contains("[redacted session token]"));
    assert!(record.to_string().contains("[redacted customer key]"));
    // Of each of its encodings some were answered.
    let answered = echo.answered.load(Ordering::Relaxed);
    assert!(answered > 4 * ECHOES.len(), "{answered}");
}

/// A server that writes what it was sent into everything that an answer has.
struct Echo {
    tls: String,
    plain: String,
    answered: Arc<AtomicUsize>,
}

/// How it writes it.
const ECHOES: [Encode; 12] =
    [
        |bytes| bytes.to_vec(),
        |bytes| STANDARD.encode(bytes).into(),
        |bytes| URL_SAFE.encode(bytes).into(),
        |bytes| hex::encode(bytes).into(),
        |bytes| spaced(bytes, "", " ", |b| format!("{b:02x}")),
        |bytes| spaced(bytes, "", ":", |b| format!("{b:02X}")),
        |bytes| spaced(bytes, "", "", |b| percent(b, true)),
        |bytes| spaced(bytes, "", "", |b| percent(b, false).replace('%', "%25")),
        |bytes| spaced(bytes, "", "", json_ascii),
        |bytes| {
            spaced(bytes, "", "", json_ascii)
                .into_iter()
                .flat_map(|b| if b == b'/' { vec![b'\\', b] } else { vec![b] })
                .collect()
        },
        |bytes| {
            spaced(bytes, "", "", |b| {
                if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("&#x{b:X};") }
            })
        },
        |bytes| spaced(bytes, "", ", ", |b| b.to_string()),
    ];

impl Echo {
    fn start(workplace: &Workplace) -> Self {
        let (config, ca) = raw_endpoint::tls(&raw_endpoint::Certificate::default());
        workplace.file("ca.pem", &ca);
        let config = Arc::new(config);
        let answered = Arc::new(AtomicUsize::new(0));
        let tls = listen(Arc::clone(&answered), move |stream| {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).expect("it is configured");
            rustls::StreamOwned::new(connection, stream)
        });
        let plain = listen(Arc::clone(&answered), |stream| stream);
        Self { tls: format!("https://localhost:{tls}"), plain: format!("http://localhost:{plain}"), answered }
    }
}

/// Answers at a port of its own until the test ends.
fn listen<S: Read + Write>(answered: Arc<AtomicUsize>, wrap: impl Fn(TcpStream) -> S + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let wrap = Arc::new(wrap);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (wrap, answered) = (Arc::clone(&wrap), Arc::clone(&answered));
            std::thread::spawn(move || {
                let mut stream = wrap(stream);
                while let Some((head, body)) = request(&mut stream) {
                    let number = answered.fetch_add(1, Ordering::Relaxed);
                    if stream.write_all(&answer(number, &head, &body)).and_then(|()| stream.flush()).is_err() {
                        break;
                    }
                }
            });
        }
    });
    port
}

fn request(stream: &mut impl Read) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut read = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&buffer[..count]);
        let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
        let mut body = read.split_off(end + 4);
        while body.len() < length {
            let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
            body.extend_from_slice(&buffer[..count]);
        }
        return Some((read, body));
    }
}

fn answer(number: usize, head: &[u8], body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(head).into_owned();
    let (method, rest) = text.split_once(' ').expect("it is a request");
    let path = rest.split(' ').next().unwrap_or_default();
    // What the run needs to begin and to end is granted: buckets, and the objects that show that there is one.
    let is_of_bucket = !path.trim_matches('/').split('?').next().unwrap_or_default().contains('/');
    let status = match (is_of_bucket || path.contains("/preflight/"), number % 4) {
        (true, _) | (_, 0) => "200",
        (_, 1) => "400",
        (_, 2) => "403",
        _ => "500",
    };
    let key = text.lines().find_map(|line| line.strip_prefix("x-amz-server-side-encryption-customer-key: "));
    let key = key.and_then(|key| STANDARD.decode(key).ok()).unwrap_or_default();
    let (mut in_a_header, mut in_the_body) = (Vec::new(), Vec::new());
    for piece in [head, &body[..body.len().min(8192)], &key] {
        let echoed = ECHOES[number % ECHOES.len()](piece);
        in_the_body.extend([echoed.as_slice(), b"\n"].concat());
        // As much as a client takes.
        if in_a_header.len() + echoed.len() < 8192 {
            in_a_header.extend(echoed.iter().copied().filter(|byte| matches!(byte, b' '..=b'~')));
            in_a_header.push(b' ');
        }
    }
    let is_listing = is_of_bucket && method == "GET";
    let (before, after) = if is_listing {
        ("<ListBucketResult><!--", "--></ListBucketResult>")
    } else {
        ("<Error><Code>InvalidArgument</Code><Message>", "</Message></Error>")
    };
    let document = [before.as_bytes(), &in_the_body, after.as_bytes()].concat();
    let in_a_header = String::from_utf8_lossy(&in_a_header).into_owned();
    let mut answer = format!("HTTP/1.1 {status} {}\r\n", &in_a_header[..in_a_header.len().min(300)]);
    for name in ["server", "etag", "location", "x-amz-request-id", "x-echo"] {
        answer.push_str(&format!("{name}: {in_a_header}\r\n"));
    }
    answer.push_str(&format!("content-length: {}\r\n\r\n", document.len()));
    let mut answer = answer.into_bytes();
    if method != "HEAD" {
        answer.extend(document);
    }
    answer
}

#[tokio::test]
async fn debugging_shows_no_secret() {
    let (key, secret, token) = (random(32), STANDARD.encode(random(30)), STANDARD.encode(random(90)));
    let texts = [("key", key.clone()), ("secret", secret.clone().into_bytes()), ("token", token.clone().into_bytes())];
    let canaries = Canaries::of(&texts.map(|(name, bytes)| (name.to_owned(), bytes)));
    let environment = Environment::new("/", None)
        .with("SSECHECK_ENDPOINT", "https://localhost:1")
        .with("AWS_ACCESS_KEY_ID", "AKIDCANARY")
        .with("AWS_SECRET_ACCESS_KEY", &secret)
        .with("AWS_SESSION_TOKEN", &token);
    let config = config::resolve(Typed::default(), &environment).await.expect("it is complete");
    let credentials = config.credentials.clone().expect("they are there");
    assert_eq!(*credentials.secret_access_key, secret);
    let target = Target {
        tls: "https://localhost:1".parse().expect("it is a URL"),
        plain: None,
        region: config.region.clone(),
        addressing: config.addressing,
        credentials: credentials.clone(),
        connect_timeout: config.connect_timeout,
        request_timeout: config.request_timeout,
        proxy: None,
        retry_throttled: 0,
        max_rps: None,
    };
    let fixed = Key::Fixed(Zeroizing::new(key.clone()));
    let keys = Redactor::new([("K", key.as_slice())]);
    let of_target = Redactor::of_credentials(&credentials);
    let options = ssecheck::reference::Options { credentials: Some(credentials.clone()), ..Default::default() };
    let shown: [&dyn std::fmt::Debug; 10] = [
        &environment,
        &config,
        &credentials,
        &target,
        &CustomerKey::of(&fixed),
        &fixed,
        &keys,
        &of_target,
        &Secrets { keys: &keys, credentials: &of_target },
        &options,
    ];
    for value in shown {
        for text in [format!("{value:?}"), format!("{value:#?}")] {
            assert_eq!(canaries.found_in(text.as_bytes()), [""; 0], "{text}");
        }
    }
}

#[test]
fn the_search_finds_every_encoding() {
    let secrets = vec![("the key".to_owned(), random(32)), ("another".to_owned(), random(32))];
    let canaries = Canaries::of(&secrets);
    for (name, encoded) in ENCODINGS {
        let workplace = Workplace::new();
        let planted = [b"<p>before ".as_slice(), &encoded(&secrets[0].1), b" after</p>"].concat();
        assert!(canaries.found_in(&planted).iter().any(|found| found.starts_with("the key")), "{name}");
        std::fs::create_dir(workplace.path("out")).expect("the folder can be made");
        std::fs::write(workplace.path("out/report.html"), planted).expect("it can be written");
        let searched = std::panic::catch_unwind(|| canaries.assert_none_below(&workplace.path(".")));
        assert!(searched.is_err(), "{name}");
    }
    let base64 = STANDARD.encode(&secrets[0].1);
    for escaped in [
        base64.replace('/', "\\/"),
        base64.replace('/', "&#x2f;").replace('+', "&#x2b;"),
        base64.replace('/', "%2F").replace('+', "%2B"),
        base64.replace('+', "\\u002b"),
    ] {
        assert!(!canaries.found_in(escaped.as_bytes()).is_empty(), "{escaped}");
    }
    assert_eq!(canaries.found_in(b"nothing of the kind"), [""; 0]);
}
