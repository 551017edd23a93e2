//! `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`

use axum::extract::{Path, State};
use serde::Serialize;
use shared::http::{Json, Problem};
use utoipa::ToSchema;

use crate::clients::GrantType;
use crate::config::Config;
use crate::state::AppState;
use crate::tokens::id_token::ACR;
use crate::tokens::scope;

/// Metadata of the provider (OpenID Connect Discovery §3, RFC 8414 §2). Names what answers and nothing else.
#[derive(Debug, Serialize, ToSchema)]
pub struct Metadata {
    /// The `iss` of all tokens.
    #[schema(example = "http://127.0.0.1:5000")]
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    /// Where the public keys are.
    jwks_uri: String,
    introspection_endpoint: String,
    revocation_endpoint: String,
    end_session_endpoint: String,
    device_authorization_endpoint: String,
    pushed_authorization_request_endpoint: String,
    /// Where clients register themselves, if they may.
    #[serde(skip_serializing_if = "Option::is_none")]
    registration_endpoint: Option<String>,
    scopes_supported: [&'static str; 6],
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 1],
    grant_types_supported: [&'static str; 4],
    code_challenge_methods_supported: [&'static str; 1],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: [&'static str; 4],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 1],
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; 1],
    revocation_endpoint_auth_methods_supported: [&'static str; 4],
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; 1],
    claim_types_supported: [&'static str; 1],
    claims_supported: [&'static str; 11],
    claims_parameter_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    require_pushed_authorization_requests: bool,
    authorization_response_iss_parameter_supported: bool,
    acr_values_supported: [&'static str; 1],
    prompt_values_supported: [&'static str; 4],
    display_values_supported: [&'static str; 1],
    ui_locales_supported: [&'static str; 2],
}

impl Metadata {
    fn of(config: &Config) -> Self {
        const METHODS: [&str; 4] = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
        let register = || config.endpoint("/oauth2/register");
        Self {
            issuer: config.issuer.as_str().to_owned(),
            authorization_endpoint: config.endpoint("/oauth2/authorize"),
            token_endpoint: config.endpoint("/oauth2/token"),
            userinfo_endpoint: config.endpoint("/oauth2/userinfo"),
            jwks_uri: config.endpoint("/.well-known/jwks.json"),
            introspection_endpoint: config.endpoint("/oauth2/introspect"),
            revocation_endpoint: config.endpoint("/oauth2/revoke"),
            end_session_endpoint: config.endpoint("/oauth2/logout"),
            device_authorization_endpoint: config.endpoint("/oauth2/device_authorization"),
            pushed_authorization_request_endpoint: config.endpoint("/oauth2/par"),
            registration_endpoint: config.client_registration_open.then(register),
            scopes_supported: scope::ALL,
            response_types_supported: ["code"],
            response_modes_supported: ["query"],
            grant_types_supported: GrantType::ALL.map(GrantType::as_str),
            code_challenge_methods_supported: ["S256"],
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: ["RS256"],
            token_endpoint_auth_methods_supported: METHODS,
            token_endpoint_auth_signing_alg_values_supported: ["RS256"],
            introspection_endpoint_auth_methods_supported: [METHODS[0], METHODS[1], METHODS[2]],
            introspection_endpoint_auth_signing_alg_values_supported: ["RS256"],
            revocation_endpoint_auth_methods_supported: METHODS,
            revocation_endpoint_auth_signing_alg_values_supported: ["RS256"],
            claim_types_supported: ["normal"],
            claims_supported: [
                "iss",
                "sub",
                "aud",
                "exp",
                "iat",
                "auth_time",
                "nonce",
                "acr",
                "amr",
                "sid",
                "preferred_username",
            ],
            claims_parameter_supported: true,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
            require_pushed_authorization_requests: false,
            authorization_response_iss_parameter_supported: true,
            acr_values_supported: [ACR],
            prompt_values_supported: ["none", "login", "consent", "select_account"],
            display_values_supported: ["page"],
            ui_locales_supported: ["en", "zh"],
        }
    }
}

/// The same where an issuer with a path has its metadata (RFC 8414 §3.1).
pub async fn metadata_by_path(
    state: State<AppState>,
    Path(path): Path<String>,
) -> Result<Json<Metadata>, Problem> {
    if state.config.issuer.url().path().trim_matches('/') != path.trim_matches('/') {
        return Err(Problem::no_such_route());
    }
    Ok(metadata(state).await)
}

/// Tells clients and verifiers all that they need to know.
#[utoipa::path(
    get, path = "/.well-known/oauth-authorization-server", operation_id = "metadata", tag = "description",
    responses((status = 200, description = "RFC 8414 metadata", body = Metadata))
)]
pub async fn metadata(State(app): State<AppState>) -> Json<Metadata> {
    Json(Metadata::of(&app.config))
}

/// The same where clients of OpenID Connect look for it.
#[utoipa::path(
    get, path = "/.well-known/openid-configuration", operation_id = "openid_configuration", tag = "description",
    responses((status = 200, description = "OpenID Connect Discovery metadata", body = Metadata))
)]
pub async fn openid_configuration(state: State<AppState>) -> Json<Metadata> {
    metadata(state).await
}
