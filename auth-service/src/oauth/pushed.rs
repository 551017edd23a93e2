//! `POST /oauth2/par`: a client hands its authorization request over directly, so that no browser can bend it (RFC 9126).

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use shared::database::{retry_read, retry_write};
use shared::http::{ClientAddress, Json, NO_STORE, Problem};
use utoipa::ToSchema;

use super::authorize::request::{self, AuthorizationRequest};
use super::client_auth;
use super::error::{ErrorBody, OAuthError, Refusal};
use super::forms::PushedForm;
use super::one_time::{self, Kind};
use super::parameters::{Form, Parameters};
use crate::clients::Client;
use crate::error::Error;
use crate::state::{App, AppState};

const LASTS: Duration = Duration::from_secs(90);
const URN: &str = "urn:ietf:params:oauth:request_uri:";

/// Where a pushed request is (RFC 9126 §2.2).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "request_uri": "urn:ietf:params:oauth:request_uri:Xq3yP0nS2mV7cJ1kR5tB9w", "expires_in": 90
}))]
pub struct Pushed {
    /// What to put into `request_uri`.
    request_uri: String,
    /// For how many seconds.
    expires_in: u64,
}

/// Takes an authorization request from its client.
#[utoipa::path(
    post, path = "/oauth2/par", operation_id = "push_request", tag = "oauth",
    request_body(content = PushedForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 201, description = "Kept for a short while", body = Pushed),
        (status = 400, description = "It could not be carried out", body = ErrorBody),
        (status = 401, description = "The client did not prove who it is", body = ErrorBody),
        (status = 429, description = "Too many from this network; wait as Retry-After says", body = Problem),
    )
)]
pub async fn push(
    State(app): State<AppState>,
    headers: HeaderMap,
    ClientAddress(ip): ClientAddress,
    Form(form): Form,
) -> Result<Response, OAuthError> {
    let client = client_auth::client(&app, &headers, &form, ip).await?;
    if client.is_unvouched() {
        app.throttle.admit_unproven(&app.database, ip, app.clock.now()).await?;
    }
    let request = read(&app, &client, &form)?;
    let name = app.random.text::<32>();
    let expires_at = app.clock.now() + LASTS;
    let hash = one_time::hash(Kind::PushedRequest, &name);
    retry_write(|| one_time::keep(&app.database, &hash, &client.id, &request, expires_at)).await?;
    let body = Pushed { request_uri: format!("{URN}{name}"), expires_in: LASTS.as_secs() };
    Ok((StatusCode::CREATED, [NO_STORE], Json(body)).into_response())
}

fn read(app: &App, client: &Client, form: &Parameters) -> Result<AuthorizationRequest, Refusal> {
    if form.get("request_uri")?.is_some() {
        return Err(Refusal::request("a pushed request has no request_uri (RFC 9126 section 2.1)"));
    }
    let redirect_uri = request::redirect_uri(client, form)?;
    AuthorizationRequest::read(app, client, redirect_uri, form)
}

/// The name of a pushed request in a `request_uri`, where it is one of ours.
pub(super) fn name(request_uri: &str) -> Option<&str> {
    request_uri.strip_prefix(URN)
}

/// The request that this client has pushed under that name. It is not used up by being shown: people reload pages
/// (RFC 9126 §4), and what it leads to is a code for this client alone.
///
/// # Errors
/// The database's.
pub(super) async fn find(
    app: &App,
    client: &Client,
    name: &str,
) -> Result<Option<AuthorizationRequest>, Error> {
    let hash = one_time::hash(Kind::PushedRequest, name);
    let row = retry_read(|| one_time::find(&app.database, &hash)).await?;
    let now = app.clock.now().millis();
    let row = row.filter(|row| row.client_id == client.id.as_str() && now < row.expires_at);
    Ok(row.as_ref().map(one_time::data).transpose()?)
}
