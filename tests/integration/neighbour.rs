//! All built-in suites in an existing bucket, in which a neighbour has things.

use std::collections::BTreeSet;

use crate::common::estate::{Estate, GIVEN, counts};
use serde_json::Value;

/// The queries by which a bucket is listed or asked for a setting.
const LISTINGS_AND_SETTINGS: [&str; 6] = ["list-type", "prefix", "versions", "uploads", "versioning", "encryption"];

/// Every request in a folder of evidence: method, URL, and for a form or a deletion of several objects its keys.
fn requests(estate: &Estate) -> Vec<Value> {
    let mut files = vec![estate.workplace.path("evidence/housekeeping.har")];
    for folder in ["cases", "controls", "probes"] {
        let entries = std::fs::read_dir(estate.workplace.path(&format!("evidence/{folder}"))).expect("it was kept");
        files.extend(entries.map(|entry| entry.expect("it can be read").path()));
    }
    let entries = |file: &std::path::PathBuf| {
        let text = std::fs::read_to_string(file).expect("it can be read");
        let har: Value = serde_json::from_str(&text).expect("it is JSON");
        har["log"]["entries"].as_array().expect("it has entries").clone()
    };
    files.iter().flat_map(entries).collect()
}

#[rstest::rstest]
#[ignore = "a whole run"]
#[case::plain(false, "")]
#[ignore = "a whole run"]
#[case::versioned(true, "")]
#[case::versioned_by_some_suites(
    true,
    "--only multipart --only copy --only form --only versioning --only key-mismatch/wrong"
)]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_neighbour_is_touched(#[case] versioned: bool, #[case] choice: &str) {
    let estate = Estate::new(versioned).await;
    let before = estate.snapshot().await;
    for kind in ["Version", "Upload"].into_iter().chain(versioned.then_some("DeleteMarker")) {
        assert!(counts(&before)[kind] > 2, "{:?}", counts(&before));
    }
    // Debug builds that share a busy machine take their time, and a connection that stands still breaks.
    let patient = "--jobs 2 --request-timeout 300 --scenario-timeout 900";
    let words = format!("run --bucket {GIVEN} --evidence evidence {choice} {patient}");
    let outcome = estate.run(estate.endpoint.tls_url.as_str(), &words).await;
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert_eq!(estate.snapshot().await, before);
    assert!(estate.ledgers().is_empty(), "{:?}", estate.ledgers());

    let manifest: Value = serde_json::from_str(&estate.workplace.read("evidence/evidence.json")).expect("it is JSON");
    let run = manifest["run"].as_str().expect("it has an id");
    let own = format!("ssecheck/{run}/");
    let mut methods = BTreeSet::new();
    for entry in requests(&estate) {
        let (request, key) = (&entry["request"], entry["_ssecheck"]["object_key"].as_str().expect("it is text"));
        let Some(url) = request["url"].as_str().filter(|url| !url.is_empty()) else { continue };
        let url = url::Url::parse(url).expect("it is a URL");
        let path = percent_encoding::percent_decode_str(url.path()).decode_utf8().expect("it is UTF-8").into_owned();
        let in_bucket = path.strip_prefix(&format!("/{GIVEN}"));
        let told = format!("{} {url}", request["method"]);
        let object = in_bucket.unwrap_or_else(|| panic!("{told}: another bucket"));
        methods.insert(request["method"].as_str().expect("it is text").to_owned());
        if let Some(object) = object.strip_prefix('/').filter(|object| !object.is_empty()) {
            assert!(object.starts_with(&own), "{told}");
            continue;
        }
        let queried: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        match request["method"].as_str() {
            Some("GET") => {
                let is_known = queried.first().is_some_and(|first| LISTINGS_AND_SETTINGS.contains(&first.as_str()));
                assert!(is_known, "{told}");
            }
            Some("HEAD") => assert!(queried.is_empty(), "{told}"),
            // A form names its key in a field.
            Some("POST") if queried.is_empty() => assert!(key.starts_with(&own), "{told}: {key}"),
            Some("POST") => {
                assert_eq!(queried, ["delete"], "{told}");
                let body = entry["request"]["postData"]["text"].as_str().expect("it has a body");
                let keys: Vec<&str> = body.split("<Key>").skip(1).collect();
                assert!(!keys.is_empty() && keys.iter().all(|key| key.starts_with(&own)), "{told}: {body}");
            }
            _ => panic!("{told}: it changes the bucket"),
        }
    }
    let all = ["DELETE", "GET", "HEAD", "POST", "PUT"].map(str::to_owned);
    assert_eq!(methods, BTreeSet::from(all));
}
