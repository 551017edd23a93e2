//! The description of the service for programs: OpenAPI 3.1, made from the handlers.

use axum::extract::State;
use axum::response::Response;
use shared::http::{DescribeProblems, Problem, describe_sign_in};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::state::AppState;
use crate::{accounts, admin, oauth, sessions};

#[derive(OpenApi)]
#[openapi(
    info(title = "auth-service", description = "Accounts, sessions and RS256 tokens"),
    paths(
        accounts::register::register,
        accounts::me::me,
        accounts::password::change_password,
        sessions::login::login,
        sessions::refresh::refresh,
        sessions::logout::logout,
        sessions::list::list,
        sessions::list::end_one,
        sessions::list::end_others,
        admin::users::list,
        admin::users::create,
        admin::users::show,
        admin::users::change,
        admin::users::delete,
        admin::sessions::list,
        admin::sessions::end_all,
        admin::sessions::end_one,
        admin::clients::list,
        admin::clients::create,
        admin::clients::show,
        admin::clients::change,
        admin::clients::renew_secret,
        admin::clients::delete,
        admin::keys::list,
        admin::keys::rotate,
        admin::audit::list,
        oauth::jwks::jwks,
        oauth::discovery::metadata,
        oauth::discovery::openid_configuration,
        oauth::token::token,
        oauth::revoke::revoke,
        oauth::introspect::introspect,
        oauth::pushed::push,
        oauth::device::authorize,
        oauth::userinfo::userinfo,
        oauth::consent::list,
        oauth::consent::revoke,
        document,
    ),
    components(schemas(Problem)),
    modifiers(&Security, &DescribeProblems)
)]
struct Api;

struct Security;

impl Modify for Security {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let bearer = |description: &str| {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
            SecurityScheme::Http(scheme.description(Some(description)).build())
        };
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("access_token", bearer("An access token"));
        components.add_security_scheme("refresh_token", bearer("A refresh token"));
    }
}

/// The description as a value, of the service that is this issuer.
pub fn api(issuer: &str) -> utoipa::openapi::OpenApi {
    let mut api = Api::openapi();
    describe_sign_in(&mut api, issuer, &SCOPES);
    api
}

/// What to sign in for, to try what is described.
const SCOPES: [(&str, &str); 3] = [
    ("openid", "Who you are, and what is your own"),
    ("profile", "Your name"),
    ("auth:admin", "Everything below /admin"),
];

/// Describes the service.
#[utoipa::path(get, path = "/openapi.json", tag = "description", responses((status = 200, description = "OpenAPI 3.1")))]
pub async fn document(State(app): State<AppState>) -> Response {
    app.description.answer(|| api(app.config.issuer.as_str()))
}
