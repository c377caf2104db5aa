//! `ssecheck run`

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::report_target::ReportError;
use super::run_reports::{ReportArguments, RunReportError};
use super::service::{Chosen, Service, ServiceError, service};
use super::{complain, exit_code, suites};
use crate::baseline::{self, BaselineError};
use crate::config::{self, ConfigError, Environment, Typed};
use crate::plan::{Plan, Selection, plan};
use crate::profile::{self, Departure, ProfileError};
use crate::record::RunRecord;
use crate::report::{RunFormat, Terminal, printable};
use crate::runner::{self, Options, PrepareError, RunResult};
use crate::suite::model::Certification;

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Fail unless this level of certification is reached; then every built-in suite is run
    #[arg(long, value_name = "LEVEL", value_enum, conflicts_with_all = ["only", "suites"])]
    certify: Option<Certification>,
    #[command(flatten)]
    run: RunArguments,
}

/// What is run, against what, and what is written of it: arguments of `run` and of `certify`.
#[derive(Debug, clap::Args)]
pub(super) struct RunArguments {
    /// Suite files, or folders of them; those built in when absent
    #[arg(value_name = "SUITE|DIR")]
    suites: Vec<PathBuf>,
    #[command(flatten)]
    pub reports: ReportArguments,
    /// Run only the cases whose id contains this text; may be repeated
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// The failures that are known (`ssecheck baseline` makes the file): the run then fails only on news
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Fail, too, if what is known passes, fails otherwise or is mended, and on news of any level
    #[arg(long, requires = "baseline")]
    strict_baseline: bool,
    /// Allow SSE-C on the buckets that the run makes (AWS blocks it on new buckets since April 2026)
    #[arg(long)]
    allow_ssec: bool,
    #[command(flatten)]
    connection: Typed,
}

/// Why a run could not be made or reported.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Suites(#[from] suites::SuitesError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(
        "--allow-ssec is for the buckets that the run makes: leave --bucket out, or allow SSE-C on that bucket yourself"
    )]
    AllowOnGivenBucket,
    #[error("no case of these suites is selected; `ssecheck list` shows what --only and --profile choose from")]
    NothingSelected,
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    #[error(transparent)]
    Report(#[from] RunReportError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Prepare(#[from] PrepareError),
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
            Self::Prepare(PrepareError::Interrupted { .. }) => exit_code::INTERRUPTED,
            Self::Service(ServiceError::Embedded(_))
            | Self::Prepare(_)
            | Self::Report(RunReportError::Render(_))
            | Self::Output(_) => exit_code::NOT_TESTED,
            _ => exit_code::USAGE,
        }
    }
}

pub(super) async fn run(arguments: Arguments) -> u8 {
    let (wanted, reports) = (arguments.certify, arguments.run.reports.clone().or(RunFormat::Junit));
    let written = async {
        let run = made(arguments.run, &reports).await?;
        reports.write(&run)?;
        Ok(run)
    };
    match written.await {
        Ok(run) => exit_code::of(&run).max(level_asked_for(&run, wanted)),
        Err::<_, RunError>(error) => complain(&printable(&error.to_string()), error.exit_code()),
    }
}

/// Says so, and gives the exit code for it, where a level of certification that is asked for is not reached.
fn level_asked_for(run: &RunRecord, wanted: Option<Certification>) -> u8 {
    let is_reached = |level| run.attainments().iter().any(|it| it.level == level && it.is_reached());
    let Some(level) = wanted.filter(|level| !is_reached(*level)) else { return exit_code::PASSED };
    eprintln!("ssecheck: the level {} is not reached (--certify)", level.as_str());
    exit_code::FAILED
}

/// Makes the run; it is known before that its reports can be written.
pub(super) async fn made(arguments: RunArguments, reports: &ReportArguments) -> Result<RunRecord, RunError> {
    let config = config::resolve(arguments.connection, &Environment::from_process()?).await?;
    let (suites, rules) = suites::load(&arguments.suites)?;
    if arguments.allow_ssec && config.bucket.is_some() {
        return Err(RunError::AllowOnGivenBucket);
    }
    let profile = profile::find(&config.profile, &rules, &suites)?;
    let baseline = match &arguments.baseline {
        Some(path) => Some(Arc::new(baseline::read(path, arguments.strict_baseline, &suites, &rules, &profile)?)),
        None => None,
    };
    let selection = Selection { profile: Arc::clone(&profile), only: arguments.only.clone() };
    let plan = plan(&suites, &selection);
    if plan.cases.is_empty() {
        return Err(RunError::NothingSelected);
    }
    reports.check()?;
    let chosen = Chosen {
        suites: &suites,
        profile: &profile,
        paths: &arguments.suites,
        only: &arguments.only,
        baseline: arguments.baseline.as_ref(),
    };
    let service = service(&config, &chosen).await?;
    let options = Options {
        bucket: config.bucket.clone(),
        prefix: config.prefix.clone(),
        jobs: config.jobs.get(),
        scenario_timeout: config.scenario_timeout,
        profile: Arc::clone(&profile),
        baseline,
        allow_ssec: arguments.allow_ssec,
        no_plain_listener: service.no_plain_listener,
    };
    let mut screen = Screen::new(reports.take_stdout());
    let result = watched(plan, &service, options, &mut screen).await;
    if let Some(endpoint) = service.embedded {
        endpoint.stop().await;
    }
    let run = RunRecord::of(&result?, &profile, &rules, &service.context);
    screen.show(|terminal| terminal.finish(&run));
    screen.written?;
    for Departure { id, review, .. } in profile.due(time::OffsetDateTime::now_utc().date()) {
        eprintln!("ssecheck: departure `{id}` of profile {} was to be looked at again from {review}", profile.id);
    }
    Ok(run)
}

/// Runs the plan with the terminal looking on.
async fn watched(
    plan: Plan,
    service: &Service,
    options: Options,
    screen: &mut Screen,
) -> Result<RunResult, PrepareError> {
    let (sender, mut events) = mpsc::unbounded_channel();
    let running = runner::run(plan, service.client.clone(), options, sender, cancelled_by_signal());
    let watching = async {
        while let Some(event) = events.recv().await {
            screen.show(|terminal| terminal.event(&event));
        }
    };
    tokio::join!(running, watching).0
}

/// What a person or a log sees of a run.
pub(super) struct Screen {
    terminal: Terminal<Box<dyn io::Write>>,
    /// What became of writing to it; nothing more is written once that failed.
    written: Result<(), RunError>,
    is_over: bool,
}

impl Screen {
    /// On standard output, or on standard error where that is for a report.
    pub fn new(stdout_is_taken: bool) -> Self {
        let (out, is_terminal): (Box<dyn io::Write>, bool) = if stdout_is_taken {
            (Box::new(io::stderr()), io::stderr().is_terminal())
        } else {
            (Box::new(io::stdout()), io::stdout().is_terminal())
        };
        let terminal = Terminal::new(out, is_terminal, is_terminal && console::colors_enabled());
        Self { terminal, written: Ok(()), is_over: false }
    }

    fn show(&mut self, act: impl FnOnce(&mut Terminal<Box<dyn io::Write>>) -> io::Result<()>) {
        if self.is_over {
            return;
        }
        if let Err(error) = act(&mut self.terminal) {
            self.is_over = true;
            // A reader that went away (`ssecheck run | head`) does not change the verdict.
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.written = Err(RunError::Output(error));
            }
        }
    }
}

/// Cancelled by SIGINT or SIGTERM. Both are listened for as soon as this returns.
pub(super) fn cancelled_by_signal() -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    let signal = signal();
    tokio::spawn(async move {
        if signal.await {
            eprintln!("ssecheck: stopping; what was made is being removed");
            cancelled.cancel();
        }
    });
    token
}

#[cfg(unix)]
fn signal() -> impl Future<Output = bool> + Send {
    use tokio::signal::unix::{SignalKind, signal};
    let listened = signal(SignalKind::interrupt()).and_then(|i| Ok((i, signal(SignalKind::terminate())?)));
    async move {
        let Ok((mut interrupt, mut terminate)) = listened else { return false };
        tokio::select! {
            came = interrupt.recv() => came.is_some(),
            came = terminate.recv() => came.is_some(),
        }
    }
}

#[cfg(not(unix))]
fn signal() -> impl Future<Output = bool> + Send {
    async { tokio::signal::ctrl_c().await.is_ok() }
}
