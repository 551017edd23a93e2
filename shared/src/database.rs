//! One way to a database for all services: MySQL first, SQLite embedded.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::time::Duration;

use anyhow::Context as _;
use sea_orm::sqlx::mysql::MySqlDatabaseError;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait as _,
    RuntimeErr, TransactionTrait as _, sqlx,
};
use sea_orm_migration::sea_query::{Index, Table, TableCreateStatement};
use sea_orm_migration::{MigratorTrait, SchemaManager, seaql_migrations};
use secrecy::{ExposeSecret as _, SecretString};

use crate::http::Problem;

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
const MYSQL_CONNECTIONS: u32 = 16;
const SQLITE_CONNECTIONS: u32 = 4;
const CONNECT_TRIES: u32 = 20;
const CONNECT_PAUSE: Duration = Duration::from_millis(100);
const MIGRATION_TRIES: u32 = 10;
const MIGRATION_PAUSE: Duration = Duration::from_millis(200);
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
        let in_memory = url.contains(":memory:");
        if !in_memory {
            create_private(url).with_context(|| format!("{name}: cannot make the database file"))?;
        }
        sqlite(&mut options, in_memory);
    } else if url.starts_with("mysql:") {
        mysql(&mut options);
    } else {
        anyhow::bail!("{name}: must begin with mysql:// or sqlite://");
    }
    let mut tries = 1..CONNECT_TRIES;
    loop {
        match Database::connect(options.clone()).await {
            // SQLite lets one connection at a time turn a new file into one with a write-ahead log, and does not make the
            // others wait; MySQL may still be starting.
            Err(error) if is_passing(&error) && tries.next().is_some() => {
                tokio::time::sleep(CONNECT_PAUSE).await;
            }
            result => return result.with_context(|| format!("{name}: cannot connect to the database")),
        }
    }
}

/// Makes the file of a SQLite database for its owner alone, where it is missing: it holds password hashes. SQLite gives the
/// files that it makes beside it the same mode.
fn create_private(url: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let options: sqlx::sqlite::SqliteConnectOptions = url.parse()?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(options.get_filename());
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

fn sqlite(options: &mut ConnectOptions, in_memory: bool) {
    // Each connection to ":memory:" is a database of its own, which ends with it: so one connection, for ever.
    let connections = if in_memory { 1 } else { SQLITE_CONNECTIONS };
    options.max_connections(connections).idle_timeout(None).max_lifetime(None).test_before_acquire(false);
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

/// Begins a transaction that ends even if the request that asked for it does not.
///
/// A scenario: a client hangs up while MySQL is answering to `BEGIN`. Dropped there, the connection would go back to the
/// pool with the transaction open, and what the next request writes on it would be acknowledged and never committed. So
/// `BEGIN` runs to its end by itself; if nobody is waiting for the transaction then, it is rolled back.
///
/// # Errors
/// The database's.
pub async fn begin(database: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let database = database.clone();
    #[expect(clippy::disallowed_methods, reason = "the one place that begins transactions")]
    let begun = tokio::spawn(async move { database.begin().await });
    begun.await.map_err(|error| DbErr::Custom(error.to_string()))?
}

/// Brings the schema up to date, or says that somebody must.
///
/// SQLite belongs to this one process, so it is brought up to date as it is opened. MySQL has other users and a
/// replica of an older version at work, so there the step is an operator's: the command `migrate`.
///
/// # Errors
/// A MySQL schema is behind, or the database fails.
pub async fn ensure_schema<M: MigratorTrait>(database: &DatabaseConnection) -> anyhow::Result<()> {
    let pending = pending::<M>(database).await.context("the schema cannot be read")?;
    if pending == 0 {
        return Ok(());
    }
    if database.get_database_backend() == DbBackend::Sqlite {
        return migrate::<M>(database).await.context("the schema cannot be brought up to date");
    }
    anyhow::bail!("the schema is {pending} step(s) behind: run the command `migrate` first")
}

/// How many of our own steps were not applied yet. Steps that we do not know are of a newer version, which must leave a
/// schema that we can work with: so a replica of ours may restart in the middle of its rollout, or after it was undone.
async fn pending<M: MigratorTrait>(database: &DatabaseConnection) -> Result<usize, DbErr> {
    let ours = M::get_migration_files();
    if !SchemaManager::new(database).has_table("seaql_migrations").await? {
        return Ok(ours.len());
    }
    let applied = seaql_migrations::Entity::find().all(database).await?;
    let is_applied = |name: &str| applied.iter().any(|step| step.version == name);
    Ok(ours.iter().filter(|step| !is_applied(step.name())).count())
}

/// Applies all steps that were not applied yet.
///
/// Replicas may do so together: of two that apply one step, the slower one fails on what the other has made, and since
/// every step can be run again, it goes on from there.
///
/// # Errors
/// The database's; steps that were done stay done, and the rest may be tried again.
pub async fn migrate<M: MigratorTrait>(database: &DatabaseConnection) -> Result<(), DbErr> {
    let mut result = Ok(());
    for _ in 0..MIGRATION_TRIES {
        if pending::<M>(database).await? == 0 {
            return Ok(());
        }
        result = M::up(database, None).await;
        if result.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(MIGRATION_PAUSE).await;
    }
    result
}

/// What the client is told of a failed query; what failed goes to the log.
///
/// A database that has no place for us at the moment asks for another try; anything else is a fault of ours.
impl From<DbErr> for Problem {
    fn from(error: DbErr) -> Self {
        if is_passing(&error) {
            Self::unavailable("database_unavailable", Duration::from_secs(1)).caused_by(error)
        } else {
            Self::internal(error)
        }
    }
}

/// Whether the same may work in a moment: no connection was free, the connection broke, or others held the rows.
fn is_passing(error: &DbErr) -> bool {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else {
        return matches!(error, DbErr::ConnectionAcquire(_));
    };
    let RuntimeErr::SqlxError(cause) = cause else { return false };
    match &**cause {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => match error.try_downcast_ref::<MySqlDatabaseError>() {
            // Shutting down, killed, lock wait timeout, deadlock, read-only since a failover.
            Some(error) => matches!(error.number(), 1053 | 1317 | 1205 | 1213 | 1290),
            // SQLITE_BUSY and SQLITE_LOCKED with their extensions, which count from bit 8 on.
            None => error
                .code()
                .and_then(|code| code.parse().ok())
                .is_some_and(|code: i32| matches!(code & 0xff, 5 | 6)),
        },
        _ => false,
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
