//! A connection on which a failed write says why the other side broke off, where it said so.
//!
//! A server that turns a connection away sends an alert and closes. Whoever writes then learns that the pipe is broken, while
//! the alert is there to be read, or about to be.

use crate::refusal::within;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A TLS connection, or whatever stands for one.
pub(crate) struct Wire<S>(pub(crate) S);

impl<S: AsyncRead + Unpin> Wire<S> {
    /// How a write went; where it failed because the other side closed, and there is an alert to be read, that.
    fn or_refusal<T>(&mut self, cx: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let failed = match wrote {
            Poll::Ready(Err(failed)) if closed(&failed) => failed,
            other => return other,
        };
        // Of anything but an alert, a byte is as good as nothing: the request is not through, and will not be.
        let mut scrap = [0_u8; 1];
        match Pin::new(&mut self.0).poll_read(cx, &mut ReadBuf::new(&mut scrap)) {
            Poll::Ready(Err(refusal)) if within(&refusal).is_some() => Poll::Ready(Err(refusal)),
            Poll::Ready(_) => Poll::Ready(Err(failed)),
            // What is closed can be read soon, if only to its end: whoever waits for that is woken, and writes in vain again.
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Whether a write failed because the other side has closed the connection.
fn closed(failed: &io::Error) -> bool {
    matches!(failed.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.0).poll_write(cx, buf);
        self.or_refusal(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = Pin::new(&mut self.0).poll_write_vectored(cx, bufs);
        self.or_refusal(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.0).poll_flush(cx);
        self.or_refusal(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{AlertDescription, Error};
    use tokio::io::AsyncWriteExt as _;

    /// A connection to which nothing can be written, for this reason; what there is to be read, at the second look.
    struct Broken {
        why: io::ErrorKind,
        says: Option<Error>,
        looked: bool,
    }

    fn broken(why: io::ErrorKind, says: Option<Error>) -> Wire<Broken> {
        Wire(Broken { why, says, looked: false })
    }

    impl AsyncRead for Broken {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            if !std::mem::replace(&mut self.looked, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match &self.says {
                Some(error) => Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error.clone()))),
                // Its end.
                None => Poll::Ready(Ok(())),
            }
        }
    }

    impl AsyncWrite for Broken {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(self.why.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(self.why.into()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_failed_write_says_why_the_other_side_closed() {
        let alert = Error::AlertReceived(AlertDescription::CertificateRevoked);
        for why in [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset] {
            let mut refused = broken(why, Some(alert.clone()));
            let failed = refused.write(b"x").await.unwrap_err();
            assert_eq!(within(&failed), Some(&alert), "{failed}");
            let failed = refused.flush().await.unwrap_err();
            assert_eq!(within(&failed), Some(&alert), "{failed}");
        }
    }

    #[tokio::test]
    async fn where_it_said_nothing_the_write_failed_as_it_did() {
        let failed = broken(io::ErrorKind::BrokenPipe, None).write(b"x").await.unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::BrokenPipe, "{failed}");
        let mut other = broken(io::ErrorKind::OutOfMemory, None);
        assert_eq!(other.write(b"x").await.unwrap_err().kind(), io::ErrorKind::OutOfMemory);
        assert!(!other.0.looked, "the other side has no part in it");
    }
}
