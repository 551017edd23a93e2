use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string_len;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = shared::database::table(manager, "client_origins")
            .col(string_len("origin", 255))
            .col(string_len("client_id", 64))
            .primary_key(Index::create().col("origin").col("client_id"))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("client_origins").if_exists().to_owned()).await
    }
}
