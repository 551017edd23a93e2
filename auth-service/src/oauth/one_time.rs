//! Texts that stand for something once: random, handed out in clear, kept as a digest.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder as _, QuerySelect as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::clock::Timestamp;
use shared::database::find_unique;

use crate::clients::ClientId;
use crate::entity::one_time::{ActiveModel, Column, Entity, Model};

/// How long what was used is kept after its end: whoever presents it again may have stolen it.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// What a text stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An authorization code.
    Code,
    /// A pushed authorization request.
    PushedRequest,
    /// An assertion that a client has used.
    Assertion,
}

/// The digest of a text of this kind.
pub(super) fn hash(kind: Kind, text: &str) -> String {
    let kind = match kind {
        Kind::Code => "code",
        Kind::PushedRequest => "pushed request",
        Kind::Assertion => "assertion",
    };
    URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{kind}:{text}").as_bytes()))
}

/// Keeps what `hash` stands for.
///
/// # Errors
/// The database's; also where it stands for something already.
pub(super) async fn keep(
    db: &impl ConnectionTrait,
    hash: &str,
    client: &ClientId,
    data: &impl Serialize,
    expires_at: Timestamp,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        hash: Set(hash.to_owned()),
        client_id: Set(client.to_string()),
        data: Set(serde_json::to_string(data).map_err(|error| DbErr::Json(error.to_string()))?),
        expires_at: Set(expires_at.millis()),
        used_at: Set(None),
        session_id: Set(None),
    };
    Entity::insert(row).exec_without_returning(db).await.map(drop)
}

/// What `hash` stands for.
///
/// # Errors
/// The database's.
pub(super) async fn find(db: &impl ConnectionTrait, hash: &str) -> Result<Option<Model>, DbErr> {
    find_unique(Entity::find_by_id(hash), db).await
}

/// Reads what a row holds.
///
/// # Errors
/// It holds something else.
pub(super) fn data<T: DeserializeOwned>(row: &Model) -> Result<T, DbErr> {
    serde_json::from_str(&row.data).map_err(|error| DbErr::Json(error.to_string()))
}

/// Uses it, for this session. Of any number that try together, one does.
///
/// # Errors
/// The database's.
pub(super) async fn use_up(
    db: &impl ConnectionTrait,
    hash: &str,
    session: Option<Uuid>,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let used =
        ActiveModel { used_at: Set(Some(now.millis())), session_id: Set(session), ..Default::default() };
    let update =
        Entity::update_many().set(used).filter(Column::Hash.eq(hash)).filter(Column::UsedAt.is_null());
    Ok(update.filter(Column::ExpiresAt.gt(now.millis())).exec(db).await?.rows_affected == 1)
}

/// Up to `limit` rows that nothing asks for any more.
///
/// # Errors
/// The database's.
pub async fn expired(db: &impl ConnectionTrait, now: Timestamp, limit: u64) -> Result<Vec<String>, DbErr> {
    let hashes = || Entity::find().select_only().column(Column::Hash).order_by_asc(Column::ExpiresAt);
    let unused = hashes().filter(Column::UsedAt.is_null()).filter(Column::ExpiresAt.lte(now.millis()));
    let mut all: Vec<String> = unused.limit(limit).into_tuple().all(db).await?;
    let left = limit.saturating_sub(all.len() as u64);
    let used = hashes().filter(Column::ExpiresAt.lte((now - REMEMBERED).millis()));
    all.extend(used.limit(left).into_tuple::<String>().all(db).await?);
    Ok(all)
}

/// Removes what still stands for something of a client's.
///
/// # Errors
/// The database's.
pub(crate) async fn remove_of(
    db: &impl ConnectionTrait,
    client: &ClientId,
    now: Timestamp,
) -> Result<(), DbErr> {
    let rows = Entity::delete_many().filter(Column::ExpiresAt.gt(now.millis()));
    rows.filter(Column::ClientId.eq(client.as_str())).exec(db).await.map(drop)
}

/// Removes these rows.
///
/// # Errors
/// The database's.
pub async fn remove(db: &impl ConnectionTrait, hashes: Vec<String>) -> Result<u64, DbErr> {
    Ok(Entity::delete_many().filter(Column::Hash.is_in(hashes)).exec(db).await?.rows_affected)
}
