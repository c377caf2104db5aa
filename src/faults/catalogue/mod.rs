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

use Departure::{
    Admits, Annotations, Conditions, Copies, Data, Forms, LeavesUnchecked, Listings, Parts, Reading as ReadingOf,
    Reads, RefusesAll, RefusesAllButTheFirst, Settings, ShowsCiphertextSize, Writes,
};

use super::defect::{
    Defect, after_refusal, any_response, custom, document, drop_parameters, refusal, refuses, request, response,
    set_header,
};
use super::facts::{Facts, KeyRelation};
use super::reads::{Serves as ServedRead, lets_read};
use super::{Code, Fault};
use crate::reference::error::{Cause, Refusal};
use crate::reference::faults::{
    Action, Admission, AnnotationFlaw, ConditionFlaw, CopyFlaw, DataFlaw, Departure, Despite, FormFlaw, ListingFlaw,
    Of, PartFlaw, ReadFlaw, Reading, Serves, SettingFlaw, View, WriteFlaw,
};
use crate::reference::request::{Form, Operation, Request, Standing, Transport};

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
    let code = Code::Hook(departure);
    Fault { id, summary, breaks, seen, nothing_passes: false, refuses_nothing: false, profile: "portable", code, narrowed_by: &[] }
}

const fn layer(
    id: &'static str,
    summary: &'static str,
    breaks: &'static [&'static str],
    seen: &'static str,
    make: fn() -> Box<dyn Defect>,
) -> Fault {
    let code = Code::Layer(make);
    Fault { id, summary, breaks, seen, nothing_passes: false, refuses_nothing: false, profile: "portable", code, narrowed_by: &[] }
}

/// A fault of AWS's own wording: under `portable` it is none.
const fn wording(id: &'static str, summary: &'static str, seen: &'static str, make: fn() -> Box<dyn Defect>) -> Fault {
    Fault { profile: "aws", ..layer(id, summary, &["answers-as-aws"], seen, make) }
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
