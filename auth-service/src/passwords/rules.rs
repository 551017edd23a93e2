//! What may become a password.

use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use unicode_normalization::UnicodeNormalization as _;

use super::blocklist;
use crate::accounts::Username;

/// The longest password in bytes: refused before it is hashed, so that nobody makes us hash a book.
const MAX_BYTES: usize = 4096;

/// What this service goes by: no secret to anybody who would guess.
const OWN_NAMES: [&str; 4] = ["imprimatur", "auth-service", "books-service", "authservice"];

/// A password as it was sent, in one form for all keyboards (NFC, RFC 8265 §4.2). Does not print.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

impl Password {
    /// Whether both are the same.
    pub fn is(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }

    /// Takes any text that could be the password of an account: what an account was given long ago may break the rules
    /// of today.
    ///
    /// # Errors
    /// It is too long to be anybody's.
    pub fn presented(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("must be at most {MAX_BYTES} bytes"));
        }
        Ok(Self(SecretString::from(text.nfc().collect::<String>())))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

/// What is wrong with a password that an attacker would try before long.
pub const EASY_TO_GUESS: &str = "is too easy to guess: it is common, repeats itself, or follows from a name";

/// A password that is long enough to be a new one. Whether it is easy to guess takes a while to say, which is done where
/// passwords are hashed: so many at a time, and never on a thread that answers others.
#[derive(Clone, Debug)]
pub struct Candidate {
    password: Password,
    names: Vec<String>,
}

impl Candidate {
    /// Whether it is that password.
    pub fn is(&self, other: &Password) -> bool {
        self.password.is(other)
    }

    /// The password, unless an attacker would try it before long.
    pub fn judge(self) -> Option<Password> {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let is_expected = blocklist::is_expected(self.password.0.expose_secret(), &names);
        (!is_expected).then_some(self.password)
    }
}

/// What a new password must be.
#[derive(Clone, Debug)]
pub struct PasswordRules {
    min_length: usize,
    names: Arc<[String]>,
}

impl PasswordRules {
    /// At least `min_length` code points, and nothing that follows from these names of the service.
    pub fn new<'a>(min_length: usize, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = OWN_NAMES.into_iter().chain(names).map(str::to_owned).collect();
        Self { min_length, names }
    }

    /// Takes a text that may become the password of the account of that name, unless it is found to be easy to guess.
    /// Length and the block list are all that is asked for: rules of composition make passwords worse (NIST SP 800-63B-4
    /// §3.1.1.2).
    ///
    /// # Errors
    /// It is too short, too long, or the name.
    pub fn parse(&self, text: &str, username: Option<&Username>) -> Result<Candidate, String> {
        let password = Password::presented(text)?;
        let text = password.0.expose_secret();
        if text.chars().count() < self.min_length {
            return Err(format!("must be at least {} characters", self.min_length));
        }
        if let Some(username) = username
            && text.parse::<Username>().is_ok_and(|name| name.key() == username.key())
        {
            return Err("must not be the user name".to_owned());
        }
        let names = self.names.iter().map(String::as_str).chain(username.map(Username::key));
        Ok(Candidate { names: names.map(str::to_owned).collect(), password })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> PasswordRules {
        PasswordRules::new(15, ["id.example"])
    }

    #[test]
    fn length_counts_code_points_and_no_class_is_asked_for() {
        for good in [
            "plainlowercase letters",
            "NOTHING BUT CAPITALS",
            "93415 0027 6618 4459",
            "spaces   between words",
            "🐘🎻🌋🧲🦉🎲🪁🍋🧊🚲🪐🥁🧵🦀🎈",
            "Ξεσκεπάζω την ψυχοφθόρα",
        ] {
            assert!(rules().parse(good, None).unwrap().judge().is_some(), "{good}");
        }
        assert!(rules().parse("🐘🎻🌋🧲🦉🎲🪁🍋🧊🚲🪐🥁🧵🦀", None).unwrap_err().contains("at least 15"));
        assert!(rules().parse("fourteen chars", None).is_err());
        assert!(rules().parse("fifteen letters", None).is_ok());
        let long: String =
            (0..).flat_map(|n: u32| n.to_string().into_bytes()).map(char::from).take(4097).collect();
        for length in [64, 128, 4096] {
            assert!(rules().parse(&long[..length], None).unwrap().judge().is_some(), "{length}");
        }
        assert!(rules().parse(&long, None).is_err());
    }

    #[test]
    fn names_are_no_passwords() {
        let name: Username = "a-rather-long-name".parse().unwrap();
        let good = |text| rules().parse(text, Some(&name)).is_ok_and(|candidate| candidate.judge().is_some());
        for bad in ["A-Rather-LONG-name", "a-rather-long-name1", "imprimatur12345", "id.exampleid.example"] {
            assert!(!good(bad), "{bad}");
        }
        assert!(good("nobody's rather long name"));
    }
}
