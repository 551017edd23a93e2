//! What surrounds every request: an id, a deadline, a place, a line in the log, and no panic that gets out.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::client_address::TrustedProxies;
use super::metrics::Metrics;
use super::problem::{Cause, Problem};
use crate::random::Random;
use crate::token::Rejection;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Bounds of the edge.
#[derive(Clone, Debug)]
pub struct EdgeSettings {
    /// A request that has no answer by then gets 503 and is dropped, so that it is not carried out afterwards.
    pub deadline: Duration,
    /// Requests at a time; further ones get 503 at once.
    pub max_in_flight: usize,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
}

impl Default for EdgeSettings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(30),
            max_in_flight: 1024,
            trusted_proxies: TrustedProxies::default(),
        }
    }
}

/// The edge of one service.
#[derive(Clone)]
pub struct Edge(Arc<Inner>);

struct Inner {
    settings: EdgeSettings,
    places: Semaphore,
    metrics: Arc<Metrics>,
    random: Arc<dyn Random>,
}

impl Edge {
    /// An edge with these bounds, which counts into `metrics`.
    pub fn new(settings: EdgeSettings, metrics: Arc<Metrics>, random: Arc<dyn Random>) -> Self {
        Self(Arc::new(Inner { places: Semaphore::new(settings.max_in_flight), settings, metrics, random }))
    }

    /// Puts `routes` behind the edge, with problems for unknown routes and wrong methods.
    pub fn surround(&self, routes: Router) -> Router {
        routes
            .fallback(|| async { Problem::new(StatusCode::NOT_FOUND, "no_such_route") })
            .method_not_allowed_fallback(|| async {
                Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
            })
            .layer(from_fn_with_state(self.clone(), pass))
    }
}

impl std::fmt::Debug for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Edge").field(&self.0.settings).finish()
    }
}

async fn pass(State(Edge(edge)): State<Edge>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers(), &*edge.random);
    let client = edge.settings.trusted_proxies.client_of(request.extensions(), request.headers());
    request.extensions_mut().insert(client);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("(none)", MatchedPath::as_str);
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default());

    let mut response = answer(&edge, request, next).instrument(span.clone()).await;

    let elapsed = started.elapsed();
    edge.metrics.observe(&method, route, response.status(), elapsed);
    span.in_scope(|| log(&method, &path, client.0, elapsed, &response));
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The answer of the service, or why there is none.
async fn answer(edge: &Inner, request: Request, next: Next) -> Response {
    let Ok(_place) = edge.places.try_acquire() else {
        return Problem::unavailable("overloaded", Duration::from_secs(1)).into_response();
    };
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(edge.settings.deadline, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Problem::internal(Panicked).into_response(),
        Err(_) => Problem::unavailable("deadline_exceeded", Duration::from_secs(1)).into_response(),
    }
}

/// The text of the panic is in the log already, by the panic hook.
#[derive(Debug, thiserror::Error)]
#[error("the handler panicked")]
struct Panicked;

/// The one line of a request in the log, with the cause where there is one.
fn log(method: &http::Method, path: &str, client: std::net::IpAddr, elapsed: Duration, response: &Response) {
    let status = response.status().as_u16();
    let reason = response.extensions().get::<Rejection>().map(|rejection| rejection.reason());
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
    match response.extensions().get::<Cause>() {
        Some(Cause(cause)) => {
            let error: &(dyn std::error::Error + 'static) = &**cause;
            tracing::error!(%method, path, %client, status, micros, reason, error, "request failed");
        }
        None => tracing::info!(%method, path, %client, status, micros, reason, "request"),
    }
}

/// The id that the client or a proxy gave, if it is short and plain, so that it cannot forge a line of the log;
/// otherwise a new one.
fn request_id(headers: &HeaderMap, random: &dyn Random) -> HeaderValue {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let given =
        headers.get(&REQUEST_ID).filter(|id| (1..=64).contains(&id.len()) && id.as_bytes().iter().all(plain));
    given.cloned().unwrap_or_else(|| {
        HeaderValue::try_from(random.text::<12>()).unwrap_or(HeaderValue::from_static("none"))
    })
}
