//! What happened to accounts, sessions and keys.

use sea_orm::entity::prelude::*;

/// An event. Holds nothing that could be replayed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_events")]
pub struct Model {
    /// In the order of events.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// What: see `audit::Kind`.
    pub kind: String,
    /// Whether it was granted.
    pub success: bool,
    /// Who did it: `account:<id>`, `command` or `system`; empty where that is not known.
    pub actor: String,
    /// To which account.
    pub account_id: Option<Uuid>,
    /// To which session.
    pub session_id: Option<Uuid>,
    /// From where.
    pub ip: String,
    /// What else there is to say, in words of ours.
    pub detail: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
