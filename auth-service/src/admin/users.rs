//! `GET` and `POST /admin/users`; `GET`, `PATCH` and `DELETE /admin/users/{id}`

use std::str::FromStr;

use axum::extract::State;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode, Uri};
use serde::Serialize;
use shared::clock::Timestamp;
use shared::database::retry_read;
use shared::http::page::{self, Page};
use shared::http::{Fields, FromFields, FromPath, Invalid, Json, Path, Problem, Query};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::accounts::change::{self, AccountChange, Changer, NewAccount};
use crate::accounts::store::{self, NewPassword};
use crate::accounts::{Role, Roles, Username};
use crate::audit::Kind;
use crate::entity::account;
use crate::error::Error;
use crate::passwords::{Candidate, PasswordRules};
use crate::sessions::Admin;
use crate::state::{App, AppState};

/// An account as administrators see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "bc4271a6-2b3c-4a2b-bb8c-efae681edc62", "username": "ada", "roles": ["librarian"], "disabled": false,
    "must_change_password": false, "created_at": "2026-11-28T10:59:26.028Z", "password_changed_at": "2026-11-28T10:59:26.028Z",
    "last_login_at": "2026-11-28T11:03:54.899Z", "disabled_at": null
}))]
pub struct UserView {
    /// The subject of its tokens.
    id: Uuid,
    /// Its name.
    username: String,
    /// Its roles.
    roles: Vec<&'static str>,
    /// Whether it may not sign in.
    disabled: bool,
    /// Whether its owner must replace the password before anything else.
    must_change_password: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When its password was last set.
    #[schema(value_type = String, format = DateTime)]
    password_changed_at: Timestamp,
    /// When its owner last signed in.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_login_at: Option<Timestamp>,
    /// Since when it may not sign in.
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled_at: Option<Timestamp>,
}

impl From<account::Model> for UserView {
    fn from(account: account::Model) -> Self {
        Self {
            id: account.id,
            username: account.username,
            roles: Roles::from_column(&account.roles).names(),
            disabled: account.disabled_at.is_some(),
            must_change_password: account.must_change_password,
            created_at: Timestamp::from_millis(account.created_at),
            password_changed_at: Timestamp::from_millis(account.password_changed_at),
            last_login_at: account.last_login_at.map(Timestamp::from_millis),
            disabled_at: account.disabled_at.map(Timestamp::from_millis),
        }
    }
}

/// Which page of the accounts.
#[derive(Debug)]
pub struct ListUsers {
    limit: u64,
    after: Option<Username>,
    /// What the name begins with, in any spelling: as any name, it begins with a letter or digit.
    username: Option<Username>,
}

impl FromFields for ListUsers {
    fn from_fields(fields: &mut Fields) -> Result<Self, Invalid> {
        let limit = page::limit(fields);
        let after = fields.optional_text("after", str::parse);
        let username = fields.optional_text("username", str::parse);
        Ok(Self { limit: limit?, after: after?, username: username? })
    }
}

/// Lists the accounts by name.
#[utoipa::path(
    get, path = "/admin/users", operation_id = "list_users", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "By default 100"),
        ("after" = Option<String>, Query, description = "The last name of the page before"),
        ("username" = Option<String>, Query, description = "What the name begins with, in any spelling"),
    ),
    responses(
        (status = 200, description = "The accounts", body = [UserView]),
        (status = 422, description = "Parameters break a rule", body = Problem),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    _admin: Admin,
    uri: Uri,
    Query(query): Query<ListUsers>,
) -> Result<Page<UserView>, Error> {
    let key = |name: &Option<Username>| name.as_ref().map_or_else(String::new, |name| name.key().to_owned());
    let (prefix, after) = (key(&query.username), key(&query.after));
    let accounts = retry_read(|| store::list(&app.database, &prefix, &after, query.limit + 1)).await?;
    let page = Page::new(accounts, query.limit, &uri, |account| account.username_key.clone());
    Ok(page.map(UserView::from))
}

/// A new account.
#[derive(Debug, ToSchema)]
pub struct CreateUser {
    /// 1 to 64 letters, digits and `. _ - @ +`.
    #[schema(value_type = String, example = "ada")]
    username: Username,
    /// At least as long as the service asks for.
    #[schema(value_type = String, example = "a long enough passphrase")]
    password: Candidate,
    /// By default `["reader"]`.
    #[schema(value_type = Option<Vec<String>>, example = json!(["librarian"]))]
    roles: Option<Roles>,
    /// Whether its owner must replace the password before anything else; by default not.
    must_change_password: Option<bool>,
}

impl CreateUser {
    fn read(fields: &mut Fields, rules: &PasswordRules) -> Result<Self, Invalid> {
        let username: Result<Username, _> = fields.text("username", str::parse);
        let password = fields.text("password", |text| rules.parse(text, username.as_ref().ok()));
        let roles = roles(fields);
        let must_change_password = flag(fields, "must_change_password");
        Ok(Self {
            username: username?,
            password: password?,
            roles: roles?,
            must_change_password: must_change_password?,
        })
    }
}

/// Makes an account.
#[utoipa::path(
    post, path = "/admin/users", operation_id = "create_user", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    request_body = CreateUser,
    responses(
        (status = 201, description = "Made", body = UserView),
        (status = 409, description = "The name is taken", body = Problem),
        (status = 422, description = "Fields break a rule", body = Problem),
    )
)]
pub async fn create(
    State(app): State<AppState>,
    Admin(admin): Admin,
    fields: Fields,
) -> Result<(StatusCode, [(http::HeaderName, HeaderValue); 1], Json<UserView>), Error> {
    let request = fields.read_with(|fields| CreateUser::read(fields, &app.config.password_rules))?;
    let hash = app.passwords.create(request.password).await?;
    let password = NewPassword { hash, must_change: request.must_change_password.unwrap_or(false) };
    let roles = request.roles.unwrap_or_else(|| Roles::new([Role::Reader]));
    let id = app.random.uuid();
    let event = admin.event(Kind::AccountCreated).account(id).detail(roles.to_string());
    let account = NewAccount { id, username: request.username, password, roles };
    let account = change::create(&app.database, &account, &event, app.clock.now()).await?;
    let location = HeaderValue::try_from(format!("/admin/users/{id}"));
    let location = location.unwrap_or(HeaderValue::from_static("/admin/users"));
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(account.into())))
}

/// The name of an account in a path.
#[derive(Clone, Copy, Debug)]
pub struct UserId(pub(super) Uuid);

impl FromStr for UserId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self)
    }
}

impl FromPath for UserId {
    fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "user_not_found").with_error("User not found.")
    }
}

/// Shows an account.
#[utoipa::path(
    get, path = "/admin/users/{id}", operation_id = "get_user", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    params(("id" = Uuid, Path, description = "The account")),
    responses(
        (status = 200, description = "The account", body = UserView),
        (status = 404, description = "No such account", body = Problem),
    )
)]
pub async fn show(
    State(app): State<AppState>,
    _admin: Admin,
    Path(UserId(id)): Path<UserId>,
) -> Result<Json<UserView>, Error> {
    Ok(Json(get(&app, id).await?.into()))
}

pub(super) async fn get(app: &App, id: Uuid) -> Result<account::Model, Error> {
    retry_read(|| store::find(&app.database, id)).await?.ok_or(Error::NoSuchAccount)
}

/// What is to be changed (RFC 7396). What is left out stays.
#[derive(Debug, ToSchema)]
pub struct ChangeUser {
    /// These roles from now on; sessions get no more than they had.
    #[schema(value_type = Option<Vec<String>>, example = json!(["librarian"]))]
    roles: Option<Roles>,
    /// Whether it may not sign in; its sessions end.
    disabled: Option<bool>,
    /// This password from now on; its sessions end.
    #[schema(value_type = Option<String>)]
    password: Option<Candidate>,
    /// With a password: whether its owner must replace it before anything else.
    must_change_password: Option<bool>,
}

impl ChangeUser {
    fn read(fields: &mut Fields, rules: &PasswordRules, username: &str) -> Result<Self, Invalid> {
        let username = username.parse::<Username>().ok();
        let roles = roles(fields);
        let disabled = flag(fields, "disabled");
        let password = fields.optional_text("password", |text| rules.parse(text, username.as_ref()));
        let must_change_password = match (flag(fields, "must_change_password"), &password) {
            (Ok(Some(_)), Ok(None)) => {
                Err(fields.complain("must_change_password", "needs a password beside it"))
            }
            (must_change, _) => must_change,
        };
        Ok(Self {
            roles: roles?,
            disabled: disabled?,
            password: password?,
            must_change_password: must_change_password?,
        })
    }
}

/// Changes an account.
#[utoipa::path(
    patch, path = "/admin/users/{id}", operation_id = "change_user", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    params(("id" = Uuid, Path, description = "The account")),
    request_body = ChangeUser,
    responses(
        (status = 200, description = "The account as it is now", body = UserView),
        (status = 404, description = "No such account", body = Problem),
        (status = 409, description = "Nobody else could administer", body = Problem),
        (status = 422, description = "Fields break a rule", body = Problem),
    )
)]
pub async fn change(
    State(app): State<AppState>,
    Admin(admin): Admin,
    Path(UserId(id)): Path<UserId>,
    fields: Fields,
) -> Result<Json<UserView>, Error> {
    let username = get(&app, id).await?.username;
    let request =
        fields.read_with(|fields| ChangeUser::read(fields, &app.config.password_rules, &username))?;
    let ChangeUser { roles, disabled, password, must_change_password } = request;
    let password = match password {
        Some(password) => {
            let hash = app.passwords.create(password).await?;
            Some(NewPassword { hash, must_change: must_change_password.unwrap_or(false) })
        }
        None => None,
    };
    let by = Changer::Admin(admin.actor(), admin.session_id);
    let change = AccountChange { roles, disabled, password };
    Ok(Json(change::change(&app.database, id, &change, by, app.clock.now()).await?.into()))
}

/// Deletes an account and ends its sessions. What the audit trail says of it stays.
#[utoipa::path(
    delete, path = "/admin/users/{id}", operation_id = "delete_user", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    params(("id" = Uuid, Path, description = "The account")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "No such account", body = Problem),
        (status = 409, description = "Nobody else could administer", body = Problem),
    )
)]
pub async fn delete(
    State(app): State<AppState>,
    Admin(admin): Admin,
    Path(UserId(id)): Path<UserId>,
) -> Result<StatusCode, Error> {
    let by = Changer::Admin(admin.actor(), admin.session_id);
    change::delete(&app.database, id, by, app.clock.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn roles(fields: &mut Fields) -> Result<Option<Roles>, Invalid> {
    let Some(names) = fields.optional::<Vec<String>>("roles", Roles::RULE)? else { return Ok(None) };
    let roles = Roles::named(names.iter().map(String::as_str));
    roles.map(Some).ok_or_else(|| fields.complain("roles", Roles::RULE))
}

fn flag(fields: &mut Fields, name: &str) -> Result<Option<bool>, Invalid> {
    fields.optional(name, "must be true or false")
}
