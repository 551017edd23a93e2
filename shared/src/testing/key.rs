use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaEncoding, RsaKeyPair};
use serde_json::{Value, json};

use crate::jwks::{VerifyingKey, thumbprint};

/// One of three RSA keys that are published with this crate: good for tests, worthless for anything else.
pub struct TestKey {
    pair: RsaKeyPair,
    kid: String,
}

impl TestKey {
    /// The first key.
    pub fn a() -> Self {
        Self::parse(include_bytes!("keys/a.pk8"))
    }

    /// Another key.
    pub fn b() -> Self {
        Self::parse(include_bytes!("keys/b.pk8"))
    }

    /// A third key.
    pub fn c() -> Self {
        Self::parse(include_bytes!("keys/c.pk8"))
    }

    #[expect(clippy::expect_used, reason = "the keys are part of this crate, and its tests read them all")]
    fn parse(pkcs8: &[u8]) -> Self {
        let pair = RsaKeyPair::from_pkcs8(pkcs8).expect("a test key");
        let kid = thumbprint(&modulus(&pair), &exponent(&pair));
        Self { pair, kid }
    }

    /// Its name: the RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its public half as a JWK.
    pub fn jwk(&self) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
            "n": URL_SAFE_NO_PAD.encode(modulus(&self.pair)), "e": URL_SAFE_NO_PAD.encode(exponent(&self.pair)),
        })
    }

    /// Its public half, ready to verify.
    #[expect(clippy::expect_used, reason = "the keys are part of this crate, and its tests read them all")]
    pub fn verifying_key(&self) -> VerifyingKey {
        let (n, e) = (modulus(&self.pair), exponent(&self.pair));
        VerifyingKey::from_components(self.kid.clone(), &n, &e).expect("a test key")
    }

    /// Its public half in DER, as PKCS #1 has it.
    pub fn pkcs1(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    /// Its public half in DER, as X.509 has it.
    pub fn spki(&self) -> Vec<u8> {
        // SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING of 271 bytes }, as for every key of 2048 bits.
        let start = b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82\x01\x0f\x00";
        [&start[..], &self.pkcs1()].concat()
    }

    /// Its modulus, big-endian.
    pub fn modulus(&self) -> Vec<u8> {
        modulus(&self.pair)
    }

    /// Signs anything by RS256.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.sign_by(&RSA_PKCS1_SHA256, message)
    }

    /// Signs anything by another algorithm for RSA keys.
    #[expect(clippy::expect_used, reason = "signing fails only where randomness or the key does")]
    pub fn sign_by(&self, algorithm: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        #[expect(clippy::disallowed_methods, reason = "blinding, not a value that a test looks at")]
        let random = ring::rand::SystemRandom::new();
        self.pair.sign(algorithm, &random, message, &mut signature).expect("signature");
        signature
    }
}

impl fmt::Debug for TestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

fn modulus(pair: &RsaKeyPair) -> Vec<u8> {
    let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
    public.n
}

fn exponent(pair: &RsaKeyPair) -> Vec<u8> {
    let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
    public.e
}
