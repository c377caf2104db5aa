//! What is left of runs that are killed or interrupted anywhere, and `ssecheck sweep`.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use crate::common::estate::{Estate, GIVEN, Snapshot, counts};
use crate::common::gate::{Gate, Then};
use crate::common::{GOOD_PUT, Outcome, Workplace, send, suite};
use http::Method;
use rand::{RngExt as _, SeedableRng as _};

/// Scenarios that make versions, delete markers, uploads that stay open and buckets, some times over.
fn busy_suite() -> String {
    let put = r#""request": {"operation": "PutObject", "body": "data", "sse_c": {"key": "K"}}"#;
    let upload = r#""request": {"operation": "CreateMultipartUpload", "object": "up", "sse_c": {"key": "K"}}"#;
    let part = r#""request": {"operation": "UploadPart", "object": "up", "upload": "up", "part_number": 1, "body": "data", "sse_c": {"key": "K"}}"#;
    let versions = format!(
        r#"{{"id": "put", {put}}}, {{"id": "again", {put}}}, {{"id": "up", {upload}}}, {{"id": "part", {part}}},
        {{"id": "delete", "request": {{"operation": "DeleteObject"}}}},
        {{"id": "delete-more", "request": {{"operation": "DeleteObjects", "delete": ["object", "never-there"]}}}}"#
    );
    let whole = format!(
        r#"{{"id": "put", {put}}}, {{"id": "up", {upload}}}, {{"id": "part", {part}}},
        {{"id": "complete", "request": {{"operation": "CompleteMultipartUpload", "object": "up", "upload": "up", "parts": ["part"], "sse_c": {{"key": "K"}}}}}},
        {{"id": "more", {upload}}},
        {{"id": "refused", "request": {{"operation": "PutObject", "object": "refused", "body": "data", "sse_c": {{"key": "K", "algorithm": {{"value": "KMS"}}}}}}, "expect": {{"refused": true}}, "control": {{"request": {{"sse_c": {{"key": "K"}}}}}}}}"#
    );
    let scenario = |id: &str, bucket: &str, steps: &str| {
        format!(
            r#"{{"id": "{id}", "title": "t", "why": "w", "level": "must", "rules": ["put-echoes"], "bucket": "{bucket}", "for_each": {{"r": "rows"}}, "steps": [{steps}]}}"#
        )
    };
    let scenarios = [
        scenario("versions", "versioned", &versions),
        scenario("whole", "plain", &whole),
        scenario("own", "own", &format!(r#"{{"id": "put", {put}}}"#)),
    ];
    let rows: Vec<String> = (0..6).map(|number| format!(r#"{{"id": "row-{number}"}}"#)).collect();
    format!(
        r#"{{"id": "busy", "title": "t", "about": "a", "keys": {{"K": {{}}}}, "bodies": {{"data": {{"text": "some text"}}}}, "tables": {{"rows": [{}]}}, "scenarios": [{}]}}"#,
        rows.join(","),
        scenarios.join(",")
    )
}

/// The busy suite against an endpoint with a neighbour, by way of a gate.
struct Busy {
    estate: Estate,
    gate: Gate,
}

impl Busy {
    async fn new() -> Self {
        let estate = Estate::new(true).await;
        estate.workplace.file("busy.json", &busy_suite());
        let gate = Gate::before(&estate.endpoint.tls_url).await;
        Self { estate, gate }
    }

    /// Runs it; it gets the signal once it has sent so many bytes.
    async fn run(&self, words: &str, at: u64, then: Then) -> Outcome {
        let mut command = self.estate.workplace.command(&format!("run busy.json {words}"));
        command.envs(self.estate.settings(&self.gate.url)).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.gate.start(&mut command, at, then);
        let ended = tokio::task::spawn_blocking(move || child.wait_with_output().expect("it was started"));
        let outcome = Outcome::of(ended.await.expect("it ends"));
        self.gate.is_quiet().await;
        outcome
    }

    /// How many bytes a run sends that nobody ends.
    async fn whole(&self, words: &str) -> u64 {
        let outcome = self.run(words, u64::MAX, Then::Nothing).await;
        assert_eq!(outcome.code, Some(0), "{outcome:#?}");
        self.gate.passed()
    }

    async fn sweep(&self, words: &str) -> Outcome {
        self.estate.run(&self.gate.url, &format!("sweep {words}")).await
    }
}

/// A seed that a failure tells; `SSECHECK_TEST_SEED` repeats it.
fn seed() -> u64 {
    let given = std::env::var("SSECHECK_TEST_SEED").ok();
    let seed = given.map_or_else(rand::random, |seed| seed.parse().expect("a seed is a number"));
    eprintln!("SSECHECK_TEST_SEED={seed}");
    seed
}

/// Given a bucket, or making its own.
const KINDS: [&str; 2] = ["", "--bucket given"];

/// What must be left once a run was swept after: all that is neither in a bucket of its own nor below its prefix, but what
/// a neighbour put there.
fn without_run(mut snapshot: Snapshot, run: &str, neighbour_s: &str) -> Snapshot {
    snapshot.retain(|bucket, _| !bucket.starts_with(&format!("ssecheck-{run}")));
    for things in snapshot.values_mut() {
        things.retain(|thing| !thing.key.starts_with(&format!("ssecheck/{run}/")) || thing.key == neighbour_s);
    }
    snapshot
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_leaves_is_swept_and_nothing_else() {
    let mut random = rand::rngs::StdRng::seed_from_u64(seed());
    let busy = Busy::new().await;
    let estate = &busy.estate;
    let before = estate.snapshot().await;
    let mut wholes = Vec::new();
    for words in KINDS {
        wholes.push(busy.whole(words).await);
    }
    assert_eq!(estate.snapshot().await, before, "whole runs leave nothing");
    let mut left = Vec::new();
    for round in 0..16 {
        let (words, whole) = (KINDS[round % 2], wholes[round % 2]);
        // Near its end a run may be over before it is killed.
        let at = random.random_range(1..whole * 9 / 10);
        let told = format!("round {round}, killed after {at} of {whole} bytes");
        let outcome = busy.run(words, at, Then::Signal("KILL")).await;
        assert_eq!(outcome.code, None, "{told}: {outcome:#?}");
        let [run] = &estate.ledgers()[..] else { panic!("{told}: {:?}", estate.ledgers()) };

        // A neighbour whose keys look like those of the very run.
        let neighbour_s = format!("ssecheck/{run}/neighbour-s");
        for key in [format!("ssecheck/{run}"), format!("ssecheck/{run}x/y"), neighbour_s.clone()] {
            estate.send(Method::PUT, GIVEN, &key, &[], "mine").await;
            estate.send(Method::POST, GIVEN, &key, &[("uploads", "")], "").await;
        }
        let snapshot = estate.snapshot().await;
        let expected = without_run(snapshot.clone(), run, &neighbour_s);
        left.push(
            counts(&snapshot).into_iter().map(|(kind, n)| (kind.clone(), n - counts(&expected)[&kind])).collect(),
        );

        let listed = busy.sweep("").await;
        assert!(listed.code == Some(0) && listed.out.contains(run), "{told}: {listed:#?}");
        let dry = busy.sweep(&format!("--run {run}")).await;
        assert_eq!(dry.code, Some(0), "{told}: {dry:#?}");
        assert_eq!(estate.snapshot().await, snapshot, "{told}: a dry run changed something");
        // What it shows is what is there.
        let shown = dry.out.lines().filter(|line| line.contains("would remove")).count();
        let is_left: &std::collections::BTreeMap<String, usize> = &left[round];
        assert_eq!(shown, is_left.values().sum::<usize>(), "{told}: {is_left:?}\n{}", dry.out);
        if words == KINDS[1] {
            assert!(dry.out.contains("neighbour-s") && dry.out.contains("left alone"), "{told}: {}", dry.out);
        }

        let swept = busy.sweep(&format!("--run {run} --delete")).await;
        assert_eq!(swept.code, Some(0), "{told}: {swept:#?}");
        assert_eq!(estate.snapshot().await, expected, "{told}\n{}", swept.out);
        assert!(estate.ledgers().is_empty(), "{told}: {:?}", estate.ledgers());
    }
    // It proves something only where there was something.
    for kind in ["bucket", "Version", "DeleteMarker", "Upload"] {
        assert!(left.iter().any(|left| left[kind] > 0), "no run left a {kind}: {left:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_leaves_nothing_wherever_it_is() {
    let mut random = rand::rngs::StdRng::seed_from_u64(seed());
    let busy = Busy::new().await;
    let before = busy.estate.snapshot().await;
    for words in KINDS {
        let whole = busy.whole(words).await;
        for signal in ["INT", "TERM", "INT", "TERM"] {
            let at = random.random_range(1..whole * 9 / 10);
            let told = format!("SIG{signal} after {at} of {whole} bytes, {words}");
            let outcome = busy.run(words, at, Then::Signal(signal)).await;
            assert_eq!(outcome.code, Some(130), "{told}: {outcome:#?}");
            assert!(!outcome.err.contains("could not be removed"), "{told}: {outcome:#?}");
            assert_eq!(busy.estate.snapshot().await, before, "{told}: {outcome:#?}");
            assert!(busy.estate.ledgers().is_empty(), "{told}: {:?}", busy.estate.ledgers());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_to_which_nobody_listens_leaves_nothing() {
    let busy = Busy::new().await;
    let before = busy.estate.snapshot().await;
    let whole = busy.whole("").await;
    let mut command = busy.estate.workplace.command("run busy.json");
    command.envs(busy.estate.settings(&busy.gate.url)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = busy.gate.start(&mut command, whole / 2, Then::Signal("TERM"));
    drop((child.stdout.take(), child.stderr.take()));
    let ended = tokio::task::spawn_blocking(move || child.wait().expect("it was started"));
    assert_eq!(ended.await.expect("it ends").code(), Some(130));
    busy.gate.is_quiet().await;
    assert_eq!(busy.estate.snapshot().await, before);
    assert!(busy.estate.ledgers().is_empty(), "{:?}", busy.estate.ledgers());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_a_run_at_once_and_a_run_that_goes_on_is_not_swept_after() {
    let busy = Busy::new().await;
    let (estate, gate) = (&busy.estate, &busy.gate);
    let whole = busy.whole("").await;
    let before = estate.snapshot().await;
    let mut command = estate.workplace.command("run busy.json");
    command.envs(estate.settings(&gate.url)).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = gate.start(&mut command, whole / 2, Then::Hold);
    gate.holds().await;
    let [run] = &estate.ledgers()[..] else { panic!("{:?}", estate.ledgers()) };

    let listed = busy.sweep("").await;
    assert!(listed.code == Some(0) && listed.out.contains("still going on"), "{listed:#?}");
    for words in [format!("--run {run} --delete"), format!("--run {run}")] {
        let refused = busy.sweep(&words).await;
        assert!(refused.code == Some(2) && refused.err.contains("still goes on"), "{refused:#?}");
    }
    let none = busy.sweep("--older-than 0s --delete").await;
    assert!(none.code == Some(0) && none.out.contains("nothing to sweep"), "{none:#?}");

    let mut told = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut line = String::new();
    send("INT", child.id());
    told.read_line(&mut line).expect("it is text");
    assert!(line.contains("is being removed"), "{line}");
    send("TERM", child.id());
    let mut rest = String::new();
    told.read_to_string(&mut rest).expect("it is text");
    assert_eq!(child.wait().expect("it was started").code(), Some(130));
    assert!(rest.contains(&format!("ssecheck sweep --run {run}")), "{rest}");
    gate.open();
    gate.is_quiet().await;

    assert_ne!(estate.snapshot().await, before);
    let young = busy.sweep("--older-than 1h --delete").await;
    assert!(young.code == Some(0) && young.out.contains("nothing to sweep"), "{young:#?}");
    // Another that cannot be read does not stand in the way.
    let damaged = format!(".local/state/ssecheck/runs/{}.jsonl", "f".repeat(20));
    estate.workplace.file(&damaged, "nonsense");
    let swept = busy.sweep("--older-than 0s --delete").await;
    assert!(swept.code == Some(3) && swept.err.contains("line 1"), "{swept:#?}");
    assert_eq!(estate.snapshot().await, before);
    assert_eq!(estate.ledgers(), ["f".repeat(20)]);
}

/// A run that was killed midway; its id.
async fn killed(busy: &Busy) -> String {
    let whole = busy.whole("").await;
    let outcome = busy.run("", whole / 2, Then::Signal("KILL")).await;
    assert_eq!(outcome.code, None, "{outcome:#?}");
    busy.estate.ledgers().pop().expect("it has a ledger")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_s_object_in_a_bucket_of_the_run_is_told_of_and_stays() {
    let busy = Busy::new().await;
    let (estate, before) = (&busy.estate, busy.estate.snapshot().await);
    let run = killed(&busy).await;
    let bucket = format!("ssecheck-{run}");
    estate.send(Method::PUT, &bucket, "payroll", &[], "mine").await;
    let dry = busy.sweep(&format!("--run {run}")).await;
    assert!(dry.out.contains(&format!("could not remove bucket {bucket}:")), "{dry:#?}");
    let swept = busy.sweep(&format!("--run {run} --delete")).await;
    assert_eq!(swept.code, Some(3), "{swept:#?}");
    for told in ["payroll", "left alone", "BucketNotEmpty"] {
        assert!(swept.out.contains(told), "{told}: {}", swept.out);
    }
    let mut snapshot = estate.snapshot().await;
    let keys: Vec<String> = snapshot.remove(&bucket).expect("it stays").into_iter().map(|thing| thing.key).collect();
    assert_eq!((keys, snapshot), (vec!["payroll".to_owned()], before.clone()));
    assert_eq!(estate.ledgers(), std::slice::from_ref(&run));
    estate.send(Method::DELETE, &bucket, "payroll", &[], "").await;
    let swept = busy.sweep(&format!("--run {run} --delete")).await;
    assert_eq!((swept.code, estate.snapshot().await), (Some(0), before), "{}", swept.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_another_endpoint_or_by_a_ledger_that_is_damaged() {
    let busy = Busy::new().await;
    let estate = &busy.estate;
    let run = killed(&busy).await;
    let snapshot = estate.snapshot().await;
    let delete = format!("sweep --run {run} --delete");
    let other = estate.run(estate.endpoint.tls_url.as_str(), &delete).await;
    assert_eq!(other.code, Some(2), "{other:#?}");
    assert!(
        other.err.contains(&busy.gate.url) && other.err.contains(estate.endpoint.tls_url.as_str()),
        "{}",
        other.err
    );
    // Of runs that are not named those of other endpoints are nobody's mistake.
    let old = estate.run(estate.endpoint.tls_url.as_str(), "sweep --older-than 0s --delete").await;
    assert!(old.code == Some(0) && old.out.contains("left alone"), "{old:#?}");
    assert_eq!(estate.snapshot().await, snapshot);
    let none = estate.workplace.run(&delete);
    assert_eq!(none.code, Some(2), "{none:#?}");
    assert!(none.err.contains(&format!("--endpoint {}", busy.gate.url)), "{}", none.err);
    let aside = busy.sweep(&format!("--run {run} --delete --ledger elsewhere")).await;
    assert!(aside.code == Some(2) && aside.err.contains("there is no ledger"), "{aside:#?}");

    let file = format!(".local/state/ssecheck/runs/{run}.jsonl");
    let whole = estate.workplace.read(&file);
    let payroll = format!(r#"{{"made":"object","bucket":"ssecheck-{run}","key":"payroll"}}"#);
    estate.workplace.file(&file, &format!("{whole}{payroll}\n"));
    let damaged = busy.sweep(&format!("--run {run} --delete")).await;
    assert!(damaged.code == Some(2) && damaged.err.contains("payroll"), "{damaged:#?}");
    assert!(damaged.err.contains(&format!("line {}", whole.lines().count() + 1)), "{}", damaged.err);
    assert_eq!(estate.snapshot().await, snapshot);

    // Where nobody answers nothing is known.
    let nowhere = "https://localhost:1/";
    estate.workplace.file(&file, &whole.replacen(&busy.gate.url, nowhere, 1));
    for words in [delete.clone(), format!("sweep --run {run}")] {
        let outcome = estate.run(nowhere, &words).await;
        assert_eq!(outcome.code, Some(3), "{outcome:#?}");
        assert_eq!(estate.ledgers(), std::slice::from_ref(&run));
    }
}

#[rstest::rstest]
#[case::path("sweep --run ../../etc/passwd", "20 digits")]
#[case::no_duration("sweep --older-than yesterday", "--older-than")]
#[case::of_nothing("sweep --delete", "--run ID")]
#[case::of_none("sweep --run 0123456789abcdef0123", "there is no ledger of run 0123456789abcdef0123")]
fn mistakes_are_told(#[case] words: &str, #[case] told: &str) {
    let outcome = Workplace::new().run(words);
    assert!(outcome.code == Some(2) && outcome.err.contains(told), "{outcome:#?}");
}

#[test]
fn without_ledgers_there_is_nothing_to_sweep() {
    for words in ["sweep", "sweep --older-than 7d --delete"] {
        let outcome = Workplace::new().run(words);
        assert_eq!((outcome.code, outcome.err.as_str()), (Some(0), ""), "{outcome:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_where_no_ledger_can_be_kept() {
    let estate = Estate::new(true).await;
    let before = estate.snapshot().await;
    estate.workplace.file("one.json", &suite("must", GOOD_PUT));
    estate.workplace.file("taken", "a file where a folder should be");
    let outcome = estate.run(estate.endpoint.tls_url.as_str(), "run one.json --ledger taken/runs").await;
    assert!(outcome.code == Some(2) && outcome.err.contains("--ledger DIR"), "{outcome:#?}");
    assert_eq!(estate.snapshot().await, before);
    let outcome = estate.run(estate.endpoint.tls_url.as_str(), "run one.json --ledger runs").await;
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert_eq!(std::fs::read_dir(estate.workplace.path("runs")).expect("it was made").count(), 0);
}

#[rstest::rstest]
#[case::making_buckets("")]
#[case::given_a_bucket("--bucket given")]
fn an_endpoint_that_is_not_there_leaves_no_ledger(#[case] words: &str) {
    let workplace = Workplace::new();
    let outcome = workplace.run_nowhere(&format!("run {words}"));
    assert_eq!(outcome.code, Some(3), "{outcome:#?}");
    assert!(!outcome.err.contains("could not be removed") && !outcome.err.contains("sweep"), "{}", outcome.err);
    assert_eq!(workplace.path(".local/state/ssecheck/runs").read_dir().expect("there was a ledger").count(), 0);
}

#[test]
fn no_ledger_is_kept_of_the_embedded_endpoint() {
    let workplace = Workplace::new();
    workplace.file("one.json", &suite("must", GOOD_PUT));
    workplace.file("taken", "a file where a folder should be");
    assert_eq!(workplace.run("run one.json --ledger taken/runs").code, Some(0));
}
