//! What every OpenAPI document of ours says alike, so that no handler has to.

use std::sync::OnceLock;

use axum::Extension;
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use utoipa::Modify;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    AuthorizationCode, Flow, OAuth2, Scopes, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Response};

use super::{Problem, SharedBytes};

const PROBLEM: &str = "#/components/schemas/Problem";
const PROBLEM_JSON: &str = "application/problem+json";

/// A modifier for documents whose errors are [`Problem`](super::Problem)s: gives them their media type, and names the answers
/// that come before any handler is reached: 400 for a malformed header or body, 401 and 403 where an `access_token` with
/// certain scopes is asked for, 413 and 415 for bodies.
#[derive(Clone, Copy, Debug)]
pub struct DescribeProblems;

impl Modify for DescribeProblems {
    fn modify(&self, api: &mut OpenApi) {
        for item in api.paths.paths.values_mut() {
            let operations =
                [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
            operations.into_iter().flatten().for_each(describe);
        }
    }
}

/// An OpenAPI document as it is sent: written out for whoever asks first, and the same bytes for all.
#[derive(Debug, Default)]
pub struct Description(OnceLock<Bytes>);

impl Description {
    /// The answer that shows it.
    pub fn answer(&self, api: impl FnOnce() -> OpenApi) -> axum::response::Response {
        let json = match self.0.get() {
            Some(json) => json.clone(),
            None => match serde_json::to_vec(&api()) {
                Ok(json) => self.0.get_or_init(|| json.into()).clone(),
                Err(error) => return Problem::internal(error).into_response(),
            },
        };
        let json_type = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        (Extension(SharedBytes), json_type, json).into_response()
    }
}

/// Describes how to get the tokens that `access_token` stands for: by signing in at `issuer`, for some of these scopes and what
/// they allow. The page that shows the document needs it.
pub fn describe_sign_in(api: &mut OpenApi, issuer: &str, scopes: &[(&str, &str)]) {
    let issuer = issuer.trim_end_matches('/');
    let scopes = Scopes::from_iter(scopes.iter().copied());
    let (authorize, token) = (format!("{issuer}/oauth2/authorize"), format!("{issuer}/oauth2/token"));
    let flow = Flow::AuthorizationCode(AuthorizationCode::new(authorize, token, scopes));
    let scheme = SecurityScheme::OAuth2(OAuth2::with_description([flow], "Sign in, with PKCE (RFC 7636)"));
    api.components.get_or_insert_default().add_security_scheme("oauth2", scheme);
    for item in api.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        operations.into_iter().flatten().for_each(also_by_sign_in);
    }
}

fn also_by_sign_in(operation: &mut Operation) {
    if let (Some(scopes), Some(needed)) = (scopes(operation), &mut operation.security) {
        needed.push(SecurityRequirement::new("oauth2", scopes));
    }
}

/// What the access token must be good for, where one is asked for.
fn scopes(operation: &Operation) -> Option<Vec<String>> {
    operation.security.as_ref()?.iter().find_map(|one| {
        let one = serde_json::to_value(one).ok()?;
        serde_json::from_value(one.get("access_token")?.clone()).ok()
    })
}

fn describe(operation: &mut Operation) {
    let guarded = operation.security.as_ref().is_some_and(|needed| !needed.is_empty());
    let takes_json = match &operation.request_body {
        Some(RefOr::T(body)) => body.content.keys().any(|media_type| media_type.ends_with("json")),
        Some(RefOr::Ref(_)) | None => false,
    };
    if guarded || takes_json {
        add(operation, "400", "The Authorization header or the body is malformed");
    }
    if let Some(scopes) = scopes(operation) {
        add(operation, "401", "No valid token");
        if !scopes.is_empty() {
            add(operation, "403", &format!("The token lacks {}", scopes.join(" ")));
        }
    }
    if takes_json {
        add(operation, "408", "The body did not arrive in time");
        add(operation, "413", "The body is over 64 KiB");
        add(operation, "415", "The body is not JSON");
    }
    for response in operation.responses.responses.values_mut() {
        let RefOr::T(response) = response else { continue };
        let is_problem = response.content.values().any(is_problem);
        if is_problem && let Some(content) = response.content.shift_remove("application/json") {
            response.content.insert(PROBLEM_JSON.to_owned(), content);
        }
    }
}

fn add(operation: &mut Operation, status: &str, description: &str) {
    let mut response = Response::new(description);
    let content = Content::new(Some(Ref::new(PROBLEM)));
    response.content.insert(PROBLEM_JSON.to_owned(), RefOr::T(content));
    operation.responses.responses.entry(status.to_owned()).or_insert(RefOr::T(response));
}

fn is_problem(content: &RefOr<Content>) -> bool {
    match content {
        RefOr::T(Content { schema: Some(RefOr::Ref(schema)), .. }) => schema.ref_location == PROBLEM,
        RefOr::T(_) | RefOr::Ref(_) => false,
    }
}
