//! Sessions in the table. Every change is one conditional statement on one row, so nothing needs a lock.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Asterisk;
use sea_orm::{ActiveValue::Set, Condition, ExprTrait as _, QueryOrder as _, QuerySelect as _, UpdateMany};
use shared::clock::Timestamp;
use shared::database::{find_unique, find_unique_with};

use super::Client;
use crate::entity::account;
use crate::entity::session::{ActiveModel, Column, Entity, Model};
use crate::tokens::scope::OFFLINE_ACCESS;

/// Adds a session.
///
/// # Errors
/// The database's.
pub async fn open(db: &impl ConnectionTrait, session: &Model) -> Result<(), DbErr> {
    Entity::insert(ActiveModel::from(session.clone())).exec_without_returning(db).await.map(drop)
}

/// Moves the session on from `generation`. `false`: that is not the current one, the session is over, or it is another
/// client's. Of any number that try together, one wins.
///
/// # Errors
/// The database's.
pub async fn advance(
    db: &impl ConnectionTrait,
    id: Uuid,
    generation: i64,
    client_id: &str,
    idle_expires_at: Timestamp,
    now: Timestamp,
    client: &Client,
) -> Result<bool, DbErr> {
    let next = used(idle_expires_at, now, client)
        .col_expr(Column::Generation, Expr::col(Column::Generation).add(1))
        .col_expr(Column::RotatedAt, Expr::value(now.millis()));
    let own = next.filter(Column::ClientId.eq(client_id));
    affects_one(own.filter(alive(now)).filter(is_generation(id, generation)), db).await
}

/// Notes that the session was used at `generation`, without moving on. `false` as in [`advance`].
///
/// # Errors
/// The database's.
pub async fn touch(
    db: &impl ConnectionTrait,
    id: Uuid,
    generation: i64,
    idle_expires_at: Timestamp,
    now: Timestamp,
    client: &Client,
) -> Result<bool, DbErr> {
    let same = used(idle_expires_at, now, client);
    affects_one(same.filter(alive(now)).filter(is_generation(id, generation)), db).await
}

/// The session of that name.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    find_unique(Entity::find_by_id(id), db).await
}

/// The session of that name with its account.
///
/// # Errors
/// The database's.
pub async fn find_with_account(
    db: &impl ConnectionTrait,
    id: Uuid,
) -> Result<Option<(Model, Option<account::Model>)>, DbErr> {
    find_unique_with(Entity::find_by_id(id).find_also_related(account::Entity), db).await
}

/// The session of that name with its account, where the one is not over and the other may sign in.
///
/// # Errors
/// The database's.
pub async fn find_live(
    db: &impl ConnectionTrait,
    id: Uuid,
    now: Timestamp,
) -> Result<Option<(Model, account::Model)>, DbErr> {
    let Some((session, Some(account))) = find_with_account(db, id).await? else { return Ok(None) };
    let live = !session.is_over(now) && account.disabled_at.is_none();
    Ok(live.then_some((session, account)))
}

/// Ends a session of the account. `false`: there is none of that name that is not over.
///
/// # Errors
/// The database's.
pub async fn end(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    id: Uuid,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let ended = ended(now).filter(Column::Id.eq(id)).filter(Column::AccountId.eq(account_id));
    affects_one(ended.filter(alive(now)), db).await
}

/// Holds on to a session that is not over until the transaction ends: whoever ends it waits, and then sees what was opened
/// from it. `false`: it is over.
///
/// # Errors
/// The database's.
pub async fn hold(db: &impl ConnectionTrait, id: Uuid, now: Timestamp) -> Result<bool, DbErr> {
    let used = ActiveModel { last_used_at: Set(now.millis()), ..Default::default() };
    affects_one(Entity::update_many().set(used).filter(Column::Id.eq(id)).filter(alive(now)), db).await
}

/// Ends what was opened from a session of a browser, but for those that were to go on (`offline_access`). Returns how many.
///
/// # Errors
/// The database's.
pub async fn end_opened_from(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    sign_in: Uuid,
    now: Timestamp,
) -> Result<u64, DbErr> {
    let opened = ended(now).filter(Column::AccountId.eq(account_id)).filter(Column::SignInId.eq(sign_in));
    let bound = opened.filter(Column::Scope.not_like(format!("%{OFFLINE_ACCESS}%")));
    Ok(bound.filter(Column::RevokedAt.is_null()).exec(db).await?.rows_affected)
}

/// Makes the sessions that were opened from one session of a browser those of another one, of the same account.
///
/// # Errors
/// The database's.
pub async fn move_opened_from(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    sign_in: Uuid,
    next: Uuid,
) -> Result<(), DbErr> {
    let moved = ActiveModel { sign_in_id: Set(Some(next)), ..Default::default() };
    let opened = Entity::update_many().set(moved).filter(Column::AccountId.eq(account_id));
    opened.filter(Column::SignInId.eq(sign_in)).filter(Column::RevokedAt.is_null()).exec(db).await.map(drop)
}

/// Ends all sessions of the account that one client has.
///
/// # Errors
/// The database's.
pub async fn end_of_client(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    client_id: &str,
    now: Timestamp,
) -> Result<u64, DbErr> {
    let theirs = ended(now).filter(Column::AccountId.eq(account_id)).filter(Column::ClientId.eq(client_id));
    Ok(theirs.filter(Column::RevokedAt.is_null()).exec(db).await?.rows_affected)
}

/// Ends all sessions that a client has, of whomever.
///
/// # Errors
/// The database's.
pub async fn end_all_of_client(
    db: &impl ConnectionTrait,
    client_id: &str,
    now: Timestamp,
) -> Result<u64, DbErr> {
    let theirs = ended(now).filter(Column::ClientId.eq(client_id)).filter(Column::RevokedAt.is_null());
    Ok(theirs.exec(db).await?.rows_affected)
}

/// Ends all sessions of the account but `kept`. Returns how many there were.
///
/// # Errors
/// The database's.
pub async fn end_others(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    kept: Option<Uuid>,
    now: Timestamp,
) -> Result<u64, DbErr> {
    let mut ended = ended(now).filter(Column::AccountId.eq(account_id)).filter(Column::RevokedAt.is_null());
    if let Some(kept) = kept {
        ended = ended.filter(Column::Id.ne(kept));
    }
    Ok(ended.exec(db).await?.rows_affected)
}

/// Up to `limit` sessions of the account at this client that were opened in this way and are not over, but for the `kept`
/// that were used last.
///
/// # Errors
/// The database's.
pub(super) async fn unused_for_longest(
    db: &impl ConnectionTrait,
    like: &Model,
    kept: u64,
    limit: u64,
    now: Timestamp,
) -> Result<Vec<Uuid>, DbErr> {
    let ids = Entity::find().select_only().column(Column::Id).filter(Column::AccountId.eq(like.account_id));
    let ids = ids.filter(Column::ClientId.eq(&like.client_id)).filter(Column::Origin.eq(like.origin));
    let last = ids.filter(alive(now)).order_by_desc(Column::LastUsedAt).order_by_desc(Column::Id);
    last.offset(kept).limit(limit).into_tuple().all(db).await
}

/// Up to `limit` sessions of the account that are not over, behind the one called `after`, oldest first.
///
/// # Errors
/// The database's.
pub async fn list(
    db: &impl ConnectionTrait,
    account_id: Uuid,
    after: Option<Uuid>,
    limit: u64,
    now: Timestamp,
) -> Result<Vec<Model>, DbErr> {
    let mut sessions = Entity::find().filter(Column::AccountId.eq(account_id)).filter(alive(now));
    if let Some(after) = after {
        sessions = sessions.filter(Column::Id.gt(after));
    }
    sessions.order_by_asc(Column::Id).limit(limit).all(db).await
}

/// Deletes all sessions of an account.
///
/// # Errors
/// The database's.
pub async fn delete_all(db: &impl ConnectionTrait, account_id: Uuid) -> Result<u64, DbErr> {
    Ok(Entity::delete_many().filter(Column::AccountId.eq(account_id)).exec(db).await?.rows_affected)
}

/// Up to `limit` sessions that have reached their end, or were brought to it. Nothing puts that off, so none of them is
/// ever used again.
///
/// # Errors
/// The database's.
pub async fn expired(db: &impl ConnectionTrait, now: Timestamp, limit: u64) -> Result<Vec<Uuid>, DbErr> {
    let ids = Entity::find().select_only().column(Column::Id).filter(Column::ExpiresAt.lte(now.millis()));
    ids.order_by_asc(Column::ExpiresAt).limit(limit).into_tuple().all(db).await
}

/// How many sessions have not reached their end, nor were brought to it; those that nobody has used for too long count until
/// then. Reads as many entries of one index and no row: for rare occasions.
///
/// # Errors
/// The database's.
pub async fn count_unended(db: &impl ConnectionTrait, now: Timestamp) -> Result<i64, DbErr> {
    let all = Expr::col(Asterisk).count();
    let count =
        Entity::find().select_only().expr_as(all, "sessions").filter(Column::ExpiresAt.gt(now.millis()));
    Ok(count.into_tuple().one(db).await?.unwrap_or_default())
}

/// Removes these sessions.
///
/// # Errors
/// The database's.
pub async fn remove(db: &impl ConnectionTrait, ids: Vec<Uuid>) -> Result<u64, DbErr> {
    Ok(Entity::delete_many().filter(Column::Id.is_in(ids)).exec(db).await?.rows_affected)
}

fn alive(now: Timestamp) -> Condition {
    Condition::all()
        .add(Column::RevokedAt.is_null())
        .add(Column::ExpiresAt.gt(now.millis()))
        .add(Column::IdleExpiresAt.gt(now.millis()))
}

fn is_generation(id: Uuid, generation: i64) -> Condition {
    Condition::all().add(Column::Id.eq(id)).add(Column::Generation.eq(generation))
}

fn used(idle_expires_at: Timestamp, now: Timestamp, client: &Client) -> UpdateMany<Entity> {
    Entity::update_many().set(ActiveModel {
        last_used_at: Set(now.millis()),
        idle_expires_at: Set(idle_expires_at.millis()),
        user_agent: Set(client.user_agent.clone()),
        ip: Set(client.ip.to_string()),
        ..Default::default()
    })
}

/// What has ended means nothing any more, and is swept with what has reached its end: whoever logs in and out all day leaves
/// no more rows than there are sessions.
fn ended(now: Timestamp) -> UpdateMany<Entity> {
    let ended = ActiveModel {
        revoked_at: Set(Some(now.millis())),
        expires_at: Set(now.millis()),
        ..Default::default()
    };
    Entity::update_many().set(ended)
}

async fn affects_one(update: UpdateMany<Entity>, db: &impl ConnectionTrait) -> Result<bool, DbErr> {
    Ok(update.exec(db).await?.rows_affected == 1)
}
