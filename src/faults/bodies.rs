//! Bodies of requests and responses: read, replaced, broken off.

use bytes::{Bytes, BytesMut};
use http::Response;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt as _;
use s3s::Body;

/// Reads a body to its end, or to where it breaks off; returns whether it does.
pub(super) async fn read_to_end(mut body: Body) -> (Bytes, bool) {
    if let Some(bytes) = body.bytes() {
        return (bytes, false);
    }
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => read.extend_from_slice(&data),
            Ok(Err(_)) => {}
            Err(_) => return (read.freeze(), true),
        }
    }
    (read.freeze(), false)
}

/// Reads the body of a response; the response keeps it, and breaks off where it did.
pub(super) async fn read_body(response: Response<Body>) -> (Response<Body>, Bytes) {
    let (head, body) = response.into_parts();
    let (bytes, breaks_off) = read_to_end(body).await;
    let body = if breaks_off { broken_off(bytes.clone()) } else { Body::from(bytes.clone()) };
    (Response::from_parts(head, body), bytes)
}

/// Gives a response another body.
pub(super) fn set_body(response: &mut Response<Body>, body: impl Into<Bytes>) {
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = Body::from(body.into());
}

/// A body to send that breaks off after these bytes.
pub(super) fn broken_off(bytes: Bytes) -> Body {
    cut_off(bytes, true)
}

/// A body that breaks off after these bytes; it waits before that, so that they are sent where they are to be.
pub(super) fn cut_off(bytes: Bytes, waits: bool) -> Body {
    let end = futures_util::stream::once(async move {
        if waits {
            tokio::task::yield_now().await;
        }
        Err(std::io::Error::other("it breaks off"))
    });
    let first = (!bytes.is_empty()).then(|| Ok(hyper::body::Frame::data(bytes)));
    let frames = futures_util::StreamExt::chain(futures_util::stream::iter(first), end);
    Body::http_body(http_body_util::StreamBody::new(frames))
}
