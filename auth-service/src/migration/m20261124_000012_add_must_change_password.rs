use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::boolean;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_column("accounts", "must_change_password").await? {
            return Ok(());
        }
        // With a default, so that a replica of the version before can still add accounts.
        let column = boolean("must_change_password").default(false).to_owned();
        manager.alter_table(Table::alter().table("accounts").add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !manager.has_column("accounts", "must_change_password").await? {
            return Ok(());
        }
        let column = Table::alter().table("accounts").drop_column("must_change_password").to_owned();
        manager.alter_table(column).await
    }
}
