//! The audit trail: a row and a line in the log for each event. No event holds a token, a password, or a name that
//! somebody typed where there is no such account: it may be a password in the wrong field.

use std::net::IpAddr;

use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::NotSet, ActiveValue::Set};
use shared::clock::Timestamp;

use crate::entity::audit_event::{ActiveModel, Entity};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An account was made.
    AccountCreated,
    /// An account was barred from signing in.
    AccountDisabled,
    /// An account was given other roles.
    RolesChanged,
    /// A password was set.
    PasswordChanged,
    /// Somebody signed in, or tried to.
    Login,
    /// A session was refreshed.
    Refresh,
    /// A refresh token was used after its successor.
    RefreshReused,
    /// A session was ended.
    SessionEnded,
    /// A signing key was made.
    KeyCreated,
}

impl Kind {
    /// Its name in table and log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountCreated => "account_created",
            Self::AccountDisabled => "account_disabled",
            Self::RolesChanged => "roles_changed",
            Self::PasswordChanged => "password_changed",
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::RefreshReused => "reuse_detected",
            Self::SessionEnded => "session_ended",
            Self::KeyCreated => "key_created",
        }
    }
}

/// Who did it.
#[derive(Clone, Copy, Debug)]
pub enum Actor {
    /// The service by itself.
    System,
    /// An operator, on the command line.
    Command,
    /// Somebody who is not known, at this address.
    Unknown(IpAddr),
    /// The owner of this account, at this address.
    Account(Uuid, IpAddr),
}

/// An event to be recorded.
#[derive(Clone, Debug)]
pub struct Event {
    kind: Kind,
    actor: Actor,
    success: bool,
    account_id: Option<Uuid>,
    session_id: Option<Uuid>,
    detail: String,
}

impl Event {
    /// Something that was done.
    pub fn new(kind: Kind, actor: Actor) -> Self {
        let account_id = match actor {
            Actor::Account(id, _) => Some(id),
            Actor::System | Actor::Command | Actor::Unknown(_) => None,
        };
        Self { kind, actor, success: true, account_id, session_id: None, detail: String::new() }
    }

    /// It was refused.
    pub fn refused(mut self) -> Self {
        self.success = false;
        self
    }

    /// The account that it was done to.
    pub fn account(mut self, id: Uuid) -> Self {
        self.account_id = Some(id);
        self
    }

    /// The session that it was done to.
    pub fn session(mut self, id: Uuid) -> Self {
        self.session_id = Some(id);
        self
    }

    /// What else there is to say: words of ours, never of a client.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

/// Writes an event into table and log.
///
/// # Errors
/// The database's: what cannot be audited is not done.
pub async fn record(db: &impl ConnectionTrait, now: Timestamp, event: Event) -> Result<(), DbErr> {
    let (actor, ip) = match event.actor {
        Actor::System => ("system".to_owned(), String::new()),
        Actor::Command => ("command".to_owned(), String::new()),
        Actor::Unknown(ip) => (String::new(), ip.to_string()),
        Actor::Account(id, ip) => (format!("account:{id}"), ip.to_string()),
    };
    tracing::info!(
        audit = event.kind.as_str(),
        success = event.success,
        actor,
        account = event.account_id.map(tracing::field::display),
        session = event.session_id.map(tracing::field::display),
        ip,
        detail = event.detail,
        "audit"
    );
    let row = ActiveModel {
        id: NotSet,
        at: Set(now.millis()),
        kind: Set(event.kind.as_str().to_owned()),
        success: Set(event.success),
        actor: Set(actor),
        account_id: Set(event.account_id),
        session_id: Set(event.session_id),
        ip: Set(ip),
        detail: Set(event.detail),
    };
    Entity::insert(row).exec_without_returning(db).await.map(drop)
}
