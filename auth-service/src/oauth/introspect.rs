//! `POST /oauth2/introspect` (RFC 7662): whether a token is good now, for resource servers that do not verify by themselves.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Serialize;
use shared::clock::Timestamp;
use shared::database::retry_read;
use shared::http::{ClientAddress, Json, NO_STORE};
use shared::token::Claims;
use utoipa::ToSchema;
use uuid::Uuid;

use super::client_auth;
use super::error::{ErrorBody, OAuthError};
use super::forms::TokenToLookAt;
use super::parameters::Form;
use crate::accounts::Roles;
use crate::clients::{self, Client, GrantType};
use crate::entity::{account, session};
use crate::error::Error;
use crate::sessions::store;
use crate::state::{App, AppState};
use crate::tokens::mint::scope_now;
use crate::tokens::scope::{contains, filter};

/// What a token says, if it is good (RFC 7662 §2.2). Of one that is not, nothing but that.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(example = json!({
    "active": true, "scope": "books:read", "client_id": "reading-list", "username": "ada", "token_type": "Bearer",
    "exp": 1795864735, "iat": 1795863835, "sub": "bc4271a6-2b3c-4a2b-bb8c-efae681edc62", "aud": ["books"],
    "iss": "http://127.0.0.1:5000", "jti": "hS1KhfWgbxIZ3hAd", "sid": "01a221d3-7113-79f8-b9dc-40d389fd9dc9",
    "roles": ["librarian"], "auth_time": 1795863834
}))]
pub struct Introspection {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
}

/// Says whether a token is good now, and for what: by its signature, and by the rows of its session, account and client.
#[utoipa::path(
    post, path = "/oauth2/introspect", operation_id = "introspect", tag = "oauth",
    request_body(content = TokenToLookAt, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What it says, if it is good", body = Introspection),
        (status = 400, description = "No token", body = ErrorBody),
        (status = 401, description = "The client did not prove who it is", body = ErrorBody),
    )
)]
pub async fn introspect(
    State(app): State<AppState>,
    headers: HeaderMap,
    ClientAddress(ip): ClientAddress,
    Form(form): Form,
) -> Result<Response, OAuthError> {
    let client = client_auth::confidential_client(&app, &headers, &form, ip).await?;
    let token = form.need("token", "token is missing")?;
    let found = match access_token(&app, &client, token).await? {
        Some(found) => Some(found),
        None => refresh_token(&app, &client, token).await?,
    };
    Ok(([NO_STORE], Json(found.unwrap_or_default())).into_response())
}

/// Any client of the operator's that proves who it is may ask about access tokens: it was shown one, and hears what is in it
/// anyway. One that has registered itself may ask about its own (RFC 7662 §4).
async fn access_token(app: &App, client: &Client, token: &str) -> Result<Option<Introspection>, Error> {
    let Ok(claims) = app.introspected(token) else { return Ok(None) };
    if client.self_registered && claims.client_id != client.id.as_str() {
        return Ok(None);
    }
    let still = match claims.sid.as_deref().map(Uuid::try_parse) {
        Some(Ok(id)) => allowed_to_account(app, id, &claims).await?,
        Some(Err(_)) => None,
        None => allowed_to_client(app, &claims).await?,
    };
    Ok(still.map(|(scope, roles)| Introspection { scope: Some(scope), roles, ..of_claims(&claims) }))
}

/// Scope and roles that are left of those in a token, where its session goes on.
async fn allowed_to_account(
    app: &App,
    session: Uuid,
    claims: &Claims,
) -> Result<Option<(String, Vec<String>)>, Error> {
    let Some((_, account)) = live(app, session).await? else { return Ok(None) };
    let roles = Roles::from_column(&account.roles).names().into_iter().map(str::to_owned).collect();
    let scope = scope_now(&account, claims.scope.as_str());
    let left = match clients::find(app, &claims.client_id).await? {
        Some(client) => filter(&scope, |name| contains(&client.scope, name)),
        // Tokens of `/login` are of no client that is registered, and as good as the account.
        None => scope,
    };
    Ok(Some((left, roles)))
}

/// The same of a token that a client has for itself: nothing, where it could get none any more.
async fn allowed_to_client(app: &App, claims: &Claims) -> Result<Option<(String, Vec<String>)>, Error> {
    let client = clients::find(app, &claims.client_id).await?;
    let client = client.filter(|client| client.may_use(GrantType::ClientCredentials));
    let left = |client: Client| filter(claims.scope.as_str(), |name| contains(&client.scope, name));
    Ok(client.map(|client| (left(client), Vec::new())))
}

fn of_claims(claims: &Claims) -> Introspection {
    Introspection {
        active: true,
        scope: Some(claims.scope.as_str().to_owned()),
        client_id: Some(claims.client_id.clone()),
        username: claims.preferred_username.clone(),
        token_type: Some("Bearer"),
        exp: Some(claims.exp),
        iat: Some(claims.iat),
        nbf: claims.nbf,
        sub: Some(claims.sub.clone()),
        aud: Some(claims.aud.clone()),
        iss: Some(claims.iss.clone()),
        jti: Some(claims.jti.clone()),
        sid: claims.sid.clone(),
        roles: claims.roles.clone(),
        auth_time: claims.auth_time,
    }
}

/// A refresh token is its client's business alone.
async fn refresh_token(app: &App, client: &Client, token: &str) -> Result<Option<Introspection>, Error> {
    let Ok(token) = app.refresh_token(token) else { return Ok(None) };
    let Some((session, account)) = live(app, token.session_id).await? else { return Ok(None) };
    if session.client_id != client.id.as_str() || session.generation != token.generation {
        return Ok(None);
    }
    Ok(Some(Introspection {
        active: true,
        scope: Some(session.scope),
        client_id: Some(session.client_id),
        username: Some(account.username),
        exp: Some(Timestamp::from_millis(session.expires_at).seconds()),
        iat: Some(Timestamp::from_millis(session.rotated_at).seconds()),
        sub: Some(account.id.to_string()),
        iss: Some(app.config.issuer.as_str().to_owned()),
        sid: Some(session.id.to_string()),
        ..Introspection::default()
    }))
}

async fn live(app: &App, id: Uuid) -> Result<Option<(session::Model, account::Model)>, Error> {
    let now = app.clock.now();
    Ok(retry_read(|| store::find_live(&app.database, id, now)).await?)
}
