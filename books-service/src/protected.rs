//! `GET /protected`

use serde::Serialize;
use shared::bearer::Principal;
use shared::http::{Json, Problem};
use utoipa::ToSchema;

/// Who is logged in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "logged_in_as": "ada" }))]
pub struct ProtectedView {
    /// The name that the token carries; where it carries none, as those of machines, its subject.
    logged_in_as: String,
}

/// Tells who the token speaks for.
#[utoipa::path(
    get, path = "/protected", tag = "books", security(("access_token" = [])),
    responses(
        (status = 200, description = "The name", body = ProtectedView),
        (status = 503, description = "Tokens cannot be checked at the moment", body = Problem),
    )
)]
pub async fn protected(caller: Principal) -> Json<ProtectedView> {
    let claims = caller.claims();
    let name = claims.preferred_username.as_ref().unwrap_or(&claims.sub);
    Json(ProtectedView { logged_in_as: name.clone() })
}
