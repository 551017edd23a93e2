use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Map, Value, json};

use crate::clock::Timestamp;
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

    /// Signs anything by RS256.
    #[expect(clippy::expect_used, reason = "signing fails only where randomness or the key does")]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        #[expect(clippy::disallowed_methods, reason = "blinding, not a value that a test looks at")]
        let random = ring::rand::SystemRandom::new();
        self.pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signature");
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

/// A valid access token (RFC 9068) that tests bend as they need: each header and claim can be replaced or dropped.
#[derive(Clone, Debug)]
pub struct TokenBuilder {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl TokenBuilder {
    /// A token of `issuer` for `audience`, signed at `now`, valid for fifteen minutes, without scope.
    pub fn new(issuer: &str, audience: &str, now: Timestamp) -> Self {
        let mut header = Map::new();
        header.insert("alg".to_owned(), json!("RS256"));
        header.insert("typ".to_owned(), json!("at+jwt"));
        let now = now.seconds();
        let claims = json!({
            "iss": issuer, "sub": "3f2c3a4e-0000-4000-8000-000000000001", "aud": audience,
            "exp": now + 900, "iat": now, "nbf": now, "jti": "token-1", "client_id": "tests", "scope": "",
            "roles": [], "preferred_username": "tester", "type": "access", "fresh": true,
        });
        let claims = claims.as_object().cloned().unwrap_or_default();
        Self { header, claims }
    }

    /// Sets a claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a claim out.
    pub fn without_claim(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets a member of the header.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// Sets what the token allows.
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// The token, signed with `key`, under the name of that key unless the header says another.
    pub fn sign(&self, key: &TestKey) -> String {
        let mut header = self.header.clone();
        header.entry("kid").or_insert_with(|| json!(key.kid()));
        let payload = Value::Object(self.claims.clone()).to_string();
        Self::sign_parts(&Value::Object(header).to_string(), &payload, key)
    }

    /// A token of exactly these texts.
    pub fn sign_parts(header: &str, payload: &str, key: &TestKey) -> String {
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()));
        format!("{input}.{signature}")
    }
}
