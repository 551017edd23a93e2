//! `GET` and `DELETE /admin/users/{id}/sessions`, `DELETE /admin/users/{id}/sessions/{session}`

use axum::extract::{FromRequestParts, RawPathParams, State};
use http::request::Parts;
use http::{StatusCode, Uri};
use shared::database::retry_read;
use shared::http::page::Page;
use shared::http::{Path, Problem, Query};
use uuid::Uuid;

use super::users::{UserId, get};
use crate::audit::Kind;
use crate::error::Error;
use crate::sessions::list::{ListSessions, SessionView};
use crate::sessions::{Admin, end, store};
use crate::state::AppState;

/// Lists the sessions of an account that are not over, oldest first.
#[utoipa::path(
    get, path = "/admin/users/{id}/sessions", operation_id = "list_user_sessions", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    params(
        ("id" = Uuid, Path, description = "The account"),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "By default 100"),
        ("after" = Option<Uuid>, Query, description = "The last session of the page before"),
    ),
    responses(
        (status = 200, description = "The sessions", body = [SessionView]),
        (status = 404, description = "No such account", body = Problem),
        (status = 422, description = "Parameters break a rule", body = Problem),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    Admin(admin): Admin,
    Path(UserId(id)): Path<UserId>,
    uri: Uri,
    Query(query): Query<ListSessions>,
) -> Result<Page<SessionView>, Error> {
    let (account, now) = (get(&app, id).await?, app.clock.now());
    let list = || store::list(&app.database, account.id, query.after, query.limit + 1, now);
    let sessions = retry_read(list).await?;
    let page = Page::new(sessions, query.limit, &uri, |session| session.id.to_string());
    Ok(page.map(|session| SessionView::new(session, admin.session_id)))
}

/// Ends all sessions of an account.
#[utoipa::path(
    delete, path = "/admin/users/{id}/sessions", operation_id = "end_user_sessions", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    params(("id" = Uuid, Path, description = "The account")),
    responses(
        (status = 204, description = "They are over"),
        (status = 404, description = "No such account", body = Problem),
    )
)]
pub async fn end_all(
    State(app): State<AppState>,
    Admin(admin): Admin,
    Path(UserId(id)): Path<UserId>,
) -> Result<StatusCode, Error> {
    let (account, now) = (get(&app, id).await?, app.clock.now());
    let event = admin.event(Kind::SessionEnded).account(account.id);
    end::all(&app.database, account.id, None, &event, "all by an administrator", now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one session of an account.
#[utoipa::path(
    delete, path = "/admin/users/{id}/sessions/{session}", operation_id = "end_user_session", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    params(
        ("id" = Uuid, Path, description = "The account"),
        ("session" = Uuid, Path, description = "Its session"),
    ),
    responses(
        (status = 204, description = "It is over"),
        (status = 404, description = "No such session, or it was over", body = Problem),
    )
)]
pub async fn end_one(
    State(app): State<AppState>,
    Admin(admin): Admin,
    path: SessionOfUser,
) -> Result<StatusCode, Error> {
    let event = admin.event(Kind::SessionEnded).account(path.account_id).session(path.session_id);
    let event = event.detail("by an administrator");
    match end::one(&app.database, path.account_id, path.session_id, &event, app.clock.now()).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Error::NoSuchSession),
    }
}

/// An account and one of its sessions, as they stand in a path.
#[derive(Clone, Copy, Debug)]
pub struct SessionOfUser {
    account_id: Uuid,
    session_id: Uuid,
}

impl<S: Send + Sync> FromRequestParts<S> for SessionOfUser {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let named =
            RawPathParams::from_request_parts(parts, state).await.map_err(|_| Error::NoSuchSession)?;
        let id = |name: &str| {
            let text = named.iter().find(|(own, _)| *own == name).map(|(_, text)| text);
            text.and_then(|text| Uuid::try_parse(text).ok()).ok_or(Error::NoSuchSession)
        };
        Ok(Self { account_id: id("id")?, session_id: id("session")? })
    }
}
