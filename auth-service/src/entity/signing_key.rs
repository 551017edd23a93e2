//! The keys that sign tokens. What a key is used for follows from its times; no column says it.

use sea_orm::entity::prelude::*;

/// A signing key. Times are milliseconds since 1970.
#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_keys")]
pub struct Model {
    /// Counts the keys, from 1. Unique, so that of replicas that make the next key together one wins.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    /// Its RFC 7638 thumbprint.
    #[sea_orm(unique)]
    pub kid: String,
    /// PKCS #8, encrypted.
    pub sealed_private_key: Vec<u8>,
    /// When it was made.
    pub created_at: i64,
    /// When it was withdrawn in an emergency.
    pub revoked_at: Option<i64>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("number", &self.number).field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
