//! `POST /oauth2/register` (RFC 7591): clients that register themselves, where the operator lets them.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use shared::http::{ClientAddress, FieldError, Fields, Json, Problem};

use super::error::{Code, ErrorBody, OAuthError};
use crate::audit::{Actor, Event, Kind};
use crate::clients::draft::Draft;
use crate::clients::{ClientView, change};
use crate::error::Error;
use crate::state::AppState;
use crate::tokens::scope::contains;

/// Registers the client that asks. It is of others in any case: people are asked about it, and it never administers.
#[utoipa::path(
    post, path = "/oauth2/register", operation_id = "register_client", tag = "oauth",
    request_body = Object,
    responses(
        (status = 201, description = "Registered", body = ClientView),
        (status = 400, description = "Its metadata break a rule", body = ErrorBody),
        (status = 404, description = "Clients do not register themselves here", body = Problem),
        (status = 429, description = "Too many; wait as Retry-After says", body = Problem),
    )
)]
pub async fn register(
    State(app): State<AppState>,
    ClientAddress(ip): ClientAddress,
    fields: Fields,
) -> Result<Response, OAuthError> {
    let draft = fields.try_read(|fields| {
        let mut draft = Draft::default();
        let read = (draft.read(fields), draft.read_proof(fields));
        if draft.scope.as_deref().is_some_and(|scope| contains(scope, "auth:admin")) {
            return Err(fields.complain("scope", "administrators are people"));
        }
        read.0.and(read.1)?;
        Ok(draft)
    });
    let draft = draft.map_err(refusal)?;
    app.throttle.admit_client(&app.database, ip, app.clock.now()).await.map_err(Error::from)?;
    let registered = draft.complete(&*app.random, app.clock.now()).map_err(refusal)?;
    let event = Event::new(Kind::ClientCreated, Actor::Unknown(ip));
    change::create(&app.database, &registered.client, &event, app.clock.now()).await?;
    let view = ClientView::from(registered.client).with_secret(registered.secret);
    let no_store = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, no_store, Json(view)).into_response())
}

/// What is wrong, by the two codes that there are (RFC 7591 §3.2.2).
fn refusal(errors: Vec<FieldError>) -> OAuthError {
    let code = match errors.iter().any(|error| error.field == "redirect_uris") {
        true => Code::InvalidRedirectUri,
        false => Code::InvalidClientMetadata,
    };
    OAuthError::Registration(code, errors)
}
