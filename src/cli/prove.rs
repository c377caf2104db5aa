//! `ssecheck prove`

use std::path::PathBuf;
use std::sync::Arc;

use super::interruption::Interruption;
use super::report_target::{self, ReportError, ReportFormat, ReportTarget};
use super::{complain, exit_code, print, suites};
use crate::faults::{Fault, Predicate};
use crate::prove::{self, Matrix, MatrixError, Options, Proof, ProveError, Survey};
use crate::report::{ProofProgress, proof_as_json, proof_as_text, survey_as_json, survey_as_text};
use crate::suite::Suite;

/// Arguments of `prove`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// Suite files, or folders of them; those built in when absent
    #[arg(value_name = "SUITE|DIR")]
    suites: Vec<PathBuf>,
    /// Fault to run against: ID, or ID[PREDICATE,…] to limit it to matching requests; may be repeated; all when absent
    #[arg(long, value_name = "ID", value_parser = Fault::read)]
    fault: Vec<&'static Fault>,
    /// Run against generated faults: every operation with every header, status and position, and narrowed faults
    #[arg(long, conflicts_with = "fault")]
    generated: bool,
    /// Run only the cases whose id contains this text; may be repeated
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Report to write: json, or matrix for the record of all verdicts; may be repeated
    #[arg(long, value_name = "FORMAT[=PATH]", value_parser = ReportTarget::<ProofReport>::parse)]
    report: Vec<ReportTarget<ProofReport>>,
    /// Faults to run against at a time; as many as there are processors when absent
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Also run the cases that cannot trigger the fault
    #[arg(long)]
    every_case: bool,
    /// List the faults and the predicates, and run nothing
    #[arg(long)]
    list: bool,
}

const AFTER: &str = "\
Examples:
  ssecheck prove                                   # all suites against all faults: a minute or two
  ssecheck prove --fault etag-md5                  # one fault, with what catches it
  ssecheck prove --fault 'no-key-reads[framed]'    # does a case fail if only framed uploads are affected?
  ssecheck prove --generated                       # what would these suites miss?
  ssecheck prove my-suite.json                     # can my scenarios fail at all, and only for their rules?

Each fault of the embedded endpoint departs from a rule on purpose. All suites run against each fault by itself, \
but for the cases that cannot trigger it (--every-case runs them, too).

Exit codes:
  0    proven: all faults caught, no innocent rule accused, all verdicts as recorded
  1    one of these does not hold; the problems are listed (of --generated only what fails without a fault)
  2    the command line or a suite is wrong; nothing was run
  3    the embedded endpoint could not be started
  130  interrupted

With suites of your own, or with --fault or --only, a fault counts as surviving only where the record, which is made with \
the built-in suites, says that one of the cases selected fails under it.";

/// What a proof can be reported as.
#[derive(Debug, Clone, Copy, PartialEq)]
enum ProofReport {
    Json,
    Matrix,
}

impl ReportFormat for ProofReport {
    const ALL: &'static [(&'static str, Self)] = &[("json", Self::Json), ("matrix", Self::Matrix)];

    fn default_path(self) -> &'static str {
        match self {
            Self::Json => "reports/proof.json",
            Self::Matrix => "suites/kill-matrix.json",
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error("{0}")]
    Suites(#[from] suites::SuitesError),
    #[error(transparent)]
    Matrix(#[from] MatrixError),
    #[error(transparent)]
    Prove(#[from] ProveError),
    #[error("the matrix is the record of all faults and all cases; leave out --fault, --generated and --only")]
    PartOfMatrix,
    #[error(
        "name faults of the catalogue, and faults that are narrowed by predicates, in two runs: they are reported differently"
    )]
    Mixed,
    #[error(transparent)]
    Report(#[from] ReportError),
}

impl CommandError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Prove(ProveError::Interrupted) => exit_code::INTERRUPTED,
            Self::Prove(ProveError::Embedded(_)) => exit_code::NOT_TESTED,
            _ => exit_code::USAGE,
        }
    }
}

pub(super) async fn prove(arguments: Arguments) -> u8 {
    if arguments.list {
        return list();
    }
    match proven(arguments).await {
        Ok(true) => exit_code::PASSED,
        Ok(false) => exit_code::FAILED,
        Err(error) => complain(&error, error.exit_code()),
    }
}

fn list() -> u8 {
    let widest = Fault::all().map(|fault| fault.id.len()).max().unwrap_or(0);
    for fault in Fault::all() {
        print(&format!("{:<widest$}  {}", fault.id, fault.summary));
    }
    print(&format!(
        "{} faults\n\nPredicates, `!` before one negates it; N may be followed by KiB or MiB:",
        Fault::all().count()
    ));
    let widest = Predicate::kinds().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, about) in Predicate::kinds() {
        print(&format!("{name:<widest$}  {about}"));
    }
    exit_code::PASSED
}

async fn proven(arguments: Arguments) -> Result<bool, CommandError> {
    let (suites, rules) = suites::load(&arguments.suites)?;
    let partial = !arguments.only.is_empty()
        || !arguments.fault.is_empty()
        || !arguments.suites.is_empty()
        || arguments.generated;
    if partial && arguments.report.iter().any(|report| report.format == ProofReport::Matrix) {
        return Err(CommandError::PartOfMatrix);
    }
    let catalogued = arguments.fault.iter().filter(|fault| fault.is_catalogued()).count();
    if catalogued > 0 && catalogued < arguments.fault.len() {
        return Err(CommandError::Mixed);
    }
    report_target::check(&arguments.report)?;
    let proof = run(&suites, &arguments, !partial).await?;
    if arguments.generated || proof.own_runs().any(|(fault, _)| !fault.is_catalogued()) {
        return surveyed(&arguments, &proof);
    }
    let problems = proof.problems();
    for report in &arguments.report {
        let text = match report.format {
            ProofReport::Json => proof_as_json(&proof, &problems),
            ProofReport::Matrix => Matrix::of(&proof).to_json().map_err(MatrixError::from)?,
        };
        report.write(text.as_bytes())?;
    }
    print(&proof_as_text(&proof, &problems, &rules, !arguments.fault.is_empty()));
    Ok(problems.is_empty())
}

/// Reports what became of narrowed and generated faults. Narrowed faults that were named must be caught.
fn surveyed(arguments: &Arguments, proof: &Proof) -> Result<bool, CommandError> {
    let survey = Survey::of(proof);
    for report in &arguments.report {
        report.write(survey_as_json(&survey).as_bytes())?;
    }
    print(&survey_as_text(&survey, proof.cases.len(), proof.elapsed));
    let all_caught = survey.caught.len() == survey.total();
    Ok(survey.problems.is_empty() && (arguments.generated || all_caught))
}

async fn run(suites: &[Arc<Suite>], arguments: &Arguments, complete: bool) -> Result<Proof, CommandError> {
    let faults = match arguments.fault.as_slice() {
        [] if arguments.generated => Fault::generated().collect(),
        [] => Fault::all().collect(),
        chosen => chosen.to_vec(),
    };
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let options = Options {
        faults,
        only: arguments.only.clone(),
        complete,
        is_survey: arguments.generated,
        every_case: arguments.every_case,
        jobs: arguments.jobs.unwrap_or(processors),
        expected: Matrix::embedded()?,
    };
    let progress = ProofProgress::new(options.faults.len());
    let proof = prove::prove(suites, options, |run| progress.done(run), Interruption::listen().token).await?;
    progress.finish();
    Ok(proof)
}
