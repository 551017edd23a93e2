use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::string_len;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_column("sessions", "claims").await? {
            return Ok(());
        }
        // With a default, so that a replica of the version before can still open sessions.
        let column = string_len("claims", 255).default("").to_owned();
        manager.alter_table(Table::alter().table("sessions").add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !manager.has_column("sessions", "claims").await? {
            return Ok(());
        }
        manager.alter_table(Table::alter().table("sessions").drop_column("claims").to_owned()).await
    }
}
