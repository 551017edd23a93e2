//! The state of the keys, for Prometheus.

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use shared::jwks::{RemoteJwks, State};

/// Reads the status of the keys at each scrape.
#[derive(Debug)]
pub(crate) struct JwksCollector(pub(crate) Arc<RemoteJwks>);

impl Collector for JwksCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let status = self.0.status();
        let state = match status.state {
            State::Empty => 0_i64,
            State::Fresh | State::Due => 1,
            State::Stale => 2,
            State::Expired => 3,
        };
        let age = i64::try_from(status.age.unwrap_or_default().as_secs()).unwrap_or(i64::MAX);
        let keys = i64::try_from(status.keys).unwrap_or(i64::MAX);
        for (name, help, value) in [
            ("jwks_state", "0 empty, 1 fresh, 2 stale, 3 expired", state),
            ("jwks_age_seconds", "Age of the key set", age),
            ("jwks_keys", "Usable keys", keys),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        for (name, help, value) in [
            ("jwks_fetch", "Refreshes that were tried", status.fetches),
            ("jwks_fetch_failed", "Refreshes that failed", status.failures),
            ("jwks_refetch_suppressed", "Refreshes declined by the cooldown", status.suppressed),
            ("jwks_task_restarts", "Restarts of the task that fetches", status.task_restarts),
        ] {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}
