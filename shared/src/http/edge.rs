//! What surrounds every request: an id, a deadline, a place, a line in the log, and no panic that gets out.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::budget::Budget;
use super::client_address::{ClientAddress, TrustedProxies};
use super::metrics::Metrics;
use super::places::{AwaitedBody, MOST_AWAITED, Place, Places};
use super::problem::{Cause, Problem};
use super::serve::Misaddressed;
use super::unread::Unread;
use crate::random::{Batched, Random};
use crate::telemetry::trace;
use crate::token::Rejection;

/// What nginx calls it when the client does not wait for the answer; never on the wire.
const CLIENT_CLOSED_REQUEST: u16 = 499;
/// Bytes of path and query: what proxies let pass as well. Some of it may come back in the head of an answer.
const MAX_TARGET: usize = 8 * 1024;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Bounds of the edge.
#[derive(Clone, Debug)]
pub struct EdgeSettings {
    /// A request that has no answer by then gets 503 and is dropped, so that what was not begun by then is not begun.
    pub deadline: Duration,
    /// Requests at a time, without those that only wait; further ones get 503 at once, as do those of a network (/24 of IPv4,
    /// /48 of IPv6) that has more than it leaves to others.
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
    places: Arc<Places>,
    unread: Unread,
    awaited: Budget,
    metrics: Arc<Metrics>,
    random: Batched,
    /// Whether the log was told that a header was not believed.
    told_of_proxy: AtomicBool,
}

impl Edge {
    /// An edge with these bounds, which counts into `metrics`.
    pub fn new(settings: EdgeSettings, metrics: Arc<Metrics>, random: Arc<dyn Random>) -> Self {
        let places = Arc::new(Places::new(settings.max_in_flight));
        let (random, told_of_proxy) = (Batched::new(random), AtomicBool::new(false));
        let (unread, awaited) = (Unread::default(), Budget::new(MOST_AWAITED));
        Self(Arc::new(Inner { places, unread, awaited, settings, metrics, random, told_of_proxy }))
    }

    /// Puts `routes` behind the edge, with problems for unknown routes and wrong methods.
    pub fn surround(&self, routes: Router) -> Router {
        routes
            .fallback(|| async { Problem::no_such_route() })
            .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
            .layer(from_fn_with_state(self.clone(), pass))
    }
}

impl std::fmt::Debug for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Edge").field(&self.0.settings).finish()
    }
}

async fn pass(State(Edge(edge)): State<Edge>, mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers(), &edge.random);
    let client = edge.settings.trusted_proxies.client_of(request.extensions(), request.headers());
    if let Some(trusted) = edge.settings.trusted_proxies.forwarded(request.extensions(), request.headers()) {
        edge.note_forwarded(trusted, client);
    }
    request.extensions_mut().insert(client);
    let trace = trace::unexported(request.headers(), &edge.random);
    let span = tracing::info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        trace_id = trace.map(|trace| tracing::field::display(trace.trace_id())),
        otel.kind = trace::is_exporting().then_some("server"),
        // For the guard of the route to fill in.
        auth.outcome = tracing::field::Empty,
        auth.reason = tracing::field::Empty,
        auth.issuer = tracing::field::Empty,
        auth.sub_hash = tracing::field::Empty,
    );
    if trace.is_none() {
        trace::join(&span, request.headers(), &edge.random);
    }
    let mut record = Record {
        edge: Arc::clone(&edge),
        started: Instant::now(),
        method: request.method().clone(),
        route: request.extensions().get().cloned(),
        path: request.uri().path().to_owned(),
        client,
        span: span.clone(),
        told: false,
    };

    let mut response = answer(&edge, client, request, next).instrument(span).await;

    record.tell(&response);
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

impl Inner {
    /// A scenario for the line in the log: a gateway was put before the service, and nobody told the service. Everybody then
    /// has the gateway's address, and is slowed down together once one of them guesses passwords.
    fn note_forwarded(&self, trusted: bool, ClientAddress(peer): ClientAddress) {
        self.metrics.observe_forwarded(trusted);
        if !trusted && !self.told_of_proxy.swap(true, Ordering::Relaxed) {
            tracing::warn!(%peer, "X-Forwarded-For is not believed: its sender is not one of the trusted proxies");
        }
    }
}

/// What log and metrics say of a request: also of one whose client hung up before there was an answer. Those are the
/// slowest of all, and an overload in which they went unseen would look like a quiet day.
struct Record {
    edge: Arc<Inner>,
    started: Instant,
    method: Method,
    route: Option<MatchedPath>,
    path: String,
    client: ClientAddress,
    span: tracing::Span,
    told: bool,
}

impl Record {
    fn tell(&mut self, response: &Response) {
        let micros = self.count(response.status().as_u16());
        let status = response.status().as_u16();
        let reason = response.extensions().get::<Rejection>().map(|rejection| rejection.reason());
        let (method, path, ClientAddress(client)) = (self.method.as_str(), self.path.as_str(), self.client);
        let _entered = self.span.enter();
        match response.extensions().get::<Cause>() {
            Some(Cause(cause)) => {
                let error: &(dyn std::error::Error + 'static) = &**cause;
                tracing::error!(method, path, %client, status, micros, reason, error, "request failed");
            }
            None => tracing::info!(method, path, %client, status, micros, reason, "request"),
        }
    }

    /// Counts the request and returns how long it took.
    fn count(&mut self, status: u16) -> u64 {
        self.told = true;
        let elapsed = self.started.elapsed();
        let route = self.route.as_ref().map_or("(none)", MatchedPath::as_str);
        self.edge.metrics.observe(&self.method, route, status, elapsed);
        trace::describe(&self.span, self.method.as_str(), route, status);
        u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.told {
            let micros = self.count(CLIENT_CLOSED_REQUEST);
            let (method, path, ClientAddress(client)) =
                (self.method.as_str(), self.path.as_str(), self.client);
            let _entered = self.span.enter();
            tracing::info!(method, path, %client, status = CLIENT_CLOSED_REQUEST, micros, "client hung up");
        }
    }
}

/// The answer of the service, or why there is none.
async fn answer(edge: &Inner, client: ClientAddress, request: Request, next: Next) -> Response {
    let overloaded = || Problem::unavailable("overloaded", Duration::from_secs(1)).into_response();
    if request.extensions().get::<Misaddressed>().is_some() {
        let problem = Problem::new(StatusCode::BAD_REQUEST, "invalid_request");
        return problem.with_detail("A request names one host").into_response();
    }
    if request.uri().path_and_query().is_some_and(|target| target.as_str().len() > MAX_TARGET) {
        let problem = Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long");
        return problem.with_detail("An address may have 8192 bytes").into_response();
    }
    let Some(place) = Place::take(&edge.places, client.0) else { return overloaded() };
    let (parts, body) = request.into_parts();
    let Some(body) = AwaitedBody::of(body, &place, &edge.awaited) else { return overloaded() };
    let request = Request::from_parts(parts, body);
    let answer = AssertUnwindSafe(place.scope(next.run(request))).catch_unwind();
    match tokio::time::timeout(edge.settings.deadline, answer).await {
        Ok(Ok(_)) if place.was_turned_away() => overloaded(),
        Ok(Ok(response)) => edge.unread.count(client.0, response).unwrap_or_else(overloaded),
        Ok(Err(_)) => Problem::internal(Panicked).into_response(),
        Err(_) => Problem::unavailable("deadline_exceeded", Duration::from_secs(1)).into_response(),
    }
}

/// The text of the panic is in the log already, by the panic hook.
#[derive(Debug, thiserror::Error)]
#[error("the handler panicked")]
struct Panicked;

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
