//! How many bytes of answers may wait for somebody to read them.
//!
//! A scenario: a thousand connections ask for pages of a thousand rows, and read nothing. The place of a request ends with the
//! head of its answer; what waits behind it would end the process for lack of memory.

use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use super::budget::{Budget, Taken};

/// Of all answers together.
const MOST: u64 = 64 * 1024 * 1024;
/// Answers up to this are not counted: as much may wait in the buffers of a connection anyway.
const SMALL: u64 = 32 * 1024;
/// What is handed to the connection at a time, so that an answer is not taken for read once it has begun.
const PIECE: usize = 16 * 1024;

/// In the extensions of a response whose bytes are there once for all who ask for them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedBytes;

/// The bytes that wait.
#[derive(Clone, Debug)]
pub(super) struct Unread(Budget);

impl Default for Unread {
    fn default() -> Self {
        Self(Budget::new(MOST))
    }
}

impl Unread {
    /// `response` with its body counted until it is read. `None`: so many bytes wait already that its network may have no
    /// more, which is what it leaves to others.
    pub(super) fn count(&self, client: IpAddr, response: Response) -> Option<Response> {
        let Some(bytes) = response.body().size_hint().exact().filter(|bytes| *bytes > SMALL) else {
            return Some(response);
        };
        if response.extensions().get::<SharedBytes>().is_some() {
            return Some(response);
        }
        let waiting = self.0.take(client, bytes)?;
        Some(response.map(|body| Body::new(Counted { body, rest: Bytes::new(), _waiting: waiting })))
    }
}

/// A body that is handed on in pieces.
#[derive(Debug)]
struct Counted {
    body: Body,
    rest: Bytes,
    _waiting: Taken,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        self.body
            .size_hint()
            .exact()
            .map_or_else(SizeHint::default, |bytes| SizeHint::with_exact(bytes + rest))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn page(bytes: usize) -> Response {
        Response::new(Body::from(vec![7; bytes]))
    }

    #[tokio::test]
    async fn what_waits_is_bounded_and_read_as_it_was() {
        const PAGE: usize = 4 * 1024 * 1024;
        let unread = Unread::default();
        let waiting: Vec<_> = std::iter::from_fn(|| unread.count(HERE, page(PAGE))).collect();
        assert_eq!(waiting.len(), 8, "half of all there is");
        assert!(unread.count(THERE, page(PAGE)).is_some() && unread.count(HERE, page(1000)).is_some());
        let mut shared = page(PAGE);
        shared.extensions_mut().insert(SharedBytes);
        assert!(unread.count(HERE, shared).is_some());
        for response in waiting {
            assert_eq!(response.body().size_hint().exact(), Some(PAGE as u64));
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), vec![7; PAGE]);
        }
        assert!(unread.count(HERE, page(8 * PAGE)).is_some(), "all were given back");
    }
}
