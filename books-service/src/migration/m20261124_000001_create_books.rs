use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_pk_auto, string_len};
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Titles and authors are looked up as people write them: without regard to case, on MySQL also to accents.
        let collation = match manager.get_database_backend() {
            DbBackend::MySql => "COLLATE utf8mb4_0900_ai_ci",
            _ => "COLLATE NOCASE",
        };
        let table = shared::database::table(manager, "books")
            .col(big_pk_auto("id"))
            .col(string_len("title", 100).extra(collation))
            .col(string_len("author", 50).extra(collation))
            .col(big_integer("version"))
            .col(big_integer("created_at"))
            .col(big_integer("updated_at"))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("books").if_exists().to_owned()).await
    }
}
