//! A JWK set (RFC 7517) read once into keys that are ready to verify: each checked, each pinned to RS256.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;

use crate::token::{Compact, MAX_SIGNATURE, Rejection};

const MAX_PARSED: usize = 64;
/// Usable keys of a set: the first ones, since issuers put the current key first or have few.
pub const MAX_USABLE: usize = 32;
const MIN_MODULUS_BITS: usize = 2048;
const MAX_MODULUS_BITS: usize = 8192;
const MIN_EXPONENT: u64 = 65_537;

/// One RSA public key, for RS256 and nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey {
    kid: String,
    thumbprint: String,
    n: Vec<u8>,
    e: Vec<u8>,
}

impl VerifyingKey {
    /// From big-endian modulus and exponent.
    ///
    /// # Errors
    /// Why the key is not one to trust: the modulus is under 2048 or over 8192 bits, or the exponent is even or under
    /// 65537.
    pub fn from_components(kid: String, n: &[u8], e: &[u8]) -> Result<Self, &'static str> {
        let (n, e) = (without_leading_zeros(n), without_leading_zeros(e));
        let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
        if bits < MIN_MODULUS_BITS {
            return Err("weak_modulus");
        }
        if bits > MAX_MODULUS_BITS {
            return Err("oversized_modulus");
        }
        if e.len() > 4 {
            return Err("oversized_exponent");
        }
        let exponent = e.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        if exponent < MIN_EXPONENT || exponent % 2 == 0 {
            return Err("weak_exponent");
        }
        Ok(Self { kid, thumbprint: thumbprint(n, e), n: n.to_vec(), e: e.to_vec() })
    }

    /// The name that tokens call it by.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its RFC 7638 thumbprint: the same for the same key, whatever it is called.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Checks the signature of a token.
    ///
    /// # Errors
    /// It was not made with this key, or is not canonical base64url.
    pub fn verify(&self, token: &Compact<'_>) -> Result<(), Rejection> {
        let mut buffer = [0; MAX_SIGNATURE];
        self.verify_bytes(token.signing_input(), token.signature(&mut buffer)?)
    }

    /// Checks an RS256 signature of any other message.
    ///
    /// # Errors
    /// It was not made with this key.
    pub fn verify_bytes(&self, message: &[u8], signature: &[u8]) -> Result<(), Rejection> {
        RsaPublicKeyComponents { n: &self.n, e: &self.e }
            .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            .map_err(|_| Rejection::Signature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// The SHA-256 thumbprint of an RSA key (RFC 7638 §3) as base64url, from its big-endian numbers without leading zeros.
///
/// Not by `jsonwebtoken`, which asks a crypto provider that is one for the whole process.
pub fn thumbprint(n: &[u8], e: &[u8]) -> String {
    let canonical =
        format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, URL_SAFE_NO_PAD.encode(e), URL_SAFE_NO_PAD.encode(n));
    URL_SAFE_NO_PAD.encode(ring::digest::digest(&ring::digest::SHA256, canonical.as_bytes()))
}

fn without_leading_zeros(mut bytes: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// A whole set of keys as it was at one time. Never changes; a newer set replaces it as a whole.
#[derive(Clone, Debug, Default)]
pub struct KeySnapshot {
    keys: HashMap<String, Arc<VerifyingKey>>,
    skipped: Vec<&'static str>,
}

/// A set that cannot be used at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// Not the JSON of a JWK set.
    #[error("not a JWK set")]
    NotASet,
    /// More entries than any issuer needs.
    #[error("more than 64 entries")]
    TooManyEntries,
    /// Nothing in it could verify a token of ours.
    #[error("no usable key")]
    NoUsableKey,
}

impl KeySnapshot {
    /// Reads a JWK set. Entries that are of no use to us are skipped, so that one of them never costs the others.
    ///
    /// # Errors
    /// It is no JWK set, has too many entries, or holds no usable key.
    pub fn parse(json: &[u8]) -> Result<Self, SetError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let set: Set = serde_json::from_slice(json).map_err(|_| SetError::NotASet)?;
        if set.keys.len() > MAX_PARSED {
            return Err(SetError::TooManyEntries);
        }
        let mut room = MAX_USABLE;
        let entries = set.keys.into_iter().map(usable_key).map(|entry| match entry {
            Ok(_) if room == 0 => Err("no_room"),
            Ok(key) => {
                room -= 1;
                Ok(key)
            }
            Err(reason) => Err(reason),
        });
        let snapshot = Self::collect(entries);
        if snapshot.keys.is_empty() { Err(SetError::NoUsableKey) } else { Ok(snapshot) }
    }

    /// A set of these keys.
    pub fn of(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        Self::collect(keys.into_iter().map(Ok))
    }

    /// Two different keys of one name: which of them a token means cannot be known, so neither is kept.
    fn collect(entries: impl Iterator<Item = Result<VerifyingKey, &'static str>>) -> Self {
        let mut keys: HashMap<String, Option<Arc<VerifyingKey>>> = HashMap::new();
        let mut skipped = Vec::new();
        for entry in entries {
            match entry {
                Ok(key) => {
                    let slot = keys.entry(key.kid.clone()).or_insert_with(|| Some(Arc::new(key.clone())));
                    if slot.as_deref().is_some_and(|other| *other != key) {
                        *slot = None;
                        skipped.push("ambiguous_kid");
                    }
                }
                Err(reason) => skipped.push(reason),
            }
        }
        let usable = keys.into_iter().filter_map(|(kid, key)| Some((kid, key?)));
        Self { keys: usable.collect(), skipped }
    }

    /// The key of that name.
    pub fn get(&self, kid: &str) -> Option<&Arc<VerifyingKey>> {
        self.keys.get(kid)
    }

    /// The key, where there is one and no other.
    pub fn only(&self) -> Option<&Arc<VerifyingKey>> {
        self.keys.values().next().filter(|_| self.keys.len() == 1)
    }

    /// All keys, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<VerifyingKey>> {
        self.keys.values()
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Why entries of the set were left out, one reason each; of a fixed set of names.
    pub fn skipped(&self) -> &[&'static str] {
        &self.skipped
    }
}

/// One entry of a set as a key, or the reason to skip it (RFC 7517 §5).
fn usable_key(entry: serde_json::Value) -> Result<VerifyingKey, &'static str> {
    let object = entry.as_object().ok_or("not_an_object")?;
    // Whoever publishes private or symmetric keys has lost them: they may sign for anybody by now.
    if object.contains_key("d") || object.contains_key("k") {
        return Err("not_public");
    }
    if object.get("kty").and_then(serde_json::Value::as_str) != Some("RSA") {
        return Err("key_type");
    }
    let jwk: Jwk = serde_json::from_value(entry).map_err(|_| "malformed")?;
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return Err("use");
    }
    if jwk.common.key_operations.as_ref().is_some_and(|ops| !ops.contains(&KeyOperations::Verify)) {
        return Err("key_ops");
    }
    if !matches!(jwk.common.key_algorithm, None | Some(KeyAlgorithm::RS256)) {
        return Err("alg");
    }
    let kid = jwk.common.key_id.filter(|kid| crate::token::is_kid(kid)).ok_or("kid")?;
    let AlgorithmParameters::RSA(rsa) = jwk.algorithm else { return Err("malformed") };
    let number = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| "malformed");
    VerifyingKey::from_components(kid, &number(&rsa.n)?, &number(&rsa.e)?)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The example of RFC 7638 §3.1.
    const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    #[expect(clippy::needless_pass_by_value, reason = "called with `json!` each time")]
    fn entry(changes: Value) -> Value {
        let mut entry = json!({"kty": "RSA", "kid": "a", "use": "sig", "alg": "RS256", "n": N, "e": "AQAB"});
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(entry.as_object_mut().unwrap().remove(name)),
                value => entry[name] = value.clone(),
            }
        }
        entry
    }

    fn parse(entries: &[Value]) -> Result<KeySnapshot, SetError> {
        KeySnapshot::parse(json!({"keys": entries}).to_string().as_bytes())
    }

    #[test]
    fn the_thumbprint_is_that_of_the_rfc() {
        let snapshot = parse(&[entry(json!({}))]).unwrap();
        let key = snapshot.get("a").unwrap();
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn an_entry_of_no_use_is_skipped_and_never_costs_the_others() {
        for (changes, reason) in [
            (json!({"kid": "b", "kty": "AKP"}), "key_type"),
            (json!({"kid": "b", "kty": "oct", "k": "c2VjcmV0"}), "not_public"),
            (json!({"kid": "b", "d": "AQAB"}), "not_public"),
            (json!({"kid": "b", "use": "enc"}), "use"),
            (json!({"kid": "b", "key_ops": ["sign"]}), "key_ops"),
            (json!({"kid": "b", "alg": "RSA-OAEP"}), "alg"),
            (json!({"kid": "b", "alg": "RS512"}), "alg"),
            (json!({"kid": "b", "alg": "X-NEW"}), "alg"),
            (json!({"kid": null}), "kid"),
            (json!({"kid": "with space"}), "kid"),
            (json!({"kid": "b", "n": "AQAB"}), "weak_modulus"),
            (json!({"kid": "b", "n": null}), "malformed"),
            (json!({"kid": "b", "n": "*"}), "malformed"),
            (json!({"kid": "b", "e": "AQ"}), "weak_exponent"),
            (json!({"kid": "b", "e": "Aw"}), "weak_exponent"),
            (json!({"kid": "b", "e": "AQAAAAAB"}), "oversized_exponent"),
        ] {
            let snapshot = parse(&[entry(changes.clone()), entry(json!({}))]).unwrap();
            assert_eq!((snapshot.len(), snapshot.skipped()), (1, &[reason][..]), "{changes}");
            assert_eq!(parse(&[entry(changes)]).unwrap_err(), SetError::NoUsableKey);
        }
        assert_eq!(parse(&[json!("text"), entry(json!({}))]).unwrap().len(), 1);
    }

    #[test]
    fn two_keys_of_one_name_are_both_dropped_but_the_same_key_twice_is_one() {
        let other = N.replace("0vx7", "1vx7");
        let ambiguous = [entry(json!({})), entry(json!({"n": other})), entry(json!({"kid": "b"}))];
        let snapshot = parse(&ambiguous).unwrap();
        assert!(snapshot.get("a").is_none() && snapshot.get("b").is_some());
        assert_eq!(parse(&[entry(json!({})), entry(json!({}))]).unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for bad in ["", "{}", "[]", r#"{"keys":{}}"#, "<html>", r#"{"keys":[]}"#] {
            assert!(KeySnapshot::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let many: Vec<_> = (0..65).map(|i| entry(json!({"kid": i.to_string()}))).collect();
        assert_eq!(parse(&many).unwrap_err(), SetError::TooManyEntries);
        let cut = parse(&many[..40]).unwrap();
        assert_eq!((cut.len(), cut.skipped()), (MAX_USABLE, &["no_room"; 8][..]));
        assert!((0..MAX_USABLE).all(|index| cut.get(&index.to_string()).is_some()));
    }
}
