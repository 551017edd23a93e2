//! The keys of an issuer elsewhere: fetched by one background task, read without waiting by everybody else.
//!
//! A scenario for why requests do not fetch by themselves: ten thousand requests come with made-up key names. Each
//! would fetch, the issuer would fall over, and the tokens of everybody else with it. So a request may only *ask* for
//! a fetch, one fetch serves all who ask, and the next one is a cooldown away, whether the last succeeded or not.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::AbortHandle;
use url::Url;

use super::cache::Cache;
use super::fetch::Transport;
use super::fetcher::Fetcher;
use super::freshness::State;
use super::source::{KeySource, Lookup};
use crate::clock::Clock;
use crate::random::Random;
use crate::settings::Issuer;

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
        let cache = Arc::new(Cache::new(settings, clock));
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
