use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, string_len, uuid};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = shared::database::table(manager, "consents")
            .col(uuid("account_id"))
            .col(string_len("client_id", 64))
            .col(string_len("scope", 1024))
            .col(big_integer("granted_at"))
            .primary_key(Index::create().col("account_id").col("client_id"))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("consents").if_exists().to_owned()).await
    }
}
