//! Which cases a fault can make a difference to: those of which a request gives it an occasion.
//!
//! Each case is run by itself, with all that it needs, against an endpoint that notes where it would depart from a rule. Against a fault
//! that it gave no occasion every one of its requests is answered as by the endpoint without faults, and so it comes out alike.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::runs::{ProveError, SCENARIO_TIMEOUT};
use crate::embedded;
use crate::faults::{Fault, Faults, Occasions};
use crate::plan::{Plan, PlannedCase};
use crate::profile::Profile;
use crate::runner::{self, PrepareError, RunError, Session};
use crate::suite::model::BucketKind;

/// Ids of cases, each with the ids of the faults that it gives an occasion.
pub(super) struct Coverage(BTreeMap<String, BTreeSet<&'static str>>);

impl Coverage {
    /// Of these cases and faults, as the cases are run under a profile; by so many endpoints at the same time.
    pub async fn of(
        plan: Plan,
        faults: &[&'static Fault],
        profile: &Arc<Profile>,
        jobs: usize,
        cancelled: &CancellationToken,
    ) -> Result<Self, ProveError> {
        let left = Arc::new(std::sync::Mutex::new(plan.cases));
        let mut workers = JoinSet::new();
        for _ in 0..jobs {
            let (left, profile, cancelled) = (Arc::clone(&left), Arc::clone(profile), cancelled.clone());
            let faults = faults.to_vec();
            workers.spawn(async move {
                let next = || left.lock().unwrap_or_else(std::sync::PoisonError::into_inner).pop();
                cover(next, &faults, &profile, &cancelled).await
            });
        }
        let mut covered = BTreeMap::new();
        while let Some(of_worker) = workers.join_next().await {
            covered.extend(of_worker.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?);
        }
        Ok(Self(covered))
    }

    /// Whether a fault can make a difference to a case; it is taken to, where nothing is known of the case.
    pub fn reaches(&self, fault: &Fault, case: &str) -> bool {
        !fault.is_steady() || self.0.get(case).is_none_or(|faults| faults.contains(fault.id))
    }
}

async fn cover(
    next: impl Fn() -> Option<PlannedCase>,
    faults: &[&'static Fault],
    profile: &Arc<Profile>,
    cancelled: &CancellationToken,
) -> Result<BTreeMap<String, BTreeSet<&'static str>>, ProveError> {
    let occasions = Occasions::of(faults);
    let faults = Faults::noting(&occasions);
    let (endpoint, client) = embedded::faulty(faults).await?;
    let mut covered = BTreeMap::new();
    while let Some(planned) = next() {
        let id = planned.case.id.clone();
        let plan = Plan { cases: vec![planned] };
        let kinds = plan.bucket_kinds();
        let options = runner::Options::of_embedded(Arc::clone(profile), SCENARIO_TIMEOUT);
        let (events, _) = mpsc::unbounded_channel();
        let _of_others = occasions.take();
        let session = match Session::begin(&kinds, client.clone(), options, cancelled.clone()).await {
            Ok(session) => session,
            Err(RunError { cause: PrepareError::Interrupted, .. }) => return Err(ProveError::Interrupted),
            // Without an endpoint there is nothing to say of it.
            Err(_) => continue,
        };
        // A run is prepared under the fault whatever its cases are. What comes of it matters to those alone that need a bucket of a
        // kind that cannot always be had.
        let mut given = occasions.take();
        if kinds.iter().all(|kind| *kind == BucketKind::Plain) {
            given.clear();
        }
        let cases = session.cases(plan, &events).await;
        // What is removed afterwards changes no verdict.
        given.extend(occasions.take());
        match session.end(cases).await {
            Ok(run) if !run.interrupted => covered.insert(id, given),
            _ => return Err(ProveError::Interrupted),
        };
    }
    endpoint.stop().await;
    Ok(covered)
}
