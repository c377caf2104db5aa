//! Notes what comes over a connection below the HTTP library, which passes over some of it in silence.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes that are kept of what begins no response.
const MAX_KEPT: usize = 1024;

/// What was received since the request under way was begun.
#[derive(Debug, Clone, Default)]
pub(super) struct Tap(Arc<Mutex<Received>>);

#[derive(Debug, Default)]
struct Received {
    any: bool,
    /// Whether the next byte must begin a status line.
    begins: bool,
    /// What came in place of a status line.
    no_response: Vec<u8>,
}

impl Tap {
    fn received(&self) -> MutexGuard<'_, Received> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a request is about to be sent: what comes next must begin its response.
    pub fn begin_request(&self) {
        let mut received = self.received();
        received.any = false;
        received.begins = true;
    }

    /// Whether anything was received since then.
    pub fn has_heard(&self) -> bool {
        self.received().any
    }

    /// What was received where a response had to begin and that begins none: HTTP libraries skip blank lines there.
    pub fn no_response(&self) -> Vec<u8> {
        self.received().no_response.clone()
    }

    fn note(&self, bytes: &[u8]) {
        let Some(first) = bytes.first() else { return };
        let mut received = self.received();
        received.any = true;
        if std::mem::take(&mut received.begins) && *first != b'H' {
            received.no_response = bytes[..bytes.len().min(MAX_KEPT)].to_vec();
        }
    }
}

/// A stream with a tap.
pub(super) struct Tapped<S> {
    stream: S,
    tap: Tap,
}

impl<S> Tapped<S> {
    pub fn new(stream: S, tap: &Tap) -> Self {
        Self { stream, tap: tap.clone() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tapped<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = into.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, into);
        self.tap.note(&into.filled()[before..]);
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tapped<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
