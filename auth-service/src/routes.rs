//! The whole route table, by who may call.

use axum::Router;
use axum::routing::{delete, get, post, put};

use crate::sessions::ADMIN_SCOPE;
use crate::state::AppState;
use crate::{accounts, admin, oauth, openapi, sessions};

/// All routes of the service.
pub fn routes(app: AppState) -> Router {
    let anybody = Router::new()
        .route("/register", post(accounts::register::register))
        .route("/login", post(sessions::login::login))
        .route("/.well-known/jwks.json", get(oauth::jwks::jwks))
        .route("/.well-known/oauth-authorization-server", get(oauth::discovery::metadata))
        .route("/.well-known/oauth-authorization-server/{*path}", get(oauth::discovery::metadata_by_path))
        .route("/openapi.json", get(openapi::document));

    // These take tokens that the bearer layer does not: they look at them by themselves.
    let refresh_token = Router::new().route("/refresh", post(sessions::refresh::refresh));
    let either_token = Router::new().route("/logout", post(sessions::logout::logout));

    let access_token = Router::new()
        .route("/me", get(accounts::me::me))
        .route("/me/password", put(accounts::password::change_password))
        .route("/me/sessions", get(sessions::list::list).delete(sessions::list::end_others))
        .route("/me/sessions/{id}", delete(sessions::list::end_one))
        .route_layer(app.bearer.any_token());

    // The layer asks for the scope; the handlers ask as well whether the account is still an administrator.
    let administrators = Router::new()
        .route("/admin/users", get(admin::users::list).post(admin::users::create))
        .route(
            "/admin/users/{id}",
            get(admin::users::show).patch(admin::users::change).delete(admin::users::delete),
        )
        .route("/admin/users/{id}/sessions", get(admin::sessions::list).delete(admin::sessions::end_all))
        .route("/admin/users/{id}/sessions/{session}", delete(admin::sessions::end_one))
        .route("/admin/keys", get(admin::keys::list))
        .route("/admin/keys/rotate", post(admin::keys::rotate))
        .route("/admin/audit", get(admin::audit::list))
        .route_layer(app.bearer.scope(ADMIN_SCOPE));

    anybody.merge(refresh_token).merge(either_token).merge(access_token).merge(administrators).with_state(app)
}
