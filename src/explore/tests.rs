use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::search::Options;
use super::{Explored, measure};
use crate::profile::Profile;
use crate::reference::faults::Fault;
use crate::rules::Catalogue;
use crate::suite::model::Level;
use crate::suite::{self, Suite};

fn capabilities(rules: &Catalogue) -> Vec<Arc<Suite>> {
    let source = suite::embedded().into_iter().find(|source| source.name.ends_with("/capabilities.json")).unwrap();
    vec![Arc::new(suite::load(&source, rules).unwrap())]
}

async fn explored(fault: Option<&'static Fault>, seconds: u64, seed: u64) -> Result<Explored, String> {
    let rules = Catalogue::embedded().unwrap();
    let options = Options {
        seed,
        time: Duration::from_secs(seconds),
        level: Level::Should,
        profile: Arc::new(Profile::named("portable")),
    };
    measure::measure(fault, &rules, &capabilities(&rules), options, CancellationToken::new()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reference_endpoint_does_not_diverge() {
    let explored = explored(None, 8, 1).await.unwrap();
    eprintln!("{} sequences, {} requests", explored.sequences, explored.requests);
    eprintln!("{explored:#?}");
    assert!(explored.divergence.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn timing() {
    use proptest::strategy::{Strategy as _, ValueTree as _};
    let s = super::machine::sequences(&[crate::suite::model::BucketKind::Plain], &Arc::default(), 16);
    let t = std::time::Instant::now();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let trees: Vec<_> = (0..8).map(|_| s.new_tree(&mut runner).unwrap()).collect();
    eprintln!("trees {:?}", t.elapsed());
    let t = std::time::Instant::now();
    let walks: Vec<_> = trees.iter().map(|t| { let (a, b, _) = t.current(); super::scenario::Walk::of(&a, &b).unwrap() }).collect();
    eprintln!("walks {:?} {}", t.elapsed(), walks.iter().map(|w| w.actions.len()).sum::<usize>());
    let t = std::time::Instant::now();
    let suite = super::scenario::exploring("x", &walks, |_, _| true).unwrap();
    let text = serde_json::to_string_pretty(&suite).unwrap();
    eprintln!("json {:?} {}", t.elapsed(), text.len());
    let t = std::time::Instant::now();
    let rules = Catalogue::embedded().unwrap();
    let source = suite::SuiteSource { name: "x".to_owned(), text, fixtures: suite::Fixtures::Embedded };
    let loaded = suite::load(&source, &rules).unwrap_or_else(|e| panic!("{e}"));
    eprintln!("load {:?} {}", t.elapsed(), loaded.cases.len());
}
