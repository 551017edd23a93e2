//! `POST /login`

use axum::extract::State;
use shared::clock::Timestamp;
use shared::database;
use shared::http::{Fields, FromFields, Invalid, Json, Problem};
use utoipa::ToSchema;

use super::{Client, TokenResponse, store};
use crate::accounts::{self, Roles, Username};
use crate::audit;
use crate::entity::{account, session};
use crate::error::Error;
use crate::passwords::Password;
use crate::state::{App, AppState};

/// The client of sessions that are opened here: there is no other to tell them apart from.
const FIRST_PARTY: &str = "first-party";

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
        let username = fields.text("username", |text| Ok(text.to_owned()));
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
        (status = 503, description = "Too many sign in at a time", body = Problem),
    )
)]
pub async fn login(
    State(app): State<AppState>,
    client: Client,
    Json(request): Json<LoginRequest>,
) -> Result<TokenResponse, Error> {
    let account = match request.username.parse::<Username>() {
        Ok(username) => accounts::store::find_by_name(&app.database, &username).await?,
        Err(_) => None,
    };
    // Whether there is no such account, it is disabled, or the password is wrong: the same work, the same answer.
    let enabled = account.as_ref().filter(|account| account.disabled_at.is_none());
    let stored = enabled.map(|account| account.password_hash.as_str());
    let right = app.passwords.verify(request.password, stored).await?;
    let now = app.clock.now();
    match enabled.filter(|_| right) {
        Some(account) => open(&app, account, &client, now).await,
        None => {
            refuse(&app, account.as_ref(), &client, now).await?;
            Err(Error::BadCredentials)
        }
    }
}

async fn open(
    app: &App,
    account: &account::Model,
    client: &Client,
    now: Timestamp,
) -> Result<TokenResponse, Error> {
    let session = new_session(app, account, client, now);
    let transaction = database::begin(&app.database).await?;
    if !accounts::store::note_login(&transaction, account, now).await? {
        drop(transaction);
        refuse(app, Some(account), client, now).await?;
        return Err(Error::BadCredentials);
    }
    store::open(&transaction, &session).await?;
    let actor = audit::Actor::Account(account.id, client.ip);
    let event = audit::Event::new(audit::Kind::Login, actor).session(session.id);
    audit::record(&transaction, now, event).await?;
    transaction.commit().await?;
    TokenResponse::sign(app, account, &session, now, true)
}

fn new_session(app: &App, account: &account::Model, client: &Client, now: Timestamp) -> session::Model {
    let expires_at = now + app.config.refresh_token_ttl;
    session::Model {
        id: app.random.uuid_at(now),
        account_id: account.id,
        client_id: FIRST_PARTY.to_owned(),
        origin: session::Origin::Login,
        scope: Roles::from_column(&account.roles).scope(),
        resource: app.config.audience.clone(),
        auth_time: now.millis(),
        generation: 1,
        rotated_at: now.millis(),
        created_at: now.millis(),
        last_used_at: now.millis(),
        expires_at: expires_at.millis(),
        idle_expires_at: (now + app.config.session_idle_ttl).min(expires_at).millis(),
        revoked_at: None,
        user_agent: client.user_agent.clone(),
        ip: client.ip.to_string(),
    }
}

async fn refuse(
    app: &App,
    account: Option<&account::Model>,
    client: &Client,
    now: Timestamp,
) -> Result<(), Error> {
    let mut event = audit::Event::new(audit::Kind::Login, audit::Actor::Unknown(client.ip)).refused();
    if let Some(account) = account {
        event = event.account(account.id);
    }
    audit::record(&app.database, now, event).await.map_err(Error::from)
}
