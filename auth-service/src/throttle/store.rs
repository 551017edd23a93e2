//! The counters in their table.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{CaseStatement, OnConflict};
use sea_orm::{ActiveValue::Set, Condition, ExprTrait as _, QuerySelect as _};
use shared::clock::Timestamp;
use shared::database::find_unique;

use super::rules::{Counter, PAIR, Policy};
use crate::entity::throttle::{ActiveModel, Column, Entity, Model};

pub(super) fn account_key(id: Uuid) -> String {
    format!("account:{id}")
}

/// Behind the key of an account: what is counted within its sessions.
pub(super) const WITHIN_SESSIONS: &str = "+session";

/// The counters of these keys. One that is not there has counted nothing.
pub(super) async fn read<const N: usize>(
    db: &DatabaseConnection,
    keys: [&String; N],
) -> Result<[Counter; N], DbErr> {
    let rows = Entity::find().filter(Column::Key.is_in(keys)).all(db).await?;
    Ok(keys.map(|key| rows.iter().find(|row| row.key == *key).map(Counter::from).unwrap_or_default()))
}

impl From<&Model> for Counter {
    fn from(row: &Model) -> Self {
        Self {
            failures: row.failures,
            failed_at: (row.failures > 0).then(|| Timestamp::from_millis(row.failed_at)),
            succeeded_at: row.succeeded_at.map(Timestamp::from_millis),
        }
    }
}

/// Counts one more failure: in one statement, so that none is lost among replicas.
pub(super) async fn add_failure(
    db: &impl ConnectionTrait,
    key: &str,
    policy: &Policy,
    now: Timestamp,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        key: Set(key.to_owned()),
        failures: Set(1),
        failed_at: Set(now.millis()),
        succeeded_at: Set(None),
        expires_at: Set((now + policy.forget).millis()),
    };
    let forgotten = Expr::col((Entity, Column::FailedAt)).lte((now - policy.forget).millis());
    let failures =
        CaseStatement::new().case(forgotten, 1).finally(Expr::col((Entity, Column::Failures)).add(1));
    // MySQL assigns from left to right: the count looks at the time before it is set.
    let add = OnConflict::column(Column::Key)
        .value(Column::Failures, failures)
        .value(Column::FailedAt, now.millis())
        .value(Column::ExpiresAt, (now + policy.forget).millis())
        .to_owned();
    Entity::insert(row).on_conflict(add).exec_without_returning(db).await.map(drop)
}

/// Makes sure that there is a row to count in, and holds it until the transaction ends: whoever counts by the same key
/// waits, and then reads what was counted before.
pub(super) async fn hold(db: &impl ConnectionTrait, key: &str, now: Timestamp) -> Result<Counter, DbErr> {
    let row = ActiveModel {
        key: Set(key.to_owned()),
        failures: Set(0),
        failed_at: Set(now.millis()),
        succeeded_at: Set(None),
        expires_at: Set(now.millis()),
    };
    // An update that changes nothing takes the lock all the same.
    let hold = OnConflict::column(Column::Key).update_column(Column::Key).to_owned();
    Entity::insert(row).on_conflict(hold).exec_without_returning(db).await?;
    Ok(find_unique(Entity::find_by_id(key), db).await?.as_ref().map(Counter::from).unwrap_or_default())
}

/// Takes one failure back.
pub(super) async fn take_back(db: &impl ConnectionTrait, key: &str) -> Result<(), DbErr> {
    let fewer = Entity::update_many()
        .col_expr(Column::Failures, Expr::col(Column::Failures).sub(1))
        .filter(Column::Key.eq(key))
        .filter(Column::Failures.gt(0));
    fewer.exec(db).await.map(drop)
}

/// Forgets the failures of one counter.
pub(super) async fn clear(db: &impl ConnectionTrait, key: &str) -> Result<(), DbErr> {
    Entity::delete_by_id(key).exec(db).await.map(drop)
}

/// Notes that an account was signed in to from a network.
pub(super) async fn note_success(db: &impl ConnectionTrait, key: &str, now: Timestamp) -> Result<(), DbErr> {
    let row = ActiveModel {
        key: Set(key.to_owned()),
        failures: Set(0),
        failed_at: Set(now.millis()),
        succeeded_at: Set(Some(now.millis())),
        expires_at: Set((now + PAIR.forget).millis()),
    };
    let all = [Column::Failures, Column::FailedAt, Column::SucceededAt, Column::ExpiresAt];
    let note = OnConflict::column(Column::Key).update_columns(all).to_owned();
    Entity::insert(row).on_conflict(note).exec_without_returning(db).await.map(drop)
}

/// Forgets all failures of an account, wherever they came from, and where its owner was.
///
/// # Errors
/// The database's.
pub async fn forget_account(db: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    Entity::delete_many().filter(of_account(id)).exec(db).await.map(drop)
}

/// Forgets all failures of an account, but not where its owner was: they have just replaced the password, and are no
/// stranger there for it.
///
/// # Errors
/// The database's.
pub async fn forgive_account(db: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    let forgiven = Entity::update_many().col_expr(Column::Failures, Expr::value(0_i64));
    forgiven.filter(of_account(id)).filter(Column::SucceededAt.is_not_null()).exec(db).await?;
    let rows = Entity::delete_many().filter(of_account(id)).filter(Column::SucceededAt.is_null());
    rows.exec(db).await.map(drop)
}

/// All rows of an account.
fn of_account(id: Uuid) -> Condition {
    let key = account_key(id);
    // The others are longer ones, with an `@` or a `+` behind it; `A` is what comes after these.
    let behind = format!("{key}A");
    Condition::all().add(Column::Key.gte(key)).add(Column::Key.lt(behind))
}

/// Up to `limit` rows that mean nothing any more.
///
/// # Errors
/// The database's.
pub async fn expired(db: &impl ConnectionTrait, now: Timestamp, limit: u64) -> Result<Vec<String>, DbErr> {
    let keys = Entity::find().select_only().column(Column::Key).filter(Column::ExpiresAt.lte(now.millis()));
    keys.limit(limit).into_tuple().all(db).await
}

/// Removes those of these rows that still mean nothing.
///
/// # Errors
/// The database's.
pub async fn remove(db: &impl ConnectionTrait, keys: Vec<String>, now: Timestamp) -> Result<u64, DbErr> {
    let rows = Entity::delete_many().filter(Column::Key.is_in(keys));
    Ok(rows.filter(Column::ExpiresAt.lte(now.millis())).exec(db).await?.rows_affected)
}
