//! All mistakes of a file are reported at once, and what follows from one of them is not.

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::source::{Fixtures, SuiteSource};
use super::{FileDiagnostics, load};
use crate::rules::Catalogue;

/// A suite without mistakes, in which each key, body, table and step is used.
fn suite() -> Value {
    json!({
        "id": "x", "title": "t", "about": "a",
        "keys": {"K": {}, "other": {}, "many": {"count": 2}, "old": {}},
        "bodies": {"data": {"text": "t"}, "rest": {"text": "u"}, "both": {"join": ["data", "rest"]}, "part": {"size": 6_000_000}},
        "tables": {"rows": [{"id": "a", "value": "AES128"}, {"id": "b", "value": "KMS"}]},
        "scenarios": [
            {"id": "refused", "title": "t", "why": "w", "level": "must", "rules": ["put-echoes"], "steps": [
                {"id": "put", "setup": true, "request": {"operation": "PutObject", "body": "both", "sse_c": {"key": "K"}}},
                {"id": "get", "request": {"operation": "GetObject", "sse_c": {"key": "other"}}, "expect": {"refused": true},
                    "control": {"request": {"sse_c": {"key": "K"}}}}]},
            {"id": "parts", "title": "t", "why": "w", "level": "must", "rules": ["put-echoes"], "bucket": "versioned", "steps": [
                {"id": "create", "setup": true, "request": {"operation": "CreateMultipartUpload", "sse_c": {"key": "many1"}}},
                {"id": "part", "repeat": 2, "setup": true, "request": {"operation": "UploadPart", "upload": "create", "part_number": 1,
                    "body": "part", "object": "o-${n}", "sse_c": {"key": "many2"}}},
                {"id": "complete", "request": {"operation": "CompleteMultipartUpload", "upload": "create", "parts": ["part-1"]}},
                {"id": "read", "request": {"operation": "GetObject", "version_of": "complete", "sse_c": {"key": "many1"}},
                    "expect": {"headers": {"etag": {"same_as": {"step": "complete", "header": "etag"}}}}}]},
            {"id": "each", "title": "t ${row.id}", "why": "w", "level": "must", "rules": ["put-echoes", "read-echoes"], "for_each": {"row": "rows"}, "steps": [
                {"id": "own", "setup": true, "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "old"}}},
                {"id": "put", "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "old", "algorithm": {"value": "${row.value}"}}},
                    "expect": {"refused": true}, "controlled_by": "own",
                    "also": [{"rules": ["read-echoes"], "expect": {"status": ["4xx"]}}]}]},
            {"id": "probe", "title": "t", "why": "w", "level": "must", "capability": {"level": "full"}, "steps": [
                {"id": "list", "probe": true, "request": {"operation": "ListObjectsV2"}}]}
        ]
    })
}

fn mistakes(file: &Value) -> Option<FileDiagnostics> {
    let source = SuiteSource { name: "x.json".to_owned(), text: file.to_string(), fixtures: Fixtures::Embedded };
    load(&source, &Catalogue::embedded().unwrap()).err()
}

/// Places and messages.
fn told(file: &Value) -> Vec<(String, String)> {
    let found = mistakes(file).map(|found| found.diagnostics).unwrap_or_default();
    let mut told: Vec<(String, String)> = found.into_iter().map(|one| (one.pointer, one.message)).collect();
    told.sort();
    told
}

/// One change of the suite: the member that the pointer names is set, or taken away; another is put in its place under another name.
#[derive(Debug, Clone, Copy)]
enum Change {
    Set(&'static str, &'static str),
    Remove(&'static str),
    Rename(&'static str, &'static str),
}
use Change::{Remove, Rename, Set};

impl Change {
    fn apply(self, file: &mut Value) {
        let (Set(pointer, _) | Remove(pointer) | Rename(pointer, _)) = self;
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = file.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}"));
        match (self, parent) {
            (Set(_, text), Value::Array(elements)) => {
                elements[name.parse::<usize>().unwrap()] = serde_json::from_str(text).unwrap()
            }
            (Set(_, text), parent) => parent[name] = serde_json::from_str(text).unwrap(),
            (Remove(_), parent) => drop(parent.as_object_mut().unwrap().shift_remove(name).unwrap()),
            (Rename(_, other), parent) => {
                let members = parent.as_object_mut().unwrap();
                let member = members.shift_remove(name).unwrap();
                members.insert(other.to_owned(), member);
            }
        }
    }

    /// The part of the suite that it is in; tables go with the scenario that has its cases from them.
    fn part(self) -> &'static str {
        let (Set(pointer, _) | Remove(pointer) | Rename(pointer, _)) = self;
        let end = pointer.match_indices('/').nth(2).map_or(pointer.len(), |(end, _)| end);
        if pointer.starts_with("/tables") { "/scenarios/2" } else { &pointer[..end] }
    }
}

/// Mistakes, each with a part of its message. Several would have others follow from them.
const MISTAKES: [(Change, &str); 46] = [
    // Scenarios: what names nothing, or does not go together.
    (Set("/scenarios/0/steps/1/request/operation", "\"GetObjekt\""), "is not one of"),
    (Set("/scenarios/0/steps/0/request/operation", "\"PutObjekt\""), "is not one of"),
    (Set("/scenarios/0/steps/1/control/request/sse_c/key", "\"KK\""), "there is no customer key `KK`"),
    (Set("/scenarios/0/steps/1/request/sse_c/key", "\"othr\""), "there is no customer key `othr`"),
    (Set("/scenarios/0/steps/1/request/object", "\"../x\""), "is no name of an object"),
    (Set("/scenarios/0/steps/0/request/body", "\"boht\""), "there is no body `boht`"),
    (Set("/scenarios/0/rules/0", "\"put-ecoes\""), "there is no rule `put-ecoes`"),
    (Remove("/scenarios/0/steps/1/control"), "needs a positive control"),
    (Rename("/scenarios/0/steps/1/control", "contrl"), "unknown member `contrl`"),
    (Rename("/scenarios/0/steps/1/expect", "expct"), "unknown member `expct`"),
    (Set("/scenarios/0/steps/1/expect/refused", "\"yes\""), "expected a boolean"),
    (Set("/scenarios/0/steps/1/expect/status", "[\"40\"]"), "`40` is not a status"),
    (Remove("/scenarios/0/steps/1/expect"), "a control goes with a step that expects a refusal"),
    (Set("/scenarios/0/steps/1/setup", "\"no\""), "expected a boolean"),
    (Set("/scenarios/0/level", "\"msut\""), "is not one of"),
    (Rename("/scenarios/0/rules", "rulse"), "unknown member `rulse`"),
    (Remove("/scenarios/0/why"), "the member `why` is missing here"),
    (Remove("/scenarios/0/steps/0/request/body"), "PutObject needs `body`"),
    (Set("/scenarios/1/steps/0/id", "5"), "expected a string"),
    (Remove("/scenarios/1/steps/0/id"), "the member `id` is missing here"),
    (Set("/scenarios/1/steps/0/request/operation", "\"CreateMultipartUplaod\""), "is not one of"),
    (Set("/scenarios/1/steps/0/request", "[]"), "expected an object"),
    (Set("/scenarios/1/steps/1/repeat", "\"2\""), "expected an integer"),
    (Set("/scenarios/1/steps/2/request/upload", "\"part-1\""), "there is no earlier CreateMultipartUpload step"),
    (Set("/scenarios/1/steps/2/request/parts/0", "7"), "expected a string"),
    (Rename("/scenarios/1/bucket", "buckt"), "unknown member `buckt`"),
    (Set("/scenarios/1/bucket", "\"version\""), "is not one of"),
    (Remove("/scenarios/1/bucket"), "has versions"),
    (Set("/scenarios/1/steps/3/expect/headers/etag/same_as/step", "\"compleet\""), "there is no earlier step"),
    (Set("/scenarios/1/steps/3/request/upload", "\"nothing\""), "takes no `upload`"),
    (Set("/scenarios/2/for_each/row", "\"rwos\""), "there is no table `rwos`"),
    (Rename("/scenarios/2/for_each", "foreach"), "unknown member `foreach`"),
    (Set("/scenarios/2/title", "\"${rwo.id}\""), "there is no alias `rwo`"),
    (Set("/scenarios/2/steps/1/controlled_by", "\"put\""), "names an earlier setup step"),
    (Set("/scenarios/2/steps/0/setup", "1"), "expected a boolean"),
    (Set("/scenarios/2/rules/1", "\"read-ecoes\""), "there is no rule `read-ecoes`"),
    (Set("/scenarios/2/steps/0/probe", "true"), "only the scenario of a capability has probes"),
    (Set("/scenarios/3/steps/0/probe", "1"), "expected a boolean"),
    (Set("/scenarios/3/capability", "\"full\""), "expected an object"),
    (Rename("/scenarios/3/capability", "capabilty"), "unknown member `capabilty`"),
    // Declarations.
    (Set("/keys/unused", "{}"), "`unused` is never used"),
    (Set("/keys/many/count", "\"2\""), "expected an integer"),
    (Rename("/bodies/rest", "reset"), "there is no body `rest` that could be joined"),
    (Set("/bodies/data", "{\"text\": \"t\", \"size\": 5}"), "exactly one of"),
    (Set("/tables/rows/1", "{\"id\": \"b\", \"vlaue\": \"KMS\"}"), "has no member `value`"),
    (Set("/tables/rows/1/id", "\"a\""), "stands twice in this table"),
];

#[test]
fn the_suite_has_no_mistakes() {
    assert_eq!(told(&suite()), []);
}

#[test]
fn what_follows_from_a_mistake_is_not_reported() {
    let mut wrong = Vec::new();
    for (change, part) in MISTAKES {
        let mut file = suite();
        change.apply(&mut file);
        let told = told(&file);
        if told.len() != 1 || !told[0].1.contains(part) {
            wrong.push(format!("{change:?}: {told:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What makes a whole section unknown.
#[rstest]
#[case::keys(Rename("/keys", "kyes"), "unknown member `kyes`")]
#[case::keys_by_another_name(Rename("/keys", "customer"), "unknown member `customer`")]
#[case::bodies(Set("/bodies", "[]"), "expected an object")]
#[case::tables(Rename("/tables", "tabels"), "unknown member `tabels`")]
#[case::table(Set("/tables/rows", "{}"), "expected an array")]
#[case::table_without_rows(Set("/tables/rows", "[]"), "at least one row")]
#[case::row(Set("/tables/rows/0", "5"), "expected an object")]
#[case::scenarios(Rename("/scenarios", "scenarois"), "unknown member")]
#[case::id(Set("/id", "5"), "expected a string")]
fn what_is_unknown_is_not_missed(#[case] change: Change, #[case] part: &str) {
    let mut file = suite();
    change.apply(&mut file);
    let told = told(&file);
    let of_one = told.iter().all(|(_, message)| message.contains(part));
    assert!(!told.is_empty() && told.len() <= 2 && of_one, "{told:#?}");
}

#[test]
fn a_file_that_is_no_suite_is_one_mistake() {
    assert_eq!(told(&json!([])).len(), 1);
    assert_eq!(told(&json!({})).len(), 4, "{:?}", told(&json!({})));
}

#[test]
fn a_name_that_stands_twice_hides_no_other_mistake() {
    let text = suite().to_string().replacen("\"why\":\"w\"", "\"why\":\"w\",\"why\":\"w\"", 1);
    let text = text.replacen("\"key\":\"old\"", "\"key\":\"odl\"", 1);
    let source = SuiteSource { name: "x.json".to_owned(), text, fixtures: Fixtures::Embedded };
    let found = load(&source, &Catalogue::embedded().unwrap()).expect_err("two mistakes");
    let messages: Vec<&str> = found.diagnostics.iter().map(|one| one.message.as_str()).collect();
    assert!(messages.len() == 2 && messages[0].contains("stands twice") && messages[1].contains("`odl`"), "{found}");
}

/// A control has from its step what it does not replace: a mistake in that is one.
#[test]
fn a_mistake_of_a_request_is_not_one_of_its_control() {
    let mut file = suite();
    Set("/scenarios/0/steps/1/request/headers", r#"{"host": {"value": "x"}, "b": {"value": " "}}"#).apply(&mut file);
    let pointers: Vec<String> = told(&file).into_iter().map(|(pointer, _)| pointer).collect();
    assert!(pointers.len() == 2 && pointers.iter().all(|pointer| !pointer.contains("control")), "{pointers:?}");
    Set("/scenarios/0/steps/1/control/request/headers", r#"{"host": {"value": "x"}}"#).apply(&mut file);
    let pointers: Vec<String> = told(&file).into_iter().map(|(pointer, _)| pointer).collect();
    assert!(pointers.len() == 3 && pointers[0].contains("control"), "{pointers:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Mistakes in different parts of a file are all reported, as each is alone.
    #[test]
    fn mistakes_do_not_hide_each_other(
        picked in prop::collection::btree_set(0..MISTAKES.len(), 2..5)
    ) {
        let mut parts = std::collections::BTreeSet::new();
        let picked: Vec<Change> = picked.into_iter().map(|index| MISTAKES[index].0).filter(|change| parts.insert(change.part())).collect();
        let (mut file, mut alone) = (suite(), Vec::new());
        for change in picked {
            change.apply(&mut file);
            let mut one = suite();
            change.apply(&mut one);
            alone.extend(told(&one));
        }
        alone.sort();
        prop_assert_eq!(told(&file), alone);
    }
}
