//! Tables and indexes as all services make theirs: re-runnable, on MySQL and SQLite alike.

use sea_orm::{DbBackend, DbErr};
use sea_orm_migration::SchemaManager;
use sea_orm_migration::sea_query::{Index, Table, TableCreateStatement};

/// A table that may be there already, on MySQL with text that is compared byte by byte unless a
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
