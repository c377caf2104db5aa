//! What is judged, and by what: suites, a part of their cases, a profile, a baseline.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::shard::{ShardArguments, ShardError};
use super::suites::{self, SuitesError};
use crate::baseline::{self, Baseline, BaselineError};
use crate::plan::{Part, Plan, Selection, plan};
use crate::profile::{self, Departure, Profile, ProfileError};
use crate::record::ShardRecord;
use crate::recorded_path::recorded;
use crate::rules::{Catalogue, CatalogueError};
use crate::suite::digest_of_all;

/// What is judged.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ChoiceArguments {
    /// Suite files, or folders of them; those built in when absent
    #[arg(value_name = "SUITE|DIR")]
    suites: Vec<PathBuf>,
    /// Only the cases whose id contains this text; may be repeated
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// The failures that are known (`ssecheck baseline` makes the file): only news fail then
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Fail, too, if what is known passes, fails otherwise or is mended, and on news of any level
    #[arg(long, requires = "baseline")]
    strict_baseline: bool,
    #[command(flatten)]
    shard: ShardArguments,
}

/// What is judged, read and checked.
pub(super) struct Choice {
    pub rules: Catalogue,
    pub profile: Arc<Profile>,
    pub baseline: Option<Arc<Baseline>>,
    pub plan: Plan,
    /// SHA-256 over the digests of all suites in their order, in hexadecimal.
    pub suites_digest: String,
    /// Whether it is all built-in cases.
    pub is_complete: bool,
    /// The part of the selected cases that it is, if not all.
    pub shard: Option<ShardRecord>,
    /// Why a run of these can certify nothing.
    pub limits: Vec<String>,
}

/// What is judged cannot be told.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChoiceError {
    #[error("{0}")]
    Suites(#[from] SuitesError),
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    #[error(transparent)]
    Shard(#[from] ShardError),
    #[error("no case of these suites is selected; `ssecheck list` shows what --only and --profile choose from")]
    NothingSelected,
}

impl ChoiceArguments {
    /// Reads all of it.
    pub fn load(&self, profile: &str) -> Result<Choice, ChoiceError> {
        self.load_part(profile, |plan| self.shard.part_of(plan))
    }

    fn load_part(
        &self,
        profile: &str,
        part_of: impl FnOnce(Plan) -> Result<(Plan, Option<(Part, String)>), ShardError>,
    ) -> Result<Choice, ChoiceError> {
        let (suites, rules) = suites::load(&self.suites)?;
        let profile = profile::find(profile, &rules, &suites)?;
        let baseline = match &self.baseline {
            Some(path) => Some(Arc::new(baseline::read(path, self.strict_baseline, &suites, &rules, &profile)?)),
            None => None,
        };
        let selection = Selection { profile: Arc::clone(&profile), only: self.only.clone() };
        let plan = plan(&suites, &selection);
        if plan.cases.is_empty() {
            return Err(ChoiceError::NothingSelected);
        }
        let is_all = self.suites.is_empty() && self.only.is_empty();
        let mut limits = self.limits(&profile);
        let (plan, part) = part_of(plan)?;
        let shard = part.map(|(part, run)| ShardRecord::of(&part, run, is_all));
        limits.extend(shard.as_ref().map(ShardRecord::limit));
        let (suites_digest, is_complete) = (digest_of_all(&suites), is_all && shard.is_none());
        Ok(Choice { rules, profile, baseline, plan, suites_digest, is_complete, shard, limits })
    }

    /// Chooses all built-in cases, whatever the environment says.
    pub fn all_built_in(profile: &str) -> Result<Choice, ChoiceError> {
        Self::default().load_part(profile, |plan| Ok((plan, None)))
    }

    /// The options that say what is judged, by the names of their flags.
    pub fn options(&self, choice: &Choice) -> BTreeMap<String, String> {
        let path = |path: &PathBuf| recorded(&path.display().to_string());
        let list = |texts: Vec<String>| (!texts.is_empty()).then(|| texts.join(", "));
        let shard = choice.shard.as_ref().map(|shard| format!("{}/{}", shard.shard, shard.shards));
        let options = [
            ("suites", list(self.suites.iter().map(path).collect())),
            ("only", list(self.only.clone())),
            ("baseline", self.baseline.as_ref().map(path)),
            ("strict-baseline", self.strict_baseline.then(|| "true".to_owned())),
            ("run-id", choice.shard.as_ref().and_then(|shard| shard.of_run.clone())),
            ("shard", shard),
        ];
        options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    fn limits(&self, profile: &Profile) -> Vec<String> {
        let mut limits = Vec::new();
        if !self.suites.is_empty() {
            let paths: Vec<String> = self.suites.iter().map(|path| recorded(&path.display().to_string())).collect();
            limits.push(format!("suites of the user's own were run: {}", paths.join(", ")));
        }
        if !self.only.is_empty() {
            limits.push(format!("only a part of the cases was run: --only {}", self.only.join(", ")));
        }
        if let Some(file) = &profile.file {
            limits.push(format!("the profile is the user's own: {}", recorded(file)));
        }
        if !profile.departures.is_empty() {
            let ids: Vec<&str> = profile.departures.iter().map(|departure| departure.id.as_str()).collect();
            limits.push(format!("profile {} declares departures: {}", profile.id, ids.join(", ")));
        }
        if let Some(baseline) = &self.baseline {
            limits.push(format!("failures are declared by a baseline: {}", recorded(&baseline.display().to_string())));
        }
        limits
    }
}

impl Choice {
    /// Says on standard error which departures of the profile were to be looked at again by now.
    pub fn tell_what_is_due(&self) {
        for Departure { id, review, .. } in self.profile.due(time::OffsetDateTime::now_utc().date()) {
            let profile = &self.profile.id;
            super::say(&format!(
                "ssecheck: departure `{id}` of profile {profile} was to be looked at again from {review}"
            ));
        }
    }
}
