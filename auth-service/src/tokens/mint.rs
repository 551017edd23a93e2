//! What tokens say.

use sea_orm::prelude::Uuid;
use serde::Serialize;
use shared::clock::Timestamp;
use shared::token::TokenType;

use super::scope::{contains, filter, is_identity, is_own};
use super::signing_key::{KeyError, SigningKey};
use crate::accounts::Roles;
use crate::entity::{account, session};

/// The audience of tokens that carry a scope of auth-service's own.
pub const OWN_AUDIENCE: &str = "auth";

/// An access token (RFC 9068 §2.2). `type` and `fresh` are for verifiers by Flask-JWT-Extended.
#[derive(Debug, Serialize)]
struct AccessClaims<'a> {
    iss: &'a str,
    sub: Uuid,
    aud: Audience<'a>,
    exp: i64,
    iat: i64,
    nbf: i64,
    jti: &'a str,
    client_id: &'a str,
    scope: &'a str,
    roles: &'a [&'static str],
    sid: Uuid,
    auth_time: i64,
    preferred_username: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    fresh: bool,
}

/// One resource as a string, several as an array: the form that every verifier reads.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a str),
    Several(Vec<&'a str>),
}

impl<'a> Audience<'a> {
    /// The resources, and auth-service itself where a scope of its own is among these.
    fn of(resources: &'a str, scope: &str) -> Self {
        let own = scope.split(' ').any(is_own).then_some(OWN_AUDIENCE);
        let mut all: Vec<_> = resources.split(' ').chain(own).collect();
        if all.len() == 1 { Self::One(all.remove(0)) } else { Self::Several(all) }
    }
}

#[derive(Debug, Serialize)]
struct RefreshClaims<'a> {
    iss: &'a str,
    sub: Uuid,
    aud: &'a str,
    exp: i64,
    iat: i64,
    nbf: i64,
    jti: String,
    sid: Uuid,
    r#gen: i64,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// What is special about one access token.
#[derive(Clone, Copy, Debug)]
pub struct AccessGrant<'a> {
    /// Its own identifier.
    pub jti: &'a str,
    /// When it is signed.
    pub now: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Whether its owner has just proved who they are.
    pub fresh: bool,
}

/// What an account may do now of a scope that was granted once.
pub fn scope_now(account: &account::Model, granted: &str) -> String {
    // Whoever was given a password by somebody else may do nothing but replace it.
    if account.must_change_password {
        return String::new();
    }
    let allowed = Roles::from_column(&account.roles).scope();
    filter(granted, |name| is_identity(name) || contains(&allowed, name))
}

/// Signs the access token of a session. Returns it with the scope that it carries.
///
/// # Errors
/// The key cannot sign.
pub fn access_token(
    key: &SigningKey,
    issuer: &str,
    account: &account::Model,
    session: &session::Model,
    grant: AccessGrant<'_>,
) -> Result<(String, String), KeyError> {
    let roles = Roles::from_column(&account.roles);
    let scope = scope_now(account, &session.scope);
    let claims = AccessClaims {
        iss: issuer,
        sub: account.id,
        aud: Audience::of(&session.resource, &scope),
        exp: grant.expires_at.seconds(),
        iat: grant.now.seconds(),
        nbf: grant.now.seconds(),
        jti: grant.jti,
        client_id: &session.client_id,
        scope: &scope,
        roles: &roles.names(),
        sid: session.id,
        auth_time: Timestamp::from_millis(session.auth_time).seconds(),
        preferred_username: &account.username,
        kind: "access",
        fresh: grant.fresh,
    };
    let token = key.sign(TokenType::Access, &claims)?;
    Ok((token, scope))
}

/// The access token of a client that acts for itself (RFC 6749 §4.4): it is its own subject, and there is no session.
#[derive(Debug, Serialize)]
struct ClientClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: Audience<'a>,
    exp: i64,
    iat: i64,
    nbf: i64,
    jti: &'a str,
    client_id: &'a str,
    scope: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    fresh: bool,
}

/// Signs the access token of a client that acts for itself.
///
/// # Errors
/// The key cannot sign.
pub fn client_token(
    key: &SigningKey,
    issuer: &str,
    client_id: &str,
    scope: &str,
    resource: &str,
    grant: AccessGrant<'_>,
) -> Result<String, KeyError> {
    let claims = ClientClaims {
        iss: issuer,
        sub: client_id,
        aud: Audience::of(resource, scope),
        exp: grant.expires_at.seconds(),
        iat: grant.now.seconds(),
        nbf: grant.now.seconds(),
        jti: grant.jti,
        client_id,
        scope,
        kind: "access",
        fresh: grant.fresh,
    };
    key.sign(TokenType::Access, &claims)
}

/// Signs the refresh token of a session's current generation. All of it follows from the row, and RS256 is
/// deterministic: who asks twice gets the same token, byte for byte, while the same key signs.
///
/// # Errors
/// The key cannot sign.
pub fn refresh_token(key: &SigningKey, issuer: &str, session: &session::Model) -> Result<String, KeyError> {
    let issued_at = Timestamp::from_millis(session.rotated_at).seconds();
    let claims = RefreshClaims {
        iss: issuer,
        sub: session.account_id,
        aud: issuer,
        exp: Timestamp::from_millis(session.expires_at).seconds(),
        iat: issued_at,
        nbf: issued_at,
        jti: format!("{}.{}", session.id, session.generation),
        sid: session.id,
        r#gen: session.generation,
        kind: "refresh",
    };
    key.sign(TokenType::Refresh, &claims)
}
