//! Bodies in `aws-chunked` framing, by the `aws-runtime` crate: what AWS's SDKs send over TLS, unsigned chunks and a
//! checksum as trailer.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aws_runtime::content_encoding::{AwsChunkedBody, AwsChunkedBodyOptions};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, Full};

use super::build::{HeaderLine, Prepared};

type Error = Box<dyn std::error::Error + Send + Sync>;

const TRAILER: &str = "x-amz-checksum-crc32";

/// Frames the body of a request and adds the headers that tell of it.
///
/// # Errors
/// Why the framing did not come off.
pub(super) fn frame(prepared: &mut Prepared) -> Result<(), Error> {
    let plain = std::mem::take(&mut prepared.body);
    let length = plain.len().to_string();
    let checksum = STANDARD.encode(crc32fast::hash(&plain).to_be_bytes());
    prepared.body = framed(plain, &checksum)?;
    let told = [
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", length.as_str()),
        ("x-amz-trailer", TRAILER),
    ];
    for (name, value) in told {
        let value = HeaderValue::from_str(value)?;
        prepared.headers.push(HeaderLine { name: HeaderName::from_static(name), value, shown: None, signed: true });
    }
    Ok(())
}

fn framed(plain: Bytes, checksum: &str) -> Result<Bytes, Error> {
    let mut trailers = HeaderMap::new();
    trailers.insert(TRAILER, HeaderValue::from_str(checksum)?);
    let options = AwsChunkedBodyOptions::new(plain.len() as u64, Vec::new())
        .with_trailer_len((TRAILER.len() + ":".len() + checksum.len()) as u64);
    let trailers = std::future::ready(Some(Ok::<_, Error>(trailers)));
    let whole = Full::new(plain).map_err(|never| match never {}).with_trailers(trailers);
    let mut collecting = pin!(AwsChunkedBody::new(whole, options).collect());
    // Everything is in memory: that it is not ready only means that it wants to be asked again.
    loop {
        if let Poll::Ready(collected) = collecting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Ok(collected?.to_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The framing of the AWS documentation ("Signature calculations: trailing headers"), by hand. The CRC32 is that of
    /// the nine digits, the check value that every CRC catalogue gives.
    #[test]
    fn a_body_is_framed_as_documented() {
        let checksum = STANDARD.encode(0xCBF4_3926_u32.to_be_bytes());
        let framed = framed(Bytes::from_static(b"123456789"), &checksum).expect("it can be framed");
        let expected = format!("9\r\n123456789\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n");
        assert_eq!(String::from_utf8_lossy(&framed), expected);
        assert_eq!(crc32fast::hash(b"123456789"), 0xCBF4_3926);
    }
}
