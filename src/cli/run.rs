//! `ssecheck run`

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::ValueHint;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::choice::{Choice, ChoiceArguments, ChoiceError};
use super::interruption::Interruption;
use super::report_target::ReportError;
use super::run_reports::{ReportArguments, RunReportError};
use super::service::{Service, ServiceError, limit_of_trust, service};
use super::{complain, exit_code};
use crate::archive::{self, KeepError, Keeper, Kept};
use crate::config::{self, Config, ConfigError, Environment, Typed};
use crate::faults::Faults;
use crate::ledger::{self, Head, Ledger, RunId, WriteError};
use crate::plan::{Plan, Volume};
use crate::profile::Profile;
use crate::program;
use crate::record::{Circumstances, RunRecord, rfc3339};
use crate::report::{RunFormat, Terminal, in_a_log};
use crate::runner::{self, Options, PrepareError, RunResult, STEP_SETTLING};
use crate::suite::model::{BucketKind, Certification};

/// Bytes of a mebibyte.
const MIB: u64 = 1024 * 1024;

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// Fail unless this certification level is reached; options that limit the run are refused then
    #[arg(long, value_name = "LEVEL", value_enum)]
    certify: Option<Certification>,
    #[command(flatten)]
    run: RunArguments,
}

/// What is run, against what, and what is written of it: arguments of `run` and of `certify`.
#[derive(Debug, clap::Args)]
pub(super) struct RunArguments {
    #[command(flatten)]
    choice: ChoiceArguments,
    #[command(flatten)]
    pub reports: ReportArguments,
    /// Keep every exchange in this folder, which must be new or empty: HAR files, which `ssecheck judge` judges again
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub evidence: Option<PathBuf>,
    /// Keep no more evidence than this
    #[arg(long, value_name = "MIB", default_value_t = archive::DEFAULT_LIMIT / MIB)]
    evidence_limit: u64,
    /// Allow SSE-C on the buckets that the run makes (AWS blocks it on new buckets since April 2026)
    #[arg(long)]
    allow_ssec: bool,
    /// Run a case that does not pass up to N times more, on fresh objects; another verdict then is `inconsistent`, a failure
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=5))]
    retries: u32,
    /// Run every case also against an endpoint that refuses or ignores SSE-C as a whole
    #[arg(long)]
    all: bool,
    /// Allow a level, badge or certificate of ssecheck's own reference endpoint, embedded or served, which is no product
    #[arg(long)]
    reference: bool,
    #[command(flatten)]
    connection: Typed,
}

/// What a run is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its verdicts.
    Verdicts,
    /// To reach a certification level.
    Level(Certification),
    /// A certificate.
    Certificate,
}

impl RunArguments {
    /// The options that say how the run is made, by the names of their flags; those of the connection are told by the configuration.
    fn options(&self, choice: &Choice) -> BTreeMap<String, String> {
        let flag = |is_set: bool| is_set.then(|| "true".to_owned());
        let options = [
            ("all", flag(self.all)),
            ("allow-ssec", flag(self.allow_ssec)),
            ("reference", flag(self.reference)),
            ("retries", Some(self.retries.to_string())),
            ("evidence", flag(self.evidence.is_some())),
            ("evidence-limit", self.evidence.as_ref().map(|_| self.evidence_limit.to_string())),
        ];
        let given = options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        given.chain(self.choice.options(choice)).collect()
    }
}

const AFTER: &str = "\
Examples:
  export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…
  ssecheck run --endpoint https://staging:9000 --plain-endpoint http://staging:9001
  ssecheck run --only copy/ --report html --report junit=out.xml     # a part of the cases; reports/report.html
  ssecheck run --report tap | tappy                                  # what people watch goes to standard error then
  ssecheck run --evidence evidence --report json                     # for `ssecheck judge` and `ssecheck report render`
  ssecheck run --certify core --profile aws --endpoint https://staging:9000 --plain-endpoint none --ca-file ca.pem
  ssecheck run my-suite.json

Environment (flags and ssecheck.toml go before it):
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE, and ~/.aws: the credentials
  SSECHECK_ENDPOINT, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL   as --endpoint
  SSECHECK_PLAIN_ENDPOINT                                    as --plain-endpoint
  AWS_REGION, AWS_DEFAULT_REGION                             as --region
  AWS_CA_BUNDLE                                              as --ca-file
  SSECHECK_LABEL                                             as --label
  SSECHECK_SHARD, SSECHECK_RUN_ID                            as --shard and --run-id
  XDG_STATE_HOME                                             where the ledger of the run is kept, unless --ledger says
  NO_COLOR                                                   no colours

A variable of ssecheck's own that is set to nothing is an error where no flag or file goes before it: a secret that a CI does not have \
must not change what is tested.

Exit codes:
  0    all required scenarios passed
  1    at least one required scenario failed, or what a profile, --strict-baseline or --certify says does not hold
  2    the command line, the configuration or a suite is wrong, or no ledger can be kept; nothing was sent
  3    the endpoint could not be tested, or a required scenario was left without a verdict
  130  interrupted; what the run had made was removed, unless a second signal ended it at once";

/// Why a run could not be made or reported.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    #[error(
        "--allow-ssec is for the buckets that the run makes: leave --bucket out, or allow SSE-C on that bucket yourself"
    )]
    AllowOnGivenBucket,
    #[error(
        "the level {} cannot be reached, as the run would be limited: {}; leave that out, or --certify",
        level.as_str(),
        limits.join("; ")
    )]
    Limited { level: Certification, limits: Vec<String> },
    #[error(
        "a shard reaches no level by itself: leave --certify out, and give it to `ssecheck merge`, which joins the records of all shards"
    )]
    LevelOfShard,
    #[error(
        "there is no {what} without an endpoint: give --endpoint URL; or --reference, if it is to be of ssecheck's own reference endpoint"
    )]
    NoEndpoint { what: &'static str },
    #[error(transparent)]
    Evidence(#[from] KeepError),
    #[error(transparent)]
    Report(#[from] RunReportError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Ledger(#[from] WriteError),
    #[error(transparent)]
    Run(#[from] runner::RunError),
    #[error("cannot write to the terminal: {0}")]
    Output(io::Error),
}

impl From<ReportError> for RunError {
    fn from(error: ReportError) -> Self {
        Self::Report(error.into())
    }
}

impl RunError {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Run(runner::RunError { cause: PrepareError::Interrupted, .. }) => exit_code::INTERRUPTED,
            Self::Service(ServiceError::Embedded(_))
            | Self::Run(_)
            | Self::Report(RunReportError::Render(_))
            | Self::Output(_) => exit_code::NOT_TESTED,
            _ => exit_code::USAGE,
        }
    }
}

pub(super) async fn run(arguments: Arguments) -> u8 {
    let (wanted, reports) = (arguments.certify, arguments.run.reports.clone().or(RunFormat::Junit));
    let purpose = wanted.map_or(Purpose::Verdicts, Purpose::Level);
    let written = async {
        let Made { run, .. } = made(arguments.run, &reports, purpose).await?;
        reports.write(&run)?;
        Ok(run)
    };
    match written.await {
        Ok(run) => exit_code::of(&run).max(level_asked_for(&run, wanted)),
        Err::<_, RunError>(error) => complain(&error, error.exit_code()),
    }
}

/// Says why a certification level that is asked for is not reached, and gives the exit code for that.
pub(super) fn level_asked_for(run: &RunRecord, wanted: Option<Certification>) -> u8 {
    let asked = |level| run.attainments().into_iter().find(|it| it.level == level);
    let Some(missed) = wanted.and_then(asked).filter(|it| !it.is_reached()) else { return exit_code::PASSED };
    let why: Vec<&str> = missed.why_not.iter().chain(&run.limits).map(String::as_str).collect();
    let level = missed.level.as_str();
    tell(&format!("the level {level} is not reached (--certify): {}", why.join("; ")));
    exit_code::FAILED
}

/// Refuses what is known before anything is sent to come to nothing: a level that a limited run is to reach, and a level, badge or certificate
/// of the embedded endpoint that was not asked for by name.
fn check_purpose(
    purpose: Purpose,
    reports: &ReportArguments,
    is_unasked_reference: bool,
    shard: bool,
    limits: &[String],
) -> Result<(), RunError> {
    if is_unasked_reference {
        let what = match purpose {
            Purpose::Level(_) => Some("certification level"),
            Purpose::Certificate => Some("certificate"),
            Purpose::Verdicts => reports.has(RunFormat::Badge).then_some("badge"),
        };
        if let Some(what) = what {
            return Err(RunError::NoEndpoint { what });
        }
    }
    match purpose {
        Purpose::Level(_) if shard => Err(RunError::LevelOfShard),
        Purpose::Level(level) if !limits.is_empty() => Err(RunError::Limited { level, limits: limits.to_vec() }),
        _ => Ok(()),
    }
}

/// A run that was made.
pub(super) struct Made {
    pub run: RunRecord,
    /// The evidence that was kept of it.
    pub evidence: Option<Kept>,
}

/// Makes the run; it is known before that its reports can be written.
pub(super) async fn made(
    arguments: RunArguments,
    reports: &ReportArguments,
    purpose: Purpose,
) -> Result<Made, RunError> {
    let config = config::resolve(arguments.connection.clone(), &Environment::from_process()?).await?;
    if arguments.allow_ssec && config.bucket.is_some() {
        return Err(RunError::AllowOnGivenBucket);
    }
    let mut choice = arguments.choice.load(&config.profile)?;
    let limits: Vec<String> = choice.limits.iter().cloned().chain(limit_of_trust(&config)).collect();
    let is_unasked_reference = config.endpoint.is_none() && !arguments.reference;
    check_purpose(purpose, reports, is_unasked_reference, choice.shard.is_some(), &limits)?;
    reports.check()?;
    let program = tokio::task::spawn_blocking(program::digest).await.unwrap_or_default();
    let circumstances = Circumstances::of(&config, program, arguments.options(&choice));
    let limit = arguments.evidence_limit.saturating_mul(MIB);
    let keeper = arguments.evidence.as_ref().map(|folder| Keeper::new(folder, limit)).transpose()?;
    let mut service = service(&config, &choice, circumstances, Faults::default()).await?;
    // Before there is a ledger: it must not be left behind.
    let interruption = Interruption::listen();
    let recorded = if service.embedded.is_none() { Some(ledger(&config)?) } else { None };
    if let Some((_, advice)) = &recorded {
        interruption.advise(advice.clone());
    }
    let options = Options {
        baseline: choice.baseline.clone(),
        allow_ssec: arguments.allow_ssec,
        looks_first: true,
        asks_all: arguments.all,
        retries: arguments.retries,
        keeps_all: keeper.is_some(),
        ledger: recorded.as_ref().map(|(ledger, _)| Arc::clone(ledger)),
        ..options(&config, &service, &choice.profile)
    };
    let mut screen = Screen::new(reports.take_stdout());
    if service.embedded.is_some() {
        screen.show(Terminal::state_embedded);
    }
    let volume = volume(&choice.plan, &service, &options);
    screen.show(|terminal| terminal.announce(volume));
    let result = watched(std::mem::take(&mut choice.plan), &service, options, &mut screen, interruption.token).await;
    if let Some(endpoint) = service.embedded.take() {
        endpoint.stop().await;
    }
    let is_left_behind = !result.as_ref().map_or_else(|error| &error.left_behind, |run| &run.left_behind).is_empty();
    let advice = recorded.filter(|_| is_left_behind).map(|(_, advice)| advice);
    let result = result.inspect_err(|_| advice.iter().for_each(|advice| tell(advice)))?;
    let evidence = keeper.map(|keeper| keeper.keep(&result, &choice.profile, &service.context)).transpose()?;
    service.context.evidence_digest = evidence.as_ref().map(|kept| kept.sha256.clone());
    let run = RunRecord::of(result, &choice.profile, &choice.rules, &service.context);
    screen.finish(&run).map_err(RunError::Output)?;
    advice.iter().for_each(|advice| tell(advice));
    choice.tell_what_is_due();
    Ok(Made { run, evidence })
}

/// How much the run sends: cases are left out for which the endpoint has no listener, or the run no bucket.
fn volume(plan: &Plan, service: &Service, options: &Options) -> Volume {
    let (has_plain, has_bucket) = (service.client.target().plain.is_some(), options.bucket.is_some());
    Volume::of(plan, |planned| {
        (has_plain || !planned.needs_plain_endpoint()) && !(has_bucket && planned.case.bucket == BucketKind::Own)
    })
}

/// What configuration and service say of how a run is made.
pub(super) fn options(config: &Config, service: &Service, profile: &Arc<Profile>) -> Options {
    Options {
        bucket: config.bucket.clone(),
        prefix: config.prefix.clone(),
        jobs: config.jobs.get(),
        scenario_timeout: config.scenario_timeout,
        retries: 0,
        profile: Arc::clone(profile),
        baseline: None,
        allow_ssec: false,
        no_plain_listener: service.no_plain_listener,
        looks_first: false,
        asks_all: false,
        settling: if service.embedded.is_some() { Duration::ZERO } else { STEP_SETTLING },
        keeps_all: false,
        ledger: None,
    }
}

/// The ledger of a run that is about to begin, and what is to be said where it leaves something behind.
pub(super) fn ledger(config: &Config) -> Result<(Arc<Ledger>, String), RunError> {
    let folder = config.ledger.as_ref().ok_or(ConfigError::NoLedgerFolder)?;
    let endpoint = config.endpoint.as_ref().ok_or(ConfigError::NoLedgerFolder)?;
    let run = RunId::random();
    let head = Head {
        format: ledger::FORMAT.to_owned(),
        run: run.clone(),
        started: rfc3339(SystemTime::now()),
        ssecheck: env!("CARGO_PKG_VERSION").to_owned(),
        endpoint: endpoint.tls.to_string(),
        region: config.region.clone(),
        addressing: config.addressing,
        prefix: config.prefix.clone(),
        bucket: config.bucket.clone(),
    };
    let ledger = Ledger::create(&folder.path, head)?;
    let place = if folder.is_default { String::new() } else { format!(" --ledger {}", folder.path.display()) };
    let advice = format!(
        "what run {run} left behind is recorded: `ssecheck sweep --run {run}{place}` shows it, --delete removes it"
    );
    Ok((Arc::new(ledger), advice))
}

/// Says what is to be done about what is left behind.
pub(super) fn tell(advice: &str) {
    super::say(&in_a_log(&format!("ssecheck: {advice}")));
}

/// Runs the plan with the terminal looking on.
async fn watched(
    plan: Plan,
    service: &Service,
    options: Options,
    screen: &mut Screen,
    cancelled: CancellationToken,
) -> Result<RunResult, runner::RunError> {
    let (sender, mut events) = mpsc::unbounded_channel();
    let running = runner::run(plan, service.client.clone(), options, sender, cancelled);
    let watching = async {
        while let Some(event) = events.recv().await {
            screen.show(|terminal| terminal.event(&event));
        }
    };
    tokio::join!(running, watching).0
}

/// What a person or a log sees of a run.
pub(super) struct Screen {
    terminal: Terminal<Box<dyn io::Write + Send>>,
    /// What became of writing to it; nothing more is written once that failed.
    written: io::Result<()>,
    is_over: bool,
}

impl Screen {
    /// On standard output, or on standard error where that is for a report.
    pub fn new(stdout_is_taken: bool) -> Self {
        let (out, is_terminal): (Box<dyn io::Write + Send>, bool) = if stdout_is_taken {
            (Box::new(io::stderr()), io::stderr().is_terminal())
        } else {
            (Box::new(io::stdout()), io::stdout().is_terminal())
        };
        let terminal = Terminal::new(out, is_terminal, is_terminal && console::colors_enabled());
        Self { terminal, written: Ok(()), is_over: false }
    }

    /// Shows the outcome. Errors are those of anything that was to be shown before, too.
    pub fn finish(mut self, run: &RunRecord) -> io::Result<()> {
        self.show(|terminal| terminal.finish(run));
        self.written
    }

    fn show(&mut self, act: impl FnOnce(&mut Terminal<Box<dyn io::Write + Send>>) -> io::Result<()>) {
        if self.is_over {
            return;
        }
        if let Err(error) = act(&mut self.terminal) {
            self.is_over = true;
            // A reader that went away (`ssecheck run | head`) does not change the verdict.
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.written = Err(error);
            }
        }
    }
}
