//! What an auditor expects of a certificate, and where it falls short.

use time::{Duration, OffsetDateTime};
use url::Url;

use super::examine::{Examination, expiry, started};
use super::facts::Facts;
use super::open::Certificate;
use super::statement::TestResult;
use crate::suite::model::Certification;

/// What an auditor expects of a certificate.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// The lowest certification level that it must attest; any will do where none is expected.
    pub level: Option<Certification>,
    /// The address of the endpoint that it must be of.
    pub endpoint: Option<Url>,
    /// SHA-256 of the files of certificate authorities that the auditor trusts to vouch for that address, in hexadecimal.
    pub authorities: Vec<String>,
    /// The label that it must have.
    pub label: Option<String>,
    /// The id of the profile that it must be judged by.
    pub profile: Option<String>,
    /// The most days since the run started.
    pub max_age: Option<u32>,
    /// Whether a case that is warned is too many.
    pub no_warnings: bool,
    /// Whether a certificate of ssecheck's own reference endpoint will do.
    pub reference: bool,
    /// Whether a certificate that was made with other suites, rules or another profile than those built in will do.
    pub any_suites: bool,
}

impl Expectations {
    /// Names where a certificate falls short of these expectations at a time; empty where it is a full certificate.
    #[must_use]
    pub fn shortfalls(&self, certificate: &Certificate, examination: &Examination, now: OffsetDateTime) -> Vec<String> {
        let (predicate, facts) = (&certificate.predicate, &certificate.predicate.ssecheck);
        let mut shortfalls = Vec::new();
        if !examination.problems.is_empty() {
            let with = "with itself, with the clock, with the record, with the evidence or with what is built in";
            shortfalls.push(format!("it does not agree {with}"));
        }
        if !examination.others.is_empty() && !self.any_suites {
            let (others, made, this) = (examination.others.join(", "), &facts.version, env!("CARGO_PKG_VERSION"));
            shortfalls.push(format!(
                "it was made with other {others}, by ssecheck {made}, and this is ssecheck {this}; verify it with the \
                 version that made it, or accept that with --any-suites"
            ));
        }
        if facts.is_limited() {
            shortfalls.push("the run is limited".to_owned());
        }
        if predicate.result == TestResult::Failed {
            shortfalls.push("its result is FAILED".to_owned());
        }
        let level = self.level.unwrap_or_default();
        if facts.attained < Some(level) {
            shortfalls.push(format!("the level {} is not attested", level.as_str()));
        }
        if facts.is_of_the_reference() && !self.reference {
            let accept = "--reference accepts that";
            shortfalls.push(format!("it is of ssecheck's own reference endpoint, and of no product; {accept}"));
        }
        shortfalls.extend(expiry(facts).filter(|expires| *expires < now).map(|_| match &facts.expires {
            Some(expires) => format!("it ended on {expires}"),
            None => "it ended 365 days after the run, as certificates of its format do".to_owned(),
        }));
        if let Some(profile) = self.profile.as_ref().filter(|profile| **profile != facts.profile.id) {
            let its = &facts.profile.id;
            shortfalls.push(format!("it is judged by the profile {its}, and {profile} was expected (--profile)"));
        }
        shortfalls.extend(self.age(facts, now));
        shortfalls.extend(self.identity(facts));
        let warned = predicate.warned_tests.len();
        if self.no_warnings && warned > 0 {
            let cases = if warned == 1 { "1 case is".to_owned() } else { format!("{warned} cases are") };
            shortfalls.push(format!("{cases} warned (--no-warnings)"));
        }
        shortfalls
    }

    fn age(&self, facts: &Facts, now: OffsetDateTime) -> Option<String> {
        let most = self.max_age?;
        let is_older = started(facts)?.checked_add(Duration::days(most.into())).is_some_and(|end| end < now);
        let started = &facts.started;
        is_older.then(|| format!("the run started on {started}, more than {most} days ago (--max-age)"))
    }

    /// Names where it is of something else than is expected, or where only the tester says that it is of that.
    fn identity(&self, facts: &Facts) -> Vec<String> {
        let mut shortfalls = Vec::new();
        if let Some(label) = &self.label
            && facts.label.as_ref() != Some(label)
        {
            let its = facts.label.as_ref().map_or("no label".to_owned(), |its| format!("`{its}`"));
            shortfalls.push(format!("it is labelled otherwise: `{label}` was expected (--label), and it has {its}"));
        }
        let Some(endpoint) = &self.endpoint else { return shortfalls };
        if Url::parse(&facts.endpoint).as_ref() != Ok(endpoint) {
            let its = &facts.endpoint;
            shortfalls.push(format!("it is of the endpoint {its}, and {endpoint} was expected (--endpoint)"));
            return shortfalls;
        }
        let Some(circumstances) = &facts.circumstances else {
            shortfalls.push(format!(
                "that it is of {endpoint} is the tester's word: its format does not say which authorities vouched for that address"
            ));
            return shortfalls;
        };
        for file in &circumstances.authorities {
            if file.sha256.as_ref().is_none_or(|its| !self.authorities.contains(its)) {
                let digest = file.sha256.as_ref().map(|sha256| format!(", SHA-256 {sha256}")).unwrap_or_default();
                shortfalls.push(format!(
                    "that it is of {endpoint} is the tester's word: the tester chose the certificate authorities that vouch for that \
                     address ({}{digest}); give your own copy of that file with --ca-file, if you trust it",
                    file.file
                ));
            }
        }
        shortfalls
    }
}
