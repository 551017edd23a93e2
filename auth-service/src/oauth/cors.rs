//! Which web pages may read our answers. Never with cookies, and never `/oauth2/authorize`: people are sent there, pages do
//! not fetch it (RFC 9700 §2.6).

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderValue, Method, StatusCode};
use shared::database::retry_read;

use crate::clients::built_in;
use crate::clients::store::knows_origin;
use crate::state::AppState;

/// Lets every page read what is public anyway.
pub async fn everybody(request: Request, next: Next) -> Response {
    let asks = is_preflight(&request);
    let mut response = if asks { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if asks {
        allow(&mut response);
    }
    response
}

/// Lets the pages of registered clients read the answers.
pub async fn clients(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let known = match origin.as_ref().and_then(|origin| origin.to_str().ok()) {
        Some(origin) if built_in::knows_origin(&app.config, origin) => true,
        // A database that cannot say is no reason to refuse a request, nor to let a page read the answer.
        Some(origin) => retry_read(|| knows_origin(&app.database, origin)).await.unwrap_or(false),
        None => false,
    };
    let asks = is_preflight(&request);
    let mut response = if asks { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    response.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
    if let (true, Some(origin)) = (known, origin) {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers
            .insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("WWW-Authenticate, Retry-After"));
        if asks {
            allow(&mut response);
        }
    }
    response
}

/// Answers `OPTIONS`; what else there is to say, the layers around it say.
pub async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ORIGIN)
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn allow(response: &mut Response) {
    // Swagger UI and others that grew up with XMLHttpRequest say so in `X-Requested-With`.
    let allowed = HeaderValue::from_static("Authorization, Content-Type, X-Requested-With");
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
}
