//! What requests see of an issuer's keys: a set that is read without waiting, and a bounded way to ask for a newer one.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::Instant;

use super::absent::Absent;
use super::fetch::{Conditions, FetchError};
use super::freshness::{Freshness, Moment, State};
use super::metrics::Counters;
use super::remote::{JwksStatus, RemoteJwksSettings};
use super::snapshot::{KeySnapshot, VerifyingKey};
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
    pub(super) last_error: ArcSwapOption<FetchError>,
    absent: Absent,
    waiters: Semaphore,
    pub(super) counters: Counters,
}

/// A set with what is needed to ask for a newer one.
pub(super) struct Loaded {
    pub(super) keys: Arc<KeySnapshot>,
    pub(super) freshness: Freshness,
    pub(super) conditions: Conditions,
    /// Counts the sets that were loaded.
    pub(super) generation: u64,
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

/// The answer to a request for a fetch.
enum Ask {
    /// This refresh is yet to come, because of this request.
    Claimed(u64),
    /// This refresh is coming anyway.
    Joined(u64),
    /// The cooldown declines it.
    Declined,
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
            last_error: ArcSwapOption::empty(),
            absent: Absent::new(),
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
        self.find(|keys| keys.get(kid)).unwrap_or(Lookup::Unknown)
    }

    /// Without a name there is nothing to wait for: no keys yet are keys that cannot be had.
    pub(super) fn only(&self) -> Lookup {
        self.find(KeySnapshot::only).unwrap_or(Lookup::Unavailable { retry_after: RETRY_AFTER })
    }

    /// `None`: there are no keys yet.
    fn find(&self, which: impl FnOnce(&KeySnapshot) -> Option<&Arc<VerifyingKey>>) -> Option<Lookup> {
        let loaded = self.loaded.load();
        let loaded = loaded.as_ref()?;
        let state = loaded.freshness.state(self.now(), self.settings.max_stale);
        if state == State::Expired || (!self.settings.scheduled && state != State::Fresh) {
            // The task may be asleep for minutes yet: a machine that was suspended wakes up with keys like these.
            self.ask();
        }
        if state == State::Expired {
            return Some(Lookup::Unavailable { retry_after: RETRY_AFTER });
        }
        Some(which(&loaded.keys).map_or(Lookup::Unknown, |key| Lookup::Found(Arc::clone(key))))
    }

    /// Waits for the refresh that may bring `kid`, if there may be one.
    pub(super) async fn refresh(&self, kid: &str) -> Lookup {
        let unavailable = Lookup::Unavailable { retry_after: RETRY_AFTER };
        let mut progress = self.progress.subscribe();
        let target = match self.ask() {
            Ask::Claimed(target) => target,
            // Whoever asks for the same name all the time takes no place from those who ask for a new one.
            Ask::Joined(target) if !self.absent.contains(kid, self.generation()) => target,
            // Within the cooldown. If the last fetch succeeded, our set is that young, and the key is not in it.
            Ask::Joined(_) | Ask::Declined => {
                return if progress.borrow().last_failed { unavailable } else { Lookup::Unknown };
            }
        };
        let Ok(_place) = self.waiters.try_acquire() else { return unavailable };
        let refreshed = progress.wait_for(|progress| progress.finished >= target);
        let failed = match tokio::time::timeout(self.settings.wait_for_keys, refreshed).await {
            Ok(Ok(progress)) => progress.last_failed,
            Ok(Err(_)) | Err(_) => true,
        };
        match self.lookup(kid) {
            Lookup::Unknown if failed => unavailable,
            Lookup::Unknown => {
                self.absent.note(kid, self.generation());
                Lookup::Unknown
            }
            lookup => lookup,
        }
    }

    /// An issuer that has just failed is not asked by requests for a while, whoever asked it last.
    pub(super) fn cool_down(&self) {
        let mut demand = self.demand.lock().unwrap_or_else(PoisonError::into_inner);
        demand.claimed_at = Some(Instant::now());
    }

    /// Asks the task for a refresh.
    pub(super) fn demand(&self) {
        self.ask();
    }

    fn ask(&self) -> Ask {
        let mut demand = self.demand.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = *self.progress.borrow();
        if progress.started > progress.finished {
            return Ask::Joined(progress.started);
        }
        if demand.target > progress.finished {
            return Ask::Joined(demand.target);
        }
        if self.loaded.load().is_none() {
            // The task keeps trying by itself, faster than the cooldown would let it.
            return Ask::Joined(progress.finished + 1);
        }
        if demand.claimed_at.is_some_and(|claimed| claimed.elapsed() < self.settings.cooldown) {
            self.counters.suppressed.inc();
            return Ask::Declined;
        }
        demand.claimed_at = Some(Instant::now());
        demand.target = progress.finished + 1;
        self.demanded.notify_one();
        Ask::Claimed(demand.target)
    }

    fn generation(&self) -> u64 {
        self.loaded.load().as_ref().map_or(0, |loaded| loaded.generation)
    }

    /// How many requests wait for keys.
    pub(super) fn waiting(&self) -> usize {
        MAX_WAITERS - self.waiters.available_permits()
    }

    pub(super) fn status(&self) -> JwksStatus {
        let loaded = self.loaded.load();
        let loaded = loaded.as_ref();
        JwksStatus {
            state: self.state(),
            keys: loaded.map_or(0, |loaded| loaded.keys.len()),
            skipped: loaded.map_or(0, |loaded| loaded.keys.skipped().len()),
            age: loaded.map(|loaded| loaded.freshness.age(self.now())),
            fetches: self.counters.fetches.get(),
            failures: self.counters.failures.get(),
            suppressed: self.counters.suppressed.get(),
            task_restarts: self.counters.task_restarts.get(),
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("status", &self.status()).finish_non_exhaustive()
    }
}
