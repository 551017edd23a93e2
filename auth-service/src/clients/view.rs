//! A client as it is told to others, by the names of RFC 7591 §2.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Authentication, Client, GrantType, RedirectUri};

/// A registered client.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "client_id": "reading-list", "client_id_issued_at": 1795863833, "client_name": "Reading list",
    "redirect_uris": ["https://app.example/callback"], "post_logout_redirect_uris": [],
    "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
    "scope": "openid profile books:read", "token_endpoint_auth_method": "none", "resources": [],
    "first_party": false, "require_pushed_authorization_requests": false
}))]
pub struct ClientView {
    /// Its name.
    client_id: String,
    /// Its secret, the only time that it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// 0: the secret does not expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret_expires_at: Option<u8>,
    /// When it was registered, in seconds since 1970.
    client_id_issued_at: i64,
    /// What people are shown.
    client_name: String,
    /// Where codes may be sent.
    redirect_uris: Vec<String>,
    /// Where people may be sent after they signed out.
    post_logout_redirect_uris: Vec<String>,
    /// The grants that it may use.
    grant_types: Vec<&'static str>,
    /// What it may ask the authorization endpoint for.
    response_types: Vec<&'static str>,
    /// The most that it may ask for.
    scope: String,
    /// How it proves who it is.
    token_endpoint_auth_method: &'static str,
    /// Its public keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    jwks: Option<Value>,
    /// The resources that it may name (RFC 8707).
    resources: Vec<String>,
    /// Whether it is the operator's own: people are not asked.
    first_party: bool,
    /// Whether it must push its requests (RFC 9126).
    require_pushed_authorization_requests: bool,
    /// Seconds that its access tokens last, where that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token_ttl: Option<u64>,
    /// Seconds that its sessions last, where that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token_ttl: Option<u64>,
}

impl From<Client> for ClientView {
    fn from(client: Client) -> Self {
        let texts = |uris: &[RedirectUri]| uris.iter().map(|uri| uri.as_str().to_owned()).collect();
        let jwks = match &client.authentication {
            Authentication::PrivateKey { jwks, .. } => serde_json::from_str(jwks).ok(),
            Authentication::None | Authentication::Secret(_) => None,
        };
        let code = client.may_use(GrantType::AuthorizationCode);
        Self {
            client_secret: None,
            client_secret_expires_at: None,
            client_id_issued_at: client.created_at / 1000,
            redirect_uris: texts(&client.redirect_uris),
            post_logout_redirect_uris: texts(&client.post_logout_redirect_uris),
            grant_types: client.grant_types.iter().map(|grant| grant.as_str()).collect(),
            response_types: if code { vec!["code"] } else { Vec::new() },
            token_endpoint_auth_method: client.authentication.method(),
            jwks,
            access_token_ttl: client.access_token_ttl.map(|ttl| ttl.as_secs()),
            refresh_token_ttl: client.refresh_token_ttl.map(|ttl| ttl.as_secs()),
            client_id: client.id.into(),
            client_name: client.name,
            scope: client.scope,
            resources: client.resources,
            first_party: client.first_party,
            require_pushed_authorization_requests: client.pushed_only,
        }
    }
}

impl ClientView {
    /// The same with its new secret.
    pub fn with_secret(self, secret: Option<String>) -> Self {
        let expires = secret.is_some().then_some(0);
        Self { client_secret: secret, client_secret_expires_at: expires, ..self }
    }
}

/// Shows no secret.
impl fmt::Debug for ClientView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientView").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
