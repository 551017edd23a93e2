//! The end of sessions, with its place in the audit trail: the same for whoever ends them.

use sea_orm::DatabaseConnection;
use shared::clock::Timestamp;
use shared::database::retry_write;
use uuid::Uuid;

use super::store;
use crate::audit::{Event, Transaction};
use crate::error::Error;

/// Ends one session of the account, told of by `event`. `false`: the account has none of that name that is not over.
///
/// # Errors
/// The database's.
pub async fn one(
    database: &DatabaseConnection,
    account_id: Uuid,
    id: Uuid,
    event: &Event,
    now: Timestamp,
) -> Result<bool, Error> {
    let end = || async {
        let mut transaction = Transaction::begin(database).await?;
        if !store::end(&*transaction, account_id, id, now).await? {
            return Ok(false);
        }
        transaction.record(now, event.clone()).await?;
        transaction.commit().await?;
        Ok(true)
    };
    retry_write(end).await
}

/// Ends all sessions of the account but `kept`, told of by `event` with `what` was ended and how many.
///
/// # Errors
/// The database's.
pub async fn all(
    database: &DatabaseConnection,
    account_id: Uuid,
    kept: Option<Uuid>,
    event: &Event,
    what: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let end = || async {
        let mut transaction = Transaction::begin(database).await?;
        let ended = store::end_others(&*transaction, account_id, kept, now).await?;
        transaction.record(now, event.clone().detail(format!("{what}: {ended}"))).await?;
        Ok(transaction.commit().await?)
    };
    retry_write(end).await
}
