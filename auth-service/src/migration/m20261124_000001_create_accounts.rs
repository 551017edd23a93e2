use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, string_len, string_len_uniq, uuid};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = shared::database::table(manager, "accounts")
            .col(uuid("id").primary_key())
            .col(string_len("username", 64))
            .col(string_len_uniq("username_key", 64))
            .col(string_len("password_hash", 255))
            .col(string_len("roles", 255))
            .col(big_integer("created_at"))
            .col(big_integer("password_changed_at"))
            .col(big_integer_null("last_login_at"))
            .col(big_integer_null("disabled_at"))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("accounts").if_exists().to_owned()).await
    }
}
