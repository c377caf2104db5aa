//! Faults: deliberate departures of the reference endpoint from single rules, each of a kind that real servers have.
//!
//! A scenario that no fault makes fail proves nothing when it passes; `ssecheck prove` finds those. Faults are layers around the
//! reference endpoint, which knows nothing of them.
//!
//! - [`catalogue`](self::catalogue): the faults.
//! - [`defect`](self::defect): what a fault does, and the ways to say it in a line.
//! - [`facts`](self::facts): what a fault knows of a request.
//! - [`memory`](self::memory): what it knows of objects beside what is stored.

mod catalogue;
mod conditions;
mod data;
mod defect;
mod document;
mod facts;
mod headers;
mod memory;
mod occasions;
mod reads;

use std::sync::Arc;

use self::defect::{Call, Defect};
use self::facts::Facts;
use self::memory::{Memory, Recorder};
use crate::reference::Options;
use crate::reference::faults::{Departure, Faults as Hooks};
use crate::reference::layer::{Handler, Layer, Reply};
use crate::reference::request::Request;

pub use self::occasions::Occasions;

/// One deliberate departure from a rule.
#[derive(Debug)]
pub struct Fault {
    /// Stable id.
    pub id: &'static str,
    /// One line for people: what the endpoint does.
    pub summary: &'static str,
    /// Ids of the rules that it breaks; none where it only keeps the endpoint from being tested.
    pub breaks: &'static [&'static str],
    /// Where this kind of defect was seen.
    pub seen: &'static str,
    /// Whether it leaves nothing that a case could rest on: then no case may pass.
    pub nothing_passes: bool,
    /// Whether it refuses nothing in a way that counts: then no case may pass that has a positive control.
    pub refuses_nothing: bool,
    /// The profile that it departs from: `portable`, or `aws` where only what AWS does besides is not met.
    pub profile: &'static str,
    /// What it does.
    code: Code,
}

/// What a fault does.
#[derive(Debug, Clone, Copy)]
enum Code {
    Hook(Departure),
    Layer(fn() -> Box<dyn Defect>),
}

/// There is no such fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no fault `{id}`; {help}")]
pub struct UnknownFault {
    id: String,
    help: String,
}

impl Fault {
    /// All faults, in the order of reports.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        catalogue::SECTIONS.iter().copied().flatten()
    }

    /// The fault of this id.
    ///
    /// # Errors
    /// [`UnknownFault`], with the nearest id.
    pub fn named(id: &str) -> Result<&'static Self, UnknownFault> {
        let found = Self::all().find(|fault| fault.id == id);
        found.ok_or_else(|| UnknownFault { id: id.to_owned(), help: nearest(id) })
    }
}

fn nearest(id: &str) -> String {
    let near = Fault::all().map(|fault| fault.id).max_by(|a, b| {
        let likeness = |other: &str| strsim::normalized_damerau_levenshtein(id, other);
        likeness(a).total_cmp(&likeness(b))
    });
    near.map_or_else(String::new, |near| format!("the nearest is `{near}`; `ssecheck prove --list` shows all"))
}

/// The faults that an endpoint has; none unless told.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    list: Vec<&'static Fault>,
    /// Where it is noted which faults would have shown.
    occasions: Option<Occasions>,
}

impl Faults {
    /// These faults together; the first sees a request first, and its response last.
    #[must_use]
    pub fn of(faults: &[&'static Fault]) -> Self {
        Self { list: faults.to_vec(), occasions: None }
    }

    /// None, but it is noted which would have shown.
    #[must_use]
    pub fn noting(occasions: &Occasions) -> Self {
        Self { list: Vec::new(), occasions: Some(occasions.clone()) }
    }

    /// An endpoint with these.
    #[must_use]
    pub fn around(&self, mut options: Options) -> Options {
        let memory = Memory::default();
        let hooks = self.list.iter().filter_map(|fault| match fault.code {
            Code::Hook(departure) => Some(departure),
            Code::Layer(_) => None,
        });
        options.faults = match &self.occasions {
            Some(occasions) => Hooks::noting(&occasions.hooks),
            None => Hooks::of(hooks.collect()),
        };
        let mut layers: Vec<Arc<dyn Layer>> = Vec::new();
        if let Some(occasions) = &self.occasions {
            layers.push(Arc::new(occasions.layer(&memory)));
        }
        for fault in &self.list {
            if let Code::Layer(make) = fault.code {
                layers.push(Arc::new(FaultLayer { memory: memory.clone(), defect: make() }));
            }
        }
        if !layers.is_empty() {
            layers.push(Arc::new(Recorder(memory)));
            options.keeps_heads = true;
        }
        options.layers = layers;
        options
    }
}

/// A fault around an endpoint.
struct FaultLayer {
    memory: Memory,
    defect: Box<dyn Defect>,
}

#[async_trait::async_trait]
impl Layer for FaultLayer {
    async fn call(&self, request: Request, inner: &dyn Handler) -> Reply {
        let facts = Facts::of(&request, inner.store(), &self.memory);
        self.defect.call(Call { request, facts, inner }).await
    }
}
