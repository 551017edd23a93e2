//! The programs that may ask for tokens.

use sea_orm::entity::prelude::*;

/// A client. Times are milliseconds since 1970, spans are seconds.
#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "clients")]
pub struct Model {
    /// Its `client_id`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// What people are shown.
    pub name: String,
    /// How it proves who it is: a name of RFC 7591 §2.
    pub auth_method: String,
    /// SHA-256 of its secret in base64url: the secret is ours and long, so no slow hash is needed.
    pub secret_hash: Option<String>,
    /// Its public keys, a JWK set (RFC 7517).
    #[sea_orm(column_type = "Text", nullable)]
    pub jwks: Option<String>,
    /// Where codes are sent: a JSON array.
    #[sea_orm(column_type = "Text")]
    pub redirect_uris: String,
    /// Where people may be sent after they signed out: a JSON array.
    #[sea_orm(column_type = "Text")]
    pub post_logout_redirect_uris: String,
    /// The grants that it may use, with spaces between them.
    pub grant_types: String,
    /// The most that it may ask for: names with spaces between them.
    pub scope: String,
    /// The resources that it may name (RFC 8707): a JSON array.
    #[sea_orm(column_type = "Text")]
    pub resources: String,
    /// Whether it is the operator's own: people are not asked.
    pub first_party: bool,
    /// Whether it must push its authorization requests (RFC 9126 §6).
    pub pushed_only: bool,
    /// How long its access tokens last, where that differs.
    pub access_token_ttl: Option<i64>,
    /// How long its sessions last, where that differs.
    pub refresh_token_ttl: Option<i64>,
    /// When it was registered.
    pub created_at: i64,
    /// When to look whether anybody uses it, where it has registered itself.
    pub review_at: Option<i64>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
