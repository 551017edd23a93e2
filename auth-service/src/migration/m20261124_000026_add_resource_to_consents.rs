use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string_len;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_column("consents", "resource").await? {
            return Ok(());
        }
        let column = string_len("resource", 1024).default("").take();
        manager.alter_table(Table::alter().table("consents").add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !manager.has_column("consents", "resource").await? {
            return Ok(());
        }
        manager.alter_table(Table::alter().table("consents").drop_column("resource").to_owned()).await
    }
}
