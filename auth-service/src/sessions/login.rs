//! `POST /login`

use std::pin::pin;
use std::time::Duration;

use axum::extract::State;
use shared::clock::Timestamp;
use shared::database::{retry_read, retry_write};
use shared::http::{Fields, FromFields, Invalid, Json, Problem, leave_place};
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{Client, TokenResponse, room, store};
use crate::accounts::{self, Roles, Username};
use crate::audit::{Actor, Event, Kind, Transaction};
use crate::entity::{account, session};
use crate::error::Error;
use crate::passwords::{HashError, Password, Verdict};
use crate::state::{App, AppState};
use crate::throttle::{Attempt, Refused};

/// The client of sessions that are opened here: there is no other to tell them apart from.
pub const FIRST_PARTY: &str = "first-party";

/// A refusal is held back until a multiple of this has passed since the request came: some names have rows that others lack,
/// so that a write more or less is not to be told from its time. Whoever is held back takes no slot.
///
/// What is hashed for a name is of the same kinds whether an account has it or not, see `passwords::kinds`; and while nothing
/// else is in the way, the costliest is done before the first refusal is told, so that nobody hears which kind it was.
const REFUSE_EVERY: Duration = Duration::from_millis(250);

/// Where strangers have to wait, they are told so after the longest wait in the queue and this.
///
/// A scenario: a network is slow for strangers, who are refused before anything is hashed, while somebody who is at home there
/// is hashed for. An attacker in that network keeps the queue for hashing full, and then asks with a wrong password: only names
/// that are at home there would wait in it. So both are told the same at the same time, whether that hash is done or not.
const BEHIND: Duration = Duration::from_millis(500);

/// A name and a password.
#[derive(Debug, ToSchema)]
pub struct LoginRequest {
    /// The name of an account, in any spelling.
    #[schema(example = "test")]
    username: String,
    /// Its password.
    #[schema(value_type = String, example = "test")]
    password: Password,
}

impl FromFields for LoginRequest {
    fn from_fields(fields: &mut Fields) -> Result<Self, Invalid> {
        let username = fields.text("username", |text| Ok(accounts::as_typed(text)));
        let password = fields.text("password", Password::presented);
        Ok(Self { username: username?, password: password? })
    }
}

/// Opens a session.
#[utoipa::path(
    post, path = "/login", tag = "sessions", request_body = LoginRequest,
    responses(
        (status = 200, description = "The tokens of a new session", body = TokenResponse),
        (status = 401, description = "Wrong name or password", body = Problem),
        (status = 422, description = "Fields break a rule", body = Problem),
        (status = 429, description = "Too many failures; wait as Retry-After says", body = Problem),
        (status = 503, description = "Too many sign in at a time", body = Problem),
    )
)]
pub async fn login(
    State(app): State<AppState>,
    client: Client,
    Json(request): Json<LoginRequest>,
) -> Result<TokenResponse, Error> {
    let (account, session) = sign_in(&app, &request.username, request.password, &client, Door::Api).await?;
    app.sign(move |app| TokenResponse::sign(app, &account, &session, app.clock.now(), true)).await
}

/// Where somebody signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// `POST /login`: the session has tokens.
    Api,
    /// The sign-in page: the session has a cookie.
    Page,
}

/// Opens a session for whoever knows the password of that name. A refusal comes at a multiple of a quarter of a second.
///
/// # Errors
/// They do not, or may not try now.
pub async fn sign_in(
    app: &App,
    username: &str,
    password: Password,
    client: &Client,
    door: Door,
) -> Result<(account::Model, session::Model), Error> {
    let began = Instant::now();
    let outcome = try_sign_in(app, username, password, client, door, began).await;
    match outcome {
        Err(NotIn::Late(error)) => {
            leave_place();
            let told_after = match error {
                Error::Throttled(_) => app.config.hash_queue_deadline + BEHIND,
                // Twice, since nobody is alone on a machine.
                _ => next_multiple(began.elapsed(), next_multiple(app.passwords.slowest() * 2, REFUSE_EVERY)),
            };
            tokio::time::sleep_until(began + told_after).await;
            Err(error)
        }
        Err(NotIn::AtOnce(error)) => Err(error),
        Ok(opened) => Ok(opened),
    }
}

/// Why somebody is not let in, and when that may be told.
#[derive(Debug)]
pub enum NotIn {
    /// At once: it tells nothing of the name.
    AtOnce(Error),
    /// When any other refusal is told that costs more or less than this one.
    Late(Error),
}

impl<E: Into<Error>> From<E> for NotIn {
    fn from(error: E) -> Self {
        Self::AtOnce(error.into())
    }
}

/// The first multiple of `step` that is not before `elapsed`.
fn next_multiple(elapsed: Duration, step: Duration) -> Duration {
    let steps = elapsed.as_nanos().div_ceil(step.as_nanos().max(1));
    step.saturating_mul(u32::try_from(steps.max(1)).unwrap_or(u32::MAX))
}

/// [`sign_in`] of a request that came when it `began`, without the pause before a refusal: its caller answers late where
/// [`NotIn::Late`] says so.
///
/// # Errors
/// As [`sign_in`].
pub async fn try_sign_in(
    app: &App,
    username: &str,
    password: Password,
    client: &Client,
    door: Door,
    began: Instant,
) -> Result<(account::Model, session::Model), NotIn> {
    let late = began + app.config.hash_queue_deadline + BEHIND - REFUSE_EVERY;
    // Twice, since another login may upgrade the hash, or somebody change the password, while we look at it.
    for _ in 0..2 {
        let parsed = username.parse::<Username>().ok();
        let account = match &parsed {
            Some(username) => retry_read(|| accounts::store::find_by_name(&app.database, username)).await?,
            None => None,
        };
        let key = parsed.as_ref().map_or(username, Username::key);
        let subject = app.throttle.subject(account.as_ref().map(|account| account.id), key);
        let admitted = app.throttle.admit(&app.database, subject, client.ip, &app.clock).await;
        let attempt = admitted.map_err(|refused| match refused {
            Refused::Wait { wait, at_once: false } => NotIn::Late(Error::Throttled(wait)),
            refused => NotIn::from(refused),
        })?;
        // Whether there is no such account, it is disabled, or the password is wrong: the same work, the same answer.
        let enabled = account.as_ref().filter(|account| account.disabled_at.is_none());
        let verdict = {
            let mut verdict = pin!(verify(app, &password, key, enabled, &attempt));
            let in_time = tokio::time::timeout_at(late, &mut verdict).await;
            match (in_time, attempt.behind()) {
                (Err(_), Some(wait)) => {
                    attempt.is_untold();
                    return Err(NotIn::Late(Error::Throttled(wait)));
                }
                // Nor does a stranger who has to wait hear that others wait, too.
                (Ok(Err(Error::Hash(HashError::QueueFull))), Some(wait)) => {
                    return Err(NotIn::Late(Error::Throttled(wait)));
                }
                (Ok(verdict), _) => verdict?,
                (Err(_), None) => verdict.await?,
            }
        };
        let Some(account) = enabled.filter(|_| verdict != Verdict::Wrong) else {
            let Some(wait) = attempt.behind() else {
                attempt.failed().await?;
                return Err(NotIn::Late(Error::BadCredentials));
            };
            // As a stranger is answered, who has nothing written: it is counted by itself.
            drop(attempt);
            return Err(NotIn::Late(Error::Throttled(wait)));
        };
        attempt.was_right();
        let upgraded = match verdict {
            Verdict::RightButOutdated => upgrade(app, password.clone()).await?,
            Verdict::Right | Verdict::Wrong => None,
        };
        let open = || open(app, account, upgraded.clone(), &attempt, client, door);
        if let Some(session) = retry_write(open).await? {
            return Ok((account.clone(), session));
        }
    }
    Err(NotIn::Late(Error::BadCredentials))
}

async fn verify(
    app: &App,
    password: &Password,
    name: &str,
    account: Option<&account::Model>,
    attempt: &Attempt,
) -> Result<Verdict, Error> {
    if let Some(account) = account {
        match app.passwords.verify(password.clone(), &account.password_hash, attempt.asker()).await {
            // Whatever has put it there, an answer of its own would tell that the account exists.
            Err(HashError::Unusable(error)) => {
                tracing::error!(account = %account.id, %error, "an account cannot sign in until it is given a password");
            }
            verdict => return Ok(verdict?),
        }
    }
    app.passwords.verify_nobody(password.clone(), app.throttle.lot(name), attempt.asker()).await?;
    Ok(Verdict::Wrong)
}

/// The hash to replace an outdated one by. Where there is no slot for it now, the next login will do.
async fn upgrade(app: &App, password: Password) -> Result<Option<String>, Error> {
    match app.passwords.hash(password).await {
        Ok(hash) => Ok(Some(hash)),
        Err(HashError::QueueFull) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Opens a session, unless the account is meanwhile another than the one that was read.
async fn open(
    app: &App,
    account: &account::Model,
    upgraded: Option<String>,
    attempt: &Attempt,
    client: &Client,
    door: Door,
) -> Result<Option<session::Model>, Error> {
    let now = app.clock.now();
    let session = new_session(app, account, client, door, now);
    let mut transaction = Transaction::begin(&app.database).await?;
    if !accounts::store::note_login(&*transaction, account, upgraded, now).await? {
        return Ok(None);
    }
    let actor = Actor::Account(account.id, client.ip);
    room::make(&mut transaction, &session, app.config.sessions_per_account, actor).await?;
    store::open(&*transaction, &session).await?;
    attempt.succeeded(&*transaction, now).await?;
    transaction.record(now, Event::new(Kind::Login, actor).session(session.id)).await?;
    transaction.commit().await?;
    Ok(Some(session))
}

fn new_session(
    app: &App,
    account: &account::Model,
    client: &Client,
    door: Door,
    now: Timestamp,
) -> session::Model {
    let (origin, scope, ttl, idle) = match door {
        Door::Api => {
            let scope = Roles::from_column(&account.roles).scope();
            (session::Origin::Login, scope, app.config.refresh_token_ttl, app.config.session_idle_ttl)
        }
        Door::Page => {
            let ttl = app.config.browser_session_ttl;
            (session::Origin::Browser, String::new(), ttl, ttl)
        }
    };
    let expires_at = now + ttl;
    session::Model {
        id: app.random.uuid_at(now),
        account_id: account.id,
        client_id: FIRST_PARTY.to_owned(),
        origin,
        scope,
        resource: app.config.audience.clone(),
        auth_time: now.millis(),
        generation: 1,
        rotated_at: now.millis(),
        created_at: now.millis(),
        last_used_at: now.millis(),
        expires_at: expires_at.millis(),
        idle_expires_at: (now + idle).min(expires_at).millis(),
        revoked_at: None,
        user_agent: client.user_agent.clone(),
        ip: client.ip.to_string(),
        sign_in_id: None,
        claims: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_waits_for_the_next_step() {
        let (step, ms) = (REFUSE_EVERY, Duration::from_millis);
        for (elapsed, answered) in [(0, 250), (1, 250), (30, 250), (250, 250), (251, 500), (1999, 2000)] {
            assert_eq!(next_multiple(ms(elapsed), step), ms(answered), "{elapsed}");
        }
    }
}
