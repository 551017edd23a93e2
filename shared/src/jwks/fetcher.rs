//! The task that keeps an issuer's keys fresh: the only place that fetches and that changes what is loaded.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::StatusCode;
use tokio::time::Instant;

use super::cache::{Cache, Loaded};
use super::fetch::{Conditions, FetchError, Locator, Transport};
use super::freshness::{Freshness, State};
use super::remote::RemoteJwksSettings;
use super::snapshot::KeySnapshot;
use crate::random::Random;

const TRIES: u32 = 3;
const REFRESH_DEADLINE: Duration = Duration::from_secs(8);

/// Longer than any process lives.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
const REMIND_EVERY: Duration = Duration::from_secs(60);

/// The background task.
pub(super) struct Fetcher {
    pub(super) cache: Arc<Cache>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) random: Arc<dyn Random>,
    /// What the log was last told of a failure, and when.
    pub(super) told: Option<(State, Instant)>,
}

impl Fetcher {
    /// Fetches for ever, also after a panic.
    pub(super) async fn run_supervised(mut self) {
        loop {
            if AssertUnwindSafe(self.run()).catch_unwind().await.is_err() {
                tracing::error!("the task that fetches keys panicked; it is started again");
                self.cache.counters.task_restarts.inc();
                // Whoever waits for the refresh that panicked waits no longer.
                self.finish(true);
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    fn finish(&self, failed: bool) {
        if failed {
            self.cache.cool_down();
        }
        self.cache.progress.send_modify(|progress| {
            progress.finished = progress.started;
            progress.last_failed = failed;
        });
    }

    async fn run(&mut self) {
        let RemoteJwksSettings { issuer, jwks_url, insecure_allow_http, .. } = self.cache.settings.clone();
        let mut locator = Locator::new(issuer, jwks_url, insecure_allow_http);
        let mut failures = u32::from(self.cache.progress.borrow().last_failed);
        loop {
            let demanded = tokio::select! {
                () = tokio::time::sleep(self.pause(failures)) => false,
                () = self.cache.demanded.notified() => true,
            };
            // What a request asks for is one try, so that the cooldown bounds the fetches; and an issuer that is down
            // already is not made busier.
            let tries =
                if demanded || failures > 0 || self.cache.loaded.load().is_none() { 1 } else { TRIES };
            self.cache.progress.send_modify(|progress| progress.started += 1);
            let refreshed = tokio::time::timeout(REFRESH_DEADLINE, self.refresh(&mut locator, tries)).await;
            let failed = match refreshed {
                Ok(succeeded) => !succeeded,
                Err(elapsed) => {
                    locator.forget();
                    let url = self.cache.settings.issuer.url().clone();
                    self.cache.counters.fetched("no_answer", REFRESH_DEADLINE);
                    self.report_failure(&locator, FetchError::NoAnswer { url, source: elapsed.into() });
                    true
                }
            };
            failures = if failed { failures + 1 } else { 0 };
            self.finish(failed);
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
            (None, _) => backoff(Duration::from_millis(200), Duration::from_secs(5)),
            (Some(_), _) if !self.cache.settings.scheduled => NEVER,
            // A fetch that a request asked for may have failed: the set is as good as it was.
            (Some(loaded), _) if !loaded.freshness.until_due(self.cache.now()).is_zero() => {
                loaded.freshness.until_due(self.cache.now())
            }
            (Some(_), 0) => Duration::ZERO,
            (Some(_), _) => Duration::from_secs(1) + backoff(Duration::from_secs(5), Duration::from_secs(60)),
        }
    }

    async fn refresh(&mut self, locator: &mut Locator, tries: u32) -> bool {
        for attempt in 1..=tries {
            let started = Instant::now();
            match self.fetch(locator).await {
                Ok((result, loaded)) => {
                    self.cache.counters.fetched(result, started.elapsed());
                    self.report_recovery(&loaded);
                    self.cache.loaded.store(Some(Arc::new(loaded)));
                    return true;
                }
                Err(error) => {
                    self.cache.counters.fetched(error.class(), started.elapsed());
                    locator.forget();
                    self.report_failure(locator, error);
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

    /// One fetch, and what to count it as.
    async fn fetch(&self, locator: &mut Locator) -> Result<(&'static str, Loaded), FetchError> {
        let url = locator.locate(&*self.transport).await?;
        let known = self.cache.loaded.load_full();
        let conditions = known.as_ref().map(|known| known.conditions.headers()).unwrap_or_default();
        let answer = self.transport.get(&url, conditions).await?;
        let freshness = Freshness::new(self.cache.now(), &answer.headers, self.random.fraction());
        let generation = known.as_ref().map_or(1, |known| known.generation + 1);
        match (answer.status, known) {
            (StatusCode::OK, _) => {
                let parsed = KeySnapshot::parse(&answer.body);
                let keys = Arc::new(parsed.map_err(|source| FetchError::Set { url, source })?);
                self.cache.counters.skipped(keys.skipped());
                let conditions = Conditions::of(&answer.headers);
                Ok(("ok", Loaded { keys, freshness, conditions, generation }))
            }
            (StatusCode::NOT_MODIFIED, Some(known)) => {
                let (keys, conditions) = (Arc::clone(&known.keys), known.conditions.updated(&answer.headers));
                Ok(("not_modified", Loaded { keys, freshness, conditions, generation }))
            }
            (status, _) => Err(FetchError::Status { url, status }),
        }
    }

    /// One line a change for the better.
    fn report_recovery(&mut self, loaded: &Loaded) {
        let first = self.cache.loaded.load().is_none();
        if first || self.told.take().is_some() {
            tracing::info!(
                issuer = %self.cache.settings.issuer,
                keys = loaded.keys.len(),
                skipped = ?loaded.keys.skipped(),
                "keys of the issuer loaded"
            );
        }
        self.cache.last_error.store(None);
    }

    /// One line a change for the worse, and one a minute while old keys are in use; the rest is for those who debug.
    fn report_failure(&mut self, locator: &Locator, error: FetchError) {
        self.cache.counters.failures.inc();
        let state = self.cache.state();
        let news = match self.told {
            None => true,
            Some((before, at)) => before != state || (state == State::Stale && at.elapsed() >= REMIND_EVERY),
        };
        let cause: &dyn std::error::Error = &error;
        if !news {
            tracing::debug!(issuer = %locator, error = cause, ?state, "keys of the issuer still cannot be fetched");
        } else if state == State::Expired {
            tracing::error!(issuer = %locator, error = cause, ?state, "keys of the issuer are too old: every token is answered with 503");
        } else {
            tracing::warn!(issuer = %locator, error = cause, ?state, "keys of the issuer cannot be fetched");
        }
        if news {
            self.told = Some((state, Instant::now()));
        }
        self.cache.last_error.store(Some(Arc::new(error)));
    }
}
