//! The pool, and the session that each connection begins with.

use std::error::Error;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{self, Connection as _, Executor as _};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::failure::Failure;

/// Connections to MySQL where the operator does not say: enough to keep the cores of a small server busy, and few enough
/// for ten replicas of two services under MySQL's default of 151.
pub const DEFAULT_CONNECTIONS: u32 = 16;
/// SQLite has one writer at a time; the rest read beside it.
const SQLITE_CONNECTIONS: u32 = 4;
/// How long a request waits for a free connection. Longer would only fill the places of those who could be served.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// A connection that was idle for longer is asked whether it still lives before it is used. Under load none is, so
/// nobody pays for the question; after a restart of the database nobody meets a connection that died with it.
const TEST_AFTER_IDLE: Duration = Duration::from_secs(1);
const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// Connections are replaced now and then, so that replicas find a database that was moved or grew.
const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);
/// Prepared statements that a connection keeps: more than all services of ours have, so that each is parsed once.
const STATEMENTS: usize = 256;
pub(super) const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TRIES: u32 = 20;
const CONNECT_PAUSE: Duration = Duration::from_millis(100);

/// What a connection to MySQL begins with, whatever the server's defaults are.
///
/// - Text that does not fit is an error, never cut off.
/// - `REPEATABLE READ`: a conditional update that finds its row in another state keeps it locked, so whoever lost a race
///   judges a row that nobody changes meanwhile.
/// - Nobody waits for a lock, and no query runs, for longer than a request may take.
const MYSQL_SESSION: &str = "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), \
                             transaction_isolation = 'REPEATABLE-READ', innodb_lock_wait_timeout = 5, \
                             max_execution_time = 10000";

/// Connects to the database that the setting `name` holds: `mysql://user:password@host/name` or `sqlite://path`.
///
/// A SQLite file is made where there is none. `sqlite::memory:` is for tests.
///
/// # Errors
/// The URL is of another kind, or nothing answers there. The text never holds the URL, since that holds a password.
pub async fn connect(name: &str, url: &SecretString) -> anyhow::Result<DatabaseConnection> {
    connect_with(name, url, DEFAULT_CONNECTIONS).await
}

/// The same with at most so many connections, where the database is MySQL.
///
/// # Errors
/// As [`connect`].
pub async fn connect_with(
    name: &str,
    url: &SecretString,
    connections: u32,
) -> anyhow::Result<DatabaseConnection> {
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
        readable(name, url)?;
        mysql(&mut options, connections);
    } else {
        anyhow::bail!("{name}: must begin with mysql:// or sqlite://");
    }
    let (mut tries, mut told) = (1..CONNECT_TRIES, false);
    loop {
        match Database::connect(options.clone()).await {
            // SQLite lets one connection at a time turn a new file into one with a write-ahead log, and does not make the
            // others wait; MySQL may still be starting.
            Err(error) if Failure::of(&error) != Failure::Fault && tries.next().is_some() => {
                if !std::mem::replace(&mut told, true) {
                    let error = &*reason(url, error).await;
                    tracing::warn!(error, "{name}: the database does not answer yet; waiting for it");
                }
                tokio::time::sleep(CONNECT_PAUSE).await;
            }
            Err(error) => {
                let reason = anyhow::Error::from_boxed(reason(url, error).await);
                return Err(reason.context(format!("{name}: cannot connect to the database")));
            }
            Ok(database) => return Ok(database),
        }
    }
}

/// Why there is no connection. A pool tries on its own and in the end says no more than that its time was over; a single
/// connection says what is wrong.
async fn reason(url: &str, error: DbErr) -> Box<dyn Error + Send + Sync> {
    if url.starts_with("mysql:") {
        let alone = tokio::time::timeout(ACQUIRE_TIMEOUT, sqlx::MySqlConnection::connect(url)).await;
        if let Ok(Err(reason)) = alone {
            return reason.into();
        }
    }
    error.into()
}

/// Connects to look and not to touch, with one connection on which nothing can be written. `None`: the URL is of a SQLite
/// file that is not there yet.
///
/// # Errors
/// As [`connect`].
pub async fn connect_to_look(name: &str, url: &SecretString) -> anyhow::Result<Option<DatabaseConnection>> {
    const READ_ONLY: &str = "SET SESSION TRANSACTION READ ONLY";
    let url = url.expose_secret();
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).acquire_timeout(ACQUIRE_TIMEOUT).connect_timeout(ACQUIRE_TIMEOUT);
    options.max_connections(1);
    if let Some(file) = sqlite_file(name, url)? {
        if !file.exists() {
            return Ok(None);
        }
        // Where nobody has it open there is no log beside it, and even reading would make one.
        let mut log = file.into_os_string();
        log.push("-wal");
        let in_use = Path::new(&log).exists();
        options.map_sqlx_sqlite_opts(move |options| {
            options.read_only(true).immutable(!in_use).busy_timeout(SQLITE_BUSY_TIMEOUT)
        });
    } else if url.starts_with("mysql:") {
        readable(name, url)?;
        options.map_sqlx_mysql_opts(|options| options.charset("utf8mb4").timezone("+00:00".to_owned()));
        options.map_sqlx_mysql_pool_opts(|options| {
            options.after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(MYSQL_SESSION).await?;
                    connection.execute(READ_ONLY).await.map(drop)
                })
            })
        });
    } else {
        anyhow::bail!("{name}: must begin with mysql:// or sqlite://");
    }
    let connected = Database::connect(options).await;
    connected.map(Some).with_context(|| format!("{name}: cannot connect to the database"))
}

/// Connects to a database that is there already.
///
/// A scenario: the path is mistyped. A new file would be made there, and its export be an empty backup.
///
/// # Errors
/// As [`connect`], and there is no such SQLite file.
pub async fn connect_to_existing(name: &str, url: &SecretString) -> anyhow::Result<DatabaseConnection> {
    if let Some(file) = sqlite_file(name, url.expose_secret())? {
        anyhow::ensure!(file.exists(), "{name}: there is no database at {}", file.display());
    }
    connect(name, url).await
}

/// The file of a SQLite database.
fn sqlite_file(name: &str, url: &str) -> anyhow::Result<Option<PathBuf>> {
    if !url.starts_with("sqlite:") || url.contains(":memory:") {
        return Ok(None);
    }
    let parsed: sqlx::sqlite::SqliteConnectOptions =
        url.parse().with_context(|| format!("{name}: is no address of a database"))?;
    Ok(Some(parsed.get_filename().to_owned()))
}

/// Refuses what would be refused further down by an error that holds it, password and all.
fn readable(name: &str, url: &str) -> anyhow::Result<()> {
    Url::parse(url).map(drop).with_context(|| {
        format!("{name}: is no URL; in user name and password, write @ / ? # % and : as %40 %2F %3F %23 %25 and %3A")
    })
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
            .statement_cache_capacity(STATEMENTS)
            // What was acknowledged outlives a power cut, not only a crash of ours.
            .synchronous(SqliteSynchronous::Full)
    });
    // A scenario: the disk is full, and SQLite undoes the whole transaction by itself. The rollback that follows finds none
    // and fails, sqlx goes on to believe that one is open, and each transaction on this connection would be a savepoint
    // that cannot wait for its turn. So a connection that is thought to be in a transaction is not handed out again.
    options.map_sqlx_sqlite_before_acquire(|connection, _| {
        Box::pin(std::future::ready(Ok(!connection.is_in_transaction())))
    });
}

fn mysql(options: &mut ConnectOptions, connections: u32) {
    options.max_connections(connections).min_connections(1);
    options.test_before_acquire_if_idle_for(TEST_AFTER_IDLE);
    options.idle_timeout(IDLE_TIMEOUT).max_lifetime(MAX_LIFETIME);
    options.map_sqlx_mysql_opts(|options| {
        options.charset("utf8mb4").timezone("+00:00".to_owned()).statement_cache_capacity(STATEMENTS)
    });
    options.map_sqlx_mysql_pool_opts(|options| {
        options.after_connect(|connection, _| {
            Box::pin(async move { connection.execute(MYSQL_SESSION).await.map(drop) })
        })
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The usual mistake: a password with a character that means something in a URL.
    #[tokio::test]
    async fn no_error_holds_the_password() {
        for bad in ["mysql://u:pa/s3cret@h/db", "mysql://u:pa#s3cret@h/db", "postgres://u:s3cret@h/db"] {
            let url = SecretString::from(bad);
            let connected = connect("TEST_URL", &url).await.unwrap_err();
            let looked = connect_to_look("TEST_URL", &url).await.unwrap_err();
            for error in [format!("{connected:#}"), format!("{looked:#}")] {
                assert!(error.contains("TEST_URL") && !error.contains("s3cret"), "{error}");
                assert_eq!(error.contains("%2F"), bad.starts_with("mysql"), "{error}");
            }
        }
    }
}
