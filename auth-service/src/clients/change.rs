//! What operators, administrators and clients themselves do to a registration: the rows, what follows for sessions, and the
//! audit trail.

use std::time::Duration;

use sea_orm::DatabaseConnection;
use shared::clock::Timestamp;
use shared::database::retry_write;

use super::built_in::is_reserved;
use super::{Client, ClientId, store};
use crate::audit::{Actor, Event, Kind, Transaction};
use crate::error::Error;
use crate::{oauth, sessions};

/// How long a client that has registered itself is kept for somebody to use it.
pub const UNUSED_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// Registers a client, told of by `event`. One with a time to `review_at` is forgotten then if nobody uses it.
///
/// # Errors
/// The name is taken, or the database's.
pub async fn create(
    database: &DatabaseConnection,
    client: &Client,
    review_at: Option<Timestamp>,
    event: &Event,
    now: Timestamp,
) -> Result<(), Error> {
    if is_reserved(&client.id) {
        return Err(Error::ClientIdTaken);
    }
    let create = || async {
        let mut transaction = Transaction::begin(database).await?;
        store::create(&*transaction, client).await?;
        if let Some(time) = review_at {
            store::review_at(&*transaction, &client.id, time).await?;
        }
        transaction.record(now, event.clone().detail(client.id.to_string())).await?;
        Ok(transaction.commit().await?)
    };
    retry_write(create).await
}

/// Looks whether anybody uses a client that has registered itself. Deletes it if nobody does, and returns whether.
///
/// # Errors
/// The database's.
pub async fn review(database: &DatabaseConnection, id: &ClientId, now: Timestamp) -> Result<bool, Error> {
    let review = || async {
        let mut transaction = Transaction::begin(database).await?;
        store::lock(&*transaction, id).await?;
        let used = store::is_used(&*transaction, id).await?;
        if used {
            store::review_at(&*transaction, id, now + UNUSED_FOR).await?;
        } else if store::delete(&*transaction, id).await? {
            let event = Event::new(Kind::ClientDeleted, Actor::System);
            transaction.record(now, event.detail(format!("{id}, which nobody used"))).await?;
        }
        transaction.commit().await?;
        Ok(!used)
    };
    retry_write(review).await
}

/// Puts `client` in the place of what was registered `before`, told of by `event`. Its sessions get no more than it may ask
/// for now.
///
/// A scenario: one administrator replaces the secret of a client while another one changes its name. Written without a look,
/// the name would come with the old secret, which is good again then.
///
/// # Errors
/// There is none, somebody has changed it meanwhile, or the database's.
pub async fn replace(
    database: &DatabaseConnection,
    before: &Client,
    client: &Client,
    event: &Event,
    now: Timestamp,
) -> Result<(), Error> {
    let replace = || async {
        let mut transaction = Transaction::begin(database).await?;
        store::lock(&*transaction, &client.id).await?;
        let current = store::find(&*transaction, &client.id).await?.ok_or(Error::NoSuchClient)?;
        if !store::same(&current, before) {
            return Err(Error::ClientChangedMeanwhile);
        }
        store::replace(&*transaction, client).await?;
        transaction.record(now, event.clone().detail(client.id.to_string())).await?;
        Ok(transaction.commit().await?)
    };
    retry_write(replace).await
}

/// Deletes a client with all that it has: its sessions end, its codes and waiting devices are worth nothing, and what people
/// have allowed it is forgotten. An access token that the client got for itself goes on until it ends.
///
/// A scenario: the client redeems a code at this moment. Codes go before sessions: either the code is gone when it is to be
/// used up; or whoever uses it up is waited for here, and the session that it has opened ends with the others.
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
        oauth::one_time::remove_of(&*transaction, id, now).await?;
        oauth::device::store::remove_of(&*transaction, id, now).await?;
        let ended = sessions::store::end_all_of_client(&*transaction, id.as_str(), now).await?;
        transaction.record(now, event.clone().detail(format!("{id}, sessions ended: {ended}"))).await?;
        Ok(transaction.commit().await?)
    };
    retry_write(delete).await
}
