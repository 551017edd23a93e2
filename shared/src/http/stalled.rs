//! Connections whose clients do not read.
//!
//! A scenario: thousands of connections ask for something small each, and read nothing. An answer of that size is in the
//! buffers of its connection as soon as it is made, where nobody counts it. So few connections may wait for their clients at a
//! time, and of one network no more than it leaves to others; further ones are closed.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;

use super::places::{Held, Places};

/// A stream to a client that is counted while what was written to it waits to be read.
pub(super) struct Stalling {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    client: IpAddr,
    /// `None`: a proxy is asked to read by others.
    stalled: Option<Arc<Places>>,
    held: Option<Held>,
    waits: bool,
}

impl Stalling {
    /// Counts the stream to `client` among those that are `stalled`; `None`: not at all.
    pub(super) fn new(
        stream: Pin<Box<TimeoutStream<TcpStream>>>,
        client: IpAddr,
        stalled: Option<Arc<Places>>,
    ) -> Self {
        Self { stream, client, stalled, held: None, waits: false }
    }

    fn count<T>(&mut self, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.waits = !matches!(written, Poll::Ready(Ok(_)));
        if written.is_ready() {
            self.held = None;
        } else if let (Some(stalled), None) = (&self.stalled, &self.held) {
            self.held = stalled.hold(self.client);
            if self.held.is_none() {
                return Poll::Ready(Err(io::Error::other("too many clients do not read")));
            }
        }
        written
    }
}

/// What was not read is thrown away with the connection. Otherwise the system would keep it, and the connection, for as long as
/// the client says that it is still there.
impl Drop for Stalling {
    fn drop(&mut self) {
        if self.waits {
            // Where it fails the connection is gone already.
            drop(self.stream.get_ref().set_zero_linger());
        }
    }
}

impl AsyncRead for Stalling {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_read(context, buffer)
    }
}

impl AsyncWrite for Stalling {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream.as_mut().poll_write(context, bytes);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream.as_mut().poll_write_vectored(context, bytes);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(context)
    }
}
