//! The runner against the embedded endpoint: nothing is left, whatever happens.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::Addressing;
use crate::embedded::{self, Reach};
use crate::ledger::{FORMAT, Head};
use crate::plan::{Selection, plan};
use crate::profile::Profile;
use crate::reference::{self, Endpoint};
use crate::rules::Catalogue;
use crate::suite::model::Step;
use crate::suite::{self, SuiteSource};
use crate::verdict::Verdict;

/// The seam by which a case panics: a step of this id, of its own or of its control.
pub(super) fn panic_if_asked(step: &Step, control: bool) {
    let asked = if control { "panics-in-control" } else { "panics" };
    assert!(step.id != asked, "it holds {}", "s3cret");
}

/// An endpoint, and a plan of these scenarios: id and steps each.
struct Scene {
    endpoint: Endpoint,
    client: Client,
    plan: Plan,
    ledgers: tempfile::TempDir,
}

impl Scene {
    async fn new(scenarios: &[(&str, serde_json::Value)]) -> Self {
        let (endpoint, client) = embedded::start(reference::Options::default(), Reach::default()).await.unwrap();
        let scenario = |(id, steps): &(&str, serde_json::Value)| json!({"id": id, "title": "t", "why": "w", "level": "must", "bucket": "versioned", "rules": ["put-echoes"], "steps": steps});
        let text = json!({
            "id": "test", "title": "t", "about": "a", "keys": {"K": {}}, "bodies": {"data": {"text": "some text"}},
            "scenarios": scenarios.iter().map(scenario).collect::<Vec<_>>(),
        });
        let source =
            SuiteSource { name: "test.json".to_owned(), text: text.to_string(), fixtures: suite::Fixtures::Embedded };
        let suite = suite::load(&source, &Catalogue::embedded().unwrap()).unwrap_or_else(|error| panic!("{error}"));
        let selection = Selection { profile: Arc::new(Profile::named("portable")), only: Vec::new() };
        let plan = plan(&[Arc::new(suite)], &selection);
        Self { endpoint, client, plan, ledgers: tempfile::tempdir().unwrap() }
    }

    fn options(&self) -> Options {
        let head = Head {
            format: FORMAT.to_owned(),
            run: RunId::random(),
            started: "2026-11-26T05:00:00Z".to_owned(),
            ssecheck: "0".to_owned(),
            endpoint: self.endpoint.tls_url.to_string(),
            region: "us-east-1".to_owned(),
            addressing: Addressing::Path,
            prefix: "p/".to_owned(),
            bucket: None,
        };
        Options {
            bucket: None,
            prefix: "p/".to_owned(),
            jobs: 4,
            scenario_timeout: Duration::from_secs(60),
            retries: 0,
            profile: Arc::new(Profile::named("portable")),
            baseline: None,
            allow_ssec: false,
            no_plain_listener: None,
            looks_first: true,
            asks_all: false,
            settling: Duration::ZERO,
            keeps_all: true,
            ledger: Some(Arc::new(Ledger::create(self.ledgers.path(), head).unwrap())),
        }
    }

    async fn run(&self, options: Options, cancelled: CancellationToken) -> Result<RunResult, RunError> {
        let (events, _) = mpsc::unbounded_channel();
        run(self.plan.clone(), self.client.clone(), options, events, cancelled).await
    }

    /// Asserts that the endpoint has no bucket, and the folder no ledger.
    async fn assert_nothing_is_left(&self) {
        let housekeeper = Housekeeper::new(self.client.clone(), false);
        let reply = housekeeper.send("ListBuckets", Method::GET, "", "", &[], Bytes::new()).await.reply;
        let listed = reply.answer().and_then(|answer| answer.xml().ok()).expect("it lists its buckets");
        let buckets = listed.child("Buckets").map_or(0, |buckets| buckets.children.len());
        assert_eq!(buckets, 0, "{listed:#?}");
        assert_eq!(std::fs::read_dir(self.ledgers.path()).unwrap().count(), 0);
    }
}

fn put(id: &str) -> serde_json::Value {
    json!({"id": id, "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}}})
}

/// A refusal with its control.
fn refused(id: &str) -> serde_json::Value {
    json!({
        "id": id,
        "request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K", "algorithm": {"value": "KMS"}}},
        "expect": {"refused": true},
        "control": {"request": {"sse_c": {"key": "K"}}},
    })
}

#[tokio::test]
async fn a_panic_costs_its_case_the_verdict_and_leaves_nothing() {
    let upload = json!({"id": "up", "request": {"operation": "CreateMultipartUpload", "sse_c": {"key": "K"}}});
    let scene = Scene::new(&[
        ("good", json!([put("put")])),
        ("panics", json!([put("put"), upload, put("panics")])),
        ("controlled", json!([refused("panics-in-control")])),
        // Its control is the same: it must neither wait for ever nor take what a panic left.
        ("controlled-too", json!([refused("panics-in-control")])),
        ("last", json!([refused("refused")])),
    ])
    .await;
    let result = scene.run(scene.options(), CancellationToken::new()).await.unwrap();
    let verdicts: Vec<Verdict> = result.cases.iter().map(|case| case.judgement.verdict).collect();
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Error, Verdict::Error, Verdict::Error, Verdict::Pass]);
    for case in &result.cases[1..4] {
        assert!(case.judgement.reason.contains("panic"), "{}", case.judgement.reason);
    }
    assert_eq!(result.cases[1].own.as_ref().unwrap().transcript.exchanges.len(), 2, "what was sent is kept");
    assert!(!format!("{result:?}").contains("s3cret"));
    assert!(result.left_behind.is_empty(), "{:?}", result.left_behind);
    scene.assert_nothing_is_left().await;
}

#[tokio::test]
async fn what_waits_for_a_setting_is_counted() {
    let never = json!({
        "id": "never", "settles": true, "request": {"operation": "GetObject", "sse_c": {"key": "K"}},
        "expect": {"status": ["206"]},
    });
    let scene = Scene::new(&[("waits", json!([put("put"), never]))]).await;
    let options = Options { settling: Duration::from_secs(1), ..scene.options() };
    let result = scene.run(options, CancellationToken::new()).await.unwrap();
    assert_eq!(result.cases[0].judgement.verdict, Verdict::Fail);
    let exchanges = &result.cases[0].own.as_ref().unwrap().transcript.exchanges;
    let [_, last] = &exchanges[..] else { panic!("{exchanges:#?}") };
    let settles = result.sent_again.get(&SentAgain::Settles).expect("there was time for a second request");
    assert!(last.sent.remarks[0].starts_with(&format!("sent {} times", settles + 1)), "{:?}", last.sent.remarks);
    assert_eq!(result.sent_again.len(), 1, "{:?}", result.sent_again);
}

#[tokio::test]
async fn nothing_is_made_that_cannot_be_recorded() {
    let scene = Scene::new(&[("one", json!([put("put"), put("again")])), ("two", json!([put("put")]))]).await;
    // From no room for the first bucket to room for all.
    let mut outcomes = BTreeSet::new();
    for room in (0..2000).step_by(100) {
        let options = scene.options();
        options.ledger.as_ref().unwrap().leave_room(room);
        match scene.run(options, CancellationToken::new()).await {
            Ok(result) => {
                assert!(result.left_behind.is_empty(), "{:?}", result.left_behind);
                outcomes.insert("ran");
            }
            Err(RunError { cause: PrepareError::Ledger(error), left_behind }) => {
                assert!(error.to_string().contains("--ledger DIR"), "{error}");
                assert!(left_behind.is_empty(), "{left_behind:?}");
                outcomes.insert("stopped");
            }
            Err(error) => panic!("{error}"),
        }
        scene.assert_nothing_is_left().await;
    }
    assert_eq!(outcomes, BTreeSet::from(["ran", "stopped"]));
}

#[tokio::test]
async fn a_run_that_is_interrupted_before_it_begins_makes_nothing() {
    let scene = Scene::new(&[("one", json!([put("put")]))]).await;
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let error = scene.run(scene.options(), cancelled).await.unwrap_err();
    assert!(matches!(&error.cause, PrepareError::Interrupted) && error.left_behind.is_empty(), "{error}");
    scene.assert_nothing_is_left().await;
}

#[tokio::test]
async fn a_run_that_is_interrupted_stops_between_requests_and_says_so_of_each_case_cut_off() {
    let scenarios: Vec<(String, serde_json::Value)> =
        (0..40).map(|number| (format!("case-{number}"), json!([put("a"), put("b"), refused("c")]))).collect();
    let scenarios: Vec<(&str, serde_json::Value)> =
        scenarios.iter().map(|(id, steps)| (id.as_str(), steps.clone())).collect();
    let scene = Scene::new(&scenarios).await;
    let (cancelled, (sender, mut events)) = (CancellationToken::new(), mpsc::unbounded_channel());
    let running = run(scene.plan.clone(), scene.client.clone(), scene.options(), sender, cancelled.clone());
    let interrupting = async {
        while let Some(event) = events.recv().await {
            if matches!(event, Event::CaseDone(_)) {
                cancelled.cancel();
            }
        }
    };
    let result = tokio::join!(running, interrupting).0.unwrap();
    assert!(result.interrupted && result.left_behind.is_empty(), "{:?}", result.left_behind);
    let count = |verdict| result.cases.iter().filter(|case| case.judgement.verdict == verdict).count();
    assert!(count(Verdict::Pass) > 0 && count(Verdict::Skipped) > 0);
    assert_eq!(count(Verdict::Pass) + count(Verdict::Skipped), 40);
    for case in result.cases.iter().filter(|case| case.judgement.verdict == Verdict::Skipped) {
        assert_eq!((case.judgement.reason.as_str(), case.incomplete), ("the run was interrupted", true));
    }
    scene.assert_nothing_is_left().await;
}
