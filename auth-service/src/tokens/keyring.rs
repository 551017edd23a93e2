//! The keys of the service as they are now: made when due, read from the table, swapped as a whole.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::HeaderValue;
use jsonwebtoken::jwk::JwkSet;
use ring::digest::{SHA256, digest};
use sea_orm::{DatabaseConnection, DbErr};
use shared::clock::{Clock, Timestamp};
use shared::jwks::{KeySnapshot, LocalKeys};
use shared::random::Random;
use uuid::Uuid;

use super::key_metrics::KeyTally;
use super::key_table::{self, times};
use super::life::{KeyLife, KeyState};
use super::sealer::{CannotSeal, Sealer};
use super::signing_key::{KeyError, SigningKey};
use crate::audit::{Actor, Event, Kind, Transaction};
use crate::entity::signing_key::Model;

/// How often the table is looked at: how late it is seen at most that another replica has made a key, or that an operator
/// has withdrawn one.
pub const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Why the keys cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The database failed.
    #[error("the signing keys cannot be read")]
    Database(#[from] DbErr),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key cannot be sealed.
    #[error(transparent)]
    Seal(#[from] CannotSeal),
    /// The encryption key is not the one that the keys were stored under.
    #[error(
        "AUTH_KEY_ENCRYPTION_KEY: does not open the signing keys in the database; it is not the key that they were stored under"
    )]
    WrongEncryptionKey,
    /// The thread that makes keys is gone.
    #[error("making a key was cut off")]
    CutOff(#[from] tokio::task::JoinError),
    /// No key signs, which [`Keyring::maintain`] never leaves behind.
    #[error("no key signs")]
    NoSigningKey,
}

/// The keys in use, and how they come to be.
pub struct Keyring {
    pub(super) database: DatabaseConnection,
    pub(super) sealer: Sealer,
    pub(super) life: KeyLife,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    maintaining: tokio::sync::Mutex<()>,
    current: ArcSwapOption<Current>,
    verifying: Arc<LocalKeys>,
}

#[derive(Debug)]
struct Current {
    signing: Arc<SigningKey>,
    keys: Vec<Arc<SigningKey>>,
    published: Published,
    tally: KeyTally,
}

/// The JWK set, ready to be sent.
#[derive(Clone, Debug)]
pub struct Published {
    /// RFC 7517 JSON.
    pub json: Bytes,
    /// A strong entity tag, quotes included.
    pub etag: HeaderValue,
}

impl Keyring {
    /// A keyring that holds no key until [`Keyring::maintain`].
    pub fn new(
        database: DatabaseConnection,
        sealer: Sealer,
        life: KeyLife,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self {
            database,
            sealer,
            life,
            clock,
            random,
            maintaining: tokio::sync::Mutex::default(),
            current: ArcSwapOption::empty(),
            verifying: Arc::new(LocalKeys::new(KeySnapshot::default())),
        }
    }

    /// The key that signs now.
    ///
    /// # Errors
    /// There is none yet.
    pub fn signing(&self) -> Result<Arc<SigningKey>, KeyringError> {
        let current = self.current.load();
        current.as_ref().map(|current| Arc::clone(&current.signing)).ok_or(KeyringError::NoSigningKey)
    }

    /// What verifiers are told.
    ///
    /// # Errors
    /// There is nothing yet.
    pub fn published(&self) -> Result<Published, KeyringError> {
        let current = self.current.load();
        current.as_ref().map(|current| current.published.clone()).ok_or(KeyringError::NoSigningKey)
    }

    /// How the keys are, for metrics.
    pub(super) fn tally(&self) -> Option<KeyTally> {
        self.current.load().as_ref().map(|current| current.tally)
    }

    /// What this service itself verifies with.
    pub fn verifying(&self) -> Arc<LocalKeys> {
        Arc::clone(&self.verifying)
    }

    /// Makes the next key if it is due, then takes over what the table says. Safe to call anywhere, any time, on any
    /// number of replicas.
    ///
    /// # Errors
    /// The database fails, or a key cannot be opened or used; what was in use stays in use.
    pub async fn maintain(&self) -> Result<(), KeyringError> {
        // One after the other, so that nobody takes over rows that were read before another's.
        let _turn = self.maintaining.lock().await;
        let mut rows = key_table::all(&self.database).await?;
        let now = self.clock.now();
        if self.life.next_is_due(&times(&rows), now) {
            let number = rows.last().map_or(1, |newest| newest.number + 1);
            self.make(number, now, Actor::System, None).await?;
            rows = key_table::all(&self.database).await?;
        }
        let states = self.life.states(&times(&rows), now);
        self.take_over(&rows, &states)
    }

    /// Adds key `number`, unless another replica was faster.
    pub(super) async fn make(
        &self,
        number: i64,
        now: Timestamp,
        actor: Actor,
        session: Option<Uuid>,
    ) -> Result<(), KeyringError> {
        let (key, pkcs8) = tokio::task::spawn_blocking(SigningKey::generate).await??;
        let row = Model {
            number,
            kid: key.kid().to_owned(),
            sealed_private_key: self.sealer.seal(key.kid(), &pkcs8, &*self.random)?,
            created_at: now.millis(),
            revoked_at: None,
        };
        let mut transaction = Transaction::begin(&self.database).await?;
        if key_table::add(&*transaction, row).await? {
            let mut event = Event::new(Kind::KeyCreated, actor).no_account().detail(key.kid());
            if let Some(session) = session {
                event = event.session(session);
            }
            transaction.record(now, event).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    fn take_over(&self, rows: &[Model], states: &[KeyState]) -> Result<(), KeyringError> {
        let mut signing = None;
        let mut published = Vec::new();
        for (row, state) in rows.iter().zip(states) {
            if *state == KeyState::Gone {
                continue;
            }
            let key = self.open(row)?;
            if *state == KeyState::Signing {
                signing = Some(Arc::clone(&key));
            }
            published.push(key);
        }
        let signing = signing.ok_or(KeyringError::NoSigningKey)?;
        let json = jwks(&published)?;
        let verifying: Result<Vec<_>, _> = published.iter().map(|key| key.verifying_key()).collect();
        self.verifying.replace(KeySnapshot::of(verifying?));
        let made = rows.iter().map(|row| Timestamp::from_millis(row.created_at));
        let made: Vec<_> = states.iter().copied().zip(made).collect();
        let tally = KeyTally::new(&made, self.life.rotate_every);
        self.current.store(Some(Arc::new(Current { signing, keys: published, published: json, tally })));
        Ok(())
    }

    /// A key as it is in use already, or opened and parsed.
    fn open(&self, row: &Model) -> Result<Arc<SigningKey>, KeyringError> {
        let current = self.current.load();
        let mut in_use = current.iter().flat_map(|current| &current.keys);
        if let Some(key) = in_use.find(|key| key.kid() == row.kid) {
            return Ok(Arc::clone(key));
        }
        let pkcs8 = self.sealer.open(&row.kid, &row.sealed_private_key);
        let pkcs8 = pkcs8.map_err(|_| KeyringError::WrongEncryptionKey)?;
        Ok(Arc::new(SigningKey::from_pkcs8(&pkcs8)?))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("current", &self.current.load()).finish_non_exhaustive()
    }
}

fn jwks(keys: &[Arc<SigningKey>]) -> Result<Published, KeyError> {
    let set = JwkSet { keys: keys.iter().map(|key| key.jwk()).collect() };
    let json = serde_json::to_vec(&set)?;
    let tag: String =
        digest(&SHA256, &json).as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    // Hexadecimal digits can always be a header.
    let etag = HeaderValue::try_from(format!("\"{tag}\"")).unwrap_or(HeaderValue::from_static("\"\""));
    Ok(Published { json: json.into(), etag })
}
