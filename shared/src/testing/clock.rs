use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::{Clock, Timestamp};

/// A clock that stands still until it is told, or goes with the time of a paused tokio runtime.
#[derive(Debug)]
pub struct FakeClock {
    millis: AtomicI64,
    runs_since: Option<Instant>,
}

impl FakeClock {
    /// Stands at this moment.
    pub fn at(moment: Timestamp) -> Self {
        Self { millis: AtomicI64::new(moment.millis()), runs_since: None }
    }

    /// Shows 2026-01-01T00:00:00Z now, and goes with [`tokio::time`]: paused time moves it, too.
    pub fn running() -> Self {
        Self { runs_since: Some(Instant::now()), ..Self::default() }
    }

    /// Moves on.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.millis.fetch_add(by, Ordering::SeqCst);
    }

    /// Moves back, as a clock does that is set right.
    pub fn set_back(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.millis.fetch_sub(by, Ordering::SeqCst);
    }
}

/// 2026-01-01T00:00:00Z.
impl Default for FakeClock {
    fn default() -> Self {
        Self::at(Timestamp::from_seconds(1_767_225_600))
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        let run = self.runs_since.map(|since| since.elapsed()).unwrap_or_default();
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst)) + run
    }
}
