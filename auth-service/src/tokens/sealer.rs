//! Private keys at rest: AES-256-GCM under a key that the database never sees.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use shared::random::Random;

const MALFORMED: &str = "must be 32 bytes in base64; make one with: openssl rand -base64 32";

/// Seals and opens small secrets.
pub struct Sealer {
    key: LessSafeKey,
    /// Opens what was sealed before the key was replaced.
    previous: Option<LessSafeKey>,
    /// What other secrets are derived from.
    root: hmac::Key,
}

/// What is sealed was sealed under another key or for another name, or was changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("does not open what is sealed")]
pub struct CannotOpen;

/// The secret could not be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret cannot be sealed")]
pub struct CannotSeal;

impl Sealer {
    /// From 32 bytes as base64 or base64url, with or without padding.
    ///
    /// # Errors
    /// It is something else, in words that fit behind the setting's name.
    pub fn new(key: &SecretString) -> Result<Self, &'static str> {
        let bytes = decode(key)?;
        Ok(Self { key: aead_key(&bytes)?, previous: None, root: hmac::Key::new(hmac::HMAC_SHA256, &bytes) })
    }

    /// The same, which also opens what was sealed under this key before.
    ///
    /// # Errors
    /// As [`Sealer::new`].
    pub fn with_previous(self, key: &SecretString) -> Result<Self, &'static str> {
        Ok(Self { previous: Some(aead_key(&decode(key)?)?), ..self })
    }

    /// What hides names in the database from whoever reads it.
    pub fn blinder(&self) -> Blinder {
        Blinder(hmac::Key::new(hmac::HMAC_SHA256, self.derive("names in throttles").as_ref()))
    }

    /// What seals the things that browsers carry for us.
    ///
    /// # Errors
    /// The library refuses the key.
    pub fn for_browsers(&self) -> Result<Self, &'static str> {
        let key = self.derive("what browsers carry");
        let root = hmac::Key::new(hmac::HMAC_SHA256, key.as_ref());
        Ok(Self { key: aead_key(key.as_ref())?, previous: None, root })
    }

    fn derive(&self, purpose: &str) -> hmac::Tag {
        hmac::sign(&self.root, purpose.as_bytes())
    }

    /// Seals `secret` for `name`: under that name alone it opens again, so rows of a table cannot be swapped.
    ///
    /// Nonces are random: at one key a month, the chance that two are alike never comes into sight (NIST SP 800-38D
    /// §8.3 allows 2^32 of them).
    ///
    /// # Errors
    /// The library refuses, as it does for secrets of 64 GiB and more.
    pub fn seal(&self, name: &str, secret: &[u8], random: &dyn Random) -> Result<Vec<u8>, CannotSeal> {
        let nonce: [u8; NONCE_LEN] = random.bytes();
        let mut sealed = secret.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name), &mut sealed)
            .map_err(|_| CannotSeal)?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Opens what was sealed for `name`.
    ///
    /// # Errors
    /// It was not, or not under this key or the one before.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        let opened = open_under(&self.key, name, sealed);
        match &self.previous {
            Some(previous) => opened.or_else(|_| open_under(previous, name, sealed)),
            None => opened,
        }
    }

    /// Whether it opens under this key alone.
    pub fn is_current(&self, name: &str, sealed: &[u8]) -> bool {
        open_under(&self.key, name, sealed).is_ok()
    }
}

fn decode(key: &SecretString) -> Result<Vec<u8>, &'static str> {
    let text = key.expose_secret().trim_end_matches('=');
    let bytes = STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text));
    bytes.map_err(|_| MALFORMED)
}

fn aead_key(bytes: &[u8]) -> Result<LessSafeKey, &'static str> {
    UnboundKey::new(&AES_256_GCM, bytes).map(LessSafeKey::new).map_err(|_| MALFORMED)
}

fn open_under(key: &LessSafeKey, name: &str, sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(CannotOpen)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CannotOpen)?;
    let mut text = text.to_vec();
    let secret = key.open_in_place(nonce, Aad::from(name), &mut text).map_err(|_| CannotOpen)?;
    Ok(secret.to_vec())
}

/// Gives a name another one that all replicas agree on and that leads nobody back.
#[derive(Clone, Debug)]
pub struct Blinder(hmac::Key);

impl Blinder {
    /// The other name: 22 characters of base64url.
    pub fn blind(&self, name: &str) -> String {
        URL_SAFE_NO_PAD.encode(&hmac::sign(&self.0, name.as_bytes()).as_ref()[..16])
    }

    /// A number from 0 to 1 that always goes with the name, and that nobody else can tell.
    pub fn lot(&self, name: &str) -> f64 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&hmac::sign(&self.0, format!("lot {name}").as_bytes()).as_ref()[..4]);
        f64::from(u32::from_le_bytes(bytes)) / 2_f64.powi(32)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use shared::random::SystemRandom;

    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&SecretString::from(STANDARD.encode([byte; 32]))).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_under_its_key_and_name_only() {
        let sealed = sealer(1).seal("kid", b"secret", &SystemRandom::new()).unwrap();
        assert_eq!(sealer(1).open("kid", &sealed).unwrap(), b"secret");
        assert_eq!(sealer(2).open("kid", &sealed), Err(CannotOpen));
        assert_eq!(sealer(1).open("other", &sealed), Err(CannotOpen));
        for flipped in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[flipped] ^= 1;
            assert_eq!(sealer(1).open("kid", &changed), Err(CannotOpen));
        }
        assert_eq!(sealer(1).open("kid", b"short"), Err(CannotOpen));
    }

    #[test]
    fn a_key_that_was_replaced_still_opens_and_never_seals() {
        let old = sealer(1).seal("kid", b"secret", &SystemRandom::new()).unwrap();
        let both = sealer(2).with_previous(&SecretString::from(STANDARD.encode([1; 32]))).unwrap();
        assert_eq!(both.open("kid", &old).unwrap(), b"secret");
        assert!(!both.is_current("kid", &old));
        let new = both.seal("kid", b"secret", &SystemRandom::new()).unwrap();
        assert!(both.is_current("kid", &new) && sealer(2).open("kid", &new).is_ok());
        assert_eq!(sealer(1).open("kid", &new), Err(CannotOpen));
    }

    #[test]
    fn names_are_hidden_alike_by_all_who_have_the_key() {
        assert_eq!(sealer(1).blinder().blind("ada"), sealer(1).blinder().blind("ada"));
        assert_ne!(sealer(1).blinder().blind("ada"), sealer(1).blinder().blind("bob"));
        assert_ne!(sealer(1).blinder().blind("ada"), sealer(2).blinder().blind("ada"));
    }

    #[test]
    fn a_key_is_32_bytes_in_either_alphabet() {
        for good in [STANDARD.encode([0xff; 32]), URL_SAFE_NO_PAD.encode([0xff; 32])] {
            assert!(Sealer::new(&SecretString::from(good)).is_ok());
        }
        for bad in ["", "secret", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33])] {
            assert!(Sealer::new(&SecretString::from(bad)).is_err(), "{bad}");
        }
    }
}
