//! The runner against the embedded endpoint.

use crate::suite::model::Step;

/// The seam by which a case panics: a step of this id.
pub(super) fn panic_if_asked(step: &Step, control: bool) {
    let asked = if control { "panics-in-control" } else { "panics" };
    assert!(step.id != asked, "K = {}", "a secret");
}
