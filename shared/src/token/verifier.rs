//! The check of one access token, cheap refusals first.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use prometheus_client::registry::Registry;

use super::builder::TokenVerifierBuilder;
use super::cache::{Digest, TokenCache};
use super::claims::Claims;
use super::compact::{Allowed, Compact, SeenHeader, TokenType};
use super::introspection::Introspection;
use super::issuers::{Issuers, Trusted};
use super::rejection::Rejection;
use crate::clock::{Clock, Timestamp};
use crate::jwks::{KeySource, Lookup, VerifyingKey};

/// Decides whether an access token (RFC 9068) is genuine, in time, and meant for us.
///
/// Knows nothing of HTTP: a consumer of messages verifies with it as well.
pub struct TokenVerifier {
    pub(super) issuers: Issuers,
    pub(super) audiences: Vec<String>,
    pub(super) allowed: Allowed,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) leeway: Duration,
    pub(super) expiry_leeway: Duration,
    pub(super) max_lifetime: Option<Duration>,
    pub(super) cache: Option<TokenCache>,
    pub(super) introspection: Option<Introspection>,
    pub(super) seen: ArcSwapOption<SeenHeader>,
}

impl TokenVerifier {
    /// Rules for tokens that `issuer` signed for `audience`; both are compared exactly. The keys are those of the
    /// issuer's URL, fetched in the background; the time is the machine's.
    ///
    /// ```no_run
    /// use shared::token::TokenVerifier;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let verifier = TokenVerifier::remote("https://id.example", "books").build()?;
    /// let claims = verifier.verify("eyJ…").await?;
    /// println!("{} may {}", claims.sub, claims.scope.as_str());
    /// # Ok(())
    /// # }
    /// ```
    pub fn remote(issuer: impl Into<String>, audience: impl Into<String>) -> TokenVerifierBuilder {
        TokenVerifierBuilder::remote(issuer.into(), audience.into())
    }

    /// Rules for tokens that `issuer` signed with one of `keys` for `audience`; both are compared exactly.
    pub fn builder(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: Arc<dyn KeySource>,
        clock: Arc<dyn Clock>,
    ) -> TokenVerifierBuilder {
        TokenVerifierBuilder::given(issuer.into(), audience.into(), keys, clock)
    }

    /// Rules for tokens that `issuer`, asked by `introspection`, says are active and for `audience` (RFC 7662).
    ///
    /// ```no_run
    /// use std::sync::Arc;
    ///
    /// use shared::clock::SystemClock;
    /// use shared::token::{Introspection, TokenVerifier};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let endpoint = "https://id.example/oauth2/introspect".parse()?;
    /// let introspection = Introspection::new(endpoint, "notes", "the secret of notes")?;
    /// let clock = Arc::new(SystemClock);
    /// let verifier = TokenVerifier::introspected("https://id.example", "books", introspection, clock).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn introspected(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        introspection: Introspection,
        clock: Arc<dyn Clock>,
    ) -> TokenVerifierBuilder {
        TokenVerifierBuilder::introspected(issuer.into(), audience.into(), introspection, clock)
    }

    /// Verifies a token as it stood behind `Bearer`. Waits only where the key is unknown and may be new.
    ///
    /// # Errors
    /// The first rule that the token breaks, or that its keys cannot be had. Tokens that are bound to a key or a
    /// certificate break one: only a [`Bearer`](crate::bearer::Bearer) sees whether the caller holds it.
    pub async fn verify(&self, token: &str) -> Result<Arc<Claims>, Rejection> {
        self.verify_but_holder(token).await.and_then(of_bearer)
    }

    /// The same without waiting. `None`: the key is unknown, and it takes [`Self::verify`] to find out more.
    pub fn verify_now(&self, token: &str) -> Option<Result<Arc<Claims>, Rejection>> {
        self.verify_now_but_holder(token).map(|verdict| verdict.and_then(of_bearer))
    }

    /// [`Self::verify`] for those who see to it that the caller holds what the token is bound to.
    pub(crate) async fn verify_but_holder(&self, token: &str) -> Result<Arc<Claims>, Rejection> {
        match (self.verify_now_but_holder(token), &self.introspection) {
            (Some(verdict), _) => verdict,
            (None, Some(introspection)) => self.verify_by_asking(introspection, token).await,
            (None, None) => self.verify_with_news(token).await,
        }
    }

    /// [`Self::verify_now`] for those who see to it that the caller holds what the token is bound to.
    pub(crate) fn verify_now_but_holder(&self, token: &str) -> Option<Result<Arc<Claims>, Rejection>> {
        let now = self.clock.now();
        if let Some(introspection) = &self.introspection {
            return introspection.recall(token, now).map(Ok);
        }
        let digest = self.cache.as_ref().and_then(|_| TokenCache::digest(token));
        if let (Some(cache), Some(digest)) = (&self.cache, &digest)
            && let Some(claims) = cache.get(digest, now)
        {
            return Some(Ok(claims));
        }
        let seen = self.seen.load();
        let parsed = Compact::parse_knowing(token, self.allowed, seen.as_deref());
        let (compact, trusted) = match parsed.and_then(|compact| Ok((self.issuers.of(&compact)?, compact))) {
            Ok((trusted, compact)) => (compact, trusted),
            Err(rejection) => return Some(Err(rejection)),
        };
        match trusted.lookup(&compact.kid) {
            Lookup::Found(key) => Some(self.verify_with((trusted, &key), &compact, digest, now)),
            Lookup::Unknown if compact.kid.is_empty() => Some(Err(Rejection::KeyId)),
            Lookup::Unknown => None,
            Lookup::Unavailable { retry_after } => Some(Err(Rejection::KeysUnavailable { retry_after })),
        }
    }

    /// A key that is not known yet: it may have been made a second ago, or made up.
    ///
    /// What the token says may only make us refuse sooner: one that is dead by its own claims is not worth a request
    /// to the issuer, and is told the same as one whose key nobody has.
    async fn verify_with_news(&self, token: &str) -> Result<Arc<Claims>, Rejection> {
        let compact = Compact::parse_knowing(token, self.allowed, None)?;
        let trusted = self.issuers.of(&compact)?;
        let claims = compact.unverified_payload().and_then(Claims::parse_bound);
        let hopeless = claims.and_then(|claims| self.check(&claims, trusted, self.clock.now())).is_err();
        if hopeless || compact.brings_key || compact.token_type != TokenType::Access {
            return Err(Rejection::UnknownKey);
        }
        match trusted.keys.refresh(&compact.kid).await {
            Lookup::Found(key) => self.verify_with((trusted, &key), &compact, None, self.clock.now()),
            Lookup::Unknown => Err(Rejection::UnknownKey),
            Lookup::Unavailable { retry_after } => Err(Rejection::KeysUnavailable { retry_after }),
        }
    }

    /// What the issuer says of a token is held to the rules for what a token says of itself.
    async fn verify_by_asking(
        &self,
        introspection: &Introspection,
        token: &str,
    ) -> Result<Arc<Claims>, Rejection> {
        let claims = introspection.ask(token).await?;
        let trusted = self.issuers.0.first().ok_or(Rejection::Issuer)?;
        let now = self.clock.now();
        self.check(&claims, trusted, now)?;
        let claims = Arc::new(claims);
        introspection.remember(token, &claims, now, self.end(&claims));
        Ok(claims)
    }

    fn verify_with(
        &self,
        (trusted, key): (&Arc<Trusted>, &Arc<VerifyingKey>),
        compact: &Compact<'_>,
        digest: Option<Digest>,
        now: Timestamp,
    ) -> Result<Arc<Claims>, Rejection> {
        key.verify(compact)?;
        if let Some(news) = compact.news(self.seen.load().as_deref()) {
            self.seen.store(Some(Arc::new(news)));
        }
        if compact.token_type != TokenType::Access {
            return Err(Rejection::RefreshToken);
        }
        let claims = Claims::parse_bound(compact.unverified_payload()?)?;
        self.check(&claims, trusted, now)?;
        let claims = Arc::new(claims);
        if let (Some(cache), Some(digest)) = (&self.cache, digest) {
            cache.insert(digest, &claims, (trusted, key), now, self.end(&claims));
        }
        Ok(claims)
    }

    /// The first rule that the claims break.
    fn check(&self, claims: &Claims, trusted: &Trusted, now: Timestamp) -> Result<(), Rejection> {
        self.rules(claims, trusted, now)
            .into_iter()
            .try_for_each(|(kept, rejection)| if kept { Ok(()) } else { Err(rejection) })
    }

    /// Each rule for claims, whether it is kept, and what it is to break it.
    fn rules(&self, claims: &Claims, trusted: &Trusted, now: Timestamp) -> [(bool, Rejection); 5] {
        let begins = Timestamp::from_seconds(claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat)));
        let lifetime = Timestamp::from_seconds(claims.exp).since(Timestamp::from_seconds(claims.iat));
        [
            (claims.iss == trusted.issuer, Rejection::Issuer),
            (claims.aud.iter().any(|audience| self.audiences.contains(audience)), Rejection::Audience),
            (now < self.end(claims), Rejection::Expired),
            (begins <= now + self.leeway, Rejection::NotYetValid),
            (self.max_lifetime.is_none_or(|allowed| lifetime <= allowed), Rejection::Lifetime),
        ]
    }

    /// Everything that is wrong with a token, for developers: also what is not looked at any more once the first rule is
    /// broken. Says nothing that may be told to a client.
    #[cfg(feature = "testing")]
    pub fn explain(&self, token: &str) -> Vec<Rejection> {
        let parsed = Compact::parse_knowing(token, self.allowed, None);
        let (compact, trusted) = match parsed.and_then(|compact| Ok((self.issuers.of(&compact)?, compact))) {
            Ok((trusted, compact)) => (compact, trusted),
            Err(rejection) => return vec![rejection],
        };
        let signature = match trusted.lookup(&compact.kid) {
            Lookup::Found(key) => key.verify(&compact).err(),
            Lookup::Unknown if compact.kid.is_empty() => Some(Rejection::KeyId),
            Lookup::Unknown => Some(Rejection::UnknownKey),
            Lookup::Unavailable { retry_after } => Some(Rejection::KeysUnavailable { retry_after }),
        };
        let kind = (compact.token_type != TokenType::Access).then_some(Rejection::RefreshToken);
        let claims = match compact.unverified_payload().and_then(Claims::parse) {
            Ok(claims) => {
                let rules = self.rules(&claims, trusted, self.clock.now());
                rules.into_iter().filter(|(kept, _)| !kept).collect()
            }
            Err(rejection) => vec![(false, rejection)],
        };
        signature.into_iter().chain(kind).chain(claims.into_iter().map(|(_, rejection)| rejection)).collect()
    }

    /// From when on a token is not accepted.
    fn end(&self, claims: &Claims) -> Timestamp {
        Timestamp::from_seconds(claims.exp) + self.expiry_leeway
    }

    /// Whose tokens it takes.
    pub fn issuers(&self) -> impl ExactSizeIterator<Item = &str> {
        self.issuers.0.iter().map(|trusted| trusted.issuer.as_str())
    }

    /// The time that it judges by.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Adds the metrics of its token cache, where it has one, and of its keys: with a label `issuer`, where it has
    /// several.
    pub fn register(&self, registry: &mut Registry) {
        if let Some(cache) = &self.cache {
            cache.register(registry);
        }
        if let [only] = &self.issuers.0[..] {
            return only.keys.register(registry);
        }
        for trusted in &self.issuers.0 {
            let label = ("issuer".into(), trusted.issuer.clone().into());
            trusted.keys.register(registry.sub_registry_with_label(label));
        }
    }
}

/// The claims, unless the token is bound to something that having it does not prove (RFC 9449 §7.1).
fn of_bearer(claims: Arc<Claims>) -> Result<Arc<Claims>, Rejection> {
    if claims.confirmation.is_some() { Err(Rejection::SenderConstrained) } else { Ok(claims) }
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("issuers", &self.issuers)
            .field("audiences", &self.audiences)
            .field("leeway", &self.leeway)
            .finish_non_exhaustive()
    }
}
