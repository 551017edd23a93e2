use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text_null;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_column("consents", "others").await? {
            return Ok(());
        }
        manager.alter_table(Table::alter().table("consents").add_column(text_null("others")).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !manager.has_column("consents", "others").await? {
            return Ok(());
        }
        manager.alter_table(Table::alter().table("consents").drop_column("others").to_owned()).await
    }
}
