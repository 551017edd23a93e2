use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

use crate::clock::Timestamp;

/// A client's key on P-256: what a token is bound to, and what proofs are signed with (DPoP, RFC 9449).
pub struct ProofKey(EcdsaKeyPair);

#[expect(clippy::expect_used, reason = "making and using a key fails only where randomness does")]
#[expect(clippy::disallowed_methods, reason = "a key of its own for each test, which no test looks at")]
impl ProofKey {
    /// Makes a key.
    pub fn generate() -> Self {
        let random = ring::rand::SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        Self(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).expect("the key"))
    }

    /// Its public half as a JWK.
    pub fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "x": number(&point[1..33]), "y": number(&point[33..])})
    }

    /// What `cnf.jkt` of a token says that is bound to it (RFC 7638 §3.2).
    pub fn thumbprint(&self) -> String {
        // Its members are required ones alone, and in order.
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.jwk().to_string().as_bytes()))
    }

    /// A proof for one request with `token`, made at `now`.
    pub fn prove(&self, method: &str, url: &str, token: &str, now: Timestamp) -> String {
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk()});
        self.sign(&header, &self.claims(method, url, token, now))
    }

    /// The claims of such a proof, of a name that no other has.
    pub fn claims(&self, method: &str, url: &str, token: &str, now: Timestamp) -> Value {
        let mut jti = [0; 16];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut jti).expect("randomness");
        json!({
            "jti": URL_SAFE_NO_PAD.encode(jti), "htm": method, "htu": url, "iat": now.seconds(),
            "ath": URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes())),
        })
    }

    /// A JWT of this header and these claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let input = super::token::signing_input(header.to_string(), claims.to_string());
        let random = ring::rand::SystemRandom::new();
        let signature = self.0.sign(&random, input.as_bytes()).expect("signature");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofKey").finish_non_exhaustive()
    }
}
