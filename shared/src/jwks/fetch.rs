//! One request for a key set: by a fixed address or by discovery, bounded in time and size, without redirects.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use url::Url;

use super::snapshot::SetError;
use crate::issuer::{Issuer, is_loopback, is_secure, web_url};

const MAX_BODY: usize = 64 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(3);

/// Why a fetch brought no keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No connection, no answer in time, or one that broke off.
    #[error("no answer from {url}: {source}")]
    NoAnswer {
        /// What was asked.
        url: Url,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An answer that is not 200; redirects are not followed.
    #[error("{url} answered {status}")]
    Status {
        /// What was asked.
        url: Url,
        /// The answer.
        status: StatusCode,
    },
    /// More than 64 KiB.
    #[error("{0} answered more than 64 KiB")]
    TooLarge(Url),
    /// Plain http to another machine.
    #[error("{0} is plain http to another machine")]
    InsecureUrl(Url),
    /// The metadata is not that of the issuer (RFC 8414 §3.3).
    #[error("the metadata at {0} is not the issuer's")]
    Metadata(Url),
    /// The key set cannot be used.
    #[error("the key set at {url} cannot be used: {source}")]
    Set {
        /// Where it is.
        url: Url,
        /// What is wrong with it.
        source: SetError,
    },
}

impl FetchError {
    /// A stable name for metrics; one of a fixed set.
    pub fn class(&self) -> &'static str {
        match self {
            Self::NoAnswer { .. } => "no_answer",
            Self::Status { .. } => "status",
            Self::TooLarge(_) => "too_large",
            Self::InsecureUrl(_) => "insecure_url",
            Self::Metadata(_) => "metadata",
            Self::Set { source: SetError::NotASet, .. } => "not_a_set",
            Self::Set { source: SetError::TooManyEntries, .. } => "too_many_entries",
            Self::Set { source: SetError::NoUsableKey, .. } => "no_usable_key",
        }
    }
}

/// What the issuer said to tell whether its set has changed.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
}

impl Conditions {
    /// As the headers of a response give them.
    pub fn of(headers: &HeaderMap) -> Self {
        Self { etag: headers.get(ETAG).cloned(), last_modified: headers.get(LAST_MODIFIED).cloned() }
    }

    /// The same after an answer that the set has not changed: what that one does not say still holds.
    pub(super) fn updated(&self, headers: &HeaderMap) -> Self {
        let news = Self::of(headers);
        Self {
            etag: news.etag.or_else(|| self.etag.clone()),
            last_modified: news.last_modified.or_else(|| self.last_modified.clone()),
        }
    }

    /// As headers of the next request.
    pub fn headers(&self) -> HeaderMap {
        let pairs = [(IF_NONE_MATCH, &self.etag), (IF_MODIFIED_SINCE, &self.last_modified)];
        pairs.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }
}

/// An answer to a fetch.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// 200, 304 or what else the issuer said.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, at most 64 KiB.
    pub body: Bytes,
}

/// Brings documents of an issuer: one's own client, proxy or certificate authority goes here.
pub trait Transport: Send + Sync + 'static {
    /// Gets `url` with these headers; follows no redirect, reads at most 64 KiB, and comes back within a few seconds.
    fn get<'a>(
        &'a self,
        url: &'a Url,
        headers: HeaderMap,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>>;
}

/// The transport by [`reqwest`] with TLS of ring and the trust store of the machine.
///
/// Takes the proxies of the environment (`HTTPS_PROXY`), but never to this machine itself.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    remote: reqwest::Client,
    local: reqwest::Client,
}

impl HttpTransport {
    /// A client that follows no redirect and gives up after three seconds.
    ///
    /// # Errors
    /// The trust store of the machine cannot be read.
    pub fn new() -> Result<Self, reqwest::Error> {
        // One provider for the process; where a host program has chosen another, that one stays.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = || {
            reqwest::Client::builder()
                .user_agent(concat!("imprimatur/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(TOTAL_TIMEOUT)
        };
        Ok(Self { remote: client().build()?, local: client().no_proxy().build()? })
    }

    async fn fetch(&self, url: &Url, headers: HeaderMap) -> Result<Fetched, FetchError> {
        let accept = "application/jwk-set+json, application/json";
        self.send(url, self.client(url).get(url.clone()).headers(headers).header(ACCEPT, accept)).await
    }

    /// Sends a body and reads the answer within the same bounds.
    pub(crate) async fn post(
        &self,
        url: &Url,
        headers: HeaderMap,
        body: String,
    ) -> Result<Fetched, FetchError> {
        let request = self.client(url).post(url.clone()).headers(headers).header(ACCEPT, "application/json");
        self.send(url, request.body(body)).await
    }

    fn client(&self, url: &Url) -> &reqwest::Client {
        if is_loopback(url) { &self.local } else { &self.remote }
    }

    async fn send(&self, url: &Url, request: reqwest::RequestBuilder) -> Result<Fetched, FetchError> {
        let no_answer = |error: reqwest::Error| FetchError::NoAnswer {
            url: url.clone(),
            source: error.without_url().into(),
        };
        let mut response = request.send().await.map_err(no_answer)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(FetchError::TooLarge(url.clone()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched { status: response.status(), headers: response.headers().clone(), body: body.into() })
    }
}

impl Transport for HttpTransport {
    fn get<'a>(
        &'a self,
        url: &'a Url,
        headers: HeaderMap,
    ) -> Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>> {
        Box::pin(self.fetch(url, headers))
    }
}

/// Where an issuer's keys are, once that is known.
#[derive(Debug)]
pub(super) struct Locator {
    issuer: Issuer,
    fixed: Option<Url>,
    discovered: Option<Url>,
    allow_http: bool,
}

impl Locator {
    pub(super) fn new(issuer: Issuer, fixed: Option<Url>, allow_http: bool) -> Self {
        Self { issuer, fixed, discovered: None, allow_http }
    }

    /// The address of the key set: as configured, or as the issuer's metadata name it.
    pub(super) async fn locate(&mut self, transport: &dyn Transport) -> Result<Url, FetchError> {
        if let Some(known) = self.fixed.as_ref().or(self.discovered.as_ref()) {
            return self.secure(known.clone());
        }
        let [oauth, openid] = metadata_urls(&self.issuer);
        let found = match self.discover(transport, oauth).await {
            // RFC 8414 is for any authorization server; many OpenID providers have only their own document.
            Err(FetchError::Status { .. }) => self.discover(transport, openid).await,
            found => found,
        }?;
        self.discovered = Some(found.clone());
        Ok(found)
    }

    /// Asks again where the keys are next time: the issuer may have moved them.
    pub(super) fn forget(&mut self) {
        self.discovered = None;
    }

    async fn discover(&self, transport: &dyn Transport, url: Url) -> Result<Url, FetchError> {
        #[derive(Deserialize)]
        struct Metadata {
            issuer: String,
            jwks_uri: String,
        }
        let url = self.secure(url)?;
        let answer = transport.get(&url, HeaderMap::new()).await?;
        if answer.status != StatusCode::OK {
            return Err(FetchError::Status { url, status: answer.status });
        }
        let metadata: Metadata =
            serde_json::from_slice(&answer.body).map_err(|_| FetchError::Metadata(url.clone()))?;
        // Metadata of another issuer would let that one sign for ours (RFC 8414 §6.2).
        if metadata.issuer != self.issuer.as_str() {
            return Err(FetchError::Metadata(url));
        }
        self.secure(web_url(&metadata.jwks_uri).map_err(|_| FetchError::Metadata(url))?)
    }

    fn secure(&self, url: Url) -> Result<Url, FetchError> {
        if self.allow_http || is_secure(&url) { Ok(url) } else { Err(FetchError::InsecureUrl(url)) }
    }
}

/// The metadata of an issuer by RFC 8414 §3.1 (inserted before its path) and by OpenID Connect (behind it).
fn metadata_urls(issuer: &Issuer) -> [Url; 2] {
    let path = issuer.url().path().trim_end_matches('/').to_owned();
    let with_path = |path: String| {
        let mut url = issuer.url().clone();
        url.set_path(&path);
        url
    };
    [
        with_path(format!("/.well-known/oauth-authorization-server{path}")),
        with_path(format!("{path}/.well-known/openid-configuration")),
    ]
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.issuer.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_looked_for_where_the_standards_put_it() {
        let urls = |issuer: &str| metadata_urls(&issuer.parse().unwrap()).map(String::from);
        assert_eq!(
            urls("https://id.example"),
            [
                "https://id.example/.well-known/oauth-authorization-server",
                "https://id.example/.well-known/openid-configuration"
            ]
        );
        assert_eq!(
            urls("https://id.example/a/"),
            [
                "https://id.example/.well-known/oauth-authorization-server/a",
                "https://id.example/a/.well-known/openid-configuration"
            ]
        );
    }

    #[test]
    fn plain_http_is_for_this_machine_unless_allowed() {
        let locator = |allow| Locator::new("https://id.example".parse().unwrap(), None, allow);
        let secure = |allow, url: &str| locator(allow).secure(url.parse().unwrap()).is_ok();
        assert!(secure(false, "https://id.example/keys"));
        assert!(secure(false, "http://127.0.0.1:1/keys"));
        assert!(secure(false, "http://[::1]:1/keys"));
        assert!(!secure(false, "http://id.example/keys"));
        assert!(!secure(false, "http://127.0.0.1.example/keys"));
        assert!(secure(true, "http://id.example/keys"));
    }
}
