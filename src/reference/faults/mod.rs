//! Faults: deliberate departures of the reference endpoint from single rules, each of a kind that real servers have.
//!
//! A scenario that no fault makes fail proves nothing when it passes; `ssecheck prove` finds those. The honest code asks
//! [`Faults`] at a few places what to do otherwise; without a fault the answer is always "nothing".
//!
//! - [`headers`](self::headers): the SSE-C headers are read otherwise.
//! - [`access`](self::access): reads are let through that must be refused, and what they are served.
//! - [`flaws`](self::flaws): the kinds of departure that the honest code asks for by name.
//! - [`data`](self::data): the bytes served are not those stored.
//! - [`answers`](self::answers): what answers say of an object, and how refusals are written.
//! - [`occasions`](self::occasions): which faults would have shown, were they switched on.

mod access;
mod answers;
mod data;
mod flaws;
mod headers;
mod occasions;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub(crate) use self::access::{Read, Serves};
pub(crate) use self::answers::{Asked, View};
pub(crate) use self::data::{Asks, Served};

pub use self::occasions::Occasions;

pub(crate) use self::flaws::{
    AnnotationFlaw, ChecksumFlaw, ConditionFlaw, CopyFlaw, FormFlaw, ListingFlaw, PartFlaw, ReadFlaw, SettingFlaw,
    WriteFlaw,
};

pub(crate) use self::access::{Admission, Despite, Of};
pub(crate) use self::answers::{EchoFlaw, EtagFlaw};
pub(crate) use self::data::DataFlaw;
pub(crate) use self::headers::Reading;

/// What a request does with a customer key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Put,
    Post,
    Get,
    Head,
    Attributes,
    CopyTarget,
    CopySource,
    CreateUpload,
    UploadPart,
    PartCopyTarget,
    PartCopySource,
}

/// What an endpoint with a fault does otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Departure {
    /// The SSE-C headers of these requests are read otherwise.
    Reads(&'static [Action], Reading),
    /// The form of the SSE-C headers of these requests is not checked: that there are any is enough.
    LeavesUnchecked(&'static [Action]),
    /// Reads are let through that must be refused.
    Admits(Admission),
    /// The bytes of an answer are not those stored.
    Data(DataFlaw),
    /// These answers echo algorithm and MD5 otherwise.
    Echoes(&'static [Action], EchoFlaw),
    /// The ETags made by these requests are of another kind.
    MakesEtags(&'static [Action], EtagFlaw),
    /// This view shows another ETag than the object's.
    ShowsOtherEtag(View),
    /// This view shows the ciphertext's size of objects that were written whole, and of parts.
    ShowsCiphertextSize(View),
    /// This view shows the ciphertext's size of objects made of parts.
    ShowsCiphertextSizeOfParts(View),
    /// Every request of these kinds that carries an SSE-C header is refused with this status.
    RefusesAll(&'static [Action], u16),
    /// The first PutObject with SSE-C headers is taken; after it every request with any is refused with this status.
    RefusesAllButTheFirst(u16),
    /// A fault of writes.
    Writes(WriteFlaw),
    /// A fault of copies.
    Copies(CopyFlaw),
    /// A fault of multipart uploads.
    Parts(PartFlaw),
    /// A fault of conditional reads.
    Conditions(ConditionFlaw),
    /// A fault of listing and deleting.
    Listings(ListingFlaw),
    /// A fault of reads with the right key.
    Reading(ReadFlaw),
    /// A fault of digests and checksums.
    Checksums(ChecksumFlaw),
    /// A fault of tags and access control lists.
    Annotations(AnnotationFlaw),
    /// A fault of browser form uploads.
    Forms(FormFlaw),
    /// A fault of bucket policies and of the setting that blocks SSE-C.
    Settings(SettingFlaw),
}

/// The faults that an endpoint has; none unless told.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    list: Arc<[Departure]>,
    /// Whether a PutObject with SSE-C headers has come.
    first_put_taken: Arc<AtomicBool>,
    /// Where it is noted which faults would have shown.
    occasions: Option<Occasions>,
}

impl Faults {
    /// These together.
    #[must_use]
    pub fn of(departures: Vec<Departure>) -> Self {
        Self { list: departures.into(), ..Self::default() }
    }

    /// Whether there is any, or could be, so that what faults ask for must be kept.
    pub(super) fn any(&self) -> bool {
        !self.list.is_empty() || self.notes_occasions()
    }

    /// Whether the endpoint departs in this way.
    pub(super) fn has(&self, flaw: impl Into<Departure>) -> bool {
        let flaw = flaw.into();
        self.any_is(|departure| departure == flaw)
    }

    fn departures(&self) -> impl Iterator<Item = Departure> {
        self.list.iter().copied()
    }

    /// Whether the form of the SSE-C headers of an action is left unchecked.
    pub(super) fn leaves_unchecked(&self, action: Action) -> bool {
        self.any_is(|departure| matches!(departure, Departure::LeavesUnchecked(own) if own.contains(&action)))
    }

    /// Whether ETags under a customer key are made of the content, so that its digest must be known.
    pub(super) fn makes_etags(&self) -> bool {
        self.departures().any(|departure| matches!(departure, Departure::MakesEtags(..)))
    }
}
