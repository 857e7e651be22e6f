//! A stream whose reader has to keep reading: what was written goes through in time, or the stream fails.
//!
//! A client that stops reading makes a write wait for as long as it likes, and the connection's place, its buffers and its
//! file descriptor with it. One that reads a byte now and then is no better. So the time runs from the first write that had to
//! wait, until everything written is through.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// See the module.
pub(crate) struct Draining<S> {
    stream: S,
    limit: Duration,
    // Since a write has to wait.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Draining<S> {
    /// With so long for what was written to go through.
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, waiting: None }
    }

    /// What came of writing, unless it has waited for too long.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            return written;
        }
        let limit = self.limit;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read what it is sent")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Draining<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Draining<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        let flushed = self.in_time(cx, flushed);
        if let Poll::Ready(Ok(())) = flushed {
            self.waiting = None;
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.in_time(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn what_nobody_reads_fails() {
        let (near, far) = tokio::io::duplex(4);
        let mut near = Draining::new(near, Duration::from_millis(1));
        near.write_all(b"four").await.unwrap();
        let failed = near.write_all(b"more").await.unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
        drop(far);
    }

    #[tokio::test]
    async fn a_byte_now_and_then_is_not_enough() {
        let (near, mut far) = tokio::io::duplex(4);
        let mut near = Draining::new(near, Duration::from_millis(50));
        let reading = tokio::spawn(async move {
            let mut byte = [0];
            while far.read(&mut byte).await.is_ok_and(|n| n == 1) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let failed = near.write_all(&vec![0; 1 << 20]).await.unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
        drop(near);
        reading.await.unwrap();
    }

    #[tokio::test]
    async fn what_is_read_goes_through() {
        let (near, mut far) = tokio::io::duplex(4);
        let mut near = Draining::new(near, LONG);
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            far.read_to_end(&mut all).await.map(|_| all)
        });
        near.write_all(b"more than fits at once").await.unwrap();
        near.flush().await.unwrap();
        assert!(near.waiting.is_none(), "the next write has as long again");
        near.shutdown().await.unwrap();
        drop(near);
        assert_eq!(reading.await.unwrap().unwrap(), b"more than fits at once");
    }
}
