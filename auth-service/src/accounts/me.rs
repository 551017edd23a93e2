//! `GET /me`

use serde::Serialize;
use shared::http::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Roles;
use crate::sessions::Caller;

/// Who calls.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "bc4271a6-2b3c-4a2b-bb8c-efae681edc62", "username": "ada", "roles": ["librarian"], "scope": "books:read books:write"
}))]
pub struct MeView {
    /// The subject of its tokens.
    id: Uuid,
    /// Its name.
    username: String,
    /// Its roles as they are now.
    roles: Vec<&'static str>,
    /// What the token allows.
    scope: String,
    /// There, and true, while nothing is allowed until the password is replaced.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    must_change_password: bool,
}

/// Tells who the token speaks for.
#[utoipa::path(
    get, path = "/me", tag = "accounts", security(("access_token" = [])),
    responses(
        (status = 200, description = "The account", body = MeView),
    )
)]
pub async fn me(caller: Caller) -> Json<MeView> {
    Json(MeView {
        id: caller.account.id,
        roles: Roles::from_column(&caller.account.roles).names(),
        scope: caller.principal.claims().scope.as_str().to_owned(),
        must_change_password: caller.account.must_change_password,
        username: caller.account.username,
    })
}
