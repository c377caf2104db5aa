//! What must hold of whatever strangers and endpoints send: functions of bytes, which the fuzz targets in `fixtures/fuzz` and
//! the property tests share.
#![allow(dead_code, reason = "each user takes a part")]

use std::path::Path;
use std::sync::LazyLock;

use sha2::{Digest as _, Sha256};
use ssecheck::evidence::{Answer, Element, Exchange, Received, Reply, Sent};
use ssecheck::record;
use ssecheck::report::RunFormat;
use ssecheck::rules::Catalogue;
use ssecheck::suite::limits::{MAX_ALL_STEPS, MAX_CASES, MAX_MISTAKES};
use ssecheck::suite::model::{EtagFormat, Operation, Outcome, Scheme, Step};
use ssecheck::suite::{FileDiagnostics, Suite, SuiteSource, embedded, load};
use ssecheck::verdict::{Facts, StepsOutcome, Terms, Transcript, judge_step};

/// A property of bytes; it panics where it does not hold.
pub type Property = fn(&[u8]);

/// All of them, by the name of their fuzz target.
pub const ALL: [(&str, Property); 4] =
    [("suite", suite), ("error_xml", error_xml), ("answer", answer), ("record", run_record)];

static RULES: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::embedded().expect("the rules are right"));
static SUITES: LazyLock<Vec<Suite>> =
    LazyLock::new(|| embedded().iter().map(|source| load(source, &RULES).expect("they are right")).collect());

/// Reads the built-in suites, which takes a fuzzer longer than an input may.
pub fn make_ready() {
    LazyLock::force(&SUITES);
}

/// A suite is loaded within the limits, or its mistakes are told, each with a place in the file.
pub fn suite(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let fixtures = embedded().swap_remove(0).fixtures;
    let source = SuiteSource { name: "stranger.json".to_owned(), text: text.to_owned(), fixtures };
    match load(&source, &RULES) {
        Ok(suite) => {
            let probes = suite.capabilities.iter().map(|capability| &capability.probe);
            let steps =
                suite.cases.iter().map(AsRef::as_ref).chain(probes).map(|case| case.steps.len() as u64).sum::<u64>();
            assert!(suite.cases.len() as u64 <= MAX_CASES && steps <= MAX_ALL_STEPS);
            assert_eq!(suite.digest, hex(bytes));
            let again = load(&source, &RULES).expect("it was loaded before");
            assert!(suite.cases.iter().map(|case| &case.id).eq(again.cases.iter().map(|case| &case.id)));
        }
        Err(mistakes) => assert_are_told(&mistakes, text),
    }
}

fn assert_are_told(mistakes: &FileDiagnostics, text: &str) {
    let found = &mistakes.diagnostics;
    assert!(!found.is_empty() && found.len() <= MAX_MISTAKES);
    for diagnostic in found {
        let (from, to) = diagnostic.span;
        assert!(text.get(from..to).is_some(), "{from}..{to} is no part of the file");
        assert!(diagnostic.line >= 1 && diagnostic.line <= text.matches('\n').count() + 1, "{}", diagnostic.line);
        assert!(diagnostic.column >= 1 && !diagnostic.message.is_empty());
        assert!(!diagnostic.message.chars().any(|c| c.is_control() && c != '\n'), "{:?}", diagnostic.message);
    }
    let told = mistakes.to_string();
    assert!(told.contains("stranger.json: ") && told.len() < MAX_MISTAKES * 20_000);
}

/// An answer's XML is read within the limits, the same each time, and so that writing it again changes nothing.
pub fn error_xml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let read = Element::parse(text);
    assert_eq!(read, Element::parse(text));
    let Ok(read) = read else { return };
    let Size { depth, elements, text: length } = size(&read);
    assert!(depth <= 32 && elements <= 20_000, "{depth} levels, {elements} elements");
    // No entity stands for more than is written for it: nothing is expanded.
    assert!(length <= text.len(), "{length} bytes of text out of {}", text.len());
    let mut written = String::new();
    if write(&read, &mut written) {
        assert_eq!(Element::parse(&written), Ok(read), "{written}");
    }
}

struct Size {
    depth: usize,
    elements: usize,
    text: usize,
}

fn size(element: &Element) -> Size {
    let mut whole = Size { depth: 0, elements: 1, text: element.text.len() };
    for child in &element.children {
        let Size { depth, elements, text } = size(child);
        whole = Size { depth: whole.depth.max(depth), elements: whole.elements + elements, text: whole.text + text };
    }
    Size { depth: whole.depth + 1, ..whole }
}

/// Writes an element with every character as a reference; not where XML has no such name or character.
fn write(element: &Element, to: &mut String) -> bool {
    let is_writable = element.name.starts_with(|c: char| c.is_ascii_alphabetic())
        && element.name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        // Where one stands in a text, it is read all the same; but nobody may write it (XML 1.0, section 2.2).
        && element.text.chars().all(|c| matches!(c, '\t' | '\n' | '\r') || c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    to.push_str(&format!("<{}>", element.name));
    to.extend(element.text.chars().map(|c| format!("&#{};", u32::from(c))));
    let children = element.children.iter().all(|child| write(child, to));
    to.push_str(&format!("</{}>", element.name));
    is_writable && children
}

/// Any answer to the steps of a real case is judged the same each time, and passes no step whose demands it does not meet.
pub fn answer(bytes: &[u8]) {
    let answer = answer_of(bytes);
    let suite = &SUITES[usize::from(bytes.first().copied().unwrap_or(0)) % SUITES.len()];
    let cases: Vec<_> =
        suite.cases.iter().map(AsRef::as_ref).chain(suite.capabilities.iter().map(|it| &it.probe)).collect();
    let case = cases[usize::from(bytes.get(1).copied().unwrap_or(0)) % cases.len()];
    // What nobody can guess who does not have the key.
    let key_md5 = suite.keys.keys().map(|key| (key.clone(), hex(format!("MD5 of {key}").as_bytes()))).collect();
    let mut transcript = Transcript { facts: Facts { key_md5, ..Facts::default() }, ..Transcript::default() };
    for step in &case.steps {
        transcript.exchanges.push(exchange(step, &answer, false));
        transcript.exchanges.push(exchange(step, &answer, true));
    }
    let own = case.own_rules();
    let terms = Terms {
        control: false,
        profile: "aws",
        own: &own,
        observes: false,
        bucket: case.bucket,
        steps: &case.steps,
        bodies: &suite.bodies,
    };
    for step in &case.steps {
        let outcome = judge_step(step, terms, &transcript);
        assert_eq!(outcome, judge_step(step, terms, &transcript));
        if outcome == StepsOutcome::Held {
            for demanded in step.needs.iter().chain(&step.expect) {
                assert!(meets(demanded, step, &answer), "{} passed by {answer:?}", step.id);
            }
        } else {
            assert!(outcome.finding().is_some_and(|finding| !finding.mismatches.is_empty()));
        }
    }
}

/// What an answer must be at least to meet an outcome; by code that the judge does not use.
fn meets(outcome: &Outcome, step: &Step, answer: &Answer) -> bool {
    let status = answer.status.to_string();
    let fits = |wanted: &String| *wanted == status || *wanted == format!("{}xx", answer.status / 100);
    let over_tls = step.request.scheme.unwrap_or_default() == Scheme::Tls;
    let is_header = |name: &String| answer.headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    let etag = answer.etag().unwrap_or_default();
    let digits = etag.chars().filter(char::is_ascii_hexdigit).count();
    let is_etag = match outcome.etag.as_ref().and_then(|etag| etag.format) {
        Some(EtagFormat::Hex32) => digits == 32 && etag.len() == 32,
        Some(EtagFormat::Multipart) => digits > 32 && etag.contains('-'),
        None => outcome.etag.is_none() || !etag.is_empty(),
    };
    (outcome.status.is_empty() || outcome.status.iter().any(fits))
        && (!outcome.refused || !over_tls || matches!(answer.status, 400..=499) && !matches!(answer.status, 408 | 429))
        && outcome.echo.is_none()
        && outcome.headers.iter().all(|(name, header)| is_header(name) != header.absent)
        && is_etag
        && (outcome.any_of.is_empty() || outcome.any_of.iter().any(|one| meets(one, step, answer)))
}

fn exchange(step: &Step, answer: &Answer, storage_probe: bool) -> Exchange {
    let operation = step.request.operation.unwrap_or(Operation::GetObject);
    let method = if operation == Operation::HeadObject { "HEAD" } else { "GET" };
    Exchange {
        step: step.id.clone(),
        storage_probe,
        sent: Sent {
            operation: operation.as_str().to_owned(),
            scheme: step.request.scheme.unwrap_or_default(),
            method: method.to_owned(),
            url: "https://localhost/bucket/key".to_owned(),
            object_key: "key".to_owned(),
            ..Sent::default()
        },
        reply: Reply::Answer(answer.clone()),
        started: time::OffsetDateTime::UNIX_EPOCH,
        seconds: 0.0,
        framing: None,
        peer: None,
    }
}

/// An answer as HTTP writes it, after two bytes that choose the case: a status, header lines, an empty line, the body.
fn answer_of(bytes: &[u8]) -> Answer {
    let rest = bytes.get(2..).unwrap_or_default();
    let split = rest.windows(2).position(|two| two == b"\n\n");
    let (head, body) = split.map_or((rest, &[][..]), |at| (&rest[..at], &rest[at + 2..]));
    let head = String::from_utf8_lossy(head);
    let mut lines = head.split('\n');
    let status = lines.next().and_then(|status| status.trim().parse().ok()).unwrap_or(200);
    let headers = lines.map(|line| line.split_once(':').unwrap_or((line, "")));
    Answer {
        version: "HTTP/1.1".to_owned(),
        status: 100 + status % 500,
        headers: headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect(),
        body: Received {
            length: body.len() as u64,
            sha256: hex(body),
            text: std::str::from_utf8(body).ok().map(str::to_owned),
            discloses: Vec::new(),
            cut_short: None,
            is_lost: false,
        },
        leaked_keys: Vec::new(),
    }
}

/// What is read as the record of a run is rendered in every format, and is the same once it is written and read again.
pub fn run_record(bytes: &[u8]) {
    let path = Path::new("run.json");
    let run = match record::parse(bytes, path) {
        Ok(run) => run,
        Err(error) => return assert!(error.to_string().contains("run.json")),
    };
    for (name, format) in RunFormat::ALL {
        assert!(format.render(&run).is_ok(), "{name}");
    }
    let written = run.to_json().expect("it was JSON");
    let again = record::parse(&written, path).expect("it was a record");
    assert!(again.to_json().expect("it was JSON") == written);
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
