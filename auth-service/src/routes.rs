//! The whole route table, by who may call.

use axum::Router;
use axum::routing::{delete, get, post, put};

use crate::state::AppState;
use crate::{accounts, oauth, openapi, sessions};

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
        .route("/me/sessions/{id}", delete(sessions::list::end))
        .route_layer(app.bearer.any_token());

    anybody.merge(refresh_token).merge(either_token).merge(access_token).with_state(app)
}
