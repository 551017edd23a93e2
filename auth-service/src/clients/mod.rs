//! The programs that may ask for tokens: what is registered of them.

pub mod built_in;
pub mod change;
mod client_id;
pub mod draft;
mod grant_type;
pub mod members;
mod redirect_uri;
pub mod store;
mod view;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::database::retry_read;
use shared::jwks::KeySnapshot;

use crate::entity::client::Model;
use crate::error::Error;
use crate::state::App;

pub use self::client_id::ClientId;
pub use self::grant_type::GrantType;
pub use self::redirect_uri::RedirectUri;
pub use self::view::ClientView;

/// A client as it is registered.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its `client_id`.
    pub id: ClientId,
    /// What people are shown.
    pub name: String,
    /// How it proves who it is.
    pub authentication: Authentication,
    /// Where codes may be sent.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where people may be sent after they signed out.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// The grants that it may use.
    pub grant_types: Vec<GrantType>,
    /// The most that it may ask for: names with spaces between them.
    pub scope: String,
    /// The resources that it may name (RFC 8707).
    pub resources: Vec<String>,
    /// Whether it is the operator's own: people are not asked.
    pub first_party: bool,
    /// Whether it must push its authorization requests (RFC 9126 §6).
    pub pushed_only: bool,
    /// How long its access tokens last, where that differs.
    pub access_token_ttl: Option<Duration>,
    /// How long its sessions last, where that differs.
    pub refresh_token_ttl: Option<Duration>,
    /// When it was registered, in milliseconds since 1970.
    pub created_at: i64,
    /// Whether it has registered itself (RFC 7591): then nobody here has checked what it says of itself.
    pub self_registered: bool,
}

/// How a client proves who it is at the token endpoint (RFC 7591 §2, `token_endpoint_auth_method`).
#[derive(Clone, Debug)]
pub enum Authentication {
    /// Not at all: it runs where it can keep no secret, and PKCE stands in for it.
    None,
    /// `client_secret_basic` or `client_secret_post`: it may send the secret either way. Kept as SHA-256.
    Secret([u8; 32]),
    /// `private_key_jwt` (RFC 7523): it signs with one of these keys.
    PrivateKey {
        /// The set as it was registered.
        jwks: String,
        /// What of it can be used.
        keys: KeySnapshot,
    },
}

impl Authentication {
    /// Its registered name.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Secret(_) => "client_secret_basic",
            Self::PrivateKey { .. } => "private_key_jwt",
        }
    }
}

/// What a table holds is no client that we know how to deal with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client {id} is registered with a {what} that cannot be read")]
pub struct Unreadable {
    id: String,
    what: &'static str,
}

/// The client of that name, as whoever wrote it. What can be no name of a client is none.
///
/// # Errors
/// The database's, or what is registered cannot be read.
pub async fn find(app: &App, id: &str) -> Result<Option<Client>, Error> {
    if let Some(client) = built_in::find(&app.config, id) {
        return Ok(Some(client));
    }
    let Ok(id) = id.parse() else { return Ok(None) };
    retry_read(|| store::find(&app.database, &id)).await
}

impl Client {
    /// Whether it may use this grant.
    pub fn may_use(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// Whether it can keep a secret, and so prove who it is.
    pub const fn is_confidential(&self) -> bool {
        !matches!(self.authentication, Authentication::None)
    }

    /// Whether no operator vouches for who it is: it is public, or has registered itself.
    pub const fn is_unvouched(&self) -> bool {
        self.self_registered || !self.is_confidential()
    }

    /// Whether an answer that goes to this address cannot be had by another program: the client proves who it is when it
    /// redeems the code, or the address is its own by TLS. Any program on a machine can listen on its loopback interface or
    /// take a scheme (RFC 8252 §8.6), so there people are asked each time. But where we sit ourselves, no other program does.
    pub fn is_assured_at(&self, redirect_uri: &str) -> bool {
        let is_ours = self.id.as_str() == built_in::PAGES;
        self.is_confidential() || is_ours || redirect_uri.starts_with("https://")
    }

    /// The origins of its pages.
    pub fn origins(&self) -> Vec<String> {
        let mut origins: Vec<_> = self.redirect_uris.iter().filter_map(RedirectUri::origin).collect();
        origins.sort_unstable();
        origins.dedup();
        origins
    }
}

impl TryFrom<Model> for Client {
    type Error = Unreadable;

    fn try_from(row: Model) -> Result<Self, Unreadable> {
        let unreadable = |what| Unreadable { id: row.id.clone(), what };
        let addresses = |json: &str, what| {
            let texts: Vec<String> = serde_json::from_str(json).map_err(|_| unreadable(what))?;
            texts.iter().map(|text| text.parse().map_err(|_| unreadable(what))).collect::<Result<Vec<_>, _>>()
        };
        let span = |seconds: Option<i64>| seconds.map(|seconds| Duration::from_secs(seconds.unsigned_abs()));
        Ok(Self {
            id: row.id.parse().map_err(|_| unreadable("name"))?,
            authentication: authentication(&row).ok_or_else(|| unreadable("way to prove who it is"))?,
            redirect_uris: addresses(&row.redirect_uris, "redirect URI")?,
            post_logout_redirect_uris: addresses(
                &row.post_logout_redirect_uris,
                "redirect URI after logout",
            )?,
            grant_types: row.grant_types.split(' ').filter_map(|name| name.parse().ok()).collect(),
            resources: serde_json::from_str(&row.resources).map_err(|_| unreadable("resource"))?,
            access_token_ttl: span(row.access_token_ttl),
            refresh_token_ttl: span(row.refresh_token_ttl),
            name: row.name,
            scope: row.scope,
            first_party: row.first_party,
            pushed_only: row.pushed_only,
            created_at: row.created_at,
            self_registered: row.review_at.is_some(),
        })
    }
}

fn authentication(row: &Model) -> Option<Authentication> {
    match row.auth_method.as_str() {
        "none" => Some(Authentication::None),
        "client_secret_basic" => {
            let hash = URL_SAFE_NO_PAD.decode(row.secret_hash.as_deref()?).ok()?;
            hash.try_into().ok().map(Authentication::Secret)
        }
        "private_key_jwt" => {
            let jwks = row.jwks.clone()?;
            let keys = KeySnapshot::parse(jwks.as_bytes()).ok()?;
            Some(Authentication::PrivateKey { jwks, keys })
        }
        _ => None,
    }
}
