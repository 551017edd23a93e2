//! Failures that are counted, so that guessing gets slower.

use sea_orm::entity::prelude::*;

/// A counter. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "throttles")]
pub struct Model {
    /// What is counted: see `throttle::attempt::Keys`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    /// Failures since the last success.
    pub failures: i64,
    /// When the last of them was.
    pub failed_at: i64,
    /// When there was the last success.
    pub succeeded_at: Option<i64>,
    /// From when on the row means nothing.
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
