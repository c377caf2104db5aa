//! Which faults of the reference endpoint are found by exploration alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::expect::OBSERVED;
use super::search::{Divergence, ExploreError, Explored, Options, bucket_kinds, explore};
use crate::embedded::{self, EmbeddedError};
use crate::faults::{Fault, Faults};
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
            None => {
                format!("{id}: not found in {} sequences; unconfirmed {:?}", explored.sequences, explored.unconfirmed)
            }
        }
    }
}

/// The table of what was found, as Markdown.
#[must_use]
pub fn measured_as_markdown(all: &[Measured], options: &Options) -> String {
    let found: Vec<(&Measured, &Explored, &Divergence)> = all
        .iter()
        .filter(|measured| measured.is_accused_rightly())
        .filter_map(|measured| {
            let explored = measured.outcome.as_ref().ok()?;
            Some((measured, explored, explored.divergence.as_ref()?))
        })
        .collect();
    let mut text = format!(
        "# What exploration finds\n\n\
        `ssecheck explore --all-faults --seconds {} --seed {} --level {}`: each fault of the catalogue by itself, with nothing to go by but \
        the model. {} of {} were found, and a rule accused that the fault breaks.\n\n\
        | fault | rule accused | requests | sequences until then | seconds |\n\
        | --- | --- | --- | --- | --- |\n",
        options.time.as_secs(),
        options.seed,
        options.level.as_str(),
        found.len(),
        all.len()
    );
    for (measured, explored, divergence) in &found {
        let (id, rule, requests) = (measured.fault.id, &divergence.rule, divergence.requests);
        let (sequences, seconds) = (explored.sequences, explored.elapsed.as_secs_f64());
        let _ = writeln!(text, "| `{id}` | `{rule}` | {requests} | {sequences} | {seconds:.1} |");
    }
    let mut missed: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for measured in all.iter().filter(|measured| !measured.is_accused_rightly()) {
        missed.entry(measured.why_not()).or_default().push(measured.fault.id);
    }
    let _ = writeln!(text, "\nThe others, and why they were not:\n\n| why | faults |\n| --- | --- |");
    for (why, faults) in missed {
        let faults: Vec<String> = faults.iter().map(|id| format!("`{id}`")).collect();
        let _ = writeln!(text, "| {why} | {} |", faults.join(", "));
    }
    text.truncate(text.trim_end().len());
    text
}

/// What sequences never do, by a rule that only that could show broken.
const NEVER_DONE: &[(&[&str], &str)] = &[
    (&["form-upload", "form-encrypts", "form-policy-lists"], "browser forms are no part of the model"),
    (
        &["policy-requires", "policy-forbids", "blocked-writes", "blocked-reads", "blocked-plain", "block-undone"],
        "a bucket is shared by all sequences: none changes its settings",
    ),
    (&["object-key-any"], "objects are called `a` and `b`: no key needs escaping"),
    (&["key-is-standard-base64"], "one fresh key in four looks the same in URL-safe base64: nothing can be claimed"),
    (&["checksum-default"], "the rule is of level may"),
    (&OBSERVED, "the rule is observed, and nothing is required"),
    (&["concurrent-writes-consistent"], "requests of a sequence come one after the other"),
];

impl Measured {
    /// Why the fault was not found.
    fn why_not(&self) -> String {
        if self.outcome.is_err() {
            return "the endpoint refuses every write under a customer key: it cannot be tested at all".to_owned();
        }
        if self.fault.profile != "portable" {
            return "it departs from AWS's own wording, and only the rules of every S3 are modelled".to_owned();
        }
        if self.fault.breaks.is_empty() {
            return "what is answered with 503 is throttling, and no verdict".to_owned();
        }
        // These break rules that other requests can break, too.
        match self.fault.id {
            "form-without-tls-taken" | "refused-form-stored" => {
                return "browser forms are no part of the model".to_owned();
            }
            "combined-headers-taken" => return "no header has two values in one line".to_owned(),
            _ => {}
        }
        let is_never = |(rules, _): &&(&[&str], &str)| self.fault.breaks.iter().any(|rule| rules.contains(rule));
        if let Some((_, why)) = NEVER_DONE.iter().find(is_never) {
            return (*why).to_owned();
        }
        let divergence = self.outcome.as_ref().ok().and_then(|explored| explored.divergence.as_ref());
        match divergence {
            Some(found) => format!("something was found, and `{}` accused, which it does not break", found.rule),
            None => "it takes several requests that seldom come together: not in that time".to_owned(),
        }
    }
}

/// For a case with its controls, against an endpoint on the same machine.
const SCENARIO_TIMEOUT: Duration = Duration::from_secs(60);

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
    let (endpoint, client) = embedded::faulty(faults).await?;
    let of_run = runner::Options {
        keeps_all: true,
        ..runner::Options::of_embedded(Arc::clone(&options.profile), SCENARIO_TIMEOUT)
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
