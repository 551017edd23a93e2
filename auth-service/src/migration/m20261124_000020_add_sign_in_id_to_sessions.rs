use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::uuid_null;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_column("sessions", "sign_in_id").await? {
            return Ok(());
        }
        let column = uuid_null("sign_in_id");
        manager.alter_table(Table::alter().table("sessions").add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !manager.has_column("sessions", "sign_in_id").await? {
            return Ok(());
        }
        manager.alter_table(Table::alter().table("sessions").drop_column("sign_in_id").to_owned()).await
    }
}
