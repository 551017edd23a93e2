//! The answer that carries tokens.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::clock::Timestamp;
use shared::http::{Json, NO_STORE};
use utoipa::ToSchema;

use crate::entity::{account, session};
use crate::error::Error;
use crate::state::App;
use crate::tokens::mint::{self, AccessGrant};

/// The tokens of a session.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOi…", "refresh_token": "eyJ0eXAiOiJydCtqd3QiLCJhbGciOi…", "token_type": "Bearer",
    "expires_in": 900, "refresh_expires_in": 2592000, "scope": "books:read books:write"
}))]
pub struct TokenResponse {
    /// For resource servers, as `Authorization: Bearer`.
    access_token: String,
    /// For `/refresh` and `/logout`, as `Authorization: Bearer`.
    refresh_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Seconds until the access token ends.
    expires_in: i64,
    /// Seconds until the refresh token ends.
    refresh_expires_in: i64,
    /// What the access token allows.
    scope: String,
}

impl TokenResponse {
    /// Signs both tokens of a session as it is now. `fresh`: its owner has just proved who they are.
    ///
    /// # Errors
    /// No key signs.
    pub fn sign(
        app: &App,
        account: &account::Model,
        session: &session::Model,
        now: Timestamp,
        fresh: bool,
    ) -> Result<Self, Error> {
        let access = AccessToken::sign(app, account, session, app.config.access_token_ttl, now, fresh)?;
        let key = app.keyring.signing()?;
        Ok(Self {
            refresh_token: mint::refresh_token(&key, app.config.issuer.as_str(), session)?,
            token_type: "Bearer",
            expires_in: access.expires_at.seconds() - now.seconds(),
            refresh_expires_in: Timestamp::from_millis(session.expires_at).seconds() - now.seconds(),
            access_token: access.text,
            scope: access.scope,
        })
    }
}

/// An access token with what it says.
pub struct AccessToken {
    /// The token.
    pub text: String,
    /// What it allows.
    pub scope: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl AccessToken {
    /// Signs an access token of a session, which lasts `ttl` and no longer than the session.
    ///
    /// # Errors
    /// No key signs.
    pub fn sign(
        app: &App,
        account: &account::Model,
        session: &session::Model,
        ttl: Duration,
        now: Timestamp,
        fresh: bool,
    ) -> Result<Self, Error> {
        let expires_at = (now + ttl).min(Timestamp::from_millis(session.expires_at));
        let jti = app.random.uuid().to_string();
        let grant = AccessGrant { jti: &jti, now, expires_at, fresh };
        let (key, issuer) = (app.keyring.signing()?, app.config.issuer.as_str());
        let (text, scope) = mint::access_token(&key, issuer, account, session, grant)?;
        Ok(Self { text, scope, expires_at })
    }
}

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessToken").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl IntoResponse for TokenResponse {
    fn into_response(self) -> Response {
        ([NO_STORE], Json(self)).into_response()
    }
}

/// Shows no token.
impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenResponse").field("scope", &self.scope).finish_non_exhaustive()
    }
}
