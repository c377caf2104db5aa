//! What this ssecheck has built in, for certificates to be compared with.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::statement::Resource;
use crate::plan::{Selection, plan};
use crate::profile::{self, ProfileError};
use crate::record::ProfileRecord;
use crate::rules::Catalogue;
use crate::suite::{Suite, digest_of_all};

/// The built-in suites, rules and one of the profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltIn {
    /// SHA-256 over the digests of all suites, in hexadecimal.
    pub suites_digest: String,
    /// SHA-256 of the rule catalogue, in hexadecimal.
    pub rules_digest: String,
    /// The profile; none where none of this id is built in.
    pub profile: Option<BuiltInProfile>,
}

/// A built-in profile, and what a complete run by it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltInProfile {
    /// SHA-256 of all that it says, in hexadecimal.
    pub digest: String,
    /// Whether it declares departures.
    pub departs: bool,
    /// The suites that have cases for it.
    pub suites: Vec<Resource>,
    /// Ids of all its cases.
    pub cases: BTreeSet<String>,
}

impl BuiltIn {
    /// What is built in, as far as it is of the profile of this id. The suites are the built-in ones.
    ///
    /// # Errors
    /// [`ProfileError`] where a built-in profile is off; a test holds them right.
    pub fn of(profile: &str, suites: &[Arc<Suite>], rules: &Catalogue) -> Result<Self, ProfileError> {
        let found = profile::embedded(rules)?.into_iter().find(|known| known.id == profile);
        let profile = found.map(|profile| {
            let (digest, departs) = (ProfileRecord::of(&profile).digest, !profile.departures.is_empty());
            let planned = plan(suites, &Selection { profile: Arc::new(profile), only: Vec::new() }).cases;
            let run = |suite: &&Arc<Suite>| planned.iter().any(|case| case.suite.id == suite.id);
            let of_suites = suites.iter().filter(run);
            BuiltInProfile {
                digest,
                departs,
                suites: of_suites.map(|suite| Resource::digested(suite.file.clone(), &suite.digest)).collect(),
                cases: planned.into_iter().map(|planned| planned.case.id.clone()).collect(),
            }
        });
        Ok(Self { suites_digest: digest_of_all(suites), rules_digest: rules.digest().to_owned(), profile })
    }
}
