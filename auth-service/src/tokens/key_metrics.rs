//! What operators see of the signing keys.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use shared::clock::Timestamp;

use super::keyring::Keyring;
use super::life::KeyState;

/// How the keys were when the table was last looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyTally {
    /// Announced, signing, retired.
    counts: [i64; 3],
    signing_since: Timestamp,
    next_due: Timestamp,
}

impl KeyTally {
    /// Of keys with these states, made at these times, oldest first.
    pub(super) fn new(keys: &[(KeyState, Timestamp)], rotate_every: Duration) -> Self {
        let count = |wanted| keys.iter().filter(|(state, _)| *state == wanted).count();
        let count = |wanted| i64::try_from(count(wanted)).unwrap_or(i64::MAX);
        let made = |at: Option<&(KeyState, Timestamp)>| at.map_or(Timestamp::from_millis(0), |(_, at)| *at);
        Self {
            counts: [count(KeyState::Announced), count(KeyState::Signing), count(KeyState::Retired)],
            signing_since: made(keys.iter().find(|(state, _)| *state == KeyState::Signing)),
            next_due: made(keys.iter().rfind(|(state, _)| *state != KeyState::Gone)) + rotate_every,
        }
    }
}

impl Keyring {
    /// Adds the metrics of the keys.
    pub(crate) fn register(self: &Arc<Self>, registry: &mut Registry) {
        registry.register_collector(Box::new(Gauges(Arc::clone(self))));
    }
}

/// Reads the keyring at each scrape.
#[derive(Debug)]
struct Gauges(Arc<Keyring>);

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(KeyTally { counts, signing_since, next_due }) = self.0.tally() else { return Ok(()) };
        let now = self.0.clock.now();
        let [announced, signing, retired] = counts;
        for (name, help, value) in [
            ("signing_keys_announced", "Keys that are published and do not sign yet", announced),
            ("signing_keys_signing", "Keys that sign", signing),
            ("signing_keys_retired", "Keys that are published for what they have signed", retired),
            ("signing_key_age_seconds", "Age of the key that signs", now.seconds() - signing_since.seconds()),
            (
                "signing_key_due_seconds",
                "Time until the next key is made; below zero, it is late",
                next_due.seconds() - now.seconds(),
            ),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
