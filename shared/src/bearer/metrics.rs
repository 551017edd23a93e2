//! What operators see of the requests that a guard lets pass or refuses.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Seconds; from a token that was verified a moment ago to a request that waited for keys.
const BUCKETS: [f64; 9] = [2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3, 0.1, 2.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Verdict {
    outcome: &'static str,
    reason: &'static str,
}

/// Requests by verdict. Both labels come from fixed sets of names.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    requests: Family<Verdict, Counter>,
    /// One of `requests`, at hand.
    accepted: Counter,
    seconds: Histogram,
    failed_open: Counter,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let requests = Family::<Verdict, Counter>::default();
        let accepted = requests.get_or_create(&Verdict { outcome: "accepted", reason: "" }).clone();
        Self { requests, accepted, seconds: Histogram::new(BUCKETS), failed_open: Counter::default() }
    }

    pub(super) fn accepted(&self) {
        self.accepted.inc();
    }

    pub(super) fn counted(&self, outcome: &'static str, reason: &'static str) {
        self.requests.get_or_create(&Verdict { outcome, reason }).inc();
    }

    /// A token was judged in this time.
    pub(super) fn judged(&self, took: Duration) {
        self.seconds.observe(took.as_secs_f64());
    }

    /// A request passed although nobody knows whether its token was revoked.
    pub(super) fn failed_open(&self) {
        self.failed_open.inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("auth_requests", "Requests by what was made of their token", self.requests.clone());
        registry.register("auth_verify_seconds", "Time to the verdict on a token", self.seconds.clone());
        let help = "Requests let pass while revocation was unknown";
        registry.register("auth_failed_open", help, self.failed_open.clone());
    }
}
