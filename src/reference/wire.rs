//! A connection past what the HTTP library shows of it: heads of requests as they were written, and bytes to send after a response.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes to send after the end of a response; an extension of it.
#[derive(Debug, Clone)]
pub(crate) struct Epilogue(pub Bytes);

/// What is exchanged with the stream of a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Wire {
    /// Sent at the next flush, which is when the response has been written.
    after: Arc<Mutex<Bytes>>,
    /// What has come in since this was last taken, if it is kept.
    received: Option<Arc<Mutex<Vec<u8>>>>,
}

/// The bytes of a connection that are kept at least; twice as many at most.
const MAX_RECEIVED: usize = 256 * 1024;

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wire {
    /// Keeps what comes in where that is wanted.
    pub fn new(keeps: bool) -> Self {
        Self { after: Arc::default(), received: keeps.then(Arc::default) }
    }

    /// Sends this after the response that is being written.
    pub fn append(&self, epilogue: Epilogue) {
        *held(&self.after) = epilogue.0;
    }

    /// The head of the request that came last.
    pub fn take_head(&self) -> Bytes {
        let Some(received) = &self.received else { return Bytes::new() };
        let received = std::mem::take(&mut *held(received));
        let text = String::from_utf8_lossy(&received);
        let head = text.rsplit_once("HTTP/1.1\r\n").map_or(&*text, |(_, head)| head);
        Bytes::copy_from_slice(head.split("\r\n\r\n").next().unwrap_or_default().as_bytes())
    }

    fn receive(&self, bytes: &[u8]) {
        if let Some(received) = &self.received {
            let mut received = held(received);
            received.extend_from_slice(bytes);
            // The next head comes last, after what may be the rest of a long body.
            if received.len() > 2 * MAX_RECEIVED {
                let excess = received.len() - MAX_RECEIVED;
                received.drain(..excess);
            }
        }
    }
}

/// A stream that [`Wire`] reaches.
pub(super) struct Wired<S> {
    stream: S,
    wire: Wire,
}

impl<S> Wired<S> {
    pub fn new(stream: S, wire: Wire) -> Self {
        Self { stream, wire }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wired<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.wire.receive(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wired<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The library flushes when the response is written: what comes now is after its end.
        loop {
            let this = &mut *self;
            let mut after = held(&this.wire.after);
            if after.is_empty() {
                break;
            }
            let written = ready!(Pin::new(&mut this.stream).poll_write(cx, &after))?;
            after.advance(written);
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
