//! The ledgers in a folder.

use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::read::{ReadError, Recorded, parse};
use super::write::{WriteError, file_of};
use super::{Damage, MAX_FILE, RunId};
use crate::bounded;

/// The ledger of a run, found in a folder.
#[derive(Debug)]
pub struct Found {
    /// What it says.
    pub recorded: Recorded,
    /// Whether its run still goes on, or another sweep removes what it left behind.
    pub is_running: bool,
    path: PathBuf,
    /// Locked, unless it is running.
    _file: File,
}

impl Found {
    /// Removes the file: nothing of the run is left.
    ///
    /// # Errors
    /// [`WriteError::Remove`].
    pub fn remove(self) -> Result<(), WriteError> {
        std::fs::remove_file(&self.path).map_err(|error| WriteError::Remove { path: self.path, error })
    }
}

/// The ids of the runs whose ledgers are in a folder, sorted; none where there is no such folder.
///
/// # Errors
/// [`ReadError::Unreadable`].
pub fn runs(folder: &Path) -> Result<Vec<RunId>, ReadError> {
    let unreadable = |error| ReadError::Unreadable { path: folder.to_owned(), error };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let mut runs = Vec::new();
    for entry in entries {
        let name = entry.map_err(unreadable)?.file_name();
        let id = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
        runs.extend(id.and_then(|id| id.parse::<RunId>().ok()));
    }
    runs.sort();
    Ok(runs)
}

/// Reads the ledger of a run, and holds the lock on it unless the run does.
///
/// # Errors
/// [`ReadError`].
pub fn open(folder: &Path, run: &RunId) -> Result<Found, ReadError> {
    let path = file_of(folder, run);
    let unreadable = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => ReadError::NotThere { run: run.clone(), folder: folder.to_owned() },
        _ => ReadError::Unreadable { path: path.clone(), error },
    };
    // To open what is no file (a pipe) may take for ever.
    if !std::fs::metadata(&path).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::new(ErrorKind::InvalidInput, "it is no file")));
    }
    // Network file systems lock nothing that is opened for reading only.
    let file = File::options().read(true).write(true).open(&path).map_err(unreadable)?;
    let is_running = match file.try_lock() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(error)) => return Err(unreadable(error)),
    };
    let text = bounded::read(&path, MAX_FILE).map_err(unreadable)?;
    let damaged = |damage| ReadError::Damaged { path: path.clone(), damage };
    let recorded = parse(&text).map_err(damaged)?;
    if recorded.head.run != *run {
        return Err(damaged(Damage { line: 1, why: format!("it is of run {}, and not of {run}", recorded.head.run) }));
    }
    Ok(Found { recorded, is_running, path, _file: file })
}
