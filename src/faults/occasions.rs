//! Which faults would have shown: those whose layer does anything to a request or its response.
//!
//! Each request goes to the endpoint once, and then through the layer of each fault by itself, with what the endpoint came to in the
//! endpoint's place. A fault that hands the same request on, once, and returns the same response makes no difference to it. Facts and
//! memory are as before the request; the store, where a fault looks at it, is as after it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::Response;
use s3s::Body;

use super::Fault;
use super::bodies::read_body;
use super::defect::{Buffered, Call, Defect};
use super::facts::Facts;
use super::memory::Memory;
use super::recorders::Write;
use crate::reference::error::Refusal;
use crate::reference::identity::Identity;
use crate::reference::layer::{Handler, Layer, Reply};
use crate::reference::request::Request;
use crate::reference::store::Store;
use crate::reference::wire::Epilogue;

/// The faults that would have shown since this was last asked for.
#[derive(Debug, Clone)]
pub struct Occasions {
    faults: Vec<&'static Fault>,
    shown: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Occasions {
    /// Watches these faults.
    #[must_use]
    pub fn of(faults: &[&'static Fault]) -> Self {
        Self { faults: faults.to_vec(), shown: Arc::default() }
    }

    /// Ids of the faults that would have shown since this was last asked.
    #[must_use]
    pub fn take(&self) -> BTreeSet<&'static str> {
        std::mem::take(&mut *self.shown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn has(&self, fault: &str) -> bool {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).contains(fault)
    }

    fn note(&self, fault: &'static str) {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).insert(fault);
    }

    /// A layer that notes.
    pub(super) fn layer(&self, memory: &Memory) -> Watching {
        let faults = self.faults.iter().map(|fault| (fault.id, fault.defect()));
        Watching { occasions: self.clone(), memory: memory.clone(), faults: faults.collect() }
    }
}

/// Notes which faults would have shown.
pub(super) struct Watching {
    occasions: Occasions,
    memory: Memory,
    faults: Vec<(&'static str, Box<dyn Defect>)>,
}

/// What a request came to.
enum Outcome {
    Response { head: http::response::Parts, body: Bytes },
    Refusal(Refusal),
}

impl Outcome {
    async fn of(reply: Reply) -> Self {
        match reply {
            Ok(response) => {
                let (response, body) = read_body(response).await;
                Self::Response { head: response.into_parts().0, body }
            }
            Err(refusal) => Self::Refusal(refusal),
        }
    }

    fn reply(&self) -> Reply {
        match self {
            Self::Response { head, body } => Ok(Response::from_parts(head.clone(), Body::from(body.clone()))),
            Self::Refusal(refusal) => Err(refusal.clone()),
        }
    }

    /// Whether a client sees the same.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Refusal(refusal), Self::Refusal(other)) => refusal == other,
            (Self::Response { head, body }, Self::Response { head: other, body: other_body }) => {
                let same_head = head.status == other.status && head.headers == other.headers;
                same_head && body == other_body && other.extensions.get::<Epilogue>().is_none()
            }
            _ => false,
        }
    }
}

/// Stands in the place of the endpoint.
struct Stand<'s> {
    sent: &'s Buffered,
    outcome: &'s Outcome,
    store: &'s Store,
    calls: Mutex<usize>,
    is_other: AtomicBool,
}

#[async_trait::async_trait]
impl Handler for Stand<'_> {
    async fn call(&self, request: Request) -> Reply {
        let calls = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            *calls += 1;
            *calls
        };
        let request = Buffered::of(request).await;
        if calls > 1 || !request.is(self.sent) {
            self.is_other.store(true, Ordering::Relaxed);
        }
        self.outcome.reply()
    }

    fn store(&self) -> &Store {
        self.store
    }
}

impl Watching {
    /// Whether a fault makes a difference.
    async fn shows(
        &self,
        defect: &dyn Defect,
        (sent, facts): (&Buffered, &Arc<Facts>),
        outcome: &Outcome,
        identity: &Identity,
        store: &Store,
    ) -> bool {
        let stand = Stand { sent, outcome, store, calls: Mutex::new(0), is_other: AtomicBool::new(false) };
        let call = Call { request: sent.request(), facts: Arc::clone(facts), inner: &stand };
        let reply = Outcome::of(defect.call(call).await).await;
        let is_called = *stand.calls.lock().unwrap_or_else(PoisonError::into_inner) == 1;
        if !is_called || stand.is_other.load(Ordering::Relaxed) {
            return true;
        }
        // A refusal may have been written on its way.
        let same = outcome.is(&reply)
            || match outcome {
                Outcome::Refusal(refusal) => Outcome::of(Ok(refusal.response(identity))).await.is(&reply),
                Outcome::Response { .. } => false,
            };
        !same
    }
}

#[async_trait::async_trait]
impl Layer for Watching {
    async fn call(&self, request: Request, inner: &dyn Handler) -> Reply {
        let facts = Facts::of(&request, inner.store(), &self.memory);
        let identity = Arc::clone(&request.identity);
        let sent = Buffered::of(request).await;
        let write = Write::of(&sent.request());
        let outcome = Outcome::of(inner.call(sent.request()).await).await;
        for (id, defect) in &self.faults {
            if !self.occasions.has(id)
                && self.shows(&**defect, (&sent, &facts), &outcome, &identity, inner.store()).await
            {
                self.occasions.note(id);
            }
        }
        // What faults know of objects is as it was before the request until now.
        write.remember(&self.memory, outcome.reply()?, inner.store()).await
    }
}
