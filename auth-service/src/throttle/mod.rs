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
    ACCOUNT, Counter, DEVICE_CODE, NETWORK, PAIR, Policy, REGISTRATION, SignIn, UNPROVEN, WithinSession,
    network_of,
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

/// Why there is no attempt.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There were too many failures, or too many try at a time.
    #[error("too many failures; the next try is in {wait:?}")]
    Wait {
        /// Until the next try.
        wait: Duration,
        /// Whether it may be told at once. Otherwise somebody else might be told the same behind a hash, and the time of the
        /// answer must not say which of the two it was.
        at_once: bool,
    },
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

    /// Lets somebody at this address try a password, or says when they may.
    ///
    /// # Errors
    /// Not now, or the database's.
    pub async fn admit(
        &self,
        db: &DatabaseConnection,
        subject: Subject,
        ip: IpAddr,
        now: Timestamp,
    ) -> Result<Attempt, Refused> {
        let keys = Keys::new(subject.key, &network_of(ip));
        let [behind_pair, behind_account] = &keys.behind;
        let all =
            [&keys.pair, &keys.account, &keys.network, behind_pair, behind_account, &keys.within_sessions];
        let [pair, account, network, behind_pair, behind_account, within_sessions] =
            retry_read(|| store::read(db, all)).await?;
        let counted = SignIn { pair, account, network, behind: [behind_pair, behind_account] };
        let wait = counted.wait(now);
        let seen = |wait| Refused::Wait { wait, at_once: !PAIR.wait(pair, now).is_zero() };
        if !wait.is_zero() && !counted.may_try_behind(now) {
            return Err(seen(wait));
        }
        let crowded = if wait.is_zero() { Duration::from_secs(1) } else { wait };
        let (open, most) = counted.most_at_a_time(now);
        let place = Place::take(&self.bursts, &keys.account, open, most).ok_or(seen(crowded))?;
        let behind = place.is_besides.then_some(crowded);
        if behind.is_some() && !counted.may_try_behind(now) {
            return Err(seen(crowded));
        }
        Ok(Attempt {
            account_id: subject.account_id,
            ip,
            counts: Counts::SignIn { keys, counted, within_sessions },
            behind,
            place,
        })
    }

    /// Lets somebody try the current password within a session of the account, or says when they may. Whoever has stolen its
    /// token is counted by the session, wherever they come from, and keeps the owner from nothing but that: neither from
    /// signing in nor, in another session, from changing the password.
    ///
    /// # Errors
    /// Not now, or the database's.
    pub async fn admit_within_session(
        &self,
        db: &DatabaseConnection,
        account_id: Uuid,
        session_id: Uuid,
        ip: IpAddr,
        now: Timestamp,
    ) -> Result<Attempt, Refused> {
        let sessions = format!("{}{}", store::account_key(account_id), store::WITHIN_SESSIONS);
        let session = format!("{sessions}:{session_id}");
        let [of_session, of_all] = retry_read(|| store::read(db, [&session, &sessions])).await?;
        let wait = WithinSession { session: of_session, sessions: of_all }.wait(now);
        if !wait.is_zero() {
            return Err(Refused::Wait { wait, at_once: true });
        }
        let crowded = Refused::Wait { wait: Duration::from_secs(1), at_once: true };
        let place = Place::take(&self.bursts, &session, 1, 1).ok_or(crowded)?;
        let counts = Counts::WithinSession { sessions, session };
        Ok(Attempt { account_id: Some(account_id), ip, counts, behind: None, place })
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
    if wait.is_zero() { Ok(()) } else { Err(Refused::Wait { wait, at_once: true }) }
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

/// The rows that one attempt to sign in counts in.
#[derive(Debug)]
struct Keys {
    pair: String,
    account: String,
    network: String,
    /// By pair and by account, behind the curtain.
    behind: [String; 2],
    /// By account, in all its sessions.
    within_sessions: String,
}

impl Keys {
    fn new(account: String, network: &str) -> Self {
        let pair = format!("{account}@{network}");
        let behind = [format!("{pair}+behind"), format!("{account}+behind")];
        let within_sessions = format!("{account}{}", store::WITHIN_SESSIONS);
        Self { pair, account, network: format!("network:{network}"), behind, within_sessions }
    }
}

/// What an attempt counts in.
#[derive(Debug)]
enum Counts {
    SignIn { keys: Keys, counted: SignIn, within_sessions: Counter },
    WithinSession { sessions: String, session: String },
}

/// A password that may be tried.
#[derive(Debug)]
pub struct Attempt {
    account_id: Option<Uuid>,
    ip: IpAddr,
    counts: Counts,
    behind: Option<Duration>,
    place: Place,
}

impl Attempt {
    /// How long a stranger would have had to wait for it. Where there is something, a failure is answered by that, as
    /// theirs would be.
    pub const fn behind(&self) -> Option<Duration> {
        self.behind
    }

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
        let counted = match &self.counts {
            Counts::SignIn { keys: Keys { behind: [pair, account], .. }, .. } if self.behind.is_some() => {
                vec![(account, &PAIR), (pair, &PAIR)]
            }
            Counts::SignIn { keys, .. } => {
                vec![(&keys.account, &ACCOUNT), (&keys.pair, &PAIR), (&keys.network, &NETWORK)]
            }
            Counts::WithinSession { sessions, session } => vec![(sessions, &PAIR), (session, &PAIR)],
        };
        for (key, policy) in counted {
            store::add_failure(&*transaction, key, policy, now).await?;
        }
        let wait = match &self.counts {
            Counts::SignIn { counted, .. } => counted.after_failure(now).wait(now),
            Counts::WithinSession { .. } => Duration::ZERO,
        };
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
        let Counts::SignIn { keys, counted, within_sessions } = &self.counts else { return Ok(()) };
        let [behind_pair, behind_account] = &keys.behind;
        for (key, counter) in [
            (&keys.account, counted.account),
            (behind_account, counted.behind[1]),
            (behind_pair, counted.behind[0]),
            (&keys.within_sessions, *within_sessions),
        ] {
            if counter.failures > 0 {
                store::clear(db, key).await?;
            }
        }
        if counted.pair.is_news(now) {
            store::note_success(db, &keys.pair, now).await?;
        }
        Ok(())
    }
}

/// One of those who try at a time in this process, until it is dropped.
#[derive(Debug)]
struct Place {
    bursts: Bursts,
    key: String,
    /// Whether it is one of those besides.
    is_besides: bool,
}

impl Place {
    /// One of `most` places, of which the first `open` are nothing special.
    fn take(bursts: &Bursts, key: &str, open: u32, most: u32) -> Option<Self> {
        let mut all = bursts.lock().unwrap_or_else(PoisonError::into_inner);
        let burst = all.entry(key.to_owned()).or_default();
        let taken = burst.under_way + burst.failed;
        // Nobody is under way in a new entry, and `most` is never nothing: so no empty one is left behind.
        if taken >= most {
            return None;
        }
        burst.under_way += 1;
        Some(Self { bursts: Arc::clone(bursts), key: key.to_owned(), is_besides: taken >= open })
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
