//! JSON request bodies.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Serialize;
use serde_json::Value;

use super::fields::{Fields, FromFields};
use super::problem::{FieldError, Problem};
use crate::gather::gather;

/// The longest body that is read.
pub(super) const MAX_BODY: usize = 64 * 1024;
/// Long enough for 64 KiB from anywhere; much shorter than the deadline of a request, since a client that trickles its
/// body holds the place of another.
const BODY_DEADLINE: Duration = Duration::from_secs(5);
const MERGE_PATCH: &str = "application/merge-patch+json";
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// As an argument, a JSON object that keeps the rules of `T`; as an answer, `T` as JSON.
///
/// Refuses with 415 what does not say it is JSON, with 413 what is over 64 KiB, with 408 what takes
/// longer than five seconds to arrive, with 400 what is not JSON, and with 422
/// what is not an object or breaks a rule, one entry for each bad member.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: FromFields, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Fields::from_request(request, state).await?.read().map(Self)
    }
}

/// The members of a JSON object, for rules that are known at run time only. Refuses as [`Json`] does.
impl<S: Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let media_type = media_type(&parts.headers);
        let patch = parts.method == Method::PATCH;
        if media_type != "application/json" && !(patch && media_type == MERGE_PATCH) {
            return Err(unsupported("Send JSON with Content-Type: application/json", patch));
        }
        let is_encoded = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
        if parts.headers.get(CONTENT_ENCODING).is_some_and(is_encoded) {
            let problem = unsupported("Send JSON without a Content-Encoding", patch);
            return Err(problem.with_header(ACCEPT_ENCODING, HeaderValue::from_static("identity")));
        }
        let body = read_body(&parts.headers, body).await?;
        let value: Value = serde_json::from_slice(&body).map_err(|error| {
            let place = format!("The body is not JSON: line {}, column {}", error.line(), error.column());
            Problem::new(StatusCode::BAD_REQUEST, "malformed_json").with_detail(place)
        })?;
        let Value::Object(members) = value else {
            let message = "must be a JSON object".to_owned();
            return Err(Problem::invalid(vec![FieldError { field: "body".to_owned(), message }]));
        };
        Ok(Self::new(members))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let mut response = Response::new(Body::from(body));
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(CONTENT_TYPE, json);
                response
            }
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

/// 415, with what would do instead (RFC 9110 §15.5.16, RFC 5789 §2.2).
fn unsupported(detail: &'static str, patch: bool) -> Problem {
    let problem =
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type").with_detail(detail);
    if patch {
        let accepted = HeaderValue::from_static("application/merge-patch+json, application/json");
        problem.with_header(ACCEPT_PATCH, accepted)
    } else {
        problem.with_header(ACCEPT, HeaderValue::from_static("application/json"))
    }
}

/// What the body says it is, without parameters and in lower case.
fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Reads a body of any type.
///
/// # Errors
/// 413 when it is over 64 KiB, 408 when it takes longer than five seconds, 400 when it breaks off.
pub async fn read_body(headers: &HeaderMap, mut body: Body) -> Result<bytes::Bytes, Problem> {
    let too_large = || {
        let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large");
        problem.with_detail("The body must be at most 64 KiB")
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_large());
    }
    let mut read = Vec::new();
    match tokio::time::timeout(BODY_DEADLINE, gather(&mut body, MAX_BODY, &mut read)).await {
        Ok(Ok(())) if read.len() > MAX_BODY => Err(too_large()),
        Ok(Ok(())) => Ok(read.into()),
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "incomplete_body")
            .with_detail("The body did not arrive whole")),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout")
            .with_detail("The body did not arrive in time")),
    }
}
