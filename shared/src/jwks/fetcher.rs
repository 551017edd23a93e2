//! The task that keeps an issuer's keys fresh: the only place that fetches and that changes what is loaded.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::StatusCode;

use super::cache::{Cache, Loaded};
use super::fetch::{Conditions, FetchError, Locator, Transport};
use super::freshness::{Freshness, State};
use super::remote::RemoteJwksSettings;
use super::snapshot::KeySnapshot;
use crate::random::Random;

const TRIES: u32 = 3;
const REFRESH_DEADLINE: Duration = Duration::from_secs(8);

/// The background task.
pub(super) struct Fetcher {
    pub(super) cache: Arc<Cache>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) random: Arc<dyn Random>,
}

impl Fetcher {
    /// Fetches for ever, also after a panic.
    pub(super) async fn run_supervised(self) {
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
