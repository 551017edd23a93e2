//! The description of the service for programs: OpenAPI 3.1, made from the handlers.

use axum::extract::State;
use axum::response::Response;
use shared::http::{DescribeProblems, Problem, describe_sign_in};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::state::AppState;
use crate::{books, metadata, protected};

#[derive(OpenApi)]
#[openapi(
    info(title = "books-service", description = "A book catalogue, guarded by access tokens"),
    paths(
        protected::protected,
        books::list::list,
        books::get::get,
        books::create::create,
        books::change::replace,
        books::change::patch,
        books::delete::delete,
        metadata::document,
        document,
    ),
    components(schemas(Problem)),
    modifiers(&Security, &DescribeProblems)
)]
struct Api;

struct Security;

impl Modify for Security {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
        let bearer = SecurityScheme::Http(bearer.description(Some("An access token")).build());
        api.components.get_or_insert_default().add_security_scheme("access_token", bearer);
    }
}

/// The description as a value, of the service that takes tokens of this issuer.
pub fn api(issuer: &str) -> utoipa::openapi::OpenApi {
    let mut api = Api::openapi();
    let scopes = [("books:read", "List and read books"), ("books:write", "Add, change and delete books")];
    describe_sign_in(&mut api, issuer, &scopes);
    api
}

/// Describes the service.
#[utoipa::path(get, path = "/openapi.json", tag = "description", responses((status = 200, description = "OpenAPI 3.1")))]
pub async fn document(State(app): State<AppState>) -> Response {
    app.description.answer(|| api(app.config.jwks.issuer.as_str()))
}
