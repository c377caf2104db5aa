//! Reads that are let through although they must be refused, and what they are served.

use super::{Action, Departure, Faults};
use crate::reference::sse_c::{Encryption, GivenKey};

/// A read that the honest code refuses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read {
    pub action: Action,
    /// Less than the whole is asked for.
    pub ranged: bool,
    pub by_part_number: bool,
    /// A version is named.
    pub by_version: bool,
    pub presigned: bool,
    /// SSE-C headers came without a key, and were passed over.
    pub key_left_out: bool,
    /// The key opens another object of the bucket, and that counts.
    pub key_opens_another: bool,
    /// The object has no bytes.
    pub empty: bool,
    /// The object was made of parts.
    pub multipart: bool,
    /// The source of a copy onto itself.
    pub onto_itself: bool,
}

/// What a read that is let through is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serves {
    /// The object's data.
    Data,
    /// As many bytes, of no meaning.
    Garbage,
    /// The head of a good answer, and then the connection is cut.
    HeadOnly,
    /// Half of as many bytes of no meaning, and then the connection is cut.
    HalfGarbage,
}

/// Which reads are let through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Admission {
    pub reads: &'static [Action],
    pub despite: Despite,
    pub of: Of,
    pub serves: Serves,
}

/// What is wrong with a read that is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Despite {
    NoKey,
    OtherKey,
    KeyOnPlainObject,
}

/// Of which objects, or in which way, reads are let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    All,
    Ranges,
    Parts,
    Versions,
    Empty,
    Multipart,
    Presigned,
    OntoItself,
    /// Asked for with SSE-C headers that leave the key out.
    KeyLeftOut,
}

impl Faults {
    /// Whether a read that was refused is let through after all, and to what.
    pub(crate) fn admits(&self, read: Read, encryption: &Encryption, key: Option<&GivenKey>) -> Option<Serves> {
        let wrong = match (encryption, key) {
            (Encryption::Store, _) => Despite::KeyOnPlainObject,
            (Encryption::Customer(_), None) => Despite::NoKey,
            (Encryption::Customer(_), Some(_)) => Despite::OtherKey,
        };
        self.first(|departure| match departure {
            Departure::Admits(admission) if admission.covers(read, wrong) => Some(admission.serves),
            _ => None,
        })
    }
}

impl Admission {
    fn covers(&self, read: Read, wrong: Despite) -> bool {
        let fits = match self.of {
            Of::All => true,
            Of::Ranges => read.ranged,
            Of::Parts => read.by_part_number,
            Of::Versions => read.by_version,
            Of::Empty => read.empty,
            Of::Multipart => read.multipart,
            Of::Presigned => read.presigned,
            Of::OntoItself => read.onto_itself,
            Of::KeyLeftOut => read.key_left_out,
        };
        fits && self.despite == wrong && self.reads.contains(&read.action)
    }
}
