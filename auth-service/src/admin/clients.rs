//! `GET` and `POST /admin/clients`; `GET`, `PATCH` and `DELETE /admin/clients/{id}`; `POST /admin/clients/{id}/secret`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode, Uri};
use shared::database::retry_read;
use shared::http::page::{self, Page};
use shared::http::{Fields, FromFields, Invalid, Json, NO_STORE, Path, Problem, Query};

use crate::audit::Kind;
use crate::clients::draft::{Draft, secret_of};
use crate::clients::members::ClientMembers;
use crate::clients::{Authentication, Client, ClientId, ClientView, change, store};
use crate::error::Error;
use crate::sessions::Admin;
use crate::state::{App, AppState};

/// Which page of the clients.
#[derive(Debug)]
pub struct ListClients {
    limit: u64,
    after: Option<ClientId>,
}

impl FromFields for ListClients {
    fn from_fields(fields: &mut Fields) -> Result<Self, Invalid> {
        let limit = page::limit(fields);
        let after = fields.optional_text("after", |text| text.parse().map_err(str::to_owned));
        Ok(Self { limit: limit?, after: after? })
    }
}

/// Lists the clients by name.
#[utoipa::path(
    get, path = "/admin/clients", operation_id = "list_clients", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    params(
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 1000, description = "By default 100"),
        ("after" = Option<String>, Query, description = "The last name of the page before"),
    ),
    responses(
        (status = 200, description = "The clients", body = [ClientView]),
        (status = 422, description = "Parameters break a rule", body = Problem),
    )
)]
pub async fn list(
    State(app): State<AppState>,
    _admin: Admin,
    uri: Uri,
    Query(query): Query<ListClients>,
) -> Result<Page<ClientView>, Error> {
    let after = query.after.as_ref().map_or("", ClientId::as_str);
    let clients = retry_read(|| store::list(&app.database, after, query.limit + 1)).await?;
    let page = Page::new(clients, query.limit, &uri, |client| client.id.to_string());
    Ok(page.map(ClientView::from))
}

/// Registers a client. Its secret is in the answer, and nowhere else.
#[utoipa::path(
    post, path = "/admin/clients", operation_id = "create_client", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    request_body = ClientMembers,
    responses(
        (status = 201, description = "Registered", body = ClientView),
        (status = 409, description = "The name is taken", body = Problem),
        (status = 422, description = "Members break a rule", body = Problem),
    )
)]
pub async fn create(
    State(app): State<AppState>,
    Admin(admin): Admin,
    fields: Fields,
) -> Result<Response, Error> {
    let draft = fields.read_with(|fields| {
        let mut draft = Draft::default();
        let id = fields.optional_text("client_id", |text| text.parse().map_err(str::to_owned));
        let read = (draft.read(fields), draft.read_operators(fields), draft.read_proof(fields));
        draft.id = id?;
        read.0.and(read.1).and(read.2)?;
        Ok(draft)
    })?;
    let registered = draft.complete(&*app.random, app.clock.now()).map_err(Problem::invalid)?;
    let event = admin.event(Kind::ClientCreated).no_account();
    change::create(&app.database, &registered.client, None, &event, app.clock.now()).await?;
    let location = HeaderValue::try_from(format!("/admin/clients/{}", registered.client.id));
    let location = location.unwrap_or(HeaderValue::from_static("/admin/clients"));
    let view = ClientView::from(registered.client).with_secret(registered.secret);
    Ok((StatusCode::CREATED, [(LOCATION, location), NO_STORE], Json(view)).into_response())
}

/// Shows a client.
#[utoipa::path(
    get, path = "/admin/clients/{id}", operation_id = "get_client", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    params(("id" = String, Path, description = "The client")),
    responses(
        (status = 200, description = "The client", body = ClientView),
        (status = 404, description = "No such client", body = Problem),
    )
)]
pub async fn show(
    State(app): State<AppState>,
    _admin: Admin,
    Path(id): Path<ClientId>,
) -> Result<Json<ClientView>, Error> {
    Ok(Json(find(&app, &id).await?.into()))
}

/// Changes those members of a client that are sent (RFC 7396). A client that is to have a secret for the first time gets one
/// in the answer.
#[utoipa::path(
    patch, path = "/admin/clients/{id}", operation_id = "change_client", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    params(("id" = String, Path, description = "The client")),
    request_body = ClientMembers,
    responses(
        (status = 200, description = "The client as it is now", body = ClientView),
        (status = 404, description = "No such client", body = Problem),
        (status = 409, description = "Somebody has changed it meanwhile", body = Problem),
        (status = 422, description = "Members break a rule", body = Problem),
    )
)]
pub async fn change(
    State(app): State<AppState>,
    Admin(admin): Admin,
    Path(id): Path<ClientId>,
    fields: Fields,
) -> Result<Response, Error> {
    let before = find(&app, &id).await?;
    let draft = fields.read_with(|fields| {
        let mut draft = Draft::from(before.clone());
        let read = (draft.read(fields), draft.read_operators(fields), draft.read_proof(fields));
        read.0.and(read.1).and(read.2)?;
        Ok(draft)
    })?;
    let registered = draft.complete(&*app.random, app.clock.now()).map_err(Problem::invalid)?;
    let client = Client {
        created_at: before.created_at,
        self_registered: before.self_registered,
        ..registered.client
    };
    let event = admin.event(Kind::ClientChanged).no_account();
    change::replace(&app.database, &before, &client, &event, app.clock.now()).await?;
    Ok(([NO_STORE], Json(ClientView::from(client).with_secret(registered.secret))).into_response())
}

/// Makes another secret. The one before is void from now on.
#[utoipa::path(
    post, path = "/admin/clients/{id}/secret", operation_id = "renew_client_secret", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    params(("id" = String, Path, description = "The client")),
    responses(
        (status = 200, description = "The client with its new secret", body = ClientView),
        (status = 404, description = "No such client", body = Problem),
        (status = 409, description = "It has no secret, or somebody has changed it meanwhile", body = Problem),
    )
)]
pub async fn renew_secret(
    State(app): State<AppState>,
    Admin(admin): Admin,
    Path(id): Path<ClientId>,
) -> Result<Response, Error> {
    let before = find(&app, &id).await?;
    if !matches!(before.authentication, Authentication::Secret(_)) {
        let problem = Problem::new(StatusCode::CONFLICT, "client_has_no_secret");
        return Err(problem.with_detail("This client does not prove who it is by a secret").into());
    }
    let secret = app.random.text::<32>();
    let client = Client { authentication: secret_of(&secret), ..before.clone() };
    let event = admin.event(Kind::ClientChanged).no_account();
    change::replace(&app.database, &before, &client, &event, app.clock.now()).await?;
    Ok(([NO_STORE], Json(ClientView::from(client).with_secret(Some(secret)))).into_response())
}

/// Deletes a client; its sessions end.
#[utoipa::path(
    delete, path = "/admin/clients/{id}", operation_id = "delete_client", tag = "admin",
    security(("access_token" = ["auth:admin"])),
    params(("id" = String, Path, description = "The client")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "No such client", body = Problem),
    )
)]
pub async fn delete(
    State(app): State<AppState>,
    Admin(admin): Admin,
    Path(id): Path<ClientId>,
) -> Result<StatusCode, Error> {
    change::delete(&app.database, &id, &admin.event(Kind::ClientDeleted).no_account(), app.clock.now())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(app: &App, id: &ClientId) -> Result<Client, Error> {
    retry_read(|| store::find(&app.database, id)).await?.ok_or(Error::NoSuchClient)
}
