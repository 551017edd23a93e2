//! Traces for a collector, by OTLP over HTTP: sent by the client and the TLS that fetch keys.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;
use url::Url;

use crate::settings::web_url;

/// How long the end of a process waits for the last spans to be sent.
const LAST_WORD: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(5);

static EXPORTING: AtomicBool = AtomicBool::new(false);

/// Where traces go.
#[derive(Clone, Debug, Default, Args)]
pub struct TraceSettings {
    /// Collector of traces (OTLP over HTTP); without, none are sent. The other OTEL_ variables are read as everywhere
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_parser = web_url, value_name = "URL")]
    pub otlp_endpoint: Option<Url>,
}

/// Whether spans are exported.
pub fn is_exporting() -> bool {
    EXPORTING.load(Ordering::Relaxed)
}

/// Sends what is left when it is dropped, at the end of the process.
#[derive(Debug)]
pub(super) struct Spans(SdkTracerProvider);

impl Drop for Spans {
    fn drop(&mut self) {
        // A collector that is away has been told of often enough.
        drop(self.0.shutdown_with_timeout(LAST_WORD));
    }
}

/// Starts to export, as the service `name` unless `OTEL_SERVICE_NAME` says otherwise.
pub(super) fn start(
    settings: &TraceSettings,
    name: &'static str,
) -> anyhow::Result<Option<(SdkTracer, Spans)>> {
    let Some(endpoint) = &settings.otlp_endpoint else { return Ok(None) };
    let endpoint = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client::new()?)
        .with_endpoint(endpoint)
        .build()
        .context("OTEL_EXPORTER_OTLP_ENDPOINT: traces cannot be exported")?;
    let resource = Resource::builder();
    let resource = match std::env::var_os("OTEL_SERVICE_NAME") {
        Some(_) => resource,
        None => resource.with_service_name(name),
    };
    let provider =
        SdkTracerProvider::builder().with_resource(resource.build()).with_batch_exporter(exporter).build();
    EXPORTING.store(true, Ordering::Relaxed);
    Ok(Some((provider.tracer("imprimatur"), Spans(provider))))
}

/// Sends on our runtime: the exporter calls from a thread of its own, which has none.
#[derive(Clone)]
struct Client {
    inner: reqwest::Client,
    runtime: Handle,
}

impl Client {
    fn new() -> anyhow::Result<Self> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let inner = reqwest::Client::builder().timeout(TIMEOUT).build().context("the trust store")?;
        Ok(Self { inner, runtime: Handle::try_current()? })
    }
}

async fn send(
    client: reqwest::Client,
    request: http::Request<Bytes>,
) -> Result<http::Response<Bytes>, HttpError> {
    let (parts, body) = request.into_parts();
    let url = parts.uri.to_string();
    let answer = client.request(parts.method, url).headers(parts.headers).body(body).send().await?;
    let mut response = http::Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.clone_from(answer.headers());
    }
    Ok(response.body(answer.bytes().await?)?)
}

// What async-trait makes of the method, so that we need not depend on it.
impl HttpClient for Client {
    fn send_bytes<'a, 'b>(
        &'a self,
        request: http::Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move { self.runtime.spawn(send(self.inner.clone(), request)).await? })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
