//! What exchanges must agree with to be those of the run that a manifest tells of: without this, the exchanges of one
//! endpoint could stand under the manifest of another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use percent_encoding::percent_decode_str;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};
use url::Url;

use super::manifest::{About, KeptFile, Manifest};
use crate::client::{CHANGED_AFTER_SIGNING, NOT_SIGNED};
use crate::evidence::{Exchange, Peers, Reply, Sent};
use crate::runner::folder_of;
use crate::suite::model::{Operation, Scheme};

/// How long before the start of the run, or after its end, an exchange may begin.
const MARGIN: Duration = Duration::SECOND;
/// How far the date of a signature may be from the time of its exchange.
const MAX_SIGNING_SKEW: Duration = Duration::minutes(5);
/// How far the duration of a run may be from the time between its start and its end: clocks are set.
const MAX_DRIFT: Duration = Duration::seconds(10);
/// Stands between a case and a step in what a control's HAR file says that it is of.
const CONTROL_OF: &str = ", control of step ";

/// The most characters that messages show of what stands in evidence.
const MAX_SHOWN: usize = 300;

/// How evidence contradicts its manifest, or a manifest itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// Something is not what the manifest says.
    #[error("{what} is `{}`, and not {expected}", shown(found))]
    Differs {
        /// A member of the manifest, or a property of an exchange.
        what: &'static str,
        /// What was found.
        found: String,
        /// What the manifest says.
        expected: String,
    },
    /// Something stands there twice.
    #[error("the {what} `{}` stands there twice", shown(name))]
    Twice {
        /// A case, a probe, or a file.
        what: &'static str,
        /// Its id or name.
        name: String,
    },
    /// A case has no evidence, and no reason for that, or both.
    #[error("the case `{}` {why}", shown(id))]
    Case {
        /// The case.
        id: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Contradiction {
    fn new(what: &'static str, found: impl Display, expected: impl Display) -> Self {
        Self::Differs { what, found: found.to_string(), expected: expected.to_string() }
    }

    fn twice(what: &'static str, name: &str) -> Self {
        Self::Twice { what, name: name.to_owned() }
    }

    fn case(id: &str, why: impl Display) -> Self {
        Self::Case { id: id.to_owned(), why: why.to_string() }
    }
}

/// A stranger's text as messages show it.
fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).flat_map(char::escape_debug).collect()
}

/// What the exchanges of a file belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// The steps of the case of this id.
    Case(String),
    /// A positive control; cases may share it.
    Control,
    /// The probe of this capability.
    Probe(String),
    /// What the runner sent to make buckets and to remove what was made.
    Housekeeping,
}

/// What the manifest says of all exchanges.
#[derive(Debug)]
pub(super) struct Binding {
    endpoint: Url,
    plain_endpoint: Option<Url>,
    buckets: BTreeSet<String>,
    prefix: String,
    started: OffsetDateTime,
    ended: OffsetDateTime,
    peers: Peers,
    cases: BTreeSet<String>,
    /// By the name of the file.
    owners: BTreeMap<String, Owner>,
}

impl Binding {
    /// Checks that a manifest agrees with itself.
    ///
    /// # Errors
    /// The first [`Contradiction`].
    pub fn of(manifest: &Manifest) -> Result<Self, Contradiction> {
        let endpoint = Url::parse(&manifest.endpoint);
        let endpoint = endpoint.map_err(|_| Contradiction::new("`endpoint`", &manifest.endpoint, "a URL"))?;
        let (started, ended) = times(manifest)?;
        let Manifest { run, bucket, buckets, prefix, .. } = manifest;
        if run.is_empty() || !prefix.ends_with(&format!("{run}/")) {
            return Err(Contradiction::new("`prefix`", prefix, format!("one that ends in the run's id, `{run}/`")));
        }
        let is_of_run = |name: &String| name == bucket || name.starts_with(&format!("ssecheck-{run}"));
        if let Some(other) = buckets.iter().find(|name| !is_of_run(name)) {
            return Err(Contradiction::new("`buckets`", other, format!("`{bucket}` or `ssecheck-{run}…`")));
        }
        let cases = unique(manifest)?;
        complete(manifest)?;
        Ok(Self {
            endpoint,
            // Else it tells why there is none.
            plain_endpoint: Url::parse(&manifest.plain_endpoint).ok().filter(|url| url.scheme() == "http"),
            buckets: buckets.iter().cloned().collect(),
            prefix: prefix.clone(),
            started,
            ended,
            peers: manifest.peers.clone(),
            cases,
            owners: owners(manifest)?,
        })
    }

    /// Checks that a file is what the manifest says it is.
    ///
    /// # Errors
    /// A [`Contradiction`].
    pub(super) fn file(&self, name: &str, about: &About) -> Result<(), Contradiction> {
        let of = &about.of;
        let (is_it, expected) = match self.owners.get(name) {
            Some(Owner::Case(id)) => (of == id, format!("the case `{id}`")),
            Some(Owner::Probe(id)) => (*of == format!("probe {id}"), format!("the probe of `{id}`")),
            Some(Owner::Housekeeping) => (of == "housekeeping", "the housekeeping".to_owned()),
            Some(Owner::Control) => {
                let case = of.rsplit_once(CONTROL_OF).map(|(case, _)| case);
                (case.is_some_and(|case| self.cases.contains(case)), "a control of a case of the run".to_owned())
            }
            None => (false, "a file that it names".to_owned()),
        };
        if is_it { Ok(()) } else { Err(Contradiction::new("what its exchanges are of", of, expected)) }
    }

    /// Checks that an exchange of a file is one of the run.
    ///
    /// # Errors
    /// The first [`Contradiction`].
    pub(super) fn exchange(&self, file: &str, exchange: &Exchange) -> Result<(), Contradiction> {
        let first = self.started.checked_sub(MARGIN).unwrap_or(self.started);
        let last = self.ended.checked_add(MARGIN).unwrap_or(self.ended);
        if exchange.started < first || exchange.started > last {
            let expected = format!("within the run, {} to {}", in_words(self.started), in_words(self.ended));
            return Err(Contradiction::new("its time", in_words(exchange.started), expected));
        }
        if matches!(exchange.reply, Reply::NotSent(_)) {
            return Ok(());
        }
        self.address(file, &exchange.sent)?;
        signing_date(exchange)?;
        self.peer(exchange)
    }

    /// Checks the URL: scheme, host, port, bucket and object key.
    fn address(&self, file: &str, sent: &Sent) -> Result<(), Contradiction> {
        let to = if sent.scheme == Scheme::Plain { self.plain_endpoint.as_ref() } else { Some(&self.endpoint) };
        let Some(to) = to else {
            return Err(Contradiction::new("its URL", &sent.url, "of this run, which had no plain-HTTP endpoint"));
        };
        let other = |expected: String| Err(Contradiction::new("its URL", &sent.url, expected));
        let Ok(url) = Url::parse(&sent.url) else { return other("a URL".to_owned()) };
        let is_same_port = url.port_or_known_default() == to.port_or_known_default();
        let host = url.host_str().unwrap_or_default();
        let endpoint_host = to.host_str().unwrap_or_default();
        let path = url.path().trim_start_matches('/');
        let (bucket, key) = match host.strip_suffix(endpoint_host) {
            Some("") => path.split_once('/').unwrap_or((path, "")),
            Some(below) if below.ends_with('.') => (below.trim_end_matches('.'), path),
            _ => return other(format!("below the endpoint's, {to}")),
        };
        if url.scheme() != to.scheme() || !is_same_port {
            return other(format!("below the endpoint's, {to}"));
        }
        // Host names are in lower case.
        if !self
            .buckets
            .iter()
            .any(|known| known == bucket || (host != endpoint_host && known.to_lowercase() == bucket))
        {
            return other("to a bucket of the run".to_owned());
        }
        let key = percent_decode_str(key).decode_utf8_lossy();
        if !key.is_empty() && *key != sent.object_key {
            return other(format!("to its object key, `{}`", sent.object_key));
        }
        let (folder, is_below) = self.folder(file);
        let is_its_own =
            sent.object_key.starts_with(&folder) && (is_below.is_empty() || sent.object_key.contains(is_below));
        if !sent.object_key.is_empty() && !is_its_own {
            return Err(Contradiction::new("its object key", &sent.object_key, format!("below `{folder}…{is_below}`")));
        }
        Ok(())
    }

    /// What the object keys of a file begin with, and what else they have in them.
    fn folder(&self, file: &str) -> (String, &'static str) {
        let prefix = &self.prefix;
        match self.owners.get(file) {
            Some(Owner::Case(id)) => (format!("{prefix}{}/", folder_of(id, 0)), ""),
            Some(Owner::Probe(id)) => (format!("{prefix}probes/{}/", folder_of(id, 0)), ""),
            // The case that needed it first is not known.
            Some(Owner::Control) => (prefix.clone(), "/control-of-"),
            Some(Owner::Housekeeping) | None => (prefix.clone(), ""),
        }
    }

    /// Checks who answered.
    fn peer(&self, exchange: &Exchange) -> Result<(), Contradiction> {
        let Peers { tls, plain, servers, more } = &self.peers;
        let answer = exchange.reply.answer();
        let Some(peer) = &exchange.peer else {
            return match answer {
                Some(_) => Err(Contradiction::new("its peer", "missing", "one of the run's")),
                None => Ok(()),
            };
        };
        let is_known = match exchange.sent.scheme {
            // Where there are more addresses than are listed, certificates are.
            Scheme::Tls => tls
                .iter()
                .any(|known| known.certificate == peer.certificate && (*more || known.address == peer.address)),
            Scheme::Plain => peer.certificate.is_none() && (*more || plain.contains(&peer.address)),
        };
        if !is_known {
            let certificate = peer.certificate.as_deref().map(|digest| format!(", certificate {digest}"));
            let found = format!("{}{}", peer.address, certificate.unwrap_or_default());
            return Err(Contradiction::new("its peer", found, "one of the run's"));
        }
        match answer.and_then(Peers::server_of) {
            Some(server) if !more && !servers.contains(&server) => {
                Err(Contradiction::new("its header `Server`", server, "one of the run's"))
            }
            _ => Ok(()),
        }
    }
}

/// The start and the end of the run.
fn times(manifest: &Manifest) -> Result<(OffsetDateTime, OffsetDateTime), Contradiction> {
    let time = |what, text: &str| {
        OffsetDateTime::parse(text, &Rfc3339)
            .map_err(|_| Contradiction::new(what, text, "a time as RFC 3339 writes it"))
    };
    let started = time("`started`", &manifest.started)?;
    let ended = time("`ended`", manifest.ended.as_deref().unwrap_or_default())?;
    if ended < started {
        return Err(Contradiction::new("`ended`", in_words(ended), format!("after {}", in_words(started))));
    }
    let between = (ended - started).as_seconds_f64();
    if (between - manifest.seconds).abs() > MAX_DRIFT.as_seconds_f64() || manifest.seconds.is_nan() {
        let expected =
            format!("{between:.0}, the seconds from `started` to `ended` (the clock was set, or they are of two runs)");
        return Err(Contradiction::new("`seconds`", manifest.seconds, expected));
    }
    Ok((started, ended))
}

/// The ids of all cases: none stands there twice, and no probe does.
fn unique(manifest: &Manifest) -> Result<BTreeSet<String>, Contradiction> {
    let mut cases = BTreeSet::new();
    if let Some(twice) = manifest.cases.iter().find(|case| !cases.insert(case.id.clone())) {
        return Err(Contradiction::twice("case", &twice.id));
    }
    let mut probes = BTreeSet::new();
    if let Some(twice) = manifest.probes.iter().find(|probe| !probes.insert(&probe.capability)) {
        return Err(Contradiction::twice("probe", &twice.capability));
    }
    for case in &manifest.cases {
        let mut steps = BTreeSet::new();
        if case.controls.iter().any(|control| !steps.insert(&control.step)) {
            return Err(Contradiction::case(&case.id, "has two controls of one step"));
        }
    }
    Ok(cases)
}

/// Checks that each case has its steps, or tells why it has none.
fn complete(manifest: &Manifest) -> Result<(), Contradiction> {
    for case in &manifest.cases {
        let told = [case.own.is_some(), case.not_run.is_some(), case.lacks.is_some()];
        if told.iter().filter(|is_there| **is_there).count() != 1 {
            return Err(Contradiction::case(&case.id, "has not exactly one of `own`, `not_run` and `lacks`"));
        }
        let lacks = case.lacks.iter().find(|lacks| manifest.probes.iter().all(|probe| probe.capability != **lacks));
        if let Some(lacks) = lacks.filter(|_| manifest.all_kept) {
            return Err(Contradiction::case(&case.id, format!("lacks `{}`, and no probe shows that", shown(lacks))));
        }
    }
    if manifest.all_kept && manifest.housekeeping.is_none() {
        return Err(Contradiction::new("`housekeeping`", "missing", "left out: `all_kept` says so"));
    }
    Ok(())
}

/// The files that a manifest names.
pub(super) fn named(manifest: &Manifest) -> impl Iterator<Item = (&KeptFile, Owner)> {
    let cases = manifest.cases.iter();
    let own = cases.clone().filter_map(|case| Some((case.own.as_ref()?, Owner::Case(case.id.clone()))));
    let controls = cases.flat_map(|case| &case.controls).map(|control| (&control.kept, Owner::Control));
    let probes = manifest.probes.iter().map(|probe| (&probe.kept, Owner::Probe(probe.capability.clone())));
    own.chain(controls).chain(probes).chain(manifest.housekeeping.iter().map(|kept| (kept, Owner::Housekeeping)))
}

/// What each file is of. Cases share controls; no other file stands there twice, under one name or two.
fn owners(manifest: &Manifest) -> Result<BTreeMap<String, Owner>, Contradiction> {
    let mut owners = BTreeMap::new();
    let mut digests = BTreeMap::new();
    for (kept, owner) in named(manifest) {
        let known = owners.get(&kept.file);
        let first = digests.entry(kept.sha256.as_str()).or_insert(&kept.file);
        if known.is_some_and(|known| *known != Owner::Control || owner != Owner::Control) || *first != &kept.file {
            return Err(Contradiction::twice("file", &kept.file));
        }
        owners.insert(kept.file.clone(), owner);
    }
    Ok(owners)
}

/// Checks that a request was signed when it was sent. Steps may leave the signature out, or change it on purpose.
fn signing_date(exchange: &Exchange) -> Result<(), Contradiction> {
    let Exchange { sent, started, seconds, .. } = exchange;
    let is_own = |remark: &String| {
        remark == NOT_SIGNED || (remark.starts_with(CHANGED_AFTER_SIGNING) && remark.contains("x-amz-date"))
    };
    // The date of a form's signature stands in the form, of which evidence has the other fields.
    if sent.remarks.iter().any(is_own) || sent.operation == Operation::PostObject.as_str() {
        return Ok(());
    }
    let in_query: Vec<String> = Url::parse(&sent.url)
        .iter()
        .flat_map(Url::query_pairs)
        .filter(|(name, _)| name == "X-Amz-Date")
        .map(|(_, value)| value.into_owned())
        .collect();
    let lines = sent.headers.iter();
    let dates = lines.filter(|(name, _)| name.eq_ignore_ascii_case("x-amz-date")).map(|(_, value)| value);
    let dates: Vec<&String> = dates.chain(&in_query).collect();
    let took = Duration::checked_seconds_f64(*seconds).unwrap_or_default();
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let is_near = |date: &&String| {
        PrimitiveDateTime::parse(date, format).is_ok_and(|date| {
            let after = date.assume_utc() - *started;
            after >= -MAX_SIGNING_SKEW && after <= took + MAX_SIGNING_SKEW
        })
    };
    if dates.iter().any(is_near) {
        return Ok(());
    }
    let found = dates.first().map_or("missing", |date| date.as_str());
    Err(Contradiction::new(
        "the date of its signature",
        found,
        format!("near that of its exchange, {}", in_words(*started)),
    ))
}

fn in_words(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
#[path = "binding_tests.rs"]
mod tests;
