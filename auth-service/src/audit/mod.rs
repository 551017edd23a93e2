//! The audit trail: a row and a line in the log for each event. No event holds a token, a password, or a name that
//! somebody typed where there is no such account: it may be a password in the wrong field.

mod alone;

use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::LazyLock;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::NotSet, ActiveValue::Set, DatabaseTransaction};
use shared::clock::Timestamp;
use shared::database;

pub(crate) use self::alone::Alone;
use crate::entity::audit_event::{ActiveModel, Entity};

/// As many characters of a detail as the table holds.
const MAX_DETAIL: usize = 255;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An account was made.
    AccountCreated,
    /// An account was barred from signing in.
    AccountDisabled,
    /// An account may sign in again.
    AccountEnabled,
    /// An account was deleted.
    AccountDeleted,
    /// An account was given other roles.
    RolesChanged,
    /// A password was set.
    PasswordChanged,
    /// Somebody signed in, or tried to.
    Login,
    /// After too many failures, nobody may try for a while.
    LoginThrottled,
    /// A session was refreshed.
    Refresh,
    /// A refresh token was used after its successor.
    RefreshReused,
    /// A session was opened for a client that somebody let in.
    SessionOpened,
    /// A session was ended.
    SessionEnded,
    /// A client got a token for itself.
    ClientToken,
    /// An authorization code was used twice.
    CodeReused,
    /// Somebody let a device in, or did not.
    DeviceDecided,
    /// Somebody allowed a client to act for them.
    ConsentGranted,
    /// Somebody took that back.
    ConsentRevoked,
    /// A client was registered.
    ClientCreated,
    /// A client was changed.
    ClientChanged,
    /// A client was deleted.
    ClientDeleted,
    /// A signing key was made.
    KeyCreated,
    /// A signing key was withdrawn.
    KeyRevoked,
    /// The signing keys were sealed under another key.
    KeysRewrapped,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 23] = [
        Self::AccountCreated,
        Self::AccountDisabled,
        Self::AccountEnabled,
        Self::AccountDeleted,
        Self::RolesChanged,
        Self::PasswordChanged,
        Self::Login,
        Self::LoginThrottled,
        Self::Refresh,
        Self::RefreshReused,
        Self::SessionOpened,
        Self::SessionEnded,
        Self::ClientToken,
        Self::CodeReused,
        Self::DeviceDecided,
        Self::ConsentGranted,
        Self::ConsentRevoked,
        Self::ClientCreated,
        Self::ClientChanged,
        Self::ClientDeleted,
        Self::KeyCreated,
        Self::KeyRevoked,
        Self::KeysRewrapped,
    ];

    /// Its name in table and log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountCreated => "account_created",
            Self::AccountDisabled => "account_disabled",
            Self::AccountEnabled => "account_enabled",
            Self::AccountDeleted => "account_deleted",
            Self::RolesChanged => "roles_changed",
            Self::PasswordChanged => "password_changed",
            Self::Login => "login",
            Self::LoginThrottled => "login_throttled",
            Self::Refresh => "refresh",
            Self::RefreshReused => "reuse_detected",
            Self::SessionOpened => "session_opened",
            Self::SessionEnded => "session_ended",
            Self::ClientToken => "client_token",
            Self::CodeReused => "code_reused",
            Self::DeviceDecided => "device_decided",
            Self::ConsentGranted => "consent_granted",
            Self::ConsentRevoked => "consent_revoked",
            Self::ClientCreated => "client_created",
            Self::ClientChanged => "client_changed",
            Self::ClientDeleted => "client_deleted",
            Self::KeyCreated => "key_created",
            Self::KeyRevoked => "key_revoked",
            Self::KeysRewrapped => "keys_rewrapped",
        }
    }
}

/// Events since the process began. Of the process and not of a service, since whoever changes a table has no service at hand.
static EVENTS: LazyLock<Family<Labels, Counter>> = LazyLock::new(Family::default);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    kind: &'static str,
    success: &'static str,
}

/// Adds the metrics of events: sign-ins, refreshes, sessions, keys.
pub(crate) fn register(registry: &mut Registry) {
    registry.register("audit_events", "Events of the audit trail", EVENTS.clone());
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

    /// It was done to no account.
    pub fn no_account(mut self) -> Self {
        self.account_id = None;
        self
    }

    /// The session that it was done to; of a change by an administrator, the session that it was done from.
    pub fn session(mut self, id: Uuid) -> Self {
        self.session_id = Some(id);
        self
    }

    /// What else there is to say: words of ours, never of a client. What is more than the table holds is cut off: a client may
    /// have been allowed more resources than that, and is let in all the same.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = cut(detail.into());
        self
    }

    fn actor(&self) -> (String, String) {
        match self.actor {
            Actor::System => ("system".to_owned(), String::new()),
            Actor::Command => ("command".to_owned(), String::new()),
            Actor::Unknown(ip) => (String::new(), ip.to_string()),
            Actor::Account(id, ip) => (format!("account:{id}"), ip.to_string()),
        }
    }

    /// Adds its row. [`Transaction::record`] is for all but commands that write many.
    pub(crate) async fn write(&self, db: &impl ConnectionTrait, now: Timestamp) -> Result<(), DbErr> {
        Entity::insert(self.row(now)).exec_without_returning(db).await.map(drop)
    }

    fn row(&self, now: Timestamp) -> ActiveModel {
        let (actor, ip) = self.actor();
        ActiveModel {
            id: NotSet,
            at: Set(now.millis()),
            kind: Set(self.kind.as_str().to_owned()),
            success: Set(self.success),
            actor: Set(actor),
            account_id: Set(self.account_id),
            session_id: Set(self.session_id),
            ip: Set(ip),
            detail: Set(self.detail.clone()),
        }
    }

    fn tell(&self) {
        let success = if self.success { "true" } else { "false" };
        EVENTS.get_or_create(&Labels { kind: self.kind.as_str(), success }).inc();
        let (actor, ip) = self.actor();
        tracing::info!(
            audit = self.kind.as_str(),
            success = self.success,
            actor,
            account = self.account_id.map(tracing::field::display),
            session = self.session_id.map(tracing::field::display),
            ip,
            detail = self.detail,
            "audit"
        );
    }
}

fn cut(mut detail: String) -> String {
    let mut last = detail.char_indices().skip(MAX_DETAIL - 1).map(|(at, _)| at);
    if let (Some(at), Some(_)) = (last.next(), last.next()) {
        detail.truncate(at);
        detail.push('…');
    }
    detail
}

/// A change of the tables with its events: their rows are committed with it, their lines in the log appear once it is.
/// So what cannot be audited is not done, and what is told was done.
pub struct Transaction {
    inner: database::Transaction,
    events: Vec<Event>,
}

impl Transaction {
    /// Begins a change.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin(database: &DatabaseConnection) -> Result<Self, DbErr> {
        Ok(Self { inner: database::begin(database).await?, events: Vec::new() })
    }

    /// Writes an event.
    ///
    /// # Errors
    /// The database's.
    pub async fn record(&mut self, now: Timestamp, event: Event) -> Result<(), DbErr> {
        event.write(&*self.inner, now).await?;
        self.events.push(event);
        Ok(())
    }

    /// An event that has a line in the log and no row.
    pub fn only_tell(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Makes it so, and tells.
    ///
    /// # Errors
    /// The database's: nothing was changed.
    pub async fn commit(self) -> Result<(), DbErr> {
        self.inner.commit().await?;
        self.events.iter().for_each(Event::tell);
        Ok(())
    }
}

impl Deref for Transaction {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.inner
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("events", &self.events).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_as_long_as_the_table_lets_it_be() {
        let of = |length| Event::new(Kind::Login, Actor::System).detail("é".repeat(length)).detail;
        assert_eq!(of(255), "é".repeat(255));
        assert_eq!(of(256), format!("{}…", "é".repeat(254)));
        assert_eq!(of(0), "");
    }
}
