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

use super::defect::{
    Defect, after_refusal, any_response, custom, document, drop_parameters, refusal, refuses, request, response,
    set_header,
};
use super::facts::{Facts, KeyRelation};
use super::reads::{Serves as ServedRead, lets_read};
use super::{Code, Fault};
use crate::reference::error::{Cause, Refusal};
use crate::reference::request::{Form, Operation, Request, Standing, Transport};

const KIND: &str = "kind";

const fn fault(
    id: &'static str,
    summary: &'static str,
    breaks: &'static [&'static str],
    seen: &'static str,
    make: fn() -> Box<dyn Defect>,
) -> Fault {
    let code = Code::Layer(make);
    Fault {
        id,
        summary,
        breaks,
        seen,
        nothing_passes: false,
        refuses_nothing: false,
        profile: "portable",
        code,
        narrowed_by: &[],
    }
}

/// A fault of AWS's own wording: under `portable` it is none.
const fn wording(id: &'static str, summary: &'static str, seen: &'static str, make: fn() -> Box<dyn Defect>) -> Fault {
    Fault { profile: "aws", ..fault(id, summary, &["answers-as-aws"], seen, make) }
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
