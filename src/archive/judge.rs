//! Judges evidence again: no request is sent.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::manifest::{About, KeptFile, NotRun};
use super::read::{Archive, ArchiveError};
use super::requests;
use crate::baseline::Baseline;
use crate::plan::{Needed, Plan, PlannedCase};
use crate::profile::Profile;
use crate::runner::{CaseResult, ControlRun, ProbeRun, RunResult, Scene, StepsRun, Stopped};
use crate::suite::model::Step;
use crate::suite::{Case, Suite};
use crate::verdict::{Judgement, Transcript, Verdict};

/// The run that the evidence is of, judged by these cases, this profile and this baseline. A case that the evidence says
/// nothing of, or of which the suite now asks for something else, is skipped, and the run is not complete then.
///
/// # Errors
/// [`ArchiveError`] where a file cannot be read, was changed, or is no evidence.
pub fn judge(
    archive: &Archive,
    plan: Plan,
    profile: &Profile,
    baseline: Option<Arc<Baseline>>,
) -> Result<RunResult, ArchiveError> {
    let manifest = archive.manifest();
    let started = OffsetDateTime::parse(&manifest.started, &Rfc3339);
    let started = started.map_err(|error| archive.wrong("started", error))?;
    let elapsed =
        |member, seconds: f64| Duration::try_from_secs_f64(seconds).map_err(|error| archive.wrong(member, error));
    let seconds = elapsed("seconds", manifest.seconds)?;
    let ended = match &manifest.ended {
        Some(ended) => {
            SystemTime::from(OffsetDateTime::parse(ended, &Rfc3339).map_err(|error| archive.wrong("ended", error))?)
        }
        None => SystemTime::from(started)
            .checked_add(seconds)
            .ok_or_else(|| archive.wrong("seconds", "there is no such point in time"))?,
    };
    let mut judging = Judging { archive, profile, probes: HashMap::new(), shared: HashMap::new() };
    let mut cases = Vec::new();
    for planned in plan.cases {
        let seconds = archive.case(&planned.case.id).map_or(0.0, |kept| kept.seconds);
        let result = judging.case(planned)?.settled(profile, baseline.as_deref());
        cases.push(Arc::new(CaseResult { elapsed: elapsed("cases.seconds", seconds)?, ..result }));
    }
    let mut probes: Vec<Arc<ProbeRun>> = judging.probes.into_values().flatten().collect();
    probes.sort_by(|a, b| a.id.cmp(&b.id));
    let housekeeping = match &manifest.housekeeping {
        Some(kept) => archive.exchanges(kept)?.0,
        None => Vec::new(),
    };
    Ok(RunResult {
        id: manifest.run.clone(),
        bucket: manifest.bucket.clone(),
        buckets: manifest.buckets.clone(),
        prefix: manifest.prefix.clone(),
        peers: manifest.peers.clone(),
        started: started.into(),
        ended,
        elapsed: seconds,
        server: manifest.server.clone(),
        support: manifest.support,
        cases,
        throttling: manifest.throttling,
        sent_again: manifest.sent_again.clone(),
        has_all_housekeeping: manifest.all_kept,
        left_behind: manifest.left_behind.clone(),
        interrupted: manifest.interrupted,
        baseline,
        probes,
        housekeeping,
    })
}

struct Judging<'a> {
    archive: &'a Archive,
    profile: &'a Profile,
    /// Of each capability its probe, where the evidence has one that fits.
    probes: HashMap<String, Option<Arc<ProbeRun>>>,
    /// The files of controls that were read: several cases may name one.
    shared: HashMap<String, Read>,
}

/// What a HAR file holds.
#[derive(Clone)]
struct Read {
    transcript: Arc<Transcript>,
    requests: String,
    stopped: Option<Stopped>,
}

impl<'a> Judging<'a> {
    fn case(&mut self, planned: PlannedCase) -> Result<CaseResult, ArchiveError> {
        let Some(kept) = self.archive.case(&planned.case.id) else {
            return Ok(skipped(planned, "the evidence has nothing of it: it was not in the run".to_owned(), true));
        };
        let asks_otherwise = "the suite asks for something else now than the evidence is of: run again";
        if let Some(NotRun { reason, incomplete, requests }) = &kept.not_run {
            // Why a case was left out says nothing of one that asks for something else.
            let is_same = *requests == requests::digest(&planned.suite, planned.case.bucket, &planned.case.steps);
            let (reason, incomplete) = if is_same { (reason.as_str(), *incomplete) } else { (asks_otherwise, true) };
            return Ok(skipped(planned, reason.to_owned(), incomplete));
        }
        for needed in planned.needs.clone() {
            let Some(probe) = self.probe(&needed)? else {
                let reason = format!("the evidence has no probe of `{}` as it is made now: run again", needed.id());
                return Ok(skipped(planned, reason, true));
            };
            if let Some(result) = CaseResult::lacking(&planned, &needed, &probe) {
                return Ok(result);
            }
        }
        for option in planned.options.clone() {
            // It is told with the others; no verdict rests on it.
            self.probe(&option)?;
        }
        let own = match &kept.own {
            Some(own) => self.steps(own, self.scene(&planned.suite, &planned.case, false), &planned.case.steps)?,
            None => None,
        };
        let Some(own) = own else { return Ok(skipped(planned, asks_otherwise.to_owned(), true)) };
        let mut controls = Vec::new();
        for control in planned.controls.iter().filter(|_| own.stopped.is_none() || !kept.controls.is_empty()) {
            let run = match kept.controls.iter().find(|kept| kept.step == control.step) {
                Some(kept) => {
                    let steps = planned.steps_of(control);
                    self.steps(&kept.kept, self.scene(&planned.suite, &planned.case, true), &steps)?
                }
                None => None,
            };
            let Some(run) = run else { return Ok(skipped(planned, asks_otherwise.to_owned(), true)) };
            controls.push(ControlRun { step: control.step.clone(), identity: control.identity.clone(), run });
        }
        let result = CaseResult::concluded(planned, own, controls);
        let judgement = result.judgement.clone().of_attempts(&kept.attempts);
        Ok(CaseResult { judgement, attempts: kept.attempts.clone(), ..result })
    }

    fn scene<'s>(&self, suite: &'s Suite, case: &'s Case, control: bool) -> Scene<'s>
    where
        'a: 's,
    {
        Scene { suite, case, control, profile: &self.profile.id }
    }

    fn probe(&mut self, needed: &Needed) -> Result<Option<Arc<ProbeRun>>, ArchiveError> {
        if let Some(probe) = self.probes.get(needed.id()) {
            return Ok(probe.clone());
        }
        let case = &needed.capability.probe;
        let run = match self.archive.probe(needed.id()) {
            Some(kept) => self.steps(&kept.kept, self.scene(&needed.suite, case, false), &case.steps)?,
            None => None,
        };
        let probe = run.map(|run| Arc::new(ProbeRun { id: needed.id().to_owned(), level: needed.level(), run }));
        self.probes.insert(needed.id().to_owned(), probe.clone());
        Ok(probe)
    }

    /// Steps judged by the exchanges that are kept of them; none where those are of other requests.
    fn steps(
        &mut self,
        kept: &KeptFile,
        scene: Scene<'_>,
        steps: &[Arc<Step>],
    ) -> Result<Option<StepsRun>, ArchiveError> {
        let Read { transcript, requests, stopped } = match self.shared.get(&kept.file) {
            Some(read) => read.clone(),
            None => {
                let (exchanges, About { facts, requests, stopped, .. }) = self.archive.exchanges(kept)?;
                let read = Read { transcript: Arc::new(Transcript { exchanges, facts }), requests, stopped };
                if scene.control {
                    self.shared.insert(kept.file.clone(), read.clone());
                }
                read
            }
        };
        let is_same = requests == requests::digest(scene.suite, scene.case.bucket, steps);
        Ok(is_same.then(|| scene.judged(steps, transcript, stopped)))
    }
}

fn skipped(planned: PlannedCase, reason: String, incomplete: bool) -> CaseResult {
    let judgement = Judgement::new(Verdict::Skipped, reason, Vec::new());
    CaseResult { incomplete, ..CaseResult::of(planned, judgement) }
}
