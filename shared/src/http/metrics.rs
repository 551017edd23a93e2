//! Metrics of one service in a registry of its own, so that two services in one process do not mix.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Seconds; from a cached read to a request that is about to time out.
const BUCKETS: [f64; 11] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Forwarded {
    trusted: &'static str,
}

/// The metrics of a service.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<Request, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    forwarded: Family<Forwarded, Counter>,
}

impl Metrics {
    /// A registry with the metrics of HTTP.
    #[expect(clippy::new_without_default, reason = "a registry is made once, where the service is")]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let seconds = Family::new_with_constructor(histogram);
        registry.register("http_requests", "Requests by route and status", requests.clone());
        registry.register("http_request_seconds", "Time to the answer", seconds.clone());
        let forwarded = Family::default();
        let help = "Requests with X-Forwarded-For, by whether it is believed (TRUSTED_PROXIES)";
        registry.register("http_forwarded", help, forwarded.clone());
        for trusted in ["true", "false"] {
            drop(forwarded.get_or_create(&Forwarded { trusted }));
        }
        Self { registry: Mutex::new(registry), requests, seconds, forwarded }
    }

    /// Adds metrics of the service's own.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// `route` is the template, never the path: a label for each book would fill any memory.
    pub(super) fn observe(&self, method: &Method, route: &str, status: u16, elapsed: Duration) {
        let request = Request { method: known(method), route: route.to_owned(), status };
        self.requests.get_or_create(&request).inc();
        self.seconds.get_or_create(&Route { route: route.to_owned() }).observe(elapsed.as_secs_f64());
    }

    /// A request that says whom it is forwarded for.
    pub(super) fn observe_forwarded(&self, trusted: bool) {
        let trusted = if trusted { "true" } else { "false" };
        self.forwarded.get_or_create(&Forwarded { trusted }).inc();
    }

    /// Everything as OpenMetrics text.
    pub(super) fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
