//! The suite file as written: serde types, from which the JSON Schema is generated.
//!
//! Alternatives are written as objects with optional members ("give one of `text`, `file`, `size`"), never as
//! untagged unions, so that a mistake is reported at the member that is wrong. Which members go together is
//! checked by the linter.

mod operation;
mod outcome;
mod request;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use operation::Operation;
pub use outcome::{BodyMatch, EntryMatch, EtagFormat, EtagMatch, HeaderMatch, Outcome, TextMatch};
pub use request::{
    Auth, BodyDigest, CopySource, DigestAlgorithm, HeaderCase, HeaderSpec, KeyForm, Payload, Request, Scheme, SseC,
    StepHeader,
};

/// A suite file: one family of SSE-C scenarios.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SuiteFile {
    /// Where the JSON Schema of this format is, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Stable id, unique among the suites of a run (lower-case words joined by `-`).
    pub id: String,
    /// One line for people.
    pub title: String,
    /// What the suite covers and why.
    pub about: String,
    /// Customer keys by name. Every case gets fresh ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, KeySpec>,
    /// Object contents by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bodies: BTreeMap<String, BodySpec>,
    /// Parameter tables by name: each row has an `id` and any further members, which a scenario that names the
    /// table in `for_each` reads as `${alias.member}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, Vec<Row>>,
    /// The scenarios, in the order in which they are reported.
    pub scenarios: Vec<Scenario>,
}

/// A row of a parameter table.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Row {
    /// Stable id of the row; becomes part of the case's id.
    pub id: String,
    /// The row's other members, of any type.
    #[serde(flatten)]
    pub values: BTreeMap<String, Value>,
}

/// A customer key: by default 32 random bytes, fresh for each case.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeySpec {
    /// Length in bytes; 32 (256 bits) unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// A file below `fixtures/` with the key in hexadecimal, where a case needs fixed bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// As many keys: `K` with `"count": 3` declares `K1`, `K2` and `K3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// The most keys that one name may stand for.
pub const MAX_KEYS: u32 = 10_000;

impl KeySpec {
    /// The names of the keys that it declares.
    pub fn names(&self, name: &str) -> impl Iterator<Item = String> + use<> {
        let name = name.to_owned();
        let numbers = self.count.map_or(0..1, |count| 1..count.saturating_add(1));
        let numbered = self.count.is_some();
        numbers.map(move |number| if numbered { format!("{name}{number}") } else { name.clone() })
    }
}

/// An object's content: give one of `text`, `file`, `size` and `join`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct BodySpec {
    /// The content itself, UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A file below `fixtures/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Size in bytes of generated content (pseudo-random, the same for the same `seed`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Seed of generated content; 0 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Names of other bodies, joined in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub join: Vec<String>,
}

/// How binding a rule is (RFC 2119): a failing `must` scenario fails the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Required: a failure fails the run.
    Must,
    /// Recommended: a failure is reported and does not fail the run.
    Should,
    /// Optional: a failure is reported and does not fail the run.
    May,
    /// An observation: neither a document nor a recording says what is right. It records what the server does and accuses nobody.
    Observe,
}

impl Level {
    /// The level as suites write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::May => "may",
            Self::Observe => "observe",
        }
    }
}

/// One scenario: steps in order and what must come back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Stable id, unique in the suite. Never positional.
    pub id: Arc<str>,
    /// One line for people; may hold `${alias.member}`.
    pub title: Arc<str>,
    /// Why it matters: what breaks for whom when a server gets this wrong.
    pub why: Arc<str>,
    /// How binding it is.
    pub level: Level,
    /// Ids of the rules it tests, from the rule catalogue (`suites/rules.json`).
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    pub rules: Arc<[String]>,
    /// Makes the scenario the probe of a capability instead of a test. The capability's id is the scenario's, followed by the ids of
    /// the rows where it has tables (`id[row,…]`). If a step shows that the endpoint lacks it, the cases that need it are not supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<CapabilitySpec>,
    /// Profiles under which it runs; all of them when absent.
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    pub profiles: Arc<[String]>,
    /// The kind of bucket it runs in; a plain one unless told.
    #[serde(default, skip_serializing_if = "BucketKind::is_plain")]
    pub bucket: BucketKind,
    /// Ids of further capabilities that it needs (`suites/capabilities.json`), besides those that its requests show; may hold
    /// `${alias.member}`.
    #[serde(default, skip_serializing_if = "<[String]>::is_empty")]
    pub requires: Arc<[String]>,
    /// It sends so much that `ssecheck prove` runs it only against faults of the rules that it cites.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub heavy: bool,
    /// Alias → table name: the scenario becomes one case for each row (for several tables: for each combination).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub for_each: Arc<BTreeMap<String, String>>,
    /// What is done, in order.
    pub steps: Vec<Arc<Step>>,
}

impl Scenario {
    /// Shares with another case of the same scenario what is equal in both, but for the steps.
    pub(super) fn share(&mut self, former: &Self) {
        fn one<T: ?Sized + PartialEq>(own: &mut Arc<T>, former: &Arc<T>) {
            if own == former {
                *own = Arc::clone(former);
            }
        }
        one(&mut self.id, &former.id);
        one(&mut self.title, &former.title);
        one(&mut self.why, &former.why);
        one(&mut self.rules, &former.rules);
        one(&mut self.profiles, &former.profiles);
        one(&mut self.requires, &former.requires);
        one(&mut self.for_each, &former.for_each);
    }
}

/// What a capability is for, and who must have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CapabilitySpec {
    /// The certification level that requires it: neither this level nor a higher one is reached without it.
    pub level: Certification,
    /// Scenarios that send one of these operations need it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Operation>,
    /// Scenarios in buckets of these kinds need it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<BucketKind>,
    /// Scenarios that send bodies so need it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payloads: Vec<Payload>,
    /// Scenarios that send one of these headers need it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// Scenarios that send requests authenticated so need it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auth: Vec<Auth>,
}

/// Levels of certification; each asks for all that the ones before it ask for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, clap::ValueEnum,
)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Certification {
    /// What every S3 has: writing, reading and deleting whole objects.
    #[default]
    Core,
    /// What the usual clients use: copies, multipart uploads, versions, presigned URLs.
    Extended,
    /// All of S3 that SSE-C has to do with.
    Full,
}

impl Certification {
    /// All levels, lowest first.
    pub const ALL: [Self; 3] = [Self::Core, Self::Extended, Self::Full];

    /// The level as suites write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Extended => "extended",
            Self::Full => "full",
        }
    }
}

/// The kinds of bucket that a run provides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BucketKind {
    /// As CreateBucket makes it, or the one given with `--bucket`.
    #[default]
    Plain,
    /// With versioning switched on.
    Versioned,
    /// With SSE-S3 (`AES256`) set as its default encryption.
    DefaultEncrypted,
    /// A bucket of the case's own, whose settings its steps may change.
    Own,
}

impl BucketKind {
    fn is_plain(&self) -> bool {
        *self == Self::Plain
    }

    /// The kind as suites write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Versioned => "versioned",
            Self::DefaultEncrypted => "default-encrypted",
            Self::Own => "own",
        }
    }
}

/// One S3 request and what must come back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Stable id, unique in the scenario; later steps refer to it.
    pub id: String,
    /// A precondition, not the thing tested: when it does not come out as expected the scenario is blocked, not failed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub setup: bool,
    /// Tests whether the endpoint has a capability at all, without SSE-C; stands only in the scenario of a capability. If the response
    /// says that the endpoint lacks it (501, 405, `NotImplemented` and the like, or `lacks`), the cases that need the capability are not
    /// supported; any other mismatch is an error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
    /// Of a probe: the response of an endpoint that ignores, or does not know, what is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<Box<Outcome>>,
    /// The response rests on something that takes effect with a delay (a bucket's policy or setting, the second of a date): the request
    /// is sent again until it comes out as expected, for a bounded time, and the last response is judged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settles: bool,
    /// Neighbouring steps that name the same group are sent at the same time, and judged once all have been answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<String>,
    /// Stands for as many steps, which begin at 1: `${n}` is the number in each, `${next}` the one after it (after the
    /// last one the first). Their ids end in the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<u32>,
    /// The request.
    pub request: Request,
    /// What the answer must be for the step to be evidence at all (that the write succeeded, say, whose ETag is
    /// looked at): when it is not, the scenario is blocked, not failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<Box<Outcome>>,
    /// What must come back; a 2xx status when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Box<Outcome>>,
    /// What must come back besides by rules of their own, looked at once `expect` holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Also>,
    /// Profile name → what must come back besides `expect` under that profile.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub expect_under: BTreeMap<String, Outcome>,
    /// The positive control of a step that expects a refusal: members of the request that are put right.
    /// The request so mended must succeed, else the scenario is inconclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Box<Control>>,
    /// In place of `control`: id of an earlier `setup` step that sent this very request put right, and had to succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controlled_by: Option<String>,
}

/// An expectation that is about other rules than the rest of its scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Also {
    /// The rules that it is about, of those that the scenario cites. The scenario's other expectations are not.
    pub rules: Vec<String>,
    /// How binding it is; as its scenario unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// What must come back.
    pub expect: Outcome,
}

/// The positive control of a refusal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Members that replace those of the step's request; `"sse_c": {}` sends no SSE-C headers.
    pub request: Request,
    /// What must come back; a 2xx status when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Box<Outcome>>,
}

impl Step {
    /// Whether an ETag of this step is compared with the MD5s of what was sent.
    #[must_use]
    pub fn asks_for_md5s(&self) -> bool {
        fn asks(outcome: &Outcome) -> bool {
            let by_etag = outcome.etag.as_ref().is_some_and(|etag| etag.not_an_md5_of_what_was_sent);
            by_etag || outcome.any_of.iter().any(asks)
        }
        self.outcomes().any(asks)
    }

    /// Whether anything that must come back depends on the object being stored or not.
    #[must_use]
    pub fn asks_for_storage(&self) -> bool {
        self.outcomes().any(Outcome::asks_for_storage)
    }

    /// Everything that must come back, under whatever profile.
    pub fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        let also = self.also.iter().map(|also| &also.expect);
        let decided = self.needs.as_deref().into_iter().chain(self.lacks.as_deref()).chain(self.expect.as_deref());
        decided.chain(also).chain(self.expect_under.values())
    }
}
