//! What the service does by itself: looks after the keys, and sweeps rows that mean nothing any more.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder as _, QuerySelect as _};
use shared::clock::Timestamp;
use shared::database::retry_read;
use tokio::time::Instant;

use crate::accounts;
use crate::clients::{self, ClientId};
use crate::entity::audit_event;
use crate::error::Error;
use crate::oauth;
use crate::passwords::{Passwords, behind_kind_of};
use crate::sessions;
use crate::state::{App, AppState};
use crate::throttle;
use crate::tokens::keyring::LOOK_EVERY;

const SWEEP_EVERY: Duration = Duration::from_secs(5 * 60);
const REMIND_EVERY: Duration = Duration::from_secs(60);
/// Rows that one statement removes: few enough that nobody who waits for a lock notices.
const BATCH: u64 = 500;

/// Runs for as long as the service does. The keys wait for nothing else: one that was revoked goes out of use within
/// [`LOOK_EVERY`], however long rows are swept or counted.
pub(crate) async fn run(app: AppState) {
    tokio::join!(look_after_keys(&app), look_after_hashes(&app), look_after_rows(&app));
}

async fn look_after_keys(app: &App) {
    let mut duty = Duty::new("the signing keys cannot be looked after");
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        duty.attempt(app.keyring.maintain()).await;
    }
}

async fn look_after_hashes(app: &App) {
    let mut duty = Duty::new("the kinds of hashes cannot be counted");
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        duty.attempt(learn_kinds(&app.database, &app.passwords)).await;
    }
}

async fn look_after_rows(app: &App) {
    let (mut counting, mut sweeping) =
        (Duty::new("sessions cannot be counted"), Duty::new("old rows cannot be swept"));
    loop {
        counting.attempt(count_sessions(app)).await;
        tokio::time::sleep(SWEEP_EVERY).await;
        sweeping.attempt(sweep(app)).await;
    }
}

/// Something that is done again and again, whatever became of it before.
struct Duty {
    failure: &'static str,
    /// When the log was last told, of a failure that goes on.
    told: Option<Instant>,
}

impl Duty {
    fn new(failure: &'static str) -> Self {
        Self { failure, told: None }
    }

    /// Returns whether it succeeded. A failure is told when it begins and once a minute; a panic fails this try alone.
    async fn attempt<T, E>(&mut self, work: impl Future<Output = Result<T, E>>) -> bool
    where
        E: std::error::Error + 'static,
    {
        match AssertUnwindSafe(work).catch_unwind().await {
            Ok(Ok(_)) => {
                self.told = None;
                return true;
            }
            Ok(Err(error)) if self.told.is_none_or(|told| told.elapsed() >= REMIND_EVERY) => {
                self.told = Some(Instant::now());
                tracing::error!(error = &error as &dyn std::error::Error, "{}", self.failure);
            }
            Ok(Err(_)) => {}
            Err(_) => tracing::error!("{}: it panicked", self.failure),
        }
        false
    }
}

/// Learns what is told and counted of all accounts and sessions.
///
/// # Errors
/// The database's.
pub async fn look_around(app: &App) -> Result<(), Error> {
    learn_kinds(&app.database, &app.passwords).await?;
    count_sessions(app).await
}

async fn count_sessions(app: &App) -> Result<(), Error> {
    let live = retry_read(|| sessions::store::count_unended(&app.database, app.clock.now())).await?;
    app.live_sessions.set(live);
    Ok(())
}

/// Rows that were removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Sessions that had reached their end.
    pub sessions: u64,
    /// Codes, and devices that waited.
    pub codes: u64,
    /// Clients that had registered themselves, and that nobody used.
    pub clients: u64,
    /// Counters that had nothing left to count.
    pub throttles: u64,
    /// Events that were older than they are kept.
    pub events: u64,
    /// Keys that nothing accepts any more.
    pub keys: u64,
}

/// Removes what means nothing any more, in small batches. Replicas may do so together.
///
/// # Errors
/// The database's; what was removed stays removed.
pub async fn sweep(app: &App) -> Result<Swept, Error> {
    let (db, now) = (&app.database, app.clock.now());
    let mut swept = Swept { keys: app.keyring.sweep().await?, ..Swept::default() };
    swept.sessions =
        in_batches(|| sessions::store::expired(db, now, BATCH), |ids| sessions::store::remove(db, ids))
            .await?;
    swept.codes =
        in_batches(|| oauth::one_time::expired(db, now, BATCH), |hashes| oauth::one_time::remove(db, hashes))
            .await?;
    swept.codes += in_batches(
        || oauth::device::store::expired(db, now, BATCH),
        |hashes| oauth::device::store::remove(db, hashes),
    )
    .await?;
    swept.clients =
        in_batches(|| clients::store::to_review(db, now, BATCH), |ids| review(db, ids, now)).await?;
    swept.throttles =
        in_batches(|| throttle::expired(db, now, BATCH), |keys| throttle::remove(db, keys, now)).await?;
    let old = now - app.config.audit_retention;
    swept.events = in_batches(|| old_events(db, old), |ids| remove_events(db, ids)).await?;
    if swept != Swept::default() {
        tracing::info!(?swept, "swept old rows");
    }
    Ok(swept)
}

/// Finds and removes until a batch is not full. Returns how many were removed.
async fn in_batches<T, Found, Removed, F, R>(
    find: impl Fn() -> Found,
    remove: impl Fn(Vec<T>) -> Removed,
) -> Result<u64, Error>
where
    Found: Future<Output = Result<Vec<T>, F>>,
    Removed: Future<Output = Result<u64, R>>,
    Error: From<F> + From<R>,
{
    let mut removed = 0;
    loop {
        let batch = find().await?;
        let is_last = (batch.len() as u64) < BATCH;
        if !batch.is_empty() {
            removed += remove(batch).await?;
        }
        if is_last {
            return Ok(removed);
        }
    }
}

/// Learns which kinds of hashes accounts have brought with them, and how many of each. A kind is what a hash begins with; so
/// one look into the index finds one of each kind, and only those from elsewhere are counted.
///
/// # Errors
/// The database's, or the queue for hashing is full: then what was known goes on.
pub async fn learn_kinds(db: &DatabaseConnection, passwords: &Passwords) -> Result<(), Error> {
    let (mut after, mut counted) = (String::new(), Vec::new());
    while let Some(stored) = retry_read(|| accounts::store::next_hash(db, &after)).await? {
        // Nobody signs in with what is no hash.
        let Ok(behind) = behind_kind_of(&stored) else {
            after = stored;
            continue;
        };
        if !passwords.is_of_today(&stored) {
            let count = retry_read(|| accounts::store::count_hashes(db, &stored, &behind)).await?;
            counted.push((stored, count));
        }
        after = behind;
    }
    let all = if counted.is_empty() { 0 } else { retry_read(|| accounts::store::count_enabled(db)).await? };
    Ok(passwords.learn(counted, all).await?)
}

async fn review(db: &DatabaseConnection, ids: Vec<ClientId>, now: Timestamp) -> Result<u64, Error> {
    let mut forgotten = 0;
    for id in ids {
        forgotten += u64::from(clients::change::review(db, &id, now).await?);
    }
    Ok(forgotten)
}

async fn old_events(db: &DatabaseConnection, before: Timestamp) -> Result<Vec<i64>, DbErr> {
    use audit_event::{Column, Entity};
    let ids = Entity::find().select_only().column(Column::Id).filter(Column::At.lt(before.millis()));
    ids.order_by_asc(Column::At).limit(BATCH).into_tuple().all(db).await
}

async fn remove_events(db: &DatabaseConnection, ids: Vec<i64>) -> Result<u64, DbErr> {
    let events = audit_event::Entity::delete_many().filter(audit_event::Column::Id.is_in(ids));
    Ok(events.exec(db).await?.rows_affected)
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[tokio::test]
    async fn a_duty_is_done_again_whatever_became_of_it() {
        let mut duty = Duty::new("it cannot be done");
        let failing = async || Err::<(), _>(fmt::Error);
        assert!(!duty.attempt(failing()).await && duty.told.is_some());
        let panicking = async || {
            assert_eq!(1, 2, "on purpose");
            Ok::<_, fmt::Error>(())
        };
        assert!(!duty.attempt(panicking()).await);
        assert!(duty.attempt(async { Ok::<_, fmt::Error>(()) }).await && duty.told.is_none());
    }
}
