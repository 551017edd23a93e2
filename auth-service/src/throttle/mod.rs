//! Guessing gets slower: failures are counted in the table, so that replicas agree, and decide before a password is
//! hashed.

mod rules;
mod store;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use shared::clock::Timestamp;
use shared::database::{self, retry_read, retry_write};
use uuid::Uuid;

use self::rules::{
    ACCOUNT, Counter, DEVICE_CODE, NETWORK, PAIR, Policy, REGISTRATION, SignIn, UNPROVEN, network_of,
};
use crate::audit::{Actor, Event, Kind, Transaction};
use crate::tokens::sealer::Blinder;

pub use self::store::{expired, forget_account, remove};

/// Counts and decides.
pub struct Throttle {
    blinder: Blinder,
    bursts: Bursts,
}

/// Who tries at a time in this process, by account.
type Bursts = Arc<Mutex<HashMap<String, Burst>>>;

/// The tries of one account since somebody last tried alone.
#[derive(Debug, Default)]
struct Burst {
    under_way: u32,
    /// Those that failed: whoever comes now may have read the counters before these were in them.
    failed: u32,
}

/// Whom somebody tries to sign in as.
#[derive(Clone, Debug)]
pub struct Subject {
    account_id: Option<Uuid>,
    key: String,
}

/// What somebody has shown before they try a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Nobody,
    /// A session of the account.
    Session,
}

/// Why there is no attempt.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There were too many failures, or too many try at a time.
    #[error("too many failures; the next try is in {0:?}")]
    Wait(Duration),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl Throttle {
    /// A throttle that hides names by `blinder`: the same one on all replicas.
    pub fn new(blinder: Blinder) -> Self {
        Self { blinder, bursts: Arc::default() }
    }

    /// An account, or a name that no account has: it is counted all the same, so that nothing tells them apart. The name
    /// itself is not kept, since it may be a password in the wrong field.
    pub fn subject(&self, account_id: Option<Uuid>, name: &str) -> Subject {
        let key = match account_id {
            Some(id) => store::account_key(id),
            None => format!("name:{}", self.blinder.blind(name)),
        };
        Subject { account_id, key }
    }

    /// Lets somebody at this address try a password, or says when they may. Within a session of the account, only what
    /// failed at this very network counts: others cannot keep the owner from changing the password.
    ///
    /// # Errors
    /// Not now, or the database's.
    pub async fn admit(
        &self,
        db: &DatabaseConnection,
        subject: Subject,
        ip: IpAddr,
        standing: Standing,
        now: Timestamp,
    ) -> Result<Attempt, Refused> {
        let network = network_of(ip);
        let keys = Keys {
            pair: format!("{}@{network}", subject.key),
            account: subject.key,
            network: format!("network:{network}"),
        };
        let read = || store::read(db, [&keys.pair, &keys.account, &keys.network]);
        let [pair, account, network] = retry_read(read).await?;
        let counted = SignIn { pair, account, network };
        let wait = match standing {
            Standing::Session => PAIR.wait(counted.pair, now),
            Standing::Nobody => counted.wait(now),
        };
        if !wait.is_zero() {
            return Err(Refused::Wait(wait));
        }
        let place = Place::take(&self.bursts, &keys.account, counted.most_at_a_time(now));
        let place = place.ok_or(Refused::Wait(Duration::from_secs(1)))?;
        Ok(Attempt { account_id: subject.account_id, ip, keys, counted, place })
    }

    /// Lets somebody at this address make an account, and counts it.
    ///
    /// # Errors
    /// Not now, or the database's.
    pub async fn admit_registration(
        &self,
        db: &DatabaseConnection,
        ip: IpAddr,
        now: Timestamp,
    ) -> Result<(), Refused> {
        count_try(db, &format!("register:{}", network_of(ip)), &REGISTRATION, now).await
    }

    /// Lets a client at this address register itself, and counts it.
    ///
    /// # Errors
    /// Not now, or the database's.
    pub async fn admit_client(
        &self,
        db: &DatabaseConnection,
        ip: IpAddr,
        now: Timestamp,
    ) -> Result<(), Refused> {
        count_try(db, &format!("client:{}", network_of(ip)), &REGISTRATION, now).await
    }

    /// Lets somebody at this address type in the code of a device, and counts it.
    ///
    /// # Errors
    /// Not now, or the database's.
    pub async fn admit_device_code(
        &self,
        db: &DatabaseConnection,
        ip: IpAddr,
        now: Timestamp,
    ) -> Result<(), Refused> {
        count_try(db, &device_code_key(ip), &DEVICE_CODE, now).await
    }

    /// Takes the count of one try back, since it was the code of a device. What was counted before stays: whoever guesses
    /// may have a device of their own, whose code is always good.
    ///
    /// # Errors
    /// The database's.
    pub async fn found_device_code(&self, db: &DatabaseConnection, ip: IpAddr) -> Result<(), DbErr> {
        let key = device_code_key(ip);
        retry_write(|| store::take_back(db, &key)).await
    }

    /// Lets a client at this address that proves nothing begin something of which a row is kept, and counts it.
    ///
    /// # Errors
    /// Not now, or the database's.
    pub async fn admit_unproven(
        &self,
        db: &DatabaseConnection,
        ip: IpAddr,
        now: Timestamp,
    ) -> Result<(), Refused> {
        count_try(db, &format!("unproven:{}", network_of(ip)), &UNPROVEN, now).await
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").finish_non_exhaustive()
    }
}

fn device_code_key(ip: IpAddr) -> String {
    format!("device:{}", network_of(ip))
}

/// Counts a try of which it is not known before how it ends. Of many at a time, none passes that would not have passed
/// after the others.
async fn count_try(
    db: &DatabaseConnection,
    key: &String,
    policy: &Policy,
    now: Timestamp,
) -> Result<(), Refused> {
    // Most of those who are refused are refused here, and hold nobody up.
    let [counter] = retry_read(|| store::read(db, [key])).await?;
    let mut wait = policy.wait(counter, now);
    if wait.is_zero() {
        wait = retry_write(|| count_next(db, key, policy, now)).await?;
    }
    if wait.is_zero() { Ok(()) } else { Err(Refused::Wait(wait)) }
}

/// Counts a try, unless those that were counted meanwhile make it wait.
async fn count_next(
    db: &DatabaseConnection,
    key: &str,
    policy: &Policy,
    now: Timestamp,
) -> Result<Duration, DbErr> {
    let transaction = database::begin(db).await?;
    let wait = policy.wait(store::hold(&transaction, key, now).await?, now);
    if wait.is_zero() {
        store::add_failure(&transaction, key, policy, now).await?;
        transaction.commit().await?;
    }
    Ok(wait)
}

/// The rows that one attempt counts in.
#[derive(Debug)]
struct Keys {
    pair: String,
    account: String,
    network: String,
}

/// A password that may be tried.
#[derive(Debug)]
pub struct Attempt {
    account_id: Option<Uuid>,
    ip: IpAddr,
    keys: Keys,
    counted: SignIn,
    place: Place,
}

impl Attempt {
    /// Counts a failure, told of by `event`.
    ///
    /// # Errors
    /// The database's.
    pub async fn failed(&self, db: &DatabaseConnection, event: &Event, now: Timestamp) -> Result<(), DbErr> {
        retry_write(|| self.count(db, event, now)).await?;
        self.place.failed();
        Ok(())
    }

    async fn count(&self, db: &DatabaseConnection, event: &Event, now: Timestamp) -> Result<(), DbErr> {
        let mut transaction = Transaction::begin(db).await?;
        transaction.record(now, event.clone()).await?;
        // Always in this order, so that two of them never wait for each other.
        for (key, policy) in
            [(&self.keys.account, &ACCOUNT), (&self.keys.pair, &PAIR), (&self.keys.network, &NETWORK)]
        {
            store::add_failure(&*transaction, key, policy, now).await?;
        }
        let wait = self.counted.after_failure(now).wait(now);
        if !wait.is_zero() {
            let mut event = Event::new(Kind::LoginThrottled, Actor::Unknown(self.ip));
            if let Some(id) = self.account_id {
                event = event.account(id);
            }
            transaction.record(now, event.detail(format!("from here, the next try is in {wait:?}"))).await?;
        }
        transaction.commit().await
    }

    /// Forgets the failures of the account, and remembers that its owner was here.
    ///
    /// # Errors
    /// The database's.
    pub async fn succeeded(&self, db: &impl ConnectionTrait, now: Timestamp) -> Result<(), DbErr> {
        if self.counted.account.failures > 0 {
            store::clear(db, &self.keys.account).await?;
        }
        if self.counted.pair.is_news(now) {
            store::note_success(db, &self.keys.pair, now).await?;
        }
        Ok(())
    }
}

/// One of those who try at a time in this process, until it is dropped.
#[derive(Debug)]
struct Place {
    bursts: Bursts,
    key: String,
}

impl Place {
    fn take(bursts: &Bursts, key: &str, most: u32) -> Option<Self> {
        let mut all = bursts.lock().unwrap_or_else(PoisonError::into_inner);
        let burst = all.entry(key.to_owned()).or_default();
        // Nobody is under way in a new entry, and `most` is never nothing: so no empty one is left behind.
        if burst.under_way + burst.failed >= most {
            return None;
        }
        burst.under_way += 1;
        Some(Self { bursts: Arc::clone(bursts), key: key.to_owned() })
    }

    fn failed(&self) {
        let mut all = self.bursts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(burst) = all.get_mut(&self.key) {
            burst.failed += 1;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.bursts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(burst) = all.get_mut(&self.key) {
            burst.under_way -= 1;
            if burst.under_way == 0 {
                all.remove(&self.key);
            }
        }
    }
}

impl Counter {
    /// Whether a success changes anything about it worth a write.
    fn is_news(self, now: Timestamp) -> bool {
        const A_DAY: Duration = Duration::from_secs(24 * 3600);
        self.failures > 0 || self.succeeded_at.is_none_or(|succeeded| now.since(succeeded) > A_DAY)
    }
}
