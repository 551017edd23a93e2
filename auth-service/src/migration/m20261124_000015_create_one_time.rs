use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, string_len, text, uuid_null};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = shared::database::table(manager, "one_time")
            .col(string_len("hash", 64).primary_key())
            .col(string_len("client_id", 64))
            .col(text("data"))
            .col(big_integer("expires_at"))
            .col(big_integer_null("used_at"))
            .col(uuid_null("session_id"))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("one_time").if_exists().to_owned()).await
    }
}
