//! The caller, as handlers see them.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::problem::Problem;
use crate::token::Claims;

/// Who calls: the claims of a token that was verified for this request.
///
/// As an argument of a handler it says "with a token only"; `Option<Principal>` says "with or without".
#[derive(Clone, Debug)]
pub struct Principal(Arc<Claims>);

impl Principal {
    pub(super) fn new(claims: Arc<Claims>) -> Self {
        Self(claims)
    }

    /// Somebody for the test of a handler without a guard: `router.layer(axum::Extension(Principal::for_test(claims)))`.
    #[cfg(feature = "testing")]
    pub fn for_test(claims: Claims) -> Self {
        Self(Arc::new(claims))
    }

    /// What the token says.
    pub fn claims(&self) -> &Claims {
        &self.0
    }
}

/// A guard let the request pass without a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anonymous;

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
        match (parts.extensions.get::<Self>(), parts.extensions.get::<Anonymous>()) {
            (Some(principal), _) => Ok(Some(principal.clone())),
            (None, Some(Anonymous)) => Ok(None),
            (None, None) => Err(Problem::internal(LayerMissing)),
        }
    }
}
