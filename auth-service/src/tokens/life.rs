//! The life of a signing key as a pure function of time: every replica agrees, and no clock-work can be missed.

use std::time::Duration;

use shared::clock::Timestamp;

/// The times that a key's life is made of.
#[derive(Clone, Copy, Debug)]
pub struct KeyLife {
    /// How long after a key its successor is made.
    pub rotate_every: Duration,
    /// How long a key is published before it signs, so that it is in every cache by then.
    pub announce: Duration,
    /// How long a key is published after its successor took over, so that what it signed stays valid to its end.
    pub retire: Duration,
}

/// What a key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Published, so that verifiers know it in time.
    Announced,
    /// Published, and signs.
    Signing,
    /// Published, so that what it signed can be verified.
    Retired,
    /// Nothing it signed is accepted.
    Gone,
}

/// The times of a key.
#[derive(Clone, Copy, Debug)]
pub struct KeyTimes {
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it was withdrawn in an emergency.
    pub revoked: bool,
}

impl KeyLife {
    /// The states of all keys, given in the order in which they were made.
    ///
    /// The newest key that was announced for long enough signs. Where there is none, as on the first day and after an
    /// emergency, the oldest that is left signs at once: late caches are better than no tokens.
    pub fn states(&self, keys: &[KeyTimes], now: Timestamp) -> Vec<KeyState> {
        let usable = || (0..keys.len()).filter(|&index| !keys[index].revoked);
        let signs_from = |index: usize| keys[index].created_at + self.announce;
        let signing = usable().rfind(|&index| signs_from(index) <= now).or_else(|| usable().next());
        let state = |index: usize| match signing {
            _ if keys[index].revoked => KeyState::Gone,
            Some(signing) if index > signing => KeyState::Announced,
            Some(signing) if index == signing => KeyState::Signing,
            // Its successor is the next key in use, whenever that took over.
            _ => match usable().find(|&later| later > index) {
                Some(successor) if now < signs_from(successor) + self.retire => KeyState::Retired,
                _ => KeyState::Gone,
            },
        };
        (0..keys.len()).map(state).collect()
    }

    /// Whether the next key is due.
    pub fn next_is_due(&self, keys: &[KeyTimes], now: Timestamp) -> bool {
        let newest = keys.iter().rfind(|key| !key.revoked);
        newest.is_none_or(|newest| now >= newest.created_at + self.rotate_every)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;

    fn life() -> KeyLife {
        KeyLife {
            rotate_every: Duration::from_secs(30 * DAY),
            announce: Duration::from_secs(DAY),
            retire: Duration::from_secs(31 * DAY),
        }
    }

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_seconds(i64::try_from(1_700_000_000 + hours * HOUR).unwrap())
    }

    fn key(created: u64) -> KeyTimes {
        KeyTimes { created_at: at(created), revoked: false }
    }

    #[test]
    fn the_first_key_signs_at_once_and_hands_over_in_time() {
        use KeyState::{Announced, Gone, Retired, Signing};
        let keys = [key(0), key(30 * 24)];
        assert_eq!(life().states(&keys[..1], at(0)), [Signing]);
        assert_eq!(life().states(&keys, at(30 * 24)), [Signing, Announced]);
        assert_eq!(life().states(&keys, at(31 * 24 - 1)), [Signing, Announced]);
        assert_eq!(life().states(&keys, at(31 * 24)), [Retired, Signing]);
        assert_eq!(life().states(&keys, at(62 * 24 - 1)), [Retired, Signing]);
        assert_eq!(life().states(&keys, at(62 * 24)), [Gone, Signing]);
    }

    #[test]
    fn a_revoked_key_is_gone_at_once_and_the_next_one_steps_in() {
        use KeyState::{Gone, Signing};
        let mut keys = [key(0), key(1)];
        keys[0].revoked = true;
        assert_eq!(life().states(&keys, at(1)), [Gone, Signing]);
        assert!(life().next_is_due(&[keys[0]], at(1)));
        assert!(life().next_is_due(&[], at(1)));
        assert!(!life().next_is_due(&[key(0)], at(30 * 24 - 1)));
        assert!(life().next_is_due(&[key(0)], at(30 * 24)));
    }

    proptest! {
        /// Whatever was made and revoked: as long as one key is left, exactly one signs; and every key that signed
        /// within the retirement is still published.
        #[test]
        fn exactly_one_key_signs_and_what_it_signed_stays_valid(
            gaps in proptest::collection::vec((0_u64..2000, any::<bool>()), 1..8),
            later in 0_u64..3000,
        ) {
            let mut created = 0;
            let mut keys = Vec::new();
            for (gap, revoked) in gaps {
                created += gap;
                keys.push(KeyTimes { created_at: at(created), revoked });
            }
            let now = at(created + later);
            let states = life().states(&keys, now);
            let signing = states.iter().filter(|state| **state == KeyState::Signing).count();
            prop_assert_eq!(signing, usize::from(keys.iter().any(|key| !key.revoked)));

            let before = created.max(1) - 1;
            let known: Vec<_> = keys.iter().copied().filter(|key| key.created_at <= at(before)).collect();
            let then = life().states(&known, at(before));
            for (index, state) in then.iter().enumerate() {
                let elapsed = now.since(at(before));
                if *state == KeyState::Signing && elapsed < life().retire {
                    prop_assert!(matches!(states[index], KeyState::Signing | KeyState::Retired));
                }
            }
        }
    }
}
