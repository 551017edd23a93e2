//! `GET /.well-known/oauth-protected-resource`

use axum::extract::State;
use serde::Serialize;
use shared::http::Json;
use url::Url;
use utoipa::ToSchema;

use crate::state::AppState;

/// Where the metadata of a service without a path is.
pub(crate) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What the service is called in tokens that are for it: its URL.
pub(crate) fn resource(public_url: &Url) -> String {
    public_url.as_str().trim_end_matches('/').to_owned()
}

/// Where the metadata is: in front of the path that the service's own URL may have (RFC 9728 §3.1).
pub(crate) fn address(public_url: &Url) -> Url {
    let mut url = public_url.clone();
    let path = public_url.path().trim_end_matches('/');
    url.set_path(&format!("{WELL_KNOWN}{path}"));
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
        resource: resource(&app.config.public_url),
        authorization_servers: [app.config.jwks.issuer.as_str().to_owned()],
        scopes_supported: ["books:read", "books:write"],
        bearer_methods_supported: ["header"],
        resource_name: "books",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_keeps_the_path_of_the_service() {
        let of = |url: &str| address(&url.parse().unwrap()).to_string();
        assert_eq!(of("https://api.example/"), format!("https://api.example{WELL_KNOWN}"));
        assert_eq!(
            of("https://api.example/catalogue/"),
            format!("https://api.example{WELL_KNOWN}/catalogue")
        );
    }
}
