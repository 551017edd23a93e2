//! Events that come with no change of a table: the rows of all who ask at one time, in one transaction.
//!
//! A commit waits for the disk, and on SQLite for each commit before it. A hundred machines that ask for tokens at one time
//! would wait a hundred times; so whoever comes while rows are being written is written with the next.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use sea_orm::{DatabaseConnection, DbErr, EntityTrait as _};
use shared::clock::Timestamp;
use shared::database::{self, retry_write};
use tokio::sync::oneshot;
use tracing::{Instrument as _, Span};

use super::Event;
use crate::entity::audit_event::Entity;

const MOST_TOGETHER: usize = 128;

/// Writes events of one database.
pub(crate) struct Alone(Arc<Inner>);

struct Inner {
    database: DatabaseConnection,
    waiting: Mutex<Vec<Waiting>>,
    /// Of whoever writes.
    turn: tokio::sync::Mutex<()>,
}

struct Waiting {
    event: Event,
    at: Timestamp,
    /// The request that asks, which its line in the log is of.
    span: Span,
    done: oneshot::Sender<Result<(), DbErr>>,
}

impl Alone {
    pub(crate) fn new(database: DatabaseConnection) -> Self {
        Self(Arc::new(Inner { database, waiting: Mutex::default(), turn: tokio::sync::Mutex::default() }))
    }

    /// Writes the row of an event that happened `at` this time, and its line once the row is there.
    ///
    /// # Errors
    /// The database's: nothing was written, or, where the connection broke, nobody knows.
    pub(crate) async fn record(&self, at: Timestamp, event: Event) -> Result<(), DbErr> {
        let (done, written) = oneshot::channel();
        if self.0.add(Waiting { event, at, span: Span::current(), done }) {
            // Not by whoever asks: they may hang up, and others wait for the same commit.
            tokio::spawn(Arc::clone(&self.0).write_waiting().in_current_span());
        }
        written.await.unwrap_or_else(|_| Err(DbErr::Custom("whoever writes events panicked".to_owned())))
    }
}

impl Inner {
    /// Returns whether nobody else waits, for whom somebody writes already.
    fn add(&self, one: Waiting) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(one);
        waiting.len() == 1
    }

    async fn write_waiting(self: Arc<Self>) {
        let _turn = self.turn.lock().await;
        let waiting = mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let result = retry_write(|| self.write(&waiting)).await;
        for Waiting { event, span, done, .. } in waiting {
            if result.is_ok() {
                span.in_scope(|| event.tell());
            }
            // Whoever hung up hears nothing.
            drop(done.send(result.clone()));
        }
    }

    async fn write(&self, waiting: &[Waiting]) -> Result<(), DbErr> {
        let transaction = database::begin(&self.database).await?;
        let mut rest = waiting;
        while !rest.is_empty() {
            let (many, behind) = rest.split_at(together(rest.len()));
            let rows = many.iter().map(|one| one.event.row(one.at));
            Entity::insert_many(rows).exec_without_returning(&*transaction).await?;
            rest = behind;
        }
        transaction.commit().await
    }
}

/// How many of so many rows go into one statement: a power of two, since each connection keeps each statement that it has
/// ever prepared.
fn together(rows: usize) -> usize {
    rows.checked_ilog2().map_or(0, |power| (1 << power).min(MOST_TOGETHER))
}

impl fmt::Debug for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alone").finish_non_exhaustive()
    }
}
