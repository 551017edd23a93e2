//! What goes wrong at `/oauth2/*`, and what the client is told of it: RFC 6749 §5.2 rather than a problem.

use std::borrow::Cow;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use sea_orm::DbErr;
use serde::Serialize;
use shared::database::AsDbErr;
use shared::http::{FieldError, Json, Problem};
use utoipa::ToSchema;

use crate::error::Error;
use crate::throttle::Refused;

/// The code of an error, as the standards name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The request lacks something, says something twice, or is malformed (RFC 6749 §5.2).
    InvalidRequest,
    /// The client did not prove who it is (RFC 6749 §5.2).
    InvalidClient,
    /// Code, refresh token or device code is wrong, used, expired, or another client's (RFC 6749 §5.2).
    InvalidGrant,
    /// The client is not registered for this grant (RFC 6749 §5.2).
    UnauthorizedClient,
    /// There is no such grant here (RFC 6749 §5.2).
    UnsupportedGrantType,
    /// There is no such response here (RFC 6749 §4.1.2.1).
    UnsupportedResponseType,
    /// Nothing of what is asked for may be had (RFC 6749 §5.2).
    InvalidScope,
    /// The client is not registered for that resource (RFC 8707 §2).
    InvalidTarget,
    /// Somebody said no (RFC 6749 §4.1.2.1).
    AccessDenied,
    /// Somebody would have to sign in (OpenID Connect Core §3.1.2.6).
    LoginRequired,
    /// Somebody would have to be asked (OpenID Connect Core §3.1.2.6).
    ConsentRequired,
    /// Requests by value are not taken (OpenID Connect Core §6.1).
    RequestNotSupported,
    /// Requests by reference are taken where they were pushed to us only (OpenID Connect Core §6.2).
    RequestUriNotSupported,
    /// Nobody has decided yet (RFC 8628 §3.5).
    AuthorizationPending,
    /// The device asks too often (RFC 8628 §3.5).
    SlowDown,
    /// The device has waited too long (RFC 8628 §3.5).
    ExpiredToken,
    /// The metadata of a client breaks a rule (RFC 7591 §3.2.2).
    InvalidClientMetadata,
    /// A redirect URI of a client breaks a rule (RFC 7591 §3.2.2).
    InvalidRedirectUri,
}

impl Code {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AccessDenied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
        }
    }
}

/// An error with what there is to say about it: words of ours, of the characters that RFC 6749 allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", code.as_str())]
pub struct Refusal {
    /// For programs.
    pub code: Code,
    /// For the developer of the client.
    pub description: &'static str,
}

impl Refusal {
    /// A refusal.
    pub const fn new(code: Code, description: &'static str) -> Self {
        Self { code, description }
    }

    /// Something was said twice, left out or garbled.
    pub const fn request(description: &'static str) -> Self {
        Self::new(Code::InvalidRequest, description)
    }

    /// Code, refresh token or device code is not good.
    pub const fn grant(description: &'static str) -> Self {
        Self::new(Code::InvalidGrant, description)
    }
}

/// Why a request at `/oauth2/*` was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum OAuthError {
    /// The client's fault, or its user's.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What a client says of itself breaks rules.
    #[error("the metadata of a client break rules")]
    Registration(Code, Vec<FieldError>),
    /// Too often.
    #[error("throttled")]
    Throttled(Duration),
    /// Ours.
    #[error(transparent)]
    Service(#[from] Error),
}

impl From<DbErr> for OAuthError {
    fn from(error: DbErr) -> Self {
        Self::Service(error.into())
    }
}

impl From<Refused> for OAuthError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Wait { wait, .. } => Self::Throttled(wait),
            Refused::Database(error) => error.into(),
        }
    }
}

impl AsDbErr for OAuthError {
    fn as_db_err(&self) -> Option<&DbErr> {
        if let Self::Service(error) = self { error.as_db_err() } else { None }
    }
}

/// The body of an error (RFC 6749 §5.2).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "error": "invalid_grant", "error_description": "the code is not good any more" }))]
pub struct ErrorBody {
    /// For programs.
    error: &'static str,
    /// For the developer of the client.
    error_description: Cow<'static, str>,
}

/// Complaints as one text, of the characters that RFC 6749 §5.2 allows.
fn description(errors: &[FieldError]) -> String {
    let complaints: Vec<_> =
        errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
    let allowed = |char: char| matches!(char, ' '..='~') && !matches!(char, '"' | '\\');
    complaints.join("; ").chars().map(|char| if allowed(char) { char } else { '\'' }).collect()
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let (code, description) = match self {
            Self::Refused(refusal) => (refusal.code, refusal.description.into()),
            Self::Registration(code, errors) => (code, description(&errors).into()),
            Self::Throttled(wait) => {
                return Problem::new(StatusCode::TOO_MANY_REQUESTS, "throttled")
                    .with_error("temporarily_unavailable")
                    .with_detail("Too many requests of this kind; try again later")
                    .with_retry_after(wait)
                    .into_response();
            }
            Self::Service(error) => return error.into_response(),
        };
        let status = match code {
            Code::InvalidClient => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        };
        let body = ErrorBody { error: code.as_str(), error_description: description };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Each 401 names a scheme (RFC 9110 §15.5.2), also where another way to prove who one is was tried.
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"auth\", charset=\"UTF-8\""),
            );
        }
        response
    }
}
