use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::token::TestKey;
use crate::http::Json;
use crate::settings::Issuer;

/// How a [`MockIssuer`] fails to give its key set.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answers with this status.
    Status(u16),
    /// Never answers.
    Hang,
    /// Answers with this text in place of the set.
    Garbage(String),
    /// Sends the client elsewhere.
    Redirect(String),
}

/// An issuer on a port of this machine: it publishes keys, counts who asks, and fails on demand.
#[derive(Debug)]
pub struct MockIssuer {
    issuer: Issuer,
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    url: String,
    keys: Mutex<Vec<Value>>,
    fault: Mutex<Option<Fault>>,
    cache_control: Mutex<Option<HeaderValue>>,
    fetches: AtomicUsize,
    not_modified: AtomicUsize,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MockIssuer {
    /// Starts with these JWKs.
    #[expect(clippy::expect_used, reason = "a test without a port cannot go on")]
    pub async fn start(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("the port"));
        let shared = Arc::new(Shared {
            url: url.clone(),
            keys: Mutex::new(keys),
            fault: Mutex::default(),
            cache_control: Mutex::default(),
            fetches: AtomicUsize::new(0),
            not_modified: AtomicUsize::new(0),
        });
        let routes = Router::new()
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/jwks.json", get(jwks))
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { drop(axum::serve(listener, routes).await) }).abort_handle();
        Self { issuer: url.parse().expect("an issuer"), shared, task }
    }

    /// Starts with the public half of this key.
    pub async fn with_key(key: &TestKey) -> Self {
        Self::start(vec![key.jwk()]).await
    }

    /// Its identifier.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Publishes these keys from now on.
    pub fn publish(&self, keys: Vec<Value>) {
        *lock(&self.shared.keys) = keys;
    }

    /// Fails like this from now on; `None`: works again.
    pub fn fail(&self, fault: impl Into<Option<Fault>>) {
        *lock(&self.shared.fault) = fault.into();
    }

    /// Sends this `Cache-Control` from now on.
    pub fn cache_control(&self, value: &'static str) {
        *lock(&self.shared.cache_control) = Some(HeaderValue::from_static(value));
    }

    /// How often the key set was asked for.
    pub fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    /// How often it was still the same.
    pub fn not_modified(&self) -> usize {
        self.shared.not_modified.load(Ordering::SeqCst)
    }
}

impl Drop for MockIssuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn metadata(State(shared): State<Arc<Shared>>) -> Response {
    Json(json!({"issuer": shared.url, "jwks_uri": format!("{}/jwks.json", shared.url)})).into_response()
}

async fn jwks(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    shared.fetches.fetch_add(1, Ordering::SeqCst);
    let fault = lock(&shared.fault).clone();
    match fault {
        None => key_set(&shared, &headers),
        Some(Fault::Status(status)) => {
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Garbage(text)) => text.into_response(),
        Some(Fault::Redirect(target)) => (StatusCode::FOUND, [(LOCATION, target)]).into_response(),
    }
}

fn key_set(shared: &Shared, headers: &HeaderMap) -> Response {
    let body = json!({"keys": *lock(&shared.keys)}).to_string();
    let digest = ring::digest::digest(&ring::digest::SHA256, body.as_bytes());
    let etag = format!("\"{:02x?}\"", &digest.as_ref()[..8]).replace([' ', ',', '[', ']'], "");
    let same = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = if same {
        shared.not_modified.fetch_add(1, Ordering::SeqCst);
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        body.into_response()
    };
    if let Ok(etag) = HeaderValue::try_from(etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    if let Some(value) = lock(&shared.cache_control).clone() {
        response.headers_mut().insert(CACHE_CONTROL, value);
    }
    response
}
