//! How long to wait: a pure function of what was counted.
//!
//! | counted | free failures | then | for whom |
//! |---|---|---|---|
//! | by account and network | 5 | 1 s, doubled each time up to a day | everybody |
//! | by account | 20 | 1 min, doubled each time up to a day; none from 50 on | who comes from a network that its owner has never signed in from |
//! | by account | 100 | none | everybody |
//! | by network | 30 an hour | 1 s, doubled each time up to a quarter of an hour | the same |
//!
//! The owner of an account is not locked out by others: where they have signed in before, only failures from there count.
//! Sessions go on in any case. A success forgets the failures of the account; so does a new password, whether its owner
//! sets it within a session or an operator does; and so do ninety days without a try.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use shared::clock::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Failures after which only the owner's networks get a try. Not a hundred, since replicas that decide together may each
/// let some more pass.
const CLOSED_TO_STRANGERS: i64 = 50;
/// Failures after which nobody gets a try (NIST SP 800-63B-4 §3.2.2).
const CLOSED: i64 = 100;
/// Those who try one account at a time in one process, from a network that it is known at.
const MOST_AT_A_TIME: u32 = 100;
/// The same from anywhere else. They are many guesses before the first of them has failed.
const MOST_STRANGERS_AT_A_TIME: u32 = 8;
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
}

impl SignIn {
    /// How long to wait until the next try.
    pub(super) fn wait(&self, now: Timestamp) -> Duration {
        let failures = ACCOUNT.current(self.account, now);
        let pair = PAIR.wait(self.pair, now);
        if failures >= CLOSED {
            return DAY;
        }
        if self.is_known(now) {
            return pair;
        }
        if failures >= CLOSED_TO_STRANGERS {
            return DAY;
        }
        pair.max(ACCOUNT.wait(self.account, now)).max(NETWORK.wait(self.network, now))
    }

    /// How many may try at a time.
    pub(super) fn most_at_a_time(&self, now: Timestamp) -> u32 {
        // Who has begun to guess waits for each answer, so that the count of failures is never far behind.
        let failures = PAIR.current(self.pair, now);
        match (self.is_known(now), failures) {
            (_, 3..) => 1,
            (true, _) => MOST_AT_A_TIME,
            (false, _) => MOST_STRANGERS_AT_A_TIME,
        }
    }

    pub(super) fn after_failure(&self, now: Timestamp) -> Self {
        Self {
            pair: PAIR.count(self.pair, now),
            account: ACCOUNT.count(self.account, now),
            network: NETWORK.count(self.network, now),
        }
    }

    fn is_known(&self, now: Timestamp) -> bool {
        self.pair.succeeded_at.is_some_and(|succeeded| now.since(succeeded) < KNOWN_FOR)
    }
}

/// The network of an address, as one person or household has it: /24 of IPv4, /64 of IPv6.
pub(super) fn network_of(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{}/24", Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
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
        // From the owner's own network, too.
        let known = Counter { succeeded_at: Some(at(0)), ..Counter::default() };
        let account = Counter { failures: 99, failed_at: Some(at(0)), ..Counter::default() };
        let (_, from_home) = guess(SignIn { pair: known, account, ..SignIn::default() }, 80 * DAY);
        assert_eq!(from_home.len(), 1);
    }

    #[test]
    fn the_owner_is_not_locked_out_by_strangers() {
        let account = Counter { failures: 60, failed_at: Some(at(0)), ..Counter::default() };
        let stranger = SignIn { account, ..SignIn::default() };
        assert_eq!(stranger.wait(at(3600)), DAY);
        let known = Counter { succeeded_at: Some(at(0)), ..Counter::default() };
        let owner = SignIn { pair: known, ..stranger };
        assert_eq!(owner.wait(at(0)), Duration::ZERO);
        assert_eq!(stranger.wait(at(90 * 86400)), Duration::ZERO, "no lock is for ever");
    }

    #[test]
    fn a_network_that_guesses_is_slow_for_all_accounts_but_those_at_home_there() {
        let network = Counter { failures: 40, failed_at: Some(at(0)), ..Counter::default() };
        let other = SignIn { network, ..SignIn::default() };
        assert_eq!(other.wait(at(0)), Duration::from_secs(15 * 60));
        assert_eq!(other.wait(at(3600)), Duration::ZERO);
        let known = Counter { succeeded_at: Some(at(0)), ..Counter::default() };
        assert_eq!(SignIn { pair: known, ..other }.wait(at(0)), Duration::ZERO);
    }

    #[test]
    fn neighbours_share_a_network() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.0/24");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_ne!(network("2001:db8:1:3::1"), network("2001:db8:1:2::1"));
    }
}
