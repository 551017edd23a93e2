//! The caller, as handlers see them.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::http::Problem;
use crate::token::Claims;

/// Who calls: the claims of a token that was verified for this request.
///
/// As an argument of a handler it says "with a token only"; `Option<Principal>` says "with or without".
#[derive(Clone, Debug)]
pub struct Principal(Arc<Claims>);

impl Principal {
    pub(super) fn new(claims: Claims) -> Self {
        Self(Arc::new(claims))
    }

    /// What the token says.
    pub fn claims(&self) -> &Claims {
        &self.0
    }
}

/// The route takes a `Principal`, but no layer of `Bearer` is around it.
#[derive(Debug, thiserror::Error)]
#[error("the route asks for a principal but is not behind a bearer layer")]
struct LayerMissing;

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // A mistake in the route table, which must never read as "anonymous".
        parts.extensions.get().cloned().ok_or_else(|| Problem::internal(LayerMissing))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Ok(parts.extensions.get().cloned())
    }
}
