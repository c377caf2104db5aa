//! Which faults of the reference endpoint are found by exploration alone.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::search::{ExploreError, Explored, Options, bucket_kinds, explore};
use crate::embedded::{self, EmbeddedError, Reach};
use crate::reference;
use crate::reference::faults::{Fault, Faults};
use crate::rules::Catalogue;
use crate::runner::{self, RunError, Session};
use crate::suite::Suite;

/// A fault, and what came of exploring the endpoint that has it.
#[derive(Debug)]
pub struct Measured {
    /// The fault.
    pub fault: &'static Fault,
    /// What came of it; why nothing could, where the endpoint cannot be tested at all.
    pub outcome: Result<Explored, String>,
}

/// A fault cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// No endpoint.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// It cannot be explored.
    #[error(transparent)]
    Explore(#[from] ExploreError),
}

impl Measured {
    /// Whether the rule that is accused is one that the fault breaks.
    #[must_use]
    pub fn is_accused_rightly(&self) -> bool {
        let divergence = self.outcome.as_ref().ok().and_then(|explored| explored.divergence.as_ref());
        divergence.is_some_and(|found| self.fault.breaks.contains(&found.rule.as_str()))
    }
}

impl Measured {
    /// What came of it, in a line.
    #[must_use]
    pub fn in_a_line(&self) -> String {
        let id = self.fault.id;
        let explored = match &self.outcome {
            Ok(explored) => explored,
            Err(why) => return format!("{id}: cannot be tested: {}", why.lines().next().unwrap_or_default()),
        };
        let seconds = explored.elapsed.as_secs_f64();
        match &explored.divergence {
            Some(found) => {
                let rightly = if self.is_accused_rightly() { "" } else { ", which it does not break" };
                let (rule, requests, sequences) = (&found.rule, found.requests, explored.sequences);
                format!("{id}: {rule}{rightly}, {requests} requests, after {sequences} sequences and {seconds:.1} s")
            }
            None => format!("{id}: not found in {} sequences; unconfirmed {:?}", explored.sequences, explored.unconfirmed),
        }
    }
}

/// The table of what was found, as Markdown.
#[must_use]
pub fn measured_as_markdown(all: &[Measured], options: &Options) -> String {
    let _ = options;
    all.iter().map(Measured::in_a_line).collect::<Vec<_>>().join("\n")
}

/// Explores the embedded endpoint with a fault.
///
/// # Errors
/// [`MeasureError`].
pub async fn measure(
    fault: Option<&'static Fault>,
    rules: &Catalogue,
    capabilities: &[Arc<Suite>],
    options: Options,
    cancelled: CancellationToken,
) -> Result<Result<Explored, String>, MeasureError> {
    let faults = Faults::of(&fault.into_iter().collect::<Vec<_>>());
    let (endpoint, client) =
        embedded::start(reference::Options { faults, ..Default::default() }, Reach::default()).await?;
    let of_run = runner::Options {
        bucket: None,
        prefix: "ssecheck/".to_owned(),
        jobs: 8,
        scenario_timeout: Duration::from_secs(60),
        profile: Arc::clone(&options.profile),
        baseline: None,
        allow_ssec: false,
        no_plain_listener: false,
        ledger: None,
    };
    let outcome = match Session::begin(&bucket_kinds(), client, of_run, cancelled).await {
        Ok(session) => {
            let explored = explore(&session, rules, capabilities, options, |_| {}).await;
            // The endpoint and all that is in it go in a moment.
            drop(session);
            Ok(explored?)
        }
        Err(RunError { cause, .. }) => Err(cause.to_string()),
    };
    endpoint.stop().await;
    Ok(outcome)
}
