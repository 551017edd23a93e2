//! What operators see of a [`super::RemoteJwks`].

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::cache::Cache;

/// Seconds; from an issuer on the same machine to the longest that a fetch may take.
const BUCKETS: [f64; 8] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 3.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Fetch {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Skip {
    reason: &'static str,
}

/// What is counted. All labels come from fixed sets of names.
#[derive(Debug)]
pub(super) struct Counters {
    pub(super) fetches: Counter,
    pub(super) failures: Counter,
    pub(super) suppressed: Counter,
    pub(super) task_restarts: Counter,
    by_result: Family<Fetch, Counter>,
    seconds: Histogram,
    skipped: Family<Skip, Counter>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            fetches: Counter::default(),
            failures: Counter::default(),
            suppressed: Counter::default(),
            task_restarts: Counter::default(),
            by_result: Family::default(),
            seconds: Histogram::new(BUCKETS),
            skipped: Family::default(),
        }
    }
}

impl Counters {
    /// A fetch that ended like this.
    pub(super) fn fetched(&self, result: &'static str, took: Duration) {
        self.fetches.inc();
        self.by_result.get_or_create(&Fetch { result }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// Entries of a set that were of no use, one reason each.
    pub(super) fn skipped(&self, reasons: &[&'static str]) {
        for reason in reasons {
            self.skipped.get_or_create(&Skip { reason }).inc();
        }
    }
}

/// Adds the metrics of a cache.
pub(super) fn register(cache: &Arc<Cache>, registry: &mut Registry) {
    let counters = &cache.counters;
    registry.register("jwks_fetch", "Fetches of the key set by result", counters.by_result.clone());
    registry.register("jwks_fetch_seconds", "Time that a fetch took", counters.seconds.clone());
    let help = "Fetches that requests asked for within the cooldown";
    registry.register("jwks_refetch_suppressed", help, counters.suppressed.clone());
    registry.register("jwk_skipped", "Entries of key sets that were of no use", counters.skipped.clone());
    let help = "Restarts of the task that fetches";
    registry.register("jwks_task_restarts", help, counters.task_restarts.clone());
    registry.register_collector(Box::new(Gauges(Arc::clone(cache))));
}

/// Reads the state at each scrape.
#[derive(Debug)]
struct Gauges(Arc<Cache>);

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let status = self.0.status();
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        for (name, help, value) in [
            (
                "jwks_state",
                "0 empty, 1 fresh, 2 stale, 3 expired, 4 static",
                u64::from(status.state.number()),
            ),
            ("jwks_age_seconds", "Age of the key set", status.age.unwrap_or_default().as_secs()),
            ("jwks_keys", "Usable keys", status.keys as u64),
            ("jwks_waiters", "Requests that wait for keys", self.0.waiting() as u64),
        ] {
            let gauge = ConstGauge::new(number(value));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
