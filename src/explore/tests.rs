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
