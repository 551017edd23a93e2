//! Errors on the wire: RFC 9457 `application/problem+json`, with a stable `code`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "service", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// The name of the member, parameter or path segment.
    pub field: String,
    /// What it must be.
    pub message: String,
}

/// An error answer.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    wire: Wire,
    headers: HeaderMap,
    cause: Option<Cause>,
}

/// The body of an error answer.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "service", derive(utoipa::ToSchema), schema(as = Problem, example = json!({
    "type": "about:blank", "title": "Unprocessable Entity", "status": 422, "code": "invalid_fields",
    "detail": "Please correct: title", "errors": [{ "field": "title", "message": "must not be empty" }]
})))]
struct Wire {
    #[serde(rename = "type")]
    kind: &'static str,
    /// What kind of error this is, for people.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What kind of error this is, for programs. Never changes its meaning.
    code: &'static str,
    /// What happened this time, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// The same as `detail`, where clients of Flask-JWT-Extended look for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    msg: Option<&'static str>,
    /// The same as `detail`, where clients of the tutorial look for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
}

/// Why an answer is a server error: put into the response for the edge to log, never written to the wire.
#[derive(Clone, Debug)]
pub struct Cause(pub Arc<dyn Error + Send + Sync>);

impl Problem {
    /// An error of this status and code, which says nothing more.
    pub fn new(status: StatusCode, code: &'static str) -> Self {
        let wire = Wire {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: None,
            errors: Vec::new(),
            msg: None,
            error: None,
        };
        Self(Box::new(Parts { status, wire, headers: HeaderMap::new(), cause: None }))
    }

    /// 404: nothing is at this address, whatever the method.
    pub fn no_such_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_such_route").with_error("Nothing is here.")
    }

    /// 405: something is at this address, for other methods.
    pub fn method_not_allowed() -> Self {
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
        problem.with_detail("This address does not take this method; `Allow` says which it takes")
    }

    /// 500. What happened goes to the log alone.
    pub fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        let mut problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error");
        problem.0.cause = Some(Cause(Arc::new(cause)));
        problem
    }

    /// 503: try again after this time, in whole seconds and at least one.
    pub fn unavailable(code: &'static str, retry_after: Duration) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code).with_retry_after(retry_after)
    }

    /// 422: one entry for each field that breaks a rule.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_fields");
        let names: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        problem.0.wire.detail = Some(format!("Please correct: {}", names.join(", ")));
        problem.0.wire.errors = errors;
        problem
    }

    /// Says what happened, for people.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.wire.detail = Some(detail.into());
        self
    }

    /// Says what happened as `msg`, too.
    pub fn with_msg(mut self, msg: &'static str) -> Self {
        self.0.wire.msg = Some(msg);
        self.with_detail(msg)
    }

    /// Says what happened as `error`, too.
    pub fn with_error(mut self, error: &'static str) -> Self {
        self.0.wire.error = Some(error);
        self.with_detail(error)
    }

    /// Adds a header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Asks to come back after this time, in whole seconds and at least one.
    pub fn with_retry_after(self, after: Duration) -> Self {
        self.with_header(RETRY_AFTER, whole_seconds(after).max(1).into())
    }

    /// Keeps the cause for the log.
    pub fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Cause(Arc::new(cause)));
        self
    }
}

/// Rounded up: whoever comes back after that time does not come too early.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let parts = *self.0;
        let body = serde_json::to_vec(&parts.wire).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = parts.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(parts.headers);
        if let Some(cause) = parts.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

#[cfg(feature = "service")]
impl utoipa::PartialSchema for Problem {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        Wire::schema()
    }
}

#[cfg(feature = "service")]
impl utoipa::ToSchema for Problem {
    fn name() -> std::borrow::Cow<'static, str> {
        "Problem".into()
    }

    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        Wire::schemas(schemas);
    }
}
