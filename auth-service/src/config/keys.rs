//! The life of signing keys and tokens, and what the keys are sealed with.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use http::HeaderValue;
use secrecy::SecretString;
use shared::jwks::MAX_USABLE;
use shared::secret;
use shared::settings::{SettingError, Span};

use crate::tokens::life::KeyLife;
use crate::tokens::sealer::Sealer;

/// How long past the end of every token its key is still published: for clocks that go wrong.
const RETIRE_MARGIN: Duration = Duration::from_secs(24 * 3600);
/// How much longer than anybody may cache our keys a new one is announced: for replicas that look at the table a moment
/// later, and for clocks that go wrong.
const ANNOUNCE_MARGIN: Duration = Duration::from_secs(60);

/// Settings of keys and of what they sign.
#[derive(Clone, Debug, Args)]
pub struct KeySettings {
    /// How long access tokens last
    #[arg(long, env = "AUTH_ACCESS_TOKEN_TTL", default_value = "15m", value_name = "SPAN")]
    pub access_token_ttl: Span,
    /// How long sessions, and with them refresh tokens, last
    #[arg(long, env = "AUTH_REFRESH_TOKEN_TTL", default_value = "30d", value_name = "SPAN")]
    pub refresh_token_ttl: Span,
    /// How often a new signing key is made
    #[arg(long, env = "AUTH_KEY_ROTATE_EVERY", default_value = "30d", value_name = "SPAN")]
    pub key_rotate_every: Span,
    /// How long a new key is published before it signs
    #[arg(long, env = "AUTH_KEY_ANNOUNCE", default_value = "24h", value_name = "SPAN")]
    pub key_announce: Span,
    /// How long others may keep our public keys
    #[arg(long, env = "AUTH_JWKS_MAX_AGE", default_value = "5m", value_name = "SPAN")]
    pub jwks_max_age: Span,
    #[command(flatten)]
    pub sealing: SealingSettings,
}

/// What the signing keys are sealed with.
#[derive(Clone, Debug, Args)]
pub struct SealingSettings {
    /// Key that the signing keys are encrypted with in the database: 32 bytes in base64
    #[arg(long, env = "AUTH_KEY_ENCRYPTION_KEY", hide_env_values = true, value_name = "KEY")]
    pub key_encryption_key: Option<SecretString>,
    /// File that holds that key
    #[arg(long, env = "AUTH_KEY_ENCRYPTION_KEY_FILE", value_name = "FILE")]
    pub key_encryption_key_file: Option<PathBuf>,
    /// The key before it, until `keys rewrap` has replaced it
    #[arg(long, env = "AUTH_PREVIOUS_KEY_ENCRYPTION_KEY", hide_env_values = true, value_name = "KEY")]
    pub previous_key_encryption_key: Option<SecretString>,
    /// File that holds the key before it
    #[arg(long, env = "AUTH_PREVIOUS_KEY_ENCRYPTION_KEY_FILE", value_name = "FILE")]
    pub previous_key_encryption_key_file: Option<PathBuf>,
}

impl SealingSettings {
    /// Opens and seals by these settings.
    ///
    /// # Errors
    /// A key is missing, or is none.
    pub fn sealer(&self) -> Result<Sealer, SettingError> {
        const NAME: &str = "AUTH_KEY_ENCRYPTION_KEY";
        const PREVIOUS: &str = "AUTH_PREVIOUS_KEY_ENCRYPTION_KEY";
        let (value, file) = (self.key_encryption_key.as_ref(), self.key_encryption_key_file.as_deref());
        let key = secret::resolve(NAME, value, file)?
            .ok_or_else(|| SettingError::new(NAME, "is required; make one with: openssl rand -base64 32"))?;
        let sealer = Sealer::new(&key).map_err(|problem| SettingError::new(NAME, problem))?;
        let (value, file) =
            (self.previous_key_encryption_key.as_ref(), self.previous_key_encryption_key_file.as_deref());
        match secret::resolve(PREVIOUS, value, file)? {
            Some(previous) => {
                sealer.with_previous(&previous).map_err(|problem| SettingError::new(PREVIOUS, problem))
            }
            None => Ok(sealer),
        }
    }
}

impl KeySettings {
    /// The life of keys. A verifier that has cached our keys a moment before a new one was published must learn of it before
    /// it signs, and what a key has signed must outlive it nowhere.
    ///
    /// # Errors
    /// The settings do not go together.
    pub fn life(&self) -> Result<KeyLife, SettingError> {
        let announce = self.key_announce.get();
        if announce < self.jwks_max_age.get() + ANNOUNCE_MARGIN {
            let problem =
                "must be longer than AUTH_JWKS_MAX_AGE by a minute, or new keys sign before they are known";
            return Err(SettingError::new("AUTH_KEY_ANNOUNCE", problem));
        }
        if self.key_rotate_every.get() <= announce {
            return Err(SettingError::new("AUTH_KEY_ROTATE_EVERY", "must be longer than AUTH_KEY_ANNOUNCE"));
        }
        let longest_token = self.refresh_token_ttl.get().max(self.access_token_ttl.get());
        let retire = longest_token + RETIRE_MARGIN;
        let rotate_every = self.key_rotate_every.get();
        let published = 2 + (announce + retire).as_secs() / rotate_every.as_secs().max(1);
        if published > MAX_USABLE as u64 {
            let problem = format!(
                "is so short that {published} keys are published at a time; verifiers take {MAX_USABLE}"
            );
            return Err(SettingError::new("AUTH_KEY_ROTATE_EVERY", problem));
        }
        Ok(KeyLife { rotate_every, announce, retire })
    }

    /// What others are told of how long they may keep our public keys.
    ///
    /// # Errors
    /// None that can happen: it is a number of seconds.
    pub fn cache_control(&self) -> Result<HeaderValue, SettingError> {
        HeaderValue::try_from(format!("public, max-age={}", self.jwks_max_age.get().as_secs()))
            .map_err(|error| SettingError::new("AUTH_JWKS_MAX_AGE", error.to_string()))
    }
}
