//! `GET /.well-known/oauth-protected-resource`

use shared::bearer::ResourceMetadata;

use crate::config::Config;

/// Tells clients whose tokens to bring.
pub(crate) fn metadata(config: &Config) -> ResourceMetadata {
    ResourceMetadata::new("books", &config.public_url, [config.jwks.issuer.as_str()])
        .scopes(["books:read", "books:write"])
}

/// Tells clients whose tokens to bring.
#[utoipa::path(
    get, path = "/.well-known/oauth-protected-resource", tag = "description", operation_id = "metadata",
    responses((status = 200, description = "RFC 9728 metadata", body = ResourceMetadata))
)]
#[expect(dead_code, reason = "describes the route of the kit")]
pub(crate) fn document() {}
