//! `grant_type=refresh_token` (RFC 6749 §6).

use shared::database::{retry_read, retry_write};
use shared::token::Rejection;

use crate::clients::Client;
use crate::entity::session;
use crate::error::Error;
use crate::oauth::error::{Code, OAuthError, Refusal};
use crate::oauth::parameters::Parameters;
use crate::oauth::scope;
use crate::oauth::token::{Extras, Granted, sign};
use crate::sessions::{self, refresh::renew};
use crate::state::{App, AppState};
use crate::tokens::scope::{contains, filter, is_within};

const NOT_GOOD: Refusal =
    Refusal::grant("the refresh token is unknown, expired or used, or not for this client");

/// Carries a session on. The access token may be asked for with less than was granted, in scope and resource, never with
/// more; the session keeps what it has.
///
/// # Errors
/// The refresh token is not good, or is not this client's.
pub(in crate::oauth) async fn refresh(
    app: &AppState,
    client: &Client,
    who: &sessions::Client,
    form: &Parameters,
) -> Result<Granted, OAuthError> {
    let token = form.need("refresh_token", "refresh_token is missing")?;
    let token = app.refresh_token(token).map_err(|_| NOT_GOOD)?;
    let before = retry_read(|| sessions::store::find(&app.database, token.session_id)).await?;
    let before = before.filter(|session| session.client_id == client.id.as_str()).ok_or(NOT_GOOD)?;
    // Before the token is used up: a request that asks for too much costs the client nothing.
    let narrowed = narrowed(app, client, &before, form)?;
    let renewed = retry_write(|| renew(app, &token, client.id.as_str(), who)).await;
    let (account, session) = renewed.map_err(|error| match error {
        Error::Rejected(Rejection::Revoked) => NOT_GOOD.into(),
        error => OAuthError::from(error),
    })?;
    let seen = session::Model { scope: narrowed.scope, resource: narrowed.resource, ..session.clone() };
    Ok(sign(app, client, account, session, seen, Extras::default()).await?)
}

/// The session as this access token shall see it.
fn narrowed(
    app: &App,
    client: &Client,
    session: &session::Model,
    form: &Parameters,
) -> Result<session::Model, Refusal> {
    const NO_RESOURCE: Refusal = Refusal::new(
        Code::InvalidTarget,
        "the client is not registered for what the session is for any more",
    );
    let mut narrowed = session.clone();
    // What was taken from the client since is not had by those whom it was granted before.
    narrowed.scope = filter(&session.scope, |name| contains(&client.scope, name));
    narrowed.resource = scope::still_registered(&app.config, client, &session.resource).ok_or(NO_RESOURCE)?;
    if let Some(scope) = form.get("scope")? {
        if !is_within(scope, &session.scope) {
            return Err(Refusal::new(Code::InvalidScope, "the scope is more than was granted"));
        }
        narrowed.scope = filter(&narrowed.scope, |name| contains(scope, name));
    }
    let resources: Vec<_> = form.all("resource").collect();
    if !resources.is_empty() {
        let asked = resources.join(" ");
        if !is_within(&asked, &narrowed.resource) {
            return Err(Refusal::new(Code::InvalidTarget, "the resource is none of those that were granted"));
        }
        narrowed.resource = filter(&narrowed.resource, |name| contains(&asked, name));
    }
    Ok(narrowed)
}
