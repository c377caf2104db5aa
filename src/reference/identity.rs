//! What identifies a request in its response.

use http::header::{HeaderName, SERVER};
use http::{HeaderValue, Response};
use s3s::Body;

/// A request, as its response names it.
#[derive(Debug)]
pub(crate) struct Identity {
    /// 16 upper-case hexadecimal digits.
    pub request_id: String,
    /// The path, as errors name it.
    pub resource: String,
    pub is_head: bool,
}

/// The value of `x-amz-id-2`.
pub(super) fn host_id(to: &Identity) -> String {
    hex::encode(&to.request_id)
}

/// Adds what every response of AWS has.
pub(crate) fn identify(response: &mut Response<Body>, to: &Identity) {
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static(concat!("ssecheck-reference/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in [("x-amz-request-id", to.request_id.clone()), ("x-amz-id-2", host_id(to))] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}
