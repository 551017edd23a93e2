//! Clients in their tables.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::NotSet, ActiveValue::Set, QueryOrder as _, QuerySelect as _};
use shared::clock::Timestamp;
use shared::database::{find_unique, is_duplicate};

use super::{Authentication, Client, ClientId, GrantType, RedirectUri, Unreadable};
use crate::entity::client::{ActiveModel, Column, Entity};
use crate::entity::{client_origin, consent, session};
use crate::error::Error;

/// The client of that name.
///
/// # Errors
/// The database's, or what the table holds cannot be read.
pub async fn find(db: &impl ConnectionTrait, id: &ClientId) -> Result<Option<Client>, Error> {
    let row = find_unique(Entity::find_by_id(id.as_str()), db).await?;
    Ok(row.map(Client::try_from).transpose()?)
}

/// Up to `limit` clients behind the one called `after`, by name.
///
/// # Errors
/// As [`find`].
pub async fn list(db: &impl ConnectionTrait, after: &str, limit: u64) -> Result<Vec<Client>, Error> {
    let rows =
        Entity::find().filter(Column::Id.gt(after)).order_by_asc(Column::Id).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(Client::try_from).collect::<Result<_, Unreadable>>()?)
}

/// Adds a client with its origins.
///
/// # Errors
/// The name is taken, or the database's.
pub async fn create(db: &impl ConnectionTrait, client: &Client) -> Result<(), Error> {
    let added = Entity::insert(row(client)).exec_without_returning(db).await;
    if let Err(error) = added {
        return Err(if is_duplicate(&error) { Error::ClientIdTaken } else { error.into() });
    }
    add_origins(db, client).await
}

/// Keeps others from changing this client until the transaction ends. Writes, since that is what locks on MySQL and SQLite
/// alike.
///
/// # Errors
/// The database's.
pub async fn lock(db: &impl ConnectionTrait, id: &ClientId) -> Result<(), DbErr> {
    let same = Entity::update_many().col_expr(Column::Name, Expr::col(Column::Name));
    same.filter(Column::Id.eq(id.as_str())).exec(db).await.map(drop)
}

/// Whether the same is registered of both.
pub fn same(one: &Client, other: &Client) -> bool {
    row(one) == row(other)
}

/// When to look whether anybody uses a client that has registered itself; it is removed then if nobody does.
///
/// # Errors
/// The database's.
pub async fn review_at(db: &impl ConnectionTrait, id: &ClientId, at: Timestamp) -> Result<(), DbErr> {
    let reviewed = ActiveModel { review_at: Set(Some(at.millis())), ..Default::default() };
    Entity::update_many().set(reviewed).filter(Column::Id.eq(id.as_str())).exec(db).await.map(drop)
}

/// Up to `limit` clients whose time to be looked at has come.
///
/// # Errors
/// The database's, or what the table holds cannot be read.
pub async fn to_review(
    db: &impl ConnectionTrait,
    now: Timestamp,
    limit: u64,
) -> Result<Vec<ClientId>, Error> {
    let due = Entity::find().select_only().column(Column::Id).filter(Column::ReviewAt.lte(now.millis()));
    let ids: Vec<String> = due.order_by_asc(Column::ReviewAt).limit(limit).into_tuple().all(db).await?;
    Ok(ids.into_iter().filter_map(|id| id.parse().ok()).collect())
}

/// Whether anybody uses a client: has a session with it, or has allowed it to ask for one.
///
/// # Errors
/// The database's.
pub async fn is_used(db: &impl ConnectionTrait, id: &ClientId) -> Result<bool, DbErr> {
    let sessions = session::Entity::find().filter(session::Column::ClientId.eq(id.as_str()));
    if sessions.limit(1).one(db).await?.is_some() {
        return Ok(true);
    }
    let consents = consent::Entity::find().filter(consent::Column::ClientId.eq(id.as_str()));
    Ok(consents.limit(1).one(db).await?.is_some())
}

/// Puts `client` in the place of the one of its name, which must be there.
///
/// # Errors
/// The database's.
pub async fn replace(db: &impl ConnectionTrait, client: &Client) -> Result<(), Error> {
    Entity::update(row(client)).exec_without_returning(db).await?;
    remove_origins(db, &client.id).await?;
    add_origins(db, client).await?;
    Ok(())
}

/// Deletes a client with what people have allowed it. `false`: there is none.
///
/// # Errors
/// The database's.
pub async fn delete(db: &impl ConnectionTrait, id: &ClientId) -> Result<bool, Error> {
    let deleted = Entity::delete_by_id(id.as_str()).exec(db).await?.rows_affected == 1;
    remove_origins(db, id).await?;
    consent::Entity::delete_many().filter(consent::Column::ClientId.eq(id.as_str())).exec(db).await?;
    Ok(deleted)
}

/// Whether a client has pages at this origin.
///
/// # Errors
/// The database's.
pub async fn knows_origin(db: &impl ConnectionTrait, origin: &str) -> Result<bool, DbErr> {
    let found = client_origin::Entity::find().filter(client_origin::Column::Origin.eq(origin)).limit(1);
    Ok(found.one(db).await?.is_some())
}

async fn add_origins(db: &impl ConnectionTrait, client: &Client) -> Result<(), Error> {
    let rows: Vec<_> = client
        .origins()
        .into_iter()
        .map(|origin| client_origin::ActiveModel {
            origin: Set(origin),
            client_id: Set(client.id.to_string()),
        })
        .collect();
    if !rows.is_empty() {
        client_origin::Entity::insert_many(rows).exec_without_returning(db).await?;
    }
    Ok(())
}

async fn remove_origins(db: &impl ConnectionTrait, id: &ClientId) -> Result<(), DbErr> {
    let origins = client_origin::Entity::delete_many();
    origins.filter(client_origin::Column::ClientId.eq(id.as_str())).exec(db).await.map(drop)
}

fn row(client: &Client) -> ActiveModel {
    let (secret_hash, jwks) = match &client.authentication {
        Authentication::None => (None, None),
        Authentication::Secret(hash) => (Some(URL_SAFE_NO_PAD.encode(hash)), None),
        Authentication::PrivateKey { jwks, .. } => (None, Some(jwks.clone())),
    };
    let grants: Vec<_> = client.grant_types.iter().map(|grant| GrantType::as_str(*grant)).collect();
    let seconds = |span: std::time::Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    ActiveModel {
        id: Set(client.id.to_string()),
        name: Set(client.name.clone()),
        auth_method: Set(client.authentication.method().to_owned()),
        secret_hash: Set(secret_hash),
        jwks: Set(jwks),
        redirect_uris: Set(json(client.redirect_uris.iter().map(RedirectUri::as_str))),
        post_logout_redirect_uris: Set(json(
            client.post_logout_redirect_uris.iter().map(RedirectUri::as_str),
        )),
        grant_types: Set(grants.join(" ")),
        scope: Set(client.scope.clone()),
        resources: Set(json(client.resources.iter().map(String::as_str))),
        first_party: Set(client.first_party),
        pushed_only: Set(client.pushed_only),
        access_token_ttl: Set(client.access_token_ttl.map(seconds)),
        refresh_token_ttl: Set(client.refresh_token_ttl.map(seconds)),
        created_at: Set(client.created_at),
        review_at: NotSet,
    }
}

fn json<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    serde_json::Value::from_iter(texts).to_string()
}
