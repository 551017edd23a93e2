use sea_orm_migration::prelude::*;
use shared::database::{create_index, drop_index};

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_index(
            manager,
            "sessions",
            "sessions_by_account_and_client",
            &["account_id", "client_id", "revoked_at"],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, "sessions", "sessions_by_account_and_client").await
    }
}
