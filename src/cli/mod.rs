//! The command line: one file for each command.

mod certify;
mod choice;
mod compare;
mod completions;
pub mod exit_code;
mod explain;
mod explore;
mod interruption;
mod judge;
mod keygen;
mod list;
mod man;
mod merge;
mod panic;
mod prove;
mod report;
mod report_target;
mod run;
mod run_reports;
mod schema;
mod serve;
mod service;
mod shard;
mod suites;
mod sweep;
mod validate;
mod verify;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::report::{in_a_log, safe_json};

/// The conformance suite for S3 server-side encryption with customer-provided keys (SSE-C).
#[derive(Debug, Parser)]
#[command(name = "ssecheck", version, after_help = AFTER)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER: &str = "\
Examples:
  ssecheck run                                    # all suites against the embedded endpoint: does it work here?
  ssecheck run --endpoint https://staging:9000 --plain-endpoint http://staging:9001 --report html
  ssecheck explain read-wrong-key                 # a rule: what, why, source, how to mend a server
  ssecheck certify --key key.pem --endpoint https://staging:9000 --plain-endpoint none

Exit codes (`ssecheck help COMMAND` has those of each command):
  0    it worked; of `run`, `judge` and `certify`: all required scenarios passed
  1    a required scenario failed, or what was asked for does not hold
  2    the command line, the configuration or a file is wrong; nothing was sent
  3    the endpoint could not be tested, or a required scenario was left without a verdict
  130  interrupted; what was made was removed";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run suites against an S3 endpoint, or without one against the embedded reference endpoint
    Run(Box<run::Arguments>),
    /// Show or remove what runs left behind that were killed or could not clean up
    Sweep(Box<sweep::Arguments>),
    /// Judge evidence that was kept (`run --evidence DIR`) again, without an endpoint
    Judge(judge::Arguments),
    /// List the scenarios with their levels and rules
    List(list::Arguments),
    /// Make a key pair for certificates
    Keygen(keygen::Arguments),
    /// Run suites as `run` does, and sign what came of it
    Certify(Box<certify::Arguments>),
    /// Verify a certificate: who signed it, what it attests, and what it does not
    Verify(verify::Arguments),
    /// Compare two runs, scenario by scenario and rule by rule
    Diff(compare::DiffArguments),
    /// Show several runs side by side: families of rules × runs, as a Markdown table
    Compare(compare::CompareArguments),
    /// Join the records of all shards of a run (`run --shard`) to the one of the whole
    Merge(merge::Arguments),
    /// Make a baseline of a run: the failures that are known, for `run --baseline`
    Baseline(compare::BaselineArguments),
    /// Write reports of a run that was recorded
    Report(report::Arguments),
    /// Explain a scenario, rule, fault, capability, certification level or profile: what, why, source, how to mend a server
    Explain(explain::ExplainArguments),
    /// Show which rules are tested by which operations, and what is left out on purpose
    Coverage(explain::CoverageArguments),
    /// Print the whole catalogue as Markdown (suites/CATALOGUE.md)
    Catalogue,
    /// Check suite files and show everything that is wrong with them
    Validate(validate::Arguments),
    /// Print the JSON Schema of suite files, or of the records of runs
    Schema(schema::Arguments),
    /// Prove that the suites catch faults: run them against endpoints that break rules on purpose
    Prove(prove::Arguments),
    /// Explore an S3 endpoint by random sequences of requests, and write what diverges from the model as a scenario
    Explore(Box<explore::Arguments>),
    /// Serve the embedded reference endpoint until interrupted (for tests: it keeps nothing)
    Serve(serve::Arguments),
    /// Print a script that completes commands, options and paths in a shell
    Completions(completions::Arguments),
    /// Print the manual page, or write a page for each command
    Man(man::Arguments),
}

/// How a command writes what it found.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// Lines for people
    Text,
    /// JSON for programs
    Json,
}

/// Parses the command line and runs the command on a multi-threaded runtime. From then on, a panic on any thread shows only its
/// location.
#[tokio::main]
pub async fn main() -> ExitCode {
    panic::show_only_the_place();
    let code = match Cli::parse().command {
        Command::Run(arguments) => among_workers(run::run(*arguments)).await,
        Command::Sweep(arguments) => sweep::sweep(*arguments).await,
        Command::Judge(arguments) => judge::judge(&arguments),
        Command::List(arguments) => list::list(&arguments),
        Command::Keygen(arguments) => keygen::keygen(&arguments),
        Command::Certify(arguments) => among_workers(certify::certify(*arguments)).await,
        Command::Verify(arguments) => verify::verify(&arguments),
        Command::Diff(arguments) => compare::diff(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Merge(arguments) => merge::merge(&arguments),
        Command::Baseline(arguments) => compare::baseline(&arguments),
        Command::Report(arguments) => report::report(arguments),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Coverage(arguments) => explain::coverage(&arguments),
        Command::Catalogue => explain::catalogue(),
        Command::Validate(arguments) => validate::validate(&arguments),
        Command::Schema(arguments) => schema::schema(&arguments),
        Command::Prove(arguments) => prove::prove(arguments).await,
        Command::Explore(arguments) => explore::explore(*arguments).await,
        Command::Serve(arguments) => serve::serve(arguments).await,
        Command::Completions(arguments) => completions::completions(&arguments, Cli::command()),
        Command::Man(arguments) => man::man(&arguments, Cli::command()),
    };
    ExitCode::from(code)
}

/// Has a thread that runs cases do what is woken for every case: from another it would take a change of threads each time. Where there is
/// only one it is left free: who reads what is printed may keep its writer waiting.
async fn among_workers<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    if tokio::runtime::Handle::current().metrics().num_workers() == 1 {
        return work.await;
    }
    tokio::spawn(work).await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// Prints lines, of which none does anything but show, wherever their text came from.
fn print(text: &str) -> u8 {
    print_own(&in_a_log(text))
}

/// Prints a value as JSON for programs, which stays what it is; a terminal and a CI take none of it for a command.
///
/// # Errors
/// Those of writing it as JSON.
fn print_json(value: &impl serde::Serialize) -> Result<u8, serde_json::Error> {
    Ok(print_own(&safe_json(&serde_json::to_string_pretty(value)?)))
}

/// Prints a document that is built in, byte for byte. A reader that has gone away (`ssecheck list | head`) is no error.
fn print_own(text: &str) -> u8 {
    let _ = writeln!(std::io::stdout(), "{text}");
    exit_code::PASSED
}

/// Says on standard error why nothing could be done.
fn complain(problem: &dyn std::fmt::Display, code: u8) -> u8 {
    say(&format!("ssecheck: {problem}"));
    code
}

/// Says something to who looks at the command, in lines of which none does anything but show. Where nobody reads it any more, the work goes on: what was made must be removed.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", in_a_log(text));
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
