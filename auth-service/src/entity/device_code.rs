//! Devices that wait for somebody to let them in (RFC 8628).

use sea_orm::entity::prelude::*;

/// A device that waits. Times are milliseconds since 1970.
#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device_codes")]
pub struct Model {
    /// SHA-256 of its device code, in base64url.
    #[sea_orm(primary_key, auto_increment = false)]
    pub hash: String,
    /// What people type, hidden: short as it is, a digest alone would be guessed.
    #[sea_orm(unique)]
    pub user_code: String,
    /// The client on the device.
    pub client_id: String,
    /// What it asks for.
    pub scope: String,
    /// What its access tokens are for.
    pub resource: String,
    /// Where somebody has decided: whether they let it in.
    pub allowed: Option<bool>,
    /// Who.
    pub account_id: Option<Uuid>,
    /// In which session of their browser.
    pub sign_in_id: Option<Uuid>,
    /// When they had proved who they are.
    pub auth_time: Option<i64>,
    /// When the device last asked.
    pub polled_at: i64,
    /// How long it must wait before it asks again, in milliseconds.
    pub poll_interval: i64,
    /// When it has waited long enough.
    pub expires_at: i64,
    /// When it got its tokens.
    pub used_at: Option<i64>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
