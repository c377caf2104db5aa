//! `--report FORMAT[=PATH]`

use std::fmt;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The formats of a command's reports.
pub(super) trait ReportFormat: Copy + 'static {
    /// All of them, by the name that users write.
    const ALL: &'static [(&'static str, Self)];

    /// Where a report of the format goes unless told; `-` is standard output.
    fn default_path(self) -> &'static str;
}

/// A report to write.
#[derive(Debug, Clone)]
pub(super) struct ReportTarget<F> {
    pub format: F,
    pub to: Destination,
}

/// Where a report goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    Stdout,
    File(PathBuf),
}

/// A report cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReportError {
    #[error("cannot write the report {to}: {error}; choose another with --report")]
    Unwritable { to: Destination, error: io::Error },
    #[error(
        "two reports are to go to standard output, and a reader could not tell them apart; give one of them a PATH"
    )]
    SharedStdout,
    #[error("two reports are to go to {0}; give one of them another PATH")]
    SharedFile(Destination),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Destination {
    fn of(path: &str) -> Self {
        if path == "-" { Self::Stdout } else { Self::File(path.into()) }
    }

    /// The file; none where it is standard output.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Stdout => None,
            Self::File(path) => Some(path),
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => is_same(one, other),
            _ => self == other,
        }
    }

    fn unwritable(&self, error: io::Error) -> ReportError {
        ReportError::Unwritable { to: self.clone(), error }
    }

    /// Finds out before the work is done that nothing can be written there.
    fn check_writable(&self) -> Result<(), ReportError> {
        let Self::File(path) = self else { return Ok(()) };
        let made = folder_of(path).map_or(Ok(()), std::fs::create_dir_all);
        let opened = made.and_then(|()| std::fs::OpenOptions::new().create(true).append(true).open(path));
        opened.map(drop).map_err(|error| self.unwritable(error))
    }
}

impl<F: ReportFormat> ReportTarget<F> {
    /// Reads `FORMAT[=PATH]`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').map_or((text, None), |(name, path)| (name, Some(path)));
        let found = F::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format);
        let formats = || F::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let format = found.ok_or_else(|| format!("the formats are {}; write FORMAT or FORMAT=PATH", formats()))?;
        if path.is_some_and(str::is_empty) {
            return Err(format!("write {name}=PATH, or {name} alone for {}", Destination::of(format.default_path())));
        }
        Ok(Self::new(format, path))
    }

    /// A report of this format; where it goes by default when no path is told.
    pub fn new(format: F, path: Option<&str>) -> Self {
        Self { format, to: Destination::of(path.unwrap_or(format.default_path())) }
    }

    /// Writes the report.
    pub fn write(&self, document: &[u8]) -> Result<(), ReportError> {
        let written = match &self.to {
            Destination::File(path) => std::fs::write(path, document),
            Destination::Stdout => io::stdout().write_all(document).and_then(|()| io::stdout().flush()),
        };
        match written {
            // A reader that went away (`| head`) has what it wants.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| self.to.unwritable(error)),
        }
    }
}

/// Whether one of the reports goes to standard output, so that nothing else may.
pub(super) fn takes_stdout<F>(reports: &[ReportTarget<F>]) -> bool {
    reports.iter().any(|report| report.to == Destination::Stdout)
}

/// Finds out before the work is done that a report cannot be written, or that two would go to one place.
pub(super) fn check<F>(reports: &[ReportTarget<F>]) -> Result<(), ReportError> {
    for (index, report) in reports.iter().enumerate() {
        if reports[..index].iter().any(|other| other.to.is_same(&report.to)) {
            return Err(match &report.to {
                Destination::Stdout => ReportError::SharedStdout,
                to => ReportError::SharedFile(to.clone()),
            });
        }
        report.to.check_writable()?;
    }
    Ok(())
}

/// Whether two paths lead to one file, be it there or not.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    real(one) == real(other)
}

/// Whether a path leads to something in a folder.
pub(super) fn is_in(path: &Path, folder: &Path) -> bool {
    folder.canonicalize().is_ok_and(|folder| real(path).starts_with(folder))
}

/// A path without links and detours, be there a file or not.
fn real(path: &Path) -> PathBuf {
    let folder = folder_of(path).unwrap_or(Path::new("."));
    let in_folder = || Some(folder.canonicalize().ok()?.join(path.file_name()?));
    path.canonicalize().ok().or_else(in_folder).unwrap_or_else(|| path.to_owned())
}

fn folder_of(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Fruit {
        Apple,
        Plum,
    }

    impl ReportFormat for Fruit {
        const ALL: &'static [(&'static str, Self)] = &[("apple", Self::Apple), ("plum", Self::Plum)];

        fn default_path(self) -> &'static str {
            if self == Self::Apple { "reports/apple" } else { "-" }
        }
    }

    fn file(path: &str) -> Destination {
        Destination::File(path.into())
    }

    #[rstest]
    #[case("apple", Fruit::Apple, file("reports/apple"))]
    #[case("apple=a=b", Fruit::Apple, file("a=b"))]
    #[case("apple=-", Fruit::Apple, Destination::Stdout)]
    #[case("plum", Fruit::Plum, Destination::Stdout)]
    fn a_format_and_where_it_goes(#[case] text: &str, #[case] format: Fruit, #[case] to: Destination) {
        let target = ReportTarget::<Fruit>::parse(text).expect("it is a report");
        assert_eq!((target.format, target.to), (format, to));
    }

    #[rstest]
    #[case("pear", "the formats are apple, plum")]
    #[case("", "the formats are")]
    #[case("apple=", "write apple=PATH, or apple alone for reports/apple")]
    fn what_is_no_report_is_told(#[case] text: &str, #[case] told: &str) {
        let error = ReportTarget::<Fruit>::parse(text).expect_err("it is none");
        assert!(error.contains(told), "{error}");
    }

    #[rstest]
    #[case("plum=-", "apple=-")]
    #[case("plum=x", "apple=x")]
    #[case::by_another_way("plum=x", "apple=./x")]
    fn two_reports_have_two_places(#[case] one: &str, #[case] other: &str) {
        let folder = tempfile::tempdir().expect("a folder");
        let parse = |text: &str| {
            let mut target = ReportTarget::<Fruit>::parse(text).expect("it is a report");
            if let Destination::File(path) = &mut target.to {
                *path = folder.path().join(&*path);
            }
            target
        };
        assert!(check(&[parse(one), parse(other)]).is_err());
        assert!(check(&[parse(one), parse("apple=y")]).is_ok());
    }

    #[rstest]
    #[case::same("a", "a", true)]
    #[case::by_another_way("a", "./b/../a", true)]
    #[case::by_a_link("a", "link", true)]
    #[case::not_there_yet("new", "./b/../new", true)]
    #[case::others("a", "new", false)]
    #[case::of_another_folder("a", "b/a", false)]
    fn one_file_is_known_by_all_its_paths(#[case] one: &str, #[case] other: &str, #[case] same: bool) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("b")).unwrap();
        std::fs::write(folder.path().join("a"), "").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(folder.path().join("a"), folder.path().join("link")).unwrap();
        let at = |name: &str| -> PathBuf { folder.path().join(name) };
        assert_eq!(is_same(&at(one), &at(other)), same);
    }
}
