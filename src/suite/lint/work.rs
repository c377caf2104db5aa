//! How much a case makes the runner and the judge compute.

use std::sync::Arc;

use super::Lint;
use crate::suite::body::Body;
use crate::suite::limits::{MAX_ALL_STEPS, MAX_COMPARED, MAX_DIGESTED, MAX_IN_MEMORY, MAX_TOGETHER, take};
use crate::suite::model::{Outcome, Request, Scenario, Step};

impl Lint<'_, '_> {
    /// A case digests and compares no more than it may, and sends no more at a time.
    pub(super) fn work(&mut self, pointer: &str, scenario: &Scenario, origins: &[usize]) {
        let steps = scenario.steps.as_slice();
        for group in steps.chunk_by(|a, b| a.together.is_some() && a.together == b.together) {
            let sent = group.iter().map(|step| self.sent(&step.request)).fold(0, u64::saturating_add);
            if group.len() > 1 && sent > MAX_TOGETHER {
                let message = format!("steps that are sent together bring at most {MAX_TOGETHER} bytes of bodies");
                self.error(&format!("{pointer}/steps"), message, None);
            }
        }
        for (index, step) in steps.iter().enumerate() {
            if step.outcomes().map(compared).fold(0, usize::saturating_add) > MAX_COMPARED {
                let at = format!("{pointer}/steps/{}", origins.get(index).unwrap_or(&index));
                self.error(&at, format!("a step compares at most {MAX_COMPARED} texts, headers and elements"), None);
            }
        }
        // Once the steps alone are too many that is reported.
        if !take(&mut self.budget.steps, of_controls(steps)) && self.gaps.is_whole {
            let help = Some(
                "put refusals first, or in scenarios of their own: each control sends the steps before it again"
                    .to_owned(),
            );
            self.error(
                pointer,
                format!("the suites send more than {MAX_ALL_STEPS} steps, with those of controls"),
                help,
            );
        }
        for (index, step) in steps.iter().enumerate() {
            let control = step.control.iter().map(|control| step.request.patched(&control.request));
            let too_large = |request: &Request| request.is_held_in_memory() && self.sent(request) > MAX_IN_MEMORY;
            if too_large(&step.request) || control.into_iter().any(|request| too_large(&request)) {
                let at = format!("{pointer}/steps/{}/request", origins.get(index).unwrap_or(&index));
                let message = format!(
                    "of a body of more than {MAX_IN_MEMORY} bytes no request is made that is not sent piece by piece"
                );
                let help = Some("send it over TLS, on a shared connection, neither framed nor as a form".to_owned());
                self.error(&at, message, help);
            }
        }
        let digested = steps.iter().map(|step| self.digested(step)).fold(0, u64::saturating_add);
        if digested.saturating_add(self.md5s(steps)) > MAX_DIGESTED {
            let message = format!("a case digests and compares at most {MAX_DIGESTED} bytes of bodies");
            let help = Some("use smaller bodies, or more scenarios".to_owned());
            self.error(pointer, message, help);
        }
    }

    fn length(&self, body: &str) -> u64 {
        self.bodies.get(body).map_or(0, Body::len)
    }

    fn sent(&self, request: &Request) -> u64 {
        request.body.as_ref().map_or(0, |body| self.length(body))
    }

    fn digested(&self, step: &Step) -> u64 {
        let control = step.control.as_ref();
        let of_control = control.and_then(|control| control.expect.as_deref());
        let outcomes = step.outcomes().chain(of_control).map(|outcome| self.of_outcome(outcome));
        let requests = [Some(&step.request), control.map(|control| &control.request)];
        outcomes
            .chain(requests.into_iter().flatten().map(|request| self.of_request(request)))
            .fold(0, u64::saturating_add)
    }

    fn of_request(&self, request: &Request) -> u64 {
        let headers = request.headers.iter().chain(&request.tampered).flatten().flat_map(|(_, spec)| spec.lines());
        let digests = headers.filter_map(|line| line.digest.as_ref()).chain(request.trailer.as_deref());
        digests.map(|digest| self.length(&digest.body)).fold(self.sent(request), u64::saturating_add)
    }

    fn of_outcome(&self, outcome: &Outcome) -> u64 {
        let texts =
            outcome.elements.values().chain(outcome.error_fields.values()).filter_map(|text| text.digest.as_ref());
        let headers = outcome.headers.values().filter_map(|header| header.digest.as_ref());
        let digests = texts.chain(headers).map(|digest| self.length(&digest.body));
        let equals = outcome.body.iter().filter_map(|body| body.equals.as_ref()).map(|body| self.length(body));
        let inner = outcome.any_of.iter().map(|inner| self.of_outcome(inner));
        digests.chain(equals).chain(inner).fold(0, u64::saturating_add)
    }

    /// What is digested to tell an ETag from the MD5s of what was sent: each body, alone and after each customer key.
    fn md5s(&self, steps: &[Arc<Step>]) -> u64 {
        if !steps.iter().any(|step| step.asks_for_md5s()) {
            return 0;
        }
        let keys: std::collections::BTreeSet<&str> = steps.iter().flat_map(|step| step.request.key_names()).collect();
        let bodies: std::collections::BTreeSet<&String> =
            steps.iter().filter_map(|step| step.request.body.as_ref()).collect();
        let bytes = bodies.into_iter().map(|body| self.length(body)).fold(0, u64::saturating_add);
        bytes.saturating_mul(keys.len() as u64 + 3)
    }
}

/// How many steps the controls of these steps send: each is sent behind those before it that have none.
fn of_controls(steps: &[Arc<Step>]) -> u64 {
    let (mut before, mut sent) = (0, 0u64);
    for step in steps {
        if step.control.is_some() {
            sent = sent.saturating_add(before + 1);
        } else {
            before += 1;
        }
    }
    sent
}

/// How many texts, headers and elements an outcome compares.
fn compared(outcome: &Outcome) -> usize {
    let own = outcome.elements.len() + outcome.error_fields.len() + outcome.headers.len();
    outcome.any_of.iter().map(compared).fold(own + 1, usize::saturating_add)
}
