use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, boolean, string_len, string_len_null, text, text_null,
};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = shared::database::table(manager, "clients")
            .col(string_len("id", 64).primary_key())
            .col(string_len("name", 100))
            .col(string_len("auth_method", 32))
            .col(string_len_null("secret_hash", 64))
            .col(text_null("jwks"))
            .col(text("redirect_uris"))
            .col(text("post_logout_redirect_uris"))
            .col(string_len("grant_types", 255))
            .col(string_len("scope", 1024))
            .col(text("resources"))
            .col(boolean("first_party"))
            .col(boolean("pushed_only"))
            .col(big_integer_null("access_token_ttl"))
            .col(big_integer_null("refresh_token_ttl"))
            .col(big_integer("created_at"))
            .to_owned();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("clients").if_exists().to_owned()).await
    }
}
