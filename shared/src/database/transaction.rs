//! Transactions that end even if the request that asked for them does not, and that take turns where one may write.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use sea_orm::{
    ConnAcquireErr, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait as _,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument as _;

use super::connect::SQLITE_BUSY_TIMEOUT;

/// Whose turn it is to write to each SQLite file that this process has open.
static TURNS: LazyLock<Mutex<HashMap<PathBuf, Arc<Semaphore>>>> = LazyLock::new(Mutex::default);

/// A transaction, which is rolled back where it is not committed.
pub struct Transaction {
    inner: DatabaseTransaction,
    turn: Option<OwnedSemaphorePermit>,
}

impl Transaction {
    /// Makes it so.
    ///
    /// # Errors
    /// The database's: nothing was changed, or, where the connection broke, nobody knows.
    pub async fn commit(self) -> Result<(), DbErr> {
        let committed = self.inner.commit().await;
        drop(self.turn);
        committed
    }

    /// Undoes it.
    ///
    /// # Errors
    /// The database's.
    pub async fn rollback(self) -> Result<(), DbErr> {
        let rolled_back = self.inner.rollback().await;
        drop(self.turn);
        rolled_back
    }
}

impl Deref for Transaction {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.inner
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

/// Begins a transaction that ends even if the request that asked for it does not.
///
/// A scenario: a client hangs up while MySQL is answering to `BEGIN`. Dropped there, the connection would go back to the
/// pool with the transaction open, and what the next request writes on it would be acknowledged and never committed. So
/// `BEGIN` runs to its end by itself; if nobody is waiting for the transaction then, it is rolled back.
///
/// On SQLite it takes the one place of the writer at once and waits for it: a transaction that has begun to read cannot
/// wait any more, and would fail where another one has written meanwhile. Those of one process wait in a line, each for its
/// turn: SQLite itself would let each look again after a while, longer and longer, and whoever just came would be first.
///
/// # Errors
/// The database's.
pub async fn begin(database: &DatabaseConnection) -> Result<Transaction, DbErr> {
    let turn = turn(database).await?;
    let database = database.clone();
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let begin = async move {
        let inner = database.begin_with_options(options).await?;
        Ok(Transaction { inner, turn })
    };
    let begun = tokio::spawn(begin.in_current_span());
    begun.await.map_err(|error| DbErr::Custom(error.to_string()))?
}

/// Waits for the turn to write. `None`: there is none to wait for.
async fn turn(database: &DatabaseConnection) -> Result<Option<OwnedSemaphorePermit>, DbErr> {
    if database.get_database_backend() != DbBackend::Sqlite {
        return Ok(None);
    }
    let pool = database.get_sqlite_connection_pool();
    if pool.options().get_max_connections() == 1 {
        return Ok(None);
    }
    let file = pool.connect_options().get_filename().to_owned();
    let turns = {
        let mut all = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(file).or_insert_with(|| Arc::new(Semaphore::new(1))))
    };
    let waiting = tokio::time::timeout(SQLITE_BUSY_TIMEOUT, turns.acquire_owned());
    match waiting.instrument(tracing::debug_span!("wait for the turn to write")).await {
        Ok(turn) => Ok(turn.ok()),
        Err(_) => Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)),
    }
}
