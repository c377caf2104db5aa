//! Against endpoints that lie, and never beyond what is the run's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use rstest::rstest;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::client::{TlsTrust, samples};
use crate::evidence::samples as evidence;
use crate::ledger::{self, Recorded};

const PREFIX: &str = "p/0123456789abcdef0123/";

/// The body of an answer that says that a delete marker was made.
const MARKED: &str = "a delete marker was made";

/// What a made-up endpoint answers: status and body; none closes the connection.
type Answers = dyn Fn(&str, &str) -> Option<(u16, String)> + Send + Sync;

/// What it answers to the document of a DeleteObjects: status and body.
type Batches = dyn Fn(&str) -> (u16, String) + Send + Sync;

/// A made-up endpoint without TLS, and what it was asked, `METHOD path?query` each.
struct Liar {
    housekeeper: Housekeeper,
    asked: Arc<Mutex<Vec<String>>>,
    _serving: AbortOnDropHandle<()>,
}

impl Liar {
    /// One that removes nothing by the batch.
    async fn new(answers: impl Fn(&str, &str) -> Option<(u16, String)> + Send + Sync + 'static) -> Self {
        Self::with_batches(answers, |_| (501, String::new())).await
    }

    async fn with_batches(
        answers: impl Fn(&str, &str) -> Option<(u16, String)> + Send + Sync + 'static,
        batches: impl Fn(&str) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (answers, log): (Arc<Answers>, _) = (Arc::new(answers), Arc::clone(&asked));
        let batches: Arc<Batches> = Arc::new(batches);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, log, batches) = (Arc::clone(&answers), Arc::clone(&log), Arc::clone(&batches));
                let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let target = request.uri().path_and_query().map_or("", |it| it.as_str()).to_owned();
                    log.lock().unwrap().push(format!("{} {target}", request.method()));
                    let is_batch = request.method() == http::Method::POST;
                    let answer = if is_batch { None } else { answers(request.method().as_str(), &target) };
                    let batches = Arc::clone(&batches);
                    async move {
                        let answer = if is_batch {
                            let body = http_body_util::BodyExt::collect(request.into_body()).await?.to_bytes();
                            Some(batches(std::str::from_utf8(&body)?))
                        } else {
                            answer
                        };
                        let (status, body) = answer.ok_or("the connection is closed")?;
                        let mut answer = http::Response::builder().status(status);
                        if status == 503 {
                            answer = answer.header("retry-after", "0");
                        }
                        if body == MARKED {
                            answer = answer.header("x-amz-delete-marker", "true");
                        }
                        let answer = answer.body(Full::new(Bytes::from(body))).unwrap();
                        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(answer)
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        let client = Client::new(samples::target(&url), &TlsTrust { insecure: true, ..TlsTrust::default() }).unwrap();
        Self { housekeeper: Housekeeper::new(client, true), asked, _serving: AbortOnDropHandle::new(serving) }
    }

    async fn remove(&self, scope: Scope<'_>, is_made: bool) -> Outcome {
        let bucket = Bucket { name: "bucket".to_owned(), is_made };
        Removal::new(&self.housekeeper, scope, 4).remove(&[bucket]).await
    }

    fn asked(&self, method: &str) -> Vec<String> {
        self.asked.lock().unwrap().iter().filter(|line| line.starts_with(method)).cloned().collect()
    }
}

fn versions(keys: &[&str], rest: &str) -> Option<(u16, String)> {
    let entry = |key: &&str| format!("<Version><Key>{key}</Key><VersionId>v</VersionId></Version>");
    let entries: String = keys.iter().map(entry).collect();
    Some((200, format!("<ListVersionsResult>{entries}{rest}</ListVersionsResult>")))
}

fn nothing() -> Option<(u16, String)> {
    Some((200, "<ListResult/>".to_owned()))
}

#[tokio::test]
async fn what_is_listed_outside_the_prefix_is_never_removed() {
    let own = format!("{PREFIX}own");
    let listed = own.clone();
    let keys = move |target: &str| {
        if target.contains("versions") {
            versions(&["payroll", "p/", "p/0123456789abcdef0123", "../x", &listed], "")
        } else if target.contains("uploads") {
            let entry = |key: &str| format!("<Upload><Key>{key}</Key><UploadId>u</UploadId></Upload>");
            // Without an id it is no upload: the DELETE would be of the object.
            let without_id = format!("<Upload><Key>{PREFIX}no-id</Key></Upload>");
            Some((
                200,
                format!("<ListResult>{}{}{without_id}</ListResult>", entry("payroll"), entry(&format!("{PREFIX}up"))),
            ))
        } else {
            nothing()
        }
    };
    let liar =
        Liar::new(move |method, target| if method == "DELETE" { Some((204, String::new())) } else { keys(target) })
            .await;
    let outcome = liar.remove(Scope::Prefix(PREFIX), false).await;
    let sent: BTreeSet<String> = liar.asked("DELETE").into_iter().collect();
    let expected = [format!("DELETE /bucket/{own}?versionId=v"), format!("DELETE /bucket/{PREFIX}up?uploadId=u")];
    assert_eq!(sent, BTreeSet::from(expected));
    // It says every time that they are still there.
    assert!(outcome.left_behind.iter().all(|left| left.ends_with("it is still there")), "{outcome:#?}");
    assert_eq!((outcome.left_behind.len(), liar.asked("DELETE").len()), (2, 6), "{outcome:#?}");
}

#[rstest]
#[case::same_marker("<IsTruncated>true</IsTruncated><NextKeyMarker>m</NextKeyMarker>", 2)]
#[case::no_marker("<IsTruncated>true</IsTruncated>", 1)]
#[tokio::test]
async fn a_listing_that_does_not_go_on_is_cut_off_and_told(#[case] rest: &'static str, #[case] pages: usize) {
    let liar = Liar::new(move |_, target| {
        let keys = [format!("{PREFIX}a"), format!("{PREFIX}b")];
        if target.contains("versions") { versions(&[&keys[0], &keys[1]], rest) } else { nothing() }
    })
    .await;
    let removal = Removal::new(&liar.housekeeper, Scope::Prefix(PREFIX), 1);
    let looked = removal.look(&Bucket { name: "bucket".to_owned(), is_made: false }).await;
    assert_eq!((looked.own.len(), looked.troubles.len()), (2, 1), "{looked:#?}");
    assert!(looked.troubles[0].contains("goes on, and does not"), "{looked:#?}");
    assert_eq!(liar.asked("GET /bucket?versions").len(), pages);
}

#[tokio::test]
async fn a_listing_without_news_is_cut_off_and_told() {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let liar = Liar::new(move |_, target| {
        let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let rest = format!("<IsTruncated>true</IsTruncated><NextKeyMarker>{number}</NextKeyMarker>");
        if target.contains("versions") { versions(&[&format!("{PREFIX}a")], &rest) } else { nothing() }
    })
    .await;
    let removal = Removal::new(&liar.housekeeper, Scope::Prefix(PREFIX), 1);
    let looked = removal.look(&Bucket { name: "bucket".to_owned(), is_made: false }).await;
    assert_eq!((looked.own.len(), looked.troubles.len()), (1, 1), "{looked:#?}");
    assert_eq!(liar.asked("GET /bucket?versions").len(), 2);
}

#[tokio::test]
async fn a_listing_without_an_end_is_cut_off_and_told() {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let liar = Liar::new(move |_, target| {
        let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let key = format!("{PREFIX}{number}");
        let rest = format!("<IsTruncated>true</IsTruncated><NextKeyMarker>{number}</NextKeyMarker>");
        if target.contains("versions") { versions(&[&key], &rest) } else { nothing() }
    })
    .await;
    let removal = Removal::new(&liar.housekeeper, Scope::Prefix(PREFIX), 1);
    let looked = removal.look(&Bucket { name: "bucket".to_owned(), is_made: false }).await;
    assert_eq!(looked.own.len(), 1000);
    assert!(looked.troubles[0].contains("more than 1000 pages"), "{:?}", looked.troubles);
}

#[tokio::test]
async fn an_endpoint_that_answers_no_more_is_given_up() {
    let liar = Liar::new(move |method, target| {
        let keys: Vec<String> = (0..100).map(|number| format!("{PREFIX}{number}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        match method {
            "DELETE" => None,
            _ if target.contains("versions") => versions(&keys, ""),
            _ => nothing(),
        }
    })
    .await;
    let outcome = liar.remove(Scope::Prefix(PREFIX), true).await;
    let deletes = liar.asked("DELETE").len();
    assert!((8..12).contains(&deletes), "{deletes}");
    // All 100, the bucket, and that no more was tried.
    assert_eq!((outcome.removed.len(), outcome.left_behind.len()), (0, 102));
    assert!(outcome.left_behind[101].contains("8 times in a row"), "{:?}", outcome.left_behind[101]);
}

#[tokio::test]
async fn an_endpoint_that_is_busy_without_end_is_given_up() {
    let liar = Liar::new(move |method, target| {
        let keys: Vec<String> = (0..100).map(|number| format!("{PREFIX}{number}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        match method {
            "DELETE" => Some((503, "<Error><Code>SlowDown</Code></Error>".to_owned())),
            _ if target.contains("versions") => versions(&keys, ""),
            _ => nothing(),
        }
    })
    .await;
    let outcome = liar.remove(Scope::Prefix(PREFIX), true).await;
    // Each is sent five times; four are under way when it is enough.
    let deletes = liar.asked("DELETE").len();
    assert!((8 * 5..12 * 5).contains(&deletes), "{deletes}");
    assert_eq!((outcome.removed.len(), outcome.left_behind.len()), (0, 102));
    assert!(outcome.left_behind[101].contains("busy 8 times in a row"), "{:?}", outcome.left_behind[101]);
}

#[tokio::test]
async fn a_policy_that_stands_in_the_way_is_removed_first() {
    let is_open = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::Relaxed;
    let liar = Liar::new(move |method, target| match (method, target) {
        ("DELETE", "/bucket?policy=") => {
            is_open.store(true, order);
            Some((204, String::new()))
        }
        ("DELETE", _) if !is_open.load(order) => Some((403, "<Error><Code>AccessDenied</Code></Error>".to_owned())),
        ("DELETE", _) => Some((204, String::new())),
        _ if target.contains("versions") => versions(&[&format!("{PREFIX}a")], ""),
        _ => nothing(),
    })
    .await;
    let outcome = liar.remove(Scope::Prefix(PREFIX), true).await;
    assert_eq!((outcome.left_behind.len(), outcome.removed.len()), (0, 2), "{outcome:#?}");
    // The policy of a bucket that the run was given is not the run's.
    let closed = Liar::new(move |method, target| match method {
        "DELETE" => Some((403, "<Error><Code>AccessDenied</Code></Error>".to_owned())),
        _ if target.contains("versions") => versions(&[&format!("{PREFIX}a")], ""),
        _ => nothing(),
    })
    .await;
    let outcome = closed.remove(Scope::Prefix(PREFIX), false).await;
    assert_eq!((outcome.left_behind.len(), closed.asked("DELETE /bucket?").len()), (1, 0), "{outcome:#?}");
}

#[tokio::test]
async fn a_version_that_a_delete_marker_hides_is_told_of_also_once_it_is_not_listed_any_more() {
    let is_hidden = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::Relaxed;
    let liar = Liar::new(move |method, target| match method {
        "DELETE" if target.ends_with("/plain") => Some((204, String::new())),
        "DELETE" => {
            is_hidden.store(true, order);
            Some((200, MARKED.to_owned()))
        }
        _ if target.contains("list-type") && !is_hidden.load(order) => {
            let key = |name| format!("<Contents><Key>{PREFIX}{name}</Key></Contents>");
            Some((200, format!("<ListResult>{}{}</ListResult>", key("hidden"), key("plain"))))
        }
        _ if target.contains("versions") => Some((501, String::new())),
        _ => nothing(),
    })
    .await;
    let outcome = liar.remove(Scope::Prefix(PREFIX), false).await;
    assert_eq!((outcome.removed.len(), outcome.left_behind.len()), (1, 1), "{outcome:#?}");
    assert!(outcome.left_behind[0].contains("hidden") && outcome.left_behind[0].contains("has versions"));
}

#[tokio::test]
async fn long_names_are_read_to_a_limit() {
    let rest = "<IsTruncated>true</IsTruncated><NextKeyMarker>";
    let page = std::sync::atomic::AtomicUsize::new(0);
    let liar = Liar::new(move |_, target| {
        if !target.contains("versions") {
            return nothing();
        }
        let page = page.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let long = "k".repeat(900);
        let keys: Vec<String> = (0..1000).map(|number| format!("{PREFIX}{long}{page}-{number}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        versions(&keys, &format!("{rest}{page}</NextKeyMarker>"))
    })
    .await;
    let bucket = Bucket { name: "bucket".to_owned(), is_made: false };
    let looked = Removal::new(&liar.housekeeper, Scope::Prefix(PREFIX), 4).look(&bucket).await;
    assert!(looked.troubles[0].contains("bytes of names"), "{:?}", looked.troubles);
    assert!((3_500..5_000).contains(&looked.own.len()), "{}", looked.own.len());
}

/// Lists as many versions until a request has removed them.
fn many(count: usize) -> impl Fn(&str, &str) -> Option<(u16, String)> {
    move |method, target| {
        let keys: Vec<String> = (0..count).map(|number| format!("{PREFIX}a&amp;b &lt;{number}")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        match (method, target) {
            ("DELETE", _) => Some((204, String::new())),
            _ if target.contains("versions") => versions(&keys, ""),
            _ => nothing(),
        }
    }
}

/// The keys and versions that a DeleteObjects asks for, as elements of its answer.
fn deleted(document: &str, but: &str) -> String {
    let document = crate::evidence::Element::parse(document).unwrap();
    let of = |object: &crate::evidence::Element| {
        let (key, id) = (object.child_text("Key").unwrap(), object.child_text("VersionId").unwrap());
        let key = key.replace('&', "&amp;").replace('<', "&lt;");
        (!key.contains(but)).then(|| format!("<Deleted><Key>{key}</Key><VersionId>{id}</VersionId></Deleted>"))
    };
    document.children.iter().filter_map(of).collect()
}

#[tokio::test]
async fn much_is_removed_by_few_requests() {
    let liar = Liar::with_batches(many(2500), |document| {
        (200, format!("<DeleteResult>{}</DeleteResult>", deleted(document, "no such")))
    })
    .await;
    let outcome = liar.remove(Scope::Prefix(PREFIX), true).await;
    assert_eq!((outcome.left_behind.len(), outcome.removed.len()), (0, 1001), "{outcome:#?}");
    assert_eq!((liar.asked("POST").len(), liar.asked("DELETE")), (3, vec!["DELETE /bucket".to_owned()]));
}

#[tokio::test]
async fn what_a_batch_leaves_is_removed_one_by_one() {
    let liar = Liar::with_batches(many(30), |document| {
        (200, format!("<DeleteResult>{}</DeleteResult>", deleted(document, "&lt;7")))
    })
    .await;
    let outcome = liar.remove(Scope::Prefix(PREFIX), true).await;
    assert_eq!((outcome.left_behind.len(), outcome.removed.len()), (0, 31), "{outcome:#?}");
    let one_by_one = liar.asked("DELETE /bucket/");
    assert!(one_by_one.len() == 1 && one_by_one[0].contains("%3C7?versionId=v"), "{one_by_one:?}");
}

#[rstest]
#[case::no_such_operation(501, "")]
#[case::another_document(200, "<ListBucketResult/>")]
#[case::no_document(200, "OK")]
#[case::nothing_is_said_of_any(200, "<DeleteResult/>")]
#[case::of_other_keys(200, "<DeleteResult><Deleted><Key>other</Key><VersionId>v</VersionId></Deleted></DeleteResult>")]
#[case::of_other_versions(
    200,
    "<DeleteResult><Deleted><Key>p/0123456789abcdef0123/a&amp;b &lt;1</Key></Deleted></DeleteResult>"
)]
#[tokio::test]
async fn an_endpoint_without_batches_is_asked_for_each(#[case] status: u16, #[case] body: &'static str) {
    let liar = Liar::with_batches(many(30), move |_| (status, body.to_owned())).await;
    let outcome = liar.remove(Scope::Prefix(PREFIX), true).await;
    assert_eq!((outcome.left_behind.len(), outcome.removed.len()), (0, 31), "{outcome:#?}");
    assert_eq!((liar.asked("POST").len(), liar.asked("DELETE /bucket/").len()), (1, 30));
}

#[tokio::test]
async fn a_bucket_that_is_not_empty_yet_is_emptied_again() {
    let refusals = std::sync::atomic::AtomicUsize::new(2);
    let liar = Liar::new(move |method, target| match (method, target) {
        ("DELETE", "/bucket") => {
            let left = refusals.fetch_update(
                std::sync::atomic::Ordering::Relaxed,
                std::sync::atomic::Ordering::Relaxed,
                |left| left.checked_sub(1),
            );
            Some((if left.is_ok() { 409 } else { 204 }, String::new()))
        }
        ("DELETE", _) => Some((204, String::new())),
        _ if target.contains("versions") => versions(&[&format!("{PREFIX}a")], ""),
        _ => nothing(),
    })
    .await;
    let outcome = liar.remove(Scope::Prefix(PREFIX), true).await;
    assert_eq!((outcome.left_behind.len(), liar.asked("DELETE /bucket/").len()), (0, 3), "{outcome:#?}");
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_bucket_is_told_and_left_alone() {
    let liar = Liar::new(move |method, target| match (method, target) {
        ("DELETE", "/bucket") => Some((409, "<Error><Code>BucketNotEmpty</Code></Error>".to_owned())),
        ("DELETE", _) => Some((204, String::new())),
        _ if target.contains("versions") => versions(&["a-stranger-s"], ""),
        _ => nothing(),
    })
    .await;
    let outcome = liar.remove(Scope::Prefix(PREFIX), true).await;
    assert_eq!(liar.asked("DELETE"), ["DELETE /bucket"]);
    let told = outcome.left_behind.join("\n");
    assert!(told.contains("a-stranger-s") && told.contains("left alone") && told.contains("BucketNotEmpty"), "{told}");
}

#[tokio::test]
async fn versions_that_are_not_listed_are_told_of() {
    let liar = Liar::new(move |method, target| match method {
        "DELETE" => Some((200, MARKED.to_owned())),
        _ if target.contains("list-type") => {
            Some((200, format!("<ListResult><Contents><Key>{PREFIX}a</Key></Contents></ListResult>")))
        }
        _ => Some((403, "<Error><Code>AccessDenied</Code></Error>".to_owned())),
    })
    .await;
    let outcome = liar.remove(Scope::Prefix(PREFIX), false).await;
    assert!(outcome.left_behind.iter().any(|left| left.contains("has versions")), "{outcome:#?}");
    // The uploads could not be listed either.
    assert!(outcome.left_behind.iter().any(|left| left.contains("ListMultipartUploads")), "{outcome:#?}");
}

#[rstest]
#[case::no_bucket(404, "<Error><Code>NoSuchBucket</Code></Error>", true)]
#[case::not_there_as_such(404, "", false)]
#[case::forbidden(403, "<Error><Code>AccessDenied</Code></Error>", false)]
#[case::broken(500, "", false)]
#[tokio::test]
async fn a_bucket_is_gone_only_where_the_endpoint_says_so(
    #[case] status: u16,
    #[case] body: &'static str,
    #[case] is_gone: bool,
) {
    let liar = Liar::new(move |method, _| Some((if method == "DELETE" { 403 } else { status }, body.to_owned()))).await;
    let outcome = liar.remove(Scope::Prefix(PREFIX), true).await;
    assert_eq!(outcome.left_behind.is_empty(), is_gone, "{outcome:#?}");
}

#[tokio::test]
async fn what_is_kept_of_it_is_bounded() {
    let liar = Liar::new(move |_, _| Some((200, "x".repeat(4 * 1024 * 1024)))).await;
    for _ in 0..12 {
        liar.housekeeper.send("GetObject", Method::GET, "bucket", "", &[], Bytes::new()).await;
    }
    let kept = liar.housekeeper.take_exchanges();
    let bytes: usize = kept.iter().map(Exchange::size).sum();
    assert_eq!(kept.len(), 12);
    assert!(bytes <= MAX_KEPT_BYTES, "{bytes}");
}

#[rstest]
#[case::evidence(true, &["plain", "with-key", "plain"])]
#[case::no_evidence(false, &["with-key"])]
fn what_gives_a_key_back_is_kept_whatever_else_is(#[case] keeps_all: bool, #[case] steps: &[&str]) {
    let has_dropped = false;
    let mut kept = Kept { keeps_all, exchanges: Vec::new(), given_back: None, left: MAX_KEPT_BYTES, has_dropped };
    for step in ["plain", "with-key", "plain"] {
        let mut exchange = evidence::exchange(step, Reply::Answer(evidence::answer(200)));
        if let Reply::Answer(answer) = &mut exchange.reply
            && step == "with-key"
        {
            answer.leaked_keys.push("K".to_owned());
        }
        kept.keep(&exchange);
    }
    assert_eq!(kept.exchanges.iter().map(|exchange| exchange.step.as_str()).collect::<Vec<_>>(), steps);
}

#[rstest]
#[case::all_is_kept(true, 4, false)]
#[case::a_text_is_not(true, 3, true)]
#[case::none_was_wanted(false, 3, false)]
fn what_is_dropped_of_evidence_is_told(#[case] keeps_all: bool, #[case] left: usize, #[case] expected: bool) {
    let mut kept = Kept { keeps_all, exchanges: Vec::new(), given_back: None, left, has_dropped: false };
    let mut answer = evidence::answer(200);
    answer.body.text = Some("text".to_owned());
    kept.keep(&evidence::exchange("get", Reply::Answer(answer)));
    assert_eq!(kept.has_dropped, expected);
}

fn ledger_of(keys: &BTreeSet<String>) -> Recorded {
    let head = r#"{"format":"ssecheck-ledger/1","run":"0123456789abcdef0123","started":"2026-11-26T05:00:00Z","ssecheck":"0.1.0","endpoint":"https://h/","region":"r","addressing":"path","prefix":"p/","bucket":"bucket"}"#;
    let line = |key: &String| format!("\n{}", serde_json::json!({"made": "object", "bucket": "bucket", "key": key}));
    ledger::parse(format!("{head}{}\n", keys.iter().map(line).collect::<String>()).as_bytes()).unwrap()
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-d]{1,2}".prop_map(|name| format!("{PREFIX}{name}")),
        "[a-d]{1,2}".prop_map(|name| format!("p/{name}")),
        "[a-d/]{1,3}",
        Just(PREFIX.to_owned()),
        Just(PREFIX.trim_end_matches('/').to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever an endpoint lists, only what stands in the ledger is removed, and all of it that is listed.
    #[test]
    fn nothing_is_removed_that_is_not_in_the_ledger(
        listed in proptest::collection::btree_set(key(), 0..12),
        named in proptest::collection::btree_set(key(), 0..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let recorded = ledger_of(&named.into_iter().filter(|key| key.starts_with(PREFIX)).collect());
        let stored: Mutex<BTreeMap<String, ()>> = Mutex::new(listed.iter().map(|key| (key.clone(), ())).collect());
        let (sent, outcome) = runtime.block_on(async {
            let liar = Liar::new(move |method, target| {
                let mut stored = stored.lock().unwrap();
                if method == "DELETE" {
                    let key = target.trim_start_matches("/bucket/").split('?').next().unwrap_or_default();
                    stored.remove(key);
                    return Some((204, String::new()));
                }
                let keys: Vec<&str> = stored.keys().map(String::as_str).collect();
                if target.contains("versions") { versions(&keys, "") } else { nothing() }
            }).await;
            let outcome = liar.remove(Scope::Ledger(&recorded), false).await;
            (liar.asked("DELETE"), outcome)
        });
        let expected: BTreeSet<String> = listed
            .iter()
            .filter(|key| recorded.holds("bucket", key))
            .map(|key| format!("DELETE /bucket/{key}?versionId=v"))
            .collect();
        prop_assert_eq!(sent.into_iter().collect::<BTreeSet<_>>(), expected);
        prop_assert!(outcome.left_behind.is_empty());
    }
}
