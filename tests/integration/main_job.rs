//! The main job: all suites against the embedded endpoint, and what comes of it.

use crate::common::{Served, Workplace, repository, suite};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;

fn attribute(element: &BytesStart<'_>, name: &str) -> String {
    let found = element.attributes().flatten().find(|attribute| attribute.key.as_ref() == name.as_bytes());
    found
        .map(|attribute| String::from_utf8_lossy(&attribute.value).into_owned())
        .unwrap_or_else(|| panic!("no attribute {name}"))
}

/// The one whole run of `cargo test`. `.ci/run` makes it for the other profiles, too.
#[test]
fn every_built_in_scenario_passes_on_the_embedded_endpoint() {
    let (workplace, profile) = (Workplace::new(), "portable");
    // Debug builds that share a busy machine take their time.
    let patient = "--request-timeout 300 --scenario-timeout 900";
    let outcome = workplace.run(&format!("run --profile {profile} {patient}"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.out);

    let listed: Value = serde_json::from_str(&workplace.run("list --format json").out).expect("the list is JSON");
    let suites = listed["suites"].as_array().expect("it lists suites");
    let runs = |case: &&Value| {
        let profiles = case["profiles"].as_array().expect("it lists the profiles");
        profiles.is_empty() || profiles.iter().any(|named| named == profile)
    };
    let listed = || suites.iter().flat_map(|s| s["cases"].as_array().expect("it lists cases")).filter(runs);
    let (cases, observations) = (listed().count(), listed().filter(|case| case["level"] == "observe").count());
    assert!(cases >= 120, "{cases}");
    let counts = format!("{} pass, {observations} observed", cases - observations);
    assert!(outcome.out.contains(&counts), "{counts}: {}", outcome.out);

    let document = workplace.read("reports/junit.xml");
    let mut reader = Reader::from_str(&document);
    let (mut suite_elements, mut case_elements, mut told, mut skipped) = (0, 0, 0, 0);
    loop {
        match reader.read_event().expect("the report is XML") {
            Event::Eof => break,
            Event::Start(element) | Event::Empty(element) => match element.name().as_ref() {
                b"testsuite" => {
                    suite_elements += 1;
                    told += attribute(&element, "tests").parse::<usize>().expect("a number");
                    for count in ["errors", "failures"] {
                        assert_eq!(attribute(&element, count), "0");
                    }
                    skipped += attribute(&element, "skipped").parse::<usize>().expect("a number");
                }
                b"testcase" => case_elements += 1,
                b"property" if attribute(&element, "name") == "profile" => {
                    assert_eq!(attribute(&element, "value"), profile);
                }
                _ => {}
            },
            _ => {}
        }
    }
    assert_eq!((suite_elements, case_elements, told, skipped), (suites.len(), cases, cases, observations));
}

#[test]
fn a_failure_tells_everything_but_the_customer_key() {
    let workplace = Workplace::new();
    let key = std::fs::read_to_string(repository().join("fixtures/keys/plus-and-slash.hex")).expect("it is there");
    let key = key.trim();
    workplace.file("fixtures/keys/k.hex", key);
    let steps = r#"{"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}}, "expect": {"status": ["201"]}}"#;
    workplace.file("one.json", &suite("must", steps).replace(r#""K": {}"#, r#""K": {"file": "keys/k.hex"}"#));
    let outcome = workplace.run("run one.json --report junit=out.xml --report json=out.json");
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let (report, record) = (workplace.read("out.xml"), workplace.read("out.json"));
    let bytes = hex::decode(key).expect("it is hexadecimal");
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    for text in [&outcome.out, &outcome.err, &report, &record] {
        assert!(!text.contains(key) && !text.contains(&base64), "{text}");
    }
    let record: Value = serde_json::from_str(&record).expect("the record is JSON");
    let found = &record["cases"][0]["findings"][0];
    assert_eq!(found["exchange"]["sent"]["method"], "PUT", "{record:#}");
    assert_eq!(found["exchange"]["reply"]["answer"]["status"], 200, "{record:#}");
    assert_eq!(
        (&found["finding"]["mismatches"][0]["expected"], &record["rules"][0]["id"]),
        (&"201".into(), &"put-echoes".into())
    );
    for text in [&outcome.out, &report] {
        for told in
            ["put-echoes", "PUT https://", "expected 201", "came back: 200", "source (recorded)", "why it matters"]
        {
            assert!(text.contains(told), "{told}: {text}");
        }
    }
}

#[test]
fn an_output_that_nobody_reads_does_not_change_the_verdict() {
    let workplace = Workplace::new();
    let mut child = workplace
        .command("run --only round-trip/get")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("it was started").code(), Some(0));
}

#[test]
fn the_schema_is_printed_as_it_is_checked_in() {
    let checked_in = std::fs::read_to_string(repository().join("suites/suite.schema.json")).expect("it is there");
    assert_eq!(Workplace::new().run("schema").out, checked_in);
}

/// A server without TLS that answers the read of what was stored over TLS, and then one request with text meant to break terminals and
/// reports.
fn hostile_listener() -> (String, std::thread::JoinHandle<()>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("it connects");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the request has a head");
            request.push(byte[0]);
        }
        let stored = "Stored over TLS, unencrypted, and read over plain HTTP.";
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", stored.len());
        stream.write_all((head + stored).as_bytes()).expect("it reads the answer");
        let (mut stream, _) = listener.accept().expect("it connects again");
        request.clear();
        while !request.ends_with(b"some text") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the request has a body");
            request.push(byte[0]);
        }
        let body = b"<Error><Code>\x1b[2J</Code>]]>\x00\xe2\x80\xae</testcase>\xef\xbf\xbf</Error>";
        let head = format!("HTTP/1.1 200 OK\r\nx-odd: \x09\u{ff}]]>\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("it reads the answer");
    });
    (format!("http://{address}"), answering)
}

#[test]
fn hostile_answers_break_neither_terminal_nor_report() {
    let workplace = Workplace::new();
    let mut served = Served::start(&workplace);
    let (url, answering) = hostile_listener();
    served.with("SSECHECK_PLAIN_ENDPOINT", &url);
    let steps = r#"{"id": "put", "request": {"operation": "PutObject", "scheme": "plain", "body": "data", "sse_c": {"key": "K"}}, "expect": {"refused": true}, "control": {"request": {"scheme": "tls"}}}"#;
    workplace.file("one.json", &suite("must", steps));
    let outcome = workplace.run_against(&served, "run one.json --report junit=out.xml");
    answering.join().expect("it answered");
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    let report = workplace.read("out.xml");
    for text in [&outcome.out, &outcome.err, &report] {
        let odd = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{ffff}');
        assert!(!text.contains(odd), "{text:?}");
    }
    assert!(report.contains("\\u{1b}[2J"), "{report}");
    let mut reader = Reader::from_str(&report);
    let mut cases = 0;
    loop {
        match reader.read_event().expect("the report is well-formed") {
            Event::Eof => break,
            Event::Start(element) if element.name().as_ref() == b"testcase" => cases += 1,
            _ => {}
        }
    }
    assert_eq!(cases, 1);
}
