//! What a step's answer makes of its scenario; the exchanges are made up.

use std::collections::BTreeMap;

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::evidence::samples::{answer, exchange};

fn steps(steps: Value) -> Vec<Arc<Step>> {
    serde_json::from_value(steps).expect("they are steps")
}

fn judged(declared: Value, profile: &str, exchanges: Vec<Exchange>) -> StepsOutcome {
    let transcript = Transcript { exchanges, facts: Facts::default() };
    judged_in(&steps(declared), profile, false, &transcript)
}

fn judged_in(steps: &[Arc<Step>], profile: &str, observes: bool, transcript: &Transcript) -> StepsOutcome {
    let (own, bodies, bucket) = (["own".to_owned()], BTreeMap::new(), BucketKind::Plain);
    let terms = Terms { control: false, profile, own: &own, observes, bucket, steps, bodies: &bodies };
    judge_steps(steps, terms, transcript)
}

fn kind(outcome: &StepsOutcome) -> &'static str {
    match outcome {
        StepsOutcome::Held => "held",
        StepsOutcome::Broken(_) => "broken",
        StepsOutcome::Breach(_) => "breach",
        StepsOutcome::Blocked(_) => "blocked",
        StepsOutcome::NotSupported(_) => "not supported",
        StepsOutcome::Unclear(_) => "unclear",
        StepsOutcome::Unjudgeable(_) => "unjudgeable",
    }
}

fn rule(outcome: &StepsOutcome) -> Option<&str> {
    match outcome {
        StepsOutcome::Broken(finding) | StepsOutcome::Breach(finding) | StepsOutcome::Blocked(finding) => {
            finding.rules.first().map(String::as_str)
        }
        _ => None,
    }
}

/// A step that needs a 200 and expects an ETag.
fn put(status: u16, etag: &str) -> StepsOutcome {
    let mut answer = answer(status);
    answer.headers.push(("etag".to_owned(), etag.to_owned()));
    let step =
        json!([{"id": "put", "request": {}, "needs": {"status": ["200"]}, "expect": {"etag": {"format": "hex32"}}}]);
    judged(step, "portable", vec![exchange("put", Reply::Answer(answer))])
}

#[rstest]
#[case::right(200, "0123456789abcdef0123456789abcdef", "held")]
#[case::wrong(200, "short", "broken")]
#[case::no_evidence(400, "short", "blocked")]
#[case::no_evidence_by_a_server_error(500, "short", "blocked")]
#[case::throttled(503, "short", "unjudgeable")]
fn what_is_no_evidence_blocks_and_does_not_fail(#[case] status: u16, #[case] etag: &str, #[case] expected: &str) {
    assert_eq!(kind(&put(status, etag)), expected);
}

#[rstest]
#[case::about_something_else(json!({}))]
#[case::of_setup(json!({"setup": true}))]
#[case::of_a_probe(json!({"probe": true}))]
fn a_key_given_back_is_a_breach_whatever_its_step_is_there_for(#[case] members: Value) {
    let mut step = json!({"id": "put", "request": {}});
    step.as_object_mut().expect("it is one").extend(members.as_object().expect("it is one").clone());
    let mut answer = answer(200);
    answer.leaked_keys.push("K".to_owned());
    let outcome = judged(json!([step]), "portable", vec![exchange("put", Reply::Answer(answer))]);
    assert_eq!((kind(&outcome), rule(&outcome)), ("breach", Some("customer-key-never-returned")));
}

/// Whatever else is to be said of the answer.
#[rstest]
#[case(200)]
#[case(307)]
#[case(503)]
fn a_key_is_given_back_by_any_answer(#[case] status: u16) {
    let mut answer = answer(status);
    answer.leaked_keys.push("K".to_owned());
    let step = json!([{"id": "put", "request": {}}]);
    let outcome = judged(step, "portable", vec![exchange("put", Reply::Answer(answer))]);
    assert_eq!(rule(&outcome), Some("customer-key-never-returned"));
}

#[test]
fn a_key_is_given_back_by_a_listing_that_tells_what_is_stored() {
    let mut listing = answer(200);
    listing.leaked_keys.push("K".to_owned());
    let probe = Exchange { storage_probe: true, ..exchange("put", Reply::Answer(listing)) };
    let step = json!([{"id": "put", "request": {}}]);
    let outcome = judged(step, "portable", vec![exchange("put", Reply::Answer(answer(200))), probe]);
    assert_eq!(rule(&outcome), Some("customer-key-never-returned"));
}

#[rstest]
#[case::not_asked_for(json!({}), 307, json!({"status": ["200"]}), "unjudgeable")]
#[case::where_a_refusal_is(json!({}), 301, json!({"refused": true}), "unjudgeable")]
#[case::asked_for(json!({}), 307, json!({"status": ["307"]}), "held")]
#[case::one_of_several(json!({}), 307, json!({"any_of": [{"status": ["3xx"]}, {"status": ["200"]}]}), "held")]
#[case::not_modified_is_none(json!({}), 304, json!({"status": ["200"]}), "broken")]
#[case::asked_for_another(json!({}), 308, json!({"status": ["304"]}), "unjudgeable")]
#[case::over_plain_http(json!({"scheme": "plain"}), 301, json!({"status": ["200"]}), "broken")]
fn a_redirect_is_no_answer_of_the_endpoint(
    #[case] request: Value,
    #[case] status: u16,
    #[case] expect: Value,
    #[case] expected: &str,
) {
    let step = json!([{"id": "s", "request": request, "expect": expect}]);
    let moved = answered(status, &[("location", "https://elsewhere/")], "");
    assert_eq!(kind(&judged(step, "portable", vec![exchange("s", moved)])), expected);
}

#[rstest]
#[case::signed(json!({}), "unjudgeable")]
#[case::presigned(json!({"auth": "presigned"}), "unjudgeable")]
#[case::not_signed(json!({"auth": "anonymous"}), "held")]
#[case::changed_on_purpose(json!({"tampered": {"x-amz-date": {"value": "20200101T000000Z"}}}), "held")]
fn a_clock_that_is_off_refuses_nothing(#[case] request: Value, #[case] expected: &str) {
    let step = json!([{"id": "s", "request": request, "expect": {"refused": true}}]);
    let skewed = answered(403, &[], "<Error><Code>RequestTimeTooSkewed</Code></Error>");
    assert_eq!(kind(&judged(step, "portable", vec![exchange("s", skewed)])), expected);
}

#[rstest]
#[case::other_code("aws", 403, "broken", Some("answers-as-aws"))]
#[case::other_code_does_not_matter("portable", 403, "held", None)]
#[case::not_even_refused("aws", 200, "broken", Some("own"))]
fn what_only_a_profile_asks_for_accuses_the_profile_s_rule(
    #[case] profile: &str,
    #[case] status: u16,
    #[case] expected: &str,
    #[case] accused: Option<&str>,
) {
    let step = json!([{"id": "put", "request": {}, "expect": {"refused": true}, "expect_under": {"aws": {"status": ["400"]}}}]);
    let outcome = judged(step, profile, vec![exchange("put", Reply::Answer(answer(status)))]);
    assert_eq!((kind(&outcome), rule(&outcome)), (expected, accused));
}

#[test]
fn what_is_about_another_rule_accuses_that_at_its_own_level() {
    let mut listing = answer(200);
    listing.body.text = Some(LISTED.to_owned());
    let probe = Exchange { storage_probe: true, ..exchange("put", Reply::Answer(listing)) };
    let step = json!([{"id": "put", "request": {}, "expect": {"refused": true}, "also": [
        {"rules": ["stores-nothing"], "level": "should", "expect": {"stored": false}}
    ]}]);
    let outcome = judged(step, "portable", vec![exchange("put", Reply::Answer(answer(400))), probe]);
    let StepsOutcome::Broken(finding) = outcome else { panic!("it is stored") };
    assert_eq!((finding.rules, finding.level), (vec!["stores-nothing".to_owned()], Some(Level::Should)));
}

const LISTED: &str = "<ListBucketResult><Contents><Key>key</Key></Contents></ListBucketResult>";

#[rstest]
#[case::nothing_stored(200, "<ListBucketResult/>", "held")]
#[case::stored(200, LISTED, "broken")]
#[case::listing_refused(400, "", "blocked")]
#[case::no_listing(200, "not XML", "blocked")]
fn a_listing_that_does_not_tell_accuses_nobody(#[case] status: u16, #[case] text: &str, #[case] expected: &str) {
    let mut listing = answer(status);
    listing.body.text = Some(text.to_owned());
    let probe = Exchange { storage_probe: true, ..exchange("put", Reply::Answer(listing)) };
    let step = json!([{"id": "put", "request": {}, "expect": {"refused": true, "stored": false}}]);
    let outcome = judged(step, "portable", vec![exchange("put", Reply::Answer(answer(400))), probe]);
    assert_eq!(kind(&outcome), expected);
}

/// A listener that takes no connection has refused, and what is stored is seen elsewhere.
#[rstest]
#[case::nothing_stored("<ListBucketResult/>", "held")]
#[case::stored(LISTED, "broken")]
fn where_no_connection_is_taken_storage_is_judged_by_itself(#[case] listed: &str, #[case] expected: &str) {
    let probe = Exchange { storage_probe: true, ..exchange("put", answered(200, &[], listed)) };
    let step = json!([{"id": "put", "request": {"scheme": "plain"}, "expect": {"refused": true}, "also": [
        {"rules": ["stores-nothing"], "expect": {"stored": false}}
    ]}]);
    let mut refused = exchange("put", Reply::Closed("connection refused".to_owned()));
    refused.sent.scheme = Scheme::Plain;
    assert_eq!(kind(&judged(step, "portable", vec![refused, probe])), expected);
}

#[rstest]
#[case::shown_what_it_sent("SignatureDoesNotMatch", "held")]
#[case::otherwise("AccessDenied", "breach")]
fn a_key_may_stand_in_a_request_that_is_shown(#[case] code: &str, #[case] expected: &str) {
    let step = json!([{"id": "s", "request": {"sse_c": {"key": "K"}}, "expect": {"refused": true}}]);
    let mut shown = exchange("s", answered(403, &[], &format!("<Error><Code>{code}</Code></Error>")));
    if let Reply::Answer(answer) = &mut shown.reply {
        answer.leaked_keys.push("K".to_owned());
    }
    assert_eq!(kind(&judged(step, "portable", vec![shown])), expected);
}

#[rstest]
#[case(403, 403, "held")]
#[case(403, 404, "broken")]
fn a_status_is_compared_with_an_earlier_one(#[case] first: u16, #[case] second: u16, #[case] expected: &str) {
    let declared = json!([
        {"id": "get", "request": {}, "expect": {"refused": true}},
        {"id": "head", "request": {}, "expect": {"status_same_as": "get"}},
    ]);
    let exchanges =
        vec![exchange("get", Reply::Answer(answer(first))), exchange("head", Reply::Answer(answer(second)))];
    assert_eq!(kind(&judged(declared, "portable", exchanges)), expected);
}

#[rstest]
#[case(1, 1001, "held")]
#[case(1, 1017, "broken")]
#[case(2, 1001, "broken")]
fn a_part_is_found_by_its_number(#[case] number: u32, #[case] size: u64, #[case] expected: &str) {
    let mut listing = answer(200);
    listing.body.text =
        Some(format!("<ListPartsResult><Part><PartNumber>1</PartNumber><Size>{size}</Size></Part></ListPartsResult>"));
    let declared = json!([{"id": "list", "request": {}, "expect": {"entry": {"part_number": number, "size": 1001}}}]);
    assert_eq!(kind(&judged(declared, "portable", vec![exchange("list", Reply::Answer(listing))])), expected);
}

#[test]
fn a_blocked_case_says_by_what() {
    let judgement = conclude(put(400, "short"), &[], false);
    assert_eq!(judgement.verdict, Verdict::Blocked);
    assert_eq!(judgement.reason, "step `put`, which it needs, did not come out: status: 400");
}

fn answered(status: u16, headers: &[(&str, &str)], text: &str) -> Reply {
    let mut answer = answer(status);
    answer.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    answer.body.length = text.len() as u64;
    answer.body.text = Some(text.to_owned());
    Reply::Answer(answer)
}

const TAGS: &str =
    "<T><TagSet><Tag><Value>a</Value></Tag><Tag><Value>b</Value></Tag></TagSet><RequestId>7</RequestId></T>";

#[rstest]
#[case::any_of_several(json!({"TagSet/Tag/Value": {"equals": "b"}}), "held")]
#[case::none_of_several(json!({"TagSet/Tag/Value": {"equals": "c"}}), "broken")]
#[case::not_there(json!({"TagSet/Tag/Key": {"matches": ""}}), "broken")]
#[case::a_header_of_the_same_answer(json!({"RequestId": {"same_as_header": "x-id"}}), "held")]
#[case::another_than_the_header(json!({"TagSet/Tag/Value": {"same_as_header": "x-id"}}), "broken")]
#[case::a_header_that_is_not_there(json!({"RequestId": {"same_as_header": "x-other"}}), "broken")]
fn elements_are_looked_up_by_path(#[case] elements: Value, #[case] expected: &str) {
    let declared = json!([{"id": "s", "request": {"operation": "GetObjectTagging"}, "expect": {"elements": elements}}]);
    let outcome = judged(declared, "portable", vec![exchange("s", answered(200, &[("x-id", "7")], TAGS))]);
    assert_eq!(kind(&outcome), expected);
}

#[rstest]
#[case::another(403, "held")]
#[case::the_same(200, "broken")]
fn statuses_of_two_steps_can_be_told_apart(#[case] status: u16, #[case] expected: &str) {
    let declared = json!([
        {"id": "a", "request": {"operation": "GetObject"}, "expect": {}},
        {"id": "b", "request": {"operation": "GetObject"}, "expect": {"status_differs_from": "a"}}
    ]);
    let exchanges = vec![exchange("a", Reply::Answer(answer(200))), exchange("b", Reply::Answer(answer(status)))];
    assert_eq!(kind(&judged(declared, "portable", exchanges)), expected);
}

#[rstest]
#[case::none("<L></L>", "held")]
#[case::another("<L><Upload><Key>p/other</Key></Upload></L>", "held")]
#[case::there("<L><Upload><Key>p/object</Key></Upload></L>", "broken")]
#[case::unreadable("<L>", "broken")]
fn an_entry_can_be_expected_to_be_absent(#[case] listing: &str, #[case] expected: &str) {
    let declared =
        json!([{"id": "s", "request": {"operation": "ListMultipartUploads"}, "expect": {"entry": {"absent": true}}}]);
    let outcome = judged(declared, "portable", vec![exchange("s", answered(200, &[], listing))]);
    assert_eq!(kind(&outcome), expected);
}

#[test]
fn a_request_that_was_cut_on_purpose_is_judged_by_what_is_stored() {
    let declared =
        json!([{"id": "s", "request": {"operation": "PutObject", "interrupted": true}, "expect": {"stored": false}}]);
    let listing = |keys: &str| {
        let mut probe = exchange("s", answered(200, &[], keys));
        probe.storage_probe = true;
        vec![exchange("s", Reply::Interrupted), probe]
    };
    assert_eq!(kind(&judged(declared.clone(), "portable", listing("<L></L>"))), "held");
    let stored = listing("<L><Contents><Key>key</Key></Contents></L>");
    assert_eq!(kind(&judged(declared, "portable", stored)), "broken");
}

#[rstest]
#[case::whole(None, 200, json!({"status": ["200"]}), "held")]
#[case::broken_off(Some("timed out"), 200, json!({"status": ["200"]}), "unjudgeable")]
#[case::of_a_body(Some("timed out"), 200, json!({"status": ["200"], "body": {"empty": true}}), "unjudgeable")]
#[case::not_by_the_network(Some("more than may come"), 200, json!({"status": ["200"], "body": {"empty": true}}), "broken")]
#[case::of_an_error(Some("timed out"), 403, json!({"code": ["AccessDenied"]}), "unjudgeable")]
#[case::of_one_of_several(Some("timed out"), 403, json!({"any_of": [{"code": ["A"]}, {"code": ["B"]}]}), "unjudgeable")]
#[case::of_a_header(Some("timed out"), 403, json!({"headers": {"x": {"equals": "y"}}}), "broken")]
#[case::another_status(Some("timed out"), 200, json!({"status": ["304"]}), "broken")]
#[case::refused(Some("timed out"), 403, json!({"refused": true}), "held")]
#[case::one_of_several(Some("timed out"), 200, json!({"any_of": [{"status": ["200"]}, {"status": ["404"]}]}), "unjudgeable")]
fn a_success_whose_body_breaks_off_is_none(
    #[case] cut_short: Option<&str>,
    #[case] status: u16,
    #[case] expect: Value,
    #[case] expected: &str,
) {
    let mut answer = answer(status);
    answer.body.cut_short = cut_short.map(str::to_owned);
    answer.body.is_lost = cut_short == Some("timed out");
    let needs = json!({"status": [status.to_string()]});
    let steps = json!([{"id": "get", "request": {}, "needs": needs, "expect": expect}]);
    assert_eq!(kind(&judged(steps, "portable", vec![exchange("get", Reply::Answer(answer))])), expected);
}

/// A guard's read with these members, of an object that was stored so.
fn guarded(put: Value, read: Value, status: u16, observes: bool) -> StepsOutcome {
    let mut put_step = json!({"operation": "PutObject", "body": "b"});
    put_step.as_object_mut().unwrap().extend(put.as_object().unwrap().clone());
    let mut step =
        json!({"id": "guard", "setup": !observes, "request": {"operation": "GetObject"}, "expect": {"refused": true}});
    step["request"].as_object_mut().unwrap().extend(read.as_object().unwrap().clone());
    let declared = steps(json!([{"id": "put", "setup": true, "request": put_step}, step]));
    let exchanges = vec![exchange("put", Reply::Answer(answer(200))), exchange("guard", Reply::Answer(answer(status)))];
    judged_in(&declared, "portable", observes, &Transcript { exchanges, facts: Facts::default() })
}

#[rstest]
#[case::without_a_key(json!({"sse_c": {"key": "K"}}), json!({}), 200, "breach", Some("read-needs-key"))]
#[case::a_range_without_a_key(json!({"sse_c": {"key": "K"}}), json!({}), 206, "breach", Some("read-needs-key"))]
#[case::with_another_key(json!({"sse_c": {"key": "K"}}), json!({"sse_c": {"key": "L"}}), 200, "breach", Some("read-wrong-key"))]
#[case::the_metadata(json!({"sse_c": {"key": "K"}}), json!({"operation": "HeadObject"}), 200, "breach", Some("read-needs-key"))]
#[case::the_attributes(json!({"sse_c": {"key": "K"}}), json!({"operation": "GetObjectAttributes"}), 200, "breach", Some("attributes-need-key"))]
#[case::a_copy(json!({"sse_c": {"key": "K"}}), json!({"operation": "CopyObject", "object": "c", "copy_source": {}}), 200, "breach", Some("copy-needs-source-key"))]
#[case::refused(json!({"sse_c": {"key": "K"}}), json!({}), 400, "held", None)]
#[case::an_unencrypted_object(json!({}), json!({"sse_c": {"key": "K"}}), 200, "blocked", Some("own"))]
#[case::the_right_key_in_another_spelling(json!({"sse_c": {"key": "K"}}), json!({"sse_c": {"key": "K", "customer_key": {"form": "base64url"}}}), 200, "blocked", Some("own"))]
#[case::a_server_error(json!({"sse_c": {"key": "K"}}), json!({}), 500, "blocked", Some("own"))]
fn a_guard_that_shows_a_read_without_the_key_accuses_the_rule(
    #[case] put: Value,
    #[case] read: Value,
    #[case] status: u16,
    #[case] expected: &str,
    #[case] accused: Option<&str>,
) {
    let outcome = guarded(put, read, status, false);
    assert_eq!((kind(&outcome), rule(&outcome)), (expected, accused));
}

#[rstest]
#[case::answered_by_the_condition(304, "broken")]
#[case::served(200, "breach")]
fn an_observation_excuses_no_breach(#[case] status: u16, #[case] expected: &str) {
    assert_eq!(kind(&guarded(json!({"sse_c": {"key": "K"}}), json!({}), status, true)), expected);
}

/// A part with these headers, as a guard, of an upload that was created under the key `K`.
#[rstest]
#[case::without_a_key(json!({}), "breach", Some("part-as-created"))]
#[case::with_another_key(json!({"sse_c": {"key": "L"}}), "breach", Some("part-same-key"))]
#[case::with_the_key(json!({"sse_c": {"key": "K"}}), "blocked", Some("own"))]
fn a_part_that_is_taken_without_the_key_accuses_the_rule(
    #[case] part: Value,
    #[case] expected: &str,
    #[case] accused: Option<&str>,
) {
    let mut request = json!({"operation": "UploadPart", "upload": "create", "part_number": 1, "body": "b"});
    request.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
    let declared = steps(json!([
        {"id": "create", "setup": true, "request": {"operation": "CreateMultipartUpload", "sse_c": {"key": "K"}}},
        {"id": "guard", "setup": true, "request": request, "expect": {"refused": true}},
    ]));
    let exchanges = ["create", "guard"].map(|step| exchange(step, Reply::Answer(answer(200)))).to_vec();
    let outcome = judged_in(&declared, "portable", false, &Transcript { exchanges, facts: Facts::default() });
    assert_eq!((kind(&outcome), rule(&outcome)), (expected, accused));
}

#[test]
fn a_judged_read_that_is_no_evidence_is_a_breach_all_the_same() {
    let declared = steps(json!([
        {"id": "put", "setup": true, "request": {"operation": "PutObject", "body": "b", "sse_c": {"key": "K"}}},
        {"id": "read", "request": {"operation": "GetObject"}, "needs": {"refused": true}, "expect": {"headers": {"x": {"absent": true}}}},
    ]));
    let exchanges = ["put", "read"].map(|step| exchange(step, Reply::Answer(answer(200)))).to_vec();
    let outcome = judged_in(&declared, "portable", false, &Transcript { exchanges, facts: Facts::default() });
    assert_eq!((kind(&outcome), rule(&outcome)), ("breach", Some("read-needs-key")));
}

#[test]
fn a_key_of_another_request_may_not() {
    let step = json!([{"id": "s", "request": {"sse_c": {"key": "L"}}, "expect": {"refused": true}}]);
    let mut shown = exchange("s", answered(403, &[], "<Error><Code>SignatureDoesNotMatch</Code></Error>"));
    if let Reply::Answer(answer) = &mut shown.reply {
        answer.leaked_keys.push("K".to_owned());
    }
    assert_eq!(kind(&judged(step, "portable", vec![shown])), "breach");
}

/// A setup step that reads an object under its key, and gets 4 bytes where it expects 5.
#[rstest]
#[case::whole(json!({}), json!({}), "read-right-key")]
#[case::a_range(json!({}), json!({"headers": {"range": {"value": "bytes=0-4"}}}), "range-exact")]
#[case::a_part(json!({}), json!({"part_number": 1}), "part-number-exact")]
#[case::of_a_copy(json!({"operation": "CopyObject", "copy_source": {"object": "source"}}), json!({}), "copy-target-key")]
fn other_content_accuses_the_rule_about_it(#[case] put: Value, #[case] read: Value, #[case] accused: &str) {
    let mut written = json!({"operation": "PutObject", "sse_c": {"key": "K"}});
    written.as_object_mut().unwrap().extend(put.as_object().unwrap().clone());
    let mut request = json!({"operation": "GetObject", "sse_c": {"key": "K"}});
    request.as_object_mut().unwrap().extend(read.as_object().unwrap().clone());
    let declared = steps(json!([
        {"id": "put", "setup": true, "request": written},
        {"id": "seen", "setup": true, "request": request, "expect": {"body": {"size": 5}}},
    ]));
    let mut short = answer(200);
    short.body.length = 4;
    let exchanges = vec![exchange("put", Reply::Answer(answer(200))), exchange("seen", Reply::Answer(short))];
    let outcome = judged_in(&declared, "portable", false, &Transcript { exchanges, facts: Facts::default() });
    assert_eq!((kind(&outcome), rule(&outcome)), ("breach", Some(accused)));
}

#[rstest]
#[case::another_length(Some("9"), "breach")]
#[case::no_length(None, "blocked")]
fn a_length_that_is_not_told_accuses_nobody(#[case] told: Option<&str>, #[case] expected: &str) {
    let declared = steps(json!([
        {"id": "put", "setup": true, "request": {"operation": "PutObject", "sse_c": {"key": "K"}}},
        {"id": "seen", "setup": true, "request": {"operation": "HeadObject", "sse_c": {"key": "K"}},
         "expect": {"headers": {"content-length": {"equals": "5"}}}},
    ]));
    let mut seen = answer(200);
    seen.headers.extend(told.map(|length| ("content-length".to_owned(), length.to_owned())));
    let exchanges = vec![exchange("put", Reply::Answer(answer(200))), exchange("seen", Reply::Answer(seen))];
    let outcome = judged_in(&declared, "portable", false, &Transcript { exchanges, facts: Facts::default() });
    assert_eq!(kind(&outcome), expected);
}

/// The outcome of a probe that expects 206, and whose `lacks` is a 200 with the header `x-whole`.
fn probed(response: Answer) -> &'static str {
    let lacks = json!({"status": ["200"], "headers": {"x-whole": {"equals": "1"}}});
    let probe = json!([{"id": "probe", "probe": true, "request": {}, "expect": {"status": ["206"]}, "lacks": lacks}]);
    kind(&judged(probe, "portable", vec![exchange("probe", Reply::Answer(response))]))
}

#[rstest]
#[case::there(206, "", "held")]
#[case::not_implemented(501, "", "not supported")]
#[case::not_allowed(405, "", "not supported")]
#[case::not_implemented_by_its_code(400, "NotImplemented", "not supported")]
#[case::invalid(400, "InvalidArgument", "unclear")]
#[case::unknown_access_key(403, "InvalidAccessKeyId", "unclear")]
#[case::wrong_signature(403, "SignatureDoesNotMatch", "unclear")]
#[case::server_error(500, "InternalError", "unclear")]
#[case::another_success(200, "", "unclear")]
fn a_probe_says_not_supported_only_where_the_response_does(
    #[case] status: u16,
    #[case] code: &str,
    #[case] expected: &str,
) {
    let mut response = answer(status);
    response.body.text = (!code.is_empty()).then(|| format!("<Error><Code>{code}</Code></Error>"));
    assert_eq!(probed(response), expected);
}

#[test]
fn a_probe_says_not_supported_where_what_is_probed_is_evidently_ignored() {
    let mut response = answer(200);
    response.headers.push(("x-whole".to_owned(), "1".to_owned()));
    assert_eq!(probed(response), "not supported");
}

#[rstest]
#[case::accepted(200, "own")]
#[case::server_error(500, "refusal-client-error")]
#[case::not_implemented(501, "own")]
fn a_refusal_by_a_server_error_accuses_the_rule_about_it(#[case] status: u16, #[case] expected: &str) {
    let read = json!([{"id": "read", "request": {"operation": "GetObject"}, "expect": {"refused": true}}]);
    let outcome = judged(read, "portable", vec![exchange("read", Reply::Answer(answer(status)))]);
    assert_eq!((kind(&outcome), rule(&outcome)), ("broken", Some(expected)));
}

#[rstest]
#[case::copy("CopyObject", "broken")]
#[case::complete("CompleteMultipartUpload", "broken")]
#[case::content_of_an_object("GetObject", "held")]
fn an_error_document_is_no_success_whatever_its_status(#[case] operation: &str, #[case] expected: &str) {
    let mut response = answer(200);
    response.body.text = Some("<Error><Code>InternalError</Code></Error>".to_owned());
    let step = json!([{"id": "s", "request": {"operation": operation}}]);
    assert_eq!(kind(&judged(step, "portable", vec![exchange("s", Reply::Answer(response))])), expected);
}

#[rstest]
#[case::there(403, LISTED, false, "broken")]
#[case::behind_a_deletion(404, LISTED, false, "blocked")]
#[case::not_there(404, "<ListBucketResult/>", true, "broken")]
#[case::behind_a_write(400, "<ListBucketResult/>", true, "blocked")]
#[case::nobody_decides(500, LISTED, false, "blocked")]
fn a_listing_that_is_behind_accuses_nobody(
    #[case] head: u16,
    #[case] listed: &str,
    #[case] stored: bool,
    #[case] expected: &str,
) {
    let listing = Exchange { storage_probe: true, ..exchange("put", answered(200, &[], listed)) };
    let mut looked = Exchange { storage_probe: true, ..exchange("put", answered(head, &[], "")) };
    looked.sent.method = "HEAD".to_owned();
    let response = if stored { 200 } else { 400 };
    let put = exchange("put", Reply::Answer(answer(response)));
    let step = json!([{"id": "put", "request": {}, "expect": {"stored": stored}}]);
    assert_eq!(kind(&judged(step.clone(), "portable", vec![put.clone(), listing.clone(), looked])), expected);
    let transcript = Transcript { exchanges: vec![put, listing], facts: Facts::default() };
    assert!(transcript.listing_may_be_stale(&steps(step)[0]));
}

#[rstest]
#[case::nothing_besides("<ListBucketResult/>", "", "refusal-client-error")]
#[case::stored_all_the_same(LISTED, "", "stores-nothing")]
#[case::with_the_data_of_the_object("<ListBucketResult/>", "data", "own")]
fn a_server_error_hides_no_worse_breach(#[case] listed: &str, #[case] discloses: &str, #[case] expected: &str) {
    let mut response = answer(500);
    response.body.discloses.extend((!discloses.is_empty()).then(|| discloses.to_owned()));
    let listing = Exchange { storage_probe: true, ..exchange("put", answered(200, &[], listed)) };
    let step = json!([{"id": "put", "request": {}, "expect": {"refused": true}, "also": [
        {"rules": ["stores-nothing"], "expect": {"stored": false}}
    ]}]);
    let outcome = judged(step, "portable", vec![exchange("put", Reply::Answer(response)), listing]);
    assert_eq!((kind(&outcome), rule(&outcome)), ("broken", Some(expected)));
}
