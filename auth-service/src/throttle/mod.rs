//! Guessing gets slower: failures are counted in the table, so that replicas agree, and decide before a password is
//! hashed.

mod attempt;
mod burst;
mod rules;
mod store;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr};
use shared::clock::{Clock, Timestamp};
use shared::database::{self, retry_read, retry_write};
use shared::http::Network;
use uuid::Uuid;

use self::attempt::{Counts, Keys, Places, Tried};
use self::burst::{Bursts, OfNetwork, Place};
use self::rules::{DEVICE_CODE, NETWORK, PAIR, Policy, REGISTRATION, SignIn, UNPROVEN, WithinSession};
use crate::audit::{Actor, Event, Kind};
use crate::tokens::sealer::Blinder;

pub use self::attempt::Attempt;
pub use self::store::{expired, forget_account, forgive_account, remove};

/// How many sessions of one account may have a current password checked at a time: whoever has a thousand of them, and the
/// password, shall not keep all slots busy.
const WITHIN_SESSIONS_AT_A_TIME: u32 = 3;

/// Counts and decides.
pub struct Throttle {
    blinder: Blinder,
    bursts: Bursts,
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
        Self { blinder, bursts: Bursts::default() }
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

    /// A number from 0 to 1 that always goes with the name, on all replicas, and that nobody else can tell.
    pub fn lot(&self, name: &str) -> f64 {
        self.blinder.lot(name)
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
        clock: &Arc<dyn Clock>,
    ) -> Result<Attempt, Refused> {
        let now = clock.now();
        let keys = Keys::new(subject.key, Network::household_of(ip));
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
        let left = NETWORK.left(network, now);
        let of_network = match behind {
            Some(_) => None,
            None => OfNetwork::take(&self.bursts, &keys.network, left, counted.may_try_behind(now)),
        };
        let counts = Counts::sign_in(keys, &counted, within_sessions, now);
        let mut failure = Event::new(Kind::Login, Actor::Unknown(ip)).refused();
        if let Some(id) = subject.account_id {
            failure = failure.account(id);
        }
        let places = Places { own: place, of_all: None, of_network };
        let tried = Tried::new(failure, subject.account_id, ip, counts, places);
        Ok(Attempt { behind, database: db.clone(), clock: Arc::clone(clock), tried })
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
        clock: &Arc<dyn Clock>,
    ) -> Result<Attempt, Refused> {
        let now = clock.now();
        let sessions = format!("{}{}", store::account_key(account_id), store::WITHIN_SESSIONS);
        let session = format!("{sessions}:{session_id}");
        let [of_session, of_all] = retry_read(|| store::read(db, [&session, &sessions])).await?;
        let wait = WithinSession { session: of_session, sessions: of_all }.wait(now);
        if !wait.is_zero() {
            return Err(Refused::Wait { wait, at_once: true });
        }
        let crowded = Refused::Wait { wait: Duration::from_secs(1), at_once: true };
        let Some((place, of_account)) = Place::take(&self.bursts, &session, 1, 1).zip(Place::take(
            &self.bursts,
            &sessions,
            WITHIN_SESSIONS_AT_A_TIME,
            WITHIN_SESSIONS_AT_A_TIME,
        )) else {
            return Err(crowded);
        };
        let counts = Counts::within_session(session, sessions);
        let failure =
            Event::new(Kind::PasswordChanged, Actor::Account(account_id, ip)).session(session_id).refused();
        let places = Places { own: place, of_all: Some(of_account), of_network: None };
        let tried = Tried::new(failure, Some(account_id), ip, counts, places);
        Ok(Attempt { behind: None, database: db.clone(), clock: Arc::clone(clock), tried })
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
        count_try(db, &format!("register:{}", Network::site_of(ip)), &REGISTRATION, now).await
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
        count_try(db, &format!("client:{}", Network::site_of(ip)), &REGISTRATION, now).await
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

    /// Lets a client at this address that anybody can be begin something of which a row is kept, and counts it.
    ///
    /// # Errors
    /// Not now, or the database's.
    pub async fn admit_unproven(
        &self,
        db: &DatabaseConnection,
        ip: IpAddr,
        now: Timestamp,
    ) -> Result<(), Refused> {
        count_try(db, &format!("unproven:{}", Network::site_of(ip)), &UNPROVEN, now).await
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").finish_non_exhaustive()
    }
}

fn device_code_key(ip: IpAddr) -> String {
    format!("device:{}", Network::site_of(ip))
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
    let wait = policy.wait(store::hold(&*transaction, key, now).await?, now);
    if wait.is_zero() {
        store::add_failure(&*transaction, key, policy, now).await?;
        transaction.commit().await?;
    }
    Ok(wait)
}
