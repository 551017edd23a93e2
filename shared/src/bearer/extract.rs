//! The caller, as handlers see them.

use std::any::Any;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::problem::Problem;
use crate::token::Claims;

/// Who calls: the claims of a token that was verified for this request, and those of the service's own (`C`) where the
/// layer asks for them.
///
/// As an argument of a handler it says "with a token only"; `Option<Principal>` says "with or without".
#[derive(Clone, Debug)]
pub struct Principal<C = ()> {
    claims: Arc<Claims>,
    own: C,
}

impl<C> Principal<C> {
    /// What the token says.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// What it says beyond that, as [`BearerLayer::with_claims`](super::BearerLayer::with_claims) asked for it.
    pub fn own(&self) -> &C {
        &self.own
    }
}

#[cfg(feature = "testing")]
impl Principal {
    /// Somebody for the test of a handler without a guard: `router.layer(Principal::for_test(claims))`.
    pub fn for_test(claims: Claims) -> axum::Extension<Admitted> {
        axum::Extension(Admitted { claims: Arc::new(claims), own: None })
    }

    /// The same with claims of the service's own: `router.layer(Principal::for_test_with(claims, Tenant { tenant: 7 }))`.
    pub fn for_test_with<C: Send + Sync + 'static>(claims: Claims, own: C) -> axum::Extension<Admitted> {
        axum::Extension(Admitted { claims: Arc::new(claims), own: Some(Own::new(own)) })
    }
}

/// Somebody whom a guard let pass, as the request carries it to the handler.
#[derive(Clone, Debug)]
pub struct Admitted {
    pub(super) claims: Arc<Claims>,
    pub(super) own: Option<Own>,
}

/// Claims of the service's own, of a type that only the route knows.
#[derive(Clone, Debug)]
pub(super) struct Own(Arc<dyn Any + Send + Sync>);

impl Own {
    pub(super) fn new<C: Send + Sync + 'static>(claims: C) -> Self {
        Self(Arc::new(claims))
    }
}

impl Admitted {
    /// `None`: the layer did not ask for claims of this type. `()`, the claims of who asks for none, is always there.
    fn principal<C: Clone + 'static>(&self) -> Option<Principal<C>> {
        let asked_for = self.own.as_ref().and_then(|Own(own)| own.downcast_ref::<C>());
        let own = asked_for.or_else(|| (&() as &dyn Any).downcast_ref::<C>())?;
        Some(Principal { claims: Arc::clone(&self.claims), own: own.clone() })
    }
}

/// A guard let the request pass without a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anonymous;

/// A mistake in the route table, which must never read as "anonymous".
#[derive(Debug, thiserror::Error)]
enum LayerMissing {
    #[error("the route asks for a principal but is not behind a bearer layer")]
    Bearer,
    #[error("the route asks for claims that its bearer layer does not read: see `with_claims`")]
    WithClaims,
}

impl<S: Sync, C: Clone + 'static> FromRequestParts<S> for Principal<C> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let admitted = parts.extensions.get::<Admitted>();
        let admitted = admitted.ok_or_else(|| Problem::internal(LayerMissing::Bearer))?;
        admitted.principal().ok_or_else(|| Problem::internal(LayerMissing::WithClaims))
    }
}

impl<S: Sync, C: Clone + 'static> OptionalFromRequestParts<S> for Principal<C> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        match parts.extensions.get::<Anonymous>() {
            Some(Anonymous) => Ok(None),
            None => <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some),
        }
    }
}
