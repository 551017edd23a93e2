//! What a registration must be, with one complaint for each rule that it breaks.

use std::ops::RangeInclusive;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use shared::http::FieldError;
use shared::jwks::KeySnapshot;

use super::super::{GrantType, RedirectUri};
use super::Draft;
use crate::text::is_unseen;
use crate::tokens::scope;

const MAX_NAME: usize = 100;
const MAX_JWKS: usize = 32 * 1024;
/// Keys of a client: the current one, the next, and room for those of a few machines.
const MAX_KEYS: usize = 5;
/// Bits of an RSA key. What a signature costs to check grows with them, and who asks to have one checked has proved nothing yet.
const KEY_BITS: RangeInclusive<usize> = 2048..=4096;
/// Entries of a list: more than any client has, and few enough for the tables.
const MAX_ENTRIES: usize = 25;
/// All resources of a client together, since a session may be for all of them.
const MAX_RESOURCES: usize = 512;
/// What the table holds of an origin.
const MAX_ORIGIN: usize = 255;
const MAX_TTL: Duration = Duration::from_secs(365 * 24 * 3600);
/// Members of private and symmetric keys (RFC 7518 §6): whoever sends one has given it away.
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

/// What is wrong with a draft.
#[derive(Debug, Default)]
pub(super) struct Complaints(pub(super) Vec<FieldError>);

impl Complaints {
    pub(super) fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(FieldError { field: field.to_owned(), message: message.into() });
    }
}

impl Draft {
    pub(super) fn check_grants(&self, grants: &[GrantType], is_public: bool, complaints: &mut Complaints) {
        let may = |grant| grants.contains(&grant);
        if may(GrantType::AuthorizationCode) && self.redirect_uris.is_empty() {
            complaints.add("redirect_uris", "is required for the grant authorization_code");
        }
        if may(GrantType::ClientCredentials) && is_public {
            complaints.add("grant_types", "client_credentials is for clients with a secret or a key");
        }
        if !grants.iter().any(|grant| *grant != GrantType::RefreshToken) {
            complaints.add("grant_types", "must be at least one beside refresh_token");
        }
    }

    pub(super) fn check_texts(&self, complaints: &mut Complaints) {
        let name = self.name.trim();
        let length = name.chars().count();
        if !(1..=MAX_NAME).contains(&length) || name.chars().any(is_unseen) {
            complaints.add("client_name", "must be 1 to 100 characters, none of them a control character");
        }
        for (field, length) in [
            ("redirect_uris", self.redirect_uris.len()),
            ("post_logout_redirect_uris", self.post_logout_redirect_uris.len()),
        ] {
            if length > MAX_ENTRIES {
                complaints.add(field, "must be at most 25");
            }
        }
        let too_long = |uri: &RedirectUri| uri.origin().is_some_and(|origin| origin.len() > MAX_ORIGIN);
        if self.redirect_uris.iter().any(too_long) {
            complaints.add("redirect_uris", "must have hosts with names of at most 253 characters");
        }
        if self.resources.iter().map(|resource| resource.len() + 1).sum::<usize>() > MAX_RESOURCES {
            complaints.add("resources", "must be at most 512 characters together");
        }
    }

    pub(super) fn check_ttls(&self, complaints: &mut Complaints) {
        let good =
            |ttl: Option<Duration>| ttl.is_none_or(|ttl| ttl >= Duration::from_secs(1) && ttl <= MAX_TTL);
        for (name, ttl) in
            [("access_token_ttl", self.access_token_ttl), ("refresh_token_ttl", self.refresh_token_ttl)]
        {
            if !good(ttl) {
                complaints.add(name, "must be from one second to a year");
            }
        }
        if let (Some(access), Some(session)) = (self.access_token_ttl, self.refresh_token_ttl)
            && access > session
        {
            complaints.add("access_token_ttl", "must not be longer than refresh_token_ttl");
        }
    }

    pub(super) fn scope(&self, grants: &[GrantType], complaints: &mut Complaints) -> String {
        let Some(asked) = &self.scope else {
            let for_people = grants.iter().any(|grant| *grant != GrantType::ClientCredentials);
            return match for_people {
                true => "openid profile offline_access books:read books:write".to_owned(),
                false => "books:read books:write".to_owned(),
            };
        };
        if let Some(unknown) = asked.split_whitespace().find(|name| !scope::ALL.contains(name)) {
            let unknown: String = unknown.chars().take(64).collect();
            complaints.add("scope", format!("{unknown:?} is none of {}", scope::ALL.join(" ")));
        }
        asked.split_whitespace().fold(String::new(), |list, name| scope::union(&list, name))
    }
}

pub(super) fn keys(jwks: &str) -> Result<KeySnapshot, String> {
    if jwks.len() > MAX_JWKS {
        return Err("must be at most 32 KiB".to_owned());
    }
    let set: Value = serde_json::from_str(jwks).map_err(|_| "must be a JWK set".to_owned())?;
    let entries = set.get("keys").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut members = entries.iter().filter_map(Value::as_object).flat_map(|key| key.keys());
    if members.any(|member| PRIVATE.contains(&member.as_str())) {
        return Err(
            "has a private key in it, which is known to others now: make another, and send its public half"
                .to_owned(),
        );
    }
    if entries.len() > MAX_KEYS {
        return Err(format!("must hold at most {MAX_KEYS} keys"));
    }
    for (index, entry) in entries.iter().enumerate() {
        if let Some(bits) = rsa_bits(entry).filter(|bits| !KEY_BITS.contains(bits)) {
            let (least, most) = KEY_BITS.into_inner();
            return Err(format!(
                "has an RSA key of {bits} bits (keys[{index}]), and must have {least} to {most}"
            ));
        }
    }
    KeySnapshot::parse(jwks.as_bytes()).map_err(|error| format!("cannot be used: {error}"))
}

/// The length of an RSA modulus; `None`: it is no RSA key, or none that can be read.
fn rsa_bits(entry: &Value) -> Option<usize> {
    let is_rsa = entry.get("kty").and_then(Value::as_str) == Some("RSA");
    let modulus = URL_SAFE_NO_PAD.decode(entry.get("n").filter(|_| is_rsa)?.as_str()?).ok()?;
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let first = modulus.get(zeros)?;
    Some((modulus.len() - zeros) * 8 - first.leading_zeros() as usize)
}
