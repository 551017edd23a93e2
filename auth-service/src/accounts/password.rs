//! `PUT /me/password`

use std::net::IpAddr;

use axum::extract::State;
use http::StatusCode;
use shared::database::retry_write;
use shared::http::{Fields, Invalid, Problem};
use shared::token::Rejection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Username, store};
use crate::audit::{Actor, Event, Kind, Transaction};
use crate::entity::account;
use crate::error::Error;
use crate::passwords::{Candidate, HashError, Password, PasswordRules, Verdict};
use crate::sessions::{self, Owner};
use crate::state::{App, AppState};
use crate::throttle;

/// A password to take the place of another.
#[derive(Debug, ToSchema)]
pub struct ChangePassword {
    /// The password so far.
    #[schema(value_type = String, example = "correct pony battery staple")]
    current_password: Password,
    /// The password from now on.
    #[schema(value_type = String, example = "a long enough passphrase")]
    new_password: Candidate,
}

impl ChangePassword {
    fn read(fields: &mut Fields, rules: &PasswordRules, username: &str) -> Result<Self, Invalid> {
        let username = username.parse::<Username>().ok();
        let current_password = fields.text("current_password", Password::presented);
        let new_password = fields.text("new_password", |text| rules.parse(text, username.as_ref()));
        Ok(Self { current_password: current_password?, new_password: new_password? })
    }
}

/// Changes the caller's password and ends every other session of the account.
#[utoipa::path(
    put, path = "/me/password", tag = "accounts", security(("access_token" = [])),
    request_body = ChangePassword,
    responses(
        (status = 204, description = "Changed; every other session is over"),
        (status = 403, description = "A token of another's application", body = Problem),
        (status = 409, description = "It was changed elsewhere meanwhile", body = Problem),
        (status = 422, description = "Fields break a rule, or the current password is another", body = Problem),
        (status = 429, description = "Too many failures; wait as Retry-After says", body = Problem),
        (status = 503, description = "Too many passwords are checked at a time", body = Problem),
    )
)]
pub async fn change_password(
    State(app): State<AppState>,
    Owner(caller): Owner,
    fields: Fields,
) -> Result<StatusCode, Error> {
    let (account, ip) = (&caller.account, caller.ip);
    let request = fields
        .read_with(|fields| ChangePassword::read(fields, &app.config.password_rules, &account.username))?;
    let unchanged = request.new_password.is(&request.current_password);
    let (database, session) = (&app.database, caller.session_id);
    let attempt = app.throttle.admit_within_session(database, account.id, session, ip, &app.clock).await?;
    let stored = &account.password_hash;
    if app.passwords.verify(request.current_password, stored, attempt.asker()).await? == Verdict::Wrong {
        attempt.failed().await?;
        return Err(Error::WrongCurrentPassword);
    }
    attempt.was_right();
    if unchanged {
        // Whoever has set a password for somebody else knows it: that one has to go (NIST SP 800-63B-4 §3.2.1).
        return Err(Error::SamePassword);
    }
    let password_hash = app.passwords.create(request.new_password).await.map_err(|error| match error {
        HashError::EasyToGuess => Error::EasyPassword("new_password"),
        error => error.into(),
    })?;
    retry_write(|| replace(&app, account, caller.session_id, ip, password_hash.clone())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts `password_hash` in the place of the one that was checked, and ends every other session.
///
/// # Errors
/// The session is over, or the password was changed meanwhile.
pub async fn replace(
    app: &App,
    account: &account::Model,
    session_id: Uuid,
    ip: IpAddr,
    password_hash: String,
) -> Result<(), Error> {
    let (mut transaction, now) = (Transaction::begin(&app.database).await?, app.clock.now());
    let replaced = store::replace_password(&*transaction, account, password_hash, now).await?;
    let session = sessions::store::find(&*transaction, session_id).await?;
    if session.is_none_or(|session| session.is_over(now)) {
        return Err(Rejection::Revoked.into());
    }
    if !replaced {
        return Err(Error::PasswordChangedMeanwhile);
    }
    sessions::store::end_others(&*transaction, account.id, Some(session_id), now).await?;
    throttle::forgive_account(&*transaction, account.id).await?;
    let event = Event::new(Kind::PasswordChanged, Actor::Account(account.id, ip)).session(session_id);
    transaction.record(now, event).await?;
    Ok(transaction.commit().await?)
}
