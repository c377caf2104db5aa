//! Judges evidence again: no request is sent.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::manifest::{KeptFile, NotRun};
use super::read::{Archive, ArchiveError};
use super::requests;
use crate::baseline::Baseline;
use crate::plan::{Needed, Plan, PlannedCase};
use crate::profile::Profile;
use crate::runner::{CaseResult, ControlRun, ProbeRun, RunResult, Scene, StepsRun, lacking};
use crate::suite::Suite;
use crate::suite::model::{BucketKind, Step};
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
    let mut judging = Judging { archive, profile, probes: HashMap::new(), controls: HashMap::new() };
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
        started: started.into(),
        elapsed: elapsed("seconds", manifest.seconds)?,
        server: manifest.server.clone(),
        cases,
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
    /// By the control's identity.
    controls: HashMap<String, Option<Arc<ControlRun>>>,
}

/// What is asked for, of which there may be evidence.
#[derive(Clone, Copy)]
struct Asked<'s> {
    scene: Scene<'s>,
    bucket: BucketKind,
    steps: &'s [Step],
}

impl Judging<'_> {
    fn case(&mut self, planned: PlannedCase) -> Result<CaseResult, ArchiveError> {
        let Some(kept) = self.archive.case(&planned.case.id) else {
            return Ok(skipped(planned, "the evidence has nothing of it: it was not in the run".to_owned(), true));
        };
        if let Some(NotRun { reason, incomplete }) = &kept.not_run {
            return Ok(skipped(planned, reason.clone(), *incomplete));
        }
        for needed in planned.needs.clone() {
            let Some(probe) = self.probe(&needed)? else {
                let reason = format!("the evidence has no probe of `{}` as it is made now: run again", needed.id());
                return Ok(skipped(planned, reason, true));
            };
            if let Some(judgement) = lacking(&needed, &probe) {
                return Ok(CaseResult { missing: Some(probe), ..CaseResult::of(planned, judgement) });
            }
        }
        let asks_otherwise = "the suite asks for something else now than the evidence is of: run again";
        let own = match &kept.own {
            Some(own) => self.steps(own, self.asked(&planned.suite, &planned, &planned.case.steps, false))?,
            None => None,
        };
        let Some(own) = own else { return Ok(skipped(planned, asks_otherwise.to_owned(), true)) };
        let mut controls = Vec::new();
        for control in planned.controls.iter().filter(|_| own.stopped.is_none() || !kept.controls.is_empty()) {
            let kept = kept.controls.iter().find(|kept| kept.step == control.step);
            let run = match (self.controls.get(&control.identity), kept) {
                (Some(run), _) => run.clone(),
                (None, None) => None,
                (None, Some(kept)) => {
                    let asked = self.asked(&planned.suite, &planned, &control.steps, true);
                    let (step, identity) = (control.step.clone(), control.identity.clone());
                    let run = self.steps(&kept.kept, asked)?;
                    run.map(|run| Arc::new(ControlRun { step, identity, run }))
                }
            };
            self.controls.insert(control.identity.clone(), run.clone());
            let Some(run) = run else { return Ok(skipped(planned, asks_otherwise.to_owned(), true)) };
            controls.push(run);
        }
        Ok(CaseResult::concluded(planned, own, controls))
    }

    fn asked<'s>(&self, suite: &'s Suite, planned: &'s PlannedCase, steps: &'s [Step], control: bool) -> Asked<'s>
    where
        Self: 's,
    {
        let scene = Scene { suite, case: &planned.case, control, profile: &self.profile.id };
        Asked { scene, bucket: planned.case.bucket, steps }
    }

    fn probe(&mut self, needed: &Needed) -> Result<Option<Arc<ProbeRun>>, ArchiveError> {
        if let Some(probe) = self.probes.get(needed.id()) {
            return Ok(probe.clone());
        }
        let case = &needed.capability.probe;
        let scene = Scene { suite: &needed.suite, case, control: false, profile: &self.profile.id };
        let asked = Asked { scene, bucket: case.bucket, steps: &case.steps };
        let run = match self.archive.probe(needed.id()) {
            Some(kept) => self.steps(&kept.kept, asked)?,
            None => None,
        };
        let probe = run.map(|run| Arc::new(ProbeRun { id: needed.id().to_owned(), level: needed.level(), run }));
        self.probes.insert(needed.id().to_owned(), probe.clone());
        Ok(probe)
    }

    /// Steps judged by the exchanges that are kept of them; none where those are of other requests.
    fn steps(&self, kept: &KeptFile, asked: Asked<'_>) -> Result<Option<StepsRun>, ArchiveError> {
        let (exchanges, about) = self.archive.exchanges(kept)?;
        if about.requests != requests::digest(asked.scene.suite, asked.bucket, asked.steps) {
            return Ok(None);
        }
        let transcript = Transcript { exchanges, facts: about.facts };
        Ok(Some(asked.scene.judged(asked.steps, transcript, about.stopped)))
    }
}

fn skipped(planned: PlannedCase, reason: String, incomplete: bool) -> CaseResult {
    let judgement = Judgement::new(Verdict::Skipped, reason, Vec::new());
    CaseResult { incomplete, ..CaseResult::of(planned, judgement) }
}
