//! Refusals on the wire: status, `WWW-Authenticate` (RFC 6750 §3), and a problem that says as much as it may.

use axum::response::{IntoResponse, Response};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use url::Url;

use crate::http::Problem;
use crate::token::{Outcome, Rejection};

/// How a service challenges: its realm, and where its metadata are.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// The parameters of every challenge, ready to be written.
    prefix: String,
}

impl Challenge {
    /// Challenges of the protection space `realm`, a plain word.
    pub fn new(realm: &str) -> Self {
        Self { prefix: format!("Bearer realm=\"{}\"", quotable(realm)) }
    }

    /// Names the service's metadata in every challenge (RFC 9728 §5.1).
    pub fn with_resource_metadata(mut self, url: &Url) -> Self {
        self.prefix.push_str(&format!(", resource_metadata=\"{}\"", quotable(url.as_str())));
        self
    }

    /// The challenge without an error: for refusals that no token was the cause of.
    pub fn header(&self) -> HeaderValue {
        HeaderValue::try_from(&self.prefix).unwrap_or(HeaderValue::from_static("Bearer realm=\"service\""))
    }

    /// The answer to a refused request. The edge finds the rejection in its extensions, for the log.
    pub fn answer(&self, rejection: Rejection) -> Response {
        let mut response = self.problem(rejection).into_response();
        response.extensions_mut().insert(rejection);
        response
    }

    fn problem(&self, rejection: Rejection) -> Problem {
        let public = rejection.public();
        match rejection.outcome() {
            Outcome::Missing => {
                self.challenge(StatusCode::UNAUTHORIZED, "missing_token", "").with_msg(public)
            }
            Outcome::InvalidRequest => {
                let error = ", error=\"invalid_request\"";
                self.challenge(StatusCode::BAD_REQUEST, "invalid_request", error).with_msg(public)
            }
            Outcome::InvalidToken => {
                let error = format!(", error=\"invalid_token\", error_description=\"{public}\"");
                self.challenge(StatusCode::UNAUTHORIZED, "invalid_token", &error).with_msg(public)
            }
            Outcome::InsufficientScope(scope) => {
                let error = format!(", error=\"insufficient_scope\", scope=\"{}\"", quotable(scope));
                let problem = self.challenge(StatusCode::FORBIDDEN, "insufficient_scope", &error);
                problem.with_detail(format!("{public}: it lacks the scope {scope}"))
            }
            Outcome::Unavailable(retry_after) => {
                Problem::unavailable("keys_unavailable", retry_after).with_msg(public)
            }
        }
    }

    fn challenge(&self, status: StatusCode, code: &'static str, error: &str) -> Problem {
        let problem = Problem::new(status, code);
        let value = HeaderValue::try_from(format!("{}{error}", self.prefix));
        problem.with_header(WWW_AUTHENTICATE, value.unwrap_or_else(|_| self.header()))
    }
}

/// What may stand in a quoted parameter (RFC 6750 §3); the rest is dropped. All of it is configuration.
fn quotable(text: &str) -> String {
    text.chars().filter(|c| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(rejection: Rejection) -> (u16, String) {
        let url = "https://books.example/.well-known/oauth-protected-resource".parse().unwrap();
        let response = Challenge::new("books").with_resource_metadata(&url).answer(rejection);
        let header = response.headers().get(WWW_AUTHENTICATE);
        (response.status().as_u16(), header.map_or("", |value| value.to_str().unwrap()).to_owned())
    }

    const PREFIX: &str = "Bearer realm=\"books\", \
                          resource_metadata=\"https://books.example/.well-known/oauth-protected-resource\"";

    #[test]
    fn challenges_are_those_of_the_rfc() {
        assert_eq!(header(Rejection::NoCredentials), (401, PREFIX.to_owned()));
        let expired = format!("{PREFIX}, error=\"invalid_token\", error_description=\"Token has expired\"");
        assert_eq!(header(Rejection::Expired), (401, expired));
        let scope = format!("{PREFIX}, error=\"insufficient_scope\", scope=\"books:write\"");
        assert_eq!(header(Rejection::Scope("books:write")), (403, scope));
        let twice = format!("{PREFIX}, error=\"invalid_request\"");
        assert_eq!(header(Rejection::RepeatedHeader), (400, twice));
        let retry_after = std::time::Duration::from_secs(5);
        assert_eq!(header(Rejection::KeysUnavailable { retry_after }), (503, String::new()));
    }
}
