//! `GET /.well-known/jwks.json`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};
use shared::http::Problem;
use shared::http::etag::if_none_match;

use crate::error::Error;
use crate::state::AppState;
use crate::tokens::keyring::Published;

/// The public keys of the service (RFC 7517): those that sign, that will, and that did.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "description",
    responses(
        (status = 200, description = "A JWK set"),
        (status = 304, description = "The same as the client has"),
        (status = 500, description = "No keys", body = Problem),
    )
)]
pub async fn jwks(State(app): State<AppState>, headers: HeaderMap) -> Result<Response, Error> {
    let Published { json, etag } = app.keyring.published()?;
    let mut response = if if_none_match(&headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = HeaderValue::from_static("application/jwk-set+json");
        ([(CONTENT_TYPE, kind)], json).into_response()
    };
    response.headers_mut().insert(ETAG, etag);
    response.headers_mut().insert(CACHE_CONTROL, app.config.jwks_cache_control.clone());
    Ok(response)
}
