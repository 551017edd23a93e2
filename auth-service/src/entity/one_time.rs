//! What a random text stands for, once: an authorization code, a pushed request, an assertion that was used.

use sea_orm::entity::prelude::*;

/// What one text stands for. Times are milliseconds since 1970.
#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "one_time")]
pub struct Model {
    /// SHA-256 of kind and text, in base64url: nothing here can be replayed.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    /// The client that it is for.
    pub client_id: String,
    /// What it stands for, as JSON.
    #[sea_orm(column_type = "Text")]
    pub data: String,
    /// When it stops to.
    pub expires_at: i64,
    /// When it was used.
    pub used_at: Option<i64>,
    /// The session that it opened.
    pub session_id: Option<Uuid>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
