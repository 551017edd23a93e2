//! What requests see of an issuer's keys: a set that is read without waiting, and a bounded way to ask for a newer one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;

use super::fetch::Conditions;
use super::freshness::{Freshness, Moment, State};
use super::remote::RemoteJwksSettings;
use super::snapshot::KeySnapshot;
use super::source::Lookup;
use crate::clock::Clock;

const RETRY_AFTER: Duration = Duration::from_secs(5);
const MAX_WAITERS: usize = 256;

/// Shared by the requests, which read, and the task, which alone changes what is loaded.
pub(super) struct Cache {
    pub(super) settings: RemoteJwksSettings,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) loaded: ArcSwapOption<Loaded>,
    pub(super) progress: watch::Sender<Progress>,
    demand: Mutex<Demand>,
    pub(super) demanded: Notify,
    waiters: Semaphore,
    pub(super) counters: Counters,
}

/// A set with what is needed to ask for a newer one.
pub(super) struct Loaded {
    pub(super) keys: Arc<KeySnapshot>,
    pub(super) freshness: Freshness,
    pub(super) conditions: Conditions,
}

/// The refreshes so far, by number.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    pub(super) started: u64,
    pub(super) finished: u64,
    pub(super) last_failed: bool,
}

/// What requests asked for.
#[derive(Debug, Default)]
pub(super) struct Demand {
    claimed_at: Option<Instant>,
    /// The refresh that the last claim waits for.
    target: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) fetches: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) suppressed: AtomicU64,
    pub(super) task_restarts: AtomicU64,
}

impl Cache {
    /// A cache of nothing.
    pub(super) fn new(settings: RemoteJwksSettings, clock: Arc<dyn Clock>) -> Self {
        Self {
            settings,
            clock,
            loaded: ArcSwapOption::empty(),
            progress: watch::Sender::new(Progress::default()),
            demand: Mutex::default(),
            demanded: Notify::new(),
            waiters: Semaphore::new(MAX_WAITERS),
            counters: Counters::default(),
        }
    }

    pub(super) fn now(&self) -> Moment {
        Moment { monotonic: Instant::now(), wall: self.clock.now() }
    }

    pub(super) fn state(&self) -> State {
        match self.loaded.load().as_ref() {
            Some(loaded) => loaded.freshness.state(self.now(), self.settings.max_stale),
            None => State::Empty,
        }
    }

    pub(super) fn lookup(&self, kid: &str) -> Lookup {
        match (self.loaded.load().as_ref(), self.state()) {
            (_, State::Expired) => {
                // The task may be asleep for minutes yet: a machine that was suspended wakes up with keys like these.
                self.ask();
                Lookup::Unavailable { retry_after: RETRY_AFTER }
            }
            (None, _) => Lookup::Unknown,
            (Some(loaded), State::Empty | State::Fresh | State::Due | State::Stale) => {
                loaded.keys.get(kid).map_or(Lookup::Unknown, |key| Lookup::Found(Arc::clone(key)))
            }
        }
    }

    /// Waits for the refresh that may bring `kid`, if there may be one.
    pub(super) async fn refresh(&self, kid: &str) -> Lookup {
        let unavailable = Lookup::Unavailable { retry_after: RETRY_AFTER };
        let Ok(_place) = self.waiters.try_acquire() else { return unavailable };
        let mut progress = self.progress.subscribe();
        let Some(target) = self.ask() else {
            // Within the cooldown. If the last fetch succeeded, our set is that young, and the key is not in it.
            return if progress.borrow().last_failed { unavailable } else { Lookup::Unknown };
        };
        let refreshed = progress.wait_for(|progress| progress.finished >= target);
        let failed = match tokio::time::timeout(self.settings.wait_for_keys, refreshed).await {
            Ok(Ok(progress)) => progress.last_failed,
            Ok(Err(_)) | Err(_) => true,
        };
        match self.lookup(kid) {
            Lookup::Unknown if failed => unavailable,
            lookup => lookup,
        }
    }

    /// The number of the refresh to wait for; `None` where the cooldown declines one.
    fn ask(&self) -> Option<u64> {
        let mut demand = self.demand.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = *self.progress.borrow();
        if progress.started > progress.finished {
            return Some(progress.started);
        }
        if demand.target > progress.finished {
            return Some(demand.target);
        }
        if self.loaded.load().is_none() {
            // The task keeps trying by itself, faster than the cooldown would let it.
            return Some(progress.finished + 1);
        }
        if demand.claimed_at.is_some_and(|claimed| claimed.elapsed() < self.settings.cooldown) {
            self.counters.suppressed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        demand.claimed_at = Some(Instant::now());
        demand.target = progress.finished + 1;
        self.demanded.notify_one();
        Some(demand.target)
    }
}
