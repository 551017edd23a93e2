//! Asking the issuer about each token (RFC 7662), for tokens that say nothing by themselves, or where a token must be
//! dead the moment that it is revoked.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::cache::{Digest, TokenCache};
use super::claims::Claims;
use super::compact::MAX_TOKEN;
use super::object::members;
use super::rejection::Rejection;
use crate::clock::Timestamp;
use crate::issuer::is_secure;
use crate::jwks::{FetchError, HttpTransport};
use crate::misconfigured::Misconfigured;

/// Requests that wait for the issuer at a time. Whoever makes tokens up costs it one request each, and no more than these
/// at once.
const SLOTS: usize = 64;
const RETRY_AFTER: Duration = Duration::from_secs(5);
const REMEMBERED: usize = 10_000;
const MAX_MEMORY: Duration = Duration::from_secs(300);

/// Where and as whom to ask. The answers must say what an access token says (RFC 9068 §2.2): `iss`, `sub`, `aud`, `exp`,
/// `iat`, `jti` and `client_id`, as those of auth-service do; they are held to the same rules.
pub struct Introspection {
    endpoint: Url,
    authorization: HeaderValue,
    transport: HttpTransport,
    insecure_allow_http: bool,
    remember_for: Duration,
    remembered: Cache<Digest, (Arc<Claims>, Timestamp)>,
    slots: Semaphore,
    failing: AtomicBool,
}

impl Introspection {
    /// Asks at `endpoint`, an `https` URL or one of this machine, as this client (RFC 6749 §2.3.1).
    ///
    /// # Errors
    /// The trust store of the machine cannot be read.
    pub fn new(endpoint: Url, client_id: &str, client_secret: &str) -> Result<Self, Misconfigured> {
        let transport = HttpTransport::new()
            .map_err(|error| Misconfigured::new(vec![format!("no issuer can be asked: {error}")]))?;
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let basic = STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(client_secret)));
        let mut authorization = HeaderValue::try_from(format!("Basic {basic}"))
            .map_err(|_| Misconfigured::new(vec!["the client cannot be named in a header".to_owned()]))?;
        authorization.set_sensitive(true);
        Ok(Self {
            endpoint,
            authorization,
            transport,
            insecure_allow_http: false,
            remember_for: Duration::ZERO,
            remembered: Cache::new(REMEMBERED),
            slots: Semaphore::new(SLOTS),
            failing: AtomicBool::new(false),
        })
    }

    /// Takes an answer for true for so long, 5 minutes at most: a token that is revoked meanwhile passes meanwhile. By
    /// default the issuer is asked about each request. Only "active" is remembered, and of the token only a digest.
    pub fn remember_for(mut self, span: Duration) -> Self {
        self.remember_for = span.min(MAX_MEMORY);
        self
    }

    /// Sends tokens and the client's secret by plain http to another machine: on a private network only.
    pub fn insecure_allow_http(mut self) -> Self {
        self.insecure_allow_http = true;
        self
    }

    pub(super) fn problem(&self) -> Option<String> {
        let secure = self.insecure_allow_http || is_secure(&self.endpoint);
        (!secure).then(|| format!("{} is plain http to another machine", self.endpoint))
    }

    /// What is still known of a token.
    pub(super) fn recall(&self, token: &str, now: Timestamp) -> Option<Arc<Claims>> {
        if self.remember_for.is_zero() {
            return None;
        }
        let (claims, until) = self.remembered.get(&TokenCache::digest(token)?)?;
        (now < until).then_some(claims)
    }

    /// Remembers a token that the issuer called active and that keeps all rules, until `end` at most.
    pub(super) fn remember(&self, token: &str, claims: &Arc<Claims>, now: Timestamp, end: Timestamp) {
        if let (false, Some(digest)) = (self.remember_for.is_zero(), TokenCache::digest(token)) {
            self.remembered.insert(digest, (Arc::clone(claims), end.min(now + self.remember_for)));
        }
    }

    /// What the issuer says of a token.
    ///
    /// # Errors
    /// It is not active, the answer lacks a claim or has one of the wrong type, or there is no answer.
    pub(super) async fn ask(&self, token: &str) -> Result<Claims, Rejection> {
        if token.len() > MAX_TOKEN {
            return Err(Rejection::TooLong);
        }
        let unavailable = Rejection::IntrospectionUnavailable { retry_after: RETRY_AFTER };
        let Ok(_slot) = self.slots.try_acquire() else { return Err(unavailable) };
        let answer = self.answer(token).await;
        let failed = answer.as_ref().err().map(ToString::to_string);
        if self.failing.swap(failed.is_some(), Ordering::Relaxed) != failed.is_some() {
            match failed {
                Some(error) => tracing::warn!(error, "tokens cannot be introspected"),
                None => tracing::info!("tokens can be introspected again"),
            }
        }
        let answer = answer.map_err(|_| unavailable)?;
        let active = members(&answer).map_err(|_| Rejection::Malformed)?;
        if !active.iter().any(|(name, value)| name == "active" && *value == "true") {
            return Err(Rejection::Inactive);
        }
        let mut claims = Claims::parse_bound(answer)?;
        if claims.preferred_username.is_none() {
            claims.preferred_username = claims.get("username")?;
        }
        Ok(claims)
    }

    async fn answer(&self, token: &str) -> Result<Vec<u8>, FetchError> {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers =
            HeaderMap::from_iter([(AUTHORIZATION, self.authorization.clone()), (CONTENT_TYPE, form)]);
        let body = Serializer::new(String::new()).append_pair("token", token).finish();
        let answer = self.transport.post(&self.endpoint, headers, body).await?;
        match answer.status {
            StatusCode::OK => Ok(answer.body.into()),
            status => Err(FetchError::Status { url: self.endpoint.clone(), status }),
        }
    }
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection").field("endpoint", &self.endpoint.as_str()).finish_non_exhaustive()
    }
}
