//! The in-memory model: what is stored, under which customer keys, and what has happened to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::names::{Body, Content, Key, Object};
use super::presented::Presented;
use crate::suite::model::BucketKind;

/// What the model knows of a bucket.
#[derive(Debug, Clone)]
pub struct State {
    /// The kind of bucket.
    pub bucket: BucketKind,
    /// What comes more often than the rest.
    pub theme: Theme,
    /// Ids of the capabilities that the endpoint lacks.
    pub lacking: Arc<BTreeSet<String>>,
    /// Versions by object, oldest first; one at most where the bucket keeps none.
    pub objects: BTreeMap<Object, Vec<Version>>,
    /// Open uploads by object.
    pub uploads: BTreeMap<Object, Upload>,
    /// Objects whose last upload was aborted.
    pub aborted: BTreeSet<Object>,
    /// Customer keys that went over plain HTTP: they are never used again.
    pub exposed: BTreeSet<Key>,
    /// What was read last, and refused.
    pub refused_get: Option<RefusedGet>,
    /// How many requests there were.
    pub steps: usize,
}

/// What a sequence is mostly about: where everything comes as often as everything else, what takes several requests hardly ever comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Everything.
    Everything,
    /// Reads of what few writes made.
    Reads,
    /// Copies, and reads of what is made by them.
    Copies,
    /// Multipart uploads, and reads of what is made by them.
    Uploads,
}

/// A GetObject that was to be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedGet {
    /// Id of its step.
    pub step: String,
    /// The object.
    pub object: Object,
    /// What was said of its key.
    pub key: Presented,
}

/// A version of an object, or a delete marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Id of the step that made it.
    pub step: String,
    /// The number of that step.
    pub at: usize,
    /// Whether another object was there, whose place it took.
    pub is_over: bool,
    /// What it holds; nothing in a delete marker.
    pub stored: Option<Stored>,
}

/// What a version holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its content.
    pub content: Content,
    /// The customer key that it is stored under.
    pub key: Option<Key>,
    /// How it came into being.
    pub origin: Origin,
    /// Whether it has the user metadata and the Content-Type of its write.
    pub has_metadata: bool,
    /// Whether it was written with a CRC32.
    pub has_crc32: bool,
    /// Whether it has tags.
    pub has_tags: bool,
    /// Id of a step whose answer told its date.
    pub dated: Option<String>,
    /// What happened since, after which it must read as before.
    pub disturbed: Option<Disturbed>,
}

/// Something after which an object must read as before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disturbed {
    /// The rule that says so.
    pub rule: &'static str,
    /// The number of the step.
    pub at: usize,
}

/// How an object came into being.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// By PutObject.
    Put {
        /// The body was framed.
        framed: bool,
        /// An object under a customer key was there before.
        over_key: bool,
    },
    /// By CopyObject.
    Copy {
        /// The key of the source.
        source_key: Option<Key>,
        /// The source was made of parts.
        of_parts: bool,
        /// The source was a version that was named.
        of_version: bool,
        /// It is a copy of the object onto itself.
        onto_itself: bool,
        /// The metadata was replaced.
        replaced: bool,
        /// The source.
        source: Object,
    },
    /// By CompleteMultipartUpload.
    Parts {
        /// Their sizes, in order, by number.
        parts: Vec<(u32, u64)>,
        /// One of them was uploaded again.
        replaced: bool,
        /// One of them is a copy.
        copied: bool,
        /// One of them was framed.
        framed: bool,
    },
}

/// An open upload.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Id of the step that made it.
    pub step: String,
    /// Its customer key.
    pub key: Option<Key>,
    /// Its parts.
    pub parts: BTreeMap<u32, Part>,
    /// Numbers of parts that were refused for their SSE-C headers.
    pub refused: BTreeSet<u32>,
    /// Whether a part was uploaded again.
    pub replaced: bool,
}

/// A part of an open upload.
#[derive(Debug, Clone)]
pub struct Part {
    /// Id of the step that made it.
    pub step: String,
    /// Its content.
    pub content: Content,
    /// Whether it is a copy.
    pub copied: bool,
    /// Whether it was framed.
    pub framed: bool,
}

impl State {
    /// An empty bucket.
    #[must_use]
    pub fn empty(bucket: BucketKind, theme: Theme, lacking: Arc<BTreeSet<String>>) -> Self {
        Self {
            bucket,
            theme,
            lacking,
            objects: BTreeMap::new(),
            uploads: BTreeMap::new(),
            aborted: BTreeSet::new(),
            exposed: BTreeSet::new(),
            refused_get: None,
            steps: 0,
        }
    }

    /// Whether the bucket keeps versions.
    #[must_use]
    pub fn is_versioned(&self) -> bool {
        self.bucket == BucketKind::Versioned
    }

    /// The newest version of an object; a delete marker, too.
    #[must_use]
    pub fn newest(&self, object: Object) -> Option<&Version> {
        self.objects.get(&object)?.last()
    }

    /// What is read where an object is not named by version.
    #[must_use]
    pub fn current(&self, object: Object) -> Option<&Stored> {
        self.newest(object)?.stored.as_ref()
    }

    /// The version that is so many newer ones away from the newest.
    #[must_use]
    pub fn back(&self, object: Object, newer: usize) -> Option<&Version> {
        let versions = self.objects.get(&object)?;
        versions.get(versions.len().checked_sub(newer + 1)?)
    }

    /// Stores a version; where the bucket keeps none, in place of what was there.
    pub fn store(&mut self, object: Object, version: Version) {
        let is_versioned = self.is_versioned();
        let versions = self.objects.entry(object).or_default();
        if !is_versioned {
            versions.clear();
        }
        versions.push(version);
    }

    /// Notes what an object must survive.
    pub fn disturb(&mut self, object: Object, rule: &'static str, at: usize) {
        let newest = self.objects.get_mut(&object).and_then(|versions| versions.last_mut());
        if let Some(stored) = newest.and_then(|version| version.stored.as_mut()) {
            // The first is the cause of whatever is found.
            stored.disturbed.get_or_insert(Disturbed { rule, at });
        }
    }

    /// Whether a version that is not this object's newest one is under the key.
    #[must_use]
    pub fn is_in_use_elsewhere(&self, key: Key, object: Object) -> bool {
        let mut others = self.objects.iter().filter(|(other, _)| **other != object).flat_map(|(_, versions)| versions);
        others.any(|version| version.stored.as_ref().is_some_and(|stored| stored.key == Some(key)))
    }

    /// Whether another version of this object than the one of the step is under the key.
    #[must_use]
    pub fn is_key_of_another_version(&self, key: Key, object: Object, step: &str) -> bool {
        let mut others = self.objects.get(&object).into_iter().flatten().filter(|version| version.step != step);
        others.any(|version| version.stored.as_ref().is_some_and(|stored| stored.key == Some(key)))
    }
}

impl Stored {
    /// Whether a body of it came in aws-chunked framing.
    #[must_use]
    pub fn is_framed(&self) -> bool {
        matches!(self.origin, Origin::Put { framed: true, .. } | Origin::Parts { framed: true, .. })
    }

    /// Whether it was written by a PutObject that had a body.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        matches!(self.origin, Origin::Put { framed: false, .. }) && self.content.length > 0
    }

    /// Whether it was made of parts.
    #[must_use]
    pub fn parts(&self) -> Option<&[(u32, u64)]> {
        match &self.origin {
            Origin::Parts { parts, .. } => Some(parts),
            _ => None,
        }
    }
}

impl Upload {
    /// The content that the parts come to, where a suite can say it: bodies as a whole, or a single slice.
    #[must_use]
    pub fn content(&self) -> Option<Content> {
        let mut parts = self.parts.values();
        if self.parts.len() == 1 {
            return parts.next().map(|part| part.content.clone());
        }
        let are_whole = parts.clone().all(|part| part.content.is_whole());
        let bodies: Vec<Body> = parts.clone().flat_map(|part| part.content.bodies.clone()).collect();
        let last = self.parts.keys().next_back()?;
        let are_large =
            self.parts.iter().all(|(number, part)| number == last || part.content.length >= Body::Part.length());
        (are_whole && are_large && bodies.len() <= 3).then(|| Content::whole(bodies))
    }
}
