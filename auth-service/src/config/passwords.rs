//! What passwords must be and cost.

use std::num::NonZeroUsize;

use argon2::Params;
use clap::Args;
use shared::settings::{SettingError, Span};

use crate::passwords::{MOST_MEMORY_KIB, MOST_PASSES, PasswordRules};

/// Each has a thread and some 19 MiB of its own.
const MOST_SLOTS: usize = 256;

/// What passwords must be and cost.
#[derive(Clone, Debug, Args)]
pub struct PasswordSettings {
    /// Shortest password, in characters; at least 8
    #[arg(long, env = "AUTH_PASSWORD_MIN_LENGTH", default_value = "15", value_name = "N")]
    pub password_min_length: usize,
    /// Memory of one password hash, in KiB; at least 19456
    #[arg(long, env = "AUTH_ARGON2_MEMORY_KIB", default_value = "19456", value_name = "KIB")]
    pub argon2_memory_kib: u32,
    /// Passes over that memory; at least 2
    #[arg(long, env = "AUTH_ARGON2_TIME", default_value = "2", value_name = "N")]
    pub argon2_time: u32,
    /// Passwords that are hashed at a time [default: the number of cores]
    #[arg(long, env = "AUTH_HASH_SLOTS", value_name = "N")]
    pub hash_slots: Option<NonZeroUsize>,
    /// How long a sign-in waits for a free slot before it is sent away
    #[arg(long, env = "AUTH_HASH_QUEUE_DEADLINE", default_value = "2s", value_name = "SPAN")]
    pub hash_queue_deadline: Span,
}

impl PasswordSettings {
    /// The costs of Argon2id, with one lane.
    ///
    /// # Errors
    /// They are below those that OWASP recommends, or above what Argon2 can do.
    pub fn params(&self) -> Result<Params, SettingError> {
        if !(19_456..=MOST_MEMORY_KIB).contains(&self.argon2_memory_kib) {
            let problem = format!("must be from 19456 to {MOST_MEMORY_KIB}");
            return Err(SettingError::new("AUTH_ARGON2_MEMORY_KIB", problem));
        }
        if !(2..=MOST_PASSES).contains(&self.argon2_time) {
            return Err(SettingError::new("AUTH_ARGON2_TIME", format!("must be from 2 to {MOST_PASSES}")));
        }
        Params::new(self.argon2_memory_kib, self.argon2_time, 1, None)
            .map_err(|error| SettingError::new("AUTH_ARGON2_MEMORY_KIB", error.to_string()))
    }

    /// What a new password must be, at a service that goes by these names.
    ///
    /// # Errors
    /// It may be shorter than NIST allows.
    pub fn rules<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<PasswordRules, SettingError> {
        if !(8..=256).contains(&self.password_min_length) {
            return Err(SettingError::new("AUTH_PASSWORD_MIN_LENGTH", "must be from 8 to 256"));
        }
        Ok(PasswordRules::new(self.password_min_length, names))
    }

    /// How many passwords are hashed at a time.
    ///
    /// # Errors
    /// There are too many.
    pub fn slots(&self) -> Result<usize, SettingError> {
        match self
            .hash_slots
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, NonZeroUsize::get)
        {
            slots @ 1..=MOST_SLOTS => Ok(slots),
            _ => Err(SettingError::new("AUTH_HASH_SLOTS", format!("must be from 1 to {MOST_SLOTS}"))),
        }
    }
}
