//! Refresh tokens: signed names of a session and a generation of it.

use std::borrow::Cow;

use sea_orm::prelude::Uuid;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::clock::Timestamp;
use shared::jwks::{KeySource, Lookup};
use shared::token::{Compact, Rejection, TokenType, members};

/// What a genuine refresh token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session.
    pub session_id: Uuid,
    /// Its owner.
    pub account_id: Uuid,
    /// Which of the session's refresh tokens this is.
    pub generation: i64,
}

impl RefreshToken {
    /// Verifies a refresh token of `issuer`, which is its audience as well.
    ///
    /// # Errors
    /// It is not genuine, is expired, or is an access token.
    pub fn verify(
        token: &str,
        issuer: &str,
        keys: &dyn KeySource,
        now: Timestamp,
    ) -> Result<Self, Rejection> {
        let compact = Compact::parse(token)?;
        let Lookup::Found(key) = keys.lookup(&compact.kid) else { return Err(Rejection::UnknownKey) };
        key.verify(&compact)?;
        if compact.token_type != TokenType::Refresh {
            return Err(Rejection::AccessToken);
        }
        let payload = compact.unverified_payload()?;
        let members = members(&payload).map_err(|_| Rejection::Malformed)?;
        if claim::<String>(&members, "iss")? != issuer {
            return Err(Rejection::Issuer);
        }
        if claim::<String>(&members, "aud")? != issuer {
            return Err(Rejection::Audience);
        }
        if now.seconds() >= claim::<i64>(&members, "exp")? {
            return Err(Rejection::Expired);
        }
        Ok(Self {
            session_id: claim(&members, "sid").map(|Id(id)| id)?,
            account_id: claim(&members, "sub").map(|Id(id)| id)?,
            generation: claim(&members, "gen")?,
        })
    }
}

/// A UUID in its usual text form.
struct Id(Uuid);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Uuid::try_parse(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

fn claim<T: DeserializeOwned>(members: &[(Cow<'_, str>, &str)], name: &'static str) -> Result<T, Rejection> {
    let value = members.iter().find(|(own, _)| own == name).ok_or(Rejection::MissingClaim(name))?.1;
    serde_json::from_str(value).map_err(|_| Rejection::IllTypedClaim(name))
}

#[cfg(test)]
mod tests {
    use shared::jwks::{KeySnapshot, LocalKeys};
    use shared::testing::{TestKey, TokenBuilder};

    use super::*;

    const ISSUER: &str = "https://id.example";
    const SESSION: &str = "01890000-0000-7000-8000-000000000001";

    fn verify(bend: impl FnOnce(TokenBuilder) -> TokenBuilder) -> Result<RefreshToken, Rejection> {
        let (key, now) = (TestKey::a(), Timestamp::from_seconds(1000));
        let token = TokenBuilder::new(ISSUER, ISSUER, now)
            .header("typ", "rt+jwt")
            .claim("type", "refresh")
            .claim("sid", SESSION)
            .claim("gen", 7);
        let keys = LocalKeys::new(KeySnapshot::of([key.verifying_key()]));
        RefreshToken::verify(&bend(token).sign(&key), ISSUER, &keys, now)
    }

    #[test]
    fn a_genuine_token_names_session_and_generation() {
        let token = verify(|token| token).unwrap();
        assert_eq!((token.session_id.to_string().as_str(), token.generation), (SESSION, 7));
    }

    #[test]
    fn anything_else_is_refused() {
        for (expected, result) in [
            (Rejection::AccessToken, verify(|token| token.header("typ", "at+jwt"))),
            (Rejection::Issuer, verify(|token| token.claim("iss", "https://id.example/"))),
            (Rejection::Audience, verify(|token| token.claim("aud", "books"))),
            (Rejection::Expired, verify(|token| token.claim("exp", 1000))),
            (Rejection::MissingClaim("gen"), verify(|token| token.without_claim("gen"))),
            (Rejection::IllTypedClaim("sid"), verify(|token| token.claim("sid", "x"))),
            (Rejection::UnknownKey, verify(|token| token.header("kid", "other"))),
        ] {
            assert_eq!(result, Err(expected));
        }
    }
}
