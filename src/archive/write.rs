//! Keeps the evidence of a run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::manifest::{About, FILE, FOLDERS, FORMAT, KeptCase, KeptControl, KeptFile, KeptProbe, Manifest, NotRun};
use super::requests;
use crate::evidence::{Exchange, to_har};
use crate::profile::Profile;
use crate::record::{Context, ProfileRecord, rfc3339};
use crate::runner::{CaseResult, RunResult, StepsRun};

/// The most bytes of evidence that are kept unless told: 1 GiB.
pub const DEFAULT_LIMIT: u64 = 1024 * 1024 * 1024;

/// The most characters of a case's id that stand in the name of its file.
const MAX_NAME: usize = 80;

/// Evidence cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The folder has something in it.
    #[error("the folder {} is not empty; move it away, or give --evidence a new one", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// Something cannot be written.
    #[error("cannot write the evidence {}: {error}; choose another folder with --evidence", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// Evidence that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// SHA-256 of its manifest, in hexadecimal.
    pub sha256: String,
    /// Whether every exchange of the run is in it.
    pub is_complete: bool,
}

/// A folder that is to hold the evidence of a run.
#[derive(Debug)]
pub struct Keeper {
    folder: PathBuf,
    /// How many bytes may still be written.
    left: u64,
    /// Whether a file was not written for that.
    has_left_out: bool,
    /// Whether the folder was made for this.
    is_new: bool,
    /// Whether evidence is in it: else it goes in the end.
    has_evidence: bool,
}

/// Removes the folders that were made for a run that was not made.
impl Drop for Keeper {
    fn drop(&mut self) {
        if self.has_evidence {
            return;
        }
        // What is not empty stays.
        FOLDERS.iter().for_each(|name| _ = std::fs::remove_dir(self.folder.join(name)));
        if self.is_new {
            let _ = std::fs::remove_dir(&self.folder);
        }
    }
}

impl Keeper {
    /// A keeper of at most so many bytes, with the folder made; it is known then that it can be written to.
    ///
    /// # Errors
    /// [`KeepError`].
    pub fn new(folder: &Path, limit: u64) -> Result<Self, KeepError> {
        let unwritable = |error| KeepError::Unwritable { path: folder.to_owned(), error };
        let is_new = !folder.exists();
        std::fs::create_dir_all(folder).map_err(unwritable)?;
        if std::fs::read_dir(folder).map_err(unwritable)?.next().is_some() {
            return Err(KeepError::NotEmpty { path: folder.to_owned() });
        }
        let keeper = Self { folder: folder.to_owned(), left: limit, has_left_out: false, is_new, has_evidence: false };
        for name in FOLDERS {
            let path = folder.join(name);
            std::fs::create_dir(&path).map_err(|error| KeepError::Unwritable { path, error })?;
        }
        Ok(keeper)
    }

    /// Keeps the evidence of a run.
    ///
    /// # Errors
    /// [`KeepError`].
    pub fn keep(mut self, run: &RunResult, profile: &Profile, context: &Context) -> Result<Kept, KeepError> {
        self.has_evidence = true;
        let probes = self.probes(run)?;
        let mut controls = HashMap::new();
        let mut cases = Vec::new();
        for case in &run.cases {
            cases.push(self.case(cases.len() + 1, case, &mut controls)?);
        }
        let about = About { of: "housekeeping".to_owned(), ..About::default() };
        let housekeeping = self.har("housekeeping.har".to_owned(), &run.housekeeping, &about)?;
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            ssecheck: env!("CARGO_PKG_VERSION").to_owned(),
            run: run.id.clone(),
            started: rfc3339(run.started),
            ended: Some(rfc3339(run.ended)),
            seconds: run.elapsed.as_secs_f64(),
            interrupted: run.interrupted,
            endpoint: context.endpoint.clone(),
            plain_endpoint: context.plain_endpoint.clone(),
            embedded: context.is_embedded,
            peers: run.peers.clone(),
            circumstances: context.circumstances.clone(),
            server: run.server.clone(),
            support: run.support,
            label: context.label.clone(),
            bucket: run.bucket.clone(),
            buckets: run.buckets.clone(),
            prefix: run.prefix.clone(),
            profile: ProfileRecord::of(profile),
            complete: context.is_complete,
            limits: context.limits.clone(),
            suites_digest: context.suite_digest.clone(),
            throttling: run.throttling,
            sent_again: run.sent_again.clone(),
            all_kept: !self.has_left_out && run.has_all_housekeeping,
            left_behind: run.left_behind.clone(),
            cases,
            probes,
            housekeeping,
        };
        let mut text = serde_json::to_vec_pretty(&manifest).map_err(|error| self.unwritable(FILE, error.into()))?;
        text.push(b'\n');
        std::fs::write(self.folder.join(FILE), &text).map_err(|error| self.unwritable(FILE, error))?;
        Ok(Kept { sha256: hex::encode(Sha256::digest(&text)), is_complete: manifest.all_kept })
    }

    fn probes(&mut self, run: &RunResult) -> Result<Vec<KeptProbe>, KeepError> {
        let mut probes = Vec::new();
        for probe in &run.probes {
            let needed = run.cases.iter().flat_map(|case| case.planned.probed()).find(|needed| needed.id() == probe.id);
            let Some(needed) = needed else { continue };
            let case = &needed.capability.probe;
            let asked = requests::digest(&needed.suite, case.bucket, &case.steps);
            let about = About::of(format!("probe {}", probe.id), asked, &probe.run);
            let name = format!("probes/{}.har", safe(&probe.id));
            if let Some(kept) = self.har(name, &probe.run.transcript.exchanges, &about)? {
                probes.push(KeptProbe { capability: probe.id.clone(), kept });
            }
        }
        Ok(probes)
    }

    /// `controls` holds those that are kept, by their identity.
    fn case<'r>(
        &mut self,
        number: usize,
        result: &'r CaseResult,
        controls: &mut HashMap<&'r str, KeptFile>,
    ) -> Result<KeptCase, KeepError> {
        let (suite, case) = (&result.planned.suite, &result.planned.case);
        let mut kept = KeptCase {
            id: case.id.clone(),
            seconds: result.elapsed.as_secs_f64(),
            not_run: None,
            attempts: result.attempts.clone(),
            own: None,
            lacks: None,
            controls: Vec::new(),
        };
        let requests = requests::digest(suite, case.bucket, &case.steps);
        let Some(own) = &result.own else {
            // What lacks a capability is judged by the probe.
            let (reason, incomplete) = (result.judgement.reason.clone(), result.incomplete);
            kept.lacks = result.missing.as_ref().map(|probe| probe.id.clone());
            kept.not_run = result.missing.is_none().then_some(NotRun { reason, incomplete, requests });
            return Ok(kept);
        };
        let about = About::of(case.id.clone(), requests.clone(), own);
        let name = format!("cases/{number:04}-{}.har", safe(&case.id));
        kept.own = self.har(name, &own.transcript.exchanges, &about)?;
        for (control, planned) in result.controls.iter().zip(&result.planned.controls) {
            if !controls.contains_key(control.identity.as_str()) {
                let asked = requests::digest(suite, case.bucket, &result.planned.steps_of(planned));
                let about = About::of(format!("{}, control of step {}", case.id, control.step), asked, &control.run);
                let name = format!("controls/{:04}-{}.har", controls.len() + 1, safe(&case.id));
                if let Some(file) = self.har(name, &control.run.transcript.exchanges, &about)? {
                    controls.insert(&control.identity, file);
                }
            }
            let file = controls.get(control.identity.as_str());
            kept.controls.extend(file.map(|file| KeptControl { step: control.step.clone(), kept: file.clone() }));
        }
        if kept.own.is_none() || kept.controls.len() < result.controls.len() {
            let reason = "its evidence was not kept: that would have been over --evidence-limit".to_owned();
            let not_run = Some(NotRun { reason, incomplete: true, requests });
            return Ok(KeptCase { not_run, attempts: Vec::new(), own: None, controls: Vec::new(), ..kept });
        }
        Ok(kept)
    }

    /// Writes a HAR file, unless that would be more than is to be kept.
    fn har(&mut self, file: String, exchanges: &[Exchange], about: &About) -> Result<Option<KeptFile>, KeepError> {
        let text = to_har(exchanges, about).map_err(|error| self.unwritable(&file, error.into()))?;
        let Some(left) = self.left.checked_sub(text.len() as u64) else {
            self.has_left_out = true;
            return Ok(None);
        };
        self.left = left;
        std::fs::write(self.folder.join(&file), &text).map_err(|error| self.unwritable(&file, error))?;
        Ok(Some(KeptFile { file, sha256: hex::encode(Sha256::digest(&text)) }))
    }

    fn unwritable(&self, file: &str, error: std::io::Error) -> KeepError {
        KeepError::Unwritable { path: self.folder.join(file), error }
    }
}

impl About {
    fn of(of: String, requests: String, run: &StepsRun) -> Self {
        Self { of, requests, facts: run.transcript.facts.clone(), stopped: run.stopped.clone() }
    }
}

/// An id as a part of a file's name.
fn safe(id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    id.chars().take(MAX_NAME).map(safe).collect::<String>().trim_end_matches('_').to_owned()
}
