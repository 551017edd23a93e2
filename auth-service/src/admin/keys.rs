//! `GET /admin/keys`, `POST /admin/keys/rotate`

use axum::extract::State;
use http::{StatusCode, Uri};
use serde::Serialize;
use shared::clock::Timestamp;
use shared::http::page::{self, Page};
use shared::http::{Fields, FromFields, Invalid, Json, Problem, Query};
use utoipa::ToSchema;

use crate::error::Error;
use crate::sessions::Admin;
use crate::state::AppState;
use crate::tokens::key_change::KeyInfo;

/// A signing key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "number": 3, "kid": "nlE2mt4h-PPMGLdZzHL7ZFTtajEqUUlidgF9-VmLzOw", "state": "signing",
    "created_at": "2026-11-28T10:59:25.792Z", "signs_from": "2026-11-28T11:09:25.792Z", "revoked_at": null
}))]
pub struct KeyView {
    /// Counts the keys.
    number: i64,
    /// Its RFC 7638 thumbprint, as it stands in the header of what it signs.
    kid: String,
    /// `announced`, `signing`, `retired` or `gone`.
    state: &'static str,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// From when on it may sign.
    #[schema(value_type = String, format = DateTime)]
    signs_from: Timestamp,
    /// When it was withdrawn in an emergency.
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
}

impl From<KeyInfo> for KeyView {
    fn from(key: KeyInfo) -> Self {
        let KeyInfo { number, kid, state, created_at, signs_from, revoked_at } = key;
        Self { number, kid, state: state.as_str(), created_at, signs_from, revoked_at }
    }
}

/// Which page of the keys.
#[derive(Debug)]
pub struct ListKeys {
    limit: u64,
    after: Option<i64>,
}

impl FromFields for ListKeys {
    fn from_fields(fields: &mut Fields) -> Result<Self, Invalid> {
        let limit = page::limit(fields);
        let after = fields.optional_text("after", |text| {
            text.parse().map_err(|_| "must be the number of a key".to_owned())
        });
        Ok(Self { limit: limit?, after: after? })
    }
}

/// Lists the signing keys, oldest first.
#[utoipa::path(
    get, path = "/admin/keys", operation_id = "list_keys", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "By default 100"),
        ("after" = Option<i64>, Query, description = "The last number of the page before"),
    ),
    responses(
        (status = 200, description = "The keys", body = [KeyView]),
        (status = 422, description = "Parameters break a rule", body = Problem),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    _admin: Admin,
    uri: Uri,
    Query(query): Query<ListKeys>,
) -> Result<Page<KeyView>, Error> {
    let mut keys = app.keyring.keys().await?;
    keys.retain(|key| query.after.is_none_or(|after| key.number > after));
    let page = Page::new(keys, query.limit, &uri, |key| key.number.to_string());
    Ok(page.map(KeyView::from))
}

/// Makes the next signing key before its time. It is announced for as long as any other before it signs.
#[utoipa::path(
    post, path = "/admin/keys/rotate", operation_id = "rotate_keys", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    responses(
        (status = 201, description = "The next key", body = KeyView),
        (status = 409, description = "The next key is there already", body = Problem),
    )
)]
pub async fn rotate(
    State(app): State<AppState>,
    Admin(admin): Admin,
) -> Result<(StatusCode, Json<KeyView>), Error> {
    let key = app.keyring.rotate(admin.actor(), Some(admin.session_id)).await?;
    Ok((StatusCode::CREATED, Json(key.into())))
}
