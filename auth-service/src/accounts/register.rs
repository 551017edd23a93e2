//! `POST /register`

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use shared::http::{ClientAddress, Fields, Invalid, Json, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use super::change::{self, NewAccount};
use super::store::NewPassword;
use super::{Role, Roles, Username};
use crate::audit::{Actor, Event, Kind};
use crate::error::Error;
use crate::passwords::{Candidate, PasswordRules};
use crate::state::AppState;

/// A new account.
#[derive(Debug, ToSchema)]
pub struct RegisterRequest {
    /// 1 to 64 letters, digits and `. _ - @ +`.
    #[schema(value_type = String, example = "ada")]
    username: Username,
    /// At least as long as the service asks for.
    #[schema(value_type = String, example = "a long enough passphrase")]
    password: Candidate,
}

impl RegisterRequest {
    fn read(fields: &mut Fields, rules: &PasswordRules) -> Result<Self, Invalid> {
        let username: Result<Username, _> = fields.text("username", str::parse);
        let password = fields.text("password", |text| rules.parse(text, username.as_ref().ok()));
        Ok(Self { username: username?, password: password? })
    }
}

/// An account as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "bc4271a6-2b3c-4a2b-bb8c-efae681edc62", "username": "ada", "roles": ["librarian"]
}))]
pub struct AccountView {
    /// The subject of its tokens.
    id: Uuid,
    /// Its name.
    username: String,
    /// Its roles.
    roles: Vec<&'static str>,
}

/// Makes an account of one's own, where the operator lets everybody do so.
#[utoipa::path(
    post, path = "/register", tag = "accounts", request_body = RegisterRequest,
    responses(
        (status = 201, description = "Made", body = AccountView),
        (status = 403, description = "Registration is closed", body = Problem),
        (status = 409, description = "The name is taken", body = Problem),
        (status = 422, description = "Fields break a rule", body = Problem),
        (status = 429, description = "Too many accounts from this network; wait as Retry-After says", body = Problem),
        (status = 503, description = "Too many passwords are hashed at a time", body = Problem),
    )
)]
pub async fn register(
    State(app): State<AppState>,
    ClientAddress(ip): ClientAddress,
    fields: Result<Fields, Problem>,
) -> Result<(StatusCode, Json<AccountView>), Error> {
    if !app.config.registration_open {
        return Err(Error::RegistrationClosed);
    }
    let request = fields?.read_with(|fields| RegisterRequest::read(fields, &app.config.password_rules))?;
    app.throttle.admit_registration(&app.database, ip, app.clock.now()).await?;
    let password = NewPassword::chosen(app.passwords.create(request.password).await?);
    let (id, roles) = (app.random.uuid(), Roles::new([Role::Reader]));
    let account = NewAccount { id, username: request.username, password, roles };
    let event = Event::new(Kind::AccountCreated, Actor::Account(id, ip));
    change::create(&app.database, &account, &event, app.clock.now()).await?;
    let NewAccount { username, roles, .. } = account;
    let view = AccountView { id, username: username.as_str().to_owned(), roles: roles.names() };
    Ok((StatusCode::CREATED, Json(view)))
}
