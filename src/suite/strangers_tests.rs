//! Suites of strangers: what they cannot reach, and what they cannot make anyone spend.

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::{Value, json};

use super::limits::{
    Budget, MAX_ALIASES, MAX_ALL_STEPS, MAX_BODY, MAX_CAPABILITIES, MAX_COMPARED, MAX_HEADER, MAX_HEADERS, MAX_JOINED,
    MAX_KEY_FILE, MAX_LISTED, MAX_MISTAKES, MAX_NAME, MAX_PATTERNS, MAX_POLICY, MAX_QUERY, MAX_STEPS,
};
use super::model::MAX_KEYS;
use super::schema_tests::strict_schema;
use super::source::{Fixtures, SuiteSource};
use super::{FileDiagnostics, Suite, embedded, load, load_within};
use crate::rules::Catalogue;

fn source(file: &Value) -> SuiteSource {
    SuiteSource { name: "x.json".to_owned(), text: file.to_string(), fixtures: Fixtures::Embedded }
}

fn loaded(file: &Value) -> Result<Suite, FileDiagnostics> {
    load(&source(file), &Catalogue::embedded().unwrap())
}

/// A suite of one scenario, with these steps after a first one.
fn of_steps(steps: &[Value]) -> Value {
    let put =
        json!({"id": "put", "setup": true, "request": {"operation": "PutObject", "body": "b", "sse_c": {"key": "K"}}});
    let steps: Vec<Value> = std::iter::once(put).chain(steps.iter().cloned()).collect();
    json!({
        "id": "x", "title": "t", "about": "a", "keys": {"K": {}}, "bodies": {"b": {"text": "t"}},
        "scenarios": [{"id": "s", "title": "t", "why": "w", "level": "must", "rules": ["put-echoes"], "steps": steps}]
    })
}

/// A suite that sends this request.
fn of_request(request: Value) -> Value {
    of_steps(&[json!({"id": "it", "request": request})])
}

/// A request of this operation with all that it needs, and this besides.
fn request(operation: &str, besides: Value) -> Value {
    let mut request = match operation {
        "CopyObject" => json!({"operation": operation, "copy_source": {}}),
        "PutObject" | "PostObject" => json!({"operation": operation, "body": "b"}),
        _ => json!({"operation": operation}),
    };
    if let (Some(members), Value::Object(besides)) = (request.as_object_mut(), besides) {
        members.extend(besides);
    }
    request
}

fn mistakes(file: &Value) -> String {
    loaded(file).expect_err("it is a mistake").to_string()
}

#[rstest]
#[case::other_bucket("GetObject", json!({"object": "../../../other-bucket/secret"}), "/request/object)")]
#[case::source_of_a_copy("CopyObject", json!({"copy_source": {"object": "a/../../b"}}), "/request/copy_source/object)")]
#[case::empty("GetObject", json!({"object": ""}), "it is empty")]
#[case::host("GetObject", json!({"headers": {"Host": {"value": "evil.example"}}}), "`--endpoint`")]
#[case::host_once_signed("GetObject", json!({"tampered": {"host": {"value": "evil.example"}}}), "/request/tampered/host)")]
#[case::host_of_a_proxy("GetObject", json!({"headers": {"X-Forwarded-Host": {"value": "evil.example"}}}), "`--endpoint`")]
#[case::another_path("GetObject", json!({"headers": {"x-original-url": {"value": "/other"}}}), "`--endpoint`")]
#[case::smuggling("PutObject", json!({"headers": {"transfer-encoding": {"value": "chunked"}}}), "`payload`")]
#[case::length("PutObject", json!({"tampered": {"content-length": {"value": "1"}}}), "`payload`")]
#[case::credentials("GetObject", json!({"headers": {"authorization": {"value": "x"}}}), "`auth`")]
#[case::credentials_taken_away("GetObject", json!({"tampered": {"authorization": {"absent": true}}}), "`auth`")]
#[case::source_by_hand("PutObject", json!({"headers": {"x-amz-copy-source": {"value": "/other/secret"}}}), "`copy_source`")]
#[case::method("GetObject", json!({"headers": {"x-http-method-override": {"value": "DELETE"}}}), "`operation`")]
#[case::what_cannot_be_removed("PutObject", json!({"headers": {"x-amz-object-lock-mode": {"value": "COMPLIANCE"}}}), "removed")]
#[case::key_of_a_form("PostObject", json!({"headers": {"key": {"value": "other/object"}}}), "`object`")]
#[case::answer_of_a_form("PostObject", json!({"headers": {"success_action_redirect": {"value": "https://evil"}}}), "`object`")]
#[case::version("GetObject", json!({"query": {"versionId": "1"}}), "use `version_of`")]
#[case::upload("PutObject", json!({"query": {"uploadId": "1"}}), "use `upload`")]
#[case::other_operation("PutObject", json!({"query": {"acl": ""}}), "said by the operation")]
#[case::other_objects("ListObjectsV2", json!({"query": {"prefix": ""}}), "it takes: continuation-token")]
#[case::long_query("GetObject", json!({"query": {"response-expires": "x".repeat(MAX_QUERY + 1)}}), "bytes long")]
#[case::long_header("GetObject", json!({"headers": {"x-amz-meta-a": {"value": "x".repeat(MAX_HEADER + 1)}}}), "bytes long")]
#[case::objects_that_are_deleted("DeleteObjects", json!({"delete": ["../a"]}), "/request/delete/0)")]
#[case::too_many_are_deleted("DeleteObjects", json!({"delete": vec!["a"; MAX_LISTED + 1]}), "can be named here")]
#[case::long_policy("PutBucketPolicy", json!({"policy": {"a": "x".repeat(MAX_POLICY)}}), "a policy is at most")]
fn a_request_reaches_its_own_objects_alone(#[case] operation: &str, #[case] besides: Value, #[case] told: &str) {
    let mistakes = mistakes(&of_request(request(operation, besides)));
    assert!(mistakes.contains(told), "{mistakes}");
}

#[rstest]
#[case("GetObject", json!({"object": "a..b/c.", "headers": {"x-amz-copy-source-if-match": {"value": "x"}}, "sse_c": {"key": "K"}}))]
#[case("GetObject", json!({"query": {"response-content-type": "text/plain"}}))]
#[case("ListObjectsV2", json!({"query": {"max-keys": "1"}}))]
#[case("DeleteObjects", json!({"delete": vec!["a"; MAX_LISTED]}))]
#[case("PostObject", json!({"headers": {"x-amz-server-side-encryption": {"value": "AES256"}}}))]
fn what_stays_with_its_own_objects_is_taken(#[case] operation: &str, #[case] besides: Value) {
    let file = of_request(request(operation, besides));
    assert!(loaded(&file).is_ok(), "{}", mistakes(&file));
}

#[test]
fn a_control_reaches_no_further_than_its_step() {
    let step = json!({"id": "g", "request": {"operation": "GetObject"}, "expect": {"refused": true},
        "control": {"request": {"object": "../x", "sse_c": {"key": "K"}}}});
    assert!(mistakes(&of_steps(&[step])).contains("/control/request/object)"));
}

/// The members of requests that take free text. None of them is an address; whoever adds one looks at what it may reach.
#[test]
fn a_suite_names_no_host() {
    let schema = strict_schema();
    let mut texts = BTreeSet::new();
    let mut seen = BTreeSet::new();
    free_texts(&schema, "Request", &mut seen, &mut texts);
    let known = [
        "BodyDigest.body",
        "CopySource.object",
        "CopySource.version_of",
        "HeaderSpec.key",
        "HeaderSpec.value",
        "Request.body",
        "Request.delete",
        "Request.object",
        "Request.parts",
        "Request.policy",
        "Request.query",
        "Request.sse_c_if",
        "Request.unlisted",
        "Request.unsigned_headers",
        "Request.upload",
        "Request.version_of",
        "SseC.key",
        "StepHeader.header",
        "StepHeader.step",
    ];
    assert_eq!(texts.iter().map(String::as_str).collect::<Vec<_>>(), known);
    let text = schema.to_string().to_lowercase();
    assert!(!text.contains("\"format\":\"uri"), "a member takes an address");
}

fn free_texts(schema: &Value, name: &str, seen: &mut BTreeSet<String>, texts: &mut BTreeSet<String>) {
    if !seen.insert(name.to_owned()) {
        return;
    }
    for (member, of) in schema["$defs"][name]["properties"].as_object().into_iter().flatten() {
        let mut inner = of;
        while let Some(deeper) = inner.get("items").or_else(|| inner.get("additionalProperties")) {
            inner = deeper;
        }
        match inner.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix("#/$defs/")) {
            Some(other) => free_texts(schema, other, seen, texts),
            None if inner.get("type").is_none_or(|kind| kind == "string") => {
                texts.insert(format!("{name}.{member}"));
            }
            None => {}
        }
    }
}

/// A suite whose `count` rows fill in as many cases, of a step that repeats.
fn expanding(rows: usize, repeat: u64, value: &str) -> Value {
    let mut file = of_steps(&[
        json!({"id": "g", "repeat": repeat, "request": {"operation": "GetObject", "object": "${r.v}", "sse_c": {"key": "K"}}}),
    ]);
    let rows: Vec<Value> = (0..rows).map(|row| json!({"id": format!("r{row}"), "v": value})).collect();
    file["tables"] = json!({"t": rows});
    file["scenarios"][0]["for_each"] = json!({"r": "t"});
    file
}

#[rstest]
#[case::steps(expanding(25, 10_000, "a"), "more than 200000 steps")]
#[case::cases(of_cases(330), "more than 100000 cases")]
#[case::steps_of_a_case(of_steps(&(0..3).map(|n| json!({"id": format!("g{n}"), "repeat": 10_000, "request": {"operation": "GetObject"}})).collect::<Vec<_>>()), "20000 steps")]
#[case::values_of_rows(expanding(1, 10_000, &"a".repeat(100_000)), "more than 100663296 bytes")]
#[case::steps_that_repeat(of_steps(&[json!({"id": "g", "repeat": 10_000, "request": {"operation": "GetObject", "object": "a".repeat(100_000)}})]), "more than 100663296 bytes")]
#[case::texts_of_placeholders(of_placeholders(), "more than 100663296 bytes")]
fn expansion_has_a_budget(#[case] file: Value, #[case] told: &str) {
    let mistakes = mistakes(&file);
    assert!(mistakes.contains(told) && mistakes.contains("/scenarios/0"), "{mistakes}");
}

/// Two tables of as many rows, multiplied.
fn of_cases(rows: usize) -> Value {
    let mut file = expanding(rows, 1, "a");
    file["scenarios"][0]["for_each"]["other"] = json!("t");
    file
}

/// A text of many placeholders for a long value.
fn of_placeholders() -> Value {
    let mut file = expanding(1, 1, &"a".repeat(100_000));
    file["scenarios"][0]["why"] = json!("${r.v}.".repeat(1_100));
    file
}

#[test]
fn the_budget_is_that_of_all_files_of_a_run() {
    let rules = Catalogue::embedded().unwrap();
    let mut budget = Budget::default();
    let half = source(&expanding(11, 10_000, "a"));
    assert!(load_within(&half, &rules, &mut budget).is_ok());
    let other = load_within(&half, &rules, &mut budget).expect_err("there is less left");
    assert!(other.to_string().contains("more than 200000 steps"), "{other}");
    const { assert!(110_000 > MAX_ALL_STEPS / 2 && 10_000 < MAX_STEPS) };
}

#[test]
fn the_built_in_suites_need_a_part_of_the_budget() {
    let rules = Catalogue::embedded().unwrap();
    let mut budget = Budget::default();
    for source in embedded() {
        load_within(&source, &rules, &mut budget).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    }
    let whole = Budget::default();
    let halves = [
        (budget.cases, whole.cases),
        (budget.steps, whole.steps),
        (budget.expanded, whole.expanded),
        (budget.literal, whole.literal),
        (budget.patterns, whole.patterns),
        (budget.capabilities, whole.capabilities),
    ];
    assert!(halves.iter().all(|(left, all)| *left > all / 2), "{halves:?}");
}

/// A suite with one member of `bodies` or `keys` more.
fn declaring(kind: &str, name: &str, spec: Value) -> Value {
    let mut file = of_request(json!({"operation": "GetObject", "sse_c": {"key": "K"}}));
    file[kind][name] = spec;
    file
}

#[rstest]
#[case::joined(declaring("bodies", "j", json!({"join": vec!["b"; MAX_JOINED + 1]})), "joins at most")]
#[case::body(declaring("bodies", "g", json!({"size": 5_368_709_121u64})), "a body is at most")]
#[case::size_without_end(declaring("bodies", "g", json!({"size": 1e30})), "/bodies/g/size")]
#[case::keys_in_all(declaring("keys", "M", json!({"count": MAX_KEYS})), "at most 10000 customer keys")]
#[case::pattern_that_is_large(of_expectations(1, |_| json!({"matches": r"(\w{100}){100}"})), "repeat less")]
#[case::patterns(of_expectations(MAX_PATTERNS as usize + 1, |n| json!({"matches": format!("a{n}")})), "different regular expressions")]
#[case::expectations(of_expectations(MAX_COMPARED + 1, |_| json!({"equals": "a"})), "a step compares at most")]
#[case::headers(of_request(request("GetObject", json!({"headers": (0..=MAX_HEADERS).map(|n| (format!("x-{n}"), json!({"value": "a"}))).collect::<serde_json::Map<_, _>>()}))), "header lines")]
#[case::names(declaring("keys", &"K".repeat(MAX_NAME + 1), json!({})), "the name of a member")]
#[case::sent_together(of_large(json!({"id": "g", "repeat": 3, "together": "t", "request": {"operation": "PutObject", "body": "large"}})), "sent together")]
#[case::held_in_memory(of_size(67_108_865, json!({"payload": "aws-chunked"})), "sent piece by piece")]
#[case::held_in_memory_on_its_own_connection(of_size(67_108_865, json!({"header_case": "upper"})), "sent piece by piece")]
#[case::aliases(of_aliases(MAX_ALIASES + 1), "at most 16 aliases")]
#[case::capabilities(of_capabilities(MAX_CAPABILITIES as usize + 1), "more than 100 capabilities")]
#[case::controls(of_refusals(1_000), "with those of controls")]
#[case::digested(of_huge(json!({"id": "g", "request": {"operation": "GetObject"}, "expect": {"any_of": vec![json!({"body": {"equals": "large"}}); 7]}})), "digests and compares")]
fn what_would_take_too_much_is_refused(#[case] file: Value, #[case] told: &str) {
    let mistakes = mistakes(&file);
    assert!(mistakes.contains(told), "{mistakes}");
}

#[rstest]
#[case::aliases(of_aliases(MAX_ALIASES))]
#[case::controls(of_refusals(200))]
#[case::held_in_memory(of_size(67_108_864, json!({"payload": "aws-chunked"})))]
#[case::piece_by_piece(of_size(5_368_709_120, json!({})))]
fn what_takes_as_much_as_it_may_is_taken(#[case] file: Value) {
    assert!(loaded(&file).is_ok(), "{}", loaded(&file).unwrap_err());
}

/// A write of as many bytes, and this of its request besides.
fn of_size(size: u64, besides: Value) -> Value {
    let mut request = request("PutObject", besides);
    request["body"] = json!("g");
    let mut file = of_request(request);
    file["bodies"]["g"] = json!({"size": size});
    file
}

/// A scenario with as many aliases of one row each.
fn of_aliases(count: usize) -> Value {
    let mut file = expanding(1, 1, "a");
    let aliases =
        (0..count).map(|number| (if number == 0 { "r".to_owned() } else { format!("a{number}") }, json!("t")));
    file["scenarios"][0]["for_each"] = Value::Object(aliases.collect());
    file
}

/// As many capabilities besides a scenario.
fn of_capabilities(count: usize) -> Value {
    let mut file = of_request(json!({"operation": "GetObject", "sse_c": {"key": "K"}}));
    let scenarios = file["scenarios"].as_array_mut().unwrap();
    let mut probe = scenarios[0].clone();
    (probe["rules"], probe["capability"]) = (json!([]), json!({"level": "full"}));
    for number in 0..count {
        probe["id"] = json!(format!("c{number}"));
        scenarios.push(probe.clone());
    }
    file
}

/// A write, and as many steps that are followed by a refusal each.
fn of_refusals(count: usize) -> Value {
    let read = |n: usize| json!({"id": format!("g{n}"), "request": {"operation": "GetObject", "sse_c": {"key": "K"}}});
    let refusal = |n: usize| {
        json!({"id": format!("r{n}"), "request": {"operation": "GetObject"}, "expect": {"refused": true},
            "control": {"request": {"sse_c": {"key": "K"}}}})
    };
    of_steps(&(0..count).flat_map(|n| [read(n), refusal(n)]).collect::<Vec<_>>())
}

#[cfg(unix)]
#[test]
fn a_key_s_file_is_small() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("fixtures")).unwrap();
    for (length, told) in [(MAX_KEY_FILE + 2, "larger than"), (MAX_KEY_FILE, "at most 1024 bytes")] {
        std::fs::write(folder.path().join("fixtures/key"), "00".repeat(length as usize / 2)).unwrap();
        let text = declaring("keys", "F", json!({"file": "key"})).to_string();
        std::fs::write(folder.path().join("x.json"), text).unwrap();
        let source = crate::suite::source::from_paths(&[folder.path().join("x.json")]).unwrap().remove(0);
        let mistakes = load(&source, &Catalogue::embedded().unwrap()).expect_err("it is too long").to_string();
        assert!(mistakes.contains(told), "{mistakes}");
    }
}

/// Whatever is compared for them, suggestions take no long time.
#[test]
fn suggestions_end_where_they_cost_too_much() {
    let word = "w".repeat(200);
    let names: Vec<String> = (0..4_000).map(|number| format!("{}{number}", "n".repeat(200))).collect();
    let text = "{}";
    let located = crate::suite::locate::Located::new(text);
    let found = crate::suite::found::Found::new(&located);
    assert!(found.suggest("neerly", ["nearly"]).is_some());
    let mut compared = 0usize;
    found.suggest(
        &word,
        names.iter().map(|name| {
            compared += 1;
            name.as_str()
        }),
    );
    assert!((2_000..3_000).contains(&compared), "{compared}");
}

/// A read with as many expectations of elements.
fn of_expectations(count: usize, of: impl Fn(usize) -> Value) -> Value {
    let elements: serde_json::Map<_, _> = (0..count).map(|number| (format!("E{number}"), of(number))).collect();
    of_steps(&[json!({"id": "g", "request": {"operation": "GetObject"}, "expect": {"elements": elements}})])
}

/// A suite with a large body that this step uses.
fn of_large(step: Value) -> Value {
    let mut file = of_steps(&[step]);
    file["bodies"]["large"] = json!({"size": 30_000_000});
    file
}

/// The same with the largest.
fn of_huge(step: Value) -> Value {
    let mut file = of_large(step);
    file["bodies"]["large"]["size"] = json!(MAX_BODY);
    file
}

#[test]
fn mistakes_are_counted_and_some_of_them_shown() {
    let steps: Vec<Value> = (0..500)
        .map(|n| json!({"id": format!("g{n}"), "request": {"operation": "GetObject", "sse_c": {"key": "NONE"}}}))
        .collect();
    let found = loaded(&of_steps(&steps)).expect_err("there is no such key");
    assert_eq!((found.diagnostics.len(), found.more), (MAX_MISTAKES, 500 - MAX_MISTAKES));
    assert!(found.to_string().ends_with("x.json: at least 500 errors, of which 100 are shown"), "{found}");
}

#[test]
fn a_mistake_of_all_rows_is_one() {
    let mut file = expanding(50, 2, "a");
    file["scenarios"][0]["level"] = json!("maybe");
    let found = loaded(&file).expect_err("there is no such level");
    assert_eq!((found.diagnostics.len(), found.more), (1, 0), "{found}");
}

#[test]
fn what_is_quoted_is_short_and_no_terminal_obeys_it() {
    let long = "\u{1b}[2J".repeat(10_000);
    let mistakes = mistakes(&of_request(json!({"operation": "GetObject", "sse_c": {"key": long}})));
    assert!(!mistakes.contains('\u{1b}') && mistakes.len() < 10_000, "{} bytes", mistakes.len());
}

#[test]
fn nesting_has_an_end() {
    let text = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let source = SuiteSource { name: "x.json".to_owned(), text, fixtures: Fixtures::Embedded };
    let found = load(&source, &Catalogue::embedded().unwrap()).expect_err("it is no suite");
    assert!(found.to_string().contains("recursion limit"), "{found}");
}

#[test]
fn what_a_fixture_holds_is_not_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "no hexadecimal, but a secret").unwrap();
    let mut file = of_request(json!({"operation": "GetObject", "sse_c": {"key": "K"}}));
    file["keys"]["K"] = json!({"file": "key"});
    let source = SuiteSource { fixtures: Fixtures::Folder(folder.path().to_owned()), ..source(&file) };
    let told = load(&source, &Catalogue::embedded().unwrap()).expect_err("it is no key").to_string();
    assert!(told.contains("fixture `key` is not hexadecimal") && !told.contains("secret"), "{told}");
}
