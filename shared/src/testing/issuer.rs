use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use url::Url;

use super::key::TestKey;
use crate::issuer::Issuer;
use crate::jwks::{FetchError, Fetched, Transport};

/// As an [`HttpTransport`](crate::jwks::HttpTransport) does.
const TIMEOUT: Duration = Duration::from_secs(3);
const MAX_BODY: usize = 64 * 1024;
/// Where an issuer is whose answers cross no network.
const IN_MEMORY: &str = "https://issuer.test";

/// How a [`MockIssuer`] fails to give its key set.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Closes the connection without an answer.
    Refuse,
    /// Answers with this status.
    Status(u16),
    /// Never answers.
    Hang,
    /// Answers a byte a second.
    Slow,
    /// Answers with this text in place of the set.
    Garbage(String),
    /// Answers with a set of no keys.
    Empty,
    /// Answers with a usable set, ten megabytes long.
    Huge,
    /// Answers with bytes that say that they are compressed.
    Gzip(Vec<u8>),
    /// Sends the client elsewhere.
    Redirect(String),
    /// Makes the transport panic; from a port, closes the connection.
    Panic,
}

/// An issuer that publishes keys, counts who asks, and fails on demand: on a port of this machine, or in memory, where
/// the time of a test can be paused.
#[derive(Clone, Debug)]
pub struct MockIssuer {
    issuer: Issuer,
    shared: Arc<Shared>,
    _task: Arc<Task>,
}

#[derive(Debug)]
struct Shared {
    issuer: String,
    behaviour: Mutex<Behaviour>,
    fetches: AtomicUsize,
    not_modified: AtomicUsize,
}

#[derive(Debug)]
struct Behaviour {
    keys: Vec<Value>,
    fault: Option<Fault>,
    headers: HeaderMap,
    etags: bool,
    last_request: Option<String>,
}

/// Ends with the last handle.
#[derive(Debug)]
struct Task(Option<AbortHandle>);

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl MockIssuer {
    /// Starts on a port of this machine with these JWKs.
    #[expect(clippy::expect_used, reason = "a test without a port cannot go on")]
    pub async fn start(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("the port"));
        let shared = Shared::new(url, keys);
        let routes = Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { drop(axum::serve(listener, routes).await) });
        Self::of(shared, Some(task.abort_handle()))
    }

    /// Starts on a port with the public half of this key.
    pub async fn with_key(key: &TestKey) -> Self {
        Self::start(vec![key.jwk()]).await
    }

    /// Is reached by [`Self::transport`] alone, with these JWKs.
    pub fn in_memory(keys: Vec<Value>) -> Self {
        Self::of(Shared::new(IN_MEMORY.to_owned(), keys), None)
    }

    #[expect(clippy::expect_used, reason = "an address that this module made")]
    fn of(shared: Arc<Shared>, task: Option<AbortHandle>) -> Self {
        Self { issuer: shared.issuer.parse().expect("an issuer"), shared, _task: Arc::new(Task(task)) }
    }

    /// Its identifier.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// A way to it that crosses no network.
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(InMemory(Arc::clone(&self.shared)))
    }

    /// Publishes these keys from now on.
    pub fn publish(&self, keys: Vec<Value>) {
        self.shared.change(|behaviour| behaviour.keys = keys);
    }

    /// Publishes this key beside the others.
    pub fn announce(&self, key: &TestKey) {
        self.shared.change(|behaviour| behaviour.keys.push(key.jwk()));
    }

    /// Publishes the key of this name no longer.
    pub fn retire(&self, kid: &str) {
        self.shared.change(|behaviour| behaviour.keys.retain(|key| key["kid"] != kid));
    }

    /// Fails like this from now on; `None`: works again.
    pub fn fail(&self, fault: impl Into<Option<Fault>>) {
        let fault = fault.into();
        self.shared.change(|behaviour| behaviour.fault = fault);
    }

    /// Sends this `Cache-Control` from now on.
    pub fn cache_control(&self, value: &'static str) {
        self.header(CACHE_CONTROL, value);
    }

    /// Sends this header from now on.
    pub fn header(&self, name: HeaderName, value: &'static str) {
        self.shared.change(|behaviour| drop(behaviour.headers.insert(name, HeaderValue::from_static(value))));
    }

    /// Whether it sends entity tags, and answers 304 to those who have the set; on at first.
    pub fn etags(&self, on: bool) {
        self.shared.change(|behaviour| behaviour.etags = on);
    }

    /// How often the key set was asked for.
    pub fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    /// How often it was still the same.
    pub fn not_modified(&self) -> usize {
        self.shared.not_modified.load(Ordering::SeqCst)
    }

    /// Path and query of the last request for the key set.
    pub fn last_request(&self) -> Option<String> {
        self.shared.look(|behaviour| behaviour.last_request.clone())
    }
}

impl Shared {
    fn new(issuer: String, keys: Vec<Value>) -> Arc<Self> {
        let behaviour =
            Behaviour { keys, fault: None, headers: HeaderMap::new(), etags: true, last_request: None };
        Arc::new(Self {
            issuer,
            behaviour: Mutex::new(behaviour),
            fetches: AtomicUsize::new(0),
            not_modified: AtomicUsize::new(0),
        })
    }

    fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn look<T>(&self, look: impl FnOnce(&Behaviour) -> T) -> T {
        look(&self.behaviour.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The answer to a request. `None`: the connection breaks off.
    async fn answer(&self, target: &str, headers: &HeaderMap) -> Option<Response> {
        match target {
            "/.well-known/oauth-authorization-server" => {
                let metadata =
                    json!({"issuer": self.issuer, "jwks_uri": format!("{}/jwks.json", self.issuer)});
                Some(json_response(metadata.to_string()))
            }
            _ if target.starts_with("/jwks.json") => self.key_set(target, headers).await,
            _ => Some(StatusCode::NOT_FOUND.into_response()),
        }
    }

    async fn key_set(&self, target: &str, headers: &HeaderMap) -> Option<Response> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        self.change(|behaviour| behaviour.last_request = Some(target.to_owned()));
        let response = match self.look(|behaviour| behaviour.fault.clone()) {
            None => self.usual(headers),
            Some(Fault::Refuse | Fault::Panic) => return None,
            Some(Fault::Status(status)) => {
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Slow) => {
                let bytes = self.usual(&HeaderMap::new()).into_body().collect().await.ok()?.to_bytes();
                let drip = stream::iter(bytes).then(|byte| async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Ok::<_, std::convert::Infallible>(Bytes::copy_from_slice(&[byte]))
                });
                Response::new(Body::from_stream(drip))
            }
            Some(Fault::Garbage(text)) => text.into_response(),
            Some(Fault::Empty) => json_response(r#"{"keys":[]}"#.to_owned()),
            Some(Fault::Huge) => {
                let keys = self.look(|behaviour| json!({"keys": behaviour.keys}).to_string());
                json_response(format!("{keys}{}", " ".repeat(10 * 1024 * 1024)))
            }
            Some(Fault::Gzip(bytes)) => ([(CONTENT_ENCODING, "gzip")], bytes).into_response(),
            Some(Fault::Redirect(target)) => (StatusCode::FOUND, [(LOCATION, target)]).into_response(),
        };
        Some(response)
    }

    fn usual(&self, request: &HeaderMap) -> Response {
        let (body, headers, etags) = self.look(|behaviour| {
            (json!({"keys": behaviour.keys}).to_string(), behaviour.headers.clone(), behaviour.etags)
        });
        let digest = ring::digest::digest(&ring::digest::SHA256, body.as_bytes());
        let etag = format!("\"{:02x?}\"", &digest.as_ref()[..8]).replace([' ', ',', '[', ']'], "");
        let known = request.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
        let mut response = if etags && known {
            self.not_modified.fetch_add(1, Ordering::SeqCst);
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            json_response(body)
        };
        response.headers_mut().extend(headers);
        if let (true, Ok(etag)) = (etags, HeaderValue::try_from(etag)) {
            response.headers_mut().insert(ETAG, etag);
        }
        response
    }
}

fn json_response(body: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
    match shared.answer(&target, request.headers()).await {
        Some(response) => response,
        // A body that breaks off before its first byte takes the connection with it.
        None => Response::new(Body::from_stream(stream::once(async {
            Err::<Bytes, _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
        }))),
    }
}

#[derive(Debug)]
struct InMemory(Arc<Shared>);

impl InMemory {
    async fn fetch(&self, url: &Url, headers: HeaderMap) -> Result<Fetched, FetchError> {
        if matches!(self.0.look(|behaviour| behaviour.fault.clone()), Some(Fault::Panic)) {
            #[expect(clippy::panic, reason = "what the test asked for")]
            {
                panic!("a transport that panics");
            }
        }
        let no_answer = |source: Box<dyn std::error::Error + Send + Sync>| FetchError::NoAnswer {
            url: url.clone(),
            source,
        };
        let target = &url[url::Position::BeforePath..];
        let answer = async {
            let response =
                self.0.answer(target, &headers).await.ok_or_else(|| no_answer("connection reset".into()))?;
            let (parts, mut body) = response.into_parts();
            let mut bytes = Vec::new();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(|error| no_answer(error.into()))?;
                bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
                if bytes.len() > MAX_BODY {
                    return Err(FetchError::TooLarge(url.clone()));
                }
            }
            Ok(Fetched { status: parts.status, headers: parts.headers, body: bytes.into() })
        };
        tokio::time::timeout(TIMEOUT, answer).await.map_err(|elapsed| no_answer(elapsed.into()))?
    }
}

impl Transport for InMemory {
    fn get<'a>(
        &'a self,
        url: &'a Url,
        headers: HeaderMap,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>> {
        Box::pin(self.fetch(url, headers))
    }
}
