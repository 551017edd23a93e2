//! What operators, administrators and clients themselves do to a registration: the rows, what follows for sessions, and the
//! audit trail.

use sea_orm::DatabaseConnection;
use shared::clock::Timestamp;
use shared::database::retry_write;

use super::{Client, ClientId, store};
use crate::audit::{Event, Transaction};
use crate::error::Error;
use crate::{oauth, sessions};

/// Registers a client, told of by `event`.
///
/// # Errors
/// The name is taken, or the database's.
pub async fn create(
    database: &DatabaseConnection,
    client: &Client,
    event: &Event,
    now: Timestamp,
) -> Result<(), Error> {
    let create = || async {
        let mut transaction = Transaction::begin(database).await?;
        store::create(&*transaction, client).await?;
        transaction.record(now, event.clone().detail(client.id.to_string())).await?;
        Ok(transaction.commit().await?)
    };
    retry_write(create).await
}

/// Puts `client` in the place of the one of its name, told of by `event`. Its sessions get no more than it may ask for now.
///
/// # Errors
/// There is none, or the database's.
pub async fn replace(
    database: &DatabaseConnection,
    client: &Client,
    event: &Event,
    now: Timestamp,
) -> Result<(), Error> {
    let replace = || async {
        let mut transaction = Transaction::begin(database).await?;
        if !store::replace(&*transaction, client).await? {
            return Err(Error::NoSuchClient);
        }
        transaction.record(now, event.clone().detail(client.id.to_string())).await?;
        Ok(transaction.commit().await?)
    };
    retry_write(replace).await
}

/// Deletes a client with all that it has: its sessions end, its codes and waiting devices are worth nothing, and what people
/// have allowed it is forgotten.
///
/// # Errors
/// There is none, or the database's.
pub async fn delete(
    database: &DatabaseConnection,
    id: &ClientId,
    event: &Event,
    now: Timestamp,
) -> Result<(), Error> {
    let delete = || async {
        let mut transaction = Transaction::begin(database).await?;
        if !store::delete(&*transaction, id).await? {
            return Err(Error::NoSuchClient);
        }
        oauth::one_time::remove_of(&*transaction, id).await?;
        oauth::device::store::remove_of(&*transaction, id).await?;
        let ended = sessions::store::end_all_of_client(&*transaction, id.as_str(), now).await?;
        transaction.record(now, event.clone().detail(format!("{id}, sessions ended: {ended}"))).await?;
        Ok(transaction.commit().await?)
    };
    retry_write(delete).await
}
