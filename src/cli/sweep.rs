//! `ssecheck sweep`

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use time::OffsetDateTime;
use url::Url;

use super::interruption::Interruption;
use super::service::{ServiceError, client_as_of};
use super::{complain, exit_code, print};
use crate::client::Client;
use crate::config::{self, ConfigError, Environment, LedgerFolder, Typed};
use crate::housekeeping::{Bucket, Housekeeper, Looked, Outcome, Removal, Scope, left_alone};
use crate::ledger::{self, Found, ReadError, Recorded, RunId, WriteError};
use crate::report::one_line;

/// The most things of a bucket that are shown.
const MAX_SHOWN: usize = 1000;

/// Arguments of `sweep`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// Id of a run to sweep after; may be repeated
    #[arg(long, value_name = "ID")]
    run: Vec<RunId>,
    /// Sweep after all runs that started longer ago than this: 12h, 7d, 2weeks
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    older_than: Option<Duration>,
    /// Remove what is shown otherwise
    #[arg(long)]
    delete: bool,
    #[command(flatten)]
    connection: Typed,
}

const AFTER: &str = "\
A run enters in its ledger what it makes, before it makes it, and removes both at the end. The ledger of a run that was killed, \
or could not remove everything, stays. Without --run and --older-than the ledgers are listed, and nothing is sent.

What is removed is exactly what stands in the ledger: versions, delete markers and open uploads of the keys named there, and \
the buckets that the run made, where nothing else is in them. Whatever else is found is named and left alone. A run that \
still goes on is not swept after, and nothing is sent to another endpoint than the ledger's.

Examples:
  ssecheck sweep                                                 # which runs left something behind?
  ssecheck sweep --run 0123456789abcdef0123                      # what of it is still there? changes nothing
  ssecheck sweep --run 0123456789abcdef0123 --delete             # removes it
  ssecheck sweep --older-than 7d --delete --endpoint https://staging:9000

Of the connection options those say nothing here that are about the cases, and those that the ledger holds: bucket, prefix, \
region and addressing are the run's.
Environment: as of `run`.

Exit codes:
  0    it is shown or removed, or nothing was left
  2    the command line, the configuration or a ledger is wrong; nothing was sent
  3    something could not be removed, or the endpoint could not be asked
  130  interrupted";

#[derive(Debug, thiserror::Error)]
enum SweepError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(
        "--delete needs to be told of which runs: give --run ID, or --older-than; without --delete the ledgers are listed"
    )]
    DeleteNothing,
    #[error("run {0} still goes on, or is being swept after: wait for its end, it removes what it made")]
    Running(RunId),
    #[error("run {run} was made at {endpoint}: say so with --endpoint {endpoint}, and give access keys for it")]
    NoEndpoint { run: RunId, endpoint: String },
    #[error(
        "run {run} was made at {of_ledger}, and the endpoint configured is {configured}: nothing is sent there for it; \
         give --endpoint {of_ledger}"
    )]
    OtherEndpoint { run: RunId, of_ledger: String, configured: String },
}

/// What became of the ledgers asked for.
#[derive(Default)]
struct Swept {
    /// Something could not be removed, or not be found out.
    is_incomplete: bool,
    is_interrupted: bool,
}

pub(super) async fn sweep(arguments: Arguments) -> u8 {
    match swept(arguments).await {
        Ok(Swept { is_interrupted: true, .. }) => exit_code::INTERRUPTED,
        Ok(Swept { is_incomplete: true, .. }) => exit_code::NOT_TESTED,
        Ok(_) => exit_code::PASSED,
        Err(error @ SweepError::Write(_)) => complain(&error, exit_code::NOT_TESTED),
        Err(error) => complain(&error, exit_code::USAGE),
    }
}

async fn swept(arguments: Arguments) -> Result<Swept, SweepError> {
    let environment = Environment::from_process()?;
    let folder = config::ledger_folder(&arguments.connection, &environment).await?;
    if arguments.run.is_empty() && arguments.older_than.is_none() {
        if arguments.delete {
            return Err(SweepError::DeleteNothing);
        }
        list(&folder)?;
        return Ok(Swept::default());
    }
    let (chosen, is_incomplete) = chosen(&arguments, &folder.path)?;
    let mut swept = Swept { is_incomplete, is_interrupted: false };
    if chosen.is_empty() {
        print("no run is that old: nothing to sweep");
        return Ok(swept);
    }
    let config = config::resolve(arguments.connection, &environment).await?;
    let mut there = Vec::new();
    for run in chosen {
        match at_the_same_endpoint(&run, &config) {
            Ok(()) => there.push(run),
            // Folders of ledgers may be shared by endpoints.
            Err(error @ SweepError::OtherEndpoint { .. }) if !run.is_named => {
                print(&format!("left alone: {error}"));
            }
            Err(error) => return Err(error),
        }
    }
    let jobs = config.jobs.get();
    let interruption = Interruption::listen_and_say("stopping once this run is done with");
    for run in there {
        if interruption.token.is_cancelled() {
            swept.is_interrupted = true;
            break;
        }
        // Its ledger is locked from here on, and no other's.
        let found = match ledger::open(&folder.path, &run.id) {
            Err(ReadError::NotThere { .. }) => continue,
            found => found?,
        };
        if found.is_running {
            print(&format!("left alone: {}", SweepError::Running(run.id)));
            swept.is_incomplete = true;
            continue;
        }
        // An endpoint is configured: it is the ledger's.
        let Some(client) = client_as_of(&config, &found.recorded.head)? else { return Ok(swept) };
        let one = One { client: &client, jobs, recorded: &found.recorded };
        if !arguments.delete {
            swept.is_incomplete |= !one.show().await;
        } else if one.remove().await {
            found.remove()?;
        } else {
            swept.is_incomplete = true;
        }
    }
    if !arguments.delete {
        print("nothing was removed; --delete removes it");
    }
    Ok(swept)
}

/// A run that is asked for.
struct Chosen {
    id: RunId,
    endpoint: Url,
    /// Whether it is asked for by its id.
    is_named: bool,
}

impl Chosen {
    fn of(recorded: &Recorded, is_named: bool) -> Self {
        Self { id: recorded.head.run.clone(), endpoint: recorded.endpoint.clone(), is_named }
    }
}

/// The runs asked for, and whether there are ledgers that cannot be read, of which is told. A run that still goes on is an error
/// where it is named, else left out.
fn chosen(arguments: &Arguments, folder: &Path) -> Result<(Vec<Chosen>, bool), SweepError> {
    let (mut chosen, mut is_incomplete) = (Vec::new(), false);
    let asked: BTreeSet<&RunId> = arguments.run.iter().collect();
    for run in asked {
        let found = ledger::open(folder, run)?;
        if found.is_running {
            return Err(SweepError::Running(run.clone()));
        }
        chosen.push(Chosen::of(&found.recorded, true));
    }
    let Some(age) = arguments.older_than else { return Ok((chosen, false)) };
    let until = time::Duration::try_from(age).ok().and_then(|age| OffsetDateTime::now_utc().checked_sub(age));
    for run in ledger::runs(folder)?.into_iter().filter(|run| !arguments.run.contains(run)) {
        match ledger::open(folder, &run) {
            // It ended since.
            Err(ReadError::NotThere { .. }) => {}
            // How old it is nobody knows; the others are swept after all the same.
            Err(error) => {
                complain(&error, exit_code::USAGE);
                is_incomplete = true;
            }
            Ok(Found { recorded, is_running, .. }) => {
                let is_old = until.is_some_and(|until| recorded.started < until);
                chosen.extend((is_old && !is_running).then(|| Chosen::of(&recorded, false)));
            }
        }
    }
    Ok((chosen, is_incomplete))
}

fn at_the_same_endpoint(chosen: &Chosen, config: &config::Config) -> Result<(), SweepError> {
    let (run, of_ledger) = (chosen.id.clone(), chosen.endpoint.to_string());
    match &config.endpoint {
        None => Err(SweepError::NoEndpoint { run, endpoint: of_ledger }),
        Some(configured) if configured.tls == chosen.endpoint => Ok(()),
        Some(configured) => Err(SweepError::OtherEndpoint { run, of_ledger, configured: configured.tls.to_string() }),
    }
}

/// Lists the ledgers of a folder.
fn list(folder: &LedgerFolder) -> Result<(), SweepError> {
    let place = folder.path.display();
    let runs = ledger::runs(&folder.path)?;
    if runs.is_empty() {
        print(&format!("no run left anything behind that is recorded in {place}"));
    }
    for run in runs {
        match ledger::open(&folder.path, &run) {
            Err(ReadError::NotThere { .. }) => {}
            Err(error) => {
                print(&format!("{run}  {error}"));
            }
            Ok(Found { recorded, is_running, .. }) => {
                let state = if is_running { "still going on" } else { "ended" };
                let made = recorded.buckets.values().filter(|bucket| bucket.is_made).count();
                let keys: usize = recorded.buckets.values().map(|bucket| bucket.keys.len()).sum();
                let given = recorded.head.bucket.as_ref().map(|bucket| format!(" in bucket {bucket}"));
                let (started, endpoint) = (&recorded.head.started, &recorded.endpoint);
                print(&one_line(&format!(
                    "{run}  {started}  {endpoint}  {state}; it may have left {keys} keys{} and {made} buckets",
                    given.unwrap_or_default()
                )));
            }
        }
    }
    Ok(())
}

/// One run that is swept after.
struct One<'a> {
    client: &'a Client,
    jobs: usize,
    recorded: &'a Recorded,
}

impl One<'_> {
    /// Shows what is still there; false where that could not be found out.
    async fn show(&self) -> bool {
        print(&format!("run {}, {}:", self.recorded.head.run, self.recorded.endpoint));
        let housekeeper = Housekeeper::new(self.client.clone(), false);
        let removal = Removal::new(&housekeeper, Scope::Ledger(self.recorded), self.jobs);
        let (mut is_known, mut shown) = (true, 0);
        for bucket in self.buckets() {
            let Looked { is_gone, own, strange, troubles } = removal.look(&bucket).await;
            let name = &bucket.name;
            let remove = own.iter().map(|entry| format!("would remove {}", entry.in_words(name)));
            let and_bucket = (bucket.is_made && !is_gone).then(|| match strange.len() {
                0 if troubles.is_empty() => format!("would remove bucket {name}"),
                0 => format!("would try to remove bucket {name}"),
                _ => format!("could not remove bucket {name}: there are things in it that are not the run's"),
            });
            let strange = strange.iter().map(|entry| left_alone(entry, name));
            let unknown = troubles.iter().map(|trouble| format!("could not be found out: {trouble}"));
            is_known &= troubles.is_empty();
            shown += show(remove.chain(strange).chain(unknown).chain(and_bucket));
        }
        if shown == 0 {
            print("  nothing is left");
        }
        is_known
    }

    /// Removes what is still there; whether nothing is left.
    async fn remove(&self) -> bool {
        print(&format!("run {}, {}:", self.recorded.head.run, self.recorded.endpoint));
        let housekeeper = Housekeeper::new(self.client.clone(), false);
        let removal = Removal::new(&housekeeper, Scope::Ledger(self.recorded), self.jobs);
        let Outcome { removed, left_behind } = removal.remove(&self.buckets()).await;
        let is_all = left_behind.is_empty();
        show(removed.iter().map(|it| format!("removed {it}")));
        show(left_behind.iter().map(|it| format!("could not be removed: {it}")));
        if is_all {
            print("  nothing is left; the ledger is removed, too");
        }
        is_all
    }

    fn buckets(&self) -> Vec<Bucket> {
        let of =
            |(name, bucket): (&String, &ledger::RecordedBucket)| Bucket { name: name.clone(), is_made: bucket.is_made };
        self.recorded.buckets.iter().map(of).collect()
    }
}

/// Shows lines, and how many there are.
fn show(lines: impl Iterator<Item = String>) -> usize {
    let mut count = 0;
    for line in lines {
        count += 1;
        if count <= MAX_SHOWN {
            print(&format!("  {}", one_line(&line)));
        }
    }
    if count > MAX_SHOWN {
        print(&format!("  and {} more", count - MAX_SHOWN));
    }
    count
}
