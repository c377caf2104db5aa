//! Where suite files and their fixtures come from: the binary, or the disk.

use std::path::{Component, Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::bounded;

static SUITES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/suites");
static KEYS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/keys");
static BODIES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/fixtures/bodies");

/// The largest suite file and the largest fixture that is read, in bytes.
pub const MAX_FILE: u64 = 64 * 1024 * 1024;

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

/// Where fixtures are read from.
#[derive(Debug, Clone)]
pub enum Fixtures {
    /// Those compiled into the binary.
    Embedded,
    /// A folder.
    Folder(PathBuf),
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
        let unreadable = |error| SourceError::Unreadable { path: path.clone(), error };
        if path.is_dir() {
            let mut files = Vec::new();
            for entry in std::fs::read_dir(path).map_err(unreadable)? {
                let file = entry.map_err(unreadable)?.path();
                if is_suite(&file) {
                    files.push(file);
                }
            }
            if files.is_empty() {
                return Err(SourceError::Empty(path.clone()));
            }
            files.sort();
            for file in files {
                sources.push(read(&file)?);
            }
        } else {
            sources.push(read(path)?);
        }
    }
    Ok(sources)
}

fn read(path: &Path) -> Result<SuiteSource, SourceError> {
    let unreadable = |error| SourceError::Unreadable { path: path.to_owned(), error };
    let text = bounded::read_text(path, MAX_FILE).map_err(unreadable)?;
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = folder.join("fixtures");
    let fixtures = if beside.is_dir() { beside } else { folder.join("../fixtures") };
    Ok(SuiteSource { name: path.display().to_string(), text, fixtures: Fixtures::Folder(fixtures) })
}

/// Files in `suites/` that are none: the rule catalogue and the record of what faults do.
const NO_SUITES: [&str; 2] = ["rules.json", "kill-matrix.json"];

/// Suites are the `*.json` files but for these and the schema.
fn is_suite(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    name.ends_with(".json") && !NO_SUITES.contains(&name) && !name.ends_with(".schema.json")
}

impl Fixtures {
    /// Reads a fixture.
    ///
    /// # Errors
    /// A sentence for people: the path leaves the fixtures folder, or the file cannot be read.
    pub fn read(&self, path: &str) -> Result<Vec<u8>, String> {
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
                bounded::read(&full, MAX_FILE).map_err(cannot)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("../secret")]
    #[case("/etc/passwd")]
    #[case("keys/../../x")]
    fn fixtures_stay_in_their_folder(#[case] path: &str) {
        assert!(Fixtures::Embedded.read(path).unwrap_err().contains("below"));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("fixtures")).unwrap();
        std::fs::write(dir.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(dir.path().join("secret"), dir.path().join("fixtures/link")).unwrap();
        let fixtures = Fixtures::Folder(dir.path().join("fixtures"));
        assert!(fixtures.read("link").unwrap_err().contains("leads out"));
    }
}
