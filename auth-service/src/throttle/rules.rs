//! How long to wait: a pure function of what was counted.
//!
//! | counted | free failures | then | for whom |
//! |---|---|---|---|
//! | by account and network | 5 | 1 s, doubled each time up to a day | everybody |
//! | by account | 20 | 1 min, doubled each time up to a day; none from 50 on | who comes from a network that its owner has never signed in from |
//! | by network | 30 an hour | 1 s, doubled each time up to a quarter of an hour | the same |
//! | by account and network, behind the curtain | 5 | 1 s, doubled each time up to a day | who comes from a network of the owner's while strangers there have to wait |
//! | by account, behind the curtain | 25 | none | the same |
//! | by session | 5 | 1 s, doubled each time up to a day | who tries the current password within a session |
//! | by account, within sessions | 25 | none | the same |
//!
//! So an account takes a hundred failures in a row and no more (NIST SP 800-63B-4 §3.2.2): fifty in the open, and twenty-five
//! of each other kind.
//!
//! The owner of an account is not locked out by others: where they have signed in before, only failures from there count.
//! Sessions go on in any case. A success forgets the failures of the account; so does a new password, whether its owner
//! sets it within a session or an operator does; and so do ninety days without a try. Where an operator does, it is also
//! forgotten where the owner was: whoever had the old password may have been there.
//!
//! **The curtain.** Somebody who shares the owner's network may make it slow, and then ask about names there: a name that
//! is let in where others have to wait is the name of an account. So while a stranger would have to wait, a wrong password
//! from a network of the owner's is answered as the stranger is, and counted where it changes no answer that a stranger
//! could get.

use std::time::Duration;

use shared::clock::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Failures after which only the owner's networks get a try. Not a hundred, since replicas that decide together may each
/// let some more pass.
const CLOSED_TO_STRANGERS: i64 = 50;
/// Failures behind the curtain after which there is no try there; and the same within sessions.
const CLOSED: i64 = 25;
/// Those who try one account at a time in one process, and are answered whatever they get wrong. They are many guesses
/// before the first of them has failed.
const MOST_AT_A_TIME: u32 = 8;
/// Those who try besides, behind the curtain.
const MOST_BEHIND_AT_A_TIME: u32 = 42;
/// How long a network counts as the owner's.
const KNOWN_FOR: Duration = Duration::from_secs(90 * 24 * 3600);

/// How failures of one kind slow down what comes next.
#[derive(Debug)]
pub(super) struct Policy {
    free: i64,
    first: Duration,
    most: Duration,
    /// When the last failure was this long ago, there was none.
    pub(super) forget: Duration,
}

pub(super) const PAIR: Policy =
    Policy { free: 5, first: Duration::from_secs(1), most: DAY, forget: KNOWN_FOR };
pub(super) const ACCOUNT: Policy = Policy { free: 20, first: MINUTE, most: DAY, forget: KNOWN_FOR };
pub(super) const NETWORK: Policy =
    Policy { free: 30, first: Duration::from_secs(1), most: Duration::from_secs(15 * 60), forget: HOUR };
pub(super) const REGISTRATION: Policy =
    Policy { free: 20, first: Duration::from_secs(10), most: HOUR, forget: HOUR };

/// Codes of devices are short, and are guessed from a network at a time: a dozen wrong ones an hour of 2^34 codes.
pub(super) const DEVICE_CODE: Policy =
    Policy { free: 10, first: Duration::from_secs(10), most: HOUR, forget: HOUR };

/// What public clients begin: a row that lasts for minutes. An office with all its people behind one address goes on at one
/// a second.
pub(super) const UNPROVEN: Policy =
    Policy { free: 300, first: Duration::from_secs(1), most: Duration::from_secs(1), forget: HOUR };

/// What a row says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counter {
    pub(super) failures: i64,
    pub(super) failed_at: Option<Timestamp>,
    pub(super) succeeded_at: Option<Timestamp>,
}

impl Policy {
    /// The counter after one more failure.
    pub(super) fn count(&self, counter: Counter, now: Timestamp) -> Counter {
        Counter { failures: self.current(counter, now) + 1, failed_at: Some(now), ..counter }
    }

    /// Failures that are not forgotten yet.
    fn current(&self, counter: Counter, now: Timestamp) -> i64 {
        match counter.failed_at {
            Some(failed_at) if now.since(failed_at) < self.forget => counter.failures,
            _ => 0,
        }
    }

    /// How many more failures are free.
    pub(super) fn left(&self, counter: Counter, now: Timestamp) -> u32 {
        u32::try_from(self.free - self.current(counter, now)).unwrap_or_default()
    }

    /// How long to wait from `now` on.
    pub(super) fn wait(&self, counter: Counter, now: Timestamp) -> Duration {
        let failures = self.current(counter, now);
        let (Some(failed_at), Ok(doublings)) = (counter.failed_at, u32::try_from(failures - self.free))
        else {
            return Duration::ZERO;
        };
        let pause = self.first.saturating_mul(1 << doublings.min(20)).min(self.most);
        (failed_at + pause).since(now)
    }
}

/// What was counted of those who sign in to one account from one network.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SignIn {
    pub(super) pair: Counter,
    pub(super) account: Counter,
    pub(super) network: Counter,
    /// Behind the curtain: by account and network, and by account.
    pub(super) behind: [Counter; 2],
}

impl SignIn {
    /// How long a stranger has to wait until the next try.
    pub(super) fn wait(&self, now: Timestamp) -> Duration {
        if ACCOUNT.current(self.account, now) >= CLOSED_TO_STRANGERS {
            return DAY;
        }
        let pair = PAIR.wait(self.pair, now);
        pair.max(ACCOUNT.wait(self.account, now)).max(NETWORK.wait(self.network, now))
    }

    /// Whether there is a try behind the curtain: one that a stranger would not have now.
    pub(super) fn may_try_behind(&self, now: Timestamp) -> bool {
        let [pair, account] = self.behind;
        let rested = PAIR.wait(self.pair, now).is_zero() && PAIR.wait(pair, now).is_zero();
        self.is_known(now) && rested && PAIR.current(account, now) < CLOSED
    }

    /// How many may try at a time, in the open and in all.
    pub(super) fn most_at_a_time(&self, now: Timestamp) -> (u32, u32) {
        // Who has begun to guess waits for each answer, so that the count of failures is never far behind.
        let alone = PAIR.current(self.pair, now) >= 3;
        let [pair, account] = self.behind.map(|counter| PAIR.current(counter, now));
        let left = u32::try_from(CLOSED - account).unwrap_or_default();
        let behind = match (self.is_known(now), pair) {
            (false, _) => 0,
            (true, 3..) => 1,
            (true, _) if account > 0 => left,
            (true, _) => MOST_BEHIND_AT_A_TIME,
        };
        let open = if self.wait(now).is_zero() { MOST_AT_A_TIME } else { 0 };
        if alone { (open.min(1), 1) } else { (open, (open + behind).max(1)) }
    }

    pub(super) fn after_failure(&self, now: Timestamp) -> Self {
        Self {
            pair: PAIR.count(self.pair, now),
            account: ACCOUNT.count(self.account, now),
            network: NETWORK.count(self.network, now),
            ..*self
        }
    }

    fn is_known(&self, now: Timestamp) -> bool {
        self.pair.succeeded_at.is_some_and(|succeeded| now.since(succeeded) < KNOWN_FOR)
    }
}

/// What was counted of those who try the current password of an account within a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct WithinSession {
    pub(super) session: Counter,
    /// By account, of all its sessions.
    pub(super) sessions: Counter,
}

impl WithinSession {
    /// How long to wait until the next try.
    pub(super) fn wait(&self, now: Timestamp) -> Duration {
        match PAIR.current(self.sessions, now) {
            CLOSED.. => DAY,
            _ => PAIR.wait(self.session, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000) + Duration::from_secs(seconds)
    }

    /// Tries for `span`, each time as soon as allowed, and fails. Returns when that was, in seconds from the start.
    fn guess(mut counted: SignIn, span: Duration) -> (SignIn, Vec<u64>) {
        let (mut now, mut tries) = (at(0), Vec::new());
        while now.since(at(0)) < span {
            let wait = counted.wait(now);
            if wait.is_zero() {
                tries.push(now.since(at(0)).as_secs());
                counted = counted.after_failure(now);
            } else {
                now = now + wait;
            }
        }
        (counted, tries)
    }

    #[test]
    fn the_pause_grows_from_a_second_to_a_day() {
        let (_, tries) = guess(SignIn::default(), 3 * HOUR);
        assert_eq!(tries[..9], [0, 0, 0, 0, 0, 1, 3, 7, 15]);
        assert!(tries.len() < 20, "{tries:?}");
    }

    #[test]
    fn one_account_never_sees_more_than_a_hundred_failures_in_a_row() {
        let span = 100 * DAY;
        let (_, alone) = guess(SignIn::default(), span);
        assert!(alone.len() <= 50, "{}", alone.len());
        // A thousand networks, each as fast as it may: what they share is the account.
        let (mut account, mut now, mut tries) = (Counter::default(), at(0), 0);
        while now.since(at(0)) < span {
            let fresh = SignIn { account, ..SignIn::default() };
            match fresh.wait(now) {
                Duration::ZERO => {
                    account = fresh.after_failure(now).account;
                    tries += 1;
                }
                wait => now = now + wait,
            }
        }
        assert_eq!(tries, CLOSED_TO_STRANGERS);
        // From the owner's own network, behind the curtain.
        let mut home = SignIn { pair: signed_in(), account, ..SignIn::default() };
        let (mut now, mut tries) = (at(0), 0);
        while now.since(at(0)) < 80 * DAY {
            if home.may_try_behind(now) {
                home.behind = home.behind.map(|counter| PAIR.count(counter, now));
                tries += 1;
            } else {
                now = now + DAY;
            }
        }
        assert_eq!(tries, CLOSED);
    }

    fn signed_in() -> Counter {
        Counter { succeeded_at: Some(at(0)), ..Counter::default() }
    }

    #[test]
    fn the_owner_is_not_locked_out_by_strangers() {
        let account = Counter { failures: 60, failed_at: Some(at(0)), ..Counter::default() };
        let stranger = SignIn { account, ..SignIn::default() };
        assert_eq!((stranger.wait(at(3600)), stranger.may_try_behind(at(3600))), (DAY, false));
        let owner = SignIn { pair: signed_in(), ..stranger };
        assert!(owner.may_try_behind(at(0)));
        assert_eq!(stranger.wait(at(90 * 86400)), Duration::ZERO, "no lock is for ever");
    }

    #[test]
    fn a_network_that_guesses_is_slow_for_all_accounts_but_those_at_home_there() {
        let network = Counter { failures: 40, failed_at: Some(at(0)), ..Counter::default() };
        let other = SignIn { network, ..SignIn::default() };
        assert_eq!((other.wait(at(0)), other.may_try_behind(at(0))), (Duration::from_secs(15 * 60), false));
        assert_eq!(other.wait(at(3600)), Duration::ZERO);
        assert!(SignIn { pair: signed_in(), ..other }.may_try_behind(at(0)));
    }
}
