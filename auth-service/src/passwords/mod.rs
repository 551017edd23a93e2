//! Passwords: what may be one, and Argon2id (RFC 9106) on threads of its own, so many at a time and no more.

mod argon;
mod blocklist;
mod foreign;
mod kinds;
mod memory;
mod rules;
mod slots;
mod stored;
mod turns;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use argon2::Params;
use prometheus_client::registry::Registry;
use shared::random::Random;
use tokio::time::Instant;

use self::kinds::Kinds;
use self::slots::{Slots, Work};
use self::stored::Stored;
use self::turns::Weight;

pub use self::argon::{MOST_MEMORY_KIB, MOST_PASSES};
pub use self::kinds::behind_kind_of;
pub use self::rules::{Candidate, EASY_TO_GUESS, Password, PasswordRules};
pub use self::stored::{Unusable, importable};

/// A check that takes no more memory than this, or than ours do, is like any other.
const LIGHT_KIB: u64 = 32 * 1024;

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
    /// What else is checked there, since accounts have it.
    kinds: Arc<ArcSwap<Kinds>>,
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
        let blocks = usize::try_from(params.m_cost()).unwrap_or(usize::MAX);
        let slots = Arc::new(Slots::new(slots, queue_deadline, blocks)?);
        let mut passwords = Self { params, slots, random, nobody: Arc::from(""), kinds: Arc::default() };
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
            .run(Weight::Light, move |work| {
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
        self.slots.run(Weight::Light, move |work| argon::create(&params, password.bytes(), salt, work)).await
    }

    /// Whether `password` is the one behind `stored`.
    ///
    /// # Errors
    /// The queue is full, or `stored` is no hash that we take.
    pub async fn verify(
        &self,
        password: Password,
        stored: &str,
        asker: impl Asker,
    ) -> Result<Verdict, HashError> {
        let weight = self.weight(stored)?;
        let (text, params) = (stored.to_owned(), self.params.clone());
        let check = move |work: &Work<'_>| {
            if !asker.begins() {
                // Nobody hears this.
                return Ok(Verdict::Wrong);
            }
            let stored = Stored::parse(&text)?;
            let right = stored.check(password.bytes(), work)?;
            Ok::<_, Unusable>(match (right, stored.is_current(&params)) {
                (false, _) => Verdict::Wrong,
                (true, true) => Verdict::Right,
                (true, false) => Verdict::RightButOutdated,
            })
        };
        self.slots.run(weight, check).await
    }

    fn weight(&self, stored: &str) -> Result<Weight, Unusable> {
        let light = LIGHT_KIB.max(u64::from(self.params.m_cost()));
        let is_light = Stored::parse(stored)?.memory_kib() <= light;
        Ok(if is_light { Weight::Light } else { Weight::Heavy })
    }

    /// As much work for a name that no account has, whatever the password. `lot` goes with the name, from 0 to 1: it decides
    /// which kind of hash is checked, so that unknown names have those that accounts have.
    ///
    /// # Errors
    /// The queue is full.
    pub async fn verify_nobody(
        &self,
        password: Password,
        lot: f64,
        asker: impl Asker,
    ) -> Result<(), HashError> {
        self.verify(password, &self.of_nobody(lot), asker).await.map(drop)
    }

    /// The hash that is checked for a name of this lot that no account has.
    pub fn of_nobody(&self, lot: f64) -> Arc<str> {
        self.kinds.load().at(lot).unwrap_or_else(|| Arc::clone(&self.nobody))
    }

    /// Whether `stored` is of the kind that we make today.
    pub fn is_of_today(&self, stored: &str) -> bool {
        kinds::kind(stored) == kinds::kind(&self.nobody)
    }

    /// Learns which kinds there are beside that: one hash of each, and how many accounts have such a one, of `all`.
    ///
    /// # Errors
    /// The queue is full; then what was known goes on.
    pub async fn learn(&self, counted: Vec<(String, u64)>, all: u64) -> Result<(), HashError> {
        let mut kinds = Kinds::new(self.kinds.load().costs(), all);
        for (stored, count) in counted {
            let cost = match kinds.cost_of(&stored) {
                Some(known) => known,
                None => {
                    let began = Instant::now();
                    let nothing = Password::presented("").map_err(|_| Unusable)?;
                    match self.verify(nothing, &stored, ()).await {
                        // Nobody signs in with it: it is no kind of anybody's.
                        Err(HashError::Unusable(_)) => continue,
                        verified => verified?,
                    };
                    began.elapsed()
                }
            };
            kinds.add(stored, count, cost);
        }
        self.kinds.store(Arc::new(kinds));
        Ok(())
    }

    /// What the costliest kind of those takes to check, about: nothing where all are of the kind that we make today.
    pub fn slowest(&self) -> Duration {
        self.kinds.load().slowest()
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
        let verify = |text| passwords.verify(presented(text), &stored, ());
        assert_eq!(verify("cafe\u{301} au lait").await.unwrap(), Verdict::Right);
        assert_eq!(verify("CAFÉ au lait").await.unwrap(), Verdict::Wrong);
        assert_ne!(stored, passwords.hash(presented("caf\u{e9} au lait")).await.unwrap());
        let long = "ü".repeat(2000);
        let stored = passwords.hash(presented(&long)).await.unwrap();
        let verdict = passwords.verify(presented(&format!("{long}!")), &stored, ()).await.unwrap();
        assert_eq!(verdict, Verdict::Wrong, "nothing is cut off");
    }

    #[tokio::test]
    async fn nonsense_is_nobodys_password() {
        let passwords = passwords(64).await;
        passwords.verify_nobody(presented(""), 0.5, ()).await.unwrap();
        assert!(passwords.verify(presented("x"), "nonsense", ()).await.is_err());
    }

    #[tokio::test]
    async fn a_hash_of_other_costs_is_outdated() {
        let (cheap, dear) = (passwords(64).await, passwords(128).await);
        let stored = cheap.hash(presented("secret")).await.unwrap();
        assert_eq!(dear.verify(presented("secret"), &stored, ()).await.unwrap(), Verdict::RightButOutdated);
        assert_eq!(dear.verify(presented("other"), &stored, ()).await.unwrap(), Verdict::Wrong);
        let stored = dear.hash(presented("secret")).await.unwrap();
        assert_eq!(dear.verify(presented("secret"), &stored, ()).await.unwrap(), Verdict::Right);
        assert_eq!(
            cheap.verify(presented("secret"), &stored, ()).await.unwrap(),
            Verdict::Right,
            "never made weaker"
        );
    }
}
