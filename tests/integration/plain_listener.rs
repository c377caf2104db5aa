//! What a plain-HTTP listener does in place of an answer: only one that closes the connection has refused, and only where the endpoint
//! answers others just then.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use crate::common::raw_endpoint::{Behaviour, RawEndpoint, Request, Stream};
use crate::common::{Outcome, Served, Workplace, suite};
use rstest::rstest;
use serde_json::Value;

/// The TLS listener answers as an S3 service would.
struct Tame;

#[async_trait::async_trait]
impl Behaviour for Tame {
    async fn answer(&self, _: &Request, _: &mut Stream) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

/// How a listener of the service answers a request without SSE-C headers: with the object that was stored over TLS.
const STORED: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 55\r\n\r\nStored over TLS, unencrypted, and read over plain HTTP.";

/// A listener that reads the head of each request, says one of these, without and with SSE-C headers, and closes the connection; its
/// address.
fn plain_listener(unencrypted: &'static str, says: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("it is accepted"));
            let (mut line, mut says_now) = (String::new(), unencrypted);
            while line != "\r\n" {
                line.clear();
                if stream.read_line(&mut line).is_err() || line.is_empty() {
                    break;
                }
                if line.starts_with("x-amz-server-side-encryption-customer") {
                    says_now = says;
                }
            }
            let _ = stream.get_mut().write_all(says_now.as_bytes());
        }
    });
    format!("http://{address}")
}

/// Three cases whose controls send the same.
fn three_cases() -> String {
    let put = r#"{"id": "put", "request": {"operation": "PutObject", "scheme": "plain", "body": "data", "sse_c": {"key": "K"}},
        "expect": {"refused": true}, "control": {"request": {"scheme": "tls", "sse_c": {"key": "SAFE"}}, "expect": {"status": ["200"]}}}"#;
    suite("must", put)
        .replace(r#""K": {}"#, r#""K": {}, "SAFE": {}"#)
        .replace(r#""rules":"#, r#""for_each": {"row": "rows"}, "rules":"#)
        .replace(r#""scenarios":"#, r#""tables": {"rows": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}, "scenarios":"#)
}

const REFUSAL: &str =
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 44\r\n\r\n<Error><Code>InvalidRequest</Code></Error>\r\n";

#[rstest]
#[case::refused(REFUSAL, "pass", 1)]
#[case::closed("", "pass", 3)]
#[case::broken_off("HTTP/1.1 4", "error", 0)]
#[case::broken_off_in_its_headers("HTTP/1.1 400 Bad Request\r\nContent-Le", "error", 0)]
#[case::another_protocol("+OK Dovecot ready.\r\n\r\n", "pass", 3)]
fn a_connection_is_refused_only_by_closing_it(
    #[case] says: &'static str,
    #[case] verdict: &str,
    #[case] controls: usize,
) {
    let workplace = Workplace::new();
    let endpoint = RawEndpoint::start(&workplace, Tame);
    workplace.file("one.json", &three_cases());
    let mut command = workplace.command("run one.json --jobs 1 --report json=run.json");
    command.env("SSECHECK_ENDPOINT", endpoint.url()).env("AWS_CA_BUNDLE", &endpoint.ca);
    command.env("SSECHECK_PLAIN_ENDPOINT", plain_listener(STORED, says));
    command.env("AWS_ACCESS_KEY_ID", "AKID").env("AWS_SECRET_ACCESS_KEY", "s3cret");
    let outcome = Outcome::of(command.output().expect("the binary starts"));
    let record: Value = serde_json::from_str(&workplace.read("run.json")).expect("the record is JSON");
    let cases = record["cases"].as_array().expect("it has cases");
    let verdicts: Vec<&str> = cases.iter().filter_map(|case| case["verdict"].as_str()).collect();
    assert_eq!(verdicts, [verdict; 3], "{outcome:#?}");
    // A control that was answered before says nothing of a connection that is closed now.
    if verdict == "pass" {
        assert_eq!(endpoint.count("control-of-put"), controls);
    }
}

const NO_SUCH_BUCKET: &str =
    "HTTP/1.1 404 Not Found\r\nContent-Length: 42\r\n\r\n<Error><Code>NoSuchBucket</Code></Error>\r\n";

/// A port that nothing listens at.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    format!("http://{}", listener.local_addr().expect("it is bound"))
}

#[rstest]
#[case::closed_port(closed_port(), "refused")]
#[case::another_service(plain_listener(NO_SUCH_BUCKET, NO_SUCH_BUCKET), "404 NoSuchBucket")]
#[case::a_web_server(plain_listener("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", REFUSAL), "200")]
#[case::declared_to_refuse("refuses".to_owned(), "--plain-endpoint refuses")]
#[case::declared_not_to_be_there("none".to_owned(), "--plain-endpoint none")]
fn what_refuses_everything_proves_nothing(#[case] plain: String, #[case] why: &str) {
    let workplace = Workplace::new();
    let endpoint = RawEndpoint::start(&workplace, Tame);
    workplace.file("one.json", &three_cases());
    let mut command = workplace.command("run one.json --jobs 1 --report json=run.json");
    command.env("SSECHECK_ENDPOINT", endpoint.url()).env("AWS_CA_BUNDLE", &endpoint.ca);
    command.env("SSECHECK_PLAIN_ENDPOINT", &plain);
    command.env("AWS_ACCESS_KEY_ID", "AKID").env("AWS_SECRET_ACCESS_KEY", "s3cret");
    let outcome = Outcome::of(command.output().expect("the binary starts"));
    let record: Value = serde_json::from_str(&workplace.read("run.json")).expect("the record is JSON");
    let verdicts: Vec<_> =
        record["cases"].as_array().expect("it has cases").iter().map(|case| &case["verdict"]).collect();
    assert_eq!(verdicts, ["skipped"; 3]);
    let reason = record["cases"][0]["reason"].as_str().expect("it has one");
    assert!(reason.contains(why) && reason.contains("--plain-endpoint"), "{reason}");
    // No case has a verdict.
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
}

/// Another S3 service has no bucket in common with the one under test: what it refuses shows nothing.
#[test]
#[ignore = "a whole run"]
fn the_plain_endpoint_of_another_service_is_no_evidence() {
    let (workplace, elsewhere) = (Workplace::new(), Workplace::new());
    let (mut served, other) = (Served::start(&workplace), Served::start(&elsewhere));
    served.with("SSECHECK_PLAIN_ENDPOINT", &other.settings["SSECHECK_PLAIN_ENDPOINT"]);
    // Debug builds that share a busy machine take their time.
    let patient = "--request-timeout 300 --scenario-timeout 900";
    let outcome = workplace.run_against(&served, &format!("run --report json=run.json --certify core {patient}"));
    assert_ne!(outcome.code, Some(0), "{outcome:#?}");
    let record: Value = serde_json::from_str(&workplace.read("run.json")).expect("the record is JSON");
    let cases = record["cases"].as_array().expect("it has cases");
    let skipped: Vec<&Value> = cases.iter().filter(|case| case["verdict"] == "skipped").collect();
    assert!(!skipped.is_empty());
    for case in skipped {
        let reason = case["reason"].as_str().expect("it has one");
        assert!(reason.contains("would prove nothing") && reason.contains("--plain-endpoint"), "{case:#}");
    }
    // Nothing but these stands in the way.
    let others = cases.iter().filter(|case| case["verdict"] != "skipped");
    assert!(others.clone().all(|case| case["verdict"] == "pass" || case["verdict"] == "observed"), "{outcome:#?}");
    let levels = record["certification"].as_array().expect("all built-in cases were run");
    assert!(levels.len() == 3 && levels.iter().all(|level| level["not_passed"].as_u64() > Some(0)), "{levels:#?}");
}
