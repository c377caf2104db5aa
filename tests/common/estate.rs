//! An endpoint in this process, with things of a neighbour on it, that the built binary is pointed at.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use ssecheck::client::{Client, Target, TlsTrust};
use ssecheck::config::Addressing;
use ssecheck::evidence::{Answer, Element};
use ssecheck::housekeeping::Housekeeper;
use ssecheck::reference::{self, Endpoint};

use super::{Outcome, Workplace};

/// The bucket that runs are given.
pub const GIVEN: &str = "given";
/// The neighbour's own.
pub const OTHER: &str = "ssecheck-neighbour";

const VERSIONING: &str = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";

/// Everything on an endpoint: what it lists of each bucket, entry by entry, with ids, ETags and times.
pub type Snapshot = BTreeMap<String, BTreeSet<Thing>>;

/// An entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Thing {
    pub key: String,
    pub kind: String,
    pub rest: String,
}

/// The endpoint, and a client that belongs to nobody.
pub struct Estate {
    pub endpoint: Endpoint,
    pub workplace: Workplace,
    housekeeper: Housekeeper,
}

impl Estate {
    /// With a neighbour's objects, versions, delete markers and open uploads; the given bucket has versions, or none.
    pub async fn new(versioned: bool) -> Self {
        let endpoint = reference::start(reference::Options::default()).await.expect("it starts");
        let target = Target {
            tls: endpoint.tls_url.clone(),
            plain: None,
            region: endpoint.region.clone(),
            addressing: Addressing::Path,
            credentials: endpoint.credentials.clone(),
            connect_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(300),
            proxy: None,
            retry_throttled: 0,
            max_rps: None,
        };
        let trust = TlsTrust { ca_pem: Some(endpoint.ca_pem.clone()), ..TlsTrust::default() };
        let housekeeper = Housekeeper::new(Client::new(target, &trust).expect("a client can be made"), false);
        let workplace = Workplace::new();
        workplace.file("ca.pem", &endpoint.ca_pem);
        let estate = Self { endpoint, workplace, housekeeper };
        for (bucket, has_versions) in [(GIVEN, versioned), (OTHER, true)] {
            estate.send(Method::PUT, bucket, "", &[], "").await;
            if has_versions {
                estate.send(Method::PUT, bucket, "", &[("versioning", "")], VERSIONING).await;
            }
            // Keys that look like those of runs.
            for key in ["ssecheck", "ssecheck/", "ssecheck/ffffffffffffffffffff/x", "ssecheckx/y", "payroll", "a b/ü"]
            {
                for text in ["older", "newer"] {
                    estate.send(Method::PUT, bucket, key, &[], text).await;
                }
                estate.send(Method::POST, bucket, key, &[("uploads", "")], "").await;
            }
            estate.send(Method::DELETE, bucket, "ssecheck/", &[], "").await;
            estate.send(Method::DELETE, bucket, "ssecheck/never-there", &[], "").await;
        }
        estate
    }

    /// The environment of a command that tests the endpoint, at this address of its TLS listener.
    pub fn settings(&self, tls: &str) -> BTreeMap<String, String> {
        let of = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        BTreeMap::from([
            of("SSECHECK_ENDPOINT", tls),
            of("SSECHECK_PLAIN_ENDPOINT", self.endpoint.plain_url.as_str()),
            of("AWS_CA_BUNDLE", "ca.pem"),
            of("AWS_ACCESS_KEY_ID", &self.endpoint.credentials.access_key_id),
            of("AWS_SECRET_ACCESS_KEY", &self.endpoint.credentials.secret_access_key),
        ])
    }

    /// Runs a command against this address of the endpoint, to its end.
    pub async fn run(&self, tls: &str, words: &str) -> Outcome {
        let mut command = self.workplace.command(words);
        command.envs(self.settings(tls));
        let ended = tokio::task::spawn_blocking(move || command.output().expect("the binary starts"));
        Outcome::of(ended.await.expect("it ends"))
    }

    /// Sends a request that must succeed.
    pub async fn send(&self, method: Method, bucket: &str, key: &str, query: &[(&str, &str)], body: &str) -> Answer {
        let asked = format!("{method} {bucket}/{key} {query:?}");
        let body = Bytes::from(body.to_owned());
        let reply = self.housekeeper.send("PutObject", method, bucket, key, query, body).await.reply;
        let answer = reply.answer().unwrap_or_else(|| panic!("{asked}: {reply:?}"));
        assert!(answer.status < 300, "{asked}: {answer:?}");
        answer.clone()
    }

    /// Everything that there is.
    pub async fn snapshot(&self) -> Snapshot {
        let buckets = self.list("", &[]).await;
        let buckets = buckets.child("Buckets").map(|buckets| buckets.children.clone()).unwrap_or_default();
        let mut snapshot = Snapshot::new();
        for name in buckets.iter().map(|bucket| bucket.child_text("Name").expect("it has a name").to_owned()) {
            let mut things = BTreeSet::new();
            for listing in ["versions", "uploads"] {
                let listed = self.list(&name, &[(listing, "")]).await;
                assert_eq!(listed.child_text("IsTruncated"), Some("false"), "more than a page");
                let entries = listed.children.iter().filter(|child| child.child("Key").is_some());
                things.extend(entries.map(|entry| Thing {
                    key: entry.child_text("Key").unwrap_or_default().to_owned(),
                    kind: entry.name.clone(),
                    rest: format!("{entry:?}"),
                }));
            }
            snapshot.insert(name, things);
        }
        snapshot
    }

    async fn list(&self, bucket: &str, query: &[(&str, &str)]) -> Element {
        self.send(Method::GET, bucket, "", query, "").await.xml().expect("it is XML")
    }

    /// The ids of the runs whose ledgers there are.
    pub fn ledgers(&self) -> Vec<String> {
        let folder = self.workplace.path(".local/state/ssecheck/runs");
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let names = entries.map(|entry| entry.expect("it can be read").file_name().into_string().expect("it is text"));
        names.map(|name| name.strip_suffix(".jsonl").unwrap_or(&name).to_owned()).collect()
    }
}

/// How many things of each kind a snapshot has: versions, delete markers, uploads, and buckets.
pub fn counts(snapshot: &Snapshot) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::from([("bucket".to_owned(), snapshot.len())]);
    for thing in snapshot.values().flatten() {
        *counts.entry(thing.kind.clone()).or_default() += 1;
    }
    counts
}
