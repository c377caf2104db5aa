//! `ssecheck explore`

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueHint;
use tokio_util::sync::CancellationToken;

use super::choice::Choice;
use super::interruption::Interruption;
use super::run::{self, Screen};
use super::service::{Service, service};
use super::suites::{self, SuitesError};
use super::{complain, exit_code, print, say};
use crate::config::{self, ConfigError, Environment, Typed};
use crate::explore::{
    self, Divergence, ExploreError, Explored, MeasureError, Measured, Options, Unconfirmed, bucket_kinds,
    measured_as_markdown,
};
use crate::faults::{Fault, Faults};
use crate::plan::Plan;
use crate::profile::{self, Profile, ProfileError};
use crate::record::{Circumstances, RunRecord};
use crate::report::one_line;
use crate::rules::Catalogue;
use crate::runner::{self, RunResult, Session};
use crate::suite::Suite;
use crate::suite::model::Level;

/// Arguments of `explore`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// How long to look for a divergence
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// The number that all sequences follow from; a random one when absent, which is told
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How binding a rule must be for a departure from it to count
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Binding::Must)]
    level: Binding,
    /// The file that the scenario is written to; explored-SEED.json when absent
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Fault that the embedded endpoint has on purpose (`ssecheck prove --list` shows them all); may be repeated
    #[arg(long, value_name = "ID", value_parser = Fault::read)]
    fault: Vec<&'static Fault>,
    /// Find out which of the faults (of all of them, or of those named) are found in that time each, and print a table
    #[arg(long, conflicts_with = "output")]
    all_faults: bool,
    /// Allow SSE-C on the buckets that the run makes (AWS blocks it on new buckets since April 2026)
    #[arg(long)]
    allow_ssec: bool,
    #[command(flatten)]
    connection: Typed,
}

/// How binding a rule is, as the command line has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Binding {
    /// Required
    Must,
    /// Recommended, too
    Should,
}

impl Binding {
    fn level(self) -> Level {
        match self {
            Self::Must => Level::Must,
            Self::Should => Level::Should,
        }
    }
}

const AFTER: &str = "\
Sends random sequences of requests (writes, reads, copies, uploads in parts, deletes, versions under several keys) and compares each \
answer with what a model says that S3 must answer. The first divergence is made as short as it gets and written as a suite.

Examples:
  ssecheck explore --endpoint https://staging:9000 --seconds 300
  ssecheck explore --seed 7 --output found.json && echo nothing found
  ssecheck run explored-7.json --endpoint https://staging:9000       # the divergence, again
  ssecheck explore --fault wrong-key-reads --seconds 5               # what a divergence looks like
  ssecheck explore --all-faults --level should > explored.md         # which defects are found so

Credentials and the endpoint are taken as `ssecheck run` takes them.

Exit codes:
  0    no divergence in that time
  1    a divergence, which is written
  2    the command line or the configuration is wrong, or no ledger can be kept; nothing was sent
  3    the endpoint could not be tested, or what looked like a divergence did not happen again
  130  interrupted; what the run had made was removed, unless a second signal ended it at once";

#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Suites(#[from] SuitesError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Run(#[from] run::RunError),
    #[error(transparent)]
    Explore(#[from] ExploreError),
    #[error(transparent)]
    Measure(#[from] MeasureError),
    #[error("--fault and --all-faults are for the embedded endpoint: leave --endpoint out")]
    FaultOfOwnEndpoint,
    #[error("cannot write the scenario to {path}: {error}; choose another file with --output")]
    Unwritable { path: PathBuf, error: io::Error },
    #[error("interrupted")]
    Interrupted,
}

impl CommandError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Run(error) => error.exit_code(),
            Self::Explore(_) | Self::Measure(_) => exit_code::NOT_TESTED,
            Self::Interrupted => exit_code::INTERRUPTED,
            _ => exit_code::USAGE,
        }
    }
}

impl From<runner::RunError> for CommandError {
    fn from(error: runner::RunError) -> Self {
        Self::Run(error.into())
    }
}

pub(super) async fn explore(arguments: Arguments) -> u8 {
    let explored = if arguments.all_faults { measured(arguments).await } else { explored(arguments).await };
    explored.unwrap_or_else(|error| complain(&error, error.exit_code()))
}

/// What is explored by.
struct Means {
    rules: Catalogue,
    capabilities: Vec<Arc<Suite>>,
    profile: Arc<Profile>,
}

impl Means {
    fn load(profile: &str) -> Result<Self, CommandError> {
        let (suites, rules) = suites::load(&[])?;
        let profile = profile::find(profile, &rules, &suites)?;
        let capabilities = suites.into_iter().filter(|suite| !suite.capabilities.is_empty()).collect();
        Ok(Self { rules, capabilities, profile })
    }
}

async fn explored(arguments: Arguments) -> Result<u8, CommandError> {
    let config = config::resolve(arguments.connection, &Environment::from_process()?).await?;
    if config.endpoint.is_some() && !arguments.fault.is_empty() {
        return Err(CommandError::FaultOfOwnEndpoint);
    }
    if arguments.allow_ssec && config.bucket.is_some() {
        return Err(run::RunError::AllowOnGivenBucket.into());
    }
    let means = Means::load(&config.profile)?;
    let seed = arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let path = arguments.output.unwrap_or_else(|| PathBuf::from(format!("explored-{seed}.json")));
    let choice = Choice {
        rules: means.rules.clone(),
        profile: Arc::clone(&means.profile),
        baseline: None,
        plan: Plan::default(),
        suites_digest: String::new(),
        is_complete: false,
        shard: None,
        limits: vec!["it was explored, and no suite was run".to_owned()],
    };
    let mut service = service(&config, &choice, Circumstances::default(), Faults::of(&arguments.fault))
        .await
        .map_err(run::RunError::from)?;
    let interruption = Interruption::listen();
    let recorded = if service.embedded.is_none() { Some(run::ledger(&config)?) } else { None };
    if let Some((_, advice)) = &recorded {
        interruption.advise(advice.clone());
    }
    let of_run = runner::Options {
        allow_ssec: arguments.allow_ssec,
        keeps_all: true,
        ledger: recorded.as_ref().map(|(ledger, _)| Arc::clone(ledger)),
        ..run::options(&config, &service, &means.profile)
    };
    let options = Options {
        seed,
        time: Duration::from_secs(arguments.seconds),
        level: arguments.level.level(),
        profile: Arc::clone(&means.profile),
    };
    print(&format!("exploring {} for {} s, seed {seed}", service.context.endpoint, arguments.seconds));
    let made = session(&means, &service, of_run, options, interruption.token).await;
    if let Some(endpoint) = service.embedded.take() {
        endpoint.stop().await;
    }
    let is_left_behind = match &made {
        Ok((_, run)) => !run.left_behind.is_empty(),
        Err(CommandError::Run(run::RunError::Run(error))) => !error.left_behind.is_empty(),
        Err(_) => true,
    };
    recorded.iter().filter(|_| is_left_behind).for_each(|(_, advice)| run::tell(advice));
    let (explored, run) = made?;
    told(&explored, run, &means, &service, &path)
}

/// Explores in a run that removes what it made.
async fn session(
    means: &Means,
    service: &Service,
    of_run: runner::Options,
    options: Options,
    cancelled: CancellationToken,
) -> Result<(Explored, RunResult), CommandError> {
    let session = Session::begin(&bucket_kinds(), service.client.clone(), of_run, cancelled).await?;
    let explored = explore::explore(&session, &means.rules, &means.capabilities, options, show).await;
    let of_divergence = explored.as_ref().ok().and_then(|explored| explored.divergence.as_ref());
    let without_verdict = explored.as_ref().ok().and_then(|explored| explored.without_verdict.as_ref());
    let cases = of_divergence.map(|divergence| &divergence.case).or(without_verdict).map(Arc::clone);
    let run = session.end(cases.into_iter().collect()).await?;
    Ok((explored?, run))
}

fn show(rule: &str) {
    say(&format!("ssecheck: {rule} seems to be broken; looking for the shortest sequence"));
}

/// Tells what came of it, and writes the scenario.
fn told(
    explored: &Explored,
    run: RunResult,
    means: &Means,
    service: &Service,
    path: &PathBuf,
) -> Result<u8, CommandError> {
    let interrupted = run.interrupted;
    if explored.divergence.is_some() || explored.without_verdict.is_some() {
        let record = RunRecord::of(run, &means.profile, &means.rules, &service.context);
        Screen::new(false).finish(&record).map_err(run::RunError::Output)?;
    } else {
        run.left_behind.iter().for_each(|item| say(&format!("ssecheck: could not be removed: {}", one_line(item))));
    }
    print(&summary(explored));
    if interrupted {
        return Ok(exit_code::INTERRUPTED);
    }
    if let Some(Divergence { suite, requests, rule, .. }) = &explored.divergence {
        std::fs::write(path, suite).map_err(|error| CommandError::Unwritable { path: path.clone(), error })?;
        let shown = path.display();
        print(&format!("{rule} is broken after {requests} requests at the least; written to {shown}"));
        print(&format!("again: ssecheck run {shown}, with the same options for the endpoint"));
        return Ok(exit_code::FAILED);
    }
    let is_tested = explored.without_verdict.is_none()
        && !explored.unconfirmed.iter().any(Unconfirmed::is_flaky)
        && explored.requests > 0;
    Ok(if is_tested { exit_code::PASSED } else { exit_code::NOT_TESTED })
}

fn summary(explored: &Explored) -> String {
    let Explored { sequences, requests, elapsed, .. } = explored;
    let mut text = format!("{sequences} sequences of {requests} requests in {:.1} s", elapsed.as_secs_f64());
    if explored.divergence.is_none() {
        text.push_str(": no divergence that happens again");
    }
    if !explored.lacking.is_empty() {
        let _ = write!(text, "\nnot explored, as the endpoint lacks it: {}", explored.lacking.join(", "));
    }
    for unconfirmed in explored.unconfirmed.iter().filter(|it| it.is_flaky()) {
        let (rule, operation, verdict) = (&unconfirmed.rule, unconfirmed.operation, unconfirmed.verdict.as_str());
        let _ = write!(
            text,
            "\nlooked like a departure from {rule} ({operation}), and did not when tried again: {verdict}"
        );
    }
    text
}

/// Explores the embedded endpoint with one fault after the other.
async fn measured(arguments: Arguments) -> Result<u8, CommandError> {
    let config = config::resolve(arguments.connection, &Environment::from_process()?).await?;
    if config.endpoint.is_some() {
        return Err(CommandError::FaultOfOwnEndpoint);
    }
    let means = Means::load(&config.profile)?;
    let options = Options {
        seed: arguments.seed.unwrap_or(1),
        time: Duration::from_secs(arguments.seconds),
        level: arguments.level.level(),
        profile: Arc::clone(&means.profile),
    };
    let faults: Vec<&'static Fault> = match arguments.fault.as_slice() {
        [] => Fault::all().collect(),
        chosen => chosen.to_vec(),
    };
    let cancelled = Interruption::listen().token;
    let mut all = Vec::new();
    for fault in faults {
        let outcome =
            explore::measure(Some(fault), &means.rules, &means.capabilities, options.clone(), cancelled.clone())
                .await?;
        if cancelled.is_cancelled() {
            return Err(CommandError::Interrupted);
        }
        let measured = Measured { fault, outcome };
        say(&format!("ssecheck: {}", measured.in_a_line()));
        all.push(measured);
    }
    print(&measured_as_markdown(&all, &options));
    Ok(exit_code::PASSED)
}
