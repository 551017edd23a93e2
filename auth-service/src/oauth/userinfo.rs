//! `GET` and `POST /oauth2/userinfo` (OpenID Connect Core §5.3).

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::database::retry_read;
use shared::http::{Json, NO_STORE, Problem};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::Error;
use crate::sessions::{self, Caller};
use crate::state::AppState;
use crate::tokens::scope::{PROFILE, contains};

/// Who has signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "sub": "bc4271a6-2b3c-4a2b-bb8c-efae681edc62", "preferred_username": "ada" }))]
pub struct UserInfo {
    /// An identifier that never changes.
    sub: Uuid,
    /// The name of the account, where the client asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<String>,
}

/// Tells a client who has signed in.
#[utoipa::path(
    get, path = "/oauth2/userinfo", operation_id = "userinfo", tag = "oauth",
    security(("access_token" = ["openid"])),
    responses(
        (status = 200, description = "Who has signed in", body = UserInfo),
        (status = 403, description = "The token is not for this", body = Problem),
    )
)]
pub async fn userinfo(State(app): State<AppState>, caller: Caller) -> Result<Response, Error> {
    let find = || sessions::store::find(&app.database, caller.session_id);
    let claims = retry_read(find).await?.map(|session| session.claims).unwrap_or_default();
    let scope = caller.principal.claims().scope.as_str();
    let named = contains(scope, PROFILE) || contains(&claims, "preferred_username");
    let body = UserInfo {
        sub: caller.account.id,
        preferred_username: named.then(|| caller.account.username.clone()),
    };
    Ok(([NO_STORE], Json(body)).into_response())
}
