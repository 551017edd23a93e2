//! Passwords: what may be one, and Argon2id (RFC 9106) off the async threads, so many at a time and no more.

mod hash;
mod memory;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use argon2::Params;
use secrecy::{ExposeSecret as _, SecretString};
use shared::random::Random;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization as _;

use self::memory::{Memory, Spare};
use crate::accounts::Username;

pub use self::hash::{MOST_MEMORY_KIB, MOST_PASSES, Unusable};

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

    /// The same for the account of that name, which is no password in any spelling.
    ///
    /// # Errors
    /// It is too short, too long, or the name.
    pub fn parse_for(self, text: &str, username: &Username) -> Result<Password, String> {
        let password = self.parse(text)?;
        if text.parse::<Username>().is_ok_and(|name| name.key() == username.key()) {
            return Err("must not be the user name".to_owned());
        }
        Ok(password)
    }
}

/// Why a password was not hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// All slots were taken for too long.
    #[error("the queue for hashing is full")]
    QueueFull,
    /// The hash in the table is none, or could not be computed.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The thread that hashed is gone.
    #[error("password hashing was cut off")]
    CutOff(#[from] tokio::task::JoinError),
}

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    params: Params,
    slots: Arc<Slots>,
    queue_deadline: Duration,
    random: Arc<dyn Random>,
    /// The hash of nobody's password, checked where there is no account, so that both answers take as long.
    nobody: Arc<str>,
}

/// Places to hash in, and the memory that goes from one to the next.
struct Slots {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    spare: Spare,
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
        let free = Arc::new(Semaphore::new(slots));
        let slots = Arc::new(Slots { free, waiting: AtomicUsize::new(0), spare: Spare::default() });
        let (nobody, _) =
            hash::create(&params, random.text::<16>().as_bytes(), random.bytes(), &slots.spare)?;
        Ok(Self { params, slots, queue_deadline, random, nobody: nobody.into() })
    }

    /// The PHC string of a password, under a new salt of 16 bytes.
    ///
    /// # Errors
    /// The queue is full, or hashing failed.
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        let (params, salt) = (self.params.clone(), self.random.bytes());
        self.in_a_slot(move |spare| hash::create(&params, password.bytes(), salt, spare)).await
    }

    /// Whether `password` is the one behind `stored`. Where there is none, takes as long and says no.
    ///
    /// # Errors
    /// The queue is full, or `stored` is no hash of ours.
    pub async fn verify(&self, password: Password, stored: Option<&str>) -> Result<bool, HashError> {
        let known = stored.is_some();
        let stored = stored.unwrap_or(&self.nobody).to_owned();
        let right = self.in_a_slot(move |spare| hash::check(&stored, password.bytes(), spare)).await?;
        Ok(right && known)
    }

    /// Runs `work` on a thread that may take its time. The slot is given back when the work is over, even where nobody
    /// waits for its result any more.
    async fn in_a_slot<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Spare) -> Result<(T, Memory), Unusable> + Send + 'static,
    ) -> Result<T, HashError> {
        let slot = self.slots.take(self.queue_deadline).await?;
        let slots = Arc::clone(&self.slots);
        let working = tokio::task::spawn_blocking(move || {
            let result = work(&slots.spare).map(|(result, memory)| {
                slots.give_back(memory);
                result
            });
            drop(slot);
            result
        });
        Ok(working.await??)
    }
}

impl Slots {
    async fn take(&self, deadline: Duration) -> Result<OwnedSemaphorePermit, HashError> {
        let _waiting = Waiting::new(&self.waiting);
        match tokio::time::timeout(deadline, Arc::clone(&self.free).acquire_owned()).await {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) | Err(_) => Err(HashError::QueueFull),
        }
    }

    /// Memory goes to the next in the queue, or, where there is none, back to the system.
    fn give_back(&self, memory: Memory) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.spare.keep(memory);
        } else {
            self.spare.clear();
        }
    }
}

/// One more in the queue, until it is dropped: also where the client hangs up while it waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords").field("params", &self.params).finish_non_exhaustive()
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
        let _taken = passwords.slots.take(Duration::from_secs(1)).await.unwrap();
        assert!(matches!(passwords.hash(presented("x")).await, Err(HashError::QueueFull)));
    }

    #[tokio::test]
    async fn who_hangs_up_in_the_queue_leaves_it() {
        let passwords = passwords();
        let _taken = passwords.slots.take(Duration::from_secs(1)).await.unwrap();
        let waiting =
            tokio::time::timeout(Duration::from_millis(1), passwords.slots.take(Duration::from_secs(60)));
        assert!(waiting.await.is_err());
        assert_eq!(passwords.slots.waiting.load(Ordering::SeqCst), 0);
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
        assert!(rules.parse_for("A-Rather-LONG-name", &name).is_err());
        assert!(rules.parse_for("a-rather-long-name!", &name).is_ok());
    }
}
