//! Reads evidence that was kept. It may come from a stranger: nothing outside its folder is read.

use std::collections::HashMap;
use std::io::{Error, ErrorKind};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::manifest::{About, FILE, FORMAT, KeptCase, KeptFile, KeptProbe, Manifest};
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

#[derive(Deserialize)]
struct Head {
    format: String,
}

/// A regular file of a folder that may be a stranger's.
fn whole(path: &Path, most: u64) -> Result<Vec<u8>, ArchiveError> {
    let unreadable = |error| ArchiveError::Unreadable { path: path.to_owned(), error };
    // A pipe would never end.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(unreadable(Error::new(ErrorKind::InvalidInput, "it is no file")));
    }
    bounded::read(path, most).map_err(unreadable)
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
        if head.format != FORMAT {
            return Err(ArchiveError::Format { path, found: head.format });
        }
        let manifest: Manifest = serde_json::from_slice(&text).map_err(malformed)?;
        let cases = manifest.cases.iter().map(|case| (case.id.clone(), case.clone())).collect();
        let probes = manifest.probes.iter().map(|probe| (probe.capability.clone(), probe.clone())).collect();
        let digest = hex::encode(Sha256::digest(&text));
        Ok(Self { folder: folder.to_owned(), manifest, digest, cases, probes })
    }

    /// What was run.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 of the manifest, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What is kept of a case.
    pub(super) fn case(&self, id: &str) -> Option<&KeptCase> {
        self.cases.get(id)
    }

    /// What is kept of the probe of a capability.
    pub(super) fn probe(&self, capability: &str) -> Option<&KeptProbe> {
        self.probes.get(capability)
    }

    /// A HAR file's exchanges, and what it says of them.
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
        from_har(&text).map_err(|error| ArchiveError::Har { path, error })
    }

    pub(super) fn wrong(&self, member: &'static str, why: impl std::fmt::Display) -> ArchiveError {
        ArchiveError::Value { path: self.folder.join(FILE), member, why: why.to_string() }
    }
}
