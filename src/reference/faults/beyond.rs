//! Past the HTTP library, straight onto the connection: bytes after the end of an answer, where HTTP allows none, and
//! requests as they were written.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What the next answer on a connection is to be followed by.
#[derive(Debug, Clone, Default)]
pub(in crate::reference) struct Beyond(Arc<Mutex<Bytes>>);

impl Beyond {
    /// Sends this after the answer that is being written.
    pub fn append(&self, bytes: Bytes) {
        *self.held() = bytes;
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What has come in over a connection since this was last asked for, where a fault looks at requests as they are written.
#[derive(Debug, Clone, Default)]
pub(in crate::reference) struct Overheard(Option<Arc<Mutex<Vec<u8>>>>);

/// The most bytes of a connection that are kept.
const MAX_OVERHEARD: usize = 256 * 1024;

impl Overheard {
    /// Listens where it is `wanted`.
    pub fn new(wanted: bool) -> Self {
        Self(wanted.then(Arc::default))
    }

    /// What has come in.
    pub fn take(&self) -> Vec<u8> {
        let held = self.0.as_ref().map(|held| held.lock().unwrap_or_else(PoisonError::into_inner));
        held.map(|mut held| std::mem::take(&mut *held)).unwrap_or_default()
    }

    fn hear(&self, bytes: &[u8]) {
        if let Some(held) = &self.0 {
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            let room = MAX_OVERHEARD.saturating_sub(held.len());
            held.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }
}

/// A connection that can be given more to send than the HTTP library knows of.
pub(in crate::reference) struct Appending<S> {
    stream: S,
    beyond: Beyond,
    overheard: Overheard,
}

impl<S> Appending<S> {
    pub fn new(stream: S, beyond: Beyond, overheard: Overheard) -> Self {
        Self { stream, beyond, overheard }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Appending<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.overheard.hear(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Appending<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The library flushes when the answer is written: what comes now is after its end.
        loop {
            let this = &mut *self;
            let mut held = this.beyond.held();
            if held.is_empty() {
                break;
            }
            let written = ready!(Pin::new(&mut this.stream).poll_write(cx, &held))?;
            held.advance(written);
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
