//! What all keys of a run begin with: by it all of them are found at once, so that a text that holds none need not be searched again
//! for those of another case.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::beginnings::Beginnings;
use super::{Needle, SHORTEST_SECRET, in_every_form};

/// As many texts are remembered: those that scenarios send and are sent are far fewer.
const MOST_REMEMBERED: usize = 4096;

/// The bytes that all keys of a run begin with, and what is known by them.
pub struct Alike {
    bytes: Zeroizing<Vec<u8>>,
    beginnings: Arc<Beginnings>,
    /// Digests of texts in which nothing was found, with what was looked for besides: 64 bits under a key that nobody else knows.
    clean: Mutex<HashSet<u64>>,
    digests: RandomState,
}

impl Alike {
    /// What begins with these bytes; nothing where they are too few to tell a key by.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Arc<Self>> {
        let needles = (bytes.len() >= SHORTEST_SECRET).then(|| in_every_form(bytes, &[], 0, 0))?;
        Some(Arc::new(Self {
            bytes: Zeroizing::new(bytes.to_vec()),
            beginnings: Arc::new(Beginnings::of(&needles)),
            clean: Mutex::default(),
            digests: RandomState::new(),
        }))
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How needles begin, that which all begin so being known already.
    pub(super) fn beginnings_of(&self, needles: &[Needle]) -> Arc<Beginnings> {
        if self.beginnings.are_those_of(needles) {
            Arc::clone(&self.beginnings)
        } else {
            Arc::new(Beginnings::of(needles))
        }
    }

    /// The digest of a text and of what it is searched for.
    pub(super) fn digest(&self, searched: impl Hash) -> u64 {
        self.digests.hash_one(searched)
    }

    /// Whether nothing was found in a text.
    pub(super) fn is_clean(&self, digest: u64) -> bool {
        self.clean.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest)
    }

    /// Takes note that nothing was found in a text.
    pub(super) fn was_clean(&self, digest: u64) {
        let mut clean = self.clean.lock().unwrap_or_else(PoisonError::into_inner);
        if clean.len() >= MOST_REMEMBERED {
            clean.clear();
        }
        clean.insert(digest);
    }

    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.clean.lock().unwrap().len()
    }
}
