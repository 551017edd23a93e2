//! Passwords: what may be one, and Argon2id (RFC 9106) on threads of its own, so many at a time and no more.

mod argon;
mod blocklist;
mod costs;
mod foreign;
mod memory;
mod rules;
mod slots;
mod stored;
mod turns;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use argon2::Params;
use prometheus_client::registry::Registry;
use shared::random::Random;
use tokio::time::Instant;

use self::costs::Costs;
use self::slots::{Slots, Work};
use self::stored::Stored;

pub use self::argon::{MOST_MEMORY_KIB, MOST_PASSES};
pub use self::rules::{Candidate, EASY_TO_GUESS, Password, PasswordRules};
pub use self::stored::{Unusable, importable};

/// Why a password was not hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// All slots were taken for too long.
    #[error("the queue for hashing is full")]
    QueueFull,
    /// The hash in the table is none, or could not be computed.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// It is to be a new one, and an attacker would try it before long.
    #[error("the new password {EASY_TO_GUESS}")]
    EasyToGuess,
    /// The thread that hashed has panicked.
    #[error("password hashing was cut off")]
    CutOff(#[from] tokio::sync::oneshot::error::RecvError),
    /// There is no thread to hash on.
    #[error("no thread can be started to hash on")]
    NoThread(#[from] std::io::Error),
}

/// What a password was found to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not that of the account.
    Wrong,
    /// That of the account.
    Right,
    /// That of the account, whose stored hash is not what we would make of it today.
    RightButOutdated,
}

/// On whose behalf a password is checked. Kept until that is over, also where nobody waits for it any more.
pub trait Asker: Send + 'static {
    /// Called when it is about to be checked. `false`: nobody wants to know any more, and it is not.
    fn begins(&self) -> bool;
}

/// Somebody who does not guess.
impl Asker for () {
    fn begins(&self) -> bool {
        true
    }
}

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    params: Params,
    slots: Arc<Slots>,
    random: Arc<dyn Random>,
    /// The hash of nobody's password, checked where there is no account, so that both cost as much.
    nobody: Arc<str>,
    costs: Arc<Costs>,
}

impl Passwords {
    /// Argon2id of these costs, `slots` at a time, for which nobody waits longer than `queue_deadline`.
    ///
    /// # Errors
    /// Argon2 cannot be run at these costs, or on no threads.
    pub async fn new(
        params: Params,
        slots: usize,
        queue_deadline: Duration,
        random: Arc<dyn Random>,
    ) -> Result<Self, HashError> {
        let slots = Arc::new(Slots::new(slots, queue_deadline)?);
        let mut passwords = Self { params, slots, random, nobody: Arc::from(""), costs: Arc::default() };
        let nobody = Password::presented(&passwords.random.text::<32>()).map_err(|_| Unusable)?;
        passwords.nobody = passwords.hash(nobody).await?.into();
        Ok(passwords)
    }

    /// Adds the metrics of the queue.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.slots.register(registry);
    }

    /// The PHC string of a new password, unless it is easy to guess: both are found out in one place of the queue.
    ///
    /// # Errors
    /// It is, the queue is full, or hashing failed.
    pub async fn create(&self, candidate: Candidate) -> Result<String, HashError> {
        let (params, salt) = (self.params.clone(), self.random.bytes());
        self.slots
            .run(move |work| {
                let password = candidate.judge().ok_or(HashError::EasyToGuess)?;
                Ok::<_, HashError>(argon::create(&params, password.bytes(), salt, work)?)
            })
            .await
    }

    /// The PHC string of a password, under a new salt of 16 bytes.
    ///
    /// # Errors
    /// The queue is full, or hashing failed.
    pub async fn hash(&self, password: Password) -> Result<String, HashError> {
        let (params, salt) = (self.params.clone(), self.random.bytes());
        self.slots.run(move |work| argon::create(&params, password.bytes(), salt, work)).await
    }

    /// Whether `password` is the one behind `stored`. Where there is none, does as much work and says no.
    ///
    /// # Errors
    /// The queue is full, or `stored` is no hash that we take.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<&str>,
        asker: impl Asker,
    ) -> Result<Verdict, HashError> {
        self.slots.run(self.check(password, stored, asker)).await
    }

    /// The work of that.
    fn check(
        &self,
        password: Password,
        stored: Option<&str>,
        asker: impl Asker,
    ) -> impl FnOnce(&Work<'_>) -> Result<Verdict, Unusable> + Send + 'static {
        let known = stored.is_some();
        let text = stored.unwrap_or(&self.nobody).to_owned();
        let (params, costs) = (self.params.clone(), Arc::clone(&self.costs));
        move |work| {
            if !asker.begins() {
                // Nobody hears this.
                return Ok(Verdict::Wrong);
            }
            let (stored, began) = (Stored::parse(&text)?, Instant::now());
            let right = stored.check(password.bytes(), work)? && known;
            costs.note(&text, began.elapsed());
            Ok(match (right, stored.is_current(&params)) {
                (false, _) => Verdict::Wrong,
                (true, true) => Verdict::Right,
                (true, false) => Verdict::RightButOutdated,
            })
        }
    }
}

impl Passwords {
    /// What the costliest kind of hash takes to check that was ever checked here. Waits until [`Passwords::all_measured`].
    pub async fn slowest(&self) -> Duration {
        self.costs.most().await
    }

    /// Checks a hash of a kind that was never checked and that we do not make today, so that [`Passwords::slowest`] knows
    /// of it. Returns a text that sorts behind all hashes of that kind and before those of the next. Waits for a place
    /// however long it takes: refusals wait for what is measured here, and are not to be held up by a try that comes later.
    ///
    /// # Errors
    /// It is no hash that we take.
    pub async fn measure(&self, stored: &str) -> Result<String, HashError> {
        let kind = costs::kind(stored);
        if kind != costs::kind(&self.nobody) && !self.costs.is_known(stored) {
            let nothing = Password::presented("").map_err(|_| Unusable)?;
            self.slots.run_patiently(self.check(nothing, Some(stored), ())).await?;
        }
        Ok(format!("{}$\u{10ffff}", kind.trim_end_matches('$')))
    }

    /// Says that a hash of each kind was measured that an account had when the service started.
    pub fn all_measured(&self) {
        self.costs.complete();
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords")
            .field("params", &self.params)
            .field("costs", &self.costs)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use shared::random::SystemRandom;

    use super::*;

    async fn passwords(memory: u32) -> Passwords {
        let params = Params::new(memory, 1, 1, None).unwrap();
        Passwords::new(params, 1, Duration::from_secs(10), Arc::new(SystemRandom::new())).await.unwrap()
    }

    fn presented(text: &str) -> Password {
        Password::presented(text).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_whatever_the_keyboard() {
        let passwords = passwords(64).await;
        let stored = passwords.hash(presented("caf\u{e9} au lait")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        let verify = |text| passwords.verify(presented(text), Some(&stored), ());
        assert_eq!(verify("cafe\u{301} au lait").await.unwrap(), Verdict::Right);
        assert_eq!(verify("CAFÉ au lait").await.unwrap(), Verdict::Wrong);
        assert_ne!(stored, passwords.hash(presented("caf\u{e9} au lait")).await.unwrap());
        let long = "ü".repeat(2000);
        let stored = passwords.hash(presented(&long)).await.unwrap();
        let verdict = passwords.verify(presented(&format!("{long}!")), Some(&stored), ()).await.unwrap();
        assert_eq!(verdict, Verdict::Wrong, "nothing is cut off");
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let passwords = passwords(64).await;
        assert_eq!(passwords.verify(presented(""), None, ()).await.unwrap(), Verdict::Wrong);
        assert!(passwords.verify(presented("x"), Some("nonsense"), ()).await.is_err());
    }

    #[tokio::test]
    async fn a_hash_of_other_costs_is_outdated() {
        let (cheap, dear) = (passwords(64).await, passwords(128).await);
        let stored = cheap.hash(presented("secret")).await.unwrap();
        assert_eq!(
            dear.verify(presented("secret"), Some(&stored), ()).await.unwrap(),
            Verdict::RightButOutdated
        );
        assert_eq!(dear.verify(presented("other"), Some(&stored), ()).await.unwrap(), Verdict::Wrong);
        let stored = dear.hash(presented("secret")).await.unwrap();
        assert_eq!(dear.verify(presented("secret"), Some(&stored), ()).await.unwrap(), Verdict::Right);
        assert_eq!(
            cheap.verify(presented("secret"), Some(&stored), ()).await.unwrap(),
            Verdict::Right,
            "never made weaker"
        );
    }
}
