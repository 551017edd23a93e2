//! `GET /admin/audit`

use axum::extract::State;
use http::Uri;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder as _, QuerySelect as _};
use serde::Serialize;
use shared::clock::Timestamp;
use shared::database::retry_read;
use shared::http::page::{self, Page};
use shared::http::{Fields, FromFields, Invalid, Problem, Query};
use utoipa::ToSchema;

use crate::audit::Kind;
use crate::entity::audit_event::{Column, Entity, Model};
use crate::error::Error;
use crate::sessions::Admin;
use crate::state::AppState;

/// An event of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 41, "at": "2026-11-28T11:03:54.899Z", "kind": "login", "success": true, "address": "198.51.100.7", "detail": "",
    "actor": "account:bc4271a6-2b3c-4a2b-bb8c-efae681edc62", "account_id": "bc4271a6-2b3c-4a2b-bb8c-efae681edc62",
    "session_id": "01a221d3-7113-79f8-b9dc-40d389fd9dc9"
}))]
pub struct EventView {
    /// In the order of events.
    id: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What: `login`, `refresh`, `password_changed`, …
    kind: String,
    /// Whether it was granted.
    success: bool,
    /// Who did it: `account:<id>`, `command` or `system`; empty where that is not known.
    actor: String,
    /// From where.
    address: String,
    /// To which account.
    account_id: Option<Uuid>,
    /// To which session, or from which one an administrator did it.
    session_id: Option<Uuid>,
    /// What else there is to say.
    detail: String,
}

impl From<Model> for EventView {
    fn from(event: Model) -> Self {
        Self {
            id: event.id,
            at: Timestamp::from_millis(event.at),
            kind: event.kind,
            success: event.success,
            actor: event.actor,
            address: event.ip,
            account_id: event.account_id,
            session_id: event.session_id,
            detail: event.detail,
        }
    }
}

/// Which events.
#[derive(Debug)]
pub struct ListEvents {
    limit: u64,
    after: Option<i64>,
    account: Option<Uuid>,
    kind: Option<Kind>,
    since: Option<Timestamp>,
}

impl FromFields for ListEvents {
    fn from_fields(fields: &mut Fields) -> Result<Self, Invalid> {
        let limit = page::limit(fields);
        let after = fields
            .optional_text("after", |text| text.parse().map_err(|_| "must be the id of an event".to_owned()));
        let account = fields.optional_text("account", |text| {
            Uuid::try_parse(text).map_err(|_| "must be the id of an account".to_owned())
        });
        let kind = fields.optional_text("kind", |text| {
            let known = Kind::ALL.into_iter().find(|kind| kind.as_str() == text);
            known.ok_or_else(|| "must be a kind of event".to_owned())
        });
        let since = fields.optional_text("since", |text| text.parse().map_err(str::to_owned));
        Ok(Self { limit: limit?, after: after?, account: account?, kind: kind?, since: since? })
    }
}

/// Lists what happened, in the order of events.
#[utoipa::path(
    get, path = "/admin/audit", operation_id = "list_audit_events", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "By default 100"),
        ("after" = Option<i64>, Query, description = "The last event of the page before"),
        ("account" = Option<Uuid>, Query, description = "What happened to this account"),
        ("kind" = Option<String>, Query, description = "What happened of this kind"),
        ("since" = Option<String>, Query, description = "What happened from this time on, in RFC 3339"),
    ),
    responses(
        (status = 200, description = "The events", body = [EventView]),
        (status = 422, description = "Parameters break a rule", body = Problem),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    _admin: Admin,
    uri: Uri,
    Query(query): Query<ListEvents>,
) -> Result<Page<EventView>, Error> {
    let ListEvents { limit, after, account, kind, since } = query;
    let mut events = Entity::find();
    if let Some(after) = after {
        events = events.filter(Column::Id.gt(after));
    }
    if let Some(account) = account {
        events = events.filter(Column::AccountId.eq(account));
    }
    if let Some(kind) = kind {
        events = events.filter(Column::Kind.eq(kind.as_str()));
    }
    if let Some(since) = since {
        events = events.filter(Column::At.gte(since.millis()));
    }
    let events = events.order_by_asc(Column::Id).limit(limit + 1);
    let events = retry_read(|| events.clone().all(&app.database)).await?;
    let page = Page::new(events, limit, &uri, |event| event.id.to_string());
    Ok(page.map(EventView::from))
}
