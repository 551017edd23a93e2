//! JWTs that are neither access nor refresh tokens: ID tokens that come back to us, and assertions of clients.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use shared::jwks::VerifyingKey;
use shared::token::members;

const MAX_BYTES: usize = 8 * 1024;

/// It is no JWT of that kind, or was not signed with any of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JWT that one of the keys has signed")]
pub struct NotGenuine;

/// A JWT that one of the keys has signed by RS256. What it claims is for the caller to judge.
#[derive(Debug)]
pub struct Jwt {
    payload: Vec<u8>,
}

impl Jwt {
    /// Verifies a compact JWT whose `typ` is one of these, or is left out. A `kid` picks the key. It may be left out where there
    /// is one key alone: to try many would make a signature that is none cost as much as all of them.
    ///
    /// # Errors
    /// It is another algorithm, has critical extensions (RFC 7515 §4.1.11), is malformed, or is not signed by any of `keys`.
    pub fn verify<'a>(
        token: &str,
        types: &[&str],
        keys: impl IntoIterator<Item = &'a VerifyingKey>,
    ) -> Result<Self, NotGenuine> {
        if token.len() > MAX_BYTES {
            return Err(NotGenuine);
        }
        let (input, signature) = token.rsplit_once('.').ok_or(NotGenuine)?;
        let (header, payload) = input.split_once('.').ok_or(NotGenuine)?;
        let header = decode(header)?;
        let header = members(&header).map_err(|_| NotGenuine)?;
        let text = |name: &str| {
            let value = header.iter().find(|(own, _)| own == name).map(|(_, value)| *value);
            value.map(|value| serde_json::from_str::<String>(value).map_err(|_| NotGenuine)).transpose()
        };
        if header.iter().any(|(name, _)| name == "crit" || name == "b64")
            || text("alg")?.as_deref() != Some("RS256")
        {
            return Err(NotGenuine);
        }
        if text("typ")?.is_some_and(|typ| !types.iter().any(|known| known.eq_ignore_ascii_case(&typ))) {
            return Err(NotGenuine);
        }
        let (kid, signature) = (text("kid")?, decode(signature)?);
        let mut candidates = keys.into_iter().filter(|key| kid.as_deref().is_none_or(|kid| kid == key.kid()));
        let (Some(key), None) = (candidates.next(), candidates.next()) else { return Err(NotGenuine) };
        key.verify_bytes(input.as_bytes(), &signature).map_err(|_| NotGenuine)?;
        let payload = decode(payload)?;
        members(&payload).map_err(|_| NotGenuine)?;
        Ok(Self { payload })
    }

    /// A claim, where it is there and of that type.
    pub fn claim<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let members = members(&self.payload).ok()?;
        let (_, value) = members.iter().find(|(own, _)| own == name)?;
        serde_json::from_str(value).ok()
    }

    /// The one audience that it has; `None` where there are several, or none.
    pub fn sole_audience(&self) -> Option<String> {
        self.claim::<String>("aud").or_else(|| self.claim::<[String; 1]>("aud").map(|[only]| only))
    }

    /// Whether `audience` is (among) its `aud`.
    pub fn is_for(&self, audience: &str) -> bool {
        match self.claim::<serde_json::Value>("aud") {
            Some(serde_json::Value::String(one)) => one == audience,
            Some(serde_json::Value::Array(several)) => several.iter().any(|one| one == audience),
            _ => false,
        }
    }
}

fn decode(text: &str) -> Result<Vec<u8>, NotGenuine> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| NotGenuine)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::clock::Timestamp;
    use shared::testing::{TestKey, TokenBuilder};

    use super::*;

    fn verify(bend: impl FnOnce(TokenBuilder) -> TokenBuilder) -> Result<Jwt, NotGenuine> {
        let key = TestKey::a();
        let token = bend(
            TokenBuilder::new("https://id.example", "app", Timestamp::from_seconds(1)).header("typ", "JWT"),
        );
        Jwt::verify(&token.sign(&key), &["JWT"], [&key.verifying_key()])
    }

    #[test]
    fn a_genuine_one_says_what_it_says() {
        let jwt = verify(|token| token).unwrap();
        assert!(jwt.is_for("app") && !jwt.is_for("ap"));
        assert_eq!(jwt.claim::<String>("iss").as_deref(), Some("https://id.example"));
        assert_eq!(jwt.claim::<i64>("iss"), None);
        assert!(verify(|token| token.claim("aud", json!(["x", "app"]))).unwrap().is_for("app"));
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(verify(|token| token.header("typ", "at+jwt")).is_err());
        assert!(verify(|token| token.header("alg", "none")).is_err());
        assert!(verify(|token| token.header("crit", json!(["x"]))).is_err());
        assert!(verify(|token| token.header("kid", "other")).is_err());
        assert!(Jwt::verify("a.b.c", &["JWT"], [&TestKey::a().verifying_key()]).is_err());
        let token = TokenBuilder::new("i", "app", Timestamp::from_seconds(1))
            .header("typ", "JWT")
            .sign(&TestKey::b());
        assert!(Jwt::verify(&token, &["JWT"], [&TestKey::a().verifying_key()]).is_err());
    }
}
