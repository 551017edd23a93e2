//! The whole route table, by who may call.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, post, put};

use shared::pages::Docs;

use crate::oauth::cors::preflight;
use crate::sessions::ADMIN_SCOPE;
use crate::state::AppState;
use crate::tokens::scope;
use crate::{accounts, admin, oauth, openapi, sessions};

/// All routes of the service.
pub fn routes(app: AppState) -> Router {
    let anybody = Router::new()
        .route("/register", post(accounts::register::register))
        .route("/login", post(sessions::login::login))
        .route("/openapi.json", get(openapi::document))
        .merge(admin::page::routes())
        .merge(Docs::new(&app.config.issuer.url().origin().ascii_serialization()).routes("/docs"));

    // Everybody, from any web page.
    let published = Router::new()
        .route("/.well-known/jwks.json", get(oauth::jwks::jwks).options(preflight))
        .route(
            "/.well-known/openid-configuration",
            get(oauth::discovery::openid_configuration).options(preflight),
        )
        .route("/.well-known/oauth-authorization-server", get(oauth::discovery::metadata).options(preflight))
        .route(
            "/.well-known/oauth-authorization-server/{*path}",
            get(oauth::discovery::metadata_by_path).options(preflight),
        )
        .layer(from_fn(oauth::cors::everybody));

    // People with a browser: what they have is a cookie, and a ticket in each form.
    let browsers = Router::new()
        .route(
            "/oauth2/authorize",
            get(oauth::authorize::authorize).post(oauth::authorize::authorize_by_form),
        )
        .route("/oauth2/sign-in", post(oauth::sign_in::sign_in))
        .route("/oauth2/consent", post(oauth::consent::consent))
        .route("/oauth2/device", get(oauth::device::show).post(oauth::device::enter))
        .route("/oauth2/device/decide", post(oauth::device::decide))
        .route("/oauth2/logout", get(oauth::logout::logout).post(oauth::logout::logout_by_form))
        .route("/oauth2/logout/confirm", post(oauth::logout::confirm));

    // Clients, which prove who they are as they are registered.
    let clients = Router::new()
        .route("/oauth2/token", post(oauth::token::token).options(preflight))
        .route("/oauth2/revoke", post(oauth::revoke::revoke).options(preflight))
        .route("/oauth2/introspect", post(oauth::introspect::introspect).options(preflight))
        .route("/oauth2/par", post(oauth::pushed::push).options(preflight))
        .route("/oauth2/device_authorization", post(oauth::device::authorize).options(preflight))
        .layer(from_fn_with_state(Arc::clone(&app), oauth::cors::clients));

    // Clients that nobody knows yet, where the operator lets them.
    let strangers = match app.config.client_registration_open {
        true => Router::new()
            .route("/oauth2/register", post(oauth::register::register).options(preflight))
            .layer(from_fn(oauth::cors::everybody)),
        false => Router::new(),
    };

    // These take tokens that the bearer layer does not: they look at them by themselves.
    let refresh_token = Router::new().route("/refresh", post(sessions::refresh::refresh));
    let either_token = Router::new().route("/logout", post(sessions::logout::logout));

    let access_token = Router::new()
        .route("/me", get(accounts::me::me))
        .route("/me/password", put(accounts::password::change_password))
        .route("/me/sessions", get(sessions::list::list).delete(sessions::list::end_others))
        .route("/me/sessions/{id}", delete(sessions::list::end_one))
        .route("/me/consents", get(oauth::consent::list))
        .route("/me/consents/{client_id}", delete(oauth::consent::revoke))
        .route_layer(app.bearer.any_token());

    let openid = Router::new()
        .route(
            "/oauth2/userinfo",
            get(oauth::userinfo::userinfo).post(oauth::userinfo::userinfo).options(preflight),
        )
        .route_layer(app.bearer.scope(scope::OPENID))
        .layer(from_fn_with_state(Arc::clone(&app), oauth::cors::clients));

    // The layer asks for the scope; the handlers ask as well whether the account is still an administrator.
    let administrators = Router::new()
        .route("/admin/users", get(admin::users::list).post(admin::users::create))
        .route(
            "/admin/users/{id}",
            get(admin::users::show).patch(admin::users::change).delete(admin::users::delete),
        )
        .route("/admin/users/{id}/sessions", get(admin::sessions::list).delete(admin::sessions::end_all))
        .route("/admin/users/{id}/sessions/{session}", delete(admin::sessions::end_one))
        .route("/admin/clients", get(admin::clients::list).post(admin::clients::create))
        .route(
            "/admin/clients/{id}",
            get(admin::clients::show).patch(admin::clients::change).delete(admin::clients::delete),
        )
        .route("/admin/clients/{id}/secret", post(admin::clients::renew_secret))
        .route("/admin/keys", get(admin::keys::list))
        .route("/admin/keys/rotate", post(admin::keys::rotate))
        .route("/admin/audit", get(admin::audit::list))
        .route_layer(app.bearer.scope(ADMIN_SCOPE));

    anybody
        .merge(published)
        .merge(browsers)
        .merge(clients)
        .merge(strangers)
        .merge(refresh_token)
        .merge(either_token)
        .merge(access_token)
        .merge(openid)
        .merge(administrators)
        .with_state(app)
}
