//! Preconditions of reads that are evaluated wrongly.

use http::{HeaderValue, StatusCode};

use super::defect::{Defect, custom, request, without_body};
use super::facts::{Facts, KeyRelation};
use super::reads::replace_key;

/// Looks at the preconditions of a read before its key, where one is in this header.
pub(super) fn looks_before_key(header: &'static str) -> Box<dyn Defect> {
    custom(move |call| {
        let is_wrong = matches!(call.facts.key, KeyRelation::Missing | KeyRelation::Other);
        let looks = is_wrong && call.facts.reads_sse_c() && call.request.headers.contains_key(header);
        Box::pin(async move {
            if looks {
                let mut first = without_body(&call.request);
                replace_key(&mut first, &call.facts);
                let failed = [StatusCode::NOT_MODIFIED, StatusCode::PRECONDITION_FAILED].map(|status| status.as_u16());
                match call.inner.call(first).await {
                    Err(refusal) if failed.contains(&refusal.status) => return Err(refusal),
                    _ => {}
                }
            }
            call.go().await
        })
    })
}

/// Puts another precondition in the place of the one in this header of reads of SSE-C objects.
pub(super) fn sets_condition(header: &'static str, value: &'static str) -> Box<dyn Defect> {
    request(Facts::reads_sse_c, move |request, _| {
        if let Some(own) = request.headers.get_mut(header) {
            *own = HeaderValue::from_static(value);
        }
    })
}
