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

impl KeyState {
    /// Its name for people and programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Signing => "signing",
            Self::Retired => "retired",
            Self::Gone => "gone",
        }
    }
}

/// The times of a key.
#[derive(Clone, Copy, Debug)]
pub struct KeyTimes {
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was withdrawn in an emergency.
    pub revoked_at: Option<Timestamp>,
}

impl KeyLife {
    /// The states of all keys, given in the order in which they were made.
    ///
    /// The newest key that was announced for long enough signs. Where there is none, as on the first day and after an
    /// emergency, the oldest that is left signs at once: late caches are better than no tokens.
    pub fn states(&self, keys: &[KeyTimes], now: Timestamp) -> Vec<KeyState> {
        let usable = || (0..keys.len()).filter(|&index| self.is_usable(keys, index, now));
        let signing =
            usable().rfind(|&index| self.signs_from(keys[index]) <= now).or_else(|| usable().next());
        let state = |index: usize| match signing {
            _ if !self.is_usable(keys, index, now) => KeyState::Gone,
            Some(signing) if index < signing => KeyState::Retired,
            Some(signing) if index == signing => KeyState::Signing,
            _ => KeyState::Announced,
        };
        (0..keys.len()).map(state).collect()
    }

    /// From when on a key may sign: when it was announced for long enough, or as soon as nothing else is left to sign.
    pub fn first_signs(&self, keys: &[KeyTimes], index: usize) -> Timestamp {
        let key = keys[index];
        let last_withdrawn =
            keys[..index].iter().map(|earlier| earlier.revoked_at).collect::<Option<Vec<_>>>();
        let alone =
            last_withdrawn.map(|withdrawn| withdrawn.into_iter().fold(key.created_at, Timestamp::max));
        alone.map_or(self.signs_from(key), |alone| alone.min(self.signs_from(key)))
    }

    /// Whether the next key is due.
    pub fn next_is_due(&self, keys: &[KeyTimes], now: Timestamp) -> bool {
        let newest = (0..keys.len()).rfind(|&index| self.is_usable(keys, index, now));
        newest.is_none_or(|newest| now >= keys[newest].created_at + self.rotate_every)
    }

    fn signs_from(&self, key: KeyTimes) -> Timestamp {
        key.created_at + self.announce
    }

    /// Neither withdrawn nor past its retirement. The latter is final: a key that verifiers have forgotten must not come
    /// back when the keys after it are withdrawn. One that they still know steps in.
    fn is_usable(&self, keys: &[KeyTimes], index: usize, now: Timestamp) -> bool {
        let outlived = |later: &KeyTimes| {
            let in_use_until = later.revoked_at.map_or(now, |revoked| revoked.min(now));
            self.signs_from(*later) + self.retire <= in_use_until
        };
        keys[index].revoked_at.is_none() && !keys[index + 1..].iter().any(outlived)
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

    #[test]
    fn a_key_signs_early_where_it_is_the_first_or_the_only_one_left() {
        let mut keys = [key(0), key(30 * 24), key(60 * 24)];
        let from = |keys: &[KeyTimes]| [0, 1, 2].map(|index| life().first_signs(keys, index));
        assert_eq!(from(&keys), [at(0), at(31 * 24), at(61 * 24)]);
        (keys[0].revoked_at, keys[1].revoked_at) = (Some(at(60 * 24 + 1)), Some(at(60 * 24 + 2)));
        assert_eq!(from(&keys), [at(0), at(31 * 24), at(60 * 24 + 2)]);
        (keys[0].revoked_at, keys[1].revoked_at) = (Some(at(1)), Some(at(59 * 24)));
        assert_eq!(from(&keys), [at(0), at(30 * 24), at(60 * 24)]);
    }

    fn key(created: u64) -> KeyTimes {
        KeyTimes { created_at: at(created), revoked_at: None }
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
        keys[0].revoked_at = Some(at(1));
        assert_eq!(life().states(&keys, at(1)), [Gone, Signing]);
        assert!(life().next_is_due(&[keys[0]], at(1)));
        assert!(life().next_is_due(&[], at(1)));
        assert!(!life().next_is_due(&[key(0)], at(30 * 24 - 1)));
        assert!(life().next_is_due(&[key(0)], at(30 * 24)));
    }

    #[test]
    fn a_key_that_is_gone_does_not_come_back_when_its_successors_are_withdrawn() {
        use KeyState::{Announced, Gone, Signing};
        let mut keys = vec![key(0), key(30 * 24), key(60 * 24)];
        let leak = 75 * 24;
        assert_eq!(life().states(&keys, at(leak))[0], Gone);
        for key in &mut keys[1..] {
            key.revoked_at = Some(at(leak));
        }
        assert!(life().next_is_due(&keys, at(leak)));
        keys.push(key(leak));
        assert_eq!(life().states(&keys, at(leak)), [Gone, Gone, Gone, Signing]);
        keys.push(key(leak + 1));
        assert_eq!(life().states(&keys, at(leak + 1))[3..], [Signing, Announced]);
    }

    proptest! {
        /// Whatever was made and withdrawn: while a key is left, exactly one signs; what signed within the retirement is
        /// still published unless it was withdrawn; and what is gone stays gone.
        #[test]
        fn one_key_signs_and_what_it_signed_stays_valid(
            gaps in proptest::collection::vec((0_u64..2000, proptest::option::of(0_u64..2000)), 1..8),
            later in 0_u64..3000,
        ) {
            let mut created = 0;
            let mut keys = Vec::new();
            for (gap, revoked) in gaps {
                created += gap;
                let revoked_at = revoked.map(|after| at(created + after));
                keys.push(KeyTimes { created_at: at(created), revoked_at });
            }
            let as_known = |hours: u64| -> Vec<KeyTimes> {
                let known = keys.iter().filter(|key| key.created_at <= at(hours)).copied();
                known.map(|key| KeyTimes { revoked_at: key.revoked_at.filter(|moment| *moment <= at(hours)), ..key }).collect()
            };
            let (then, now) = (created, created + later);
            let before = life().states(&as_known(then), at(then));
            let known = as_known(now);
            let states = life().states(&known, at(now));
            let left = states.iter().filter(|state| **state != KeyState::Gone).count();
            let signing = states.iter().filter(|state| **state == KeyState::Signing).count();
            prop_assert_eq!(signing, left.min(1));
            for (index, state) in before.iter().enumerate() {
                let withdrawn = known[index].revoked_at.is_some();
                if *state == KeyState::Gone {
                    prop_assert_eq!(states[index], KeyState::Gone);
                }
                if *state == KeyState::Signing && later < 31 * 24 && !withdrawn {
                    prop_assert_ne!(states[index], KeyState::Gone);
                }
            }
        }
    }
}
