//! Bytes after the end of an answer, where HTTP allows none: past the HTTP library, straight onto the connection.

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

/// A connection that can be given more to send than the HTTP library knows of.
pub(in crate::reference) struct Appending<S> {
    stream: S,
    beyond: Beyond,
}

impl<S> Appending<S> {
    pub fn new(stream: S, beyond: Beyond) -> Self {
        Self { stream, beyond }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Appending<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
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
