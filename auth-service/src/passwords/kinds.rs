//! The kinds of hashes that accounts have, so that a name that nobody has is refused behind the same work as one that
//! somebody has.
//!
//! A scenario: half of the accounts were brought from elsewhere, with hashes that take five times as long to check as ours. If
//! unknown names were checked against one of ours, whatever makes hashing slow would make those accounts slower than anybody
//! else, and no pause before the answer is long enough for all that can make it slow. So half of the unknown names are checked
//! against a hash from elsewhere, always the same ones. Accounts that are disabled are as unknown: what they have does not
//! count, and is not checked. Otherwise, where most of those that were brought are disabled, a costly kind would be nobody's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::HashError;
use super::stored::Stored;

/// Kinds other than ours.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    kinds: Vec<Kind>,
    /// Accounts.
    all: u64,
    /// What a check of each kind took that was ever looked at.
    costs: HashMap<String, Duration>,
}

#[derive(Debug)]
struct Kind {
    /// One of its hashes.
    stored: Arc<str>,
    /// The part of all lots below which a name has it.
    up_to: f64,
    cost: Duration,
}

impl Kinds {
    /// Those of so many accounts in `all`, of which none is added yet.
    pub(super) fn new(costs: HashMap<String, Duration>, all: u64) -> Self {
        Self { kinds: Vec::new(), all, costs }
    }

    /// Adds a kind, by one of its hashes, that so many accounts have and that takes so long to check.
    pub(super) fn add(&mut self, stored: String, count: u64, cost: Duration) {
        self.costs.insert(kind(&stored).to_owned(), cost);
        let before = self.kinds.last().map_or(0.0, |kind| kind.up_to);
        let up_to = before + count as f64 / self.all.max(1) as f64;
        self.kinds.push(Kind { stored: stored.into(), up_to, cost });
    }

    /// The hash for a name of this lot, from 0 to 1, that no account has. `None`: one of ours.
    ///
    /// As people sign in and their hashes are replaced by ours, fewer lots have another kind: unknown names change theirs as
    /// accounts do.
    pub(super) fn at(&self, lot: f64) -> Option<Arc<str>> {
        self.kinds.iter().find(|kind| lot < kind.up_to).map(|kind| Arc::clone(&kind.stored))
    }

    pub(super) fn cost_of(&self, stored: &str) -> Option<Duration> {
        self.costs.get(kind(stored)).copied()
    }

    pub(super) fn costs(&self) -> HashMap<String, Duration> {
        self.costs.clone()
    }

    pub(super) fn slowest(&self) -> Duration {
        self.kinds.iter().map(|kind| kind.cost).max().unwrap_or_default()
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

/// A text that sorts behind all hashes of the kind of this one, and before those of the next.
///
/// # Errors
/// It is no hash that we take.
pub fn behind_kind_of(stored: &str) -> Result<String, HashError> {
    Stored::parse(stored)?;
    Ok(format!("{}$\u{10ffff}", kind(stored).trim_end_matches('$')))
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn as_many_unknown_names_have_a_kind_as_accounts_have() {
        let mut kinds = Kinds::new(HashMap::new(), 8);
        kinds.add("$2b$12$bcrypt".to_owned(), 1, Duration::from_millis(200));
        kinds.add("pbkdf2_sha256$1$django$x".to_owned(), 2, Duration::from_millis(100));
        assert_eq!(kinds.slowest(), Duration::from_millis(200));
        assert_eq!(kinds.cost_of("pbkdf2_sha256$1$another$y"), Some(Duration::from_millis(100)));
        let at = |lot| Some(if kinds.at(lot)?.starts_with("$2b") { "bcrypt" } else { "django" });
        for (lot, expected) in
            [(0.0, Some("bcrypt")), (0.124, Some("bcrypt")), (0.126, Some("django")), (0.374, Some("django"))]
        {
            assert_eq!(at(lot), expected, "{lot}");
        }
        assert_eq!((at(0.376), at(0.999)), (None, None));
        assert_eq!(Kinds::default().at(0.0), None);
    }
}
