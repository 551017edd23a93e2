//! Key names that the issuer did not know a moment ago.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const PLACES: usize = 256;
const LIFE: Duration = Duration::from_secs(60);

/// A few names that were not in the last set, each in the one place that its hash says: made-up names push out each
/// other, and no number of them takes more memory.
pub(super) struct Absent {
    hasher: RandomState,
    places: Mutex<Box<[Option<Note>]>>,
}

struct Note {
    kid: Box<str>,
    /// Which set it was not in.
    generation: u64,
    at: Instant,
}

impl Absent {
    pub(super) fn new() -> Self {
        let places = std::iter::repeat_with(|| None).take(PLACES).collect();
        Self { hasher: RandomState::new(), places: Mutex::new(places) }
    }

    /// Notes that `kid` is not in the set of this number.
    pub(super) fn note(&self, kid: &str, generation: u64) {
        let note = Note { kid: kid.into(), generation, at: Instant::now() };
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places[self.place(kid)] = Some(note);
    }

    /// Whether `kid` was looked for within a minute, and this set is still the last one.
    pub(super) fn contains(&self, kid: &str, generation: u64) -> bool {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places[self.place(kid)].as_ref().is_some_and(|note| {
            *note.kid == *kid && note.generation == generation && note.at.elapsed() < LIFE
        })
    }

    fn place(&self, kid: &str) -> usize {
        let bytes = self.hasher.hash_one(kid).to_le_bytes();
        usize::from(bytes[0])
    }
}

impl fmt::Debug for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Absent").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_note_lives_until_the_next_set_or_for_a_minute() {
        let absent = Absent::new();
        absent.note("a", 1);
        assert!(absent.contains("a", 1));
        assert!(!absent.contains("b", 1));
        assert!(!absent.contains("a", 2));
        tokio::time::advance(LIFE).await;
        assert!(!absent.contains("a", 1));
    }

    #[test]
    fn any_number_of_names_has_room() {
        let absent = Absent::new();
        for number in 0..10_000 {
            absent.note(&number.to_string(), 1);
        }
        assert!(absent.contains("9999", 1));
    }
}
