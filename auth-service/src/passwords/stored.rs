//! What a column may hold as the hash of a password: ours, and those that accounts bring with them.

use argon2::Params;

use super::argon::ArgonHash;
use super::foreign::ForeignHash;
use super::slots::Work;

/// What is stored is no hash that we take, or asks for more than we give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored password hash cannot be used")]
pub struct Unusable;

/// The longest that the table holds.
const MAX_LENGTH: usize = 255;

/// A stored hash whose costs are within bounds.
pub(super) enum Stored {
    Argon(ArgonHash),
    Foreign(ForeignHash),
}

impl Stored {
    pub(super) fn parse(text: &str) -> Result<Self, Unusable> {
        if text.starts_with("$argon2") {
            return ArgonHash::parse(text).map(Self::Argon);
        }
        ForeignHash::parse(text).map(Self::Foreign)
    }

    pub(super) fn check(&self, password: &[u8], work: &Work<'_>) -> Result<bool, Unusable> {
        match self {
            Self::Argon(hash) => hash.check(password, work),
            Self::Foreign(hash) => hash.check(password),
        }
    }

    /// The memory that its check takes, in KiB, where that is worth a word.
    pub(super) fn memory_kib(&self) -> u64 {
        match self {
            Self::Argon(hash) => hash.memory_kib(),
            Self::Foreign(hash) => hash.memory_kib(),
        }
    }

    /// Whether it is as good as what we would make today.
    pub(super) fn is_current(&self, params: &Params) -> bool {
        match self {
            Self::Argon(hash) => hash.is_at_least(params),
            Self::Foreign(_) => false,
        }
    }
}

/// Takes a hash that was made elsewhere, to be replaced at the next login.
///
/// # Errors
/// What is wrong with it, in words that fit behind "the hash".
pub fn importable(text: &str) -> Result<String, String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("must be at most {MAX_LENGTH} bytes"));
    }
    Stored::parse(text).map(|_| text.to_owned()).map_err(|_| {
        "must be one of argon2, bcrypt, PBKDF2 (SHA-1, SHA-256, SHA-512) or scrypt, as a PHC or crypt string or as \
         Django or Werkzeug write it, at costs that a server can bear"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::slots::Slots;
    use super::super::turns::Weight;
    use super::*;
    use crate::passwords::HashError;

    async fn check(stored: &str, password: &str) -> Result<bool, HashError> {
        let stored = Stored::parse(stored)?;
        let password = password.to_owned();
        let slots = Arc::new(Slots::new(1, Duration::from_secs(60), 8).unwrap());
        slots.run(Weight::Light, move |work| stored.check(password.as_bytes(), work)).await
    }

    /// Made by the programs that people come from: passlib 1.7.4, Django's and Werkzeug's own, htpasswd.
    const FROM_ELSEWHERE: &str = include_str!("testdata/hashes.txt");

    #[tokio::test]
    async fn hashes_from_elsewhere_are_known_and_to_be_replaced() {
        let current = Params::new(64, 1, 1, None).unwrap();
        let mut seen = 0;
        for stored in FROM_ELSEWHERE.lines() {
            assert_eq!(importable(stored).unwrap(), stored);
            assert!(check(stored, "correct horse battery staple").await.unwrap(), "{stored}");
            assert!(!check(stored, "Correct horse battery staple").await.unwrap(), "{stored}");
            let argon = stored.starts_with("$argon2id$v=19");
            assert_eq!(Stored::parse(stored).unwrap().is_current(&current), argon, "{stored}");
            seen += 1;
        }
        assert!(seen >= 12, "{seen}");
    }

    #[test]
    fn a_hash_that_would_eat_the_machine_is_refused_before_it_is_computed() {
        const SALT: &str = "c2FsdHNhbHRzYWx0c2FsdA";
        const HASH: &str = "aGFzaGhhc2hoYXNoaGFzaA";
        for stored in [
            &format!("$argon2id$v=19$m=4194304,t=2,p=1${SALT}${HASH}"),
            &format!("$argon2id$v=19$m=64,t=4000000,p=1${SALT}${HASH}"),
            &format!("$argon2id$v=19$m=1024,t=1,p=255${SALT}${HASH}"),
            &format!("$argon2id$v=19$m=64,t=0,p=1${SALT}${HASH}"),
            &format!("$argon2id$v=19$x=1${SALT}${HASH}"),
            "$2b$31$GhvMmNVjRW29ulnudl.LbuAnUtN/LRfe1JsBm1Xu6LE3059z5Tr8m",
            "$2b$12$abc",
            &format!("$scrypt$ln=30,r=8,p=1${SALT}${HASH}"),
            &format!("$scrypt$ln=14,r=8,p=1000000${SALT}${HASH}"),
            &format!("$scrypt$ln=18,r=8,p=5${SALT}${HASH}"),
            &format!("$scrypt$ln=63,r=4294967295,p=1${SALT}${HASH}"),
            &format!("$scrypt$ln=0,r=8,p=1${SALT}${HASH}"),
            &format!("scrypt:1099511627776:8:1$salt${}", "ab".repeat(32)),
            &format!("$pbkdf2-sha256$i=4294967295${SALT}${HASH}"),
            &format!("$pbkdf2-sha256$0${SALT}${HASH}"),
            &format!("$pbkdf2-md5$1000${SALT}${HASH}"),
            "pbkdf2:sha256:1000$salt$abcd",
            "pbkdf2_sha256$1000$salt$",
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
            "plain text",
            "",
        ] {
            assert!(Stored::parse(stored).is_err(), "{stored}");
        }
        assert!(importable(&format!("pbkdf2_sha256$1${}${HASH}", "s".repeat(300))).is_err());
    }
}
