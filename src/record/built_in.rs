//! What this ssecheck has built in, for records and certificates to be checked against.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::circumstances::Circumstances;
use super::model::{ClaimedCase, ProfileRecord, SuiteRecord, is_declared_absent};
use crate::plan::{PlannedCase, Selection, plan};
use crate::profile::{self, ProfileError};
use crate::rules::Catalogue;
use crate::suite::model::{BucketKind, Certification, Level};
use crate::suite::{Suite, digest_of_all};
use crate::verdict::Verdict;

/// The most cases that are named where several contradict the suites alike.
const MOST_NAMED: usize = 5;

/// The built-in suites, rules and one of the profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltIn {
    /// SHA-256 over the digests of all suites, in hexadecimal.
    pub suites_digest: String,
    /// SHA-256 of the rule catalogue, in hexadecimal.
    pub rules_digest: String,
    /// The profile; `None` if none of this id is built in.
    pub profile: Option<BuiltInProfile>,
}

/// A built-in profile, and what a complete run by it consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltInProfile {
    /// SHA-256 of all that it says, in hexadecimal.
    pub digest: String,
    /// Whether it declares deviations.
    pub departs: bool,
    /// The suites that have cases for it.
    pub suites: Vec<SuiteRecord>,
    /// SHA-256 of the ids of all its cases ([`Plan::digest`](crate::plan::Plan::digest)).
    pub plan_digest: String,
    /// All its cases, in the order of the plan.
    pub cases: Vec<BuiltInCase>,
}

/// A case as the suites and the profile define it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltInCase {
    /// `suite/scenario[row]`.
    pub id: String,
    /// Its requirement.
    pub level: Level,
    /// The lowest certification level that requires it.
    pub certification: Certification,
    /// The capabilities that it needs, each with the lowest level that requires it.
    pub needs: BTreeMap<String, Certification>,
    /// Whether any step goes to the plain-HTTP listener.
    pub needs_plain_endpoint: bool,
    /// The kind of bucket that it runs in.
    pub bucket: BucketKind,
}

/// What decides which cases a run may leave out.
#[derive(Debug, Clone, Copy)]
pub struct LeavesOut {
    /// Whether the service is declared to take no request without TLS.
    pub plain_endpoint: bool,
    /// Whether the tester gave a bucket, so that the run makes none.
    pub own_buckets: bool,
    /// Whether the run is limited: then it may leave out whatever it likes.
    pub anything: bool,
}

impl LeavesOut {
    /// Reads it off what is said of a run.
    #[must_use]
    pub fn of(plain_endpoint: &str, circumstances: Option<&Circumstances>, is_limited: bool) -> Self {
        Self {
            plain_endpoint: is_declared_absent(plain_endpoint),
            own_buckets: circumstances.is_some_and(|it| it.settings.contains_key("bucket")),
            anything: is_limited,
        }
    }
}

impl BuiltInProfile {
    /// Names the cases that are not as the suites define them, that name a missing capability they do not use, or that were left out
    /// without need. Unknown cases are passed over.
    #[must_use]
    pub fn contradicted_by<'a>(
        &self,
        claims: impl Iterator<Item = ClaimedCase<'a>> + Clone,
        leaves_out: LeavesOut,
    ) -> Vec<String> {
        let known: BTreeMap<&str, &BuiltInCase> = self.cases.iter().map(|case| (case.id.as_str(), case)).collect();
        let is_as_defined = |case: &ClaimedCase<'_>, of: &BuiltInCase| {
            let has_own_bucket = of.bucket == BucketKind::Own;
            (case.level, case.certification, case.has_own_bucket) == (of.level, of.certification, has_own_bucket)
        };
        let lacks_what_it_needs = |case: &ClaimedCase<'_>, of: &BuiltInCase| match case.missing {
            Some(missing) => of.needs.get(&missing.capability) == Some(&missing.level),
            None => case.verdict != Verdict::NotSupported,
        };
        let may_be_left_out = |case: &ClaimedCase<'_>, of: &BuiltInCase| {
            case.verdict != Verdict::Skipped
                || case.incomplete
                || (of.needs_plain_endpoint && leaves_out.plain_endpoint)
                || (case.has_own_bucket && leaves_out.own_buckets)
                || leaves_out.anything
        };
        let named = |what: &str, holds: &dyn Fn(&ClaimedCase<'_>, &BuiltInCase) -> bool| {
            let pairs = claims.clone().filter_map(|case| Some((case, *known.get(case.id)?)));
            let cases: Vec<&str> = pairs.filter(|(case, of)| !holds(case, of)).map(|(case, _)| case.id).collect();
            let more = if cases.len() > MOST_NAMED { ", …" } else { "" };
            let shown = cases.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
            (!cases.is_empty()).then(|| format!("{what} ({}): {shown}{more}", cases.len()))
        };
        let contradictions = [
            named(
                "it has cases with another requirement, certification level or bucket than the suites",
                &is_as_defined,
            ),
            named(
                "it has cases that are not supported for want of something that they do not need",
                &lacks_what_it_needs,
            ),
            named("it has cases that were left out without need", &may_be_left_out),
        ];
        contradictions.into_iter().flatten().collect()
    }
}

impl BuiltInCase {
    fn of(planned: &PlannedCase) -> Self {
        Self {
            id: planned.case.id.clone(),
            level: planned.case.level,
            certification: planned.certification(),
            needs: planned.needs.iter().map(|needed| (needed.id().to_owned(), needed.level())).collect(),
            needs_plain_endpoint: planned.needs_plain_endpoint(),
            bucket: planned.case.bucket,
        }
    }
}

impl BuiltIn {
    /// Describes what is built in, as far as it is of the profile of this id. `suites` are the built-in ones.
    ///
    /// # Errors
    /// [`ProfileError`] where a built-in profile is malformed; a test holds that none is.
    pub fn of(profile: &str, suites: &[Arc<Suite>], rules: &Catalogue) -> Result<Self, ProfileError> {
        let found = profile::embedded(rules)?.into_iter().find(|known| known.id == profile);
        let profile = found.map(|profile| {
            let (digest, departs) = (ProfileRecord::of(&profile).digest, !profile.departures.is_empty());
            let plan = plan(suites, &Selection { profile: Arc::new(profile), only: Vec::new() });
            let has_cases = |suite: &&Arc<Suite>| plan.cases.iter().any(|case| case.suite.id == suite.id);
            BuiltInProfile {
                digest,
                departs,
                suites: suites.iter().filter(has_cases).map(|suite| SuiteRecord::of(suite)).collect(),
                plan_digest: plan.digest(),
                cases: plan.cases.iter().map(BuiltInCase::of).collect(),
            }
        });
        Ok(Self { suites_digest: digest_of_all(suites), rules_digest: rules.digest().to_owned(), profile })
    }

    /// The profile, if suites, rules and profile of these digests are the built-in ones.
    #[must_use]
    pub fn profile_if_same(&self, suites: &str, rules: &str, profile: &str) -> Option<&BuiltInProfile> {
        let is_same = self.suites_digest == suites && self.rules_digest == rules;
        self.profile.as_ref().filter(|built_in| is_same && built_in.digest == profile)
    }
}
