//! What is counted by account and minute, in this process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use shared::clock::Timestamp;
use uuid::Uuid;

/// So many of something for each account in a minute.
#[derive(Debug)]
pub(crate) struct PerMinute {
    most: u32,
    minute: Mutex<Minute>,
}

#[derive(Debug, Default)]
struct Minute {
    number: i64,
    counts: HashMap<Uuid, u32>,
}

impl PerMinute {
    /// For `most` in each minute.
    pub(crate) fn new(most: u32) -> Self {
        Self { most, minute: Mutex::default() }
    }

    /// Whether the account has room for one more; then it is counted.
    pub(crate) fn has_room(&self, account: Uuid, now: Timestamp) -> bool {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.seconds().div_euclid(60);
        if minute.number != number {
            *minute = Minute { number, counts: HashMap::new() };
        }
        let count = minute.counts.entry(account).or_default();
        let has_room = *count < self.most;
        *count += u32::from(has_room);
        has_room
    }
}
