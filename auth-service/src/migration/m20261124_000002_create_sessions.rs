use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, string_len, uuid};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = shared::database::table(manager, "sessions")
            .col(uuid("id").primary_key())
            .col(uuid("account_id"))
            .col(string_len("client_id", 255))
            .col(string_len("origin", 16))
            .col(string_len("scope", 1024))
            .col(string_len("resource", 1024))
            .col(big_integer("auth_time"))
            .col(big_integer("generation"))
            .col(big_integer("rotated_at"))
            .col(big_integer("created_at"))
            .col(big_integer("last_used_at"))
            .col(big_integer("expires_at"))
            .col(big_integer("idle_expires_at"))
            .col(big_integer_null("revoked_at"))
            .col(string_len("user_agent", 255))
            .col(string_len("ip", 45))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("sessions").if_exists().to_owned()).await
    }
}
