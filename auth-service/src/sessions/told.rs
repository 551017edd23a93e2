//! Refreshes that the audit trail has a row for: so many of an account in a minute, in this process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use shared::clock::Timestamp;
use uuid::Uuid;

/// Rows of one account in a minute: more than a thousand sessions need that are refreshed when their access tokens end.
///
/// A scenario: a client refreshes in a loop, as fast as it is answered. A row for each would be a hundred million in a day,
/// kept for a year. So each has its line in the log, and the rows tell the generation that they have made: those between
/// two rows are the refreshes that have none.
const ROWS: u32 = 100;

/// The rows of this minute.
#[derive(Debug, Default)]
pub struct Told(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    number: i64,
    rows: HashMap<Uuid, u32>,
}

impl Told {
    /// Whether this refresh has a row; then it is counted.
    pub(super) fn has_room(&self, account: Uuid, now: Timestamp) -> bool {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.seconds().div_euclid(60);
        if minute.number != number {
            *minute = Minute { number, rows: HashMap::new() };
        }
        let rows = minute.rows.entry(account).or_default();
        let has_room = *rows < ROWS;
        *rows += u32::from(has_room);
        has_room
    }
}
