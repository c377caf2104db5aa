//! Writes the ledger of a run.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::{Head, MAX_FILE, Made};

/// The ledger of a run that goes on. It stays on disk when this is dropped.
#[derive(Debug)]
pub struct Ledger {
    head: Head,
    path: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    /// Locked as long as it is open.
    file: File,
    /// How many bytes may still be written.
    left: u64,
    entries: HashSet<Made>,
    /// Nothing is written behind a line that is perhaps torn.
    is_broken: bool,
}

/// A ledger cannot be kept, so that nothing may be made.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It cannot be made.
    #[error("cannot make the ledger of the run in {}: {error}; choose another folder with --ledger DIR", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It cannot be written to.
    #[error("cannot write to the ledger {}: {error}; make room there, or choose another folder with --ledger DIR", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It cannot be removed.
    #[error("cannot remove the ledger {}: {error}; remove it yourself", path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl Ledger {
    /// A ledger in a folder, which is made where it is not there. Its first line is written, and the lock is held, before
    /// the file has its name.
    ///
    /// # Errors
    /// [`WriteError::Folder`].
    pub fn create(folder: &Path, head: Head) -> Result<Self, WriteError> {
        let cannot = |error| WriteError::Folder { folder: folder.to_owned(), error };
        make_folder(folder).map_err(cannot)?;
        let path = file_of(folder, &head.run);
        // Readable and writable by its owner only.
        let file = tempfile::Builder::new().prefix(".ledger-").append(true).tempfile_in(folder).map_err(cannot)?;
        file.as_file().try_lock().map_err(|error| cannot(error.into()))?;
        let mut open = Open {
            file: file.as_file().try_clone().map_err(cannot)?,
            left: MAX_FILE,
            entries: HashSet::new(),
            is_broken: false,
        };
        open.write(&head).map_err(cannot)?;
        file.persist_noclobber(&path).map_err(|error| cannot(error.error))?;
        Ok(Self { head, path, open: Mutex::new(open) })
    }

    /// Its first line.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Records a thing that is about to be made, unless it is recorded already. After an error nothing may be made, and
    /// nothing is recorded any more.
    ///
    /// # Errors
    /// [`WriteError::File`].
    pub fn record(&self, made: Made) -> Result<(), WriteError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.entries.contains(&made) {
            return Ok(());
        }
        open.write(&made).map_err(|error| WriteError::File { path: self.path.clone(), error })?;
        open.entries.insert(made);
        Ok(())
    }

    /// Leaves room for so many bytes more.
    #[cfg(test)]
    pub(crate) fn leave_room(&self, bytes: u64) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).left = bytes;
    }

    /// Removes the file: nothing of the run is left.
    ///
    /// # Errors
    /// [`WriteError::Remove`].
    pub fn remove(&self) -> Result<(), WriteError> {
        std::fs::remove_file(&self.path).map_err(|error| WriteError::Remove { path: self.path.clone(), error })
    }
}

impl Open {
    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        if self.is_broken {
            return Err(io::Error::other("a line could not be written before"));
        }
        self.is_broken = true;
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let left = self.left.checked_sub(text.len() as u64);
        self.left = left.ok_or_else(|| io::Error::new(io::ErrorKind::FileTooLarge, "it would be too large to read"))?;
        self.file.write_all(&text)?;
        self.is_broken = false;
        Ok(())
    }
}

/// The file of a run's ledger.
pub(super) fn file_of(folder: &Path, run: &super::RunId) -> PathBuf {
    folder.join(format!("{run}.jsonl"))
}

/// Makes a folder that is its owner's alone.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
