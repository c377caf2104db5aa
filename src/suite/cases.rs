//! The expanded scenarios of a file as they are checked and typed one by one, and what is not known of them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::conform::Shape;
use super::expand::{Expanded, Origin, Place};
use super::found::Found;
use super::malformed::Malformed;
use super::model::{Scenario, Step};

/// What is not known of a file because of mistakes that are reported.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// Outside the scenarios.
    pub file: Malformed,
    /// By the index of the case.
    pub cases: BTreeMap<usize, Arc<Malformed>>,
    /// Texts of what was taken out of scenarios, which may be names; and, where a placeholder could not be filled in, of the tables.
    pub texts: HashSet<String>,
    /// Whether a placeholder in scenarios could not be filled in.
    pub has_unfilled: bool,
    /// Whether all cases are read.
    pub is_whole: bool,
}

/// The most malformed places that are kept of all cases together, but for those of equal neighbours. With more of them a file is not
/// checked further than against the schema.
const MAX_MALFORMED: usize = 10_000;

/// The expanded scenarios of a file, as they are handed over.
pub(super) struct Cases {
    /// Whether the file is known to be right.
    is_known: bool,
    /// Those that are typed.
    pub so_far: Vec<(Scenario, Origin)>,
    /// Where they are malformed, by their index; equal neighbours share it.
    malformed: BTreeMap<usize, Arc<Malformed>>,
    /// Where the last of them is.
    of_last: Malformed,
    /// How many places are kept.
    places: usize,
    /// Texts of what was taken out.
    pub texts: HashSet<String>,
    /// Whether a placeholder could not be filled in.
    pub has_unfilled: bool,
    /// Whether no more is taken: something cannot be typed, or too much is malformed.
    has_given_up: bool,
}

impl Cases {
    pub fn new(is_known: bool) -> Self {
        Self {
            is_known,
            so_far: Vec::new(),
            malformed: BTreeMap::new(),
            of_last: Malformed::default(),
            places: 0,
            texts: HashSet::new(),
            has_unfilled: false,
            has_given_up: false,
        }
    }

    /// Takes the next piece, unless no more mistakes are shown.
    pub fn take(&mut self, piece: Expanded, at: Place<'_>, unfilled: &[String], found: &mut Found<'_>) {
        if found.is_full() || self.has_given_up {
            return;
        }
        self.has_unfilled |= !unfilled.is_empty();
        match piece {
            Expanded::Scenario(value, origin) => {
                self.close_last();
                let Some(mut scenario) = self.read::<Scenario>(Shape::Scenario, value, at, unfilled, found) else {
                    return;
                };
                if let Some((former, _)) = self.so_far.last().filter(|(_, former)| former.scenario == origin.scenario) {
                    scenario.share(former);
                }
                self.so_far.push((scenario, origin));
            }
            Expanded::Step(value) => {
                let Some(step) = self.read::<Step>(Shape::Step, value, at, unfilled, found) else { return };
                self.push(Some(step));
            }
            Expanded::SameStep => {
                self.push(None);
                let former = self.so_far.len().checked_sub(2).and_then(|former| self.malformed.get(&former));
                for place in
                    former.into_iter().flat_map(|former| former.below(&at.pointer()).cloned().collect::<Vec<_>>())
                {
                    self.of_last.add(&place);
                }
            }
        }
    }

    /// Keeps where the last case is malformed.
    fn close_last(&mut self) {
        let of_last = std::mem::take(&mut self.of_last);
        let Some(last) = self.so_far.len().checked_sub(1).filter(|_| !of_last.is_empty()) else { return };
        let former = last.checked_sub(1).and_then(|former| self.malformed.get(&former));
        let kept = match former.filter(|former| ***former == of_last) {
            Some(former) => Arc::clone(former),
            None => {
                self.places += of_last.below("").count();
                Arc::new(of_last)
            }
        };
        self.malformed.insert(last, kept);
        self.has_given_up |= self.places > MAX_MALFORMED;
    }

    /// Checks a piece, and types what of it conforms.
    fn read<T: DeserializeOwned>(
        &mut self,
        shape: Shape,
        mut value: Value,
        at: Place<'_>,
        unfilled: &[String],
        found: &mut Found<'_>,
    ) -> Option<T> {
        if !self.is_known {
            let mut malformed = shape.check(&mut value, at, unfilled, found);
            self.of_last.join(&mut malformed);
            self.texts.extend(self.of_last.texts.drain());
        }
        let typed = typed(&value, at, found);
        self.has_given_up |= typed.is_none();
        typed
    }

    /// Adds a step to the last case: that of the scenario's former case, where they are the same.
    fn push(&mut self, step: Option<Step>) {
        let Some(((last, origin), before)) = self.so_far.split_last_mut() else { return };
        let former = before.last().filter(|(_, former)| former.scenario == origin.scenario);
        let former = former.and_then(|(former, _)| former.steps.get(last.steps.len()));
        last.steps.extend(match step {
            Some(step) if former.is_none_or(|former| **former != step) => Some(Arc::new(step)),
            _ => former.cloned(),
        });
    }

    /// What is not known of these cases; a last one that lacks steps is dropped. Nothing where no more can be said.
    pub fn gaps(&mut self, file: Malformed, is_whole: bool) -> Option<Gaps> {
        self.close_last();
        if self.has_given_up {
            return None;
        }
        if self.so_far.pop_if(|(case, origin)| case.steps.len() < origin.steps.len()).is_some() {
            self.malformed.remove(&self.so_far.len());
        }
        let (cases, texts) = (std::mem::take(&mut self.malformed), std::mem::take(&mut self.texts));
        Some(Gaps { file, cases, texts, has_unfilled: self.has_unfilled, is_whole })
    }
}

/// Deserializes a value, or reports at its place why that fails. The schema check has already taken out almost all that would make
/// it fail.
pub(super) fn typed<T: DeserializeOwned>(value: &Value, at: Place<'_>, found: &mut Found<'_>) -> Option<T> {
    T::deserialize(value).map_err(|error| found.at(&at.pointer(), error.to_string(), None)).ok()
}
