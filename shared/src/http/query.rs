//! Query strings.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::fields::{Fields, FromFields};
use super::problem::{FieldError, Problem};

/// A query whose parameters keep the rules of `T`; 422 with one entry for each that does not, or that comes twice.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: FromFields, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut members = Map::new();
        let mut repeated = Vec::new();
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            if members.insert(name.to_string(), Value::String(value.into_owned())).is_some() {
                repeated.push(FieldError { field: name.into_owned(), message: "must come once".to_owned() });
            }
        }
        if !repeated.is_empty() {
            return Err(Problem::invalid(repeated));
        }
        Fields::new(members).read().map(Self)
    }
}
