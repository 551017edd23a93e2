use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean_null, string_len, string_len_uniq, uuid_null,
};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = shared::database::table(manager, "device_codes")
            .col(string_len("hash", 64).primary_key())
            .col(string_len_uniq("user_code", 64))
            .col(string_len("client_id", 64))
            .col(string_len("scope", 1024))
            .col(string_len("resource", 1024))
            .col(boolean_null("allowed"))
            .col(uuid_null("account_id"))
            .col(uuid_null("sign_in_id"))
            .col(big_integer_null("auth_time"))
            .col(big_integer("polled_at"))
            .col(big_integer("poll_interval"))
            .col(big_integer("expires_at"))
            .col(big_integer_null("used_at"))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("device_codes").if_exists().to_owned()).await
    }
}
