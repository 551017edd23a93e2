//! Passwords: what may be one, and Argon2id (RFC 9106) off the async threads, so many at a time and no more.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use secrecy::{ExposeSecret as _, SecretString};
use shared::random::Random;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization as _;

use crate::accounts::Username;

/// The longest password in bytes: refused before it is hashed, so that nobody makes us hash a book.
const MAX_BYTES: usize = 4096;

/// A password as it was sent, in one form for all keyboards (NFC, RFC 8265 §4.2). Does not print.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

impl Password {
    /// Takes any text that could be the password of an account: what an account was given long ago may break the rules
    /// of today.
    ///
    /// # Errors
    /// It is too long to be anybody's.
    pub fn presented(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("must be at most {MAX_BYTES} bytes"));
        }
        Ok(Self(SecretString::from(text.nfc().collect::<String>())))
    }

    fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

/// What a new password must be.
#[derive(Clone, Copy, Debug)]
pub struct PasswordRules {
    /// In code points.
    pub min_length: usize,
}

impl PasswordRules {
    /// Takes a text that may become a password. Length is all that is asked for: rules of composition make passwords
    /// worse (NIST SP 800-63B-4 §3.1.1.2).
    ///
    /// # Errors
    /// It is too short or too long.
    pub fn parse(self, text: &str) -> Result<Password, String> {
        let password = Password::presented(text)?;
        if password.0.expose_secret().chars().count() < self.min_length {
            return Err(format!("must be at least {} characters", self.min_length));
        }
        Ok(password)
    }

    /// Whether `password` is the user name in disguise.
    pub fn is_username(self, password: &Password, username: &Username) -> bool {
        password.0.expose_secret().parse::<Username>().is_ok_and(|name| name.key() == username.key())
    }
}

/// Why a password was not hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// All slots were taken for too long.
    #[error("the queue for hashing is full")]
    QueueFull,
    /// The hash in the table is none, or could not be computed.
    #[error("password hashing failed: {0}")]
    Failed(argon2::password_hash::Error),
    /// The thread that hashed is gone.
    #[error("password hashing was cut off")]
    CutOff(#[from] tokio::task::JoinError),
}

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    slots: Arc<Semaphore>,
    queue_deadline: Duration,
    random: Arc<dyn Random>,
    /// The hash of nobody's password, checked where there is no account, so that both answers take as long.
    nobody: Arc<str>,
}

impl Passwords {
    /// Argon2id of these costs, `slots` at a time, for which nobody waits longer than `queue_deadline`.
    ///
    /// # Errors
    /// Argon2 cannot be run at these costs.
    pub fn new(
        params: Params,
        slots: usize,
        queue_deadline: Duration,
        random: Arc<dyn Random>,
    ) -> Result<Self, HashError> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hash(&argon2, random.text::<16>().as_bytes(), &*random)?.into();
        Ok(Self { argon2, slots: Arc::new(Semaphore::new(slots)), queue_deadline, random, nobody })
    }

    /// The PHC string of a password, under a new salt of 16 bytes.
    ///
    /// # Errors
    /// The queue is full, or hashing failed.
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        let slot = self.slot().await?;
        let (argon2, random) = (self.argon2.clone(), Arc::clone(&self.random));
        let hashing = tokio::task::spawn_blocking(move || {
            let hashed = hash(&argon2, password.bytes(), &*random);
            drop(slot);
            hashed
        });
        hashing.await?
    }

    /// Whether `password` is the one behind `stored`. Where there is none, takes as long and says no.
    ///
    /// # Errors
    /// The queue is full, or `stored` is no hash of ours.
    pub async fn verify(&self, password: Password, stored: Option<&str>) -> Result<bool, HashError> {
        let slot = self.slot().await?;
        let argon2 = self.argon2.clone();
        let (stored, known) = (stored.unwrap_or(&self.nobody).to_owned(), stored.is_some());
        let checking = tokio::task::spawn_blocking(move || {
            let checked = check(&argon2, password.bytes(), &stored);
            drop(slot);
            checked
        });
        Ok(checking.await?? && known)
    }

    /// A place to hash in. It is given back when the hashing is over, even where nobody waits for the result any more.
    async fn slot(&self) -> Result<OwnedSemaphorePermit, HashError> {
        let slot = Arc::clone(&self.slots).acquire_owned();
        match tokio::time::timeout(self.queue_deadline, slot).await {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) | Err(_) => Err(HashError::QueueFull),
        }
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("params", self.argon2.params()).finish_non_exhaustive()
    }
}

fn hash(argon2: &Argon2<'_>, password: &[u8], random: &dyn Random) -> Result<String, HashError> {
    let salt: [u8; 16] = random.bytes();
    argon2.hash_password_with_salt(password, &salt).map(|hash| hash.to_string()).map_err(HashError::Failed)
}

fn check(argon2: &Argon2<'_>, password: &[u8], stored: &str) -> Result<bool, HashError> {
    let stored = PasswordHash::new(stored).map_err(|error| HashError::Failed(error.into()))?;
    match argon2.verify_password(password, &stored) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(HashError::Failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use shared::random::SystemRandom;

    use super::*;

    fn passwords() -> Passwords {
        let params = Params::new(64, 1, 1, None).unwrap();
        Passwords::new(params, 1, Duration::from_millis(10), Arc::new(SystemRandom::new())).unwrap()
    }

    fn presented(text: &str) -> Password {
        Password::presented(text).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_whatever_the_keyboard() {
        let passwords = passwords();
        let stored = passwords.hash(presented("caf\u{e9} au lait")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        assert!(passwords.verify(presented("cafe\u{301} au lait"), Some(&stored)).await.unwrap());
        assert!(!passwords.verify(presented("CAFÉ au lait"), Some(&stored)).await.unwrap());
        assert_ne!(stored, passwords.hash(presented("caf\u{e9} au lait")).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let passwords = passwords();
        assert!(!passwords.verify(presented(""), None).await.unwrap());
        assert!(passwords.verify(presented("x"), Some("nonsense")).await.is_err());
    }

    #[tokio::test]
    async fn who_waits_too_long_for_a_slot_is_sent_away() {
        let passwords = passwords();
        let _taken = passwords.slot().await.unwrap();
        assert!(matches!(passwords.hash(presented("x")).await, Err(HashError::QueueFull)));
    }

    #[test]
    fn length_counts_code_points_and_nothing_else_is_asked_for() {
        let rules = PasswordRules { min_length: 15 };
        assert!(rules.parse(&"a".repeat(15)).is_ok());
        assert!(rules.parse(&"\u{1f600}".repeat(15)).is_ok());
        assert!(rules.parse(&"\u{1f600}".repeat(14)).is_err());
        assert!(rules.parse(&"a".repeat(4096)).is_ok());
        assert!(rules.parse(&"a".repeat(4097)).is_err());
        let name: Username = "a-rather-long-name".parse().unwrap();
        assert!(rules.is_username(&presented("A-Rather-LONG-name"), &name));
        assert!(!rules.is_username(&presented("a-rather-long-name!"), &name));
    }
}
