//! `POST /oauth2/token`: grants become tokens (RFC 6749 §3.2).

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Serialize;
use shared::http::{Json, NO_STORE};
use utoipa::ToSchema;

use super::client_auth;
use super::error::{Code, ErrorBody, OAuthError, Refusal};
use super::forms::TokenForm;
use super::grants::{client_credentials, code, device, refresh};
use super::parameters::Form;
use crate::clients::{Client, GrantType};
use crate::entity::{account, session};
use crate::error::Error;
use crate::sessions::{self, AccessToken};
use crate::state::{App, AppState};
use crate::tokens::id_token::{self, IdGrant};
use crate::tokens::mint;
use crate::tokens::scope::{OPENID, contains};

/// Tokens (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOi…", "token_type": "Bearer", "expires_in": 900, "scope": "books:read"
}))]
pub struct Granted {
    /// For resource servers, as `Authorization: Bearer`.
    pub(super) access_token: String,
    /// `Bearer`.
    pub(super) token_type: &'static str,
    /// Seconds until the access token ends.
    pub(super) expires_in: i64,
    /// What the access token allows.
    pub(super) scope: String,
    /// Carries the session on, where the client may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refresh_token: Option<String>,
    /// Who has signed in, where the client asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id_token: Option<String>,
}

/// Shows no token.
impl std::fmt::Debug for Granted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Granted").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl IntoResponse for Granted {
    fn into_response(self) -> Response {
        ([NO_STORE], Json(self)).into_response()
    }
}

/// Exchanges a grant for tokens.
#[utoipa::path(
    post, path = "/oauth2/token", operation_id = "token", tag = "oauth",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Tokens", body = Granted),
        (status = 400, description = "No tokens for this", body = ErrorBody),
        (status = 401, description = "The client did not prove who it is", body = ErrorBody),
    )
)]
pub async fn token(
    State(app): State<AppState>,
    who: sessions::Client,
    headers: HeaderMap,
    Form(form): Form,
) -> Result<Granted, OAuthError> {
    let grant_type = form.need("grant_type", "grant_type is missing")?;
    let grant_type: GrantType = grant_type
        .parse()
        .map_err(|_| Refusal::new(Code::UnsupportedGrantType, "there is no such grant here"))?;
    let client = client_auth::client(&app, &headers, &form, who.ip).await?;
    if !client.may_use(grant_type) {
        return Err(
            Refusal::new(Code::UnauthorizedClient, "the client is not registered for this grant").into()
        );
    }
    match grant_type {
        GrantType::AuthorizationCode => code::redeem(&app, &client, &who, &form).await,
        GrantType::RefreshToken => refresh::refresh(&app, &client, &who, &form).await,
        GrantType::ClientCredentials => client_credentials::grant(&app, &client, &who, &form).await,
        GrantType::DeviceCode => device::poll(&app, &client, &who, &form).await,
    }
}

/// How long access tokens of this client last: never longer than the keys that sign them are published.
pub(super) fn access_token_ttl(app: &App, client: &Client) -> Duration {
    client.access_token_ttl.unwrap_or(app.config.access_token_ttl).min(app.config.refresh_token_ttl)
}

/// How long sessions of this client last: never longer than the keys that sign their tokens are known.
pub(super) fn session_ttl(app: &App, client: &Client) -> Duration {
    client.refresh_token_ttl.unwrap_or(app.config.refresh_token_ttl).min(app.config.refresh_token_ttl)
}

/// What goes into the tokens of a session beside what its row says.
#[derive(Debug, Default)]
pub(super) struct Extras {
    /// What the client sent along with its request.
    pub(super) nonce: Option<String>,
    /// Claims that it asked for by name.
    pub(super) claims: String,
    /// Whether somebody has just proved who they are.
    pub(super) fresh: bool,
}

/// Signs the tokens of a session: an access token, a refresh token where the client may go on, an ID token where it asked
/// who somebody is. `narrowed` is the session as this access token shall see it.
///
/// # Errors
/// No key signs.
pub(super) async fn sign(
    app: &AppState,
    client: &Client,
    account: account::Model,
    session: session::Model,
    narrowed: session::Model,
    extras: Extras,
) -> Result<Granted, Error> {
    let (ttl, goes_on) = (access_token_ttl(app, client), client.may_use(GrantType::RefreshToken));
    app.sign(move |app| {
        let (key, issuer, now) = (app.keyring.signing()?, app.config.issuer.as_str(), app.clock.now());
        let access = AccessToken::sign(app, &account, &narrowed, ttl, now, extras.fresh)?;
        let refresh_token = goes_on.then(|| mint::refresh_token(&key, issuer, &session)).transpose()?;
        let id_token = contains(&access.scope, OPENID).then(|| {
            let grant = IdGrant {
                access_token: &access.text,
                nonce: extras.nonce.as_deref(),
                claims: &extras.claims,
                now,
                expires_at: access.expires_at,
            };
            id_token::id_token(&key, issuer, &account, &session, grant)
        });
        Ok(Granted {
            token_type: "Bearer",
            expires_in: access.expires_at.seconds() - now.seconds(),
            refresh_token,
            id_token: id_token.transpose()?,
            access_token: access.text,
            scope: access.scope,
        })
    })
    .await
}
