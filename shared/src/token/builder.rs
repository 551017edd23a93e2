//! How a verifier is made: what cannot be left out are arguments, all problems are told at once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;

use super::cache::TokenCache;
use super::compact::Allowed;
use super::introspection::Introspection;
use super::issuers::{Issuers, Trusted};
use super::verifier::TokenVerifier;
use crate::clock::{Clock, SystemClock};
use crate::issuer::Issuer;
use crate::jwks::{HttpTransport, KeySnapshot, KeySource, LocalKeys, RemoteJwks, RemoteJwksSettings};
use crate::misconfigured::Misconfigured;
use crate::random::SystemRandom;

const MAX_LEEWAY: Duration = Duration::from_secs(300);

/// Refines a [`TokenVerifier`].
pub struct TokenVerifierBuilder {
    issuers: Vec<(String, Keys)>,
    audiences: Vec<String>,
    allowed: Allowed,
    insecure_allow_http: bool,
    clock: Arc<dyn Clock>,
    leeway: Duration,
    expiry_leeway: Option<Duration>,
    max_lifetime: Option<Duration>,
    cached_tokens: usize,
    introspection: Option<Introspection>,
}

enum Keys {
    Given(Arc<dyn KeySource>),
    OfTheIssuer,
}

impl TokenVerifierBuilder {
    pub(super) fn remote(issuer: String, audience: String) -> Self {
        Self::new(issuer, audience, Keys::OfTheIssuer, Arc::new(SystemClock))
    }

    pub(super) fn given(
        issuer: String,
        audience: String,
        keys: Arc<dyn KeySource>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self::new(issuer, audience, Keys::Given(keys), clock)
    }

    pub(super) fn introspected(
        issuer: String,
        audience: String,
        introspection: Introspection,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let no_keys = Keys::Given(Arc::new(LocalKeys::new(KeySnapshot::default())));
        Self { introspection: Some(introspection), ..Self::new(issuer, audience, no_keys, clock) }
    }

    fn new(issuer: String, audience: String, keys: Keys, clock: Arc<dyn Clock>) -> Self {
        Self {
            issuers: vec![(issuer, keys)],
            audiences: vec![audience],
            allowed: Allowed::default(),
            insecure_allow_http: false,
            clock,
            leeway: Duration::from_secs(30),
            expiry_leeway: None,
            max_lifetime: None,
            cached_tokens: 0,
            introspection: None,
        }
    }

    /// Accepts tokens of this issuer, too, signed with the keys that its URL serves. Nobody else's keys verify them, nor
    /// do its keys verify the tokens of others.
    pub fn also_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuers.push((issuer.into(), Keys::OfTheIssuer));
        self
    }

    /// Accepts tokens of this issuer, too, signed with one of `keys`.
    pub fn also_issuer_with(mut self, issuer: impl Into<String>, keys: Arc<dyn KeySource>) -> Self {
        self.issuers.push((issuer.into(), Keys::Given(keys)));
        self
    }

    /// Takes tokens whose `typ` is `JWT` or missing for access tokens: for issuers from before RFC 9068.
    ///
    /// Then nothing but its claims tells an ID token of the same issuer apart from an access token. Have its audience be
    /// one that no client is called.
    pub fn allow_legacy_typ(mut self) -> Self {
        self.allowed.legacy_typ = true;
        self
    }

    /// Accepts tokens that name no key, while their issuer has exactly one usable key.
    pub fn allow_missing_kid(mut self) -> Self {
        self.allowed.missing_kid = true;
        self
    }

    /// Accepts tokens for this audience, too.
    pub fn also_audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// How far the clocks of issuer and service may differ; 30 s by default, 300 s at most.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// How long after its `exp` a token is still accepted, where that shall differ from [`Self::leeway`].
    ///
    /// An issuer that judges its own tokens wants nothing here, and a leeway for tokens that a replica whose clock is a
    /// little ahead has just signed.
    pub fn expiry_leeway(mut self, leeway: Duration) -> Self {
        self.expiry_leeway = Some(leeway);
        self
    }

    /// Refuses tokens that are valid for longer than this from their `iat` on; unbounded by default.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// Remembers so many verified tokens, each for five minutes at most; none by default. What is kept is a digest of
    /// the token, its claims and the key that verified it: about 1.5 KiB for a usual token, 15 MiB for 10,000.
    ///
    /// A token counts as verified only while its key is in the current key set and can be trusted. Scopes, revocation
    /// and the like are decided for each request anew.
    pub fn cache_tokens(mut self, tokens: usize) -> Self {
        self.cached_tokens = tokens;
        self
    }

    /// Lets keys be fetched by plain http from another machine: on a private network only.
    pub fn insecure_allow_http(mut self) -> Self {
        self.insecure_allow_http = true;
        self
    }

    /// The finished verifier. Starts to fetch the keys of issuers that come without, and does not wait for them.
    ///
    /// # Errors
    /// Everything that is wrong with the rules: an empty issuer or audience, an issuer named twice, a leeway over 300 s,
    /// a lifetime that no token could have, an issuer that is no address to fetch keys from.
    ///
    /// # Panics
    /// The keys are to be fetched, and no tokio runtime is there to do so.
    pub fn build(self) -> Result<TokenVerifier, Misconfigured> {
        let mut problems = self.problems();
        let mut issuers = Vec::with_capacity(self.issuers.len());
        for (issuer, keys) in self.issuers {
            let keys = match keys {
                Keys::Given(keys) => Ok(keys),
                Keys::OfTheIssuer => fetched(&issuer, self.insecure_allow_http, Arc::clone(&self.clock)),
            };
            match keys {
                Ok(keys) => issuers.push(Arc::new(Trusted { issuer, keys })),
                Err(more) => problems.extend_from_slice(more.problems()),
            }
        }
        if !problems.is_empty() {
            return Err(Misconfigured::new(problems));
        }
        Ok(TokenVerifier {
            issuers: Issuers(issuers),
            audiences: self.audiences,
            allowed: self.allowed,
            clock: self.clock,
            leeway: self.leeway,
            expiry_leeway: self.expiry_leeway.unwrap_or(self.leeway),
            max_lifetime: self.max_lifetime,
            cache: (self.cached_tokens > 0).then(|| TokenCache::new(self.cached_tokens)),
            introspection: self.introspection,
            seen: ArcSwapOption::empty(),
        })
    }

    /// What is wrong with the rules.
    fn problems(&self) -> Vec<String> {
        let mut names: Vec<_> = self.issuers.iter().map(|(issuer, _)| issuer.as_str()).collect();
        names.sort_unstable();
        let rules = [
            (names.contains(&""), "an issuer must not be empty"),
            (names.windows(2).any(|pair| pair[0] == pair[1]), "an issuer must be named once"),
            (self.audiences.iter().any(String::is_empty), "an audience must not be empty"),
            (
                self.introspection.is_some() && self.issuers.len() > 1,
                "of several issuers, none can be asked about a token",
            ),
            (self.leeway > MAX_LEEWAY, "the leeway must be at most 300 s"),
            (self.expiry_leeway > Some(MAX_LEEWAY), "the expiry leeway must be at most 300 s"),
            (self.max_lifetime == Some(Duration::ZERO), "the greatest lifetime must be longer than nothing"),
        ];
        let broken = rules.into_iter().filter(|(broken, _)| *broken).map(|(_, problem)| problem.to_owned());
        broken.chain(self.introspection.as_ref().and_then(Introspection::problem)).collect()
    }
}

/// The keys that the issuer's URL serves.
fn fetched(
    issuer: &str,
    insecure_allow_http: bool,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn KeySource>, Misconfigured> {
    let issuer: Issuer =
        issuer.parse().map_err(|problem| Misconfigured::new(vec![format!("the issuer {problem}")]))?;
    let transport = HttpTransport::new()
        .map_err(|error| Misconfigured::new(vec![format!("keys cannot be fetched: {error}")]))?;
    let settings = RemoteJwksSettings { insecure_allow_http, ..RemoteJwksSettings::new(issuer) };
    let random = Arc::new(SystemRandom::new());
    Ok(Arc::new(RemoteJwks::start(settings, Arc::new(transport), clock, random)?))
}

impl fmt::Debug for TokenVerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifierBuilder")
            .field("issuers", &self.issuers.iter().map(|(issuer, _)| issuer).collect::<Vec<_>>())
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn builder(issuer: &str, audience: &str) -> TokenVerifierBuilder {
        let keys = Arc::new(LocalKeys::new(KeySnapshot::default()));
        TokenVerifier::builder(issuer, audience, keys, Arc::new(SystemClock))
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let hour = Duration::from_secs(3600);
        let wrong = builder("", "").leeway(hour).expiry_leeway(hour).max_lifetime(Duration::ZERO).build();
        assert_eq!(wrong.unwrap_err().problems().len(), 5);
        assert!(builder("https://id.example", "books").leeway(Duration::from_secs(300)).build().is_ok());
    }

    #[tokio::test]
    async fn keys_are_fetched_from_addresses_only() {
        let problems = |issuer: &str| {
            let built = TokenVerifier::remote(issuer, "books").leeway(Duration::from_secs(301)).build();
            built.unwrap_err().problems().len()
        };
        assert_eq!(problems("id.example"), 2, "issuer and leeway");
        assert_eq!(problems("http://id.example"), 2, "plain http to another machine, and leeway");
        assert!(TokenVerifier::remote("https://id.example", "books").build().is_ok());
        assert!(TokenVerifier::remote("http://id.example", "books").insecure_allow_http().build().is_ok());
    }
}
