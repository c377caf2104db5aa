//! What a run computes most: `cargo bench --bench hot`. Figures are for comparing changes on one machine, side by side.
#![allow(missing_docs, reason = "criterion's macros make public items without any")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ssecheck::evidence::{Answer, Element, Exchange, Received, Redactor, Reply, Sent};
use ssecheck::plan::{Selection, plan};
use ssecheck::rules::Catalogue;
use ssecheck::suite::body::Body;
use ssecheck::suite::{Suite, embedded, load};
use ssecheck::verdict::{Facts, Terms, Transcript, judge_steps};

fn rules() -> Catalogue {
    Catalogue::embedded().expect("the rules are right")
}

fn suites(rules: &Catalogue) -> Vec<Arc<Suite>> {
    embedded().iter().map(|source| Arc::new(load(source, rules).expect("it is right"))).collect()
}

fn of_suites(criterion: &mut Criterion) {
    let rules = rules();
    criterion.bench_function("load the built-in suites", |it| it.iter(|| suites(&rules)));
    let mut stranger = embedded().swap_remove(0);
    stranger.name = "stranger.json".to_owned();
    criterion.bench_function("load and check a suite", |it| it.iter(|| load(&stranger, &rules).expect("it is right")));
    let suites = suites(&rules);
    criterion.bench_function("plan the built-in suites", |it| it.iter(|| plan(&suites, &Selection::default())));
}

fn of_bodies(criterion: &mut Criterion) {
    let size = 5 * 1024 * 1024;
    let body = Body::Generated { size, seed: 1 };
    let mut group = criterion.benchmark_group("a body of 5 MiB");
    group.throughput(Throughput::Bytes(size));
    group.bench_function("generate it", |it| it.iter(|| body.pieces().map(|piece| piece.len()).sum::<usize>()));
    group.bench_function("generate and digest it (MD5)", |it| it.iter(|| body.md5_after(black_box(b"key"))));
    group.finish();
}

fn answer(text: &str) -> Answer {
    let body = Received {
        length: text.len() as u64,
        sha256: String::new(),
        text: Some(text.to_owned()),
        discloses: Vec::new(),
        cut_short: None,
        is_lost: false,
    };
    let headers = vec![("x-amz-request-id".to_owned(), "0123456789ABCDEF".to_owned())];
    Answer { version: "HTTP/1.1".to_owned(), status: 400, headers, body, leaked_keys: Vec::new() }
}

const ERROR: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InvalidArgument</Code><Message>The calculated MD5 \
    hash of the key did not match the hash that was provided.</Message><RequestId>0123456789ABCDEF</RequestId></Error>";

fn of_answers(criterion: &mut Criterion) {
    let keys: Vec<[u8; 32]> =
        (1..4).map(|number| std::array::from_fn(|index| (index as u8).wrapping_mul(91) ^ number)).collect();
    let redactor = || Redactor::new(keys.iter().map(|key| ("K", key.as_slice())));
    criterion.bench_function("get ready to search for 3 keys", |it| it.iter(redactor));
    let redactor = redactor();
    criterion.bench_function("search an error document", |it| it.iter(|| redactor.found(black_box(ERROR.as_bytes()))));
    criterion.bench_function("read an error document", |it| it.iter(|| Element::parse(black_box(ERROR))));
    let content = Body::Generated { size: 1024 * 1024, seed: 2 }.bytes();
    let mut group = criterion.benchmark_group("an object of 1 MiB");
    group.throughput(Throughput::Bytes(content.len() as u64));
    group.bench_function("search it", |it| it.iter(|| redactor.found(black_box(&content))));
    group.finish();

    let suites = suites(&rules());
    let suite = suites.iter().find(|suite| suite.id == "malformed-keys").expect("it is built in");
    let case = &suite.cases[0];
    let exchange = |step: &str| Exchange {
        step: step.to_owned(),
        storage_probe: false,
        sent: Sent::default(),
        reply: Reply::Answer(answer(ERROR)),
        started: time::OffsetDateTime::UNIX_EPOCH,
        seconds: 0.0,
        framing: None,
        peer: None,
    };
    let exchanges = case.steps.iter().map(|step| exchange(&step.id)).collect();
    let transcript = Transcript { exchanges, facts: Facts { key_md5: BTreeMap::new(), ..Facts::default() } };
    let own = case.own_rules();
    let terms = Terms {
        control: false,
        profile: "portable",
        own: &own,
        observes: false,
        bucket: case.bucket,
        steps: &case.steps,
        bodies: &suite.bodies,
    };
    criterion.bench_function("judge a case", |it| it.iter(|| judge_steps(black_box(&case.steps), terms, &transcript)));
}

criterion_group!(benches, of_suites, of_bodies, of_answers);
criterion_main!(benches);
