//! `POST /oauth2/revoke` (RFC 7009): a client gives its tokens back.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use shared::database::retry_read;
use shared::http::ClientAddress;
use uuid::Uuid;

use super::client_auth;
use super::error::{ErrorBody, OAuthError};
use super::forms::TokenToLookAt;
use super::parameters::Form;
use crate::audit::{Actor, Event, Kind};
use crate::sessions::{end, store};
use crate::state::{App, AppState};

/// Ends the session of a token, whichever of the two it is, if it is the client's. What cannot be revoked, since it is no
/// token, is another client's, or is over already, is answered alike: the client can do nothing about it (RFC 7009 §2.2).
#[utoipa::path(
    post, path = "/oauth2/revoke", operation_id = "revoke", tag = "oauth",
    request_body(content = TokenToLookAt, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "It is good no more"),
        (status = 400, description = "No token", body = ErrorBody),
        (status = 401, description = "The client did not prove who it is", body = ErrorBody),
    )
)]
pub async fn revoke(
    State(app): State<AppState>,
    ClientAddress(ip): ClientAddress,
    headers: HeaderMap,
    Form(form): Form,
) -> Result<StatusCode, OAuthError> {
    let client = client_auth::client(&app, &headers, &form, ip).await?;
    let token = form.need("token", "token is missing")?;
    let Some(id) = session_of(&app, token) else { return Ok(StatusCode::OK) };
    let session = retry_read(|| store::find(&app.database, id)).await?;
    if let Some(session) = session.filter(|session| session.client_id == client.id.as_str()) {
        let event =
            Event::new(Kind::SessionEnded, Actor::Unknown(ip)).account(session.account_id).session(id);
        let event = event.detail(format!("revoked by {}", client.id));
        end::one(&app.database, session.account_id, id, &event, app.clock.now()).await?;
    }
    Ok(StatusCode::OK)
}

fn session_of(app: &App, token: &str) -> Option<Uuid> {
    if let Ok(token) = app.refresh_token(token) {
        return Some(token.session_id);
    }
    let claims = app.introspected(token).ok()?;
    Uuid::try_parse(claims.sid.as_deref()?).ok()
}
