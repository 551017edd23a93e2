//! The line of those who write to one SQLite file: one at a time, and several with one commit.
//!
//! A commit waits for the disk. So whoever is done while others wait does not commit: the next goes on in the same
//! transaction, behind a savepoint, and it is committed for all of them when nobody waits any more. Each hears that it is
//! done when that commit is: what is acknowledged is on the disk, as if everybody had committed alone.
//!
//! Whoever comes later in a transaction sees what those before have written, as they would have one after the other. Should
//! the commit fail, none of them has written anything, and each hears of the failure.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use sea_orm::{
    ConnAcquireErr, ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbErr,
    TransactionTrait as _,
};
use tokio::sync::oneshot;
use tracing::{Instrument as _, Span};

use super::connect::SQLITE_BUSY_TIMEOUT;
use super::transaction::immediate;

/// As many as are committed together: the first waits for all of them.
const MOST_TOGETHER: usize = 16;

/// The line to each SQLite file that this process writes to.
static LINES: LazyLock<Mutex<HashMap<PathBuf, Arc<Line>>>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Line(Mutex<State>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// A task gives out turns.
    served: bool,
}

impl State {
    /// Who comes next, of those who have not gone away.
    fn next(&mut self) -> Option<Waiting> {
        std::iter::from_fn(|| self.waiting.pop_front()).find(|waiting| !waiting.turn.is_closed())
    }
}

/// Somebody in the line.
struct Waiting {
    database: DatabaseConnection,
    turn: oneshot::Sender<Result<Turn, DbErr>>,
    /// What BEGIN and COMMIT are done for.
    span: Span,
}

/// Whose commit waits for that of all.
type Kept = oneshot::Sender<Result<(), DbErr>>;

/// The turn of one writer. Where it is dropped, what was written in it is undone.
pub(super) struct Turn {
    // Dropped before `end`: when the line hears of the end, it holds the transaction alone.
    pub(super) transaction: Arc<DatabaseTransaction>,
    end: oneshot::Sender<Kept>,
}

impl Turn {
    /// Waits in the line to the file of this database.
    pub(super) async fn of(database: &DatabaseConnection) -> Result<Self, DbErr> {
        let pool = database.get_sqlite_connection_pool();
        let file = pool.connect_options().get_filename().to_owned();
        let line = Arc::clone(lock(&LINES).entry(file).or_default());
        let (turn, given) = oneshot::channel();
        line.join(Waiting { database: database.clone(), turn, span: Span::current() });
        let waiting = tokio::time::timeout(SQLITE_BUSY_TIMEOUT, given);
        match waiting.instrument(tracing::info_span!("wait for the turn to write")).await {
            Ok(Ok(turn)) => turn,
            Ok(Err(_)) | Err(_) => Err(not_done()),
        }
    }

    /// Keeps what was written, and waits until it is on the disk.
    pub(super) async fn keep(self) -> Result<(), DbErr> {
        let Self { transaction, end } = self;
        let (kept, committed) = oneshot::channel();
        drop(transaction);
        // Where the line is gone, so is `kept`.
        drop(end.send(kept));
        let committed = committed.instrument(tracing::info_span!("wait for the commit"));
        committed.await.unwrap_or_else(|_| Err(DbErr::Custom("the writers' line is gone".to_owned())))
    }
}

impl Line {
    fn join(self: &Arc<Self>, waiting: Waiting) {
        let mut state = lock(&self.0);
        state.waiting.push_back(waiting);
        if !std::mem::replace(&mut state.served, true) {
            tokio::spawn(Serving { line: Arc::clone(self), over: false }.serve());
        }
    }
}

/// The task that gives out turns, for as long as somebody waits.
struct Serving {
    line: Arc<Line>,
    over: bool,
}

impl Serving {
    async fn serve(mut self) {
        while let Some(first) = self.next_or_end() {
            self.serve_together(first).await;
        }
    }

    fn next_or_end(&mut self) -> Option<Waiting> {
        let mut state = lock(&self.line.0);
        let next = state.next();
        state.served = next.is_some();
        self.over = next.is_none();
        next
    }

    fn next(&self) -> Option<Waiting> {
        lock(&self.line.0).next()
    }

    /// One transaction: of `first`, and of those who wait when it is done.
    async fn serve_together(&self, first: Waiting) {
        let begun = first.database.begin_with_options(immediate()).instrument(first.span.clone()).await;
        let transaction = match begun {
            Ok(transaction) => Arc::new(transaction),
            Err(error) => return drop(first.turn.send(Err(error))),
        };
        let mut span = first.span;
        let Some(kept) = give(&transaction, first.turn).await else { return };
        let mut together = vec![kept];
        while together.len() < MOST_TOGETHER
            && let Some(Waiting { turn, span: next, .. }) = self.next()
        {
            span = next;
            let savepoint = transaction.execute_unprepared("SAVEPOINT writer").instrument(span.clone());
            if let Err(error) = savepoint.await {
                drop(turn.send(Err(error)));
                break;
            }
            match give(&transaction, turn).await {
                Some(kept) => together.push(kept),
                None => {
                    if transaction.execute_unprepared("ROLLBACK TO writer").await.is_err() {
                        // SQLite has undone everything by itself, as where the disk is full.
                        return together.into_iter().for_each(|kept| drop(kept.send(Err(not_done()))));
                    }
                }
            }
        }
        let committed = match Arc::into_inner(transaction) {
            Some(transaction) => transaction.commit().instrument(span).await,
            None => Err(DbErr::Custom("a writer holds the transaction beyond its turn".to_owned())),
        };
        together.into_iter().for_each(|kept| drop(kept.send(committed.clone())));
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // The runtime ends, and the next one begins anew.
        if !self.over {
            let mut state = lock(&self.line.0);
            state.served = false;
            state.waiting.clear();
        }
    }
}

/// Gives out a turn and waits for its end. `None`: what was written in it is to be undone.
async fn give(
    transaction: &Arc<DatabaseTransaction>,
    turn: oneshot::Sender<Result<Turn, DbErr>>,
) -> Option<Kept> {
    let (end, ended) = oneshot::channel();
    // Whoever has stopped waiting drops it, here or where it waits for them.
    drop(turn.send(Ok(Turn { transaction: Arc::clone(transaction), end })));
    ended.await.ok()
}

/// Nothing was written, and may be another time.
fn not_done() -> DbErr {
    DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
