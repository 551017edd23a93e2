//! The keys of an issuer elsewhere: fetched by one background task, read without waiting by everybody else.
//!
//! A scenario for why requests do not fetch by themselves: ten thousand requests come with made-up key names. Each
//! would fetch, the issuer would fall over, and the tokens of everybody else with it. So a request may only *ask* for
//! a fetch, one fetch serves all who ask, and the next one is a cooldown away, whether the last succeeded or not.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::FutureExt as _;
use http::StatusCode;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use url::Url;

use super::fetch::{Conditions, FetchError, Locator, Transport};
use super::freshness::{Freshness, Moment, State};
use super::snapshot::KeySnapshot;
use super::source::{KeySource, Lookup};
use crate::clock::Clock;
use crate::random::Random;
use crate::settings::Issuer;

const RETRY_AFTER: Duration = Duration::from_secs(5);
const MAX_WAITERS: usize = 256;
const TRIES: u32 = 3;
const REFRESH_DEADLINE: Duration = Duration::from_secs(8);

/// Whose keys, and how long they are good for.
#[derive(Clone, Debug)]
pub struct RemoteJwksSettings {
    /// Whose keys.
    pub issuer: Issuer,
    /// Where they are; `None`: where the issuer's metadata say (RFC 8414, OpenID Connect Discovery).
    pub jwks_url: Option<Url>,
    /// Allows plain http to another machine: for private networks only.
    pub insecure_allow_http: bool,
    /// How long past their time keys are used while the issuer cannot be reached; at most 24 h.
    pub max_stale: Duration,
    /// The least time between two fetches that requests asked for; at least 1 s.
    pub cooldown: Duration,
    /// How long a request waits for keys.
    pub wait_for_keys: Duration,
}

impl RemoteJwksSettings {
    /// The keys of `issuer`, found by discovery, with the usual times: 1 h stale, 10 s cooldown, 2 s wait.
    pub fn new(issuer: Issuer) -> Self {
        Self {
            issuer,
            jwks_url: None,
            insecure_allow_http: false,
            max_stale: Duration::from_secs(3600),
            cooldown: Duration::from_secs(10),
            wait_for_keys: Duration::from_secs(2),
        }
    }
}

/// The keys of an issuer, kept fresh by a task that ends when this is dropped.
pub struct RemoteJwks {
    cache: Arc<Cache>,
    task: AbortHandle,
}

impl RemoteJwks {
    /// Starts to fetch. Returns at once; until the first fetch succeeds, tokens cannot be judged.
    pub fn start(
        settings: RemoteJwksSettings,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        let settings = RemoteJwksSettings {
            max_stale: settings.max_stale.min(Duration::from_secs(24 * 3600)),
            cooldown: settings.cooldown.max(Duration::from_secs(1)),
            ..settings
        };
        let cache = Arc::new(Cache {
            settings,
            clock,
            loaded: ArcSwapOption::empty(),
            progress: watch::Sender::new(Progress::default()),
            demand: Mutex::default(),
            demanded: Notify::new(),
            waiters: Semaphore::new(MAX_WAITERS),
            counters: Counters::default(),
        });
        let fetcher = Fetcher { cache: Arc::clone(&cache), transport, random };
        Self { cache, task: tokio::spawn(fetcher.run_supervised()).abort_handle() }
    }

    /// Whether keys were ever loaded: what readiness waits for. Stays true when they expire, since pulling every
    /// replica out of service would turn an outage of the issuer into one of the public routes, too.
    pub fn is_loaded(&self) -> bool {
        self.cache.loaded.load().is_some()
    }

    /// Waits until keys were loaded for the first time.
    pub async fn loaded(&self) {
        let mut progress = self.cache.progress.subscribe();
        // The task publishes keys before it notes that it is done. It lives as long as `self`, so it does note it.
        drop(progress.wait_for(|_| self.is_loaded()).await);
    }

    /// How the cache is doing, for metrics.
    pub fn status(&self) -> JwksStatus {
        let loaded = self.cache.loaded.load();
        let now = self.cache.now();
        JwksStatus {
            state: self.cache.state(),
            keys: loaded.as_ref().map_or(0, |loaded| loaded.keys.len()),
            skipped: loaded.as_ref().map_or(0, |loaded| loaded.keys.skipped().len()),
            age: loaded.as_ref().map(|loaded| loaded.freshness.age(now)),
            fetches: self.cache.counters.fetches.load(Ordering::Relaxed),
            failures: self.cache.counters.failures.load(Ordering::Relaxed),
            suppressed: self.cache.counters.suppressed.load(Ordering::Relaxed),
            task_restarts: self.cache.counters.task_restarts.load(Ordering::Relaxed),
        }
    }
}

impl KeySource for RemoteJwks {
    fn lookup(&self, kid: &str) -> Lookup {
        self.cache.lookup(kid)
    }

    fn refresh<'a>(&'a self, kid: &'a str) -> Pin<Box<dyn Future<Output = Lookup> + Send + 'a>> {
        Box::pin(self.cache.refresh(kid))
    }
}

impl Drop for RemoteJwks {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for RemoteJwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteJwks").field("status", &self.status()).finish_non_exhaustive()
    }
}

/// How a [`RemoteJwks`] is doing.
#[derive(Clone, Copy, Debug)]
pub struct JwksStatus {
    /// What the keys may be used for.
    pub state: State,
    /// Usable keys.
    pub keys: usize,
    /// Entries of the set that were of no use.
    pub skipped: usize,
    /// How old the set is.
    pub age: Option<Duration>,
    /// Refreshes that were tried.
    pub fetches: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Requests for a fetch that came within the cooldown.
    pub suppressed: u64,
    /// How often the task had to be started again.
    pub task_restarts: u64,
}

struct Cache {
    settings: RemoteJwksSettings,
    clock: Arc<dyn Clock>,
    loaded: ArcSwapOption<Loaded>,
    progress: watch::Sender<Progress>,
    demand: Mutex<Demand>,
    demanded: Notify,
    waiters: Semaphore,
    counters: Counters,
}

/// A set with what is needed to ask for a newer one.
struct Loaded {
    keys: Arc<KeySnapshot>,
    freshness: Freshness,
    conditions: Conditions,
}

/// The refreshes so far, by number.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    started: u64,
    finished: u64,
    last_failed: bool,
}

/// What requests asked for.
#[derive(Debug, Default)]
struct Demand {
    claimed_at: Option<Instant>,
    /// The refresh that the last claim waits for.
    target: u64,
}

#[derive(Debug, Default)]
struct Counters {
    fetches: AtomicU64,
    failures: AtomicU64,
    suppressed: AtomicU64,
    task_restarts: AtomicU64,
}

impl Cache {
    fn now(&self) -> Moment {
        Moment { monotonic: Instant::now(), wall: self.clock.now() }
    }

    fn state(&self) -> State {
        match self.loaded.load().as_ref() {
            Some(loaded) => loaded.freshness.state(self.now(), self.settings.max_stale),
            None => State::Empty,
        }
    }

    fn lookup(&self, kid: &str) -> Lookup {
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
    async fn refresh(&self, kid: &str) -> Lookup {
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

/// The background task: the only place that fetches and that changes what is loaded.
struct Fetcher {
    cache: Arc<Cache>,
    transport: Arc<dyn Transport>,
    random: Arc<dyn Random>,
}

impl Fetcher {
    async fn run_supervised(self) {
        loop {
            if AssertUnwindSafe(self.run()).catch_unwind().await.is_err() {
                tracing::error!("the task that fetches keys panicked; it is started again");
                self.cache.counters.task_restarts.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    async fn run(&self) {
        let RemoteJwksSettings { issuer, jwks_url, insecure_allow_http, .. } = self.cache.settings.clone();
        let mut locator = Locator::new(issuer, jwks_url, insecure_allow_http);
        let mut failures = 0;
        loop {
            let demanded = tokio::select! {
                () = tokio::time::sleep(self.pause(failures)) => false,
                () = self.cache.demanded.notified() => true,
            };
            // What a request asks for is one try, so that the cooldown bounds the fetches.
            let tries = if demanded || self.cache.loaded.load().is_none() { 1 } else { TRIES };
            self.cache.progress.send_modify(|progress| progress.started += 1);
            let refreshed = tokio::time::timeout(REFRESH_DEADLINE, self.refresh(&mut locator, tries)).await;
            let failed = !matches!(refreshed, Ok(true));
            failures = if failed { failures + 1 } else { 0 };
            self.cache.progress.send_modify(|progress| {
                progress.finished = progress.started;
                progress.last_failed = failed;
            });
        }
    }

    /// How long to sleep before the next refresh. All pauses are jittered, so that replicas do not march in step.
    fn pause(&self, failures: u32) -> Duration {
        let backoff = |first: Duration, most: Duration| {
            first
                .saturating_mul(1 << failures.saturating_sub(1).min(10))
                .min(most)
                .mul_f64(self.random.fraction())
        };
        match (self.cache.loaded.load().as_ref(), failures) {
            (None, 0) => Duration::ZERO,
            (None, _) => backoff(Duration::from_millis(400), Duration::from_secs(5)),
            (Some(loaded), 0) => loaded.freshness.until_due(self.cache.now()),
            (Some(_), _) => Duration::from_secs(1) + backoff(Duration::from_secs(5), Duration::from_secs(60)),
        }
    }

    async fn refresh(&self, locator: &mut Locator, tries: u32) -> bool {
        for attempt in 1..=tries {
            self.cache.counters.fetches.fetch_add(1, Ordering::Relaxed);
            match self.fetch(locator).await {
                Ok(loaded) => {
                    self.report_recovery(&loaded);
                    self.cache.loaded.store(Some(Arc::new(loaded)));
                    return true;
                }
                Err(error) => {
                    locator.forget();
                    self.report_failure(locator, &error);
                }
            }
            if attempt < tries {
                let most =
                    Duration::from_millis(200).saturating_mul(1 << attempt).min(Duration::from_secs(2));
                tokio::time::sleep(most.mul_f64(self.random.fraction())).await;
            }
        }
        false
    }

    async fn fetch(&self, locator: &mut Locator) -> Result<Loaded, FetchError> {
        let url = locator.locate(&*self.transport).await?;
        let known = self.cache.loaded.load_full();
        let conditions = known.as_ref().map(|known| known.conditions.headers()).unwrap_or_default();
        let answer = self.transport.get(&url, conditions).await?;
        let keys = match (answer.status, known) {
            (StatusCode::OK, _) => {
                let parsed = KeySnapshot::parse(&answer.body);
                Arc::new(parsed.map_err(|source| FetchError::Set { url, source })?)
            }
            (StatusCode::NOT_MODIFIED, Some(known)) => Arc::clone(&known.keys),
            (status, _) => return Err(FetchError::Status { url, status }),
        };
        let freshness = Freshness::new(self.cache.now(), &answer.headers, self.random.fraction());
        Ok(Loaded { keys, freshness, conditions: Conditions::of(&answer.headers) })
    }

    /// One line a change for the better.
    fn report_recovery(&self, loaded: &Loaded) {
        let first = self.cache.loaded.load().is_none();
        if first || self.cache.progress.borrow().last_failed {
            tracing::info!(
                issuer = %self.cache.settings.issuer,
                keys = loaded.keys.len(),
                skipped = ?loaded.keys.skipped(),
                "keys of the issuer loaded"
            );
        }
    }

    /// One line a change for the worse; the rest is for those who debug.
    fn report_failure(&self, locator: &Locator, error: &FetchError) {
        self.cache.counters.failures.fetch_add(1, Ordering::Relaxed);
        let progress = *self.cache.progress.borrow();
        let news = progress.finished == 0 || !progress.last_failed;
        let state = self.cache.state();
        if news || state == State::Expired {
            tracing::warn!(issuer = %locator, error = error as &dyn std::error::Error, ?state, "keys of the issuer cannot be fetched");
        } else {
            tracing::debug!(issuer = %locator, error = error as &dyn std::error::Error, ?state, "keys of the issuer still cannot be fetched");
        }
    }
}
