//! `GET /me`

use serde::Serialize;
use shared::http::{Json, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Roles;
use crate::sessions::Caller;

/// Who calls.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeView {
    /// The subject of its tokens.
    id: Uuid,
    /// Its name.
    username: String,
    /// Its roles as they are now.
    roles: Vec<&'static str>,
    /// What the token allows.
    scope: String,
}

/// Tells who the token speaks for.
#[utoipa::path(
    get, path = "/me", tag = "accounts", security(("access_token" = [])),
    responses(
        (status = 200, description = "The account", body = MeView),
        (status = 401, description = "No valid token", body = Problem),
    )
)]
pub async fn me(caller: Caller) -> Json<MeView> {
    Json(MeView {
        id: caller.account.id,
        roles: Roles::from_column(&caller.account.roles).names(),
        scope: caller.principal.claims().scope.as_str().to_owned(),
        username: caller.account.username,
    })
}
