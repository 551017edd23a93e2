//! How far the import of each file is: a row for each, by the digest of the file.

use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, DatabaseTransaction};
use sea_orm_migration::SchemaManager;
use sea_orm_migration::schema::{big_integer, big_integer_null, string_len};
use sea_orm_migration::sea_query::TableCreateStatement;

use crate::clock::Timestamp;
use crate::database::{self, find_unique};

/// An import. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "imports")]
pub struct Model {
    /// SHA-256 of the file, in hexadecimal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub digest: String,
    /// Rows of the file that were dealt with.
    pub rows_done: i64,
    pub started_at: i64,
    pub finished_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The table, for a migration.
pub fn imports_table(manager: &SchemaManager<'_>) -> TableCreateStatement {
    database::table(manager, "imports")
        .col(string_len("digest", 64).primary_key())
        .col(big_integer("rows_done"))
        .col(big_integer("started_at"))
        .col(big_integer_null("finished_at"))
        .to_owned()
}

/// The import of that file.
pub(super) async fn find(db: &impl ConnectionTrait, digest: &str) -> Result<Option<Model>, DbErr> {
    find_unique(Entity::find_by_id(digest), db).await
}

/// Forgets that the file was imported.
pub(super) async fn forget(db: &impl ConnectionTrait, digest: &str) -> Result<(), DbErr> {
    Entity::delete_by_id(digest.to_owned()).exec(db).await.map(drop)
}

/// Begins an import.
pub(super) async fn begin(db: &impl ConnectionTrait, digest: &str, now: Timestamp) -> Result<(), DbErr> {
    let row = ActiveModel {
        digest: Set(digest.to_owned()),
        rows_done: Set(0),
        started_at: Set(now.millis()),
        finished_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(db).await.map(drop)
}

/// Notes in the transaction of a batch that it goes from `from` to `to`. `false`: somebody else is importing the same file.
pub(super) async fn advance(
    transaction: &DatabaseTransaction,
    digest: &str,
    from: u64,
    to: u64,
) -> Result<bool, DbErr> {
    let count = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
    let change = ActiveModel { rows_done: Set(count(to)), ..Default::default() };
    let mine = Entity::update_many().set(change).filter(Column::Digest.eq(digest));
    Ok(mine.filter(Column::RowsDone.eq(count(from))).exec(transaction).await?.rows_affected == 1)
}

/// Notes that all is done.
pub(super) async fn finish(db: &impl ConnectionTrait, digest: &str, now: Timestamp) -> Result<(), DbErr> {
    let change = ActiveModel { finished_at: Set(Some(now.millis())), ..Default::default() };
    Entity::update_many().set(change).filter(Column::Digest.eq(digest)).exec(db).await.map(drop)
}
