//! The management side: whether a service lives, whether it is ready, and its metrics. Never public.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::FutureExt as _;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use sea_orm::DatabaseConnection;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::NO_STORE;
use super::body::Json;
use super::metrics::Metrics;
use super::problem::Problem;
use super::serve::Ending;
use crate::database;

const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// Metrics take the most.
const MAX_ANSWER: u64 = 1024 * 1024;

type Outcome = Pin<Box<dyn Future<Output = Finding> + Send>>;
type Check = Box<dyn Fn() -> Outcome + Send + Sync>;

/// What a check found. Of `bool`, true is ok and false is failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// As it should be.
    Ok,
    /// It serves, but not for much longer, or not everybody: somebody should look after it.
    Degraded,
    /// The service is not ready.
    Failing,
}

impl From<bool> for Finding {
    fn from(passed: bool) -> Self {
        if passed { Self::Ok } else { Self::Failing }
    }
}

impl Finding {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failing => "failing",
        }
    }
}

/// What must hold for a service to be ready.
#[derive(Default)]
pub struct Health(Vec<(&'static str, Check)>);

impl Health {
    /// Adds a check by name. One that takes longer than two seconds has failed.
    pub fn check<F>(mut self, name: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output: Into<Finding>> + Send + 'static,
    {
        self.0.push((name, Box::new(move || Box::pin(check().map(Into::into)))));
        self
    }

    /// Adds a check that the database answers.
    pub fn database(self, database: &DatabaseConnection) -> Self {
        let database = database.clone();
        self.check("database", move || {
            let database = database.clone();
            async move { database::answers(&database).await }
        })
    }

    /// Whether all checks pass, and each by name.
    async fn report(&self) -> (bool, Map<String, Value>) {
        let mut checks = Map::new();
        let mut ready = true;
        for (name, check) in &self.0 {
            let finding = tokio::time::timeout(CHECK_TIMEOUT, check()).await.unwrap_or(Finding::Failing);
            ready &= finding != Finding::Failing;
            checks.insert((*name).to_owned(), json!(finding.word()));
        }
        (ready, checks)
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// `/health/live`, `/health/ready` and `/metrics`.
pub fn management_routes(health: Health, metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/health/live", get(|| async { Json(json!({"status": "ok"})) }))
        .route("/health/ready", get(ready).with_state(Arc::new(health)))
        .route("/metrics", get(render).with_state(metrics))
        .fallback(|| async { Problem::no_such_route() })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
}

async fn ready(State(health): State<Arc<Health>>, ending: Option<Extension<Ending>>) -> Response {
    let (ready, checks) = health.report().await;
    let (status, word) = match (ready, ending) {
        (_, Some(_)) => (StatusCode::SERVICE_UNAVAILABLE, "ending"),
        (true, None) => (StatusCode::OK, "ok"),
        (false, None) => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    };
    (status, [NO_STORE], Json(json!({"status": word, "checks": checks}))).into_response()
}

async fn render(State(metrics): State<Arc<Metrics>>) -> Response {
    let open_metrics = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    match metrics.render() {
        Ok(text) => ([(CONTENT_TYPE, open_metrics)], text).into_response(),
        Err(error) => Problem::internal(error).into_response(),
    }
}

/// Asks the service that manages itself at `management` whether it is ready: the command behind `HEALTHCHECK`.
///
/// # Errors
/// It is not, or does not answer.
pub async fn healthcheck(management: SocketAddr) -> anyhow::Result<()> {
    let (status, body) = ask_management(management, "/health/ready").await?;
    anyhow::ensure!(status == 200, "not ready: {body}");
    Ok(())
}

/// Status and body of `path` at the management address of a service.
///
/// # Errors
/// It does not answer.
pub async fn ask_management(management: SocketAddr, path: &str) -> anyhow::Result<(u16, String)> {
    let mut address = management;
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    // No client of ours: that one would ask the proxy of the environment, and want a trust store.
    let answer = tokio::time::timeout(2 * CHECK_TIMEOUT, async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    });
    let answer = answer.await.context("no answer in time").and_then(|answer| answer.context("no answer"));
    let answer = answer.with_context(|| format!("{address}"))?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no HTTP")?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, body.to_owned()))
}
