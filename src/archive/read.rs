//! Reads evidence that was kept. It may come from a stranger: nothing outside its folder is read.

use std::collections::{BTreeMap, HashMap};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::binding::{Binding, Contradiction, named};
use super::manifest::{About, FILE, FOLDERS, FORMAT, FORMER_FORMAT, KeptCase, KeptFile, KeptProbe, Manifest};
use crate::bounded;
use crate::evidence::{Exchange, HarError, from_har};

/// The largest manifest that is read, in bytes.
const MAX_MANIFEST: u64 = 64 * 1024 * 1024;
/// The largest HAR file that is read, in bytes.
const MAX_HAR: u64 = 256 * 1024 * 1024;

/// Evidence cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A file cannot be read.
    #[error("cannot read the evidence {}: {error}; `ssecheck run --evidence DIR` keeps that of a run", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The manifest is none.
    #[error("{} says nothing of evidence: {error}; `ssecheck run --evidence DIR` writes it", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why; tells line and column.
        error: serde_json::Error,
    },
    /// It is of another format.
    #[error("{} is `{found}`, and this ssecheck reads `{FORMAT}`; use the version that wrote it, or run again", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it says that it is.
        found: String,
    },
    /// The manifest names a file outside its folder.
    #[error("{} names the file `{file}`, which is outside its folder: it is not as ssecheck wrote it", path.display())]
    Outside {
        /// The manifest.
        path: PathBuf,
        /// What it names.
        file: String,
    },
    /// A file is not what it was when it was kept.
    #[error("{} was changed after it was kept: its SHA-256 is not that of the manifest", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A file is no evidence.
    #[error("{}: {error}", path.display())]
    Har {
        /// The file.
        path: PathBuf,
        /// Why.
        error: HarError,
    },
    /// The manifest contradicts itself.
    #[error("{}: {contradiction}; it is not as ssecheck wrote it: run again with `--evidence DIR`", path.display())]
    Contradictory {
        /// The manifest.
        path: PathBuf,
        /// How.
        contradiction: Contradiction,
    },
    /// A file is not of the run that the manifest tells of.
    #[error(
        "{}{}: {contradiction}; it is not of the run that {FILE} tells of: judge each run in its own folder, as it was kept",
        path.display(), entry_in_words(entry.as_ref())
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The number of the exchange in it, from 1, and the id of its step; `None` where it is the file as a whole.
        entry: Option<(usize, String)>,
        /// How.
        contradiction: Contradiction,
    },
    /// There is a file that the manifest does not name.
    #[error("{} is no evidence of this run: {FILE} does not name it; remove it, or check another copy", path.display())]
    Stray {
        /// The file or folder.
        path: PathBuf,
    },
    /// A value of the manifest makes no sense.
    #[error("{}: `{member}`: {why}", path.display())]
    Value {
        /// The manifest.
        path: PathBuf,
        /// The member.
        member: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

fn entry_in_words(entry: Option<&(usize, String)>) -> String {
    entry.map(|(number, step)| format!(", exchange {number} (step `{}`)", step.escape_debug())).unwrap_or_default()
}

#[derive(Deserialize)]
struct Head {
    format: String,
}

/// A regular file of a folder that may be a stranger's.
fn whole(path: &Path, most: u64) -> Result<Vec<u8>, ArchiveError> {
    bounded::read(path, most).map_err(|error| ArchiveError::Unreadable { path: path.to_owned(), error })
}

/// A folder of evidence.
#[derive(Debug)]
pub struct Archive {
    folder: PathBuf,
    manifest: Manifest,
    /// SHA-256 of the manifest, in hexadecimal.
    digest: String,
    cases: HashMap<String, KeptCase>,
    probes: HashMap<String, KeptProbe>,
    /// What exchanges must agree with; `None` for the former format, which does not tell.
    binding: Option<Binding>,
}

/// What is known of evidence of which every file was read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceSummary {
    /// SHA-256 of the manifest, in hexadecimal.
    pub digest: String,
    /// How many HAR files there are.
    pub files: usize,
    /// How many exchanges are in them.
    pub exchanges: usize,
    /// Whether the exchanges are bound to the manifest and nothing was left out: every verdict of the run can be given again.
    pub is_complete: bool,
}

impl Archive {
    /// Opens a folder; its HAR files are read when they are asked for.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn open(folder: &Path) -> Result<Self, ArchiveError> {
        let path = folder.join(FILE);
        let text = whole(&path, MAX_MANIFEST)?;
        let malformed = |error| ArchiveError::Malformed { path: path.clone(), error };
        let head: Head = serde_json::from_slice(&text).map_err(malformed)?;
        if ![FORMAT, FORMER_FORMAT].contains(&head.format.as_str()) {
            return Err(ArchiveError::Format { path, found: head.format });
        }
        let manifest: Manifest = serde_json::from_slice(&text).map_err(malformed)?;
        let binding = if manifest.format == FORMER_FORMAT {
            None
        } else {
            let contradictory = |contradiction| ArchiveError::Contradictory { path: path.clone(), contradiction };
            Some(Binding::of(&manifest).map_err(contradictory)?)
        };
        let cases = manifest.cases.iter().map(|case| (case.id.clone(), case.clone())).collect();
        let probes = manifest.probes.iter().map(|probe| (probe.capability.clone(), probe.clone())).collect();
        let digest = hex::encode(Sha256::digest(&text));
        Ok(Self { folder: folder.to_owned(), manifest, digest, cases, probes, binding })
    }

    /// What was run.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Why the evidence can certify nothing, or less than it seems.
    #[must_use]
    pub fn limits(&self) -> Vec<String> {
        let limits = [
            self.binding.is_none().then_some("the evidence is of an older format and is not bound to its endpoint"),
            self.manifest.peers.more.then_some("the endpoint had more peers than the evidence lists"),
        ];
        limits.into_iter().flatten().map(str::to_owned).collect()
    }

    /// SHA-256 of the manifest, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Reads and checks every file that the manifest names, and that there is no other.
    ///
    /// # Errors
    /// [`ArchiveError`] where a file cannot be read, was changed, is not of this run, or is not named.
    pub fn check(&self) -> Result<EvidenceSummary, ArchiveError> {
        let files: BTreeMap<&str, &KeptFile> =
            named(&self.manifest).map(|(kept, _)| (kept.file.as_str(), kept)).collect();
        let mut exchanges = 0;
        for kept in files.values() {
            exchanges += self.exchanges(kept)?.0.len();
        }
        self.no_strays("", &files)?;
        let is_complete = self.binding.is_some() && self.manifest.all_kept;
        Ok(EvidenceSummary { digest: self.digest.clone(), files: files.len(), exchanges, is_complete })
    }

    /// Checks that a folder of the evidence, named with `/` at its end unless it is the whole, has no other files than these.
    fn no_strays(&self, folder: &str, files: &BTreeMap<&str, &KeptFile>) -> Result<(), ArchiveError> {
        let path = self.folder.join(folder);
        let unreadable = |error| ArchiveError::Unreadable { path: path.clone(), error };
        for entry in std::fs::read_dir(&path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = format!("{folder}{}", entry.file_name().to_string_lossy());
            let is_folder = entry.file_type().map_err(unreadable)?.is_dir();
            if is_folder && folder.is_empty() && FOLDERS.contains(&name.as_str()) {
                self.no_strays(&format!("{name}/"), files)?;
            } else if name != FILE && !files.contains_key(name.as_str()) {
                return Err(ArchiveError::Stray { path: entry.path() });
            }
        }
        Ok(())
    }

    /// What is kept of a case.
    pub(super) fn case(&self, id: &str) -> Option<&KeptCase> {
        self.cases.get(id)
    }

    /// What is kept of the probe of a capability.
    pub(super) fn probe(&self, capability: &str) -> Option<&KeptProbe> {
        self.probes.get(capability)
    }

    /// A HAR file's exchanges, and what it says of them, checked against the manifest.
    pub(super) fn exchanges(&self, kept: &KeptFile) -> Result<(Vec<Exchange>, About), ArchiveError> {
        let relative = Path::new(&kept.file);
        let path = self.folder.join(relative);
        let outside = || ArchiveError::Outside { path: self.folder.join(FILE), file: kept.file.clone() };
        if !relative.components().all(|component| matches!(component, Component::Normal(_))) {
            return Err(outside());
        }
        let unreadable = |error| ArchiveError::Unreadable { path: path.clone(), error };
        // A link could lead anywhere.
        let real = path.canonicalize().map_err(unreadable)?;
        if !real.starts_with(self.folder.canonicalize().map_err(unreadable)?) {
            return Err(outside());
        }
        let text = whole(&path, MAX_HAR)?;
        if hex::encode(Sha256::digest(&text)) != kept.sha256 {
            return Err(ArchiveError::Changed { path });
        }
        let read = from_har(&text).map_err(|error| ArchiveError::Har { path: path.clone(), error });
        let (exchanges, about): (Vec<Exchange>, About) = read?;
        if let Some(binding) = &self.binding {
            let foreign = |entry, contradiction| ArchiveError::Foreign { path: path.clone(), entry, contradiction };
            binding.file(&kept.file, &about).map_err(|contradiction| foreign(None, contradiction))?;
            for (index, exchange) in exchanges.iter().enumerate() {
                let entry = || Some((index + 1, exchange.step.clone()));
                binding.exchange(&kept.file, exchange).map_err(|contradiction| foreign(entry(), contradiction))?;
            }
        }
        Ok((exchanges, about))
    }

    pub(super) fn wrong(&self, member: &'static str, why: impl std::fmt::Display) -> ArchiveError {
        ArchiveError::Value { path: self.folder.join(FILE), member, why: why.to_string() }
    }
}
