//! `PUT /me/password`

use axum::extract::State;
use http::StatusCode;
use shared::database;
use shared::http::{ClientAddress, Fields, Invalid, Problem};
use shared::token::Rejection;
use utoipa::ToSchema;

use super::{Username, store};
use crate::audit;
use crate::error::Error;
use crate::passwords::{Password, PasswordRules};
use crate::sessions::{self, Caller};
use crate::state::AppState;

/// A password to take the place of another.
#[derive(Debug, ToSchema)]
pub struct ChangePassword {
    /// The password so far.
    #[schema(value_type = String)]
    current_password: Password,
    /// The password from now on.
    #[schema(value_type = String)]
    new_password: Password,
}

impl ChangePassword {
    fn read(fields: &mut Fields, rules: PasswordRules, username: &str) -> Result<Self, Invalid> {
        let current_password = fields.text("current_password", Password::presented);
        let new_password = fields.text("new_password", |text| match username.parse::<Username>() {
            Ok(username) => rules.parse_for(text, &username),
            Err(_) => rules.parse(text),
        });
        Ok(Self { current_password: current_password?, new_password: new_password? })
    }
}

/// Changes the caller's password and ends every other session of the account.
#[utoipa::path(
    put, path = "/me/password", tag = "accounts", security(("access_token" = [])),
    request_body = ChangePassword,
    responses(
        (status = 204, description = "Changed; every other session is over"),
        (status = 401, description = "No valid token", body = Problem),
        (status = 422, description = "Fields break a rule, or the current password is another", body = Problem),
    )
)]
pub async fn change_password(
    State(app): State<AppState>,
    caller: Caller,
    ClientAddress(ip): ClientAddress,
    fields: Fields,
) -> Result<StatusCode, Error> {
    let (rules, account) = (app.config.password_rules, caller.account);
    let request = fields.read_with(|fields| ChangePassword::read(fields, rules, &account.username))?;
    let right = app.passwords.verify(request.current_password, Some(&account.password_hash)).await?;
    let actor = audit::Actor::Account(account.id, ip);
    let event = audit::Event::new(audit::Kind::PasswordChanged, actor).session(caller.session_id);
    if !right {
        audit::record(&app.database, app.clock.now(), event.refused()).await?;
        return Err(Error::WrongCurrentPassword);
    }
    let password_hash = app.passwords.hash(request.new_password).await?;

    let (transaction, now) = (database::begin(&app.database).await?, app.clock.now());
    let replaced = store::replace_password(&transaction, &account, password_hash, now).await?;
    let session = sessions::store::find(&transaction, caller.session_id).await?;
    if !replaced || session.is_none_or(|session| session.is_over(now)) {
        return Err(Rejection::Revoked.into());
    }
    sessions::store::end_others(&transaction, account.id, Some(caller.session_id), now).await?;
    audit::record(&transaction, now, event).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
