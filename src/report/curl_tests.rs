//! What the scripts of [`curl`](super::curl()) make a shell do.

use std::collections::BTreeMap;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use proptest::prelude::*;
use rstest::rstest;

use super::{curl, curl_script};
use crate::evidence::{Exchange, Reply};
use crate::record::samples::exchange;

const URL: &str = "https://localhost:9000/bucket/object";
const KEY: &str = "x-amz-server-side-encryption-customer-key";
const KEY_MD5: &str = "x-amz-server-side-encryption-customer-key-md5";
const MD5: &str = "+YFK29Wm2qNqqfiDqKvaOw==";

fn with_headers(method: &str, headers: &[(&str, &str)]) -> Exchange {
    let mut exchange = exchange(method, URL);
    exchange.sent.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    exchange
}

fn md5s(name: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), MD5.to_owned())])
}

/// What a script calls `curl` with, and anything that it prints besides.
fn called(script: &str, key: &str) -> Vec<Vec<String>> {
    let told = "curl() { printf 'curl\\0'; for word; do printf '=%s\\0' \"$word\"; done; }";
    let ran = Command::new("sh")
        .args(["-u", "-c", &format!("{told}\n{script}")])
        .envs([("KEY_K", key), ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "se$ cret")])
        .envs([("AWS_SESSION_TOKEN", "token"), ("AWS_REGION", "here")])
        .output()
        .expect("there is a shell");
    assert_eq!(String::from_utf8_lossy(&ran.stderr), "", "{script}");
    let out = String::from_utf8(ran.stdout).expect("it is text");
    let mut calls: Vec<Vec<String>> = Vec::new();
    for part in out.split_terminator('\0') {
        match (part, part.strip_prefix('=')) {
            ("curl", _) => calls.push(Vec::new()),
            (_, Some(word)) => calls.last_mut().expect("curl was called").push(word.to_owned()),
            (other, None) => panic!("the script printed {other:?}:\n{script}"),
        }
    }
    calls
}

/// The values of an option in a call.
fn values<'c>(call: &'c [String], option: &str) -> Vec<&'c str> {
    call.windows(2).filter(|pair| pair[0] == option).map(|pair| pair[1].as_str()).collect()
}

fn call_of(exchange: &Exchange) -> Vec<String> {
    let calls = called(&curl(exchange, &BTreeMap::new()), "unused");
    assert_eq!(calls.len(), 1);
    calls.into_iter().next().unwrap_or_default()
}

#[test]
fn keys_and_their_md5s_are_placeholders_and_the_script_makes_them() {
    let mut sent = with_headers(
        "PUT",
        &[
            (KEY, "<base64 of customer key K: 44 characters>"),
            (KEY_MD5, MD5),
            ("x-both", &format!("{MD5}, <hex of customer key K: 64 characters>")),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=A/20261125/eu-west-1/s3/aws4_request, SignedHeaders=h, Signature=x",
            ),
            ("x-amz-date", "20261125T000000Z"),
            ("x-amz-content-sha256", "e3b0"),
            ("content-length", "4"),
        ],
    );
    sent.sent.body_text = Some("some".to_owned());
    sent.sent.body_length = 4;
    let script = curl(&sent, &md5s("K"));
    let first = script.lines().next().unwrap_or_default();
    assert!(first.starts_with("# ") && first.contains("openssl rand -base64 32"), "{script}");
    assert!(script.contains(&format!("-H \"{KEY}: $KEY_K\"")), "{script}");
    assert!(script.contains(&format!("-H \"{KEY_MD5}: $KEY_K_MD5\"")), "{script}");
    let key = [7u8; 32];
    let calls = called(&script, &STANDARD.encode(key));
    let md5 = STANDARD.encode(Md5::digest(key));
    assert_eq!(
        values(&calls[0], "-H"),
        [
            format!("{KEY}: {}", STANDARD.encode(key)),
            format!("{KEY_MD5}: {md5}"),
            format!("x-both: {md5}, {}", hex::encode(key)),
            "x-amz-content-sha256: e3b0".to_owned(),
            "Content-Type: application/octet-stream".to_owned(),
        ]
    );
    assert_eq!(values(&calls[0], "--aws-sigv4"), ["aws:amz:eu-west-1:s3"]);
    assert_eq!(values(&calls[0], "--user"), ["id:se$ cret"]);
    assert_eq!(values(&calls[0], "--data-binary"), ["some"]);
    assert_eq!((values(&calls[0], "-X"), values(&calls[0], "--url")), (vec!["PUT"], vec![URL]));
}

#[rstest]
#[case("base64_unpadded", |key: &[u8]| STANDARD.encode(key).trim_end_matches('=').to_owned())]
#[case("base64_truncated", |key: &[u8]| { let text = STANDARD.encode(key); text[..text.len() - 4].to_owned() })]
#[case("base64url", |key: &[u8]| base64::engine::general_purpose::URL_SAFE.encode(key))]
#[case("base64_twice", |key: &[u8]| STANDARD.encode(STANDARD.encode(key)))]
#[case("hex", |key: &[u8]| hex::encode(key))]
fn every_form_of_a_key_is_made_of_it(#[case] form: &str, #[case] made: fn(&[u8]) -> String) {
    let sent = with_headers("GET", &[(KEY, &format!("<{form} of customer key K: 44 characters>"))]);
    let key: Vec<u8> = (200u8..232).collect();
    let calls = called(&curl(&sent, &BTreeMap::new()), &STANDARD.encode(&key));
    assert_eq!(values(&calls[0], "-H"), [format!("{KEY}: {}", made(&key))]);
}

#[test]
fn a_key_that_is_not_given_is_made_with_as_many_bytes() {
    let sent = with_headers(
        "GET",
        &[
            (KEY, "<base64 of customer key OTHER: 24 characters>"),
            ("x-none", "<base64 of customer key E: 0 characters>"),
        ],
    );
    let calls = called(&curl(&sent, &BTreeMap::new()), "unused");
    let made = values(&calls[0], "-H")[0].strip_prefix(&format!("{KEY}: ")).expect("it is the key");
    assert_eq!(STANDARD.decode(made).expect("it is base64").len(), 16);
    assert_eq!(values(&calls[0], "-H")[1], "x-none;");
}

#[test]
fn names_of_keys_share_no_variable() {
    let sent = with_headers(
        "GET",
        &[
            ("x-a", "<base64 of customer key a-b: 44 characters>"),
            ("x-b", "<base64 of customer key a_b: 44 characters>"),
        ],
    );
    let calls = called(&curl(&sent, &BTreeMap::new()), "unused");
    let sent = values(&calls[0], "-H");
    assert_ne!(sent[0].trim_start_matches("x-a"), sent[1].trim_start_matches("x-b"));
}

#[rstest]
#[case::head("HEAD", "--head")]
#[case::delete("DELETE", "-X")]
fn methods_are_sent_as_curl_wants_them(#[case] method: &str, #[case] option: &str) {
    let call = call_of(&exchange(method, URL));
    assert!(call.iter().any(|word| word == option), "{call:?}");
    assert!(values(&call, "--data-binary").is_empty() && values(&call, "--aws-sigv4").is_empty(), "{call:?}");
}

#[test]
fn a_body_of_nothing_has_a_length_and_an_empty_header_is_sent() {
    let call = call_of(&with_headers("PUT", &[("x-empty", ""), ("x-blank", " \t")]));
    assert!(values(&call, "--data-binary").is_empty());
    assert_eq!(values(&call, "-H"), ["x-empty;", "x-blank;", "Content-Length: 0"]);
}

#[test]
fn what_begins_with_an_at_sign_is_no_file() {
    let mut sent = with_headers("PUT", &[("@/etc/passwd", "x"), ("x-ok", "@/etc/passwd")]);
    sent.sent.body_text = Some("@/etc/passwd".to_owned());
    let call = call_of(&sent);
    assert_eq!(values(&call, "--data-raw"), ["@/etc/passwd"]);
    assert_eq!(values(&call, "-H")[0], "x-ok: @/etc/passwd");
    assert!(values(&call, "--data-binary").is_empty());

    let mut form = exchange("POST", URL);
    form.sent.fields = vec![("key".to_owned(), "@/etc/passwd".to_owned()), ("a=@b".to_owned(), "x".to_owned())];
    let call = call_of(&form);
    assert_eq!(values(&call, "--form-string"), ["key=@/etc/passwd"]);
    assert_eq!(values(&call, "-F"), ["file=@body"]);
}

#[rstest]
#[case("a\r\nx-other: b")]
#[case("a\nb")]
#[case("a\0b")]
fn what_is_no_header_line_is_left_out_and_told(#[case] value: &str) {
    let script = curl(&with_headers("GET", &[("x-odd", value), ("x-ok", "1")]), &BTreeMap::new());
    assert!(script.contains("# left out, as it is no header line: x-odd: a"), "{script}");
    assert_eq!(values(&called(&script, "unused")[0], "-H"), ["x-ok: 1"]);
}

#[rstest]
#[case("file:///etc/passwd")]
#[case("-o/etc/passwd")]
#[case("https://localhost/\n")]
fn what_is_no_address_of_a_server_is_not_sent_to(#[case] url: &str) {
    assert!(called(&curl(&exchange("GET", url), &BTreeMap::new()), "unused").is_empty());
}

#[test]
fn what_curl_cannot_repeat_is_told() {
    let mut sent = exchange("PUT", "https://localhost/b/o?X-Amz-Signature=redacted");
    sent.sent.remarks =
        ["cut off on purpose in the middle of its body", "not signed", "presigned: the URL holds the signature"]
            .map(str::to_owned)
            .to_vec();
    sent.sent.body_length = 70_000;
    let script = curl(&sent, &BTreeMap::new());
    for told in [
        "curl does not repeat this: cut off",
        "# Not signed.",
        "must be signed anew",
        "one of 70000 bytes to the file `body`",
    ] {
        assert!(script.contains(told), "{told}: {script}");
    }
    assert_eq!(script.matches("must be signed anew").count(), 1);
    assert_eq!(values(&call_of(&sent), "--data-binary"), ["@body"]);
}

#[rstest]
#[case::as_it_was(Some("some"), 4, "e3b0")]
#[case::with_another_md5(Some(MD5), 24, "UNSIGNED-PAYLOAD")]
#[case::not_recorded(None, 70_000, "UNSIGNED-PAYLOAD")]
fn the_digest_is_left_out_where_the_body_is_another(
    #[case] text: Option<&str>,
    #[case] length: u64,
    #[case] digest: &str,
) {
    let mut sent = with_headers("PUT", &[("x-amz-content-sha256", "e3b0")]);
    (sent.sent.body_text, sent.sent.body_length) = (text.map(str::to_owned), length);
    let calls = called(&curl(&sent, &md5s("K")), &STANDARD.encode([0; 32]));
    assert_eq!(values(&calls[0], "-H")[0], format!("x-amz-content-sha256: {digest}"));
}

#[test]
fn values_of_earlier_answers_are_told_with_their_steps() {
    let mut create = exchange("POST", "https://localhost/b/o?uploads");
    create.step = "create".to_owned();
    if let Reply::Answer(answer) = &mut create.reply {
        answer.body.text = Some("<R><UploadId>ab/c+defgh</UploadId></R>".to_owned());
    }
    let part = exchange("PUT", "https://localhost/b/o?partNumber=1&uploadId=ab%2Fc%2Bdefgh&versionId=v123");
    let script = curl_script(&[&create, &part], &BTreeMap::new());
    assert!(script.contains("# ab/c+defgh is the UploadId that step create was answered with"), "{script}");
    assert!(script.contains("# versionId=v123 came in an earlier answer"), "{script}");
    assert!(!script.contains("# uploadId="), "{script}");
    assert_eq!(called(&script, "unused").len(), 2);
    assert!(curl(&part, &BTreeMap::new()).contains("# uploadId=ab/c+defgh came in an earlier answer"));
}

/// Text that means something to shells and to curl, or anything else.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("$(touch x)".to_owned()),
        Just("`id`".to_owned()),
        Just("\\".to_owned()),
        Just("!".to_owned()),
        Just("\n".to_owned()),
        Just("; echo hi #".to_owned()),
        Just("<base64 of customer key K: 44 characters>".to_owned()),
        Just(MD5.to_owned()),
        Just("@".to_owned()),
        Just("\u{202e}".to_owned()),
        "[a-zA-Z0-9 _é-]{0,6}",
        ".{0,3}",
    ];
    proptest::collection::vec(pieces, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn the_shell_calls_curl_with_what_was_sent(
        path in hostile(), name in "[!#$%&'*+.^_`|~0-9a-zA-Z-]{1,8}", value in hostile(), text in hostile(),
        remark in hostile(), step in hostile(), key in hostile(),
    ) {
        let bytes = [9u8; 32];
        let mut sent = exchange("PUT", &format!("https://localhost/{path}"));
        sent.step = step;
        sent.sent.headers = vec![(name.clone(), value.clone())];
        sent.sent.body_length = text.len() as u64;
        sent.sent.body_text = Some(text.clone());
        sent.sent.remarks = vec![remark];
        let calls = called(&curl_script(&[&sent, &sent], &BTreeMap::from([("K".to_owned(), MD5.to_owned()), (key, "".to_owned())])), &STANDARD.encode(bytes));
        if sent.sent.url.contains(char::is_control) || url::Url::parse(&sent.sent.url).is_err() {
            prop_assert!(calls.is_empty());
            return Ok(());
        }
        prop_assert_eq!(calls.len(), 2);
        let (key, md5) = (STANDARD.encode(bytes), STANDARD.encode(Md5::digest(bytes)));
        let meant = |text: &str| text.replace("<base64 of customer key K: 44 characters>", &key).replace(MD5, &md5);
        for call in &calls {
            prop_assert_eq!(values(call, "--url"), [sent.sent.url.as_str()]);
            let is_own = ["authorization", "x-amz-date", "x-amz-content-sha256", "content-length", "host", "x-amz-security-token"].contains(&&*name.to_lowercase());
            if !value.contains(['\n', '\r', '\0']) && !value.trim().is_empty() && !is_own {
                prop_assert_eq!(values(call, "-H")[0], format!("{name}: {}", meant(&value)));
            }
            if !text.is_empty() && !text.contains('\0') {
                let option = if text.starts_with('@') { "--data-raw" } else { "--data-binary" };
                prop_assert_eq!(values(call, option), [meant(&text)]);
            }
        }
    }
}
