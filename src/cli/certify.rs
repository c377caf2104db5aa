//! `ssecheck certify`

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::report_target::is_same;
use super::run::{RunArguments, RunError, made};
use super::run_reports::{ReportArguments, RunReportError};
use super::{complain, exit_code, print};
use crate::certificate::{self, KeyError, NotAttested, Predicate, PrivateKey, Report};
use crate::report::{RunFormat, printable};
use crate::suite::model::Certification;

/// Arguments of `certify`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub(super) struct Arguments {
    /// Private key to sign with: Ed25519, PKCS#8 as PEM (`ssecheck keygen` makes one)
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The level to attest; the certificate tells of all of them, whichever is asked for
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Certification::Core)]
    level: Certification,
    /// File for the certificate; the record of the run goes beside it as NAME.run.json, unless --report json=PATH says where
    #[arg(long, value_name = "PATH", default_value = "certificate.json")]
    out: PathBuf,
    #[command(flatten)]
    run: RunArguments,
}

const AFTER: &str = "\
Runs the suites as `run` does, writes the record of the run and the reports asked for, and signs what came of it: an in-toto \
statement of the type test-result in a DSSE envelope, with one Ed25519 signature. `ssecheck verify` checks it.

A failing run is attested as well, as FAILED. One that is interrupted, or cannot be made, is not.

With suites of your own, --only, a profile that declares departures or is a file, a baseline, --insecure or the embedded \
endpoint the run is limited: the certificate says so, and attests no level.

Examples:
  ssecheck keygen --out signing.pem
  ssecheck certify --key signing.pem --level extended --label 'My S3 2.1' \\
      --endpoint https://staging:9000 --plain-endpoint http://staging:9001
  ssecheck verify certificate.json --public-key signing.pem.pub --run certificate.run.json

Environment: that of `run` (`ssecheck run --help`). The signing key is read from --key only.

Exit codes:
  0    a level at least that asked for is attested, and all required scenarios passed
  1    a required scenario failed, or the level is not attested (the certificate is written, and says why)
  2    the command line, the key, the configuration or a suite is wrong; nothing was sent
  3    the endpoint could not be tested (no certificate), or a required scenario has no verdict (a certificate is written)
  130  interrupted; there is no certificate";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
enum CertifyError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("cannot write the certificate {}: {error}; choose another path with --out", path.display())]
    Unwritable { path: PathBuf, error: std::io::Error },
    #[error("{what} would be written over {}; choose another path", path.display())]
    Shared { what: &'static str, path: PathBuf },
    #[error("two reports are named {0}, and a certificate tells them apart by name; give one of them another")]
    AlikeReports(String),
    #[error(transparent)]
    NotAttested(#[from] NotAttested),
    #[error("cannot write the certificate as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl From<RunReportError> for CertifyError {
    fn from(error: RunReportError) -> Self {
        Self::Run(error.into())
    }
}

impl CertifyError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Run(error) => error.exit_code(),
            Self::NotAttested(NotAttested::Interrupted) => exit_code::INTERRUPTED,
            Self::Json(_) => exit_code::NOT_TESTED,
            Self::Key(_) | Self::Unwritable { .. } | Self::Shared { .. } | Self::AlikeReports(_) => exit_code::USAGE,
        }
    }
}

pub(super) async fn certify(arguments: Arguments) -> u8 {
    let out = arguments.out.clone();
    certified(arguments).await.unwrap_or_else(|error| {
        let code = complain(&error, error.exit_code());
        if code != exit_code::USAGE && out.exists() {
            super::say(&format!(
                "ssecheck: no certificate was made; {} is an earlier one",
                printable(&out.display().to_string())
            ));
        }
        code
    })
}

async fn certified(arguments: Arguments) -> Result<u8, CertifyError> {
    let Arguments { key: key_file, level, out, run: arguments } = arguments;
    let reports = with_record(arguments.reports.clone(), &out);
    check_places(&key_file, &out, &reports)?;
    let key = PrivateKey::read(&key_file)?;
    let place = reserve(&out)?;
    let run = made(arguments, &reports).await?;
    let mut written = reports.write(&run)?;
    written.sort_by_key(|report| report.format != RunFormat::Json);
    let report = |(file, sha256): (&Path, [u8; 32])| Report { name: name_of(file), sha256 };
    let subjects = written.iter().filter_map(|it| Some((it.file?, it.sha256))).map(report).collect::<Vec<_>>();
    let statement = certificate::statement(&run, &subjects, level)?;
    let document = certificate::sign(&serde_json::to_vec(&statement)?, &key)?;
    keep(place, &document, &out)?;
    let predicate = Predicate::of(&run, level);
    let told = printable(&summary(&predicate, &out, &key));
    if reports.take_stdout() {
        super::say(&told);
    } else {
        print(&told);
    }
    let is_attested = if predicate.attests(level) { exit_code::PASSED } else { exit_code::FAILED };
    Ok(exit_code::of(&run).max(is_attested))
}

/// What the certificate says, in two lines.
fn summary(predicate: &Predicate, out: &Path, key: &PrivateKey) -> String {
    let facts = &predicate.ssecheck;
    let attained = facts.attained.map_or("no level", Certification::as_str);
    let why = facts.levels.iter().find(|it| it.level == facts.asked).map(|it| it.why_not.join("; "));
    let why = why.filter(|why| !why.is_empty()).map(|why| format!(": {why}")).unwrap_or_default();
    format!(
        "certificate {}: {}, {attained} attested ({} was asked for{why})\nsigned by key {}",
        out.display(),
        predicate.result.as_str(),
        facts.asked.as_str(),
        key.public().id()
    )
}

/// The reports with the record of the run among them, in a file.
fn with_record(reports: ReportArguments, out: &Path) -> ReportArguments {
    if reports.files().any(|(format, _)| format == RunFormat::Json) {
        return reports;
    }
    reports.and(RunFormat::Json, out.with_extension("run.json"))
}

/// Finds out before anything is sent that one file would be written over another, or that a reader could not tell two apart.
fn check_places(key: &Path, out: &Path, reports: &ReportArguments) -> Result<(), CertifyError> {
    if out.is_dir() || out.file_name().is_none() {
        return Err(unwritable(out)(ErrorKind::IsADirectory.into()));
    }
    let shared = |what, path: &Path| CertifyError::Shared { what, path: path.to_owned() };
    if is_same(out, key) {
        return Err(shared("the certificate", key));
    }
    let mut names: Vec<String> = Vec::new();
    for (_, file) in reports.files() {
        for taken in [key, out] {
            if is_same(file, taken) {
                return Err(shared("a report", taken));
            }
        }
        let name = name_of(file);
        if names.contains(&name) {
            return Err(CertifyError::AlikeReports(name));
        }
        names.push(name);
    }
    Ok(())
}

/// A path's last part.
fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// A file beside the certificate's place, so that it is known that there is one, and that a certificate is there whole or
/// not at all. It goes unless it is kept.
fn reserve(out: &Path) -> Result<NamedTempFile, CertifyError> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ssecheck-certificate-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    std::fs::create_dir_all(folder).and_then(|()| builder.tempfile_in(folder)).map_err(unwritable(out))
}

/// Puts the certificate into its place.
fn keep(mut place: NamedTempFile, document: &[u8], out: &Path) -> Result<(), CertifyError> {
    place.write_all(document).and_then(|()| place.as_file().sync_all()).map_err(unwritable(out))?;
    place.persist(out).map(drop).map_err(|error| unwritable(out)(error.error))
}

fn unwritable(out: &Path) -> impl Fn(std::io::Error) -> CertifyError {
    move |error| CertifyError::Unwritable { path: out.to_owned(), error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Standing;
    use crate::certificate::TestResult;
    use crate::record::samples::{case, run};
    use crate::record::{BaselineRecord, CaseRecord, RunRecord};
    use crate::suite::model::Level;
    use crate::verdict::Verdict;

    /// A certificate is never better than the exit code of its run, nor worse.
    #[test]
    fn failed_is_what_the_exit_code_says_it_is() {
        let standings = [None, Some(Standing::Known), Some(Standing::New), Some(Standing::Changed)];
        for verdict in Verdict::ALL {
            for level in [Level::Must, Level::Should, Level::May] {
                for standing in standings {
                    for strict in [false, true] {
                        for incomplete in [false, true] {
                            for others in [vec![], vec![case("s/pass", Verdict::Pass, "")]] {
                                // Only what is skipped is left out, and what passes is no news to a strict baseline.
                                let is_skipped =
                                    matches!(verdict, Verdict::Skipped | Verdict::NotSupported | Verdict::Observed);
                                if (incomplete && !is_skipped) || (standing.is_some() && verdict == Verdict::Pass) {
                                    continue;
                                }
                                let one = CaseRecord { level, standing, incomplete, ..case("s/one", verdict, "") };
                                let cases = others.into_iter().chain([one]).collect();
                                let baseline = Some(BaselineRecord { file: "b".to_owned(), digest: None, strict });
                                let run = RunRecord { baseline, limits: vec!["x".to_owned()], ..run(cases) };
                                let failed = Predicate::of(&run, Certification::Core).result == TestResult::Failed;
                                assert_eq!(failed, exit_code::of(&run) != exit_code::PASSED, "{run:#?}");
                            }
                        }
                    }
                }
            }
        }
    }
}
