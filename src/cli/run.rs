//! `ssecheck run`

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::report_target::{ReportError, ReportFormat, ReportTarget};
use super::{complain, exit_code, suites};
use crate::baseline::{self, Baseline, BaselineError};
use crate::client::{Client, ClientError, Target, TlsTrust};
use crate::config::{self, Config, ConfigError, Credentials, Environment, Plain, Typed};
use crate::embedded::{self, EmbeddedError, Reach};
use crate::plan::{Plan, Selection, plan};
use crate::profile::{self, Departure, Profile, ProfileError};
use crate::record::{Context, RunRecord};
use crate::reference;
use crate::report::{JunitError, Terminal, junit, printable};
use crate::rules::Catalogue;
use crate::runner::{self, Options, PrepareError, RunResult};
use crate::suite::Suite;
use crate::suite::model::Certification;

/// Where the JUnit report goes unless told.
const DEFAULT_REPORT: &str = "reports/junit.xml";

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Suite files, or folders of them; those built in when absent
    #[arg(value_name = "SUITE|DIR")]
    suites: Vec<PathBuf>,
    /// Report to write, junit=PATH or json=PATH; may be repeated [default: junit=reports/junit.xml]
    #[arg(long, value_name = "FORMAT=PATH", value_parser = ReportTarget::<RunReport>::parse)]
    report: Vec<ReportTarget<RunReport>>,
    /// Run only the cases whose id contains this text; may be repeated
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Fail unless this level of certification is reached; then every built-in suite is run
    #[arg(long, value_name = "LEVEL", value_enum, conflicts_with_all = ["only", "suites"])]
    certify: Option<Certification>,
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

/// What a run can be reported as.
#[derive(Debug, Clone, Copy)]
enum RunReport {
    Junit,
    Json,
}

impl ReportFormat for RunReport {
    const ALL: &'static [(&'static str, Self)] = &[("junit", Self::Junit), ("json", Self::Json)];
}

/// Why a run could not be made or reported.
#[derive(Debug, thiserror::Error)]
enum RunError {
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
    Report(#[from] ReportError),
    #[error("cannot write the record of the run: {0}")]
    Record(serde_json::Error),
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    #[error(transparent)]
    Junit(#[from] JunitError),
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
}

impl RunError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Prepare(PrepareError::Interrupted { .. }) => exit_code::INTERRUPTED,
            Self::Embedded(_) | Self::Prepare(_) | Self::Junit(_) | Self::Record(_) | Self::Output(_) => {
                exit_code::NOT_TESTED
            }
            _ => exit_code::USAGE,
        }
    }
}

pub(super) async fn run(arguments: Arguments) -> u8 {
    match tested(arguments).await {
        Ok((run, reached)) => exit_code::of(&run).max(if reached { exit_code::PASSED } else { exit_code::FAILED }),
        Err(error) => complain(&printable(&error.to_string()), error.exit_code()),
    }
}

/// The service under test.
struct Service {
    client: Client,
    context: Context,
    no_plain_listener: bool,
    /// The embedded endpoint, where it is that.
    embedded: Option<reference::Endpoint>,
}

/// The run, and whether the level of certification asked for is reached.
async fn tested(arguments: Arguments) -> Result<(RunResult, bool), RunError> {
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
    let is_complete = arguments.suites.is_empty() && arguments.only.is_empty();
    let selection = Selection { profile: Arc::clone(&profile), only: arguments.only };
    let plan = plan(&suites, &selection);
    if plan.cases.is_empty() {
        return Err(RunError::NothingSelected);
    }
    let mut reports = arguments.report;
    if reports.is_empty() {
        reports.push(ReportTarget { format: RunReport::Junit, path: DEFAULT_REPORT.into() });
    }
    for report in &reports {
        report.check_writable()?;
    }
    let service = service(&config, &suites, is_complete).await?;
    let options = options(&config, profile, baseline, &service, arguments.allow_ssec);
    let result = watched(plan, &service, options, &rules).await;
    if let Some(endpoint) = service.embedded {
        endpoint.stop().await;
    }
    let run = result?;
    for report in reports {
        report.write(&match report.format {
            RunReport::Junit => junit(&run, &rules, &service.context)?,
            RunReport::Json => RunRecord::of(&run, &rules, &service.context).to_json().map_err(RunError::Record)?,
        })?;
    }
    let reached = |level| run.certificates().iter().any(|it| it.level == level && it.is_reached());
    let reached = arguments.certify.is_none_or(reached);
    if let Some(level) = arguments.certify.filter(|_| !reached) {
        eprintln!("ssecheck: the level {} is not reached (--certify)", level.as_str());
    }
    Ok((run, reached))
}

fn options(
    config: &Config,
    profile: Arc<Profile>,
    baseline: Option<Arc<Baseline>>,
    service: &Service,
    allow_ssec: bool,
) -> Options {
    Options {
        bucket: config.bucket.clone(),
        prefix: config.prefix.clone(),
        jobs: config.jobs.get(),
        scenario_timeout: config.scenario_timeout,
        profile,
        baseline,
        allow_ssec,
        no_plain_listener: service.no_plain_listener,
    }
}

/// Runs the plan with the terminal looking on.
async fn watched(plan: Plan, service: &Service, options: Options, rules: &Catalogue) -> Result<RunResult, RunError> {
    let (sender, mut events) = mpsc::unbounded_channel();
    let profile = Arc::clone(&options.profile);
    let is_terminal = io::stdout().is_terminal();
    let mut terminal = Terminal::new(io::stdout(), is_terminal, is_terminal && console::colors_enabled());
    let running = runner::run(plan, service.client.clone(), options, sender, cancelled_by_signal());
    let watching = async {
        let mut written = Ok(());
        while let Some(event) = events.recv().await {
            written = written.and_then(|()| terminal.event(&event));
        }
        written
    };
    let (run, written) = tokio::join!(running, watching);
    let run = run?;
    let finished = written.and_then(|()| terminal.finish(&run, rules, &service.context));
    let today = time::OffsetDateTime::now_utc().date();
    for departure in profile.due(today) {
        let Departure { id, review, .. } = departure;
        eprintln!("ssecheck: departure `{id}` of profile {} was to be looked at again from {review}", profile.id);
    }
    match finished {
        // A reader that went away (`ssecheck run | head`) does not change the verdict.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(RunError::Output(error)),
        _ => Ok(run),
    }
}

async fn service(config: &Config, suites: &[Arc<Suite>], is_complete: bool) -> Result<Service, RunError> {
    let context = |tls: &Url, plain: String| Context {
        endpoint: tls.to_string(),
        plain_endpoint: plain,
        profile: config.profile.clone(),
        label: config.label.clone(),
        suite_digest: digest(suites),
        is_complete,
    };
    if let (Some(endpoint), Some(credentials)) = (&config.endpoint, &config.credentials) {
        let (plain, told) = match &endpoint.plain {
            Plain::Url(url) => (Some(url.clone()), url.to_string()),
            Plain::None => (None, "none".to_owned()),
            Plain::Unknown => (None, "not told".to_owned()),
        };
        let trust = TlsTrust { ca_file: config.ca_file.clone(), ca_pem: None, insecure: config.insecure };
        let client = Client::new(target(config, endpoint.tls.clone(), plain, credentials.clone()), &trust)?;
        let no_plain_listener = endpoint.plain == Plain::None;
        return Ok(Service { client, context: context(&endpoint.tls, told), no_plain_listener, embedded: None });
    }
    let options = reference::Options { region: config.region.clone(), ..Default::default() };
    let reach = Reach {
        addressing: config.addressing,
        connect_timeout: config.connect_timeout,
        request_timeout: config.request_timeout,
        proxy: config.proxy.clone(),
    };
    let (endpoint, client) = embedded::start(options, reach).await?;
    let context = context(&endpoint.tls_url, endpoint.plain_url.to_string());
    Ok(Service { client, context, no_plain_listener: false, embedded: Some(endpoint) })
}

fn target(config: &Config, tls: Url, plain: Option<Url>, credentials: Credentials) -> Target {
    Target {
        tls,
        plain,
        region: config.region.clone(),
        addressing: config.addressing,
        credentials,
        connect_timeout: config.connect_timeout,
        request_timeout: config.request_timeout,
        proxy: config.proxy.clone(),
    }
}

/// One digest for all suites of the run, in their order.
fn digest(suites: &[Arc<Suite>]) -> String {
    let mut digest = Sha256::new();
    for suite in suites {
        digest.update(suite.digest.as_bytes());
    }
    hex::encode(digest.finalize())
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
