use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use shared::random::Random;
use uuid::Uuid;

use crate::sessions::FIRST_PARTY;

/// The name of a client: 1 to 64 letters, digits and `. _ - ~`, but neither `.` nor `..`.
///
/// A client that acts for itself is the `sub` of its tokens. So no client is called like an account, whose names are
/// UUIDs: a client could take another's place by its name (RFC 9700 §4.15).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

impl ClientId {
    /// One that nobody has had before.
    pub fn random(random: &dyn Random) -> Self {
        Self(format!("c-{}", random.text::<12>()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'~');
        if !(1..=64).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err("must be 1 to 64 letters, digits and . _ - ~");
        }
        // Browsers and proxies take them for the folder itself and the one above it.
        if matches!(text, "." | "..") {
            return Err("must be more than dots: no address leads there");
        }
        if Uuid::try_parse(text).is_ok() {
            return Err("must not be a UUID: those are names of accounts");
        }
        if text == FIRST_PARTY {
            return Err("is the name of sessions without a client");
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ClientId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        text.parse()
    }
}

impl From<ClientId> for String {
    fn from(id: ClientId) -> Self {
        id.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_client_is_called_like_an_account() {
        assert!("app.example-1~x_y".parse::<ClientId>().is_ok());
        for bad in [
            "",
            ".",
            "..",
            "a b",
            "ä",
            "first-party",
            "01890000-0000-7000-8000-000000000001",
            &"x".repeat(65),
        ] {
            assert!(bad.parse::<ClientId>().is_err(), "{bad}");
        }
    }
}
