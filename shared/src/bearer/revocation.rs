//! Tokens that are valid by themselves and yet not to be taken any more.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use crate::clock::Timestamp;
use crate::token::Claims;

/// Whether the store of revoked tokens can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it cannot be found out whether the token was revoked")]
pub struct RevocationUnknown;

/// What a request is answered while nobody knows whether its token was revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenUnknown {
    /// 503: no token passes that might be revoked.
    #[default]
    FailClosed,
    /// It passes, and is counted: being reachable matters more.
    FailOpen,
}

/// Asked about each request, also where its token was verified a moment ago.
pub trait RevocationCheck: Send + Sync + 'static {
    /// Whether the token of these claims was revoked.
    fn is_revoked<'a>(
        &'a self,
        claims: &'a Claims,
    ) -> Pin<Box<dyn Future<Output = Result<bool, RevocationUnknown>> + Send + 'a>>;
}

/// Revoked tokens in memory: by their `jti`, or all of a subject that were signed up to a moment. Subjects are kept for as
/// long as the process lives, since how long their tokens do is not known here.
#[derive(Default)]
pub struct RevokedTokens(Mutex<Revoked>);

#[derive(Default)]
struct Revoked {
    /// With the second from which on the token has expired anyway.
    tokens: HashMap<String, i64>,
    /// With the second up to which its tokens were signed.
    subjects: HashMap<String, i64>,
}

impl RevokedTokens {
    /// Revokes one token, and forgets those that have expired by `now`.
    pub fn revoke(&self, claims: &Claims, now: Timestamp) {
        let mut revoked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Beyond any leeway that a verifier may have.
        revoked.tokens.retain(|_, expires| *expires + 300 > now.seconds());
        revoked.tokens.insert(claims.jti.clone(), claims.exp);
    }

    /// Revokes all tokens of a subject that were signed by now.
    pub fn revoke_subject(&self, subject: &str, now: Timestamp) {
        let mut revoked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        revoked.subjects.insert(subject.to_owned(), now.seconds());
    }

    fn contains(&self, claims: &Claims) -> bool {
        let revoked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let subject = revoked.subjects.get(&claims.sub);
        revoked.tokens.contains_key(&claims.jti) || subject.is_some_and(|until| claims.iat <= *until)
    }
}

impl RevocationCheck for RevokedTokens {
    fn is_revoked<'a>(
        &'a self,
        claims: &'a Claims,
    ) -> Pin<Box<dyn Future<Output = Result<bool, RevocationUnknown>> + Send + 'a>> {
        Box::pin(std::future::ready(Ok(self.contains(claims))))
    }
}

impl fmt::Debug for RevokedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevokedTokens").finish_non_exhaustive()
    }
}
