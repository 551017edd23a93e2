//! The web origins of clients: pages there may read our answers (CORS).

use sea_orm::entity::prelude::*;

/// An origin of a client.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "client_origins")]
pub struct Model {
    /// As browsers write it: `https://app.example`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub origin: String,
    /// The client.
    #[sea_orm(primary_key, auto_increment = false)]
    pub client_id: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
