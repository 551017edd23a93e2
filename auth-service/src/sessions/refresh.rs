//! `POST /refresh`

use std::time::Duration;

use axum::extract::State;
use http::HeaderMap;
use shared::bearer::bearer_token;
use shared::clock::Timestamp;
use shared::database::retry_write;
use shared::http::Problem;
use shared::token::Rejection;

use super::{Client, FIRST_PARTY, TokenResponse, store};
use crate::audit::{Actor, Event, Kind, Transaction};
use crate::entity::{account, session};
use crate::error::Error;
use crate::state::{App, AppState};
use crate::tokens::refresh_token::RefreshToken;
use crate::tokens::session::{Verdict, judge};

/// A refresh token that is sent again changes nothing. Whoever sends one all the time fills no audit trail with it: this long
/// after the session was used, it is told of again.
const REPEATS_TOLD_AFTER: Duration = Duration::from_secs(60);

/// Carries a session on: a new access token, and the refresh token of the next generation.
///
/// A refresh token may be sent again while its successor has not been used (sessions of `/login`), or for a minute
/// (sessions of `/oauth2`): it gets the same successor once more, never a second one. Sent later, it ends the session,
/// since then two hold copies of it.
#[utoipa::path(
    post, path = "/refresh", tag = "sessions", security(("refresh_token" = [])),
    responses(
        (status = 200, description = "The tokens of the session", body = TokenResponse),
        (status = 401, description = "No valid refresh token, or its session is over", body = Problem),
    )
)]
pub async fn refresh(
    State(app): State<AppState>,
    client: Client,
    headers: HeaderMap,
) -> Result<TokenResponse, Error> {
    let token = app.refresh_token(bearer_token(&headers)?)?;
    let (account, session) = retry_write(|| renew(&app, &token, FIRST_PARTY, &client)).await?;
    app.sign(move |app| TokenResponse::sign(app, &account, &session, app.clock.now(), false)).await
}

/// Carries the session of a genuine refresh token on, for the client that it was opened for. Returns it with its account
/// as they are afterwards.
///
/// # Errors
/// The session is over, also where this very token ended it; or it is another client's, and then goes on as if nobody had
/// asked.
pub async fn renew(
    app: &App,
    token: &RefreshToken,
    client_id: &str,
    client: &Client,
) -> Result<(account::Model, session::Model), Error> {
    let now = app.clock.now();
    let mut transaction = Transaction::begin(&app.database).await?;
    let CarriedOn { session, account, is_news } =
        match carry_on(app, &mut transaction, token, client_id, client, now).await? {
            Ok(carried_on) => carried_on,
            Err(rejection) => {
                transaction.commit().await?;
                return Err(rejection.into());
            }
        };
    let account = account.filter(|account| account.disabled_at.is_none()).ok_or(Rejection::Revoked)?;
    if is_news {
        let event = Event::new(Kind::Refresh, Actor::Account(account.id, client.ip)).session(session.id);
        let event = event.detail(format!("generation {}", session.generation));
        match app.told.has_room(account.id, now) {
            true => transaction.record(now, event).await?,
            false => transaction.only_tell(event),
        }
    }
    transaction.commit().await?;
    Ok((account, session))
}

/// What a refresh made of a session.
struct CarriedOn {
    session: session::Model,
    account: Option<account::Model>,
    /// Whether the audit trail tells of it.
    is_news: bool,
}

/// The session after this refresh, or why there is none; what either has changed is for the caller to commit.
async fn carry_on(
    app: &App,
    transaction: &mut Transaction,
    token: &RefreshToken,
    client_id: &str,
    client: &Client,
    now: Timestamp,
) -> Result<Result<CarriedOn, Rejection>, Error> {
    let (id, generation) = (token.session_id, token.generation);
    let idle = now + app.config.session_idle_ttl;
    let advanced = store::advance(&**transaction, id, generation, client_id, idle, now, client).await?;
    // Only now is the row read: whoever lost a race sees what the winner made of it.
    let Some((session, account)) = store::find_with_account(&**transaction, id).await? else {
        return Ok(Err(Rejection::Revoked));
    };
    if advanced {
        return Ok(Ok(CarriedOn { session, account, is_news: true }));
    }
    if session.client_id != client_id {
        return Ok(Err(Rejection::Revoked));
    }
    match judge(&session, generation, app.config.grace.of(session.origin), now) {
        Verdict::Repeat => {
            let current = session.generation;
            let touched = store::touch(&**transaction, id, current, idle, now, client).await?;
            let is_news = now.since(Timestamp::from_millis(session.last_used_at)) >= REPEATS_TOLD_AFTER;
            Ok(if touched { Ok(CarriedOn { session, account, is_news }) } else { Err(Rejection::Revoked) })
        }
        Verdict::Reuse => {
            store::end(&**transaction, session.account_id, id, now).await?;
            let event = Event::new(Kind::RefreshReused, Actor::Unknown(client.ip)).refused();
            let detail = format!("generation {generation} of {}", session.generation);
            let event = event.account(session.account_id).session(id).detail(detail);
            transaction.record(now, event).await?;
            Ok(Err(Rejection::Revoked))
        }
        Verdict::Over | Verdict::Rotate => Ok(Err(Rejection::Revoked)),
    }
}
