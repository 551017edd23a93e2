//! A password that may be tried, and what is counted when it was.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use shared::clock::{Clock, Timestamp};
use shared::database::retry_write;
use shared::http::Network;
use tokio::runtime::Handle;
use uuid::Uuid;

use super::burst::{OfNetwork, Place};
use super::rules::{ACCOUNT, Counter, NETWORK, PAIR, Policy, SignIn};
use super::store;
use crate::audit::{Actor, Event, Kind, Transaction};
use crate::passwords::Asker;

/// How long those are told to wait who were let in, and are late when their turn comes.
const LATE: Duration = Duration::from_secs(1);

/// The rows that one attempt to sign in counts in.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) pair: String,
    pub(super) account: String,
    pub(super) network: String,
    /// By pair and by account, behind the curtain.
    pub(super) behind: [String; 2],
    /// By account, in all its sessions.
    pub(super) within_sessions: String,
}

impl Keys {
    pub(super) fn new(account: String, network: Network) -> Self {
        let pair = format!("{account}@{network}");
        let behind = [format!("{pair}+behind"), format!("{account}+behind")];
        let within_sessions = format!("{account}{}", store::WITHIN_SESSIONS);
        Self { pair, account, network: format!("network:{network}"), behind, within_sessions }
    }
}

/// A password that may be tried. Where it was, and nobody says how that ended, it counts as a failure.
///
/// A scenario: whoever guesses hangs up as soon as the answer takes longer than that to a right password would. What was to
/// count the failure is dropped with the request, and so they guess for as long as they like.
pub struct Attempt {
    /// How long a stranger would have had to wait for it.
    pub(super) behind: Option<Duration>,
    pub(super) database: DatabaseConnection,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tried: Arc<Tried>,
}

/// What is tried. It keeps its place for as long as something is hashed for it.
#[derive(Debug)]
pub struct Tried {
    stage: Mutex<Stage>,
    /// What is told of a failure.
    failure: Event,
    account_id: Option<Uuid>,
    ip: IpAddr,
    counts: Counts,
    places: Places,
}

/// Among whom it is, of those who try at a time.
#[derive(Debug)]
pub(super) struct Places {
    /// By account or session.
    pub(super) own: Place,
    /// By account, of those within its sessions.
    #[expect(dead_code, reason = "held until it is over")]
    pub(super) of_all: Option<Place>,
    /// By network, in the open.
    pub(super) of_network: Option<OfNetwork>,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was hashed yet.
    Waiting,
    /// Nothing was, since too many have failed meanwhile.
    Late,
    /// Somebody may hear, or see by the time that it takes, whether it is right.
    Tried,
    /// The same, behind the curtain: the network has failed too often meanwhile for a stranger.
    TriedBehind,
    /// It was counted, or is not to be.
    Over,
}

/// What changes with how it ends.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// What a failure counts in, in the open. Always in the same order, so that two of them never wait for each other.
    failure: Vec<(String, &'static Policy)>,
    /// The same behind the curtain.
    behind: Vec<(String, &'static Policy)>,
    /// How long the next try has to wait then.
    then: Duration,
    /// What a success forgets.
    forgets: Vec<String>,
    /// Where a success is noted, if it is worth a write.
    noted: Option<String>,
}

impl Counts {
    /// Of who signs in.
    pub(super) fn sign_in(keys: Keys, counted: &SignIn, within_sessions: Counter, now: Timestamp) -> Self {
        let Keys { pair, account, network, behind: [behind_pair, behind_account], .. } = &keys;
        let behind = vec![(behind_account.clone(), &PAIR), (behind_pair.clone(), &PAIR)];
        let failure = vec![(account.clone(), &ACCOUNT), (pair.clone(), &PAIR), (network.clone(), &NETWORK)];
        let [behind_pair, behind_account] = keys.behind;
        let all = [
            (keys.account, counted.account),
            (behind_account, counted.behind[1]),
            (behind_pair, counted.behind[0]),
            (keys.within_sessions, within_sessions),
        ];
        Self {
            failure,
            behind,
            then: counted.after_failure(now).wait(now),
            forgets: all.into_iter().filter(|(_, it)| it.failures > 0).map(|(key, _)| key).collect(),
            noted: counted.pair.is_news(now).then_some(keys.pair),
        }
    }

    /// Of who tries the current password. A new one forgets everything.
    pub(super) fn within_session(session: String, sessions: String) -> Self {
        Self { failure: vec![(sessions, &PAIR), (session, &PAIR)], ..Self::default() }
    }
}

impl Attempt {
    /// How long a stranger would have had to wait for it. Where there is something, a failure is answered by that, as
    /// theirs would be. That of a stranger whose turn came too late was not hashed, and reads as wrong.
    pub fn behind(&self) -> Option<Duration> {
        let is_late = matches!(*self.tried.stage(), Stage::Late | Stage::TriedBehind);
        self.behind.or(is_late.then_some(LATE))
    }

    /// On whose behalf it is checked.
    pub fn asker(&self) -> Arc<Tried> {
        Arc::clone(&self.tried)
    }

    /// Says that it was the right one: whatever comes of that, it is no failure.
    pub fn was_right(&self) {
        self.tried.end();
    }

    /// Says that nobody will hear whether it was right, so that it proves nothing and is no failure.
    pub fn is_untold(&self) {
        self.tried.end();
    }

    /// Counts a failure.
    ///
    /// # Errors
    /// The database's. It is counted later, then.
    pub async fn failed(self) -> Result<(), DbErr> {
        self.tried.count(&self.database, &*self.clock, false).await?;
        self.tried.end();
        Ok(())
    }

    /// Forgets the failures of the account, and remembers that its owner was here.
    ///
    /// # Errors
    /// The database's.
    pub async fn succeeded(&self, db: &impl ConnectionTrait, now: Timestamp) -> Result<(), DbErr> {
        let counts = &self.tried.counts;
        for key in &counts.forgets {
            store::clear(db, key).await?;
        }
        match &counts.noted {
            Some(key) => store::note_success(db, key, now).await,
            None => Ok(()),
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let is_behind = match self.tried.end() {
            Stage::Tried => self.behind.is_some(),
            Stage::TriedBehind => true,
            Stage::Waiting | Stage::Late | Stage::Over => return,
        };
        let Ok(runtime) = Handle::try_current() else { return };
        let (database, clock, tried) =
            (self.database.clone(), Arc::clone(&self.clock), Arc::clone(&self.tried));
        runtime.spawn(async move {
            if let Err(error) = tried.count(&database, &*clock, is_behind).await {
                tracing::error!(%error, "a failure to sign in is not counted");
            }
        });
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Attempt").field(&self.tried).finish()
    }
}

impl Asker for Arc<Tried> {
    fn begins(&self) -> bool {
        let mut stage = self.stage();
        if *stage == Stage::Waiting {
            *stage = match &self.places.of_network {
                Some(network) if network.is_late() => match network.is_at_home {
                    true => Stage::TriedBehind,
                    false => Stage::Late,
                },
                _ if self.places.own.is_late() => Stage::Late,
                _ => Stage::Tried,
            };
        }
        matches!(*stage, Stage::Tried | Stage::TriedBehind)
    }
}

impl Tried {
    pub(super) fn new(
        failure: Event,
        account_id: Option<Uuid>,
        ip: IpAddr,
        counts: Counts,
        places: Places,
    ) -> Arc<Self> {
        Arc::new(Self { stage: Mutex::new(Stage::Waiting), failure, account_id, ip, counts, places })
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stage until now.
    fn end(&self) -> Stage {
        std::mem::replace(&mut *self.stage(), Stage::Over)
    }

    async fn count(
        &self,
        database: &DatabaseConnection,
        clock: &dyn Clock,
        is_behind: bool,
    ) -> Result<(), DbErr> {
        let counts = if is_behind { &self.counts.behind } else { &self.counts.failure };
        // At once: the next ones are about to be hashed.
        if let Some(of_network) = self.places.of_network.as_ref().filter(|_| !is_behind) {
            of_network.failed();
        }
        retry_write(|| self.write(database, clock.now(), counts)).await?;
        self.places.own.failed();
        Ok(())
    }

    async fn write(
        &self,
        database: &DatabaseConnection,
        now: Timestamp,
        counts: &[(String, &'static Policy)],
    ) -> Result<(), DbErr> {
        let mut transaction = Transaction::begin(database).await?;
        transaction.record(now, self.failure.clone()).await?;
        for (key, policy) in counts {
            store::add_failure(&*transaction, key, policy, now).await?;
        }
        let wait = self.counts.then;
        if !wait.is_zero() {
            let mut event = Event::new(Kind::LoginThrottled, Actor::Unknown(self.ip));
            if let Some(id) = self.account_id {
                event = event.account(id);
            }
            transaction.record(now, event.detail(format!("from here, the next try is in {wait:?}"))).await?;
        }
        transaction.commit().await
    }
}

impl Counter {
    /// Whether a success changes anything about it worth a write.
    fn is_news(self, now: Timestamp) -> bool {
        const A_DAY: Duration = Duration::from_secs(24 * 3600);
        self.failures > 0 || self.succeeded_at.is_none_or(|succeeded| now.since(succeeded) > A_DAY)
    }
}
