//! What people have allowed clients.

use sea_orm::entity::prelude::*;

/// A consent.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "consents")]
pub struct Model {
    /// Who allowed it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    /// To whom.
    #[sea_orm(primary_key, auto_increment = false)]
    pub client_id: String,
    /// What, last: names with spaces between them.
    pub scope: String,
    /// Where: resources with spaces between them; empty for the default audience.
    pub resource: String,
    /// When, in milliseconds since 1970.
    pub granted_at: i64,
    /// What at other resources before, in JSON.
    pub others: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
