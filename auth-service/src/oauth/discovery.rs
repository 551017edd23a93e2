//! `GET /.well-known/oauth-authorization-server`

use axum::extract::{Path, State};
use http::StatusCode;
use serde::Serialize;
use shared::http::{Json, Problem};
use utoipa::ToSchema;

use crate::state::AppState;

/// Metadata of an authorization server (RFC 8414 §2). Names what answers and nothing else: no grant is offered here,
/// so there is no endpoint to name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Metadata {
    /// The `iss` of all tokens.
    issuer: String,
    /// Where the public keys are.
    jwks_uri: String,
    /// What access tokens may allow.
    scopes_supported: [&'static str; 3],
    /// None: there is no authorization endpoint.
    response_types_supported: [&'static str; 0],
    /// None: there is no token endpoint.
    grant_types_supported: [&'static str; 0],
}

/// The same where an issuer with a path has its metadata (RFC 8414 §3.1).
pub async fn metadata_by_path(
    state: State<AppState>,
    Path(path): Path<String>,
) -> Result<Json<Metadata>, Problem> {
    if state.config.issuer.url().path().trim_matches('/') != path.trim_matches('/') {
        return Err(Problem::new(StatusCode::NOT_FOUND, "no_such_route"));
    }
    Ok(metadata(state).await)
}

/// Tells verifiers where the keys are.
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", tag = "description",
    responses((status = 200, description = "RFC 8414 metadata", body = Metadata))
)]
pub async fn metadata(State(app): State<AppState>) -> Json<Metadata> {
    let issuer = app.config.issuer.as_str();
    Json(Metadata {
        issuer: issuer.to_owned(),
        jwks_uri: format!("{}/.well-known/jwks.json", issuer.trim_end_matches('/')),
        scopes_supported: ["books:read", "books:write", "auth:admin"],
        response_types_supported: [],
        grant_types_supported: [],
    })
}
