//! Bytes served that are not those stored.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::Response;
use http::header::RANGE;
use s3s::Body;
use s3s::dto::StreamingBlob;

use super::bodies::read_body;
use super::defect::{Defect, custom, drop_parameters, set_length, without_body};
use super::facts::{Facts, KeyRelation, ObjectFacts};
use crate::reference::content::SEGMENT;
use crate::reference::request::{Operation, Request};

/// Bytes of an AES block.
pub(super) const BLOCK: u64 = 16;

/// Plaintext bytes in a package.
pub(super) const PACKAGE: u64 = SEGMENT as u64;

/// Bytes of ciphertext of so many bytes: a tag of 16 bytes for each package, of which there is at least one.
pub(super) fn ciphertext_size(size: u64) -> u64 {
    size + 16 * size.div_ceil(PACKAGE).max(1)
}

/// How much of an object was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    Range,
    Suffix,
    Part,
}

/// What was asked for, and of what.
pub(super) struct Asked<'a> {
    pub object: &'a ObjectFacts,
    pub extent: Extent,
    pub range: Range<u64>,
}

impl Asked<'_> {
    pub fn is_ranged(&self) -> bool {
        matches!(self.extent, Extent::Range | Extent::Suffix)
    }
}

/// What is served in place of what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Served {
    /// Which bytes of the object.
    pub range: Range<u64>,
    /// Whether the response says that it is less than the whole.
    pub is_partial: bool,
    /// From which byte of the object on they are garbled.
    pub garbled_from: Option<u64>,
    /// Bytes that come after.
    pub padding: u64,
}

impl Served {
    /// What was asked for.
    pub fn rightly(asked: &Asked<'_>) -> Self {
        let is_partial = asked.extent != Extent::Whole;
        Self { range: asked.range.clone(), is_partial, garbled_from: None, padding: 0 }
    }
}

/// Serves GetObject of SSE-C objects other bytes, where `change` makes a difference to what was asked for.
pub(super) fn serves(change: impl Fn(&mut Served, &Asked<'_>) + Send + Sync + 'static) -> Box<dyn Defect> {
    custom(move |call| {
        let is_read = call.facts.operation == Operation::GetObject && call.facts.key == KeyRelation::Right;
        let asked = is_read.then(|| asked(&call.request, &call.facts)).flatten();
        let served = asked.and_then(|asked| {
            let mut served = Served::rightly(&asked);
            change(&mut served, &asked);
            (served != Served::rightly(&asked)).then_some(served)
        });
        Box::pin(async move {
            let Some(served) = served else { return call.go().await };
            let mut request = without_body(&call.request);
            drop_parameters(&mut request, |name| name == "partNumber");
            request.headers.remove(RANGE);
            let (whole, bytes) = read_body(call.inner.call(request).await?).await;
            let response = if served.is_partial { call.go().await? } else { whole };
            Ok(served_instead(response, &bytes, &served))
        })
    })
}

fn asked<'f>(request: &Request, facts: &'f Facts) -> Option<Asked<'f>> {
    let object = facts.object.as_ref()?;
    let (extent, range) = match (request.header("range"), facts.part_number) {
        (Some(range), None) => {
            let range = s3s::dto::Range::parse(range).ok()?;
            let extent = if matches!(range, s3s::dto::Range::Suffix { .. }) { Extent::Suffix } else { Extent::Range };
            (extent, range.check(object.size).ok()?)
        }
        (None, Some(number)) => {
            let index = object.part_numbers.iter().position(|own| *own == number)?;
            let start = object.parts[..index].iter().sum();
            (Extent::Part, start..start + object.parts[index])
        }
        (None, None) => (Extent::Whole, 0..object.size),
        _ => return None,
    };
    Some(Asked { object, extent, range })
}

/// Puts what is served into a response; it is cut out of the whole.
fn served_instead(mut response: Response<Body>, whole: &Bytes, served: &Served) -> Response<Body> {
    let narrow = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(whole.len());
    let garbled = served.garbled_from.map_or(whole.clone(), |from| garble(whole, from));
    let (start, end) = (narrow(served.range.start), narrow(served.range.end));
    let mut bytes = BytesMut::from(&garbled[start.min(end)..end]);
    bytes.resize(bytes.len() + narrow_padding(served.padding), u8::try_from(served.padding).unwrap_or(u8::MAX));
    set_length(&mut response, bytes.len() as u64);
    *response.body_mut() = Body::from(bytes.freeze());
    response
}

fn narrow_padding(padding: u64) -> usize {
    usize::try_from(padding).unwrap_or(0)
}

/// The same bytes, garbled from one of them on.
pub(super) fn garble(bytes: &Bytes, from: u64) -> Bytes {
    let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
    let mut garbled = BytesMut::from(&bytes[..]);
    for byte in &mut garbled[from..] {
        *byte ^= 0xa5;
    }
    garbled.freeze()
}

/// The same data, garbled from one of its bytes on.
pub(super) fn garbled_stream(data: StreamingBlob, from: u64) -> StreamingBlob {
    let mut position = 0;
    let garbled = data.map(move |chunk| {
        let chunk = chunk.map_err(std::io::Error::other)?;
        let start = position;
        position += chunk.len() as u64;
        Ok::<_, std::io::Error>(garble(&chunk, from.saturating_sub(start)))
    });
    StreamingBlob::wrap(garbled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_garbled_is_so_from_where_it_says() {
        let garbled = garble(&Bytes::from_static(b"abcdefgh"), 4);
        assert_eq!(&garbled[..4], b"abcd");
        assert!(garbled[4..].iter().zip(b"efgh").all(|(garbled, plain)| *garbled == plain ^ 0xa5));
        assert_eq!(garble(&Bytes::from_static(b"abc"), 7), "abc");
    }
}
