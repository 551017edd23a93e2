//! Transactions that end even if the request that asked for them does not.

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait as _,
};

/// Begins a transaction that ends even if the request that asked for it does not.
///
/// A scenario: a client hangs up while MySQL is answering to `BEGIN`. Dropped there, the connection would go back to the
/// pool with the transaction open, and what the next request writes on it would be acknowledged and never committed. So
/// `BEGIN` runs to its end by itself; if nobody is waiting for the transaction then, it is rolled back.
///
/// On SQLite it takes the one place of the writer at once and waits for it: a transaction that has begun to read cannot
/// wait any more, and would fail where another one has written meanwhile.
///
/// # Errors
/// The database's.
pub async fn begin(database: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let database = database.clone();
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let begun = tokio::spawn(async move { database.begin_with_options(options).await });
    begun.await.map_err(|error| DbErr::Custom(error.to_string()))?
}
