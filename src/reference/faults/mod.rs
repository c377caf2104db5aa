//! Faults: deliberate departures of the reference endpoint from single rules, each of a kind that real servers have.
//!
//! A scenario that no fault makes fail proves nothing when it passes; `ssecheck prove` finds those. The honest code asks
//! [`Faults`] at a few places what to do otherwise; without a fault the answer is always "nothing".
//!
//! - [`catalogue`](self::catalogue): which faults there are.
//! - [`headers`](self::headers): the SSE-C headers are read otherwise.
//! - [`access`](self::access): reads are let through that must be refused, and what they are served.
//! - [`flaws`](self::flaws): the kinds of departure that the honest code asks for by name.
//! - [`data`](self::data): the bytes served are not those stored.
//! - [`answers`](self::answers): what answers say of an object, and how refusals are written.
//! - [`occasions`](self::occasions): which faults would have shown, were they switched on.
//! - [`beyond`](self::beyond): bytes after the end of an answer, and requests as they were written.

mod access;
mod answers;
mod beyond;
mod catalogue;
mod data;
mod flaws;
mod headers;
mod occasions;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub(super) use self::access::{Read, Serves};
pub(super) use self::answers::{Asked, Leak, View};
pub(super) use self::beyond::{Appending, Beyond, Overheard};
pub(super) use self::data::{Asks, Served};

pub use self::occasions::Occasions;

pub(super) use self::flaws::{
    AnnotationFlaw, ChecksumFlaw, ConditionFlaw, CopyFlaw, FormFlaw, HttpFlaw, ListingFlaw, PartFlaw, ReadFlaw,
    SettingFlaw, SignatureFlaw, TlsGap, WriteFlaw,
};

use self::access::Admission;
use self::answers::{EchoFlaw, EtagFlaw, RefusalFlaw};
use self::data::DataFlaw;
use self::headers::Reading;

/// What a request does with a customer key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
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
    departure: Departure,
}

/// What an endpoint with a fault does otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Departure {
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
    /// Refusals are written otherwise.
    Refuses(RefusalFlaw),
    /// Every request of these kinds that carries an SSE-C header is refused with this status.
    RefusesAll(&'static [Action], u16),
    /// The first PutObject with SSE-C headers is taken; after it every request with any is refused with this status.
    RefusesAllButTheFirst(u16),
    /// Answers hold the customer key.
    Leaks(Leak),
    /// TLS is not asked for.
    Tls(TlsGap),
    /// A fault of the signature check.
    Signature(SignatureFlaw),
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
    /// A fault of how HTTP is spoken.
    Http(HttpFlaw),
}

/// The faults that an endpoint has; none unless told.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    list: Arc<[&'static Fault]>,
    /// Whether a PutObject with SSE-C headers has come.
    first_put_taken: Arc<AtomicBool>,
    /// Where it is noted which faults would have shown.
    occasions: Option<Occasions>,
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

impl Faults {
    /// These faults together.
    #[must_use]
    pub fn of(faults: &[&'static Fault]) -> Self {
        Self { list: faults.into(), ..Self::default() }
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
        self.list.iter().map(|fault| fault.departure)
    }

    /// Whether the form of the SSE-C headers of an action is left unchecked.
    pub(super) fn leaves_unchecked(&self, action: Action) -> bool {
        self.any_is(|departure| matches!(departure, Departure::LeavesUnchecked(own) if own.contains(&action)))
    }

    fn tls_gap(&self, gap: impl Fn(TlsGap) -> bool) -> bool {
        self.any_is(|departure| matches!(departure, Departure::Tls(own) if gap(own)))
    }

    /// Whether ETags under a customer key are made of the content, so that its digest must be known.
    pub(super) fn makes_etags(&self) -> bool {
        self.departures().any(|departure| matches!(departure, Departure::MakesEtags(..)))
    }
}
