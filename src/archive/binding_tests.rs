//! What contradicts a manifest, one change at a time.

use std::sync::Arc;

use rstest::rstest;
use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::evidence::{Answer, Peer, samples};

/// A run of one case with a control, one case that lacks a capability, and one that was not run.
fn manifest() -> Value {
    let kept = |file: &str, digest: &str| json!({"file": file, "sha256": digest});
    let control = |step: &str| json!({"step": step, "kept": kept("controls/1.har", "2")});
    json!({
        "format": "ssecheck-evidence/2", "ssecheck": "0.1.0", "run": "r1",
        "started": "2026-11-26T12:00:00.5Z", "ended": "2026-11-26T12:01:00Z", "seconds": 59.5, "interrupted": false,
        "endpoint": "https://localhost:1234/", "plain_endpoint": "http://localhost:1235/", "embedded": true,
        "peers": {
            "tls": [{"address": "127.0.0.1:1234", "certificate": "aa"}, {"address": "[::1]:1234", "certificate": "bb"}],
            "plain": ["127.0.0.1:1235"], "servers": ["S"],
        },
        "bucket": "b", "buckets": ["b", "ssecheck-r1-own-1"], "prefix": "p/r1/",
        "profile": {"id": "portable", "digest": ""}, "complete": true, "limits": [], "suites_digest": "", "left_behind": [],
        "all_kept": true,
        "cases": [
            {"id": "s/one[x,y]", "seconds": 1.0, "own": kept("cases/1.har", "1"), "controls": [control("get")]},
            {"id": "s/two", "seconds": 1.0, "own": kept("cases/2.har", "3"), "controls": [control("head")]},
            {"id": "s/lacking", "seconds": 1.0, "lacks": "acl"},
            {"id": "s/left-out", "seconds": 0.0, "not_run": {"reason": "why", "incomplete": true, "requests": ""}},
        ],
        "probes": [{"capability": "acl", "kept": kept("probes/acl.har", "4")}],
        "housekeeping": kept("housekeeping.har", "5"),
    })
}

fn bound(manifest: Value) -> Result<Binding, Contradiction> {
    Binding::of(&serde_json::from_value(manifest).expect("it is a manifest"))
}

/// A PutObject of the case `s/one[x,y]`.
fn put() -> Exchange {
    let headers = vec![("Server".to_owned(), "S".to_owned())];
    let mut put = samples::exchange("put", Reply::Answer(Answer { headers, ..samples::answer(200) }));
    put.sent.object_key = "p/r1/s/one/x.y/the object".to_owned();
    put.sent.url = "https://localhost:1234/b/p/r1/s/one/x.y/the%20object".to_owned();
    put.sent.headers = vec![("x-amz-date".to_owned(), "20261126T120030Z".to_owned())];
    put.started = datetime!(2026-11-26 12:00:30.25 UTC);
    put.peer = peer("127.0.0.1:1234", Some("aa"));
    put
}

fn peer(address: &str, certificate: Option<&str>) -> Option<Arc<Peer>> {
    Some(Arc::new(Peer { address: address.to_owned(), certificate: certificate.map(str::to_owned) }))
}

/// Makes the request one over plain HTTP.
fn over_plain(put: &mut Exchange) {
    put.sent.scheme = Scheme::Plain;
    put.sent.url = put.sent.url.replace("https://localhost:1234", "http://localhost:1235");
    put.peer = peer("127.0.0.1:1235", None);
}

/// Makes the request one to a URL and object key.
fn to(put: &mut Exchange, url: &str, key: &str) {
    put.sent.url = url.to_owned();
    put.sent.object_key = key.to_owned();
}

#[rstest]
#[case::as_it_was(|_: &mut Exchange| {})]
#[case::at_another_address(|put: &mut Exchange| put.peer = peer("[::1]:1234", Some("bb")))]
#[case::over_plain_http(over_plain)]
#[case::virtual_addressing(|put: &mut Exchange| put.sent.url = put.sent.url.replace("localhost:1234/b", "b.localhost:1234"))]
#[case::to_a_bucket(|put: &mut Exchange| to(put, "https://localhost:1234/ssecheck-r1-own-1?acl", ""))]
#[case::a_listing_for_an_object(|put: &mut Exchange| put.sent.url = "https://localhost:1234/b?list-type=2".to_owned())]
#[case::of_another_attempt(|put: &mut Exchange| {
    to(put, "https://localhost:1234/b/p/r1/s/one/x.y/attempt-1/o", "p/r1/s/one/x.y/attempt-1/o");
})]
#[case::no_server_header(|put: &mut Exchange| put.reply = Reply::Answer(samples::answer(200)))]
#[case::at_the_first_moment(|put: &mut Exchange| {
    put.started = datetime!(2026-11-26 11:59:59.5 UTC);
    put.sent.headers[0].1 = "20261126T115959Z".to_owned();
})]
#[case::sent_again_for_long(|put: &mut Exchange| {
    put.seconds = 600.0;
    put.sent.headers[0].1 = "20261126T121000Z".to_owned();
})]
#[case::presigned(|put: &mut Exchange| {
    put.sent.headers.clear();
    put.sent.url += "?X-Amz-Date=20261126T120030Z&X-Amz-Signature=redacted";
})]
#[case::not_signed(|put: &mut Exchange| {
    put.sent.headers.clear();
    put.sent.remarks.push("not signed".to_owned());
})]
#[case::another_date_on_purpose(|put: &mut Exchange| {
    put.sent.headers[0].1 = "20200101T000000Z".to_owned();
    put.sent.remarks.push("changed once it was signed: x-amz-date".to_owned());
})]
#[case::no_connection(|put: &mut Exchange| {
    put.peer = None;
    put.reply = Reply::Closed("refused".to_owned());
})]
#[case::not_sent(|put: &mut Exchange| {
    put.sent = Sent::default();
    put.peer = None;
    put.reply = Reply::NotSent("why".to_owned());
})]
fn an_exchange_of_the_run_is_taken(#[case] change: fn(&mut Exchange)) {
    let mut put = put();
    change(&mut put);
    let binding = bound(manifest()).expect("the manifest agrees with itself");
    assert_eq!(binding.exchange("cases/1.har", &put), Ok(()));
}

#[rstest]
#[case::before_the_run(|put: &mut Exchange| put.started = datetime!(2026-11-26 11:59:59.25 UTC), "its time")]
#[case::after_the_run(|put: &mut Exchange| put.started = datetime!(2026-11-26 12:01:01.25 UTC), "its time")]
#[case::of_another_year(|put: &mut Exchange| put.started = datetime!(2025-11-26 12:00:30 UTC), "its time")]
#[case::another_port(|put: &mut Exchange| put.sent.url = put.sent.url.replace("1234", "4321"), "its URL")]
#[case::another_host(|put: &mut Exchange| put.sent.url = put.sent.url.replace("localhost", "example.org"), "its URL")]
#[case::a_host_of_the_same_end(|put: &mut Exchange| {
    put.sent.url = put.sent.url.replace("localhost:1234/b", "blocalhost:1234");
}, "its URL")]
#[case::another_scheme(|put: &mut Exchange| put.sent.url = put.sent.url.replace("https", "http"), "its URL")]
#[case::plain_at_the_tls_port(|put: &mut Exchange| put.sent.scheme = Scheme::Plain, "its URL")]
#[case::another_bucket(|put: &mut Exchange| put.sent.url = put.sent.url.replace("/b/", "/c/"), "its URL")]
#[case::another_bucket_by_host(|put: &mut Exchange| put.sent.url = put.sent.url.replace("localhost:1234/b", "c.localhost:1234"), "its URL")]
#[case::no_bucket(|put: &mut Exchange| to(put, "https://localhost:1234/", ""), "its URL")]
#[case::no_url(|put: &mut Exchange| put.sent.url = "b".to_owned(), "its URL")]
#[case::another_object(|put: &mut Exchange| put.sent.url += "s", "its URL")]
#[case::of_another_case(|put: &mut Exchange| to(put, "https://localhost:1234/b/p/r1/s/two/o", "p/r1/s/two/o"), "its object key")]
#[case::of_another_run(|put: &mut Exchange| to(put, "https://localhost:1234/b/p/r2/s/one/x.y/o", "p/r2/s/one/x.y/o"), "its object key")]
#[case::signed_before(|put: &mut Exchange| put.sent.headers[0].1 = "20261126T115500Z".to_owned(), "the date of its signature")]
#[case::signed_after(|put: &mut Exchange| put.sent.headers[0].1 = "20261126T120600Z".to_owned(), "the date of its signature")]
#[case::signed_in_no_time(|put: &mut Exchange| put.sent.headers[0].1 = "today".to_owned(), "the date of its signature")]
#[case::not_dated(|put: &mut Exchange| put.sent.headers.clear(), "the date of its signature")]
#[case::another_header_changed(|put: &mut Exchange| {
    put.sent.headers.clear();
    put.sent.remarks.push("changed once it was signed: etag".to_owned());
}, "the date of its signature")]
#[case::another_certificate(|put: &mut Exchange| put.peer = peer("127.0.0.1:1234", Some("cc")), "its peer")]
#[case::the_certificate_of_another_peer(|put: &mut Exchange| put.peer = peer("127.0.0.1:1234", Some("bb")), "its peer")]
#[case::no_certificate(|put: &mut Exchange| put.peer = peer("127.0.0.1:1234", None), "its peer")]
#[case::another_address(|put: &mut Exchange| put.peer = peer("127.0.0.2:1234", Some("aa")), "its peer")]
#[case::another_plain_address(|put: &mut Exchange| {
    over_plain(put);
    put.peer = peer("127.0.0.1:1234", None);
}, "its peer")]
#[case::nobody(|put: &mut Exchange| put.peer = None, "its peer")]
#[case::nobody_known_closed_it(|put: &mut Exchange| {
    put.peer = peer("127.0.0.2:1234", Some("aa"));
    put.reply = Reply::Closed("reset".to_owned());
}, "its peer")]
#[case::another_server(|put: &mut Exchange| {
    let headers = vec![("server".to_owned(), "T".to_owned())];
    put.reply = Reply::Answer(Answer { headers, ..samples::answer(200) });
}, "its header `Server`")]
fn an_exchange_of_another_run_is_refused(#[case] change: fn(&mut Exchange), #[case] told: &str) {
    let mut put = put();
    change(&mut put);
    let binding = bound(manifest()).expect("the manifest agrees with itself");
    let contradiction = binding.exchange("cases/1.har", &put).expect_err("it is of another run").to_string();
    assert!(contradiction.starts_with(told), "{contradiction}");
}

#[rstest]
#[case::its_own("cases/1.har", "s/one/x.y/o", true)]
#[case::a_control("controls/1.har", "s/two/control-of-head/o", true)]
#[case::no_control("controls/1.har", "s/two/o", false)]
#[case::a_probe("probes/acl.har", "probes/acl/o", true)]
#[case::another_probe("probes/acl.har", "probes/tags/o", false)]
#[case::housekeeping("housekeeping.har", "preflight/o", true)]
fn object_keys_are_those_of_the_file(#[case] file: &str, #[case] key: &str, #[case] is_taken: bool) {
    let binding = bound(manifest()).expect("the manifest agrees with itself");
    let mut put = put();
    to(&mut put, &format!("https://localhost:1234/b/p/r1/{key}"), &format!("p/r1/{key}"));
    assert_eq!(binding.exchange(file, &put).is_ok(), is_taken);
}

#[rstest]
#[case::another_address(peer("127.0.0.9:1234", Some("aa")), true)]
#[case::another_certificate(peer("127.0.0.1:1234", Some("cc")), false)]
fn of_more_peers_than_are_listed_certificates_are_known(#[case] peer: Option<Arc<Peer>>, #[case] is_taken: bool) {
    let mut manifest = manifest();
    manifest["peers"]["more"] = json!(true);
    let binding = bound(manifest).expect("the manifest agrees with itself");
    assert_eq!(binding.exchange("cases/1.har", &Exchange { peer, ..put() }).is_ok(), is_taken);
}

#[test]
fn a_run_without_a_plain_endpoint_has_no_exchange_over_plain_http() {
    let mut manifest = manifest();
    manifest["plain_endpoint"] = json!("none: the service has none");
    let mut put = put();
    over_plain(&mut put);
    let binding = bound(manifest).expect("the manifest agrees with itself");
    let contradiction = binding.exchange("cases/1.har", &put).expect_err("there is no such endpoint").to_string();
    assert!(contradiction.contains("no plain-HTTP endpoint"), "{contradiction}");
}

#[rstest]
#[case::a_case("cases/1.har", "s/one[x,y]", true)]
#[case::another_case("cases/1.har", "s/two", false)]
#[case::a_control("controls/1.har", "s/two, control of step head", true)]
#[case::a_control_of_a_stranger_s_case("controls/1.har", "s/three, control of step head", false)]
#[case::a_control_as_a_case("cases/1.har", "s/one[x,y], control of step get", false)]
#[case::a_probe("probes/acl.har", "probe acl", true)]
#[case::another_probe("probes/acl.har", "probe tags", false)]
#[case::housekeeping("housekeeping.har", "housekeeping", true)]
#[case::a_case_as_housekeeping("housekeeping.har", "s/two", false)]
#[case::a_file_that_is_not_named("cases/3.har", "s/two", false)]
fn a_file_is_of_what_the_manifest_says(#[case] file: &str, #[case] of: &str, #[case] is_taken: bool) {
    let binding = bound(manifest()).expect("the manifest agrees with itself");
    let about = About { of: of.to_owned(), ..About::default() };
    assert_eq!(binding.file(file, &about).is_ok(), is_taken);
}

#[rstest]
#[case::no_end(&["/ended"], json!(null), "`ended`")]
#[case::no_time(&["/ended"], json!("later"), "`ended`")]
#[case::no_beginning(&["/started"], json!("then"), "`started`")]
#[case::ended_before_it_began(&["/ended"], json!("2026-11-26T12:00:00Z"), "`ended`")]
#[case::took_longer(&["/seconds"], json!(70.0), "`seconds`")]
#[case::took_no_time(&["/seconds"], json!(0.0), "`seconds`")]
#[case::no_endpoint(&["/endpoint"], json!("localhost"), "`endpoint`")]
#[case::a_prefix_of_another_run(&["/prefix"], json!("p/r2/"), "`prefix`")]
#[case::no_prefix(&["/prefix"], json!(""), "`prefix`")]
#[case::a_bucket_of_another_run(&["/buckets/1"], json!("ssecheck-r2"), "`buckets`")]
#[case::a_case_twice(&["/cases/1/id"], json!("s/one[x,y]"), "the case")]
#[case::a_file_of_two_cases(&["/cases/1/own/file", "/cases/1/own/sha256"], json!(["cases/1.har", "1"]), "the file `cases/1.har`")]
#[case::a_copy_of_a_file(&["/cases/1/own/sha256"], json!("1"), "the file `cases/2.har`")]
#[case::a_control_for_a_case(&["/cases/1/controls/0/kept/file"], json!("cases/2.har"), "the file `cases/2.har`")]
#[case::a_case_without_anything(&["/cases/1/own"], json!(null), "the case `s/two` has not exactly one")]
#[case::a_case_with_a_reason_and_steps(&["/cases/1/lacks"], json!("acl"), "the case `s/two` has not exactly one")]
#[case::no_probe(&["/probes"], json!([]), "the case `s/lacking` lacks `acl`")]
#[case::the_probe_of_another_capability(&["/probes/0/capability"], json!("tags"), "the case `s/lacking` lacks `acl`")]
#[case::no_housekeeping(&["/housekeeping"], json!(null), "`housekeeping`")]
fn a_manifest_that_contradicts_itself_is_refused(#[case] members: &[&str], #[case] value: Value, #[case] told: &str) {
    let mut manifest = manifest();
    let values = if members.len() == 1 { vec![value] } else { value.as_array().expect("a value each").clone() };
    for (member, value) in members.iter().zip(values) {
        let (parent, name) = member.rsplit_once('/').expect("it is a pointer");
        let parent = manifest.pointer_mut(parent).expect("it is there");
        match parent {
            Value::Array(values) => values[name.parse::<usize>().expect("it is an index")] = value,
            _ => parent[name] = value,
        }
    }
    let contradiction = bound(manifest).expect_err("it contradicts itself").to_string();
    assert!(contradiction.starts_with(told), "{contradiction}");
}

#[rstest]
#[case::a_probe("probes", json!({"capability": "acl", "kept": {"file": "probes/acl-2.har", "sha256": "6"}}), "the probe `acl`")]
#[case::a_control(
    "cases/0/controls",
    json!({"step": "get", "kept": {"file": "controls/2.har", "sha256": "6"}}),
    "the case `s/one[x,y]` has two"
)]
fn nothing_is_there_twice(#[case] list: &str, #[case] value: Value, #[case] told: &str) {
    let mut manifest = manifest();
    manifest.pointer_mut(&format!("/{list}")).and_then(Value::as_array_mut).expect("it is a list").push(value);
    let contradiction = bound(manifest).expect_err("it contradicts itself").to_string();
    assert!(contradiction.starts_with(told), "{contradiction}");
}

/// What was left out for `--evidence-limit` is told, and no contradiction.
#[test]
fn evidence_that_says_that_it_is_not_whole_may_lack_files() {
    let mut manifest = manifest();
    manifest["all_kept"] = json!(false);
    manifest["probes"] = json!([]);
    manifest["housekeeping"] = json!(null);
    assert!(bound(manifest).is_ok());
}

#[test]
fn a_stranger_s_text_is_shown_in_part_and_without_control_characters() {
    let found = format!("a\u{1b}[2J{}", "x".repeat(9000));
    let told = Contradiction::new("its URL", found, "b").to_string();
    assert!(told.starts_with(r"its URL is `a\u{1b}[2Jx") && told.len() < 400, "{told}");
}
