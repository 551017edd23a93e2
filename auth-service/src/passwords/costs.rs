//! What hashes take to check, by their kind: whoever is refused must not hear from the time of the answer which kind it was.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::SetOnce;
use tokio::time::Instant;

/// What takes less is delayed many times over by anything that comes in between.
const LONG_ENOUGH: Duration = Duration::from_millis(10);
/// Nobody is held back for longer than that many times what the costliest takes.
const MOST_DELAY: f64 = 10.0;
/// In this time a delay that nobody else has had since counts half.
const HALF_LIFE: Duration = Duration::from_secs(10);

/// What is known of the kinds.
#[derive(Debug, Default)]
pub(super) struct Costs {
    known: Mutex<Known>,
    /// Whether all are known that were there when the service started.
    complete: SetOnce<()>,
}

#[derive(Debug, Default)]
struct Known {
    /// The shortest time that a hash of each kind was checked in: what it takes when nothing else is in the way.
    shortest: HashMap<String, Duration>,
    /// How many times as long something took lately, and when that was.
    delayed: Option<(f64, Instant)>,
}

impl Known {
    /// How many times as long a check takes while the machine has other things to do.
    ///
    /// A scenario: somebody keeps the cores busy with anything that costs them little. Hashes step back for it, and one from
    /// elsewhere takes seconds, where a name that nobody has is refused in one.
    fn delay(&self, now: Instant) -> f64 {
        let (factor, since) = self.delayed.unwrap_or((1.0, now));
        let halves = now.duration_since(since).as_secs_f64() / HALF_LIFE.as_secs_f64();
        (factor * (-halves).exp2()).max(1.0)
    }
}

impl Costs {
    /// Remembers that a check of this hash has just taken so long.
    pub(super) fn note(&self, stored: &str, took: Duration) {
        let (mut known, now) = (self.lock(), Instant::now());
        let shortest = known.shortest.entry(kind(stored).to_owned()).or_insert(took);
        *shortest = took.min(*shortest);
        if *shortest >= LONG_ENOUGH {
            let factor = took.div_duration_f64(*shortest).min(MOST_DELAY);
            if factor >= known.delay(now) {
                known.delayed = Some((factor, now));
            }
        }
    }

    pub(super) fn is_known(&self, stored: &str) -> bool {
        self.lock().shortest.contains_key(kind(stored))
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on the costliest can be told.
    pub(super) fn complete(&self) {
        // Said again at each look.
        let _ = self.complete.set(());
    }

    /// What the costliest takes as things are, once all are known.
    pub(super) async fn most(&self) -> Duration {
        self.complete.wait().await;
        let known = self.lock();
        let most = known.shortest.values().max().copied().unwrap_or_default();
        most.mul_f64(known.delay(Instant::now()))
    }
}

/// Algorithm and costs: what comes before salt and output.
pub(super) fn kind(stored: &str) -> &str {
    let kind = match stored.starts_with("$2") {
        // bcrypt: `$2b$12$`, and both in one.
        true => stored.get(..7),
        false => stored.rsplitn(3, '$').nth(2),
    };
    kind.unwrap_or(stored)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn hashes_of_one_cost_are_of_one_kind() {
        for (stored, expected) in [
            ("$2b$12$jMaKg20qXajxUAV0C45Kt.Y6FUIFNoTW3x0Fatw9/25hPHXgVCEeG", "$2b$12$"),
            ("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", "$argon2id$v=19$m=19456,t=2,p=1"),
            ("$pbkdf2-sha256$600000$salt$hash", "$pbkdf2-sha256$600000"),
            ("pbkdf2_sha256$600000$salt$hash", "pbkdf2_sha256$600000"),
            ("scrypt:32768:8:1$salt$abcd", "scrypt:32768:8:1"),
        ] {
            assert_eq!(kind(stored), expected);
        }
    }

    #[tokio::test]
    async fn the_costliest_kind_counts_by_its_shortest_time() {
        let costs = Costs::default();
        for (stored, ms) in [("$2b$12$a", 300), ("a$1$s$h", 30), ("$2b$12$b", 300), ("a$1$s$i", 25)] {
            costs.note(stored, Duration::from_millis(ms));
        }
        assert_eq!(costs.most().now_or_never(), None, "a costlier one may be to come");
        costs.complete();
        costs.complete();
        assert_eq!(costs.most().await, Duration::from_millis(300));
        assert!(costs.is_known("$2b$12$c") && !costs.is_known("$2b$13$c"));
    }

    #[tokio::test(start_paused = true)]
    async fn while_one_kind_takes_longer_all_do() {
        let costs = Costs::default();
        for (stored, ms) in [("$2b$12$a", 300), ("a$1$s$h", 30), ("a$1$s$i", 120)] {
            costs.note(stored, Duration::from_millis(ms));
        }
        costs.complete();
        assert_eq!(costs.most().await, Duration::from_millis(1200));
        tokio::time::advance(HALF_LIFE).await;
        costs.note("a$1$s$j", Duration::from_millis(30));
        assert_eq!(costs.most().await, Duration::from_millis(600), "one that was faster is no proof");
        tokio::time::advance(HALF_LIFE * 5).await;
        assert_eq!(costs.most().await, Duration::from_millis(300));
    }
}
