//! Places for work. Whoever waits for the rest of a body does no work, and so holds none: half a request is cheap to send.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The place of one request.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Semaphore>,
    held: Mutex<Option<OwnedSemaphorePermit>>,
    turned_away: AtomicBool,
}

impl Place {
    /// A place, where one is free.
    pub(super) fn take(places: &Arc<Semaphore>) -> Option<Arc<Self>> {
        let held = Arc::clone(places).try_acquire_owned().ok()?;
        let (places, held) = (Arc::clone(places), Mutex::new(Some(held)));
        Some(Arc::new(Self { places, held, turned_away: AtomicBool::new(false) }))
    }

    /// Whether there was none any more when the body had come.
    pub(super) fn was_turned_away(&self) -> bool {
        self.turned_away.load(Ordering::Relaxed)
    }

    fn leave(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Takes a place again, where none is held.
    fn come_back(&self) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = Arc::clone(&self.places).try_acquire_owned().ok();
        }
        self.turned_away.store(held.is_none(), Ordering::Relaxed);
        held.is_some()
    }
}

/// A body that gives the place of its request back for as long as more of it is awaited.
#[derive(Debug)]
pub(super) struct AwaitedBody {
    body: Body,
    place: Arc<Place>,
}

impl AwaitedBody {
    /// `body`, where some of it may yet have to come.
    pub(super) fn of(body: Body, place: &Arc<Place>) -> Body {
        match body.is_end_stream() {
            true => body,
            false => Body::new(Self { body, place: Arc::clone(place) }),
        }
    }
}

impl HttpBody for AwaitedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if polled.is_pending() {
            self.place.leave();
        }
        let frame = ready!(polled);
        match self.place.come_back() {
            true => Poll::Ready(frame),
            false => Poll::Ready(Some(Err(axum::Error::new(NoPlace)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no place was free any more when the body had come")]
struct NoPlace;
