//! The rules of a registration, the same on the command line, for administrators, and for clients themselves.

use std::fmt;
use std::time::Duration;

use ring::digest::{SHA256, digest};
use serde_json::Value;
use shared::clock::Timestamp;
use shared::http::{FieldError, Fields, Invalid};
use shared::jwks::KeySnapshot;
use shared::random::Random;

use super::{Authentication, Client, ClientId, GrantType, RedirectUri};
use crate::config::resource;
use crate::tokens::scope;

const MAX_NAME: usize = 100;
const MAX_JWKS: usize = 32 * 1024;
/// Entries of a list: more than any client has, and few enough for the tables.
const MAX_ENTRIES: usize = 25;
/// All resources of a client together, since a session may be for all of them.
const MAX_RESOURCES: usize = 512;
/// What the table holds of an origin.
const MAX_ORIGIN: usize = 255;
const MAX_TTL: Duration = Duration::from_secs(365 * 24 * 3600);
/// Members of private and symmetric keys (RFC 7518 §6): whoever sends one has given it away.
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

/// A client that is to be registered, or changed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its name; by default a random one.
    pub id: Option<ClientId>,
    /// What people are shown.
    pub name: String,
    /// How it proves who it is.
    pub proof: Proof,
    /// Where codes may be sent.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where people may be sent after they signed out.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// The grants that it may use; by default what its redirect URIs are for.
    pub grant_types: Option<Vec<GrantType>>,
    /// The most that it may ask for; by default all but administration.
    pub scope: Option<String>,
    /// The resources that it may name.
    pub resources: Vec<String>,
    /// Whether it is the operator's own.
    pub first_party: bool,
    /// Whether it must push its requests.
    pub pushed_only: bool,
    /// How long its access tokens last, where that differs.
    pub access_token_ttl: Option<Duration>,
    /// How long its sessions last, where that differs.
    pub refresh_token_ttl: Option<Duration>,
}

/// How a client is to prove who it is.
#[derive(Clone, Debug)]
pub enum Proof {
    /// Not at all.
    None,
    /// By a secret that we make.
    NewSecret,
    /// By a key of this JWK set.
    Keys(String),
    /// As it does.
    Same(Authentication),
}

/// A client that keeps all rules, and its new secret, which is nowhere else.
pub struct Registered {
    /// The client.
    pub client: Client,
    /// Its secret, to be shown once.
    pub secret: Option<String>,
}

/// Shows no secret.
impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered").field("client", &self.client).finish_non_exhaustive()
    }
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            id: None,
            name: String::new(),
            proof: Proof::NewSecret,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            grant_types: None,
            scope: None,
            resources: Vec::new(),
            first_party: false,
            pushed_only: false,
            access_token_ttl: None,
            refresh_token_ttl: None,
        }
    }
}

impl From<Client> for Draft {
    fn from(client: Client) -> Self {
        Self {
            id: Some(client.id),
            name: client.name,
            proof: Proof::Same(client.authentication),
            redirect_uris: client.redirect_uris,
            post_logout_redirect_uris: client.post_logout_redirect_uris,
            grant_types: Some(client.grant_types),
            scope: Some(client.scope),
            resources: client.resources,
            first_party: client.first_party,
            pushed_only: client.pushed_only,
            access_token_ttl: client.access_token_ttl,
            refresh_token_ttl: client.refresh_token_ttl,
        }
    }
}

impl Draft {
    /// Takes what clients may say of themselves (RFC 7591 §2) out of `fields`, where it is there.
    ///
    /// # Errors
    /// A member is wrong; which one, `fields` remembers.
    pub fn read(&mut self, fields: &mut Fields) -> Result<(), Invalid> {
        let name = fields.optional_text("client_name", |text| Ok(text.to_owned()));
        let redirect_uris = list(fields, "redirect_uris", |text| text.parse().map_err(str::to_owned));
        let afterwards =
            list(fields, "post_logout_redirect_uris", |text| text.parse().map_err(str::to_owned));
        let grants = list(fields, "grant_types", str::parse);
        let responses = list(fields, "response_types", |text| match text {
            "code" => Ok(()),
            _ => Err("must be code".to_owned()),
        });
        let scope = fields.optional_text("scope", |text| Ok(text.to_owned()));
        let pushed = "require_pushed_authorization_requests";
        let pushed_only = fields.optional(pushed, "must be true or false");
        replace(&mut self.name, name?);
        replace(&mut self.redirect_uris, redirect_uris?);
        replace(&mut self.post_logout_redirect_uris, afterwards?);
        self.grant_types = grants?.or(self.grant_types.take());
        self.scope = scope?.or(self.scope.take());
        replace(&mut self.pushed_only, pushed_only?);
        responses?;
        Ok(())
    }

    /// Takes what only the operator may say of a client out of `fields`, where it is there; `null` for a lifetime is the
    /// usual one.
    ///
    /// # Errors
    /// As [`Draft::read`].
    pub fn read_operators(&mut self, fields: &mut Fields) -> Result<(), Invalid> {
        let resources = list(fields, "resources", resource);
        let first_party = fields.optional("first_party", "must be true or false");
        let mut ttl = |name| fields.optional::<Option<u64>>(name, "must be a number of seconds");
        let (access, refresh) = (ttl("access_token_ttl"), ttl("refresh_token_ttl"));
        replace(&mut self.resources, resources?);
        replace(&mut self.first_party, first_party?);
        replace(&mut self.access_token_ttl, access?.map(|ttl| ttl.map(Duration::from_secs)));
        replace(&mut self.refresh_token_ttl, refresh?.map(|ttl| ttl.map(Duration::from_secs)));
        Ok(())
    }

    /// Takes how a client proves who it is out of `fields`. One that has a secret or keys keeps them where nothing else is
    /// said.
    ///
    /// # Errors
    /// As [`Draft::read`].
    pub fn read_proof(&mut self, fields: &mut Fields) -> Result<(), Invalid> {
        let method = fields.optional_text("token_endpoint_auth_method", |text| match text {
            "none" | "client_secret_basic" | "client_secret_post" | "private_key_jwt" => Ok(text.to_owned()),
            _ => Err("must be none, client_secret_basic, client_secret_post or private_key_jwt".to_owned()),
        });
        let jwks = fields.optional::<Value>("jwks", "must be a JWK set");
        let elsewhere = fields.optional::<Value>("jwks_uri", "must be text");
        let (method, jwks) = (method?, jwks?);
        if elsewhere?.is_some() {
            return Err(fields.complain("jwks_uri", "is not fetched: send the keys themselves as jwks"));
        }
        let has_keys = matches!(self.proof, Proof::Same(Authentication::PrivateKey { .. }));
        let has_secret = matches!(self.proof, Proof::Same(Authentication::Secret(_)));
        match (method.as_deref(), jwks) {
            (Some("private_key_jwt"), Some(jwks)) => self.proof = Proof::Keys(jwks.to_string()),
            (None, Some(jwks)) if has_keys => self.proof = Proof::Keys(jwks.to_string()),
            (Some("private_key_jwt"), None) if has_keys => {}
            (Some("private_key_jwt"), None) => return Err(fields.complain("jwks", "is required")),
            (_, Some(_)) => return Err(fields.complain("jwks", "is for private_key_jwt")),
            (Some("none"), None) => self.proof = Proof::None,
            (Some(_), None) if !has_secret => self.proof = Proof::NewSecret,
            (_, None) => {}
        }
        Ok(())
    }

    /// The client, if it keeps all rules.
    ///
    /// # Errors
    /// Each rule that it breaks.
    pub fn complete(self, random: &dyn Random, now: Timestamp) -> Result<Registered, Vec<FieldError>> {
        let mut complaints = Complaints::default();
        let for_people = !self.redirect_uris.is_empty();
        let asked = self.grant_types.clone().unwrap_or_else(|| match for_people {
            true => vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            false => vec![GrantType::ClientCredentials],
        });
        let grant_types: Vec<_> = GrantType::ALL.into_iter().filter(|grant| asked.contains(grant)).collect();
        let (authentication, secret) = self.authentication(random, &mut complaints);
        self.check_grants(&grant_types, matches!(authentication, Authentication::None), &mut complaints);
        self.check_texts(&mut complaints);
        self.check_ttls(&mut complaints);
        let scope = self.scope(&grant_types, &mut complaints);
        if !complaints.0.is_empty() {
            return Err(complaints.0);
        }
        let client = Client {
            id: self.id.unwrap_or_else(|| ClientId::random(random)),
            name: self.name.trim().to_owned(),
            authentication,
            redirect_uris: once(self.redirect_uris),
            post_logout_redirect_uris: once(self.post_logout_redirect_uris),
            grant_types: once(grant_types),
            scope,
            resources: once(self.resources),
            first_party: self.first_party,
            pushed_only: self.pushed_only,
            access_token_ttl: self.access_token_ttl,
            refresh_token_ttl: self.refresh_token_ttl,
            created_at: now.millis(),
        };
        Ok(Registered { client, secret })
    }

    fn authentication(
        &self,
        random: &dyn Random,
        complaints: &mut Complaints,
    ) -> (Authentication, Option<String>) {
        match &self.proof {
            Proof::None => (Authentication::None, None),
            Proof::Same(authentication) => (authentication.clone(), None),
            Proof::NewSecret => {
                let secret = random.text::<32>();
                (secret_of(&secret), Some(secret))
            }
            Proof::Keys(jwks) => match keys(jwks) {
                Ok(keys) => (Authentication::PrivateKey { jwks: jwks.clone(), keys }, None),
                Err(problem) => {
                    complaints.add("jwks", problem);
                    (Authentication::None, None)
                }
            },
        }
    }

    fn check_grants(&self, grants: &[GrantType], is_public: bool, complaints: &mut Complaints) {
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

    fn check_texts(&self, complaints: &mut Complaints) {
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

    fn check_ttls(&self, complaints: &mut Complaints) {
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

    fn scope(&self, grants: &[GrantType], complaints: &mut Complaints) -> String {
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

/// A secret as it is kept.
pub fn secret_of(secret: &str) -> Authentication {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    Authentication::Secret(hash)
}

fn keys(jwks: &str) -> Result<KeySnapshot, String> {
    if jwks.len() > MAX_JWKS {
        return Err("must be at most 32 KiB".to_owned());
    }
    let set: Value = serde_json::from_str(jwks).map_err(|_| "must be a JWK set".to_owned())?;
    let keys = set.get("keys").and_then(Value::as_array).into_iter().flatten();
    let mut members = keys.filter_map(Value::as_object).flat_map(|key| key.keys());
    if members.any(|member| PRIVATE.contains(&member.as_str())) {
        return Err(
            "has a private key in it, which is known to others now: make another, and send its public half"
                .to_owned(),
        );
    }
    KeySnapshot::parse(jwks.as_bytes()).map_err(|error| format!("cannot be used: {error}"))
}

/// Control characters, and those that turn the direction of what is around them or are nothing to see: with them, one name
/// looks like another on the page where people decide whom they trust.
fn is_unseen(character: char) -> bool {
    let turns = matches!(character, '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    character.is_control() || turns || character == '\u{feff}'
}

/// Each entry once.
fn once<T: PartialEq>(entries: Vec<T>) -> Vec<T> {
    let mut unique = Vec::with_capacity(entries.len());
    for entry in entries {
        if !unique.contains(&entry) {
            unique.push(entry);
        }
    }
    unique
}

/// A list of texts, where it is there.
fn list<T>(
    fields: &mut Fields,
    name: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<Vec<T>>, Invalid> {
    let Some(texts) = fields.optional::<Vec<String>>(name, "must be an array of strings")? else {
        return Ok(None);
    };
    let parsed: Result<Vec<_>, String> = texts.iter().map(|text| parse(text)).collect();
    parsed.map(Some).map_err(|problem| fields.complain(name, problem))
}

fn replace<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// What is wrong with a draft.
#[derive(Debug, Default)]
struct Complaints(Vec<FieldError>);

impl Complaints {
    fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(FieldError { field: field.to_owned(), message: message.into() });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::random::SystemRandom;
    use shared::testing::TestKey;

    use super::*;

    fn complete(draft: Draft) -> Result<Registered, Vec<String>> {
        let completed = draft.complete(&SystemRandom::new(), Timestamp::from_seconds(1));
        completed.map_err(|errors| errors.into_iter().map(|error| error.field).collect())
    }

    fn draft() -> Draft {
        let redirect_uris = vec!["https://app.example/cb".parse().unwrap()];
        Draft { name: "App".to_owned(), redirect_uris, ..Draft::default() }
    }

    #[test]
    fn what_is_left_out_follows_from_what_is_there() {
        let people = complete(draft()).unwrap();
        assert_eq!(people.client.grant_types, [GrantType::AuthorizationCode, GrantType::RefreshToken]);
        assert!(people.client.id.as_str().starts_with("c-") && people.secret.is_some());
        let machine = complete(Draft { redirect_uris: Vec::new(), ..draft() }).unwrap();
        assert_eq!(machine.client.grant_types, [GrantType::ClientCredentials]);
        assert_eq!(machine.client.scope, "books:read books:write");
        assert!(complete(Draft { proof: Proof::None, ..draft() }).unwrap().secret.is_none());
    }

    #[test]
    fn each_rule_is_named_by_its_field() {
        let code = Some(vec![GrantType::AuthorizationCode]);
        let machine = Some(vec![GrantType::ClientCredentials]);
        let hour = Duration::from_secs(3600);
        for (field, bad) in [
            ("client_name", Draft { name: " ".to_owned(), ..draft() }),
            ("client_name", Draft { name: "a\nb".to_owned(), ..draft() }),
            ("client_name", Draft { name: "a".repeat(101), ..draft() }),
            ("redirect_uris", Draft { redirect_uris: Vec::new(), grant_types: code, ..draft() }),
            ("grant_types", Draft { proof: Proof::None, grant_types: machine, ..draft() }),
            ("grant_types", Draft { grant_types: Some(vec![GrantType::RefreshToken]), ..draft() }),
            ("scope", Draft { scope: Some("openid unheard:of".to_owned()), ..draft() }),
            ("access_token_ttl", Draft { access_token_ttl: Some(Duration::ZERO), ..draft() }),
            ("refresh_token_ttl", Draft { refresh_token_ttl: Some(hour * 24 * 366), ..draft() }),
            ("jwks", Draft { proof: Proof::Keys("{}".to_owned()), ..draft() }),
        ] {
            assert_eq!(complete(bad.clone()).err(), Some(vec![field.to_owned()]), "{bad:?}");
        }
    }

    #[test]
    fn a_private_key_is_not_taken() {
        let mut jwk = TestKey::a().jwk();
        let set = |jwk: &Value| Proof::Keys(json!({"keys": [jwk]}).to_string());
        assert!(complete(Draft { proof: set(&jwk), ..draft() }).is_ok());
        jwk["d"] = json!("AQAB");
        assert_eq!(complete(Draft { proof: set(&jwk), ..draft() }).err(), Some(vec!["jwks".to_owned()]));
    }
}
