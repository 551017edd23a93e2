//! Refusals on the wire: status, `WWW-Authenticate` (RFC 6750 §3), and a problem that says as much as it may.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use url::Url;

use super::holder::ALGORITHMS;
use crate::problem::{Problem, whole_seconds};
use crate::token::{Needed, Outcome, Rejection, StepUp};

/// How a service challenges: its realm, and where its metadata are.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// The parameters of every challenge, ready to be written.
    prefix: String,
    /// The two challenges that a flood of bad requests would have us write again and again.
    missing: HeaderValue,
    invalid: HeaderValue,
}

impl Challenge {
    /// Challenges of the protection space `realm`, a plain word.
    pub fn new(realm: &str) -> Self {
        Self::of(format!("Bearer realm=\"{}\"", quotable(realm)))
    }

    /// Names the service's metadata in every challenge (RFC 9728 §5.1).
    pub fn with_resource_metadata(self, url: &Url) -> Self {
        Self::of(format!("{}, resource_metadata=\"{}\"", self.prefix, quotable(url.as_str())))
    }

    fn of(prefix: String) -> Self {
        // Everything in a prefix is quotable, and so fit for a header.
        let header = |text: &str| {
            HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer realm=\"service\""))
        };
        Self { missing: header(&prefix), invalid: header(&format!("{prefix}{INVALID}")), prefix }
    }

    /// The challenge without an error: for refusals that no token was the cause of.
    pub fn header(&self) -> HeaderValue {
        self.missing.clone()
    }

    /// The answer to a refused request. The edge finds the rejection in its extensions, for the log.
    pub fn answer(&self, rejection: Rejection) -> Response {
        self.complete(self.problem(rejection).into_response(), rejection)
    }

    /// Gives an answer of the service's own what RFC 6750 asks for: status, challenge, and no place in any cache.
    pub(super) fn complete(&self, mut response: Response, rejection: Rejection) -> Response {
        let outcome = rejection.outcome();
        *response.status_mut() = status(outcome);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match outcome {
            Outcome::Unavailable(retry_after) => {
                headers.insert(RETRY_AFTER, whole_seconds(retry_after).max(1).into());
            }
            _ => drop(headers.insert(WWW_AUTHENTICATE, self.value(rejection))),
        }
        response.extensions_mut().insert(rejection);
        response
    }

    fn problem(&self, rejection: Rejection) -> Problem {
        let (public, outcome) = (rejection.public(), rejection.outcome());
        match outcome {
            Outcome::Missing => Problem::new(status(outcome), "missing_token").with_msg(public),
            Outcome::InvalidRequest => Problem::new(status(outcome), "invalid_request").with_msg(public),
            Outcome::InvalidToken => Problem::new(status(outcome), invalid(rejection)).with_msg(public),
            Outcome::StepUp(_) => {
                Problem::new(status(outcome), "insufficient_user_authentication").with_msg(public)
            }
            Outcome::Forbidden(needed) => {
                let problem = Problem::new(status(outcome), "insufficient_scope");
                match needed {
                    Some(Needed::Any(_)) => problem
                        .with_detail(format!("{public}: it lacks one of the scopes {}", quoted(needed))),
                    Some(_) => {
                        problem.with_detail(format!("{public}: it lacks the scope {}", quoted(needed)))
                    }
                    None => problem.with_detail(public),
                }
            }
            Outcome::Unavailable(retry_after) => {
                Problem::unavailable(rejection.reason(), retry_after).with_msg(public)
            }
        }
    }

    /// The value of `WWW-Authenticate`.
    fn value(&self, rejection: Rejection) -> HeaderValue {
        match rejection.outcome() {
            Outcome::Missing | Outcome::Unavailable(_) => self.missing.clone(),
            Outcome::InvalidToken if rejection.public() == INVALID_TOKEN => self.invalid.clone(),
            _ => HeaderValue::try_from(format!("{}{}", self.prefix, error(rejection)))
                .unwrap_or_else(|_| self.missing.clone()),
        }
    }

    /// Says beside the challenge that tokens bound to a key are taken, too (RFC 9449 §7.2), and, where one was presented,
    /// has its error there and not at `Bearer`.
    pub(super) fn offer_dpop(&self, response: &mut Response, rejection: Rejection, by_dpop: bool) {
        if !response.headers().contains_key(WWW_AUTHENTICATE) {
            return;
        }
        let mut challenge = format!("DPoP algs=\"{ALGORITHMS}\"");
        if by_dpop {
            response.headers_mut().insert(WWW_AUTHENTICATE, self.missing.clone());
            challenge.push_str(&error(rejection));
        }
        if let Ok(challenge) = HeaderValue::try_from(challenge) {
            response.headers_mut().append(WWW_AUTHENTICATE, challenge);
        }
    }
}

/// What a challenge says of the error, behind its other parameters (RFC 6750 §3).
fn error(rejection: Rejection) -> String {
    let public = rejection.public();
    match rejection.outcome() {
        Outcome::Missing | Outcome::Unavailable(_) => String::new(),
        Outcome::InvalidToken => {
            format!(", error=\"{}\", error_description=\"{public}\"", invalid(rejection))
        }
        Outcome::InvalidRequest => ", error=\"invalid_request\"".to_owned(),
        Outcome::Forbidden(Some(needed)) => {
            format!(", error=\"insufficient_scope\", scope=\"{}\"", quoted(Some(needed)))
        }
        Outcome::Forbidden(None) => {
            format!(", error=\"insufficient_scope\", error_description=\"{public}\"")
        }
        Outcome::StepUp(step_up) => {
            let how = match step_up {
                StepUp::MaxAge(age) => format!("max_age=\"{}\"", age.as_secs()),
                StepUp::AcrValues(values) => format!("acr_values=\"{}\"", quotable(&values.join(" "))),
            };
            format!(", error=\"insufficient_user_authentication\", error_description=\"{public}\", {how}")
        }
    }
}

/// The code of a refused token (RFC 6750 §3.1), or of its proof (RFC 9449 §7.1).
fn invalid(rejection: Rejection) -> &'static str {
    if matches!(rejection, Rejection::Proof(_)) { "invalid_dpop_proof" } else { "invalid_token" }
}

const INVALID_TOKEN: &str = "Token is invalid";
const INVALID: &str = ", error=\"invalid_token\", error_description=\"Token is invalid\"";

fn status(outcome: Outcome) -> StatusCode {
    match outcome {
        Outcome::Missing | Outcome::InvalidToken | Outcome::StepUp(_) => StatusCode::UNAUTHORIZED,
        Outcome::InvalidRequest => StatusCode::BAD_REQUEST,
        Outcome::Forbidden(_) => StatusCode::FORBIDDEN,
        Outcome::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn quoted(needed: Option<Needed>) -> String {
    needed.map(|needed| quotable(&needed.to_string())).unwrap_or_default()
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
        let invalid = format!("{PREFIX}, error=\"invalid_token\", error_description=\"Token is invalid\"");
        assert_eq!(header(Rejection::Signature), (401, invalid));
        let scope = format!("{PREFIX}, error=\"insufficient_scope\", scope=\"books:write\"");
        assert_eq!(header(Rejection::Scope(Needed::One("books:write"))), (403, scope));
        let scopes = format!("{PREFIX}, error=\"insufficient_scope\", scope=\"a b\"");
        assert_eq!(header(Rejection::Scope(Needed::All(&["a", "b"]))), (403, scopes));
        let role = format!(
            "{PREFIX}, error=\"insufficient_scope\", error_description=\"Token does not allow this\""
        );
        assert_eq!(header(Rejection::Role(Needed::One("admin"))), (403, role));
        let twice = format!("{PREFIX}, error=\"invalid_request\"");
        assert_eq!(header(Rejection::RepeatedHeader), (400, twice.clone()));
        assert_eq!(header(Rejection::TwoMethods), (400, twice));
        let retry_after = std::time::Duration::from_secs(5);
        assert_eq!(header(Rejection::KeysUnavailable { retry_after }), (503, String::new()));
    }

    #[test]
    fn step_up_says_how_to_log_in_again() {
        let max_age = std::time::Duration::from_secs(300);
        let error = "error=\"insufficient_user_authentication\"";
        let recent = format!(
            "{PREFIX}, {error}, error_description=\"A more recent login is required\", max_age=\"300\""
        );
        assert_eq!(header(Rejection::LoginTooOld { max_age }), (401, recent));
        let strong = format!(
            "{PREFIX}, {error}, error_description=\"A stronger login is required\", acr_values=\"gold silver\""
        );
        assert_eq!(header(Rejection::LoginTooWeak(&["gold", "silver"])), (401, strong));
    }
}
