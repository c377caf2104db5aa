//! Reads that are let through although they must be refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Response, StatusCode};
use md5::{Digest as _, Md5};
use s3s::Body;

use super::bodies::{broken_off, read_body};
use super::data::garble;
use super::defect::{Defect, When, custom, request, set_header};
use super::facts::Facts;
use super::memory::KeyHeaders;
use crate::reference::layer::Reply;
use crate::reference::request::Request;
use crate::reference::sse_c::{ENCRYPTION, TARGET};

/// What a read that is let through is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serves {
    /// The object's data.
    Data,
    /// As many bytes, of no meaning.
    Garbage,
    /// The head of a good response, and then the connection is cut.
    HeadOnly,
    /// Half of as many bytes of no meaning, and then the connection is cut.
    HalfGarbage,
    /// The object's data, under the status of a refusal.
    DataUnderRefusal,
}

/// Answers reads as if the key were right, and tells of the key that was sent.
pub(super) fn lets_read(when: impl When, serves: Serves) -> Box<dyn Defect> {
    custom(move |mut call| {
        let sent = when(&call.facts).then(|| replace_key(&mut call.request, &call.facts));
        Box::pin(async move {
            let reply = call.go().await;
            match sent {
                Some(sent) => served(told(reply, &sent), serves).await,
                None => reply,
            }
        })
    })
}

/// Answers copies as if the key of their source were right.
pub(super) fn lets_copy(when: impl When) -> Box<dyn Defect> {
    request(when, |request, facts| facts.right_source_key().set_source(&mut request.headers))
}

/// Puts the right key in the place of the one that was sent, which is returned.
pub(super) fn replace_key(request: &mut Request, facts: &Facts) -> KeyHeaders {
    let sent = KeyHeaders::of(&request.headers);
    facts.right_key().set(&mut request.headers);
    sent
}

/// Makes a good response tell of the key that was sent, and not of the object's.
pub(super) fn told(reply: Reply, sent: &KeyHeaders) -> Reply {
    let mut response = reply?;
    let names = ["algorithm", "key-md5"].map(|end| format!("{TARGET}{end}"));
    let headers = response.headers_mut();
    let tells = headers.remove(ENCRYPTION).is_some() | names.iter().any(|name| headers.contains_key(name));
    if !tells {
        return Ok(response);
    }
    names.iter().for_each(|name| drop(headers.remove(name)));
    match sent.key().map(|key| STANDARD.encode(Md5::digest(STANDARD.decode(key).unwrap_or_default()))) {
        Some(md5) => {
            set_header(&mut response, "x-amz-server-side-encryption-customer-algorithm", "AES256");
            set_header(&mut response, "x-amz-server-side-encryption-customer-key-md5", &md5);
        }
        None => set_header(&mut response, ENCRYPTION, "AES256"),
    }
    Ok(response)
}

async fn served(reply: Reply, serves: Serves) -> Reply {
    let mut response = reply?;
    match serves {
        Serves::Data => return Ok(response),
        Serves::DataUnderRefusal => {
            *response.status_mut() = StatusCode::FORBIDDEN;
            return Ok(response);
        }
        Serves::Garbage | Serves::HeadOnly | Serves::HalfGarbage => {}
    }
    let (mut response, body) = read_body(response).await;
    let garbage = garble(&body, 0);
    match serves {
        Serves::Garbage => *response.body_mut() = Body::from(garbage),
        Serves::HeadOnly => cut(&mut response, &garbage, 0),
        _ => cut(&mut response, &garbage, body.len() / 2),
    }
    Ok(response)
}

/// Cuts the connection after so many bytes of a body whose length was told.
fn cut(response: &mut Response<Body>, body: &bytes::Bytes, after: usize) {
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    *response.body_mut() = broken_off(body.slice(..after));
}
