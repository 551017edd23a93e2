//! The catalogue.

use sea_orm::entity::prelude::*;

/// A book. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "books")]
pub struct Model {
    /// Counts up; the number of a book that is gone never comes back.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// 1 to 100 characters.
    pub title: String,
    /// 1 to 50 characters.
    pub author: String,
    /// Counts the changes, from 1.
    pub version: i64,
    /// When it was added.
    pub created_at: i64,
    /// When it was last changed.
    pub updated_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
