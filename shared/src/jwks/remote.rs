//! The keys of an issuer elsewhere: fetched by one background task, read without waiting by everybody else.
//!
//! A scenario for why requests do not fetch by themselves: ten thousand requests come with made-up key names. Each
//! would fetch, the issuer would fall over, and the tokens of everybody else with it. So a request may only *ask* for
//! a fetch, one fetch serves all who ask, and the next one is a cooldown away, whether the last succeeded or not.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::task::AbortHandle;
use url::Url;

use super::cache::Cache;
use super::fetch::{FetchError, Transport};
use super::fetcher::Fetcher;
use super::freshness::State;
use super::metrics;
use super::snapshot::KeySnapshot;
use super::source::{KeySource, Lookup};
use crate::clock::Clock;
use crate::issuer::{Issuer, is_secure};
use crate::misconfigured::Misconfigured;
use crate::random::Random;

/// Whose keys, and how long they are good for.
#[derive(Clone, Debug)]
pub struct RemoteJwksSettings {
    /// Whose keys.
    pub issuer: Issuer,
    /// Where they are; `None`: where the issuer's metadata say (RFC 8414, OpenID Connect Discovery).
    pub jwks_url: Option<Url>,
    /// Allows plain http to another machine: for private networks only.
    pub insecure_allow_http: bool,
    /// Whether keys are fetched again in the background when they are due. Off, the first request after that asks for
    /// it, as suits a process that is asleep between requests.
    pub scheduled: bool,
    /// How long past their time keys are used while the issuer cannot be reached; at most 24 h.
    pub max_stale: Duration,
    /// The least time between two fetches that requests asked for; from 1 s to 60 s.
    pub cooldown: Duration,
    /// How long a request waits for keys; at most 10 s.
    pub wait_for_keys: Duration,
}

impl RemoteJwksSettings {
    /// The keys of `issuer`, found by discovery, with the usual times: 1 h stale, 10 s cooldown, 2 s wait.
    pub fn new(issuer: Issuer) -> Self {
        Self {
            issuer,
            jwks_url: None,
            insecure_allow_http: false,
            scheduled: true,
            max_stale: Duration::from_secs(3600),
            cooldown: Duration::from_secs(10),
            wait_for_keys: Duration::from_secs(2),
        }
    }

    /// What is wrong with them, by themselves and with each other.
    fn problems(&self) -> Vec<String> {
        let second = Duration::from_secs(1);
        let keys = self.jwks_url.as_ref().unwrap_or(self.issuer.url());
        let plain = !self.insecure_allow_http && !is_secure(keys);
        let rules = [
            (plain, "keys must not be fetched by plain http from another machine, unless that is allowed"),
            (self.max_stale > 24 * 3600 * second, "keys must not be used for more than 24 h past their time"),
            (self.cooldown < second, "the cooldown must be at least 1 s"),
            // A set is fresh for a minute at least: a longer cooldown would keep new keys out for longer than that.
            (self.cooldown > 60 * second, "the cooldown must be at most 60 s"),
            (self.wait_for_keys > 10 * second, "requests must not wait for keys for more than 10 s"),
        ];
        rules.into_iter().filter(|(broken, _)| *broken).map(|(_, problem)| problem.to_owned()).collect()
    }
}

/// The keys of an issuer, kept fresh by a task that ends when this is dropped.
pub struct RemoteJwks {
    cache: Arc<Cache>,
    task: AbortHandle,
}

impl RemoteJwks {
    /// Starts to fetch. Returns at once; until the first fetch succeeds, tokens cannot be judged.
    ///
    /// # Errors
    /// Everything that is wrong with the settings.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(
        settings: RemoteJwksSettings,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, Misconfigured> {
        let problems = settings.problems();
        if !problems.is_empty() {
            return Err(Misconfigured::new(problems));
        }
        let cache = Arc::new(Cache::new(settings, clock));
        let fetcher = Fetcher { cache: Arc::clone(&cache), transport, random, told: None };
        Ok(Self { cache, task: tokio::spawn(fetcher.run_supervised()).abort_handle() })
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
        self.cache.status()
    }

    /// The current keys, with names and thumbprints; `None` until there are some.
    pub fn snapshot(&self) -> Option<Arc<KeySnapshot>> {
        self.cache.loaded.load().as_ref().map(|loaded| Arc::clone(&loaded.keys))
    }

    /// Why the last fetch failed; `None`: it did not.
    pub fn last_error(&self) -> Option<Arc<FetchError>> {
        self.cache.last_error.load_full()
    }

    /// Asks for a fetch now, which the cooldown may decline, and does not wait for it.
    pub fn demand_refresh(&self) {
        self.cache.demand();
    }

    /// Waits until the next refresh is over, whether it succeeds or fails.
    pub async fn next_refresh(&self) {
        let mut progress = self.cache.progress.subscribe();
        let before = progress.borrow().finished;
        drop(progress.wait_for(|progress| progress.finished > before).await);
    }
}

impl KeySource for RemoteJwks {
    fn lookup(&self, kid: &str) -> Lookup {
        self.cache.lookup(kid)
    }

    fn only(&self) -> Lookup {
        self.cache.only()
    }

    fn refresh<'a>(&'a self, kid: &'a str) -> Pin<Box<dyn Future<Output = Lookup> + Send + 'a>> {
        Box::pin(self.cache.refresh(kid))
    }

    fn state(&self) -> State {
        self.cache.state()
    }

    fn register(&self, registry: &mut Registry) {
        metrics::register(&self.cache, registry);
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
    /// Fetches that were tried.
    pub fetches: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Requests for a fetch that came within the cooldown.
    pub suppressed: u64,
    /// How often the task had to be started again.
    pub task_restarts: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_and_their_bounds_are_told_all_at_once() {
        let settings = RemoteJwksSettings::new("https://id.example".parse().unwrap());
        assert_eq!(settings.problems(), [""; 0]);
        let second = Duration::from_secs(1);
        let wrong = RemoteJwksSettings {
            jwks_url: Some("http://id.example/keys".parse().unwrap()),
            max_stale: 25 * 3600 * second,
            cooldown: second / 2,
            wait_for_keys: 11 * second,
            ..settings.clone()
        };
        assert_eq!(wrong.problems().len(), 4);
        assert_eq!(RemoteJwksSettings { cooldown: 61 * second, ..settings }.problems().len(), 1);
    }
}
