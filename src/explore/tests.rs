use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use super::action::{Action, CAPABILITIES, Extra, Listing, Of, Reading, Style, Which};
use super::machine::sequences;
use super::measure;
use super::names::{Body, Key, Object};
use super::presented::Presented;
use super::scenario::{Walk, asking, exploring, reproducing};
use super::search::{Explored, Options, bucket_kinds};
use super::state::{State, Theme};
use crate::faults::Fault;
use crate::profile::Profile;
use crate::rules::{Catalogue, Grade};
use crate::suite::model::{BucketKind, Level};
use crate::suite::{self, Fixtures, Suite, SuiteSource};

/// So many sequences, the same each time.
fn walks(count: usize) -> Vec<Walk> {
    let kinds: Vec<_> = bucket_kinds().into_iter().collect();
    let sequences = sequences(&kinds, &Arc::default(), 16);
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let config = Config { failure_persistence: None, max_local_rejects: 10_000_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let walk = |_| {
        let (start, actions, _) = sequences.new_tree(&mut runner).expect("a sequence can be made").current();
        Walk::of(&start, &actions).expect("what was made is possible")
    };
    (0..count).map(walk).collect()
}

fn loaded(suite: &serde_json::Value, rules: &Catalogue) -> Suite {
    let source =
        SuiteSource { name: "explored.json".to_owned(), text: suite.to_string(), fixtures: Fixtures::Embedded };
    suite::load(&source, rules).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn every_sequence_is_a_good_suite() {
    let rules = Catalogue::embedded().unwrap();
    let suite = exploring("explore-1", &walks(60), |_, _| true).unwrap();
    // Those in which no rule says anything are left out.
    assert!(loaded(&suite, &rules).cases.len() > 40);
}

#[test]
fn every_check_of_every_request_is_a_good_suite() {
    let rules = Catalogue::embedded().unwrap();
    let mut seen = BTreeSet::new();
    for walk in walks(400) {
        for (number, expected) in walk.expected.iter().enumerate() {
            for check in &expected.checks {
                // Each check of each operation once: its form is the same wherever it comes.
                if seen.insert((check.rule, walk.actions[number].operation(), check.guards.len())) {
                    let suite = reproducing("explored-1", "about", &walk.up_to(number + 1), check).unwrap();
                    assert_eq!(loaded(&suite, &rules).cases[0].rules.as_ref(), [check.rule]);
                }
            }
        }
    }
    let explored: BTreeSet<&str> = seen.iter().map(|(rule, ..)| *rule).collect();
    assert!(explored.len() >= 80, "{} rules are explored: {explored:?}", explored.len());
}

#[test]
fn what_binds_is_well_founded_and_each_check_is_of_a_rule() {
    let rules = Catalogue::embedded().unwrap();
    for check in walks(400).iter().flat_map(|walk| &walk.expected).flat_map(|expected| &expected.checks) {
        let rule = rules.get(check.rule).unwrap_or_else(|| panic!("there is no rule {}", check.rule));
        let is_well_founded = matches!(rule.grade, Grade::Recorded | Grade::Documented);
        assert!(check.level != Level::Must || is_well_founded, "{} is {:?}", check.rule, rule.grade);
    }
}

/// What tells the length of an object.
enum Told {
    Read(Reading),
    Listed(Listing),
}

/// A server that keeps the first content of a part breaks the rule of parts, and none of lengths.
#[rstest]
#[case::head(Told::Read(Reading::Head), "content-length-plaintext")]
#[case::attributes(Told::Read(Reading::Attributes), "attributes-size")]
#[case::listing(Told::Listed(Listing::Objects), "listing-plaintext-size")]
fn a_length_is_judged_where_the_object_has_its_content(#[case] told_by: Told, #[case] rule: &str) {
    let (object, key, style) = (Object::A, Presented::Key(Key::K1), Style::Usual);
    let part = |body| Action::UploadPart { object, number: 1, key, body, extra: Extra::Nothing, style };
    let told = match told_by {
        Told::Read(reading) => Action::Read { reading, object, which: Which::Newest, of: Of::Whole, key, style },
        Told::Listed(listing) => Action::List { listing, object },
    };
    let guards_of = |parts: &[Action]| {
        let mut actions = vec![Action::CreateUpload { object, key, other_encryption: false, style }];
        actions.extend_from_slice(parts);
        actions.extend([Action::Complete { object, with_key: false }, told.clone()]);
        let start = State::empty(BucketKind::Plain, Theme::Uploads, Arc::default());
        let walk = Walk::of(&start, &actions).expect("it is possible");
        let last = walk.expected.last().expect("there are some");
        let check = last.checks.iter().find(|check| check.rule == rule).expect("its length is told");
        check.guards.iter().filter_map(|guard| guard.before).collect::<Vec<_>>()
    };
    assert_eq!(guards_of(&[part(Body::Small)]), Vec::<usize>::new());
    assert_eq!(guards_of(&[part(Body::Small), part(Body::Other)]), [4]);
}

fn capabilities(rules: &Catalogue) -> Vec<Arc<Suite>> {
    let source = suite::embedded().into_iter().find(|source| source.name.ends_with("/capabilities.json")).unwrap();
    vec![Arc::new(suite::load(&source, rules).unwrap())]
}

#[test]
fn capabilities_are_those_of_the_suites() {
    let rules = Catalogue::embedded().unwrap();
    let asked = loaded(&asking("explore-1", CAPABILITIES), &rules);
    let known = &capabilities(&rules)[0].capabilities;
    for case in &asked.cases {
        assert!(known.iter().any(|capability| capability.probe.id == case.requires[0]), "{}", case.id);
    }
}

async fn explored(fault: Option<&'static Fault>, seconds: u64, seed: u64) -> Explored {
    let rules = Catalogue::embedded().unwrap();
    let options = Options {
        seed,
        time: Duration::from_secs(seconds),
        level: Level::Should,
        profile: Arc::new(Profile::named("portable")),
    };
    let token = CancellationToken::new();
    measure::measure(fault, &rules, &capabilities(&rules), options, token).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reference_endpoint_does_not_diverge() {
    let explored = explored(None, 3, 1).await;
    assert!(explored.divergence.is_none(), "{explored:#?}");
    assert!(explored.unconfirmed.is_empty() && explored.requests > 40, "{explored:#?}");
}

#[rstest]
#[case::wrong_key("wrong-key-reads-ranges", "read-wrong-key", 2)]
#[case::echo("put-echo-missing", "put-echoes", 1)]
#[case::copy("copy-drops-encryption", "copy-target-key", 3)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_is_found_and_made_short(#[case] fault: &str, #[case] rule: &str, #[case] requests: usize) {
    let explored = explored(Some(Fault::named(fault).unwrap()), 60, 1).await;
    let divergence = explored.divergence.expect("it is found");
    assert_eq!((divergence.rule.as_str(), divergence.requests), (rule, requests), "{}", divergence.suite);
}
