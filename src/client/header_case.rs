//! Header names in another case: HTTP clients write them in one, and servers must take any (RFC 9110, section 5.1).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connect::Duplex;
use crate::evidence::Peer;
use crate::suite::model::HeaderCase;

/// Where in a request a byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    RequestLine,
    /// In a header's name; at the beginning of a word of it or not.
    Name {
        begins: bool,
    },
    Value,
    Body,
}

impl Part {
    /// The byte as it is written, and what comes after it.
    fn write(self, byte: u8, case: HeaderCase) -> (u8, Self) {
        match (self, byte) {
            (Self::RequestLine | Self::Value, b'\n') => (byte, Self::Name { begins: true }),
            (Self::Name { .. }, b'\r') => (byte, Self::Body),
            (Self::Name { .. }, b':') => (byte, Self::Value),
            (Self::Name { begins }, _) => {
                let upper = begins || case == HeaderCase::Upper;
                (if upper { byte.to_ascii_uppercase() } else { byte }, Self::Name { begins: byte == b'-' })
            }
            (part, _) => (byte, part),
        }
    }
}

/// A connection that writes the header names of one request in another case.
pub(super) struct Recased<S> {
    stream: S,
    case: HeaderCase,
    part: Part,
}

impl<S> Recased<S> {
    pub fn new(stream: S, case: HeaderCase) -> Self {
        Self { stream, case, part: Part::RequestLine }
    }
}

impl<S: Duplex> Duplex for Recased<S> {
    fn peer(&self) -> Option<Peer> {
        self.stream.peer()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Recased<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recased<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let mut part = this.part;
        let mut after = Vec::with_capacity(buf.len());
        let recased: Vec<u8> = buf
            .iter()
            .map(|byte| {
                let (written, next) = part.write(*byte, this.case);
                part = next;
                after.push(next);
                written
            })
            .collect();
        // Fewer bytes may be taken than were given: what is left is given again.
        let taken = ready!(Pin::new(&mut this.stream).poll_write(cx, &recased))?;
        if let Some(part) = taken.checked_sub(1).and_then(|last| after.get(last)) {
            this.part = *part;
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(HeaderCase::Title, "PUT /a-b HTTP/1.1\r\nX-Amz-Date: a-b: c\r\nHost: x\r\n\r\nx-amz: body\n")]
    #[case(HeaderCase::Upper, "PUT /a-b HTTP/1.1\r\nX-AMZ-DATE: a-b: c\r\nHOST: x\r\n\r\nx-amz: body\n")]
    fn only_header_names_change(#[case] case: HeaderCase, #[case] expected: &str) {
        let sent = b"PUT /a-b HTTP/1.1\r\nx-amz-date: a-b: c\r\nhost: x\r\n\r\nx-amz: body\n";
        let mut part = Part::RequestLine;
        let written: Vec<u8> = sent
            .iter()
            .map(|byte| {
                let (written, next) = part.write(*byte, case);
                part = next;
                written
            })
            .collect();
        assert_eq!(String::from_utf8_lossy(&written), expected);
    }
}
