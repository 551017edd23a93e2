//! One row for each sign-in. A refresh token only names a row and a generation of it.

use sea_orm::entity::prelude::*;
use shared::clock::Timestamp;

/// A session. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// The `sid` of its tokens.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose it is.
    pub account_id: Uuid,
    /// The client that it was opened for.
    pub client_id: String,
    /// How it was opened, which decides its grace.
    pub origin: Origin,
    /// What was granted: names with spaces between them. May narrow, never widens.
    pub scope: String,
    /// What its access tokens are for.
    pub resource: String,
    /// When its owner last proved who they are.
    pub auth_time: i64,
    /// Counts the refreshes, from 1. The refresh token of this generation is the current one.
    pub generation: i64,
    /// When the current generation began.
    pub rotated_at: i64,
    /// When it was opened.
    pub created_at: i64,
    /// When it was last opened or refreshed.
    pub last_used_at: i64,
    /// When it ends in any case; no refresh moves this. When it was ended, where that came first.
    pub expires_at: i64,
    /// When it ends unless it is refreshed before.
    pub idle_expires_at: i64,
    /// When it was ended.
    pub revoked_at: Option<i64>,
    /// What the client called itself.
    pub user_agent: String,
    /// Where the client was.
    pub ip: String,
    /// The session of the browser that it was opened from.
    pub sign_in_id: Option<Uuid>,
    /// The claims that its client has asked the userinfo endpoint for: names with spaces between them.
    pub claims: String,
}

impl Model {
    /// Whether it was ended, or has ended by itself.
    pub fn is_over(&self, now: Timestamp) -> bool {
        let now = now.millis();
        self.revoked_at.is_some() || now >= self.expires_at || now >= self.idle_expires_at
    }
}

/// How a session was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
pub enum Origin {
    /// By `POST /login`.
    #[sea_orm(string_value = "login")]
    Login,
    /// At `/oauth2/*`.
    #[sea_orm(string_value = "oauth")]
    OAuth,
    /// On the sign-in page: it has a cookie and no tokens, and opens others.
    #[sea_orm(string_value = "browser")]
    Browser,
}

impl Origin {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::OAuth => "oauth",
            Self::Browser => "browser",
        }
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::account::Entity",
        from = "Column::AccountId",
        to = "super::account::Column::Id"
    )]
    Account,
}

impl Related<super::account::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Account.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
