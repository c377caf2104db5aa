//! Faults: deliberate departures of the reference endpoint from single rules, each of a kind that real servers have.
//!
//! A scenario that no fault makes fail proves nothing when it passes; `ssecheck prove` finds those. Faults are layers around the
//! reference endpoint, which knows nothing of them.
//!
//! - [`catalogue`](self::catalogue): the faults.
//! - [`defect`](self::defect): what a fault does, and the ways to say it in a line.
//! - [`facts`](self::facts): what a fault knows of a request.
//! - [`memory`](self::memory): what it knows of objects beside what is stored.

mod bodies;
mod catalogue;
mod conditions;
mod data;
mod defect;
mod document;
mod facts;
mod generated;
mod headers;
mod memory;
mod occasions;
mod predicate;
mod reads;
mod recorders;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::defect::{Call, Defect};
use self::facts::Facts;
use self::generated::Generated;
use self::memory::Memory;
use self::predicate::Sight;
use self::recorders::{ReadRecorder, Recorder};
use crate::reference::layer::{Handler, Layer, Reply};
use crate::reference::request::Request;
use crate::reference::{Layers, Options};

pub use self::occasions::Occasions;
pub use self::predicate::{Predicate, PredicateError};

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
    /// The requests that it is narrowed to: all of these hold.
    narrowed_by: &'static [Predicate],
}

/// What a fault does.
#[derive(Debug, Clone, Copy)]
enum Code {
    Layer(fn() -> Box<dyn Defect>),
    Generated(Generated),
}

/// There is no such fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// No fault has this id.
    #[error("there is no fault `{id}`; {help}")]
    Unknown {
        /// The id.
        id: String,
        /// What to do.
        help: String,
    },
    /// It is narrowed by what is no predicate.
    #[error(transparent)]
    Predicate(#[from] PredicateError),
    /// The bracket is not closed, or nothing is in it.
    #[error("`{0}` is not of the form ID[PREDICATE,…]")]
    Form(String),
}

impl Fault {
    /// All faults, in the order of reports.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        catalogue::SECTIONS.iter().copied().flatten()
    }

    /// The fault of this id.
    ///
    /// # Errors
    /// [`FaultError::Unknown`], with the nearest id.
    pub fn named(id: &str) -> Result<&'static Self, FaultError> {
        let found = Self::all().find(|fault| fault.id == id);
        found.ok_or_else(|| FaultError::Unknown {
            id: id.to_owned(),
            help: nearest(id, Self::all().map(|fault| fault.id)),
        })
    }

    /// Reads `ID`, or `ID[PREDICATE,…]` for a fault that shows only where all these predicates hold.
    ///
    /// # Errors
    /// [`FaultError`].
    pub fn read(text: &str) -> Result<&'static Self, FaultError> {
        let Some((id, rest)) = text.split_once('[') else { return Self::named(text) };
        let fault = Self::named(id)?;
        let is_full = |listed: &&str| listed.split(',').all(|one| !one.trim().is_empty());
        let listed = rest.strip_suffix(']').filter(is_full);
        let listed = listed.ok_or_else(|| FaultError::Form(text.to_owned()))?;
        let predicates = listed.split(',').map(|one| one.trim().parse()).collect::<Result<Vec<Predicate>, _>>()?;
        // It comes from the command line, and lives as long as the program.
        Ok(Box::leak(Box::new(fault.narrowed(text, predicates))))
    }

    /// Faults that nobody chose; what they are about is in their id.
    pub fn generated() -> impl Iterator<Item = &'static Self> {
        generated::ALL.iter()
    }

    /// Whether it shows in the same cases each time, whatever else goes on and how long it takes.
    #[must_use]
    pub fn is_steady(&self) -> bool {
        self.narrowed_by.iter().all(Predicate::is_steady)
    }

    /// Whether predicates narrow it.
    #[must_use]
    pub fn is_narrowed(&self) -> bool {
        !self.narrowed_by.is_empty()
    }

    /// Whether it is one of the catalogue, neither narrowed nor generated.
    #[must_use]
    pub fn is_catalogued(&self) -> bool {
        self.narrowed_by.is_empty() && !matches!(self.code, Code::Generated(_))
    }

    fn narrowed(&self, id: &str, predicates: Vec<Predicate>) -> Self {
        Self { id: String::leak(id.to_owned()), narrowed_by: Vec::leak(predicates), ..*self }
    }

    /// What it does.
    fn defect(&self) -> Box<dyn Defect> {
        let defect = match &self.code {
            Code::Layer(make) => make(),
            Code::Generated(generated) => generated.defect(),
        };
        if self.narrowed_by.is_empty() {
            defect
        } else {
            Box::new(Narrowed { fault: self.id, predicates: self.narrowed_by, defect })
        }
    }
}

/// A defect that shows only where predicates hold.
struct Narrowed {
    fault: &'static str,
    predicates: &'static [Predicate],
    defect: Box<dyn Defect>,
}

#[async_trait::async_trait]
impl Defect for Narrowed {
    async fn call(&self, call: Call<'_>) -> Reply {
        let sight = Sight { request: &call.request, facts: &call.facts, fault: self.fault };
        // Only what all others hold of is counted.
        let (counting, others): (Vec<_>, Vec<_>) = self.predicates.iter().partition(|predicate| predicate.counts());
        if others.iter().all(|predicate| predicate.holds(&sight)) && counting.iter().all(|one| one.holds(&sight)) {
            self.defect.call(call).await
        } else {
            call.go().await
        }
    }
}

/// What to do about a name that is none of these: the nearest, and where all are shown.
fn nearest(name: &str, known: impl Iterator<Item = &'static str>) -> String {
    let likeness = |known: &str| strsim::normalized_damerau_levenshtein(name, known);
    let near = known.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or_default();
    format!("the nearest is `{near}`; `ssecheck prove --list` shows all")
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
        let mut layers: Vec<Arc<dyn Layer>> = Vec::new();
        if let Some(occasions) = &self.occasions {
            layers.push(Arc::new(occasions.layer(&memory)));
        }
        for fault in &self.list {
            layers.push(Arc::new(FaultLayer { memory: memory.clone(), defect: fault.defect() }));
        }
        if !layers.is_empty() {
            layers.insert(0, Arc::new(ReadRecorder(memory.clone())));
        }
        if !self.list.is_empty() {
            layers.push(Arc::new(Recorder(memory)));
        }
        options.layers = Layers { keep_heads: !layers.is_empty(), layers };
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
