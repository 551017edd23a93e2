//! `POST /oauth2/register` (RFC 7591): clients that register themselves, where the operator lets them.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use shared::http::{ClientAddress, FieldError, Fields, Invalid, Json, NO_STORE, Problem};

use super::error::{Code, ErrorBody, OAuthError};
use crate::audit::{Actor, Event, Kind};
use crate::clients::draft::Draft;
use crate::clients::{Client, ClientId, ClientView, GrantType, change};
use crate::sessions::ADMIN_SCOPE;
use crate::state::AppState;
use crate::tokens::scope;

/// Registers the client that asks. It is a stranger: whatever it does, it does for people who were asked, and it never
/// administers. If nobody uses it within thirty days, it is forgotten.
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
    let id = ClientId::random(&*app.random);
    let draft = fields.try_read(|fields| read(fields, id)).map_err(refusal)?;
    app.throttle.admit_client(&app.database, ip, app.clock.now()).await?;
    let registered = draft.complete(&*app.random, app.clock.now()).map_err(refusal)?;
    let beyond = beyond_strangers(&registered.client);
    if !beyond.is_empty() {
        return Err(refusal(beyond));
    }
    let event = Event::new(Kind::ClientCreated, Actor::Unknown(ip));
    let now = app.clock.now();
    change::create(&app.database, &registered.client, Some(now + change::UNUSED_FOR), &event, now).await?;
    let view = ClientView::from(registered.client).with_secret(registered.secret);
    Ok((StatusCode::CREATED, [NO_STORE], Json(view)).into_response())
}

/// What a client says of itself. Everything may be left out (RFC 7591 §2), also as `null`; scopes that there are not here
/// are as if they had not been asked for.
fn read(fields: &mut Fields, id: ClientId) -> Result<Draft, Invalid> {
    fields.leave_out_nulls();
    let usual = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    let mut draft =
        Draft { name: id.to_string(), id: Some(id), grant_types: Some(usual), ..Draft::default() };
    let read = (draft.read(fields), draft.read_proof(fields));
    let known = draft.scope.as_deref().map(|asked| {
        asked.split_whitespace().filter(|name| scope::ALL.contains(name)).collect::<Vec<_>>().join(" ")
    });
    if known.as_deref() == Some("") {
        return Err(fields.complain("scope", "has nothing that is known here"));
    }
    draft.scope = known;
    read.0.and(read.1)?;
    Ok(draft)
}

/// What nobody gets for the asking: to act without a person who has agreed, and to administer.
fn beyond_strangers(client: &Client) -> Vec<FieldError> {
    let complaint =
        |field: &str, message: &str| FieldError { field: field.to_owned(), message: message.to_owned() };
    let mut beyond = Vec::new();
    if client.may_use(GrantType::ClientCredentials) {
        beyond
            .push(complaint("grant_types", "client_credentials is for clients that the operator registers"));
    }
    // Nobody sees more of a device's client than its name, and that is its own word (RFC 8628 §5.4).
    if client.may_use(GrantType::DeviceCode) {
        beyond.push(complaint("grant_types", "device_code is for clients that the operator registers"));
    }
    if scope::contains(&client.scope, ADMIN_SCOPE) {
        beyond.push(complaint("scope", "auth:admin is for clients that the operator registers"));
    }
    beyond
}

/// What is wrong, by the two codes that there are (RFC 7591 §3.2.2).
fn refusal(errors: Vec<FieldError>) -> OAuthError {
    let code = match errors.iter().any(|error| error.field == "redirect_uris") {
        true => Code::InvalidRedirectUri,
        false => Code::InvalidClientMetadata,
    };
    OAuthError::Registration(code, errors)
}
