//! `POST /oauth2/consent`, and `/me/consents`: what people have allowed clients, which they may take back.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, QueryOrder as _};
use serde::{Deserialize, Serialize};
use shared::clock::Timestamp;
use shared::database::{find_unique, retry_read, retry_write};
use shared::http::{ClientAddress, FromPath, Json, Path, Problem};
use url::Url;
use utoipa::ToSchema;

use super::authorize::request::AuthorizationRequest;
use super::authorize::{Answer, Stop, grant, still_registered, stopped, with_cookies};
use super::browser::{Browser, SignedIn};
use super::device;
use super::error::{Code, Refusal};
use super::pages::Consent;
use super::parameters::{Form, Parameters};
use super::sign_in::{STALE, UNREGISTERED};
use super::token::session_ttl;
use crate::accounts;
use crate::audit::{Kind, Transaction};
use crate::clients::{self, Client, ClientId, GrantType};
use crate::entity::consent::{ActiveModel, Column, Entity, Model};
use crate::error::Error;
use crate::sessions::{self, Owner};
use crate::state::{App, AppState};
use crate::tokens::scope::{is_within, union};

const TICKET: &str = "consent";
/// At how many sets of resources beside the last one it is remembered what a client was allowed.
const MAX_OTHERS: usize = 7;

/// What somebody is asked.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    request: AuthorizationRequest,
    /// In which session: whoever signs in after it was asked has not answered.
    session_id: Uuid,
}

/// Asks whether a client may have what it asks for.
///
/// # Errors
/// The ticket of the page cannot be made.
pub(super) fn ask(
    app: &App,
    browser: &Browser,
    client: &Client,
    request: AuthorizationRequest,
    signed_in: &SignedIn,
) -> Result<Response, Error> {
    let question = Question { request, session_id: signed_in.session.id };
    let (ticket, cookie) = browser.ticket(app, TICKET, &question)?;
    let request = &question.request;
    let page = Consent {
        action: "/oauth2/consent",
        ticket: &ticket,
        client_name: &client.name,
        client_uri_host: &host(&request.redirect_uri),
        resource: elsewhere(app, &request.resource),
        self_registered: client.self_registered,
        username: &signed_in.account.username,
        scopes: &request.scope.split(' ').collect::<Vec<_>>(),
        lasts: lasts(app, client),
        device: false,
    };
    let language = browser.language(request.ui_locales.as_deref());
    Ok(with_cookies(page.respond(language, &[&request.redirect_uri]), cookie))
}

/// The resources of a request, where they are others than what all tokens are for.
pub(super) fn elsewhere<'a>(app: &App, resource: &'a str) -> &'a str {
    if resource == app.config.audience { "" } else { resource }
}

/// For how long a client goes on once it was let in, where it may.
pub(super) fn lasts(app: &App, client: &Client) -> Option<Duration> {
    let goes_on = client.may_use(GrantType::RefreshToken);
    goes_on.then(|| session_ttl(app, client))
}

/// What tells one client from another of the same name: the host of a web application, the scheme of any other.
fn host(address: &str) -> String {
    let Ok(url) = Url::parse(address) else { return String::new() };
    match (url.scheme(), url.host_str()) {
        ("http" | "https", Some(host)) => host.to_owned(),
        (scheme, _) => scheme.to_owned(),
    }
}

/// Takes the page back.
pub async fn consent(
    State(app): State<AppState>,
    browser: Browser,
    ClientAddress(ip): ClientAddress,
    Form(form): Form,
) -> Response {
    let outcome = take(&app, &browser, &form, ip).await;
    outcome.unwrap_or_else(|stop| stopped(&app, &browser, None, stop))
}

async fn take(
    app: &App,
    browser: &Browser,
    form: &Parameters,
    ip: std::net::IpAddr,
) -> Result<Response, Stop> {
    let question: Question = browser.redeem(app, TICKET, form.get("ticket")?).map_err(|_| STALE)?;
    let request = question.request;
    let asked = browser.sign_in.as_ref().filter(|signed_in| signed_in.session.id == question.session_id);
    let signed_in = asked.ok_or(STALE)?;
    let client = clients::find(app, request.client_id.as_str()).await?;
    let client = client.ok_or(UNREGISTERED)?;
    still_registered(&client, &request)?;
    if form.get("decision")? != Some("allow") {
        let refusal = Refusal::new(Code::AccessDenied, "the person said no");
        return Err(Stop::Told(Box::new(Answer::to(&request)), refusal));
    }
    grant(app, &client, &request, signed_in, true, ip).await
}

/// What somebody has allowed, or is asked to allow: a scope, and the resources where it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Allowance<'a> {
    pub(super) scope: &'a str,
    /// As [`elsewhere`] has them.
    pub(super) resource: &'a str,
}

impl Allowance<'_> {
    /// Whether all of `asked` is in it. A scope that was allowed at one resource says nothing of another (RFC 8707 §3).
    pub(super) fn covers(&self, asked: Allowance<'_>) -> bool {
        let same_place = match (self.resource, asked.resource) {
            ("", asked) => asked.is_empty(),
            (own, asked) => !asked.is_empty() && is_within(asked, own),
        };
        same_place && is_within(asked.scope, self.scope)
    }
}

/// What a person has allowed a client.
///
/// # Errors
/// The database's.
pub(super) async fn allowed(
    db: &impl ConnectionTrait,
    account: Uuid,
    client: &ClientId,
) -> Result<Option<Model>, DbErr> {
    find_unique(Entity::find_by_id((account, client.to_string())), db).await
}

/// What a person has allowed a client at some resources, as the column of the others holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Allowed {
    scope: String,
    resource: String,
    granted_at: i64,
}

impl Model {
    /// All that is allowed, the last first.
    fn all(self) -> Vec<Allowed> {
        let Self { scope, resource, granted_at, others, .. } = self;
        // What is not ours to read was allowed by nobody.
        let others: Vec<Allowed> =
            others.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        [Allowed { scope, resource, granted_at }].into_iter().chain(others).collect()
    }

    /// Whether all of `asked` was allowed at the same resources.
    pub(super) fn covers(self, asked: Allowance<'_>) -> bool {
        let allowance = |allowed: &Allowed| {
            Allowance { scope: &allowed.scope, resource: &allowed.resource }.covers(asked)
        };
        self.all().iter().any(allowance)
    }
}

/// Remembers that a person has allowed a client this as well. The account must be locked: what is there is read, and written
/// again.
///
/// # Errors
/// The database's.
pub(super) async fn remember(
    db: &impl ConnectionTrait,
    account: Uuid,
    client: &ClientId,
    new: Allowance<'_>,
    now: Timestamp,
) -> Result<(), DbErr> {
    let before = allowed(db, account, client).await?.map(Model::all).unwrap_or_default();
    let (same, mut others): (Vec<_>, Vec<_>) =
        before.into_iter().partition(|allowed| allowed.resource == new.resource);
    others.truncate(MAX_OTHERS);
    let row = ActiveModel {
        account_id: Set(account),
        client_id: Set(client.to_string()),
        scope: Set(union(same.first().map_or("", |allowed| &allowed.scope), new.scope)),
        resource: Set(new.resource.to_owned()),
        granted_at: Set(now.millis()),
        others: Set(serde_json::to_string(&others).ok().filter(|_| !others.is_empty())),
    };
    let again = OnConflict::columns([Column::AccountId, Column::ClientId])
        .update_columns([Column::Scope, Column::Resource, Column::GrantedAt, Column::Others])
        .to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(db).await.map(drop)
}

/// Forgets all that a person has allowed.
///
/// # Errors
/// The database's.
pub async fn forget_account(db: &impl ConnectionTrait, account: Uuid) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::AccountId.eq(account)).exec(db).await.map(drop)
}

/// A consent as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "client_id": "reading-list", "scope": "books:read", "resource": "", "granted_at": "2026-11-28T11:03:54.899Z"
}))]
pub struct ConsentView {
    /// The client.
    client_id: String,
    /// What it may ask for without a question.
    scope: String,
    /// For which resources, with spaces between them; empty for the one that all tokens are for.
    resource: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    granted_at: Timestamp,
}

/// Lists what the caller has allowed which client, at each set of resources by itself.
#[utoipa::path(
    get, path = "/me/consents", operation_id = "list_consents", tag = "sessions",
    security(("access_token" = [])),
    responses(
        (status = 200, description = "The consents", body = [ConsentView]),
        (status = 403, description = "A token of another's application", body = Problem),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    Owner(caller): Owner,
) -> Result<Json<Vec<ConsentView>>, Error> {
    let find = || {
        let own = Entity::find().filter(Column::AccountId.eq(caller.account.id));
        own.order_by_asc(Column::ClientId).all(&app.database)
    };
    let rows = retry_read(find).await?;
    let views = rows.into_iter().flat_map(|row| {
        let client_id = row.client_id.clone();
        row.all().into_iter().map(move |allowed| ConsentView {
            client_id: client_id.clone(),
            scope: allowed.scope,
            resource: allowed.resource,
            granted_at: Timestamp::from_millis(allowed.granted_at),
        })
    });
    Ok(Json(views.collect()))
}

/// A client in a path.
impl FromPath for ClientId {
    fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "client_not_found").with_error("Client not found.")
    }
}

/// Takes back what the caller has allowed a client, and ends the sessions that it has for them. Nothing that is under way
/// counts any more: neither a code, which needs the consent when it is redeemed, nor a device that was let in.
#[utoipa::path(
    delete, path = "/me/consents/{client_id}", operation_id = "revoke_consent", tag = "sessions",
    security(("access_token" = [])),
    params(("client_id" = String, Path, description = "The client")),
    responses(
        (status = 204, description = "It is taken back"),
        (status = 403, description = "A token of another's application", body = Problem),
        (status = 404, description = "There was none", body = Problem),
    )
)]
pub async fn revoke(
    State(app): State<AppState>,
    Owner(caller): Owner,
    Path(client): Path<ClientId>,
) -> Result<StatusCode, Error> {
    let (owner, now) = (caller.account.id, app.clock.now());
    let revoke = || async {
        let mut transaction = Transaction::begin(&app.database).await?;
        accounts::store::lock(&*transaction, [owner]).await?;
        let deleted = Entity::delete_by_id((owner, client.to_string())).exec(&*transaction).await?;
        let devices = device::store::remove_let_in(&*transaction, owner, &client).await?;
        let ended = sessions::store::end_of_client(&*transaction, owner, client.as_str(), now).await?;
        if deleted.rows_affected + devices + ended == 0 {
            return Err(Error::NoSuchClient);
        }
        let event = caller.event(Kind::ConsentRevoked);
        transaction.record(now, event.detail(format!("{client}, sessions ended: {ended}"))).await?;
        Ok(transaction.commit().await?)
    };
    retry_write(revoke).await?;
    Ok(StatusCode::NO_CONTENT)
}
