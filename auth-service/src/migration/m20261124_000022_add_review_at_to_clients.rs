use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer_null;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.has_column("clients", "review_at").await? {
            return Ok(());
        }
        let column = big_integer_null("review_at");
        manager.alter_table(Table::alter().table("clients").add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if !manager.has_column("clients", "review_at").await? {
            return Ok(());
        }
        manager.alter_table(Table::alter().table("clients").drop_column("review_at").to_owned()).await
    }
}
