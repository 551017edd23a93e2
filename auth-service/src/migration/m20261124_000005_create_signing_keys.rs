use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, string_len_uniq, var_binary};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = shared::database::table(manager, "signing_keys")
            .col(big_integer("number").primary_key())
            .col(string_len_uniq("kid", 64))
            .col(var_binary("sealed_private_key", 4096))
            .col(big_integer("created_at"))
            .col(big_integer_null("revoked_at"))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("signing_keys").if_exists().to_owned()).await
    }
}
