use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_pk_auto, boolean, string_len, uuid_null};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = shared::database::table(manager, "audit_events")
            .col(big_pk_auto("id"))
            .col(big_integer("at"))
            .col(string_len("kind", 64))
            .col(boolean("success"))
            .col(string_len("actor", 64))
            .col(uuid_null("account_id"))
            .col(uuid_null("session_id"))
            .col(string_len("ip", 45))
            .col(string_len("detail", 255))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("audit_events").if_exists().to_owned()).await
    }
}
