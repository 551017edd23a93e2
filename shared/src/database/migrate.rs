//! Schema steps under a lock, so that replicas may start together.

use std::time::Duration;

use anyhow::Context as _;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait as _, Statement,
};
use sea_orm_migration::{MigratorTrait, SchemaManager, seaql_migrations};

use super::transaction::begin;

/// One for each database on the server; MySQL takes names of up to 64 characters.
const LOCK: &str = "LEFT(CONCAT('migrate ', DATABASE()), 64)";
/// How long each question for the lock waits: shorter than the time that our sessions give a query.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// How often the question is put. Together they are five minutes, which some indexes of large tables take.
const LOCK_TRIES: u32 = 60;

/// Brings the schema up to date, or says that somebody must.
///
/// SQLite belongs to this one process, so it is brought up to date as it is opened. MySQL has other users and a
/// replica of an older version at work, so there the step is an operator's: the command `migrate`.
///
/// # Errors
/// A MySQL schema is behind, or the database fails.
pub async fn ensure_schema<M: MigratorTrait>(database: &DatabaseConnection) -> anyhow::Result<()> {
    let manager = SchemaManager::new(database);
    let pending = pending::<M>(&manager).await.context("the schema cannot be read")?;
    if pending == 0 {
        return Ok(());
    }
    if database.get_database_backend() == DbBackend::Sqlite {
        return migrate::<M>(database).await.context("the schema cannot be brought up to date");
    }
    anyhow::bail!("the schema is {pending} step(s) behind: run the command `migrate` first")
}

/// Applies all steps that were not applied yet.
///
/// Any number of replicas may do so together: one does, the others wait and then find nothing left to do. Should the one
/// die on the way, the lock dies with its connection, and since every step can be run again, the next one goes on.
///
/// # Errors
/// The database's; steps that were done stay done, and the rest may be tried again.
pub async fn migrate<M: MigratorTrait>(database: &DatabaseConnection) -> Result<(), DbErr> {
    // A transaction is what keeps us on one connection. On SQLite it is the lock itself, and all steps or none are done;
    // on MySQL each DDL statement commits what is open.
    let connection = begin(database).await?;
    if connection.get_database_backend() != DbBackend::MySql {
        apply::<M>(&connection).await?;
        return connection.commit().await;
    }
    lock(&connection).await?;
    let applied = apply::<M>(&connection).await;
    // On every way out: the connection goes back to the pool, and its locks with it.
    let released = connection.execute_unprepared(&format!("DO RELEASE_LOCK({LOCK})")).await;
    applied?;
    released?;
    connection.commit().await
}

async fn apply<M: MigratorTrait>(connection: &DatabaseTransaction) -> Result<(), DbErr> {
    let behind = pending::<M>(&SchemaManager::new(connection)).await? > 0;
    if behind { M::up(connection, None).await } else { Ok(()) }
}

/// Takes MySQL's lock for whoever changes this schema. It needs no privilege.
async fn lock(connection: &DatabaseTransaction) -> Result<(), DbErr> {
    let question = format!("SELECT GET_LOCK({LOCK}, {}) AS locked", LOCK_WAIT.as_secs());
    for _ in 0..LOCK_TRIES {
        let answer =
            connection.query_one_raw(Statement::from_string(DbBackend::MySql, question.as_str())).await?;
        if answer.map(|row| row.try_get::<Option<i64>>("", "locked")).transpose()?.flatten() == Some(1) {
            return Ok(());
        }
        tracing::info!("another process is bringing the schema up to date; waiting for it");
    }
    Err(DbErr::Custom("another process has held the lock on the schema for five minutes".to_owned()))
}

/// How many of our own steps were not applied yet. Steps that we do not know are of a newer version, which must leave a
/// schema that we can work with: so a replica of ours may restart in the middle of its rollout, or after it was undone.
async fn pending<M: MigratorTrait>(manager: &SchemaManager<'_>) -> Result<usize, DbErr> {
    Ok(steps::<M>(manager).await?.pending.len())
}

/// Steps of a schema, by name.
#[derive(Clone, Debug, Default)]
pub struct SchemaSteps {
    /// Ours that were applied.
    pub applied: Vec<String>,
    /// Ours that were not.
    pub pending: Vec<String>,
    /// Those that a newer version has applied, and that we do not know.
    pub unknown: Vec<String>,
}

/// The steps of a schema. Changes nothing.
///
/// # Errors
/// The database's.
pub async fn schema_steps<M: MigratorTrait>(database: &DatabaseConnection) -> Result<SchemaSteps, DbErr> {
    steps::<M>(&SchemaManager::new(database)).await
}

async fn steps<M: MigratorTrait>(manager: &SchemaManager<'_>) -> Result<SchemaSteps, DbErr> {
    let ours: Vec<String> = M::get_migration_files().iter().map(|step| step.name().to_owned()).collect();
    if !manager.has_table("seaql_migrations").await? {
        return Ok(SchemaSteps { pending: ours, ..SchemaSteps::default() });
    }
    let noted = seaql_migrations::Entity::find().all(manager.get_connection()).await?;
    let noted: Vec<String> = noted.into_iter().map(|step| step.version).collect();
    let (applied, pending) = ours.iter().cloned().partition(|step| noted.contains(step));
    let unknown = noted.into_iter().filter(|step| !ours.contains(step)).collect();
    Ok(SchemaSteps { applied, pending, unknown })
}
