//! The members of a client as the OpenAPI document has them. [`Draft`](super::draft::Draft) reads them.

use serde_json::Value;
use utoipa::ToSchema;

/// What is registered of a client (RFC 7591 §2), and what only the operator may say of it. What is left out has its usual
/// value, or stays as it is.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "client_name": "Reading list", "redirect_uris": ["https://app.example/callback"], "scope": "openid books:read"
}))]
pub struct ClientMembers {
    /// What people are shown: 1 to 100 characters.
    pub client_name: Option<String>,
    /// Where codes may be sent.
    pub redirect_uris: Option<Vec<String>>,
    /// Where people may be sent after they signed out.
    pub post_logout_redirect_uris: Option<Vec<String>>,
    /// `authorization_code`, `refresh_token`, `client_credentials`, `urn:ietf:params:oauth:grant-type:device_code`.
    pub grant_types: Option<Vec<String>>,
    /// `code`.
    pub response_types: Option<Vec<String>>,
    /// The most that it may ask for, with spaces between.
    pub scope: Option<String>,
    /// `none`, `client_secret_basic`, `client_secret_post` or `private_key_jwt`.
    pub token_endpoint_auth_method: Option<String>,
    /// Its public keys (RFC 7517 §5), for `private_key_jwt`.
    #[schema(value_type = Option<Object>)]
    pub jwks: Option<Value>,
    /// Whether it must push its requests (RFC 9126).
    pub require_pushed_authorization_requests: Option<bool>,
    /// The resources that it may name (RFC 8707).
    pub resources: Option<Vec<String>>,
    /// Whether it is the operator's own: people are not asked.
    pub first_party: Option<bool>,
    /// Seconds that its access tokens last; `null` for the usual time.
    pub access_token_ttl: Option<u64>,
    /// Seconds that its sessions last; `null` for the usual time.
    pub refresh_token_ttl: Option<u64>,
}
