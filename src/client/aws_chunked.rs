//! Bodies in `aws-chunked` framing (Amazon S3 API Reference, "Signature calculations for the Authorization header:
//! transferring payload in multiple chunks"). The signatures are the `aws-sigv4` crate's; its framing takes no signer of
//! ours.

use std::fmt::Write as _;

use bytes::{Bytes, BytesMut};
use http::{HeaderName, HeaderValue};

use super::build::{HeaderLine, Prepared};
use super::sign::{SignError, Signer};

/// Bytes of data in a chunk. AWS takes no chunk but the last with fewer than 8 KiB.
const CHUNK: usize = 64 * 1024;

/// What follows the last chunk.
#[derive(Clone)]
pub struct Trailer {
    /// Name of the header: `x-amz-checksum-…`.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Adds the headers that tell of the framing, before the request is signed.
pub(super) fn announce(prepared: &mut Prepared) -> Result<(), http::header::InvalidHeaderValue> {
    let length = prepared.body.len().to_string();
    let mut told = vec![("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", &length)];
    if let Some(trailer) = &prepared.trailer {
        told.push(("x-amz-trailer", &trailer.name));
    }
    let mut lines = Vec::new();
    for (name, value) in told {
        let value = HeaderValue::from_str(value)?;
        lines.push(HeaderLine { name: HeaderName::from_static(name), value, shown: None, signed: true });
    }
    prepared.headers.extend(lines);
    Ok(())
}

/// Frames a body. With a signer, whose signature of the request is given, each chunk and the trailer are signed.
pub(super) fn framed(
    body: &Bytes,
    trailer: Option<&Trailer>,
    signed: Option<(&Signer<'_>, String)>,
) -> Result<Bytes, SignError> {
    let mut framed = BytesMut::new();
    let mut signed = signed;
    // The last chunk has no data: it says that the body ends.
    let ends = (0..body.len()).step_by(CHUNK).map(|start| start..body.len().min(start + CHUNK));
    for range in ends.chain(std::iter::once(body.len()..body.len())) {
        let chunk = body.slice(range);
        let mut head = format!("{:x}", chunk.len());
        if let Some((signer, after)) = &mut signed {
            *after = signer.chunk(&chunk, after)?;
            let _ = write!(head, ";chunk-signature={after}");
        }
        framed.extend_from_slice(head.as_bytes());
        framed.extend_from_slice(b"\r\n");
        if !chunk.is_empty() {
            framed.extend_from_slice(&chunk);
            framed.extend_from_slice(b"\r\n");
        }
    }
    if let Some(Trailer { name, value }) = trailer {
        framed.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
        if let Some((signer, after)) = &signed {
            let signature = signer.trailer(name, value, after)?;
            framed.extend_from_slice(format!("x-amz-trailer-signature:{signature}\r\n").as_bytes());
        }
    }
    framed.extend_from_slice(b"\r\n");
    Ok(framed.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailer() -> Trailer {
        Trailer { name: "x-amz-checksum-crc32".to_owned(), value: "y/Q5Jg==".to_owned() }
    }

    /// The framing of the AWS documentation, by hand.
    #[test]
    fn a_body_is_framed_as_documented() {
        let framed = framed(&Bytes::from_static(b"123456789"), Some(&trailer()), None).expect("it can be framed");
        let expected = "9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(&framed), expected);
    }

    #[test]
    fn a_long_body_has_several_chunks_and_without_trailer_ends_in_a_blank_line() {
        let framed = framed(&Bytes::from(vec![b'a'; CHUNK + 1]), None, None).expect("it can be framed");
        let text = String::from_utf8_lossy(&framed);
        assert!(text.starts_with("10000\r\naaa") && text.ends_with("\r\n1\r\na\r\n0\r\n\r\n"));
    }
}
