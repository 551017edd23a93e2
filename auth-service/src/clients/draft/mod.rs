//! The rules of a registration, the same on the command line, for administrators, and for clients themselves.

mod read;
mod rules;

use std::fmt;
use std::time::Duration;

use ring::digest::{SHA256, digest};
use shared::clock::Timestamp;
use shared::http::FieldError;
use shared::random::Random;

use self::rules::{Complaints, keys};
use super::{Authentication, Client, ClientId, GrantType, RedirectUri};

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
            grant_types,
            scope,
            resources: once(self.resources),
            first_party: self.first_party,
            pushed_only: self.pushed_only,
            access_token_ttl: self.access_token_ttl,
            refresh_token_ttl: self.refresh_token_ttl,
            created_at: now.millis(),
            self_registered: false,
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
}

/// A secret as it is kept.
pub fn secret_of(secret: &str) -> Authentication {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    Authentication::Secret(hash)
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

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};
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
    fn keys_are_few_and_cheap_to_check() {
        let jwk = |bits: usize| {
            let mut modulus = vec![0xff; bits.div_ceil(8)];
            // Of an uneven number of bits, the first byte holds fewer.
            modulus[0] >>= modulus.len() * 8 - bits;
            let mut jwk = TestKey::a().jwk();
            (jwk["n"], jwk["kid"]) = (json!(URL_SAFE_NO_PAD.encode(modulus)), json!(format!("k{bits}")));
            jwk
        };
        let complaint = |keys: Vec<Value>| {
            let proof = Proof::Keys(json!({ "keys": keys }).to_string());
            let completed =
                Draft { proof, ..draft() }.complete(&SystemRandom::new(), Timestamp::from_seconds(1));
            completed.err().map(|errors| format!("{} {}", errors[0].field, errors[0].message))
        };
        assert_eq!(complaint(vec![jwk(2048), jwk(3072), jwk(4096)]), None);
        for bits in [1024, 2047, 4097, 8192] {
            let told = format!("jwks has an RSA key of {bits} bits (keys[1]), and must have 2048 to 4096");
            assert_eq!(complaint(vec![jwk(2048), jwk(bits)]), Some(told));
        }
        assert_eq!(complaint((2048..2053).map(jwk).collect()), None);
        let told = complaint((2048..2054).map(jwk).collect());
        assert_eq!(told.as_deref(), Some("jwks must hold at most 5 keys"));
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
