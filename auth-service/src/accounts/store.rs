//! Accounts in the table.

use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder as _, QuerySelect as _};
use shared::clock::Timestamp;
use shared::database::{find_unique, is_duplicate};

use super::{Role, Roles, Username};
use crate::entity::account::{ActiveModel, Column, Entity, Model};
use crate::error::Error;

/// The account of that name, under any spelling.
///
/// # Errors
/// The database's.
pub async fn find_by_name(db: &impl ConnectionTrait, username: &Username) -> Result<Option<Model>, DbErr> {
    find_unique(Entity::find().filter(Column::UsernameKey.eq(username.key())), db).await
}

/// The account of that identifier.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    find_unique(Entity::find_by_id(id), db).await
}

/// A password as an account is given it.
#[derive(Clone, Debug)]
pub struct NewPassword {
    /// Of the password.
    pub hash: String,
    /// Whether its owner must replace it before anything else.
    pub must_change: bool,
}

impl NewPassword {
    /// One that its owner has chosen.
    pub fn chosen(hash: String) -> Self {
        Self { hash, must_change: false }
    }
}

/// Adds an account.
///
/// # Errors
/// The name is taken, or the database's.
pub async fn create(
    db: &impl ConnectionTrait,
    id: Uuid,
    username: &Username,
    password: NewPassword,
    roles: &Roles,
    now: Timestamp,
) -> Result<Model, Error> {
    let account = Model {
        id,
        username: username.as_str().to_owned(),
        username_key: username.key().to_owned(),
        password_hash: password.hash,
        roles: roles.to_string(),
        created_at: now.millis(),
        password_changed_at: now.millis(),
        last_login_at: None,
        must_change_password: password.must_change,
        disabled_at: None,
    };
    // The index decides, not a look before: of two that register one name together, one is told that it is taken.
    match Entity::insert(ActiveModel::from(account.clone())).exec_without_returning(db).await {
        Ok(_) => Ok(account),
        Err(error) if is_duplicate(&error) => Err(Error::UsernameTaken),
        Err(error) => Err(error.into()),
    }
}

/// Notes that the owner of `account` signed in, and takes over the hash that replaces an outdated one. `false`: meanwhile
/// the account was disabled, or its password or hash is another.
///
/// Within a transaction this also makes whoever disables the account wait: so no session is opened behind the back of
/// somebody who has just ended them all.
///
/// # Errors
/// The database's.
pub async fn note_login(
    db: &impl ConnectionTrait,
    account: &Model,
    upgraded: Option<String>,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let mut change = ActiveModel { last_login_at: Set(Some(now.millis())), ..Default::default() };
    if let Some(hash) = upgraded {
        change.password_hash = Set(hash);
    }
    let noted = Entity::update_many()
        .set(change)
        .filter(Column::Id.eq(account.id))
        .filter(Column::PasswordHash.eq(&account.password_hash))
        .filter(Column::DisabledAt.is_null());
    Ok(noted.exec(db).await?.rows_affected == 1)
}

/// Sets the password of `account` if it is still the one that was read, and the account is not disabled. `false`: it is
/// not. Whoever takes minutes over a request must not undo what an operator did meanwhile.
///
/// # Errors
/// The database's.
pub async fn replace_password(
    db: &impl ConnectionTrait,
    account: &Model,
    password_hash: String,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let change = password_change(NewPassword::chosen(password_hash), now);
    let replaced = Entity::update_many()
        .set(change)
        .filter(Column::Id.eq(account.id))
        .filter(Column::PasswordHash.eq(&account.password_hash))
        .filter(Column::DisabledAt.is_null());
    Ok(replaced.exec(db).await?.rows_affected == 1)
}

/// Sets the password of an account, whatever it was: for operators.
///
/// # Errors
/// The database's.
pub async fn set_password(
    db: &impl ConnectionTrait,
    id: Uuid,
    password: NewPassword,
    now: Timestamp,
) -> Result<(), DbErr> {
    update(db, id, password_change(password, now)).await
}

fn password_change(password: NewPassword, now: Timestamp) -> ActiveModel {
    ActiveModel {
        password_hash: Set(password.hash),
        password_changed_at: Set(now.millis()),
        must_change_password: Set(password.must_change),
        ..Default::default()
    }
}

/// Sets the roles of an account.
///
/// # Errors
/// The database's.
pub async fn set_roles(db: &impl ConnectionTrait, id: Uuid, roles: &Roles) -> Result<(), DbErr> {
    update(db, id, ActiveModel { roles: Set(roles.to_string()), ..Default::default() }).await
}

/// Bars an account from signing in.
///
/// # Errors
/// The database's.
pub async fn disable(db: &impl ConnectionTrait, id: Uuid, now: Timestamp) -> Result<(), DbErr> {
    update(db, id, ActiveModel { disabled_at: Set(Some(now.millis())), ..Default::default() }).await
}

/// Lets an account sign in again.
///
/// # Errors
/// The database's.
pub async fn enable(db: &impl ConnectionTrait, id: Uuid) -> Result<(), DbErr> {
    update(db, id, ActiveModel { disabled_at: Set(None), ..Default::default() }).await
}

/// Deletes an account. `false`: there is none.
///
/// # Errors
/// The database's.
pub async fn delete(db: &impl ConnectionTrait, id: Uuid) -> Result<bool, DbErr> {
    Ok(Entity::delete_by_id(id).exec(db).await?.rows_affected == 1)
}

/// The accounts that may administer. Looks at every account: for rare occasions.
///
/// # Errors
/// The database's.
pub async fn enabled_admins(db: &impl ConnectionTrait) -> Result<Vec<Model>, DbErr> {
    let like = Column::Roles.contains(Role::Admin.as_str());
    let found = Entity::find().filter(like).filter(Column::DisabledAt.is_null()).order_by_asc(Column::Id);
    let may = |account: &Model| Roles::from_column(&account.roles).contains(Role::Admin);
    Ok(found.all(db).await?.into_iter().filter(may).collect())
}

/// Keeps others from changing these accounts until the transaction ends. Writes, since that is what locks on MySQL and
/// SQLite alike.
///
/// # Errors
/// The database's.
pub async fn lock(db: &impl ConnectionTrait, ids: impl IntoIterator<Item = Uuid>) -> Result<(), DbErr> {
    let same = Entity::update_many().col_expr(Column::Roles, Expr::col(Column::Roles));
    same.filter(Column::Id.is_in(ids)).exec(db).await.map(drop)
}

async fn update(db: &impl ConnectionTrait, id: Uuid, change: ActiveModel) -> Result<(), DbErr> {
    Entity::update_many().set(change).filter(Column::Id.eq(id)).exec(db).await.map(drop)
}

/// Up to `limit` accounts by name, behind the one of the key `after`, whose keys begin with `prefix`.
///
/// # Errors
/// The database's.
pub async fn list(
    db: &impl ConnectionTrait,
    prefix: &str,
    after: &str,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    let mut found = Entity::find().filter(Column::UsernameKey.gt(after));
    if !prefix.is_empty() {
        // A range of the index, since `LIKE` uses none on SQLite where it minds the case.
        let end = format!("{prefix}\u{10ffff}");
        found = found.filter(Column::UsernameKey.between(prefix, &end));
    }
    found.order_by_asc(Column::UsernameKey).limit(limit).all(db).await
}

/// How many accounts that may sign in have a hash from this one on up to `end` in the order of texts.
///
/// # Errors
/// The database's.
pub async fn count_hashes(db: &impl ConnectionTrait, from: &str, end: &str) -> Result<u64, DbErr> {
    enabled().filter(Column::PasswordHash.between(from, end)).count(db).await
}

/// How many accounts may sign in.
///
/// # Errors
/// The database's.
pub async fn count_enabled(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    enabled().count(db).await
}

/// The hash that sorts first behind `after`, of whatever account that may sign in.
///
/// # Errors
/// The database's.
pub async fn next_hash(db: &impl ConnectionTrait, after: &str) -> Result<Option<String>, DbErr> {
    let hashes = enabled().select_only().column(Column::PasswordHash);
    let behind = hashes.filter(Column::PasswordHash.gt(after)).order_by_asc(Column::PasswordHash).limit(1);
    behind.into_tuple().one(db).await
}

fn enabled() -> Select<Entity> {
    Entity::find().filter(Column::DisabledAt.is_null())
}
