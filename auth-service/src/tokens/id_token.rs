//! ID tokens (OpenID Connect Core §2): what a client is told of who has signed in.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use sea_orm::prelude::Uuid;
use serde::Serialize;
use shared::clock::Timestamp;
use shared::jwks::KeySnapshot;

use super::jwt::Jwt;
use super::scope::{PROFILE, contains};
use super::signing_key::{KeyError, SigningKey};
use crate::entity::{account, session};

/// How somebody proves who they are here: by a password.
pub const ACR: &str = "urn:imprimatur:acr:password";

#[derive(Debug, Serialize)]
struct IdClaims<'a> {
    iss: &'a str,
    sub: Uuid,
    aud: &'a str,
    azp: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    sid: Uuid,
    acr: &'static str,
    amr: [&'static str; 1],
    at_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
}

/// What is special about one ID token.
#[derive(Clone, Copy, Debug)]
pub struct IdGrant<'a> {
    /// The access token that comes with it.
    pub access_token: &'a str,
    /// What the client sent along with its request.
    pub nonce: Option<&'a str>,
    /// Claims that it asked for by name.
    pub claims: &'a str,
    /// When it is signed.
    pub now: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Signs the ID token of a session.
///
/// # Errors
/// The key cannot sign.
pub fn id_token(
    key: &SigningKey,
    issuer: &str,
    account: &account::Model,
    session: &session::Model,
    grant: IdGrant<'_>,
) -> Result<String, KeyError> {
    let named = contains(&session.scope, PROFILE) || contains(grant.claims, "preferred_username");
    let claims = IdClaims {
        iss: issuer,
        sub: account.id,
        aud: &session.client_id,
        azp: &session.client_id,
        exp: grant.expires_at.seconds(),
        iat: grant.now.seconds(),
        auth_time: Timestamp::from_millis(session.auth_time).seconds(),
        sid: session.sign_in_id.unwrap_or(session.id),
        acr: ACR,
        amr: ["pwd"],
        at_hash: left_half(grant.access_token),
        nonce: grant.nonce,
        preferred_username: named.then_some(&account.username),
    };
    key.sign_id(&claims)
}

/// The left half of the digest of an access token (OpenID Connect Core §3.1.3.6).
fn left_half(access_token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, access_token.as_bytes()).as_ref()[..16])
}

/// Whom an ID token of ours was for, and about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The client.
    pub client_id: String,
    /// The person.
    pub account_id: Uuid,
    /// Their session in the browser.
    pub session_id: Uuid,
}

/// Reads an ID token of `issuer` that a client sends back as a hint. It may be expired (OpenID Connect RP-Initiated Logout
/// §2): it proves no more than that the client has had it.
pub fn read_hint(token: &str, issuer: &str, keys: &KeySnapshot) -> Option<Hint> {
    let jwt = Jwt::verify(token, &["JWT"], keys.keys().map(|key| &**key)).ok()?;
    let id = |name| jwt.claim::<String>(name).and_then(|text| Uuid::try_parse(&text).ok());
    (jwt.claim::<String>("iss")? == issuer).then_some(())?;
    Some(Hint { client_id: jwt.claim("aud")?, account_id: id("sub")?, session_id: id("sid")? })
}
