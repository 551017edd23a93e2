use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::key::TestKey;
use crate::clock::Timestamp;
use crate::token::{Claims, Rejection};

/// A valid access token (RFC 9068) that tests bend as they need: each member of header and claims can be replaced,
/// dropped, written twice, or be any text.
#[derive(Clone, Debug)]
pub struct TokenBuilder {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    /// Members as they are written, behind the others.
    more_header: String,
    more_claims: String,
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
        Self { header, claims, more_header: String::new(), more_claims: String::new() }
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

    /// Leaves a member of the header out.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.remove(name);
        self
    }

    /// Writes a claim as this JSON, or as what is none; one of this name that is there already stays there.
    pub fn raw_claim(mut self, name: &str, json: &str) -> Self {
        self.more_claims.push_str(&format!(",\"{name}\":{json}"));
        self
    }

    /// Writes a member of the header as this JSON; one of this name that is there already stays there.
    pub fn raw_header(mut self, name: &str, json: &str) -> Self {
        self.more_header.push_str(&format!(",\"{name}\":{json}"));
        self
    }

    /// Sets what the token allows.
    pub fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// The token, signed with `key`, under the name of that key unless the header says another.
    pub fn sign(&self, key: &TestKey) -> String {
        let (header, payload) = self.parts(key.kid());
        Self::sign_parts(&header, &payload, key)
    }

    /// The texts of header and payload, with this key name unless the header says another.
    pub fn parts(&self, kid: &str) -> (String, String) {
        let mut header = self.header.clone();
        header.entry("kid").or_insert_with(|| json!(kid));
        let text = |members: Map<String, Value>, more: &str| {
            let text = Value::Object(members).to_string();
            format!("{}{more}}}", text.strip_suffix('}').unwrap_or(&text))
        };
        (text(header, &self.more_header), text(self.claims.clone(), &self.more_claims))
    }

    /// What the token says, for the test of a handler without a guard.
    ///
    /// # Errors
    /// It would be refused.
    pub fn claims(&self) -> Result<Claims, Rejection> {
        Claims::parse(self.parts("").1.into_bytes())
    }

    /// A token of exactly these texts.
    pub fn sign_parts(header: &str, payload: &str, key: &TestKey) -> String {
        let input = signing_input(header, payload);
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes())))
    }
}

/// What the signature of a token of these texts covers.
pub(super) fn signing_input(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}
