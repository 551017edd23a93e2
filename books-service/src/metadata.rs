//! `GET /.well-known/oauth-protected-resource`

use axum::extract::State;
use serde::Serialize;
use shared::http::Json;
use url::Url;
use utoipa::ToSchema;

use crate::state::AppState;

/// Where the metadata is, on the service's own URL (RFC 9728 §3.1).
pub(crate) fn address(public_url: &Url) -> Url {
    let mut url = public_url.clone();
    url.set_path("/.well-known/oauth-protected-resource");
    url
}

/// Metadata of a protected resource (RFC 9728 §2).
#[derive(Debug, Serialize, ToSchema)]
pub struct Metadata {
    /// The URL of the service.
    resource: String,
    /// Whose tokens it takes.
    authorization_servers: [String; 1],
    /// What tokens may allow here.
    scopes_supported: [&'static str; 2],
    /// Where it looks for tokens.
    bearer_methods_supported: [&'static str; 1],
    /// What it is called.
    resource_name: &'static str,
}

/// Tells clients whose tokens to bring.
#[utoipa::path(
    get, path = "/.well-known/oauth-protected-resource", tag = "description",
    responses((status = 200, description = "RFC 9728 metadata", body = Metadata))
)]
pub async fn metadata(State(app): State<AppState>) -> Json<Metadata> {
    Json(Metadata {
        resource: app.config.public_url.as_str().trim_end_matches('/').to_owned(),
        authorization_servers: [app.config.jwks.issuer.as_str().to_owned()],
        scopes_supported: ["books:read", "books:write"],
        bearer_methods_supported: ["header"],
        resource_name: "books",
    })
}
