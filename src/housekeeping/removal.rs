//! Removes what a run made: everything below its prefix, or exactly what its ledger names. Nothing of it takes for ever,
//! whatever the endpoint does.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::Method;
use tokio::sync::Semaphore;

use super::listing::{Contents, Entry, Kind};
use super::named::Named;
use super::{Housekeeper, reply_in_words};
use crate::client::Silence;
use crate::evidence::Reply;
use crate::ledger::Recorded;
use crate::suite::model::Scheme;

/// How many requests in a row may stay without an HTTP answer until no more is sent.
const PATIENCE: u32 = 8;
/// How many requests in a row may be refused because the endpoint is busy, each after several tries.
const PATIENCE_WITH_THE_BUSY: u32 = 8;
/// How long it goes on at most, whatever the endpoint does.
const LONGEST: Duration = Duration::from_secs(3600);
/// What is said of what only a delete marker was made for.
const HIDDEN: &str = ": the bucket has versions, which the endpoint does not list";
/// How many buckets are emptied at the same time at most, whatever the number of requests: what each lists takes memory.
const MAX_BUCKETS: usize = 8;
/// How many times a bucket is emptied in which there is still something.
const ROUNDS: usize = 3;

/// What is the run's.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// Everything below this prefix, which is the run's alone.
    Prefix(&'a str),
    /// Exactly what stands in this ledger.
    Ledger(&'a Recorded),
}

/// A bucket to look into.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Whether the run made it: then it is removed, too.
    pub is_made: bool,
}

/// Removes things, and counts how often nothing came back.
pub struct Removal<'a> {
    housekeeper: &'a Housekeeper,
    scope: Scope<'a>,
    /// How many requests are on their way at a time.
    pub(super) jobs: usize,
    /// Whether the endpoint removes nothing by the batch.
    pub(super) has_no_batches: AtomicBool,
    silence: Silence,
    /// How many requests in a row were refused because the endpoint is busy.
    busy: AtomicU32,
    /// Buckets in which a request was answered by 403 since that was asked last.
    forbidden: Mutex<BTreeSet<String>>,
    /// As many requests as may be under way.
    turns: Semaphore,
    started: Instant,
}

/// What was found in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Whether there is no such bucket.
    pub is_gone: bool,
    /// What is the run's.
    pub own: Vec<Entry>,
    /// What is below the run's prefix, or in a bucket that it made, and is not the run's.
    pub strange: Vec<Entry>,
    /// What could not be found out, in sentences.
    pub troubles: Vec<String>,
}

/// What became of things, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What was removed.
    pub removed: Vec<String>,
    /// What could not be removed, or not be found out, and why.
    pub left_behind: Vec<String>,
}

/// What has come of a removal so far.
#[derive(Debug, Default)]
struct SoFar {
    removed: Named,
    left_behind: Named,
}

impl Scope<'_> {
    fn holds(&self, bucket: &str, key: &str) -> bool {
        match self {
            Self::Prefix(prefix) => key.starts_with(prefix),
            Self::Ledger(recorded) => recorded.holds(bucket, key),
        }
    }

    /// What the keys of everything that it holds begin with.
    fn prefix(&self) -> String {
        match self {
            Self::Prefix(prefix) => (*prefix).to_owned(),
            Self::Ledger(recorded) => recorded.head.own_prefix(),
        }
    }
}

impl<'a> Removal<'a> {
    /// One that removes what is in the scope, by so many requests at a time.
    #[must_use]
    pub fn new(housekeeper: &'a Housekeeper, scope: Scope<'a>, jobs: usize) -> Self {
        Self {
            housekeeper,
            scope,
            jobs: jobs.max(1),
            has_no_batches: AtomicBool::new(false),
            silence: Silence::of(PATIENCE),
            busy: AtomicU32::new(0),
            forbidden: Mutex::default(),
            turns: Semaphore::new(jobs.max(1)),
            started: Instant::now(),
        }
    }

    /// What is in a bucket. Nothing is changed.
    pub async fn look(&self, bucket: &Bucket) -> Looked {
        // In a bucket that the run made, whatever is there stands in the way.
        let prefix = if bucket.is_made { String::new() } else { self.scope.prefix() };
        let Contents { entries, troubles, is_gone } = self.contents(&bucket.name, &prefix).await;
        let (own, strange) = entries.into_iter().partition(|entry| self.scope.holds(&bucket.name, &entry.key));
        Looked { is_gone, own, strange, troubles }
    }

    /// Removes everything in the scope, and the buckets that the run made; several buckets at a time, as each takes some requests
    /// one after the other.
    pub async fn remove(&self, buckets: &[Bucket]) -> Outcome {
        let mut outcome = SoFar::default();
        let emptying = futures_util::stream::iter(buckets.to_vec());
        let emptying = emptying.map(|bucket| async move {
            let mut so_far = SoFar::default();
            self.empty(&bucket, &mut so_far).await;
            so_far
        });
        let mut emptying = emptying.buffered(self.jobs.min(MAX_BUCKETS));
        while let Some(SoFar { removed, left_behind }) = emptying.next().await {
            outcome.removed.append(removed);
            outcome.left_behind.append(left_behind);
        }
        if self.has_given_up() {
            outcome.left_behind.push(format!("no more was tried: {}", self.given_up()));
        }
        Outcome { removed: outcome.removed.into_words(), left_behind: outcome.left_behind.into_words() }
    }

    /// Whether the endpoint left so many requests unanswered, or took so long, that no more is sent.
    #[must_use]
    pub fn has_given_up(&self) -> bool {
        self.silence.is_long() || self.is_too_busy() || self.started.elapsed() > LONGEST
    }

    fn is_too_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) >= PATIENCE_WITH_THE_BUSY
    }

    fn given_up(&self) -> String {
        if self.silence.is_long() {
            format!("the endpoint gave no answer {PATIENCE} times in a row")
        } else if self.is_too_busy() {
            format!("the endpoint was busy {PATIENCE_WITH_THE_BUSY} times in a row")
        } else {
            format!("it took longer than {} minutes", LONGEST.as_secs() / 60)
        }
    }

    /// Sends a request without a body, unless the endpoint is given up.
    pub(super) async fn send(
        &self,
        operation: &'static str,
        method: Method,
        bucket: &str,
        key: &str,
        query: &[(&str, &str)],
    ) -> Reply {
        self.send_document(operation, method, bucket, key, query, Bytes::new()).await
    }

    /// The same with a body.
    pub(super) async fn send_document(
        &self,
        operation: &'static str,
        method: Method,
        bucket: &str,
        key: &str,
        query: &[(&str, &str)],
        body: Bytes,
    ) -> Reply {
        let _turn = self.turns.acquire().await;
        if self.has_given_up() {
            return Reply::NotSent(self.given_up());
        }
        let reply = self.housekeeper.send(operation, method, bucket, key, query, body).await.reply;
        self.silence.note(&reply, Scheme::Tls);
        match reply.answer() {
            Some(answer) if answer.is_throttling() => drop(self.busy.fetch_add(1, Ordering::Relaxed)),
            _ => self.busy.store(0, Ordering::Relaxed),
        }
        if reply.answer().is_some_and(|answer| answer.status == 403) {
            self.forbidden.lock().unwrap_or_else(PoisonError::into_inner).insert(bucket.to_owned());
        }
        reply
    }

    /// Whether anything was forbidden in a bucket since this was asked.
    fn was_forbidden(&self, bucket: &str) -> bool {
        self.forbidden.lock().unwrap_or_else(PoisonError::into_inner).remove(bucket)
    }

    /// Empties a bucket of what is in the scope, and looks again, as long as there is something and it gets less.
    async fn empty(&self, bucket: &Bucket, outcome: &mut SoFar) {
        let name = &bucket.name;
        let (mut hidden, mut is_without_policy) = (BTreeSet::new(), !bucket.is_made);
        self.was_forbidden(name);
        for round in 0..=ROUNDS {
            let looked = self.look(bucket).await;
            if looked.is_gone {
                return;
            }
            if round > 0 && !bucket.is_made && looked.own.is_empty() {
                // What is behind a delete marker is not listed any more, and still there.
                outcome.left_behind.extend(std::mem::take(&mut hidden));
            }
            if round == ROUNDS {
                let still_there = looked.own.iter().map(|entry| format!("{}: it is still there", entry.in_words(name)));
                outcome.left_behind.extend(still_there.chain(looked.troubles));
                return;
            }
            if looked.own.is_empty() && !bucket.is_made {
                outcome.left_behind.extend(looked.troubles);
                return;
            }
            let (removed, failed) = self.remove_each(name, looked.own).await;
            hidden.extend(failed.iter().filter(|why| why.ends_with(HIDDEN)).cloned());
            let is_less = !removed.is_empty();
            outcome.removed.append(removed);
            if bucket.is_made {
                let reply = self.send("DeleteBucket", Method::DELETE, name, "", &[]).await;
                let status = reply.answer().map(|answer| answer.status);
                if status.is_some_and(|status| status < 300 || status == 404) {
                    outcome.removed.push(format!("bucket {name}"));
                    return;
                }
                if status == Some(409) && is_less && round + 1 < ROUNDS {
                    continue;
                }
                if !is_without_policy && self.was_forbidden(name) && round + 1 < ROUNDS {
                    // A scenario may have set a policy that forbids what this takes.
                    is_without_policy = true;
                    self.send("DeleteBucketPolicy", Method::DELETE, name, "", &[("policy", "")]).await;
                    continue;
                }
                outcome.left_behind.extend(failed.into_iter().chain(looked.troubles));
                outcome.left_behind.extend(looked.strange.iter().map(|entry| left_alone(entry, name)));
                outcome.left_behind.push(format!("bucket {name}: {}", reply_in_words(&reply)));
                return;
            }
            if !is_less {
                outcome.left_behind.extend(failed.into_iter().chain(looked.troubles));
                return;
            }
        }
    }

    /// Removes entries; what was removed, and what was not and why.
    async fn remove_each(&self, bucket: &str, entries: Vec<Entry>) -> (Named, Vec<String>) {
        let (mut removed, entries) = self.remove_by_batch(bucket, entries).await;
        let removing = futures_util::stream::iter(entries).map(|entry| self.remove_one(bucket, entry));
        let mut removing = removing.buffer_unordered(self.jobs);
        let mut failed = Vec::new();
        while let Some(done) = removing.next().await {
            match done {
                Ok(words) => removed.push(words),
                Err(why) => failed.push(why),
            }
        }
        (removed, failed)
    }

    async fn remove_one(&self, bucket: &str, entry: Entry) -> Result<String, String> {
        let operation = if entry.kind == Kind::Upload { "AbortMultipartUpload" } else { "DeleteObject" };
        let query: Vec<(&str, &str)> = entry.query().into_iter().collect();
        let reply = self.send(operation, Method::DELETE, bucket, &entry.key, &query).await;
        let words = entry.in_words(bucket);
        match reply.answer() {
            Some(answer) if entry.id.is_none() && answer.header("x-amz-delete-marker") == Some("true") => {
                Err(format!("{words}{HIDDEN}"))
            }
            Some(answer) if answer.status < 300 || answer.status == 404 => Ok(words),
            _ => Err(format!("{words}: {}", reply_in_words(&reply))),
        }
    }
}

/// A thing that is not the run's, in words.
#[must_use]
pub fn left_alone(entry: &Entry, bucket: &str) -> String {
    format!("{}: it is not the run's, and left alone", entry.in_words(bucket))
}
