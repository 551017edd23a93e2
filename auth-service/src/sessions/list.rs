//! `GET /me/sessions`, `DELETE /me/sessions`, `DELETE /me/sessions/{id}`

use std::str::FromStr;

use axum::extract::State;
use http::{StatusCode, Uri};
use serde::Serialize;
use shared::clock::Timestamp;
use shared::database::retry_read;
use shared::http::page::{self, Page};
use shared::http::{Fields, FromFields, FromPath, Invalid, Path, Problem, Query};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Owner, end, store};
use crate::audit::Kind;
use crate::entity::session;
use crate::error::Error;
use crate::state::AppState;

/// A session as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "01a221d3-7113-79f8-b9dc-40d389fd9dc9", "current": true, "created_at": "2026-11-28T11:03:54.899Z",
    "last_used_at": "2026-11-28T11:03:54.899Z", "expires_at": "2026-12-28T11:03:54.899Z", "address": "198.51.100.7",
    "user_agent": "curl/7.88.1", "client_id": "first-party", "origin": "login"
}))]
pub struct SessionView {
    /// Its name.
    id: Uuid,
    /// Whether it is the one that asks.
    current: bool,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last opened or refreshed.
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The address that it was last used from.
    address: String,
    /// What the client called itself.
    user_agent: String,
    /// The client that it was opened for.
    client_id: String,
    /// How it was opened: `login` by `POST /login`, `oauth` by a client, `browser` on the sign-in page.
    origin: &'static str,
}

impl SessionView {
    /// The session as somebody within session `current` sees it.
    pub(crate) fn new(session: session::Model, current: Uuid) -> Self {
        Self {
            id: session.id,
            current: session.id == current,
            created_at: Timestamp::from_millis(session.created_at),
            last_used_at: Timestamp::from_millis(session.last_used_at),
            expires_at: Timestamp::from_millis(session.expires_at.min(session.idle_expires_at)),
            address: session.ip,
            user_agent: session.user_agent,
            client_id: session.client_id,
            origin: session.origin.as_str(),
        }
    }
}

/// Which page of the sessions.
#[derive(Debug)]
pub struct ListSessions {
    pub(crate) limit: u64,
    pub(crate) after: Option<Uuid>,
}

impl FromFields for ListSessions {
    fn from_fields(fields: &mut Fields) -> Result<Self, Invalid> {
        let limit = page::limit(fields);
        let after = fields.optional_text("after", |text| {
            Uuid::try_parse(text).map_err(|_| "must be the id of a session".to_owned())
        });
        Ok(Self { limit: limit?, after: after? })
    }
}

/// Lists the sessions of the account that are not over, oldest first.
#[utoipa::path(
    get, path = "/me/sessions", operation_id = "list_sessions", tag = "sessions",
    security(("access_token" = [])),
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "By default 100"),
        ("after" = Option<Uuid>, Query, description = "The last session of the page before"),
    ),
    responses(
        (status = 200, description = "The sessions", body = [SessionView]),
        (status = 403, description = "A token of another's application", body = Problem),
        (status = 422, description = "Parameters break a rule", body = Problem),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    Owner(caller): Owner,
    uri: Uri,
    Query(query): Query<ListSessions>,
) -> Result<Page<SessionView>, Error> {
    let (owner, now) = (caller.account.id, app.clock.now());
    let list = || store::list(&app.database, owner, query.after, query.limit + 1, now);
    let sessions = retry_read(list).await?;
    let page = Page::new(sessions, query.limit, &uri, |session| session.id.to_string());
    Ok(page.map(|session| SessionView::new(session, caller.session_id)))
}

/// The name of a session in a path.
#[derive(Clone, Copy, Debug)]
pub struct SessionId(Uuid);

impl FromStr for SessionId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self)
    }
}

impl FromPath for SessionId {
    fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "session_not_found").with_error("Session not found.")
    }
}

/// Ends one session of the account.
#[utoipa::path(
    delete, path = "/me/sessions/{id}", operation_id = "end_session", tag = "sessions",
    security(("access_token" = [])),
    params(("id" = Uuid, Path, description = "The session")),
    responses(
        (status = 204, description = "It is over"),
        (status = 403, description = "A token of another's application", body = Problem),
        (status = 404, description = "No such session, or it was over", body = Problem),
    )
)]
pub async fn end_one(
    State(app): State<AppState>,
    Owner(caller): Owner,
    Path(SessionId(id)): Path<SessionId>,
) -> Result<StatusCode, Error> {
    let (owner, now) = (caller.account.id, app.clock.now());
    let event = caller.event(Kind::SessionEnded).session(id);
    match end::one(&app.database, owner, id, &event, now).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Error::NoSuchSession),
    }
}

/// Ends all sessions of the account but the one that asks.
#[utoipa::path(
    delete, path = "/me/sessions", operation_id = "end_other_sessions", tag = "sessions",
    security(("access_token" = [])),
    responses(
        (status = 204, description = "They are over"),
        (status = 403, description = "A token of another's application", body = Problem),
    )
)]
pub async fn end_others(State(app): State<AppState>, Owner(caller): Owner) -> Result<StatusCode, Error> {
    let (owner, now) = (caller.account.id, app.clock.now());
    let event = caller.event(Kind::SessionEnded);
    end::all(&app.database, owner, Some(caller.session_id), &event, "all others", now).await?;
    Ok(StatusCode::NO_CONTENT)
}
