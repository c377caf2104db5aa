//! `ssecheck certify`

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::report_target::{is_in, is_same};
use super::run::{Made, Purpose, RunArguments, RunError, made};
use super::run_reports::{ReportArguments, RunReportError};
use super::{complain, exit_code, print};
use crate::archive::Kept;
use crate::certificate::{self, KeptEvidence, KeyError, NotAttested, Predicate, PrivateKey, Report, Terms};
use crate::record::RunRecord;
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
    /// Days from the start of the run after which the certificate ends, 1 to 3650
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
    valid_days: u32,
    /// Keep no evidence: an auditor must take your word then. Without this it goes beside the certificate as NAME.evidence, unless --evidence says where
    #[arg(long, conflicts_with = "evidence")]
    no_evidence: bool,
    #[command(flatten)]
    run: RunArguments,
}

const AFTER: &str = "\
Runs the suites as `run` does, writes the record of the run, its evidence and the reports asked for, and signs the result: an in-toto \
statement of the type test-result in a DSSE envelope, with one Ed25519 signature. `ssecheck verify` checks it.

A failing run is attested as well, as FAILED. One that is interrupted, or cannot be made, is not.

With suites of your own, --only, --shard, a profile that declares deviations or is a file, a baseline or --insecure the run is limited: \
the certificate says so, and attests no level. So is a run on ssecheck's own reference endpoint, unless --reference asks for it by name.

The certificate names the evidence by its digest. Keep the folder: by it an auditor judges every case again.

Examples:
  ssecheck keygen --out signing.pem
  ssecheck certify --key signing.pem --level extended --label 'My S3 2.1' \\
      --endpoint https://staging:9000 --plain-endpoint http://staging:9001
  ssecheck verify certificate.json --public-key signing.pem.pub --run certificate.run.json --evidence certificate.evidence

Environment: that of `run` (`ssecheck run --help`). The signing key is read from --key only.

Exit codes:
  0    a level at least that asked for is attested, and all required scenarios passed
  1    a required scenario failed, or the level is not attested (the certificate is written, and says why)
  2    the command line, the key, the configuration or a suite is wrong, or there is no endpoint; nothing was sent
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
    #[error("{what} would be written into the evidence {}; choose another path", folder.display())]
    InEvidence { what: &'static str, folder: PathBuf },
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
            Self::Key(_)
            | Self::Unwritable { .. }
            | Self::Shared { .. }
            | Self::InEvidence { .. }
            | Self::AlikeReports(_) => exit_code::USAGE,
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
    let Arguments { key: key_file, level, out, valid_days, no_evidence, run: mut arguments } = arguments;
    if !no_evidence && arguments.evidence.is_none() {
        arguments.evidence = Some(beside(&out, "evidence"));
    }
    let folder = arguments.evidence.clone();
    let reports = with_record(arguments.reports.clone(), &out);
    check_places(&key_file, &out, &reports, folder.as_deref())?;
    let key = PrivateKey::read(&key_file)?;
    let place = reserve(&out)?;
    let Made { run, evidence } = made(arguments, &reports, Purpose::Certificate).await?;
    let mut written = reports.write(&run)?;
    written.sort_by_key(|report| report.format != RunFormat::Json);
    let report = |(file, sha256): (&Path, [u8; 32])| Report { name: name_of(file), sha256 };
    let subjects = written.iter().filter_map(|it| Some((it.file?, it.sha256))).map(report).collect::<Vec<_>>();
    let evidence = evidence.map(|Kept { sha256, is_complete }| KeptEvidence { sha256, is_complete });
    let terms = Terms { asked: level, expires: Some(expiry(&run, valid_days)), evidence, is_former: false };
    let statement = certificate::statement(&run, &subjects, &terms)?;
    let document = certificate::sign(&serde_json::to_vec(&statement)?, &key)?;
    keep(place, &document, &out)?;
    let predicate = Predicate::of(&run, &terms);
    let told = summary(&predicate, &out, &key, folder.as_deref());
    if reports.take_stdout() {
        super::say(&told);
    } else {
        print(&told);
    }
    let is_attested = if predicate.attests(level) { exit_code::PASSED } else { exit_code::FAILED };
    Ok(exit_code::of(&run).max(is_attested))
}

/// When a certificate ends that is valid for so many days from the start of its run, as RFC 3339 writes it, in UTC.
fn expiry(run: &RunRecord, days: u32) -> String {
    let started = OffsetDateTime::parse(&run.started, &Rfc3339).unwrap_or_else(|_| OffsetDateTime::now_utc());
    let end = started.checked_add(Duration::days(days.into())).unwrap_or(started);
    end.format(&Rfc3339).unwrap_or_default()
}

/// What the certificate says, where its evidence is, and who signed it: a line each.
fn summary(predicate: &Predicate, out: &Path, key: &PrivateKey, evidence: Option<&Path>) -> String {
    let facts = &predicate.ssecheck;
    let attained = facts.attained.map_or("no level", Certification::as_str);
    let why = facts.levels.iter().find(|it| it.level == facts.asked).map(|it| it.why_not.join("; "));
    let why = why.filter(|why| !why.is_empty()).map(|why| format!(": {why}")).unwrap_or_default();
    let evidence = match (evidence, &facts.evidence) {
        (Some(folder), Some(kept)) => {
            let whole = if kept.is_complete { "" } else { ", not complete (--evidence-limit)" };
            format!("kept in {}{whole}: an auditor judges by it again", folder.display())
        }
        _ => "none was kept: an auditor must take your word".to_owned(),
    };
    format!(
        "certificate {}: {}, {attained} attested (requested: {}{why})\nevidence {evidence}\nsigned by key {}",
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
    reports.and(RunFormat::Json, beside(out, "run.json"))
}

/// What belongs to a certificate, beside it: of `NAME.json` this is `NAME.SUFFIX`.
fn beside(out: &Path, suffix: &str) -> PathBuf {
    if out.extension().is_some_and(|extension| extension == "json") {
        return out.with_extension(suffix);
    }
    let mut name = out.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// Finds out before anything is sent that one file would be written over another, or that a reader could not tell two apart.
fn check_places(
    key: &Path,
    out: &Path,
    reports: &ReportArguments,
    evidence: Option<&Path>,
) -> Result<(), CertifyError> {
    if out.is_dir() || out.file_name().is_none() {
        return Err(unwritable(out)(ErrorKind::IsADirectory.into()));
    }
    let shared = |what, path: &Path| CertifyError::Shared { what, path: path.to_owned() };
    let mut public = key.as_os_str().to_owned();
    public.push(".pub");
    for taken in [key, Path::new(&public)] {
        if is_same(out, taken) {
            return Err(shared("the certificate", taken));
        }
    }
    let written = reports.files().map(|(_, file)| ("a report", file));
    for (what, file) in std::iter::once(("the certificate", out)).chain(written) {
        if let Some(folder) =
            evidence.filter(|folder| is_same(file, folder) || is_in(file, folder) || file.starts_with(folder))
        {
            return Err(CertifyError::InEvidence { what, folder: folder.to_owned() });
        }
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
    use crate::record::{BaselineRecord, CaseRecord};
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
                                let terms = Terms {
                                    asked: Certification::Core,
                                    expires: Some("2027-11-25T00:00:00Z".to_owned()),
                                    evidence: None,
                                    is_former: false,
                                };
                                let failed = Predicate::of(&run, &terms).result == TestResult::Failed;
                                assert_eq!(failed, exit_code::of(&run) != exit_code::PASSED, "{run:#?}");
                            }
                        }
                    }
                }
            }
        }
    }
}
