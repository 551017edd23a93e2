//! Path segments that name one thing.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use super::problem::Problem;

/// An identifier as it stands in a path.
pub trait FromPath: FromStr {
    /// The answer where nothing has that name: the same for one that could never name anything.
    fn not_found() -> Problem;
}

/// The one parameter of the route as an identifier.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: FromPath, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parameters = RawPathParams::from_request_parts(parts, state).await.map_err(|_| T::not_found())?;
        let (_, text) = parameters.iter().next().ok_or_else(T::not_found)?;
        text.parse().map(Self).map_err(|_| T::not_found())
    }
}
