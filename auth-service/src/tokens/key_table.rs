//! The keys in their table.

use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder as _};
use shared::clock::Timestamp;
use shared::database::is_duplicate;

use super::life::KeyTimes;
use crate::entity::signing_key::{ActiveModel, Column, Entity, Model};

/// All keys, oldest first.
pub(super) async fn all(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    Entity::find().order_by_asc(Column::Number).all(db).await
}

/// Adds a key. `false`: there is one of that number.
pub(super) async fn add(db: &impl ConnectionTrait, key: Model) -> Result<bool, DbErr> {
    match Entity::insert(ActiveModel::from(key)).exec_without_returning(db).await {
        Ok(_) => Ok(true),
        Err(error) if is_duplicate(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Withdraws a key. `false`: there is none of that name that was not withdrawn before.
pub(super) async fn revoke(db: &impl ConnectionTrait, kid: &str, now: Timestamp) -> Result<bool, DbErr> {
    let change = ActiveModel { revoked_at: Set(Some(now.millis())), ..Default::default() };
    let revoked = Entity::update_many().set(change).filter(Column::Kid.eq(kid));
    Ok(revoked.filter(Column::RevokedAt.is_null()).exec(db).await?.rows_affected == 1)
}

/// Puts `sealed` in the place of what `key` held when it was read. `false`: it holds something else by now.
pub(super) async fn reseal(db: &impl ConnectionTrait, key: &Model, sealed: Vec<u8>) -> Result<bool, DbErr> {
    let change = ActiveModel { sealed_private_key: Set(sealed), ..Default::default() };
    let resealed = Entity::update_many().set(change).filter(Column::Number.eq(key.number));
    let unchanged = Column::SealedPrivateKey.eq(key.sealed_private_key.clone());
    Ok(resealed.filter(unchanged).exec(db).await?.rows_affected == 1)
}

/// Removes all keys before `number`.
pub(super) async fn remove_before(db: &impl ConnectionTrait, number: i64) -> Result<u64, DbErr> {
    Ok(Entity::delete_many().filter(Column::Number.lt(number)).exec(db).await?.rows_affected)
}

/// The times of keys.
pub(super) fn times(rows: &[Model]) -> Vec<KeyTimes> {
    let times = |row: &Model| KeyTimes {
        created_at: Timestamp::from_millis(row.created_at),
        revoked_at: row.revoked_at.map(Timestamp::from_millis),
    };
    rows.iter().map(times).collect()
}
