//! The catalogue of faults. `seen` names where a defect of the kind was shipped; "kind" stands for kinds that are known
//! from several servers or follow from how SSE-C is usually built, without one public report to point to.

mod beside;
mod beyond_objects;
mod data;
mod headers;
mod integrity;
mod reads;
mod refusals;
mod settings;
mod shown;
mod whole;
mod writes;

use super::Departure::{
    Admits, Annotations, Checksums, Conditions, Copies, Data, Echoes, Forms, Http, Leaks, LeavesUnchecked, Listings,
    MakesEtags, Parts, Reading as ReadingOf, Reads, Refuses, RefusesAll, RefusesAllButTheFirst, Settings,
    ShowsCiphertextSize, ShowsCiphertextSizeOfParts, ShowsOtherEtag, Signature, Tls, Writes,
};
use super::access::{Admission, Despite, Of};
use super::answers::{EchoFlaw, EtagFlaw, RefusalFlaw};
use super::data::DataFlaw;
use super::headers::Reading;
use super::{
    Action, AnnotationFlaw, ChecksumFlaw, ConditionFlaw, CopyFlaw, Departure, Fault, FormFlaw, HttpFlaw, Leak,
    ListingFlaw, PartFlaw, ReadFlaw, Serves, SettingFlaw, SignatureFlaw, TlsGap, View, WriteFlaw,
};
use crate::reference::error::Cause;

use Action::{
    Attributes, CopySource, CopyTarget, CreateUpload, Get, Head, PartCopySource, PartCopyTarget, Post, Put, UploadPart,
};

const EVERY: &[Action] = &[
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
];
const READS: &[Action] = &[Get, Head, Attributes];
const WRITES: &[Action] = &[Put, Post, CopyTarget, CreateUpload, UploadPart, PartCopyTarget];
const SOURCES: &[Action] = &[CopySource, PartCopySource];

const KIND: &str = "kind";

const fn fault(
    id: &'static str,
    summary: &'static str,
    breaks: &'static [&'static str],
    seen: &'static str,
    departure: Departure,
) -> Fault {
    Fault { id, summary, breaks, seen, nothing_passes: false, refuses_nothing: false, profile: "portable", departure }
}

/// A fault of AWS's own wording: under `portable` it is none.
const fn wording(id: &'static str, summary: &'static str, seen: &'static str, refusals: RefusalFlaw) -> Fault {
    Fault { profile: "aws", ..fault(id, summary, &["answers-as-aws"], seen, Refuses(refusals)) }
}

const fn admits(reads: &'static [Action], despite: Despite, of: Of, serves: Serves) -> Departure {
    Admits(Admission { reads, despite, of, serves })
}

/// All faults, in the order of reports.
pub(super) const SECTIONS: &[&[Fault]] = &[
    whole::FAULTS,
    headers::FAULTS,
    reads::FAULTS,
    data::FAULTS,
    shown::FAULTS,
    beside::FAULTS,
    writes::FAULTS,
    integrity::FAULTS,
    beyond_objects::FAULTS,
    settings::FAULTS,
    refusals::FAULTS,
];
