//! Devices that wait, in their table.

use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder as _, QuerySelect as _, UpdateMany};
use shared::clock::Timestamp;
use shared::database::find_unique;

use crate::clients::ClientId;
use crate::entity::device_code::{ActiveModel, Column, Entity, Model};
use crate::oauth::browser::SignedIn;

/// By how much a device that asks too often must wait longer each time (RFC 8628 §3.5), in milliseconds.
const SLOWER: i64 = 5_000;
/// No device is asked to wait longer than this. One that has come so far and still asks too soon does not listen: it is
/// answered as before, and nothing is written for it.
pub(in crate::oauth) const SLOWEST: i64 = 60_000;

pub(in crate::oauth) async fn keep(db: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(ActiveModel::from(row)).exec_without_returning(db).await.map(drop)
}

pub(in crate::oauth) async fn find(db: &impl ConnectionTrait, hash: &str) -> Result<Option<Model>, DbErr> {
    find_unique(Entity::find_by_id(hash), db).await
}

/// The device that shows this code and that nobody has decided about.
pub(in crate::oauth) async fn waiting(
    db: &impl ConnectionTrait,
    user_code: &str,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    let found = find_unique(Entity::find().filter(Column::UserCode.eq(user_code)), db).await?;
    Ok(found.filter(|row| row.allowed.is_none() && now.millis() < row.expires_at))
}

/// Notes that the device has asked; `slower`: too soon. Of many that ask at a time, one is noted.
pub(in crate::oauth) async fn note_poll(
    db: &impl ConnectionTrait,
    row: &Model,
    slower: bool,
    now: Timestamp,
) -> Result<(), DbErr> {
    let interval = row.poll_interval + if slower { SLOWER } else { 0 };
    let polled =
        ActiveModel { polled_at: Set(now.millis()), poll_interval: Set(interval), ..Default::default() };
    let update = Entity::update_many().set(polled).filter(Column::Hash.eq(&row.hash));
    let unmoved = update.filter(Column::PolledAt.eq(row.polled_at));
    unmoved.filter(Column::PollInterval.eq(row.poll_interval)).exec(db).await.map(drop)
}

/// Decides about a device that waits. `false`: somebody has, or it waits no more.
pub(in crate::oauth) async fn decide(
    db: &impl ConnectionTrait,
    hash: &str,
    allowed: bool,
    by: &SignedIn,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let decided = ActiveModel {
        allowed: Set(Some(allowed)),
        account_id: Set(Some(by.account.id)),
        sign_in_id: Set(Some(by.session.id)),
        auth_time: Set(Some(by.session.auth_time)),
        ..Default::default()
    };
    let update = Entity::update_many().set(decided).filter(Column::Hash.eq(hash));
    affects_one(update.filter(Column::Allowed.is_null()).filter(Column::ExpiresAt.gt(now.millis())), db).await
}

/// Uses the code of a device up. Of any number that try together, one does.
pub(in crate::oauth) async fn use_up(
    db: &impl ConnectionTrait,
    hash: &str,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let used = ActiveModel { used_at: Set(Some(now.millis())), ..Default::default() };
    let update =
        Entity::update_many().set(used).filter(Column::Hash.eq(hash)).filter(Column::UsedAt.is_null());
    affects_one(update, db).await
}

/// Up to `limit` devices that wait no more.
///
/// # Errors
/// The database's.
pub async fn expired(db: &impl ConnectionTrait, now: Timestamp, limit: u64) -> Result<Vec<String>, DbErr> {
    let hashes =
        Entity::find().select_only().column(Column::Hash).filter(Column::ExpiresAt.lte(now.millis()));
    hashes.order_by_asc(Column::ExpiresAt).limit(limit).into_tuple().all(db).await
}

/// Removes the devices that wait with a client on them.
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

/// Removes the devices that somebody has let in and that have no tokens yet. Returns how many.
///
/// # Errors
/// The database's.
pub(in crate::oauth) async fn remove_let_in(
    db: &impl ConnectionTrait,
    account: Uuid,
    client: &ClientId,
) -> Result<u64, DbErr> {
    let rows =
        Entity::delete_many().filter(Column::ClientId.eq(client.as_str())).filter(Column::UsedAt.is_null());
    Ok(rows.filter(Column::AccountId.eq(account)).exec(db).await?.rows_affected)
}

/// Removes these rows.
///
/// # Errors
/// The database's.
pub async fn remove(db: &impl ConnectionTrait, hashes: Vec<String>) -> Result<u64, DbErr> {
    Ok(Entity::delete_many().filter(Column::Hash.is_in(hashes)).exec(db).await?.rows_affected)
}

async fn affects_one(update: UpdateMany<Entity>, db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(update.exec(db).await?.rows_affected == 1)
}
