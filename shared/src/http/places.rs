//! Places for work. Whoever only waits holds none: half a request is cheap to send, and so is one that is held back.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::body::MAX_BODY;
use super::budget::{Budget, Taken};
use super::networks::{Network, Share, Shares};

/// Bodies that are awaited, of all clients together.
pub(super) const MOST_AWAITED: u64 = 32 * 1024 * 1024;
/// Bodies up to this are not counted: a head may be as long.
const SMALL: u64 = 8 * 1024;

tokio::task_local! {
    /// That of the request that this task answers.
    static PLACE: Arc<Place>;
}

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    shares: Shares,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Held(
    #[expect(dead_code, reason = "given back when it is dropped")] OwnedSemaphorePermit,
    #[expect(dead_code, reason = "given back when it is dropped")] Share,
);

impl Places {
    pub(super) fn new(count: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(count)), shares: Shares::default() }
    }

    /// One for this client, where one is free that its network may have.
    pub(super) fn hold(&self, client: IpAddr) -> Option<Held> {
        let share = self.shares.take(client, self.free.available_permits())?;
        Some(Held(Arc::clone(&self.free).try_acquire_owned().ok()?, share))
    }
}

/// The place of one request.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    client: IpAddr,
    held: Mutex<Option<Held>>,
    turned_away: AtomicBool,
}

/// Gives the place of this request back: from now on it only waits.
pub fn leave_place() {
    // There is none where nobody counts them, as on the command line.
    PLACE.try_with(|place| place.leave()).unwrap_or_default();
}

/// Takes a place again. `false`: none is free any more, and whatever the request is answered by becomes 503.
pub fn return_to_place() -> bool {
    PLACE.try_with(|place| place.come_back()).unwrap_or(true)
}

/// Where this request comes from. `None`: nobody counts, as on the command line.
pub fn site_of_request() -> Option<Network> {
    PLACE.try_with(|place| Network::site_of(place.client)).ok()
}

impl Place {
    /// A place for a request of this client, where one is free that its network may have.
    pub(super) fn take(places: &Arc<Places>, client: IpAddr) -> Option<Arc<Self>> {
        let held = Mutex::new(Some(places.hold(client)?));
        Some(Arc::new(Self { places: Arc::clone(places), client, held, turned_away: AtomicBool::new(false) }))
    }

    /// Answers the request that has it.
    pub(super) async fn scope<F: Future>(self: &Arc<Self>, answer: F) -> F::Output {
        PLACE.scope(Arc::clone(self), answer).await
    }

    /// Whether there was none any more when the body had come.
    pub(super) fn was_turned_away(&self) -> bool {
        self.turned_away.load(Ordering::Relaxed)
    }

    fn leave(&self) {
        // Whoever only waits from now on is answered without one.
        self.turned_away.store(false, Ordering::Relaxed);
        self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Takes a place again, where none is held.
    fn come_back(&self) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = self.places.hold(self.client);
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
    _awaited: Option<Taken>,
}

impl AwaitedBody {
    /// `body`, where some of it may yet have to come. `None`: so much is awaited already that its network may send no more.
    ///
    /// A scenario: thousands of connections send all but the last byte of a body, and hold no place meanwhile.
    pub(super) fn of(body: Body, place: &Arc<Place>, awaited: &Budget) -> Option<Body> {
        if body.is_end_stream() {
            return Some(body);
        }
        let bytes = body.size_hint().upper().unwrap_or(u64::MAX).min(MAX_BODY as u64);
        let _awaited = if bytes > SMALL { Some(awaited.take(place.client, bytes)?) } else { None };
        Some(Body::new(Self { body, place: Arc::clone(place), _awaited }))
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
