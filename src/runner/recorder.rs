//! Nothing is made that is not recorded, and nothing once the run is to stop.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::PrepareError;
use crate::client::is_given_up;
use crate::evidence::Reply;
use crate::housekeeping::Bucket;
use crate::ledger::{Ledger, Made, WriteError};

/// What steps are not sent for: the run is to stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut;

/// Enters in the ledger what is about to be made.
pub(super) struct Recorder {
    /// None where what is made is gone with this process anyway.
    ledger: Option<Arc<Ledger>>,
    /// Why the ledger can no longer be written to.
    broken: Mutex<Option<WriteError>>,
    /// The buckets that the run made, or perhaps made.
    buckets: Mutex<BTreeSet<String>>,
    /// The same, and those that the endpoint refused to make.
    all_buckets: Mutex<BTreeSet<String>>,
    /// Whether it made, or perhaps made, anything in a bucket.
    has_objects: AtomicBool,
    /// How many requests that may make something nobody waited for until they were answered.
    unanswered: AtomicUsize,
    stop: CancellationToken,
}

impl Recorder {
    /// One for a run that stops when `cancelled`.
    pub fn new(ledger: Option<Arc<Ledger>>, cancelled: &CancellationToken) -> Self {
        Self {
            ledger,
            broken: Mutex::default(),
            buckets: Mutex::default(),
            all_buckets: Mutex::default(),
            has_objects: AtomicBool::new(false),
            unanswered: AtomicUsize::new(0),
            stop: cancelled.child_token(),
        }
    }

    /// Whether the run is to go on: it was not interrupted, and the ledger can be written to.
    pub fn go_on(&self) -> Result<(), Cut> {
        if self.stop.is_cancelled() { Err(Cut) } else { Ok(()) }
    }

    /// Whether a thing may be made: it is recorded then.
    pub fn may_make(&self, made: Made) -> Result<(), Cut> {
        self.go_on()?;
        if let Some(ledger) = &self.ledger {
            ledger.record(made.clone()).map_err(|error| {
                // The first error is the cause of all others.
                self.broken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                self.stop.cancel();
                Cut
            })?;
        }
        match made {
            Made::Bucket { bucket } => {
                self.all_buckets.lock().unwrap_or_else(PoisonError::into_inner).insert(bucket.clone());
                self.buckets.lock().unwrap_or_else(PoisonError::into_inner).insert(bucket);
            }
            Made::Object { .. } | Made::Upload { .. } => self.has_objects.store(true, Ordering::Relaxed),
        }
        Ok(())
    }

    /// The endpoint refused to make a bucket.
    pub fn was_not_made(&self, bucket: &str) {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner).remove(bucket);
    }

    /// Where the run made something: the buckets that it made, or perhaps made, and the one that it was given.
    pub fn buckets(&self, given: Option<&str>) -> Vec<Bucket> {
        let made = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |name: &str, is_made| Bucket { name: name.to_owned(), is_made };
        let given = given.filter(|_| self.has_objects.load(Ordering::Relaxed));
        given.map(|name| of(name, false)).into_iter().chain(made.iter().map(|name| of(name, true))).collect()
    }

    /// The names of all buckets that the run made or tried to make, and of the one that it was given, sorted.
    pub fn all_buckets(&self, given: Option<&str>) -> Vec<String> {
        let mut all = self.all_buckets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.extend(given.map(str::to_owned));
        all.into_iter().collect()
    }

    /// Until the run is to stop.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// A request that may make something is about to be sent.
    pub fn sending(&self) -> Sending<'_> {
        Sending(&self.unanswered)
    }

    /// Nothing of the run is left: the ledger goes. Why not, where it cannot, or where more may come.
    pub fn all_removed(&self) -> Option<String> {
        let unanswered = self.unanswered.load(Ordering::Relaxed);
        if unanswered > 0 {
            let requests = if unanswered == 1 { "1 request".to_owned() } else { format!("{unanswered} requests") };
            return Some(format!(
                "what the endpoint may still store: {requests} had no answer in time, and may be carried out after this clean-up"
            ));
        }
        self.ledger.as_ref().and_then(|ledger| ledger.remove().err()).map(|error| error.to_string())
    }

    /// Why the ledger can no longer be written to, if so; told once.
    pub fn take_broken(&self) -> Option<WriteError> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A request that may make something, on its way. Where this is dropped before it is answered, it counts as unanswered.
pub(super) struct Sending<'a>(&'a AtomicUsize);

impl Sending<'_> {
    /// It came to this.
    pub fn came_to(self, reply: &Reply) {
        if !is_given_up(reply) {
            std::mem::forget(self);
        }
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl From<Cut> for PrepareError {
    /// A broken ledger is told of at the end.
    fn from(_: Cut) -> Self {
        Self::Interrupted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Addressing;
    use crate::ledger::{FORMAT, Head, RunId};

    #[test]
    fn what_cannot_be_recorded_may_not_be_made_nor_anything_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let head = Head {
            format: FORMAT.to_owned(),
            run: RunId::random(),
            started: "2026-11-26T05:00:00Z".to_owned(),
            ssecheck: "0".to_owned(),
            endpoint: "https://h/".to_owned(),
            region: "r".to_owned(),
            addressing: Addressing::Path,
            prefix: String::new(),
            bucket: None,
        };
        let ledger = Arc::new(Ledger::create(folder.path(), head).unwrap());
        let recorder = Recorder::new(Some(Arc::clone(&ledger)), &CancellationToken::new());
        let bucket = |name: &str| Made::Bucket { bucket: name.to_owned() };
        assert!(recorder.may_make(bucket("a")).is_ok());
        ledger.leave_room(5);
        assert!(recorder.may_make(bucket("b")).is_err() && recorder.go_on().is_err());
        ledger.leave_room(1000);
        assert!(recorder.may_make(bucket("a")).is_err() && recorder.may_make(bucket("c")).is_err());
        assert_eq!(recorder.buckets(None), [Bucket { name: "a".to_owned(), is_made: true }]);
        recorder.was_not_made("a");
        assert_eq!(recorder.buckets(None), []);
        assert_eq!(recorder.all_buckets(Some("given")), ["a", "given"]);
        assert!(recorder.take_broken().is_some());
    }
}
