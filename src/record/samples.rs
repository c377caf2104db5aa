//! Records for tests.

use std::collections::BTreeMap;

use super::{CaseRecord, Circumstances, FORMAT, FindingRecord, ProfileRecord, RunRecord};
use crate::evidence::{Exchange, Peer, Peers, Reply, samples};
use crate::suite::model::{BucketKind, Certification, Level};
use crate::verdict::Verdict;
use crate::verdict::samples::finding;

/// A case that cites the rule `r`; `accused`, where it is not empty, is the rule that its finding is about.
pub fn case(id: &str, verdict: Verdict, accused: &str) -> CaseRecord {
    let findings = vec![FindingRecord { finding: finding(accused), exchange: None, before: Vec::new() }];
    CaseRecord {
        id: id.to_owned(),
        suite: id.split('/').next().unwrap_or_default().to_owned(),
        title: "t".into(),
        why: "w".into(),
        level: Level::Must,
        certification: Certification::Core,
        bucket: BucketKind::Plain,
        rules: ["r".to_owned()].into(),
        operations: Vec::new(),
        verdict,
        found: verdict,
        standing: None,
        reason: "because".to_owned(),
        attempts: Vec::new(),
        explained_by: None,
        incomplete: false,
        missing: None,
        seconds: 0.0,
        key_md5: BTreeMap::new(),
        findings: if accused.is_empty() { Vec::new() } else { findings },
    }
}

/// A request and the answer to it, both without headers and body.
pub fn exchange(method: &str, url: &str) -> Exchange {
    let mut answer = samples::answer(200);
    answer.body.sha256 = "e3b0".to_owned();
    let mut exchange = samples::exchange("put", Reply::Answer(answer));
    exchange.sent.method = method.to_owned();
    exchange.sent.url = url.to_owned();
    exchange.sent.object_key = "o".to_owned();
    exchange
}

/// How a run is made that verifies certificates, and whom it reaches.
pub fn circumstances() -> Circumstances {
    let peer = Peer { address: "127.0.0.1:443".to_owned(), certificate: Some("cc".to_owned()) };
    Circumstances {
        settings: BTreeMap::from([("insecure".to_owned(), "false".to_owned())]),
        peers: Peers { tls: vec![peer], ..Peers::default() },
        ..Circumstances::default()
    }
}

/// A run of these cases.
pub fn run(cases: Vec<CaseRecord>) -> RunRecord {
    let text = str::to_owned;
    RunRecord {
        format: text(FORMAT),
        ssecheck: text("0"),
        run: text("id"),
        started: text("2026-11-25T00:00:00Z"),
        seconds: 1.0,
        ended: Some(text("2026-11-25T00:00:01Z")),
        interrupted: false,
        endpoint: text("https://localhost/"),
        plain_endpoint: text("none"),
        circumstances: Some(circumstances()),
        embedded: false,
        server: None,
        support: None,
        label: None,
        bucket: text("b"),
        profile: ProfileRecord { id: text("portable"), file: None, digest: text("p") },
        baseline: None,
        complete: true,
        shard: None,
        limits: Vec::new(),
        suites_digest: text("d"),
        rules_digest: text("d"),
        evidence_digest: None,
        suites: Vec::new(),
        counts: BTreeMap::new(),
        certification: Vec::new(),
        families: Vec::new(),
        rules: Vec::new(),
        cases,
        throttling: Default::default(),
        left_behind: Vec::new(),
    }
}
