//! One way to a database for all services: MySQL first, SQLite embedded.

use std::time::Duration;

use anyhow::Context as _;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbBackend, DbErr};
use sea_orm_migration::sea_query::{Index, Table, TableCreateStatement};
use sea_orm_migration::{MigratorTrait, SchemaManager};
use secrecy::{ExposeSecret as _, SecretString};

use crate::http::Problem;

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
const MYSQL_CONNECTIONS: u32 = 16;
const SQLITE_CONNECTIONS: u32 = 4;
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Connects to the database that the setting `name` holds: `mysql://user:password@host/name` or `sqlite://path`.
///
/// A SQLite file is made where there is none. `sqlite::memory:` is for tests.
///
/// # Errors
/// The URL is of another kind, or nothing answers there. The text never holds the URL, since that holds a password.
pub async fn connect(name: &str, url: &SecretString) -> anyhow::Result<DatabaseConnection> {
    let url = url.expose_secret();
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).acquire_timeout(ACQUIRE_TIMEOUT).connect_timeout(ACQUIRE_TIMEOUT);
    if url.starts_with("sqlite:") {
        sqlite(&mut options, url.contains(":memory:"));
    } else if url.starts_with("mysql:") {
        mysql(&mut options);
    } else {
        anyhow::bail!("{name}: must begin with mysql:// or sqlite://");
    }
    Database::connect(options).await.with_context(|| format!("{name}: cannot connect to the database"))
}

fn sqlite(options: &mut ConnectOptions, in_memory: bool) {
    // Each connection to ":memory:" is a database of its own, which ends with it: so one connection, for ever.
    let connections = if in_memory { 1 } else { SQLITE_CONNECTIONS };
    options.max_connections(connections).min_connections(1).idle_timeout(None).max_lifetime(None);
    options.test_before_acquire(false);
    options.map_sqlx_sqlite_opts(|options| {
        options
            .create_if_missing(true)
            .foreign_keys(true)
            .busy_timeout(SQLITE_BUSY_TIMEOUT)
            .journal_mode(SqliteJournalMode::Wal)
            // What was acknowledged outlives a power cut, not only a crash of ours.
            .synchronous(SqliteSynchronous::Full)
    });
}

fn mysql(options: &mut ConnectOptions) {
    options.max_connections(MYSQL_CONNECTIONS).min_connections(1);
    // A round trip before each query would double the time of most; connections that lay idle are asked first.
    options.test_before_acquire_if_idle_for(Duration::from_secs(10));
    options.idle_timeout(Duration::from_secs(5 * 60)).max_lifetime(Duration::from_secs(30 * 60));
    options.map_sqlx_mysql_opts(|options| options.charset("utf8mb4").timezone("+00:00".to_owned()));
}

/// Whether the database answers: a readiness check.
pub async fn answers(database: &DatabaseConnection) -> bool {
    database.ping().await.is_ok()
}

/// Brings the schema up to date, or says that somebody must.
///
/// SQLite belongs to this one process, so it is brought up to date as it is opened. MySQL has other users and a
/// replica of an older version at work, so there the step is an operator's: the command `migrate`.
///
/// # Errors
/// A MySQL schema is behind, or the database fails.
pub async fn ensure_schema<M: MigratorTrait>(database: &DatabaseConnection) -> anyhow::Result<()> {
    if database.get_database_backend() == DbBackend::Sqlite {
        return migrate::<M>(database).await.context("the schema cannot be brought up to date");
    }
    let pending = M::get_pending_migrations_read_only(database).await.context("the schema cannot be read")?;
    anyhow::ensure!(
        pending.is_empty(),
        "the schema is {} step(s) behind: run the command `migrate` first",
        pending.len()
    );
    Ok(())
}

/// Applies all steps that were not applied yet.
///
/// # Errors
/// The database's; steps that were done stay done, and the rest may be tried again.
pub async fn migrate<M: MigratorTrait>(database: &DatabaseConnection) -> Result<(), DbErr> {
    M::up(database, None).await
}

/// What the client is told of a failed query; what failed goes to the log.
///
/// A database that has no place for us at the moment asks for another try; anything else is a fault of ours.
impl From<DbErr> for Problem {
    fn from(error: DbErr) -> Self {
        let busy = match &error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
            other => other.to_string().contains("database is locked"),
        };
        if busy {
            Self::unavailable("database_unavailable", Duration::from_secs(1)).caused_by(error)
        } else {
            Self::internal(error)
        }
    }
}

/// A table as all services make theirs: re-runnable, and on MySQL with text that is compared byte by byte unless a
/// column says otherwise, as SQLite does.
pub fn table(manager: &SchemaManager<'_>, name: &'static str) -> TableCreateStatement {
    let mut table = Table::create();
    table.table(name).if_not_exists();
    if manager.get_database_backend() == DbBackend::MySql {
        table.engine("InnoDB").character_set("utf8mb4").collate("utf8mb4_0900_bin");
    }
    table
}

/// An index, where it is not there yet: MySQL knows no `CREATE INDEX IF NOT EXISTS`.
///
/// # Errors
/// The database's.
pub async fn create_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    name: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    if manager.has_index(table, name).await? {
        return Ok(());
    }
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    manager.create_index(index).await
}

/// Drops an index, where it is there.
///
/// # Errors
/// The database's.
pub async fn drop_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    name: &'static str,
) -> Result<(), DbErr> {
    if !manager.has_index(table, name).await? {
        return Ok(());
    }
    manager.drop_index(Index::drop().name(name).table(table).to_owned()).await
}
