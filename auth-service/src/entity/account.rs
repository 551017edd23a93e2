//! Who may sign in.

use sea_orm::entity::prelude::*;

/// An account. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "accounts")]
pub struct Model {
    /// The subject of its tokens. Never changes, never comes back.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The name as its owner writes it.
    pub username: String,
    /// The name as it is looked up: one form for all spellings.
    #[sea_orm(unique)]
    pub username_key: String,
    /// A PHC string.
    pub password_hash: String,
    /// Names of roles with spaces between them.
    pub roles: String,
    /// Since when.
    pub created_at: i64,
    /// When the password was last set.
    pub password_changed_at: i64,
    /// When its owner last signed in.
    pub last_login_at: Option<i64>,
    /// Whether its tokens allow nothing until its owner has chosen a password.
    pub must_change_password: bool,
    /// Since when it may not sign in.
    pub disabled_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
