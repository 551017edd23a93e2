//! What a token must say for a route, beyond being valid.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::token::{Claims, Needed, Rejection};

/// A rule of the service's own.
pub(super) type Rule = Arc<dyn Fn(&Claims) -> Result<(), Rejection> + Send + Sync>;

#[derive(Clone)]
pub(super) enum Requirement {
    Scope(Needed),
    Role(Needed),
    User,
    LoginWithin(Duration),
    LoginBy(&'static [&'static str]),
    Rule(Rule),
}

impl Requirement {
    /// Whether a request with these claims meets it. Decided for each request, whatever was remembered of its token.
    pub(super) fn check(&self, claims: &Claims, now: Timestamp) -> Result<(), Rejection> {
        let (met, rejection) = match self {
            Self::Scope(needed) => {
                (needed.is_met(|name| claims.scope.contains(name)), Rejection::Scope(*needed))
            }
            Self::Role(needed) => {
                let has = |name: &str| claims.roles.iter().any(|role| role == name);
                (needed.is_met(has), Rejection::Role(*needed))
            }
            Self::User => (!claims.is_client(), Rejection::NotAUser),
            Self::LoginWithin(max_age) => {
                let recent = |at| now <= Timestamp::from_seconds(at) + *max_age;
                (claims.auth_time.is_some_and(recent), Rejection::LoginTooOld { max_age: *max_age })
            }
            Self::LoginBy(values) => {
                let by = |acr: &str| values.contains(&acr);
                (claims.acr.as_deref().is_some_and(by), Rejection::LoginTooWeak(values))
            }
            Self::Rule(rule) => return rule(claims),
        };
        if met { Ok(()) } else { Err(rejection) }
    }
}

impl fmt::Debug for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(needed) => write!(f, "scope {needed}"),
            Self::Role(needed) => write!(f, "role {needed}"),
            Self::User => f.write_str("a user"),
            Self::LoginWithin(max_age) => write!(f, "login within {max_age:?}"),
            Self::LoginBy(values) => write!(f, "login by {values:?}"),
            Self::Rule(_) => f.write_str("a rule"),
        }
    }
}
