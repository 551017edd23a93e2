//! The parameters of a request, from a query or a form (RFC 6749 §3.1, §3.2).

use axum::extract::{FromRequest, Request};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use shared::http::read_body;
use url::form_urlencoded;

use super::error::{OAuthError, Refusal};
use crate::error::Error;

const MOST: usize = 64;

/// Names and values in the order in which they came. A value that is empty counts as left out, and whoever asks for a
/// parameter that came twice hears of it (RFC 6749 §3.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Of a query or a form.
    ///
    /// # Errors
    /// There are more than any request has: each takes many times the memory of what it was sent as.
    pub fn parse(text: &[u8]) -> Result<Self, Refusal> {
        if form_urlencoded::parse(text).nth(MOST).is_some() {
            return Err(Refusal::request("a request has 64 parameters at most"));
        }
        let pairs = form_urlencoded::parse(text).filter(|(_, value)| !value.is_empty());
        Ok(Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()))
    }

    /// The value of a parameter that may come once.
    ///
    /// # Errors
    /// It came twice.
    pub fn get(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => Err(Refusal::request("a parameter came more than once")),
        }
    }

    /// The value of a parameter that must come once.
    ///
    /// # Errors
    /// It did not; `missing` says so.
    pub fn need(&self, name: &str, missing: &'static str) -> Result<&str, Refusal> {
        self.get(name)?.ok_or(Refusal::request(missing))
    }

    /// The values of a parameter that may come more than once.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let of_name = self.0.iter().filter(move |(own, _)| own == name);
        of_name.map(|(_, value)| value.as_str())
    }

    /// As a query.
    pub fn to_query(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

/// The parameters of a form; anything else than `application/x-www-form-urlencoded` is an invalid request.
#[derive(Debug)]
pub struct Form(pub Parameters);

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = OAuthError;

    async fn from_request(request: Request, _: &S) -> Result<Self, OAuthError> {
        let (parts, body) = request.into_parts();
        if !is_form(&parts.headers) {
            return Err(Refusal::request("send Content-Type: application/x-www-form-urlencoded").into());
        }
        let body = read_body(&parts.headers, body).await.map_err(Error::from)?;
        Ok(Self(Parameters::parse(&body)?))
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_comes_once_or_not_at_all() {
        let parameters = Parameters::parse(b"a=1&b=&c=2&c=3&d=%C3%A4+x").unwrap();
        assert_eq!(parameters.get("a"), Ok(Some("1")));
        assert_eq!(parameters.get("b"), Ok(None), "empty counts as left out");
        assert!(parameters.get("c").is_err());
        assert_eq!(parameters.get("d"), Ok(Some("ä x")));
        assert!(parameters.need("e", "e is missing").is_err());
        assert_eq!(Parameters::parse(parameters.to_query().as_bytes()), Ok(parameters));
    }

    #[test]
    fn a_request_has_so_many_parameters_and_no_more() {
        assert!(Parameters::parse("a=1&".repeat(MOST).as_bytes()).is_ok());
        assert!(Parameters::parse("a&".repeat(MOST + 1).as_bytes()).is_err());
    }
}
