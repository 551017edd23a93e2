//! Work that is done again where the database did nothing of it.

use std::future::Future;
use std::time::Duration;

use sea_orm::DbErr;
use tracing::Instrument as _;

use super::failure::Failure;

const TRIES: u32 = 3;
/// Whoever won the lock is through by then.
const PAUSE: Duration = Duration::from_millis(5);

/// Reads again where the connection broke or the database undid the read: nothing can have been done twice.
///
/// A scenario: the database restarts. The first request on each connection that died with it would fail, although the
/// database is back; the second try takes another connection.
///
/// # Errors
/// Those of `read`, after three tries.
pub async fn retry_read<T, E, F>(read: impl Fn() -> F) -> Result<T, E>
where
    E: AsDbErr,
    F: Future<Output = Result<T, E>>,
{
    let passing = [Failure::RolledBack, Failure::ConnectionLost];
    retry(|| read().instrument(tracing::debug_span!("database read")), &passing).await
}

/// Writes again where the database undid the whole transaction, as the victim of a deadlock. `write` must be all of it,
/// from its beginning to its commit.
///
/// Not where the connection broke: the database may have carried it out, and only the client can judge what twice means.
///
/// # Errors
/// Those of `write`, after three tries.
pub async fn retry_write<T, E, F>(write: impl Fn() -> F) -> Result<T, E>
where
    E: AsDbErr,
    F: Future<Output = Result<T, E>>,
{
    retry(|| write().instrument(tracing::debug_span!("database write")), &[Failure::RolledBack]).await
}

async fn retry<T, E, F>(work: impl Fn() -> F, passing: &[Failure]) -> Result<T, E>
where
    E: AsDbErr,
    F: Future<Output = Result<T, E>>,
{
    for attempt in 1..TRIES {
        match work().await {
            Err(error) if error.as_db_err().is_some_and(|error| passing.contains(&Failure::of(error))) => {
                tokio::time::sleep(PAUSE * attempt).await;
            }
            result => return result,
        }
    }
    work().await
}

/// An error that may be one of the database's.
pub trait AsDbErr {
    /// The database's error, where it is one.
    fn as_db_err(&self) -> Option<&DbErr>;
}

impl AsDbErr for DbErr {
    fn as_db_err(&self) -> Option<&DbErr> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use sea_orm::RuntimeErr;
    use sea_orm::sqlx;

    use super::*;

    fn lost() -> DbErr {
        DbErr::Query(RuntimeErr::SqlxError(sqlx::Error::WorkerCrashed.into()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_is_tried_three_times_and_a_write_whose_fate_is_unknown_once() {
        let tries = Cell::new(0);
        let failing = || {
            tries.set(tries.get() + 1);
            std::future::ready(Err::<(), _>(lost()))
        };
        assert!(retry_read(failing).await.is_err());
        assert_eq!(tries.replace(0), 3);
        assert!(retry_write(failing).await.is_err());
        assert_eq!(tries.replace(0), 1);
        let second = || {
            tries.set(tries.get() + 1);
            std::future::ready(if tries.get() < 2 { Err(lost()) } else { Ok(()) })
        };
        assert!(retry_read(second).await.is_ok());
        assert_eq!(tries.get(), 2);
    }
}
