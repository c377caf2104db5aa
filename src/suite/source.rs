//! Where suite files and their fixtures come from: the binary, or the disk.

use std::path::{Component, Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::limits::{MAX_SUITE, MAX_SUITES};
use crate::bounded;

static SUITES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/suites");
static KEYS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/keys");
static BODIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/bodies");

/// A suite's text, and where its fixtures are.
#[derive(Debug, Clone)]
pub struct SuiteSource {
    /// The file's name as messages show it.
    pub name: String,
    /// The file's text.
    pub text: String,
    /// Where its fixtures are.
    pub fixtures: Fixtures,
}

impl SuiteSource {
    /// Whether it is, to the byte, a suite that is compiled in.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        let file = self.name.strip_prefix("suites/").and_then(|name| SUITES.get_file(name));
        matches!(self.fixtures, Fixtures::Embedded) && file.is_some_and(|file| file.contents() == self.text.as_bytes())
    }
}

/// Where fixtures are read from.
#[derive(Debug, Clone)]
pub enum Fixtures {
    /// Those compiled into the binary.
    Embedded,
    /// A folder, as it is found.
    Folder(PathBuf),
    /// There is none, for this reason.
    Missing(String),
}

/// A suite file or folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file or folder is not there, not readable, or larger than any suite.
    #[error("cannot read {path}: {error}; give the path of a suite file, or of a folder that holds some")]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A folder holds what looks like a suite, and is no file, or is a link to somewhere else.
    #[error("{0} is no regular file in its folder; a folder's suites are files in it: name others one by one")]
    NoFile(PathBuf),
    /// The folder holds too many.
    #[error("{0} holds more than {MAX_SUITES} suites; name some of them")]
    TooMany(PathBuf),
    /// The folder holds no suite.
    #[error("{0} holds no suite (*.json); leave the path out to run the suites built in")]
    Empty(PathBuf),
}

/// The suites compiled into the binary, by file name.
#[must_use]
pub fn embedded() -> Vec<SuiteSource> {
    let mut sources: Vec<_> = SUITES
        .files()
        .filter(|file| is_suite(file.path()))
        .filter_map(|file| {
            Some(SuiteSource {
                name: format!("suites/{}", file.path().display()),
                text: file.contents_utf8()?.to_owned(),
                fixtures: Fixtures::Embedded,
            })
        })
        .collect();
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    sources
}

/// The suites of files and folders; a folder stands for the `*.json` suites in it.
///
/// # Errors
/// [`SourceError`] where a path cannot be read or holds no suite.
pub fn from_paths(paths: &[PathBuf]) -> Result<Vec<SuiteSource>, SourceError> {
    let mut sources = Vec::new();
    for path in paths {
        if path.is_dir() {
            for file in listed(path)? {
                sources.push(read(&file)?);
            }
        } else {
            sources.push(read(path)?);
        }
    }
    Ok(sources)
}

/// The suites in a folder, which may be a stranger's: files, or links to files, in the folder itself.
fn listed(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let unreadable = |error| SourceError::Unreadable { path: folder.to_owned(), error };
    let root = folder.canonicalize().map_err(unreadable)?;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if !is_suite(&file) {
            continue;
        }
        let within = file.canonicalize().is_ok_and(|full| full.starts_with(&root) && full.is_file());
        if !within {
            return Err(SourceError::NoFile(file));
        }
        files.push(file);
        if files.len() > MAX_SUITES {
            return Err(SourceError::TooMany(folder.to_owned()));
        }
    }
    if files.is_empty() {
        return Err(SourceError::Empty(folder.to_owned()));
    }
    files.sort();
    Ok(files)
}

/// Reads a regular file that the user named.
fn read(path: &Path) -> Result<SuiteSource, SourceError> {
    let unreadable = |error| SourceError::Unreadable { path: path.to_owned(), error };
    let text = bounded::read_text(path, MAX_SUITE).map_err(unreadable)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(SuiteSource { name: path.display().to_string(), text, fixtures: Fixtures::beside(folder) })
}

/// Files in `suites/` that are none: the rule catalogue and the record of what faults do.
const NO_SUITES: [&str; 2] = ["rules.json", "kill-matrix.json"];

/// Suites are the `*.json` files but for these and the schema.
fn is_suite(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    name.ends_with(".json") && !NO_SUITES.contains(&name) && !name.ends_with(".schema.json")
}

impl Fixtures {
    /// Those of the suites in a folder: `fixtures/` in it, or, of a folder that is called `suites`, beside it. Not a link
    /// that leads elsewhere: whoever wrote the suite may have made it.
    fn beside(folder: &Path) -> Self {
        let missing = |error: std::io::Error| Self::Missing(format!("cannot read {}: {error}", folder.display()));
        let root = match folder.canonicalize() {
            Ok(root) => root,
            Err(error) => return missing(error),
        };
        let above = root.parent().filter(|_| root.file_name().is_some_and(|name| name == "suites"));
        for root in std::iter::once(root.as_path()).chain(above) {
            let fixtures = root.join("fixtures");
            if fixtures.is_dir() {
                return match fixtures.canonicalize() {
                    Ok(full) if full.starts_with(root) => Self::Folder(full),
                    Ok(_) => {
                        Self::Missing(format!("{} is a link that leads out of {}", fixtures.display(), root.display()))
                    }
                    Err(error) => missing(error),
                };
            }
        }
        let beside = above.map(|above| format!(" and none in {}", above.display())).unwrap_or_default();
        Self::Missing(format!("there is no folder `fixtures` in {}{beside}", root.display()))
    }

    /// Reads a fixture of at most `limit` bytes.
    ///
    /// # Errors
    /// A sentence for people: the path leaves the fixtures folder, or the file cannot be read, or is larger.
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>, String> {
        let relative = Path::new(path);
        if relative.components().any(|c| !matches!(c, Component::Normal(_))) {
            return Err(format!(
                "`{path}` is not a path below `fixtures/`; write it without `..` and without `/` in front"
            ));
        }
        match self {
            Self::Embedded => {
                let (folder, rest) = path.split_once('/').unwrap_or((path, ""));
                let dir = match folder {
                    "keys" => &KEYS,
                    "bodies" => &BODIES,
                    _ => return Err(format!("there is no fixture `{path}`")),
                };
                let file = dir.get_file(rest).ok_or_else(|| format!("there is no fixture `{path}`"))?;
                Ok(file.contents().to_vec())
            }
            Self::Folder(root) => {
                let cannot = |error| format!("cannot read fixture `{path}` in {}: {error}", root.display());
                let root_path = root.canonicalize().map_err(cannot)?;
                let full = root.join(relative).canonicalize().map_err(cannot)?;
                if !full.starts_with(&root_path) {
                    return Err(format!("`{path}` leads out of {}; fixtures stay in their folder", root.display()));
                }
                if !full.metadata().map_err(cannot)?.is_file() {
                    return Err(format!("fixture `{path}` is no regular file"));
                }
                bounded::read(&full, limit).map_err(cannot)
            }
            Self::Missing(why) => Err(format!("cannot read fixture `{path}`: {why}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::MAX_FIXTURE;
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("../secret")]
    #[case("/etc/passwd")]
    #[case("keys/../../x")]
    fn fixtures_stay_in_their_folder(#[case] path: &str) {
        assert!(Fixtures::Embedded.read(path, MAX_FIXTURE).unwrap_err().contains("below"));
    }

    /// A folder with these files, below one that is not its own.
    #[cfg(unix)]
    struct Folders(tempfile::TempDir);

    #[cfg(unix)]
    impl Folders {
        fn new() -> Self {
            let folders = Self(tempfile::tempdir().unwrap());
            folders.write("secret", "a secret").write("other/secret.json", "[\"a secret\"]").write("own/x.json", "{}");
            folders
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self, name: &str, text: &str) -> &Self {
            std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
            std::fs::write(self.path(name), text).unwrap();
            self
        }

        fn link(&self, name: &str, to: &str) -> &Self {
            std::os::unix::fs::symlink(self.path(to), self.path(name)).unwrap();
            self
        }

        fn pipe(&self, name: &str) -> &Self {
            assert!(std::process::Command::new("mkfifo").arg(self.path(name)).status().unwrap().success());
            self
        }

        /// The fixtures of this suite.
        fn fixtures(&self, suite: &str) -> Fixtures {
            read(&self.path(suite)).unwrap().fixtures
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_fixture_is_a_file_in_its_folder() {
        let folders = Folders::new();
        folders.write("own/fixtures/keys/good", "good");
        folders.link("own/fixtures/link", "secret").link("own/fixtures/folder", "other").pipe("own/fixtures/pipe");
        folders.link("own/fixtures/inside", "own/fixtures/keys/good");
        std::os::unix::fs::symlink("/dev/zero", folders.path("own/fixtures/device")).unwrap();
        let fixtures = folders.fixtures("own/x.json");
        let told = |path| fixtures.read(path, MAX_FIXTURE).expect_err(path);
        assert!(told("link").contains("leads out"));
        assert!(told("folder/secret.json").contains("leads out"));
        assert!(told("device").contains("leads out"));
        assert!(told("pipe").contains("no regular file"));
        assert!(told("keys").contains("no regular file"));
        assert!(!told("link").contains("a secret"));
        assert_eq!(fixtures.read("keys/good", MAX_FIXTURE).unwrap(), b"good");
        assert_eq!(fixtures.read("inside", MAX_FIXTURE).unwrap(), b"good");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_of_fixtures_that_leads_elsewhere_is_none() {
        let folders = Folders::new();
        folders.link("own/fixtures", "other");
        let told = folders.fixtures("own/x.json").read("secret.json", MAX_FIXTURE).unwrap_err();
        assert!(told.contains("is a link that leads out of"), "{told}");
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_above_is_that_of_suites_alone() {
        let folders = Folders::new();
        folders.write("fixtures/f", "mine").write("suites/x.json", "{}");
        let told = folders.fixtures("own/x.json").read("f", MAX_FIXTURE).unwrap_err();
        assert!(told.contains("there is no folder `fixtures`"), "{told}");
        assert_eq!(folders.fixtures("suites/x.json").read("f", MAX_FIXTURE).unwrap(), b"mine");
    }

    #[cfg(unix)]
    #[rstest]
    #[case::pipe(|folders: &Folders| { folders.pipe("own/y.json"); })]
    #[case::link_to_a_file_elsewhere(|folders: &Folders| { folders.link("own/y.json", "other/secret.json"); })]
    #[case::device(|folders: &Folders| { std::os::unix::fs::symlink("/dev/zero", folders.path("own/y.json")).unwrap(); })]
    #[case::folder(|folders: &Folders| { folders.write("own/y.json/z", ""); })]
    fn a_suite_of_a_folder_is_a_file_in_it(#[case] make: fn(&Folders)) {
        let folders = Folders::new();
        make(&folders);
        let error = from_paths(&[folders.path("own")]).unwrap_err();
        assert!(matches!(&error, SourceError::NoFile(file) if file.ends_with("y.json")), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_within_a_folder_of_suites_is_taken() {
        let folders = Folders::new();
        folders.link("own/y.json", "own/x.json");
        assert_eq!(from_paths(&[folders.path("own")]).unwrap().len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_that_was_named_is_refused() {
        let error = from_paths(&[PathBuf::from("/dev/zero")]).unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
    }
}
