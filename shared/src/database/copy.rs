//! All rows of one database into another of the same schema, in one transaction: from SQLite to MySQL and back.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use futures_util::TryStreamExt as _;
use sea_orm::{
    ActiveModelBehavior, ConnectionTrait as _, DatabaseConnection, DbBackend, DbErr, EntityTrait,
    IntoActiveModel, PaginatorTrait as _, Statement,
};
use sea_orm_migration::MigratorTrait;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Transaction, begin, connect, connect_to_existing, ensure_schema, schema_steps};
use crate::command::say;
use crate::secret;
use crate::settings::SettingError;
use crate::transfer::Progress;

/// Rows of one statement: few enough for MySQL's packets, whatever is in them.
const BATCH: usize = 200;

/// From where to where.
#[derive(Clone, Debug, Args)]
pub struct CopyArguments {
    /// The database to copy from [default: that of the service]
    #[arg(long, value_name = "URL")]
    pub from: Option<SecretString>,
    /// File that holds its URL
    #[arg(long, value_name = "FILE")]
    pub from_file: Option<PathBuf>,
    /// The database to copy to, which must have the schema and no rows; other users of this machine see what is given here
    #[arg(long, value_name = "URL")]
    pub to: Option<SecretString>,
    /// File that holds its URL
    #[arg(long, value_name = "FILE")]
    pub to_file: Option<PathBuf>,
}

impl CopyArguments {
    /// Both URLs; `default` where none is given to copy from.
    ///
    /// # Errors
    /// One is given twice, a file cannot be read, or there is nothing to copy to.
    pub fn urls(
        &self,
        default: Result<SecretString, SettingError>,
    ) -> Result<(SecretString, SecretString), SettingError> {
        let from = secret::resolve("--from", self.from.as_ref(), self.from_file.as_deref())?;
        let to = secret::resolve("--to", self.to.as_ref(), self.to_file.as_deref())?;
        let to = to.ok_or_else(|| SettingError::new("--to", "is required, or --to-file"))?;
        let from = from.map_or(default, Ok)?;
        if from.expose_secret() == to.expose_secret() {
            return Err(SettingError::new("--to", "is where the rows are already"));
        }
        Ok((from, to))
    }
}

/// A copy under way. Nothing of it is in the target before [`Copy::commit`].
pub struct Copy {
    from: Transaction,
    to: Transaction,
    tables: Vec<(&'static str, u64)>,
}

impl Copy {
    /// Begins a copy of what the source is now. `counted` are the tables whose rows get numbers, of which none comes back.
    ///
    /// # Errors
    /// One of them cannot be reached, or has another schema than this program.
    pub async fn begin<M: MigratorTrait>(
        from: &SecretString,
        to: &SecretString,
        counted: &[&str],
    ) -> anyhow::Result<Self> {
        let (from, to) = (connect_to_existing("--from", from).await?, connect("--to", to).await?);
        for (name, database) in [("--from", &from), ("--to", &to)] {
            ensure_schema::<M>(database).await.context(name)?;
            let unknown = schema_steps::<M>(database).await?.unknown;
            anyhow::ensure!(
                unknown.is_empty(),
                "{name}: its schema is newer than this program: {}",
                unknown.join(", ")
            );
        }
        // On MySQL a change of the counter ends what transaction is open, so it comes before the rows.
        for table in counted {
            let row =
                Statement::from_string(to.get_database_backend(), format!("SELECT 1 FROM {table} LIMIT 1"));
            let is_empty = to.query_one_raw(row).await.context("--to")?.is_none();
            anyhow::ensure!(is_empty, "--to: {table} has rows; it must be empty");
        }
        for table in counted {
            let next = next_number(&from, table).await.context("--from")?;
            set_next_number(&to, table, next).await.context("--to: may its user change tables?")?;
        }
        let from = begin(&from).await.context("--from")?;
        if from.get_database_backend() == DbBackend::MySql {
            // One question reads a whole table.
            from.execute_unprepared("SET SESSION max_execution_time = 0").await?;
        }
        Ok(Self { from, to: begin(&to).await.context("--to")?, tables: Vec::new() })
    }

    /// Copies a table, and counts what has arrived.
    ///
    /// # Errors
    /// The target has rows, or a database fails; then nothing is copied.
    pub async fn table<E>(&mut self) -> anyhow::Result<()>
    where
        E: EntityTrait,
        E::Model: IntoActiveModel<E::ActiveModel> + Sync,
        E::ActiveModel: ActiveModelBehavior + Send,
    {
        let name = E::default().table_name();
        let there = E::find().count(&*self.to).await.context("--to")?;
        anyhow::ensure!(there == 0, "--to: {name} has rows; it must be empty");
        let total = E::find().count(&*self.from).await.context("--from")?;
        let progress = Progress::new(name, Some(total));
        let mut rows = E::find().stream(&*self.from).await.context("--from")?;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let row = rows.try_next().await.context("--from")?;
            let is_last = row.is_none();
            batch.extend(row.map(IntoActiveModel::into_active_model));
            if batch.len() == BATCH || (is_last && !batch.is_empty()) {
                progress.advance(batch.len() as u64);
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                E::insert_many(full).exec_without_returning(&*self.to).await.context("--to")?;
            }
            if is_last {
                break;
            }
        }
        drop(rows);
        let arrived = E::find().count(&*self.to).await.context("--to")?;
        anyhow::ensure!(arrived == total, "{name}: of {total} row(s), {arrived} arrived");
        self.tables.push((name, total));
        Ok(())
    }

    /// Makes it so, and tells what was copied.
    ///
    /// # Errors
    /// The target fails; then nothing is copied.
    pub async fn commit(self) -> anyhow::Result<()> {
        self.to.commit().await.context("--to")?;
        self.from.rollback().await.context("--from")?;
        for (name, rows) in &self.tables {
            say(&format!("{name:<16} {rows:>9}"));
        }
        Ok(())
    }
}

impl std::fmt::Debug for Copy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copy").field("tables", &self.tables).finish_non_exhaustive()
    }
}

/// The number that the next row of a table gets.
async fn next_number(database: &DatabaseConnection, table: &str) -> Result<i64, DbErr> {
    let backend = database.get_database_backend();
    let question = match backend {
        DbBackend::MySql => {
            // What the server remembers of its tables may be a day old; the hint asks for what is so.
            format!(
                "SELECT /*+ SET_VAR(information_schema_stats_expiry = 0) */ \
                 CAST(COALESCE(AUTO_INCREMENT, 1) AS SIGNED) AS next FROM information_schema.TABLES \
                 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}'"
            )
        }
        _ => format!("SELECT seq + 1 AS next FROM sqlite_sequence WHERE name = '{table}'"),
    };
    let row = database.query_one_raw(Statement::from_string(backend, question)).await?;
    row.map_or(Ok(1), |row| row.try_get("", "next"))
}

/// Sets the number that the next row of an empty table gets.
async fn set_next_number(database: &DatabaseConnection, table: &str, next: i64) -> Result<(), DbErr> {
    let statements = match database.get_database_backend() {
        DbBackend::MySql => vec![format!("ALTER TABLE {table} AUTO_INCREMENT = {next}")],
        _ => vec![
            format!("DELETE FROM sqlite_sequence WHERE name = '{table}'"),
            format!("INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {next} - 1)"),
        ],
    };
    for statement in statements {
        database.execute_unprepared(&statement).await?;
    }
    Ok(())
}
