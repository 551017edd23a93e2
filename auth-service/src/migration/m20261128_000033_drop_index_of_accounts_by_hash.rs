use sea_orm_migration::prelude::*;
use shared::database::{create_index, drop_index};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

/// Those that are disabled are not looked for by it any more.
#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, "accounts", "accounts_by_hash").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_index(manager, "accounts", "accounts_by_hash", &["password_hash"]).await
    }
}
