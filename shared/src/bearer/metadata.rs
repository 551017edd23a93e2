//! Metadata of a protected resource (RFC 9728): from a refused request a client learns whose tokens to bring.

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE};
use serde::Serialize;
use url::Url;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Metadata of a protected resource (RFC 9728 §2).
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "service", derive(utoipa::ToSchema), schema(as = Metadata))]
pub struct ResourceMetadata {
    /// The URL of the service.
    #[cfg_attr(feature = "service", schema(example = "http://127.0.0.1:5000"))]
    resource: String,
    /// Whose tokens it takes.
    authorization_servers: Vec<String>,
    /// What tokens may allow here.
    scopes_supported: Vec<String>,
    /// Where it looks for tokens.
    bearer_methods_supported: [&'static str; 1],
    /// What it is called.
    resource_name: String,
    /// Where the metadata are.
    #[serde(skip)]
    #[cfg_attr(feature = "service", schema(ignore))]
    url: Url,
}

impl ResourceMetadata {
    /// Of the service that clients reach at `public_url`, which takes tokens of these issuers.
    ///
    /// ```
    /// use axum::Router;
    /// use shared::bearer::{Bearer, Challenge, ResourceMetadata};
    /// use shared::token::TokenVerifier;
    ///
    /// fn guarded(verifier: TokenVerifier, public_url: &url::Url) -> Router {
    ///     let metadata = ResourceMetadata::new("notes", public_url, verifier.issuers()).scopes(["notes:read"]);
    ///     let challenge = Challenge::new("notes").with_resource_metadata(metadata.url());
    ///     let bearer = Bearer::with_challenge(verifier, challenge);
    ///     Router::new().layer(bearer.scope("notes:read")).merge(metadata.routes())
    /// }
    /// ```
    pub fn new(
        name: impl Into<String>,
        public_url: &Url,
        issuers: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        // In front of the path that the service's own URL may have (RFC 9728 §3.1).
        let mut url = public_url.clone();
        url.set_path(&format!("{WELL_KNOWN}{}", public_url.path().trim_end_matches('/')));
        Self {
            resource: public_url.as_str().trim_end_matches('/').to_owned(),
            authorization_servers: issuers.into_iter().map(Into::into).collect(),
            scopes_supported: Vec::new(),
            bearer_methods_supported: ["header"],
            resource_name: name.into(),
            url,
        }
    }

    /// Names what tokens may allow.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.scopes_supported = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// What the service is called in tokens that are for it (RFC 8707 §2): its URL, without a slash at the end.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Where clients find the metadata: what [`Challenge::with_resource_metadata`](super::Challenge::with_resource_metadata)
    /// tells them.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The route that serves them, for anybody. A service whose URL has a path serves them without it, too: a proxy in
    /// front may take the path away.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let json = Bytes::from(serde_json::to_vec(self).unwrap_or_default());
        // Public, and where pages of other origins begin that have nothing but the address of the service.
        let headers = [(CONTENT_TYPE, "application/json"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
        let answer = move || std::future::ready((headers.clone(), json.clone()));
        let routes = Router::new().route(WELL_KNOWN, get(answer.clone()));
        if self.url.path() == WELL_KNOWN { routes } else { routes.route(self.url.path(), get(answer)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_keeps_the_path_of_the_service() {
        let of = |url: &str| {
            let metadata = ResourceMetadata::new("notes", &url.parse().unwrap(), ["https://id.example"]);
            (metadata.resource().to_owned(), metadata.url().to_string())
        };
        let plain = format!("https://api.example{WELL_KNOWN}");
        assert_eq!(of("https://api.example/"), ("https://api.example".to_owned(), plain.clone()));
        let with_path = ("https://api.example/catalogue".to_owned(), format!("{plain}/catalogue"));
        assert_eq!(of("https://api.example/catalogue/"), with_path);
    }
}
