//! What administrators and operators do to an account: the rows, what follows for its sessions, and the audit trail.

use sea_orm::DatabaseConnection;
use shared::clock::Timestamp;
use shared::database::retry_write;
use uuid::Uuid;

use super::store::{self, NewPassword};
use super::{Role, Roles, Username};
use crate::audit::{Actor, Event, Kind, Transaction};
use crate::entity::account::Model;
use crate::error::Error;
use crate::oauth::consent;
use crate::sessions;
use crate::throttle;

/// What is to be changed.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// These roles from now on. Sessions get no more than they had.
    pub roles: Option<Roles>,
    /// Whether it may sign in. Where not, its sessions end.
    pub disabled: Option<bool>,
    /// This password from now on. Its sessions end.
    pub password: Option<NewPassword>,
}

/// Who changes an account.
#[derive(Clone, Copy, Debug)]
pub enum Changer {
    /// An operator on the command line, who can always make another administrator.
    Operator,
    /// An administrator, within this session. The last one cannot lock everybody out.
    Admin(Actor, Uuid),
}

impl Changer {
    fn event(self, kind: Kind, account: Uuid) -> Event {
        match self {
            Self::Operator => Event::new(kind, Actor::Command).account(account),
            Self::Admin(actor, session) => Event::new(kind, actor).account(account).session(session),
        }
    }
}

/// An account that is to be.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The subject of its tokens.
    pub id: Uuid,
    /// Its name.
    pub username: Username,
    /// Its password.
    pub password: NewPassword,
    /// What it may do.
    pub roles: Roles,
}

/// Makes an account, told of by `event`.
///
/// # Errors
/// The name is taken, or the database's.
pub async fn create(
    database: &DatabaseConnection,
    account: &NewAccount,
    event: &Event,
    now: Timestamp,
) -> Result<Model, Error> {
    let create = || async {
        let NewAccount { id, username, password, roles } = account;
        let mut transaction = Transaction::begin(database).await?;
        let account = store::create(&*transaction, *id, username, password.clone(), roles, now).await?;
        transaction.record(now, event.clone()).await?;
        transaction.commit().await?;
        Ok(account)
    };
    retry_write(create).await
}

/// Changes an account. Returns it as it is then.
///
/// # Errors
/// There is none, it is the last administrator, or the database's.
pub async fn change(
    database: &DatabaseConnection,
    id: Uuid,
    change: &AccountChange,
    by: Changer,
    now: Timestamp,
) -> Result<Model, Error> {
    retry_write(|| try_change(database, id, change, by, now)).await
}

async fn try_change(
    database: &DatabaseConnection,
    id: Uuid,
    change: &AccountChange,
    by: Changer,
    now: Timestamp,
) -> Result<Model, Error> {
    let AccountChange { roles, disabled, password } = change;
    let demoted = roles.as_ref().is_some_and(|roles| !roles.contains(Role::Admin)) || *disabled == Some(true);
    let mut transaction = begin(database, id, by, demoted).await?;
    let account = store::find(&*transaction, id).await?.ok_or(Error::NoSuchAccount)?;
    if let Some(roles) = roles {
        store::set_roles(&*transaction, id, roles).await?;
        let detail = format!("{} to {roles}", account.roles);
        transaction.record(now, by.event(Kind::RolesChanged, id).detail(detail)).await?;
    }
    match *disabled {
        Some(true) if account.disabled_at.is_none() => {
            store::disable(&*transaction, id, now).await?;
            transaction.record(now, by.event(Kind::AccountDisabled, id)).await?;
        }
        Some(false) if account.disabled_at.is_some() => {
            store::enable(&*transaction, id).await?;
            transaction.record(now, by.event(Kind::AccountEnabled, id)).await?;
        }
        Some(_) | None => {}
    }
    if let Some(password) = password {
        store::set_password(&*transaction, id, password.clone(), now).await?;
        throttle::forget_account(&*transaction, id).await?;
        transaction.record(now, by.event(Kind::PasswordChanged, id)).await?;
    }
    if *disabled == Some(true) || password.is_some() {
        sessions::store::end_others(&*transaction, id, None, now).await?;
    }
    let changed = store::find(&*transaction, id).await?.ok_or(Error::NoSuchAccount)?;
    transaction.commit().await?;
    Ok(changed)
}

/// Deletes an account with its sessions. What the audit trail says of it stays.
///
/// # Errors
/// As [`change`].
pub async fn delete(
    database: &DatabaseConnection,
    id: Uuid,
    by: Changer,
    now: Timestamp,
) -> Result<(), Error> {
    retry_write(|| try_delete(database, id, by, now)).await
}

async fn try_delete(
    database: &DatabaseConnection,
    id: Uuid,
    by: Changer,
    now: Timestamp,
) -> Result<(), Error> {
    let mut transaction = begin(database, id, by, true).await?;
    // The account first: a login that is under way then finds none, and opens no session behind our back.
    if !store::delete(&*transaction, id).await? {
        return Err(Error::NoSuchAccount);
    }
    sessions::store::delete_all(&*transaction, id).await?;
    consent::forget_account(&*transaction, id).await?;
    throttle::forget_account(&*transaction, id).await?;
    transaction.record(now, by.event(Kind::AccountDeleted, id)).await?;
    Ok(transaction.commit().await?)
}

/// Begins a change after which this account does not administer, if it is `demoted`.
///
/// A scenario: two administrators demote each other at the same moment. Each sees that another one is left, and then none
/// is. So both rows are locked first, in one order, and looked at then.
async fn begin(
    database: &DatabaseConnection,
    id: Uuid,
    by: Changer,
    demoted: bool,
) -> Result<Transaction, Error> {
    let guarded = demoted && matches!(by, Changer::Admin(..));
    let admins = if guarded { store::enabled_admins(database).await? } else { Vec::new() };
    let transaction = Transaction::begin(database).await?;
    store::lock(&*transaction, admins.iter().map(|admin| admin.id).chain([id])).await?;
    if guarded {
        let admins = store::enabled_admins(&*transaction).await?;
        if admins.iter().any(|admin| admin.id == id) && admins.len() == 1 {
            return Err(Error::LastAdmin);
        }
    }
    Ok(transaction)
}
