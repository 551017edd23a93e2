//! One way to a database for all services: MySQL first, SQLite embedded.
//!
//! | module | what it holds |
//! |---|---|
//! | `connect` | the pool, and the session that each connection begins with |
//! | `transaction` | transactions that end even if their request does not, and take turns on SQLite |
//! | `retry` | work that is done again where the database did nothing of it |
//! | `failure` | what a failed statement means: try again, or a fault of ours |
//! | `metrics` | how full the pool is |
//! | `migrate` | schema steps under a lock, so that replicas may start together |
//! | `copy` | all rows of one database into another |
//! | `unique` | rows by a key that no two have |
//! | `schema` | tables and indexes as all services make theirs |

mod connect;
mod copy;
mod failure;
mod metrics;
mod migrate;
mod retry;
mod schema;
mod transaction;
mod unique;

use sea_orm::DatabaseConnection;

pub use connect::{DEFAULT_CONNECTIONS, connect, connect_to_existing, connect_to_look, connect_with};
pub use copy::{Copy, CopyArguments};
pub use failure::{Failure, is_duplicate};
pub use metrics::register_pool;
pub use migrate::{SchemaSteps, ensure_schema, migrate, schema_steps};
pub use retry::{AsDbErr, retry_read, retry_write};
pub use schema::{create_index, drop_index, table};
pub use transaction::{Transaction, begin};
pub use unique::{find_unique, find_unique_with};

/// Whether the database answers: a readiness check.
pub async fn answers(database: &DatabaseConnection) -> bool {
    database.ping().await.is_ok()
}
