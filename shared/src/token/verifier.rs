//! The check of one access token, cheap refusals first.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::claims::Claims;
use super::compact::{Compact, TokenType};
use super::rejection::Rejection;
use crate::clock::{Clock, Timestamp};
use crate::jwks::{KeySource, Lookup, VerifyingKey};

/// Decides whether an access token (RFC 9068) is genuine, in time, and meant for us.
///
/// Cheap to share behind an `Arc`; holds no state but its rules and where its keys come from.
pub struct TokenVerifier {
    issuer: String,
    audiences: Vec<String>,
    keys: Arc<dyn KeySource>,
    clock: Arc<dyn Clock>,
    leeway: Duration,
    expiry_leeway: Duration,
    max_lifetime: Option<Duration>,
}

impl TokenVerifier {
    /// Rules for tokens that `issuer` signed with one of `keys` for `audience`; both are compared exactly.
    pub fn builder(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: Arc<dyn KeySource>,
        clock: Arc<dyn Clock>,
    ) -> TokenVerifierBuilder {
        TokenVerifierBuilder(Self {
            issuer: issuer.into(),
            audiences: vec![audience.into()],
            keys,
            clock,
            leeway: Duration::from_secs(30),
            expiry_leeway: Duration::from_secs(30),
            max_lifetime: None,
        })
    }

    /// Verifies a token as it stood behind `Bearer`. Waits only where the key is unknown and may be new.
    ///
    /// # Errors
    /// The first rule that the token breaks, or that its keys cannot be had.
    pub async fn verify(&self, token: &str) -> Result<Claims, Rejection> {
        let compact = Compact::parse(token)?;
        let key = match self.keys.lookup(&compact.kid) {
            Lookup::Found(key) => key,
            Lookup::Unknown => self.fetch_key(&compact).await?,
            Lookup::Unavailable { retry_after } => return Err(Rejection::KeysUnavailable { retry_after }),
        };
        key.verify(&compact)?;
        if compact.token_type != TokenType::Access {
            return Err(Rejection::RefreshToken);
        }
        let claims = Claims::parse(&compact.unverified_payload()?)?;
        self.check(&claims)?;
        Ok(claims)
    }

    /// A key that is not known yet: it may have been made a second ago, or made up.
    ///
    /// What the token says may only make us refuse sooner: one that is dead by its own claims is not worth a request
    /// to the issuer, and is told the same as one whose key nobody has.
    async fn fetch_key(&self, compact: &Compact<'_>) -> Result<Arc<VerifyingKey>, Rejection> {
        let claims = compact.unverified_payload().and_then(|payload| Claims::parse(&payload));
        let hopeless = claims.and_then(|claims| self.check(&claims)).is_err();
        if hopeless || compact.token_type != TokenType::Access {
            return Err(Rejection::UnknownKey);
        }
        match self.keys.refresh(&compact.kid).await {
            Lookup::Found(key) => Ok(key),
            Lookup::Unknown => Err(Rejection::UnknownKey),
            Lookup::Unavailable { retry_after } => Err(Rejection::KeysUnavailable { retry_after }),
        }
    }

    fn check(&self, claims: &Claims) -> Result<(), Rejection> {
        if claims.iss != self.issuer {
            return Err(Rejection::Issuer);
        }
        if !claims.aud.iter().any(|audience| self.audiences.contains(audience)) {
            return Err(Rejection::Audience);
        }
        let now = self.clock.now();
        if now >= Timestamp::from_seconds(claims.exp) + self.expiry_leeway {
            return Err(Rejection::Expired);
        }
        let begins = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
        if Timestamp::from_seconds(begins) > now + self.leeway {
            return Err(Rejection::NotYetValid);
        }
        let lifetime = Timestamp::from_seconds(claims.exp).since(Timestamp::from_seconds(claims.iat));
        if self.max_lifetime.is_some_and(|allowed| lifetime > allowed) {
            return Err(Rejection::Lifetime);
        }
        Ok(())
    }
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("issuer", &self.issuer)
            .field("audiences", &self.audiences)
            .field("leeway", &self.leeway)
            .finish_non_exhaustive()
    }
}

/// Refines a [`TokenVerifier`].
#[derive(Debug)]
pub struct TokenVerifierBuilder(TokenVerifier);

impl TokenVerifierBuilder {
    /// Accepts tokens for this audience, too.
    pub fn also_audience(mut self, audience: impl Into<String>) -> Self {
        self.0.audiences.push(audience.into());
        self
    }

    /// How far the clocks of issuer and service may differ; 30 s by default, 300 s at most.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.0.leeway = leeway.min(Duration::from_secs(300));
        self.0.expiry_leeway = self.0.leeway;
        self
    }

    /// How long after its `exp` a token is still accepted, where that shall differ from [`Self::leeway`].
    ///
    /// An issuer that judges its own tokens wants nothing here, and a leeway for tokens that a replica whose clock is a
    /// little ahead has just signed.
    pub fn expiry_leeway(mut self, leeway: Duration) -> Self {
        self.0.expiry_leeway = leeway.min(Duration::from_secs(300));
        self
    }

    /// Refuses tokens that are valid for longer than this from their `iat` on; unbounded by default.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.0.max_lifetime = Some(lifetime);
        self
    }

    /// The finished verifier.
    pub fn build(self) -> TokenVerifier {
        self.0
    }
}
