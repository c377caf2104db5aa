//! Runs random sequences until one diverges from the model, makes that as short as it gets, and confirms it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::strategy::{Strategy as _, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::action::{Action, CAPABILITIES, PLAIN_LISTENER};
use super::expect::Check;
use super::machine::{Sequences, sequences};
use super::scenario::{self, Walk, key_never_returned};
use super::state::State;
use crate::plan::{Selection, plan};
use crate::profile::Profile;
use crate::rules::Catalogue;
use crate::runner::{CaseResult, Session};
use crate::suite::model::{BucketKind, Level};
use crate::suite::{self, FileDiagnostics, Fixtures, Suite, SuiteSource};
use crate::verdict::Verdict;

/// How it is explored.
#[derive(Debug, Clone)]
pub struct Options {
    /// What all sequences follow from.
    pub seed: u64,
    /// How long it goes on.
    pub time: Duration,
    /// The rules that count: of this level and those that bind more.
    pub level: Level,
    /// The profile judged by.
    pub profile: Arc<Profile>,
}

/// The most requests of a sequence.
const LONGEST: usize = 16;
/// How many sequences are on their way at a time.
const BATCH: usize = 8;
/// After so many batches, what they made is removed.
const CLEAR_AFTER: usize = 25;
/// How long it is tried to make a sequence shorter, and how often.
const SHRINKING: Duration = Duration::from_secs(20);
/// How often it is tried to make a sequence shorter.
const MOST_ATTEMPTS: usize = 400;
/// After so many batches in a row without any verdict, the endpoint cannot be explored.
const MOST_WITHOUT_VERDICT: usize = 3;
/// How often a sequence is made anew whose requests could not be found.
const MOST_REJECTED: usize = 16;

/// What came of it.
#[derive(Debug)]
pub struct Explored {
    /// How many sequences were run.
    pub sequences: usize,
    /// How many requests they had.
    pub requests: usize,
    /// The first divergence.
    pub divergence: Option<Divergence>,
    /// What looked like a divergence and was none when tried again, each once.
    pub unconfirmed: Vec<Unconfirmed>,
    /// Capabilities that the endpoint lacks, which were not explored.
    pub lacking: Vec<String>,
    /// The last case without a verdict, where there were too many of them.
    pub without_verdict: Option<Arc<CaseResult>>,
    /// How long it took to the first sign of the divergence, or until it ended.
    pub elapsed: Duration,
}

/// A divergence from the model.
#[derive(Debug)]
pub struct Divergence {
    /// The rule that is broken.
    pub rule: String,
    /// The suite of one scenario that shows it, as JSON.
    pub suite: String,
    /// How many requests it takes, without guards.
    pub requests: usize,
    /// The suite's case as it went.
    pub case: Arc<CaseResult>,
}

/// What looked like a divergence and did not happen again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unconfirmed {
    /// The rule.
    pub rule: String,
    /// The operation.
    pub operation: &'static str,
    /// What became of it when it was tried again.
    pub verdict: Verdict,
}

/// It cannot be explored.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// A sequence could not be made.
    #[error("no sequence of requests could be made ({0}); please report this with the seed")]
    Sequence(String),
    /// What was made of a sequence is no suite.
    #[error("what was made of a sequence is no good suite; please report this with the seed:\n{0}")]
    Suite(Box<FileDiagnostics>),
}

/// The kinds of bucket that are explored, where the endpoint has them.
#[must_use]
pub fn bucket_kinds() -> BTreeSet<BucketKind> {
    [BucketKind::Plain, BucketKind::Versioned, BucketKind::DefaultEncrypted].into()
}

/// Explores an endpoint in a run that has the buckets of [`bucket_kinds`]. `capabilities` is the suite that probes what it has;
/// `found` is told of a rule that seems to be broken.
///
/// # Errors
/// [`ExploreError`].
pub async fn explore(
    session: &Session,
    rules: &Catalogue,
    capabilities: &[Arc<Suite>],
    options: Options,
    found: impl Fn(&str),
) -> Result<Explored, ExploreError> {
    let mut explorer = Explorer { session, rules, capabilities, options, attempts: 0, dismissed: BTreeSet::new() };
    let lacking = explorer.lacking().await?;
    let started = Instant::now();
    let mut explored = Explored {
        sequences: 0,
        requests: 0,
        divergence: None,
        unconfirmed: Vec::new(),
        lacking: lacking.iter().cloned().collect(),
        without_verdict: None,
        elapsed: Duration::ZERO,
    };
    let sequences = sequences(&kinds(&lacking), &Arc::new(lacking), LONGEST);
    let mut without_verdict = 0;
    for number in 0.. {
        if started.elapsed() >= explorer.options.time || session.is_cancelled() {
            break;
        }
        let trees = (0..BATCH).map(|index| explorer.tree(&sequences, number * BATCH + index));
        let trees = trees.collect::<Result<Vec<_>, _>>()?;
        let walks: Vec<Walk> = trees.iter().filter_map(|tree| walk_of(tree).map(|(walk, _)| walk)).collect();
        explored.sequences += walks.len();
        let (results, sent) = explorer.run_batch(&walks).await?;
        explored.requests += sent;
        let is_open = |result: &Arc<CaseResult>| result.judgement.found == Verdict::Error;
        without_verdict = if !results.is_empty() && results.iter().all(is_open) { without_verdict + 1 } else { 0 };
        if without_verdict >= MOST_WITHOUT_VERDICT {
            explored.without_verdict = results.into_iter().next_back();
            break;
        }
        for (tree, walk, result) in failing(trees, &walks, &results) {
            explored.elapsed = started.elapsed();
            match explorer.looked_into(tree, &walk, &result, &found).await? {
                LookedInto::Divergence(divergence) => {
                    explored.divergence = Some(divergence);
                    return Ok(explored);
                }
                LookedInto::Unconfirmed(unconfirmed) => {
                    explored.unconfirmed.extend(unconfirmed);
                    explored.unconfirmed.sort();
                    explored.unconfirmed.dedup();
                }
            }
        }
        if (number + 1) % CLEAR_AFTER == 0 {
            session.clear().await;
        }
    }
    explored.elapsed = started.elapsed();
    Ok(explored)
}

/// The kinds of bucket that can be explored.
fn kinds(lacking: &BTreeSet<String>) -> Vec<BucketKind> {
    let needs = |kind: &BucketKind| match kind {
        BucketKind::Versioned => "versioning",
        BucketKind::DefaultEncrypted => "default-encryption",
        BucketKind::Plain | BucketKind::Own => "",
    };
    bucket_kinds().into_iter().filter(|kind| !lacking.contains(needs(kind))).collect()
}

type Tree = <Sequences as proptest::strategy::Strategy>::Tree;
/// How many requests of a sequence were looked at, as its tree is told.
type Seen = Arc<std::sync::atomic::AtomicUsize>;

/// The walk of a tree as it is now.
fn walk_of(tree: &Tree) -> Option<(Walk, Option<Seen>)> {
    let (start, actions, seen): (State, Vec<Action>, Option<Seen>) = tree.current();
    Some((Walk::of(&start, &actions)?, seen))
}

/// The sequences that failed, in their order.
fn failing(trees: Vec<Tree>, walks: &[Walk], results: &[Arc<CaseResult>]) -> Vec<(Tree, Walk, Arc<CaseResult>)> {
    let failed = |index: usize| {
        let name = format!("sequence-{index}");
        let result = results.iter().find(|result| result.planned.case.scenario.as_ref() == name)?;
        (result.judgement.found == Verdict::Fail).then(|| Arc::clone(result))
    };
    let all = trees.into_iter().zip(walks).enumerate();
    all.filter_map(|(index, (tree, walk))| Some((tree, walk.clone(), failed(index)?))).collect()
}

/// What came of a look at a sequence that failed.
enum LookedInto {
    Divergence(Divergence),
    Unconfirmed(Option<Unconfirmed>),
}

impl Unconfirmed {
    /// Whether it is the endpoint's doing: what is blocked by something more basic is not, as that is found for itself.
    #[must_use]
    pub fn is_flaky(&self) -> bool {
        !matches!(self.verdict, Verdict::Blocked | Verdict::ExpectedFailure | Verdict::Skipped)
    }
}

struct Explorer<'a> {
    session: &'a Session,
    rules: &'a Catalogue,
    capabilities: &'a [Arc<Suite>],
    options: Options,
    /// How many suites were run; part of each one's id, so that each has object keys of its own.
    attempts: usize,
    /// Rules, with operations, by which something failed that is no divergence from them.
    dismissed: BTreeSet<(&'static str, &'static str)>,
}

impl Explorer<'_> {
    fn is_wanted(&self, action: &Action, check: &Check) -> bool {
        check.level <= self.options.level && !self.dismissed.contains(&(check.rule, action.operation()))
    }

    /// The sequence of a number: it follows from the seed and the number alone.
    fn tree(&self, sequences: &Sequences, number: usize) -> Result<Tree, ExploreError> {
        let mut why = String::new();
        for again in 0..MOST_REJECTED {
            let text = format!("ssecheck explore {} {number} {again}", self.options.seed);
            let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &Sha256::digest(text.as_bytes()));
            let config = Config { failure_persistence: None, ..Config::default() };
            match sequences.new_tree(&mut TestRunner::new_with_rng(config, rng)) {
                Ok(tree) => return Ok(tree),
                Err(reason) => why = reason.to_string(),
            }
        }
        Err(ExploreError::Sequence(why))
    }

    /// Runs a suite; its cases in their order.
    async fn run(&mut self, suite: &Value) -> Result<Vec<Arc<CaseResult>>, ExploreError> {
        let text = serde_json::to_string_pretty(suite).unwrap_or_default() + "\n";
        self.run_text(text).await
    }

    async fn run_text(&mut self, text: String) -> Result<Vec<Arc<CaseResult>>, ExploreError> {
        let source = SuiteSource { name: "explored.json".to_owned(), text, fixtures: Fixtures::Embedded };
        let suite = suite::load(&source, self.rules).map_err(|mistakes| ExploreError::Suite(Box::new(mistakes)))?;
        let mut suites = vec![Arc::new(suite)];
        suites.extend(self.capabilities.iter().cloned());
        let selection = Selection { profile: Arc::clone(&self.options.profile), only: Vec::new() };
        // What happens in between is of no interest here.
        let (events, _) = mpsc::unbounded_channel();
        Ok(self.session.cases(plan(&suites, &selection), &events).await)
    }

    /// A suite id that none had before.
    fn id(&mut self) -> String {
        self.attempts += 1;
        format!("explore-{}", self.attempts)
    }

    /// Capabilities that the endpoint lacks.
    async fn lacking(&mut self) -> Result<BTreeSet<String>, ExploreError> {
        let suite = scenario::asking(&self.id(), CAPABILITIES);
        let results = self.run(&suite).await?;
        let lacks = results.iter().filter(|result| result.judgement.found == Verdict::NotSupported);
        let mut lacking: BTreeSet<String> =
            lacks.flat_map(|result| result.planned.case.requires.iter().cloned()).collect();
        if !self.session.has_plain_listener() {
            lacking.insert(PLAIN_LISTENER.to_owned());
        }
        Ok(lacking)
    }

    /// Runs sequences; and how many requests they had.
    async fn run_batch(&mut self, walks: &[Walk]) -> Result<(Vec<Arc<CaseResult>>, usize), ExploreError> {
        let id = self.id();
        let Some(suite) = scenario::exploring(&id, walks, |action, check| self.is_wanted(action, check)) else {
            return Ok((Vec::new(), 0));
        };
        let results = self.run(&suite).await?;
        let own = results.iter().filter_map(|result| result.own.as_ref());
        let sent = own.map(|own| own.transcript.exchanges.len()).sum();
        Ok((results, sent))
    }

    /// Finds out whether a failure is a divergence.
    async fn looked_into(
        &mut self,
        mut tree: Tree,
        walk: &Walk,
        result: &CaseResult,
        found: &impl Fn(&str),
    ) -> Result<LookedInto, ExploreError> {
        let Some((number, check)) = self.check_of(walk, result) else { return Ok(LookedInto::Unconfirmed(None)) };
        let operation = walk.actions[number].operation();
        if !self.is_wanted(&walk.actions[number], &check) {
            return Ok(LookedInto::Unconfirmed(None));
        }
        let failing = walk.up_to(number + 1);
        let verdict = self.reproduced(&failing, &check).await?.1.judgement.verdict;
        if verdict != Verdict::Fail {
            self.dismissed.insert((check.rule, operation));
            let unconfirmed = Unconfirmed { rule: check.rule.to_owned(), operation, verdict };
            return Ok(LookedInto::Unconfirmed(Some(unconfirmed)));
        }
        found(check.rule);
        if let Some((_, Some(seen))) = walk_of(&tree) {
            seen.store(number + 1, std::sync::atomic::Ordering::SeqCst);
        }
        let (shortest, check) = self.shortest(&mut tree, failing, check).await?;
        self.confirmed(&shortest, &check).await
    }

    /// The request that failed, and by which check.
    fn check_of(&self, walk: &Walk, result: &CaseResult) -> Option<(usize, Check)> {
        let finding = result.judgement.findings.first()?;
        let number = walk.expected.iter().position(|expected| expected.id == finding.step)?;
        let mut checks = walk.expected[number].checks.iter();
        let failed = checks.find(|check| finding.rules.iter().any(|rule| rule == check.rule)).cloned();
        let leaked = key_never_returned();
        let is_leak = finding.rules.iter().any(|rule| rule == leaked.rule);
        Some((number, failed.or_else(|| is_leak.then_some(leaked))?))
    }

    /// Runs the scenario that shows that the last request of a walk fails a check.
    async fn reproduced(&mut self, walk: &Walk, check: &Check) -> Result<(String, Arc<CaseResult>), ExploreError> {
        let id = self.id();
        self.reproduced_as(&id, walk, check).await
    }

    async fn reproduced_as(
        &mut self,
        id: &str,
        walk: &Walk,
        check: &Check,
    ) -> Result<(String, Arc<CaseResult>), ExploreError> {
        let about = format!(
            "Found by `ssecheck explore --seed {}`: a random sequence of requests, made as short as it gets.",
            self.options.seed
        );
        let no_case = || ExploreError::Sequence("a sequence without a request failed".to_owned());
        let suite = scenario::reproducing(id, &about, walk, check).ok_or_else(no_case)?;
        let text = serde_json::to_string_pretty(&suite).unwrap_or_default() + "\n";
        let result = self.run_text(text.clone()).await?.into_iter().next().ok_or_else(no_case)?;
        Ok((text, result))
    }

    /// Makes a failing sequence as short and simple as it gets.
    async fn shortest(&mut self, tree: &mut Tree, failing: Walk, check: Check) -> Result<(Walk, Check), ExploreError> {
        let started = Instant::now();
        let mut shortest = (failing, check);
        let mut is_simpler = tree.simplify();
        for _ in 0..MOST_ATTEMPTS {
            if !is_simpler || started.elapsed() > SHRINKING || self.session.is_cancelled() {
                break;
            }
            let walk = walk_of(tree).map(|(walk, _)| walk);
            let found = match walk {
                Some(walk) => self.still_fails(&walk, shortest.1.rule).await?.map(|check| (walk, check)),
                None => None,
            };
            is_simpler = match found {
                Some(found) => {
                    shortest = found;
                    tree.simplify()
                }
                None => tree.complicate(),
            };
        }
        self.simplest(shortest, started).await
    }

    /// The same, as long as one request less, or one that is more usual, fails, too.
    async fn simplest(&mut self, mut shortest: (Walk, Check), started: Instant) -> Result<(Walk, Check), ExploreError> {
        loop {
            let mut is_found = false;
            for walk in shortest.0.simpler() {
                if started.elapsed() > SHRINKING || self.session.is_cancelled() {
                    return Ok(shortest);
                }
                if let Some(check) = self.still_fails(&walk, shortest.1.rule).await? {
                    shortest = (walk, check);
                    is_found = true;
                    break;
                }
            }
            if !is_found {
                return Ok(shortest);
            }
        }
    }

    /// The check that the last request of a walk fails, if it does: one of the same rule, or the one that decides.
    async fn still_fails(&mut self, walk: &Walk, rule: &str) -> Result<Option<Check>, ExploreError> {
        let (Some(last), Some(action)) = (walk.expected.last(), walk.actions.last()) else { return Ok(None) };
        let leaked = key_never_returned();
        let of_rule = last.checks.iter().chain(std::iter::once(&leaked)).filter(|check| check.rule == rule);
        let wanted = of_rule.filter(|check| self.is_wanted(action, check)).cloned().collect::<Vec<_>>();
        let deciding = last.checks.iter().filter(|check| check.decides && self.is_wanted(action, check)).cloned();
        let tried = if wanted.is_empty() { deciding.collect() } else { wanted };
        for check in tried {
            if self.reproduced(walk, &check).await?.1.judgement.verdict == Verdict::Fail {
                return Ok(Some(check));
            }
        }
        Ok(None)
    }

    /// Runs the shortest sequence once more, as it will be written.
    async fn confirmed(&mut self, walk: &Walk, check: &Check) -> Result<LookedInto, ExploreError> {
        let id = format!("explored-{}", self.options.seed);
        let (suite, case) = self.reproduced_as(&id, walk, check).await?;
        let rule = check.rule.to_owned();
        if case.judgement.verdict != Verdict::Fail {
            let operation = walk.actions.last().map_or("", Action::operation);
            self.dismissed.insert((check.rule, operation));
            let verdict = case.judgement.verdict;
            return Ok(LookedInto::Unconfirmed(Some(Unconfirmed { rule, operation, verdict })));
        }
        Ok(LookedInto::Divergence(Divergence { rule, suite, requests: walk.actions.len(), case }))
    }
}
