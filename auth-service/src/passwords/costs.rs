//! What hashes take to check, by their kind: whoever is refused must not hear from the time of the answer which kind it was.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::SetOnce;

/// What is known of the kinds.
#[derive(Debug, Default)]
pub(super) struct Costs {
    /// The shortest time that a hash of each was checked in: what it takes when nothing else is in the way.
    shortest: Mutex<HashMap<String, Duration>>,
    /// Whether all are known that were there when the service started.
    complete: SetOnce<()>,
}

impl Costs {
    pub(super) fn note(&self, stored: &str, took: Duration) {
        let mut costs = self.shortest.lock().unwrap_or_else(PoisonError::into_inner);
        match costs.get_mut(kind(stored)) {
            Some(shortest) => *shortest = took.min(*shortest),
            None => drop(costs.insert(kind(stored).to_owned(), took)),
        }
    }

    pub(super) fn is_known(&self, stored: &str) -> bool {
        self.shortest.lock().unwrap_or_else(PoisonError::into_inner).contains_key(kind(stored))
    }

    /// From now on the costliest can be told.
    pub(super) fn complete(&self) {
        // Said again at each look.
        let _ = self.complete.set(());
    }

    /// What the costliest takes, once all are known.
    pub(super) async fn most(&self) -> Duration {
        self.complete.wait().await;
        let costs = self.shortest.lock().unwrap_or_else(PoisonError::into_inner);
        costs.values().max().copied().unwrap_or_default()
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
        for (stored, ms) in [("$2b$12$a", 400), ("a$1$s$h", 30), ("$2b$12$b", 300), ("a$1$s$i", 900)] {
            costs.note(stored, Duration::from_millis(ms));
        }
        assert_eq!(costs.most().now_or_never(), None, "a costlier one may be to come");
        costs.complete();
        costs.complete();
        assert_eq!(costs.most().await, Duration::from_millis(300));
        assert!(costs.is_known("$2b$12$c") && !costs.is_known("$2b$13$c"));
    }
}
