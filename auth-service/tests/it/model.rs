//! The sessions against a model of them: whatever is done in whatever order, the service answers as the model does. Some
//! steps are two requests at the same moment; then it answers as the model does in one of the two orders.
//!
//! `MODEL_RUNS` says how many runs there are; without it 2,000, with which `cargo test` stays quick. `.ci/model` does
//! twenty thousand on SQLite and four thousand on MySQL. `MODEL_SEED` says which steps they take; without it others each
//! time, and whoever fails tells which seed it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use argon2::Params;
use auth_service::accounts::change::{self, AccountChange, Changer};
use auth_service::accounts::store::NewPassword;
use auth_service::accounts::{self, Role, Roles, password};
use auth_service::error::Error;
use auth_service::passwords::{HashError, Password};
use auth_service::sessions::login::{self, Door, NotIn};
use auth_service::sessions::{Client, FIRST_PARTY, refresh, store};
use auth_service::state::App;
use auth_service::throttle;
use auth_service::tokens::refresh_token::RefreshToken;
use futures_util::future::join_all;
use shared::clock::Timestamp;
use shared::random::{Random, SystemRandom};
use shared::testing::new_database;
use tokio::time::Instant;
use tracing::subscriber::NoSubscriber;
use uuid::Uuid;

use crate::world::{World, connect};

const TTL: Duration = Duration::from_secs(10 * 86400);
const IDLE: Duration = Duration::from_secs(3 * 86400);
/// Services, each with a database, a clock and a thread of its own.
const WORKERS: usize = 8;
/// Runs side by side on one service: while one waits for MySQL to commit, the others go on.
const LANES: usize = 6;

/// What the account and its sessions should be.
#[derive(Clone, Debug, Default)]
struct Model {
    disabled: bool,
    password: u32,
    sessions: Vec<Session>,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    generation: i64,
    rotated_at: Timestamp,
    expires_at: Timestamp,
    idle_at: Timestamp,
    ended: bool,
}

impl Session {
    fn alive(&self, now: Timestamp) -> bool {
        !self.ended && now < self.expires_at && now < self.idle_at
    }
}

impl Model {
    /// What a step answers: a generation, 0 for no, 1 for yes.
    fn apply(&mut self, step: Step, grace: Option<Duration>, now: Timestamp) -> i64 {
        match step {
            Step::Login { password } if self.disabled || password != self.password => 0,
            Step::Login { .. } => {
                let expires_at = now + TTL;
                let fresh =
                    Session { generation: 1, rotated_at: now, expires_at, idle_at: now + IDLE, ended: false };
                self.sessions.push(fresh);
                1
            }
            Step::Refresh { session, generation } => {
                let row = &mut self.sessions[session];
                if !row.alive(now) {
                    return 0;
                }
                let within = grace.is_none_or(|grace| now.since(row.rotated_at) <= grace);
                if generation == row.generation {
                    (row.generation, row.rotated_at) = (generation + 1, now);
                } else if !(generation + 1 == row.generation && within) {
                    row.ended = true;
                    return 0;
                }
                row.idle_at = now + IDLE;
                row.generation
            }
            Step::Logout { session } => {
                let row = &mut self.sessions[session];
                let alive = row.alive(now);
                row.ended |= alive;
                i64::from(alive)
            }
            Step::Password { session, to } => {
                if !self.sessions[session].alive(now) {
                    return 0;
                }
                self.password = to;
                self.sessions.iter_mut().enumerate().for_each(|(index, row)| row.ended |= index != session);
                1
            }
            Step::Disable(disabled) => {
                self.disabled = disabled;
                self.sessions.iter_mut().for_each(|row| row.ended |= disabled);
                1
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Login { password: u32 },
    Refresh { session: usize, generation: i64 },
    Logout { session: usize },
    Password { session: usize, to: u32 },
    Disable(bool),
}

/// An account and what was done to it since its first login.
struct Run {
    name: String,
    account: Uuid,
    client: Client,
    model: Model,
    ids: Vec<Uuid>,
    history: Vec<(u64, Step, Option<Step>)>,
}

/// A service of its own with its own clock.
struct Runner {
    world: World,
    random: Seeded,
    grace: Option<Duration>,
    first_hash: String,
}

/// The same steps for the same seed: SplitMix64, for tests alone.
struct Seeded(AtomicU64);

impl Seeded {
    /// One for each worker.
    fn new(seed: u64, worker: usize) -> Self {
        let mixed = Self(AtomicU64::new(seed)).next() ^ worker as u64;
        Self(AtomicU64::new(mixed))
    }

    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let state = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^ (state >> 31)
    }
}

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

impl Runner {
    async fn new(grace: Option<Duration>, random: Seeded) -> Self {
        let flags = match grace {
            Some(_) => {
                &["--refresh-token-ttl", "10d", "--session-idle-ttl", "3d", "--refresh-grace", "60s"][..]
            }
            None => &["--refresh-token-ttl", "10d", "--session-idle-ttl", "3d"],
        };
        let database = connect(&new_database().await).await;
        // What a hash costs is of no interest here.
        let cheap =
            |config: &mut auth_service::config::Config| config.argon2 = Params::new(8, 1, 1, None).unwrap();
        let world = World::configured(database, flags, cheap).await;
        let hash = world.service.app.passwords.hash(Password::presented(&secret(0)).unwrap());
        let first_hash = hash.await.unwrap();
        Self { world, random, grace, first_hash }
    }

    fn pick(&self, below: u64) -> u64 {
        let random: &dyn Random = &self.random;
        u64::from_le_bytes(random.bytes()) % below
    }

    fn step(&self, model: &Model) -> Step {
        let index = usize::try_from(self.pick(model.sessions.len().max(1) as u64)).unwrap();
        let Some(session) = model.sessions.get(index) else {
            return Step::Login { password: model.password };
        };
        let session_index = index;
        match self.pick(20) {
            0..=2 => Step::Login { password: model.password },
            3 => Step::Login { password: model.password + 1 },
            4..=9 => Step::Refresh { session: session_index, generation: session.generation },
            10..=12 => Step::Refresh { session: session_index, generation: session.generation - 1 },
            13 => Step::Refresh { session: session_index, generation: session.generation - 2 },
            14..=15 => Step::Logout { session: session_index },
            16..=17 => Step::Password { session: session_index, to: model.password + 1 },
            18 => Step::Disable(!model.disabled),
            _ => Step::Refresh { session: session_index, generation: session.generation + 1 },
        }
    }

    /// So many accounts side by side, each from its first login to the end of its run.
    async fn runs(&self, numbers: std::ops::Range<usize>) {
        let mut runs = join_all(numbers.map(|number| self.begin(number))).await;
        for _ in 0..10 {
            let wait = [0, 0, 0, 1, 59, 60, 61, 86400, 3 * 86400 - 1, 3 * 86400]
                [usize::try_from(self.pick(10)).unwrap()];
            self.world.advance(wait);
            join_all(runs.iter_mut().map(|run| self.go_on(run, wait))).await;
        }
    }

    async fn begin(&self, number: usize) -> Run {
        let name = format!("account{number}");
        let (app, random): (_, &dyn Random) = (&self.world.service.app, &self.random);
        let (password, roles) = (NewPassword::chosen(self.first_hash.clone()), Roles::new([Role::Reader]));
        let (account, now) = (random.uuid(), self.world.now());
        accounts::store::create(&app.database, account, &name.parse().unwrap(), password, &roles, now)
            .await
            .unwrap();
        // A network for each, so that none is slowed down by what others get wrong.
        let ip = format!("10.{}.{}.1", number / 256 % 256, number % 256).parse().unwrap();
        let client = Client { ip, user_agent: "model".to_owned() };
        Run { name, account, client, model: Model::default(), ids: Vec::new(), history: Vec::new() }
    }

    /// Does the next step, or the next two at the same moment.
    async fn go_on(&self, run: &mut Run, wait: u64) {
        let (now, together) = (self.world.now(), self.pick(3) == 0);
        let (one, two) = (self.step(&run.model), together.then(|| self.step(&run.model)));
        run.history.push((wait, one, two));
        let (first, second) = match two {
            Some(two) => tokio::join!(self.act(run, one), self.act(run, two)),
            None => (self.act(run, one).await, (0, None)),
        };
        let mut orders = vec![vec![(one, first)]];
        if let Some(two) = two {
            orders = vec![vec![(one, first), (two, second)], vec![(two, second), (one, first)]];
        }
        let agreed = orders.iter().find_map(|order| {
            let mut after = run.model.clone();
            let agrees =
                order.iter().all(|(step, (answer, _))| after.apply(*step, self.grace, now) == *answer);
            agrees.then(|| (after, order.iter().filter_map(|(_, (_, id))| *id).collect::<Vec<Uuid>>()))
        });
        let Some((after, opened)) = agreed else {
            panic!("answered {first:?} {second:?} to the last of {:?} in {:?}", run.history, run.model)
        };
        run.model = after;
        run.ids.extend(opened);
    }

    /// Does a step until the database has a place for it, as a client does that is told to come back.
    async fn act(&self, run: &Run, step: Step) -> (i64, Option<Uuid>) {
        loop {
            match self.attempt(run, step).await {
                Ok(answer) => return answer,
                Err(
                    Error::Database(_) | Error::PasswordChangedMeanwhile | Error::Hash(HashError::QueueFull),
                ) => {}
                Err(error) => panic!("{step:?}: {error:?}"),
            }
        }
    }

    async fn attempt(&self, run: &Run, step: Step) -> Result<(i64, Option<Uuid>), Error> {
        let Run { name, account, client, ids, .. } = run;
        let account_id = *account;
        let (app, now): (&Arc<App>, _) = (&self.world.service.app, self.world.now());
        match step {
            Step::Login { password } => {
                let password = Password::presented(&secret(password)).unwrap();
                let answer = login::try_sign_in(app, name, password, client, Door::Api, Instant::now()).await;
                match answer {
                    Ok((_, session)) => Ok((1, Some(session.id))),
                    Err(NotIn::Late(Error::BadCredentials)) => {
                        // The throttle has tests of its own.
                        throttle::forget_account(&app.database, account_id).await?;
                        Ok((0, None))
                    }
                    Err(NotIn::Late(error) | NotIn::AtOnce(error)) => Err(error),
                }
            }
            Step::Refresh { session, generation } => {
                let token = RefreshToken { session_id: ids[session], account_id, generation };
                match refresh::renew(app, &token, FIRST_PARTY, client).await {
                    Ok((_, session)) => Ok((session.generation, None)),
                    Err(Error::Rejected(_)) => Ok((0, None)),
                    Err(error) => Err(error),
                }
            }
            Step::Logout { session } => {
                Ok((i64::from(store::end(&app.database, account_id, ids[session], now).await?), None))
            }
            Step::Password { session, to } => {
                let account = self.world.row(name).await;
                let hash = app.passwords.hash(Password::presented(&secret(to)).unwrap()).await?;
                match password::replace(app, &account, ids[session], client.ip, hash).await {
                    Ok(()) => Ok((1, None)),
                    Err(Error::Rejected(_)) => Ok((0, None)),
                    Err(error) => Err(error),
                }
            }
            Step::Disable(disabled) => {
                let change = AccountChange { disabled: Some(disabled), ..AccountChange::default() };
                change::change(&app.database, account_id, &change, Changer::Operator, now).await?;
                Ok((1, None))
            }
        }
    }
}

fn secret(version: u32) -> String {
    format!("the password of version {version}")
}

/// Of so many runs, those of one worker.
#[tokio::main(flavor = "current_thread")]
async fn work(worker: usize, seed: u64, runs: usize) {
    let grace = worker.is_multiple_of(2).then_some(Duration::from_secs(60));
    let runner = Runner::new(grace, Seeded::new(seed, worker)).await;
    for first in (0..runs).step_by(LANES) {
        runner.runs(first..runs.min(first + LANES)).await;
    }
}

/// A number out of the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var_os(name).map(|number| number.to_str().unwrap().parse().unwrap())
}

#[test]
fn sessions_are_what_the_model_says() {
    let runs = usize::try_from(number("MODEL_RUNS").unwrap_or(2000)).unwrap();
    let system: &dyn Random = &SystemRandom::new();
    let seed = number("MODEL_SEED").unwrap_or_else(|| u64::from_le_bytes(system.bytes()));
    println!("MODEL_SEED={seed} MODEL_RUNS={runs}");
    let workers = (0..WORKERS).map(|worker| {
        thread::spawn(move || {
            // Millions of lines, which would take longer than what they tell of; other tests read the log.
            let _quiet = tracing::subscriber::set_default(NoSubscriber::new());
            work(worker, seed, runs / WORKERS);
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.join().unwrap();
    }
}
