//! What operators do to the keys: look, rotate, withdraw, seal anew.

use shared::clock::Timestamp;
use shared::jwks::MAX_USABLE;
use uuid::Uuid;

use super::key_table::{self, times};
use super::keyring::{Keyring, KeyringError};
use super::life::KeyState;
use crate::audit::{Actor, Event, Kind, Transaction};

/// A key as it is now.
#[derive(Clone, Debug)]
pub struct KeyInfo {
    /// Counts the keys.
    pub number: i64,
    /// Its name.
    pub kid: String,
    /// What it is used for.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it may sign, while it is the newest that may.
    pub signs_from: Timestamp,
    /// When it was withdrawn.
    pub revoked_at: Option<Timestamp>,
}

/// What a key in the table is sealed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// The encryption key.
    Current,
    /// The one before it: `rewrap` has not been run yet.
    Previous,
    /// Another one, so that it cannot be used.
    Unknown,
}

/// Why a key was not made or withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum KeyChangeError {
    /// The next key is there, and does not sign yet.
    #[error("the key {0} is announced already")]
    Announced(String),
    /// Verifiers take so many keys and no more.
    #[error("{MAX_USABLE} keys are published, which is as many as verifiers take")]
    TooMany,
    /// There is no such key, or it was withdrawn before.
    #[error("there is no key {0} that could be withdrawn")]
    NoSuchKey(String),
    /// The keys cannot be had.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

impl From<sea_orm::DbErr> for KeyChangeError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Keyring(error.into())
    }
}

impl Keyring {
    /// All keys in the table, oldest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn keys(&self) -> Result<Vec<KeyInfo>, KeyringError> {
        let rows = key_table::all(&self.database).await?;
        let times = times(&rows);
        let states = self.life.states(&times, self.clock.now());
        // The keys before the first row were swept, unless there never were any.
        let announced_from = usize::from(rows.first().is_some_and(|first| first.number == 1));
        let info = |(index, (row, state)): (usize, (crate::entity::signing_key::Model, KeyState))| {
            let created_at = Timestamp::from_millis(row.created_at);
            let signs_from = if index + announced_from == 0 {
                created_at + self.life.announce
            } else {
                self.life.first_signs(&times, index)
            };
            KeyInfo {
                number: row.number,
                kid: row.kid,
                state,
                created_at,
                signs_from,
                revoked_at: row.revoked_at.map(Timestamp::from_millis),
            }
        };
        Ok(rows.into_iter().zip(states).enumerate().map(info).collect())
    }

    /// What the keys that are of use are sealed under, oldest first. Changes nothing.
    ///
    /// # Errors
    /// The database's.
    pub async fn sealings(&self) -> Result<Vec<(String, Sealing)>, KeyringError> {
        let rows = key_table::all(&self.database).await?;
        let states = self.life.states(&times(&rows), self.clock.now());
        let in_use = rows.iter().zip(states).filter(|(_, state)| *state != KeyState::Gone);
        let sealing = |(row, _): (&crate::entity::signing_key::Model, KeyState)| {
            let sealed = &row.sealed_private_key;
            let sealing = match (self.sealer.is_current(&row.kid, sealed), self.sealer.open(&row.kid, sealed))
            {
                (true, _) => Sealing::Current,
                (false, Ok(_)) => Sealing::Previous,
                (false, Err(_)) => Sealing::Unknown,
            };
            (row.kid.clone(), sealing)
        };
        Ok(in_use.map(sealing).collect())
    }

    /// Makes the next key before its time. It is announced first, as ever: nobody who verifies notices.
    ///
    /// # Errors
    /// One is announced already, there are too many, or the keys cannot be had.
    pub async fn rotate(&self, actor: Actor, session: Option<Uuid>) -> Result<KeyInfo, KeyChangeError> {
        let keys = self.keys().await?;
        if let Some(announced) = keys.iter().find(|key| key.state == KeyState::Announced) {
            return Err(KeyChangeError::Announced(announced.kid.clone()));
        }
        // One place is left for the key that is made when it is due.
        if keys.iter().filter(|key| key.state != KeyState::Gone).count() + 1 >= MAX_USABLE {
            return Err(KeyChangeError::TooMany);
        }
        let number = keys.last().map_or(1, |newest| newest.number + 1);
        self.make(number, self.clock.now(), actor, session).await?;
        self.maintain().await?;
        // Made by us or by another replica that was faster.
        let made = self.keys().await?.into_iter().find(|key| key.number == number);
        made.ok_or(KeyChangeError::Keyring(KeyringError::NoSigningKey))
    }

    /// Withdraws a key in an emergency: it is no longer published, nothing that it signed is accepted, and if it was the
    /// one that signs, the next one does so at once.
    ///
    /// # Errors
    /// There is none of that name, or the keys cannot be had.
    pub async fn revoke(&self, kid: &str, actor: Actor) -> Result<(), KeyChangeError> {
        let now = self.clock.now();
        let mut transaction = Transaction::begin(&self.database).await?;
        if !key_table::revoke(&*transaction, kid, now).await? {
            return Err(KeyChangeError::NoSuchKey(kid.to_owned()));
        }
        transaction.record(now, Event::new(Kind::KeyRevoked, actor).detail(kid)).await?;
        transaction.commit().await?;
        Ok(self.maintain().await?)
    }

    /// Seals all keys under the current encryption key. Returns how many were under the previous one. May be run again
    /// after it was cut off.
    ///
    /// # Errors
    /// A key opens under neither, or the database's.
    pub async fn rewrap(&self, actor: Actor) -> Result<usize, KeyringError> {
        let mut transaction = Transaction::begin(&self.database).await?;
        let mut resealed = 0;
        for row in key_table::all(&*transaction).await? {
            if self.sealer.is_current(&row.kid, &row.sealed_private_key) {
                continue;
            }
            let opened = self.sealer.open(&row.kid, &row.sealed_private_key);
            let pkcs8 = opened.map_err(|_| KeyringError::WrongEncryptionKey)?;
            let sealed = self.sealer.seal(&row.kid, &pkcs8, &*self.random)?;
            resealed += usize::from(key_table::reseal(&*transaction, &row, sealed).await?);
        }
        if resealed > 0 {
            let event = Event::new(Kind::KeysRewrapped, actor).detail(resealed.to_string());
            transaction.record(self.clock.now(), event).await?;
        }
        transaction.commit().await?;
        Ok(resealed)
    }

    /// Removes keys that nothing accepts any more, with their private halves. Keys that are still in use, and all that are
    /// younger than these, stay: the life of a key depends on those after it.
    ///
    /// # Errors
    /// The database's.
    pub async fn sweep(&self) -> Result<u64, KeyringError> {
        let keys = self.keys().await?;
        let Some(oldest) = keys.iter().find(|key| key.state != KeyState::Gone) else { return Ok(0) };
        Ok(key_table::remove_before(&self.database, oldest.number).await?)
    }
}
