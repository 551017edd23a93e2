//! `POST /logout`

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use shared::bearer::bearer_token;
use shared::http::ClientAddress;
use shared::token::{Compact, Rejection, TokenType};
use uuid::Uuid;

use super::end;
use crate::audit::{Actor, Event, Kind};
use crate::error::Error;
use crate::state::{App, AppState};

/// Ends the session of the token, whichever of the two it is. Once it is over, saying so again changes nothing.
#[utoipa::path(
    post, path = "/logout", tag = "sessions",
    security(("access_token" = []), ("refresh_token" = [])),
    responses(
        (status = 204, description = "The session is over"),
    )
)]
pub async fn logout(
    State(app): State<AppState>,
    ClientAddress(ip): ClientAddress,
    headers: HeaderMap,
) -> Result<StatusCode, Error> {
    let (account_id, session_id) = session_of(&app, bearer_token(&headers)?).await?;
    let event = Event::new(Kind::SessionEnded, Actor::Account(account_id, ip)).session(session_id);
    end::one(&app.database, account_id, session_id, &event, app.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Account and session of a genuine token of either kind.
async fn session_of(app: &App, token: &str) -> Result<(Uuid, Uuid), Rejection> {
    if Compact::parse(token)?.token_type == TokenType::Refresh {
        let token = app.refresh_token(token)?;
        return Ok((token.account_id, token.session_id));
    }
    let claims = app.access_token_verifier.verify(token).await?;
    let id = |text: Option<&str>| text.and_then(|text| Uuid::try_parse(text).ok());
    let account_id = id(Some(&claims.sub)).ok_or(Rejection::IllTypedClaim("sub"))?;
    Ok((account_id, id(claims.sid.as_deref()).ok_or(Rejection::MissingClaim("sid"))?))
}
