//! Closes connections so that the last response is seen: a socket that is closed while bytes of the request still come in is reset, and the
//! client may lose a response that it has not read yet (RFC 9112, section 9.6).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The most bytes that are read and dropped after the last response: what a client still sends of a large upload.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// The longest that is waited for the client's end of the connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;

/// Says that a request's body may still be coming when its response is sent.
#[derive(Debug, Clone, Default)]
pub(super) struct Unread(Arc<AtomicBool>);

impl Unread {
    /// The body of the last request was not read to its end.
    pub fn mark(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A stream that is closed for writing first; what still comes in is then read and dropped, within bounds, if a body may still be coming.
pub(super) struct Lingering<S> {
    stream: S,
    unread: Unread,
    is_closed_for_writing: bool,
    left: u64,
    patience: Duration,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Lingering<S> {
    pub fn new(stream: S, unread: Unread) -> Self {
        Self { stream, unread, is_closed_for_writing: false, left: MOST_BYTES, patience: PATIENCE, deadline: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
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
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.is_closed_for_writing {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            this.is_closed_for_writing = true;
        }
        if !this.unread.0.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        let end = Instant::now() + this.patience;
        let deadline = this.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(end)));
        let mut piece = [0; PIECE];
        loop {
            if deadline.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut read = ReadBuf::new(&mut piece);
            // A client that ends the connection otherwise has seen enough.
            if ready!(Pin::new(&mut this.stream).poll_read(cx, &mut read)).is_err() || read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            match this.left.checked_sub(read.filled().len() as u64) {
                Some(left) => this.left = left,
                None => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_still_comes_is_read_to_the_clients_end() {
        let (mut client, server) = duplex(1024);
        let unread = Unread::default();
        unread.mark();
        let mut server = Lingering::new(server, unread);
        let closing = tokio::spawn(async move { server.shutdown().await });
        let mut response = Vec::new();
        // More than the pipe holds: it is taken only if somebody reads.
        client.write_all(&[7; 64 * 1024]).await.unwrap();
        client.shutdown().await.unwrap();
        closing.await.unwrap().unwrap();
        client.read_to_end(&mut response).await.unwrap();
        assert!(response.is_empty());
    }

    #[tokio::test]
    async fn nobody_is_waited_for_whose_request_was_read() {
        let (_client, server) = duplex(1024);
        Lingering::new(server, Unread::default()).shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn a_client_that_never_ends_is_left() {
        let (_client, server) = duplex(1024);
        let unread = Unread::default();
        unread.mark();
        let server = Lingering::new(server, unread);
        Lingering { patience: Duration::from_millis(1), ..server }.shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn a_client_that_sends_without_end_is_left() {
        let (mut client, server) = duplex(1024);
        let unread = Unread::default();
        unread.mark();
        let server = Lingering::new(server, unread);
        let closing = tokio::spawn(async move { Lingering { left: 10_000, ..server }.shutdown().await });
        while client.write_all(&[7; 1024]).await.is_ok() {}
        closing.await.unwrap().unwrap();
    }
}
