//! Those who try at a time: their guesses are under way before the first of them has failed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Who tries at a time in this process, by account.
pub(super) type Bursts = Arc<Mutex<HashMap<String, Burst>>>;

/// The tries of one account since somebody last tried alone.
#[derive(Debug, Default)]
pub(super) struct Burst {
    under_way: u32,
    /// Those that failed: whoever comes now may have read the counters before these were in them.
    failed: u32,
}

/// One of those who try at a time in this process, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    bursts: Bursts,
    key: String,
    /// Whether it is one of those besides.
    pub(super) is_besides: bool,
    /// Failures after which there is none besides.
    enough: u32,
}

/// As many as there may be.
const MANY: u32 = 1 << 20;

/// Those besides that may fail before the others of them are as late as a stranger would be.
///
/// A scenario: fifty wrong passwords at a time for one name, from a network that others share. A stranger's name has eight of
/// them hashed. Were all fifty hashed for one who is at home there, whoever asks next would hear that by the length of the line.
/// Right ones count for nothing, so somebody with many devices may come with all of them.
const FAILURES_BESIDES: u32 = 3;

impl Place {
    /// One of `most` places, of which the first `open` are nothing special.
    pub(super) fn take(bursts: &Bursts, key: &str, open: u32, most: u32) -> Option<Self> {
        let mut all = bursts.lock().unwrap_or_else(PoisonError::into_inner);
        let burst = all.entry(key.to_owned()).or_default();
        let taken = burst.under_way + burst.failed;
        // Nobody is under way in a new entry, and `most` is never nothing: so no empty one is left behind.
        if taken >= most {
            return None;
        }
        burst.under_way += 1;
        let (is_besides, enough) = (taken >= open, open + FAILURES_BESIDES);
        Some(Self { bursts: Arc::clone(bursts), key: key.to_owned(), is_besides, enough })
    }

    pub(super) fn failed(&self) {
        let mut all = self.bursts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(burst) = all.get_mut(&self.key) {
            burst.failed += 1;
        }
    }

    /// Whether so many have failed that this one would not be let in any more.
    pub(super) fn is_late(&self) -> bool {
        self.is_besides && self.failures() >= self.enough
    }

    /// Those that failed until now, of all places with this key.
    fn failures(&self) -> u32 {
        let all = self.bursts.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&self.key).map_or(0, |burst| burst.failed)
    }
}

/// A try among those of its network.
///
/// A scenario: somebody tries one password on four hundred names at a time. All of them are let in before the first has failed,
/// and a hundred are hashed before the time of the others is over. So those that failed since are looked at once more when one
/// is about to be hashed. Right ones count for nothing: an office comes to work at nine.
#[derive(Debug)]
pub(super) struct OfNetwork {
    place: Place,
    failed_before: u32,
    /// Failures that the network had left.
    left: u32,
    /// Whether it is tried behind the curtain where it is late.
    pub(super) is_at_home: bool,
}

impl OfNetwork {
    /// One of the network `key`, which has so many failures left, or none but this one.
    pub(super) fn take(bursts: &Bursts, key: &str, left: u32, is_at_home: bool) -> Option<Self> {
        let place = Place::take(bursts, key, MANY, MANY)?;
        Some(Self { failed_before: place.failures(), place, left: left.max(1), is_at_home })
    }

    /// Whether so many have failed since that this one would not be let in any more.
    pub(super) fn is_late(&self) -> bool {
        self.place.failures() - self.failed_before >= self.left
    }

    pub(super) fn failed(&self) {
        self.place.failed();
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
