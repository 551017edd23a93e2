//! Transactions that end even if the request that asked for them does not, and that take turns where one may write.

use std::fmt;
use std::ops::Deref;

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait as _,
};
use tracing::Instrument as _;

use super::writers::Turn;

/// A transaction, which is rolled back where it is not committed.
pub struct Transaction(Inner);

enum Inner {
    /// On a connection of its own.
    Alone(DatabaseTransaction),
    /// A turn in the line to a SQLite file.
    InLine(Turn),
}

impl Transaction {
    /// Makes it so.
    ///
    /// # Errors
    /// The database's: nothing was changed, or, where the connection broke, nobody knows.
    pub async fn commit(self) -> Result<(), DbErr> {
        match self.0 {
            Inner::Alone(transaction) => transaction.commit().await,
            Inner::InLine(turn) => turn.keep().await,
        }
    }

    /// Undoes it.
    ///
    /// # Errors
    /// The database's.
    pub async fn rollback(self) -> Result<(), DbErr> {
        match self.0 {
            Inner::Alone(transaction) => transaction.rollback().await,
            // The line undoes it before anybody else's turn.
            Inner::InLine(_) => Ok(()),
        }
    }
}

impl Deref for Transaction {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        match &self.0 {
            Inner::Alone(transaction) => transaction,
            Inner::InLine(turn) => &turn.transaction,
        }
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
    if has_line(database) {
        return Turn::of(database).await.map(|turn| Transaction(Inner::InLine(turn)));
    }
    let database = database.clone();
    let begin = async move { database.begin_with_options(immediate()).await };
    let begun = tokio::spawn(begin.in_current_span());
    let begun = begun.await.map_err(|error| DbErr::Custom(error.to_string()))?;
    begun.map(|transaction| Transaction(Inner::Alone(transaction)))
}

/// On SQLite, the place of the writer at once; MySQL knows no such thing.
pub(super) fn immediate() -> TransactionOptions {
    let mode = Some(SqliteTransactionMode::Immediate);
    TransactionOptions { sqlite_transaction_mode: mode, ..TransactionOptions::default() }
}

/// A database in memory has one connection: whoever has it is alone.
fn has_line(database: &DatabaseConnection) -> bool {
    database.get_database_backend() == DbBackend::Sqlite
        && database.get_sqlite_connection_pool().options().get_max_connections() > 1
}
