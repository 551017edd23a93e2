//! The kinds of hashes that accounts have, so that a name that nobody has is refused behind the same work as one that
//! somebody has.
//!
//! A scenario: half of the accounts were brought from elsewhere, with hashes that take five times as long to check as ours. If
//! unknown names were checked against one of ours, whatever makes hashing slow would make those accounts slower than anybody
//! else, and no pause before the answer is long enough for all that can make it slow. So half of the unknown names are checked
//! against a hash from elsewhere, always the same ones.

use std::sync::Arc;

use super::HashError;
use super::stored::Stored;

/// Kinds other than ours, each with the part of all lots below which a name has it.
#[derive(Debug, Default)]
pub(super) struct Kinds(Vec<(f64, Arc<str>)>);

impl Kinds {
    /// One hash of each kind with the number of accounts that have such a one, of so many accounts in `all`.
    pub(super) fn new(counted: impl IntoIterator<Item = (String, u64)>, all: u64) -> Self {
        let mut up_to = 0.0;
        let part = |(hash, count): (String, u64)| {
            up_to += count as f64 / all.max(1) as f64;
            (up_to, Arc::from(hash))
        };
        Self(counted.into_iter().map(part).collect())
    }

    /// The hash for a name of this lot, from 0 to 1, that no account has. `None`: one of ours.
    ///
    /// As people sign in and their hashes are replaced by ours, fewer lots have another kind: unknown names change theirs as
    /// accounts do.
    pub(super) fn at(&self, lot: f64) -> Option<Arc<str>> {
        self.0.iter().find(|(up_to, _)| lot < *up_to).map(|(_, hash)| Arc::clone(hash))
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
        let counted = || [("bcrypt".to_owned(), 1), ("django".to_owned(), 2)];
        let kinds = Kinds::new(counted(), 8);
        let at = |lot| kinds.at(lot).map(|hash| hash.to_string());
        for (lot, expected) in
            [(0.0, Some("bcrypt")), (0.124, Some("bcrypt")), (0.126, Some("django")), (0.374, Some("django"))]
        {
            assert_eq!(at(lot).as_deref(), expected, "{lot}");
        }
        assert_eq!((at(0.376), at(0.999)), (None, None));
        assert_eq!(Kinds::new([], 0).at(0.0), None);
    }
}
