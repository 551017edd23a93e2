//! The tower layer that lets a request pass only with a token that is good enough.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::response::Response;
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request};
use tower::{Layer, Service};

use super::challenge::Challenge;
use super::credentials::bearer_token;
use super::extract::Principal;
use crate::token::{Rejection, TokenVerifier};

/// What guards the routes of a service. Makes one layer for each requirement.
#[derive(Clone, Debug)]
pub struct Bearer(Arc<Guard>);

#[derive(Debug)]
struct Guard {
    verifier: TokenVerifier,
    challenge: Challenge,
}

impl Bearer {
    /// Guards with `verifier`, challenging for the protection space `realm`.
    pub fn new(verifier: TokenVerifier, realm: &str) -> Self {
        Self::with_challenge(verifier, Challenge::new(realm))
    }

    /// Guards with `verifier` and challenges of one's own making.
    pub fn with_challenge(verifier: TokenVerifier, challenge: Challenge) -> Self {
        Self(Arc::new(Guard { verifier, challenge }))
    }

    /// Lets any valid access token pass.
    pub fn any_token(&self) -> BearerLayer {
        self.layer(Requirement::AnyToken)
    }

    /// Lets access tokens with this scope pass; 403 for others.
    pub fn scope(&self, scope: &'static str) -> BearerLayer {
        self.layer(Requirement::Scope(scope))
    }

    /// Lets requests without any token pass as well. One with a bad token is refused, never taken for anonymous.
    pub fn optional(&self) -> BearerLayer {
        self.layer(Requirement::Optional)
    }

    /// The answer to a request that a handler refuses by itself.
    pub fn refuse(&self, rejection: Rejection) -> Response {
        self.0.challenge.answer(rejection)
    }

    fn layer(&self, requirement: Requirement) -> BearerLayer {
        BearerLayer { guard: Arc::clone(&self.0), requirement }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Requirement {
    AnyToken,
    Scope(&'static str),
    Optional,
}

impl Guard {
    async fn admit(
        &self,
        headers: &HeaderMap,
        requirement: Requirement,
    ) -> Result<Option<Principal>, Rejection> {
        if requirement == Requirement::Optional && !headers.contains_key(AUTHORIZATION) {
            return Ok(None);
        }
        let claims = self.verifier.verify(bearer_token(headers)?).await?;
        match requirement {
            Requirement::Scope(scope) if !claims.scope.contains(scope) => Err(Rejection::Scope(scope)),
            Requirement::Scope(_) | Requirement::AnyToken | Requirement::Optional => {
                Ok(Some(Principal::new(claims)))
            }
        }
    }
}

/// A layer of [`Bearer`]: puts the [`Principal`] into the request, or answers in place of the route.
#[derive(Clone, Debug)]
pub struct BearerLayer {
    guard: Arc<Guard>,
    requirement: Requirement,
}

impl<S> Layer<S> for BearerLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Authenticate<S> {
        Authenticate { inner, guard: Arc::clone(&self.guard), requirement: self.requirement }
    }
}

/// A route behind a [`BearerLayer`].
#[derive(Clone)]
pub struct Authenticate<S> {
    inner: S,
    guard: Arc<Guard>,
    requirement: Requirement,
}

impl<S, B> Service<Request<B>> for Authenticate<S>
where
    S: Service<Request<B>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The clone is not ready; the one that was polled ready is (see the docs of `tower::Service`).
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let (guard, requirement) = (Arc::clone(&self.guard), self.requirement);
        Box::pin(async move {
            // What an outer layer put there is not taken for the verdict of this one.
            request.extensions_mut().remove::<Principal>();
            let headers = std::mem::take(request.headers_mut());
            let admitted = guard.admit(&headers, requirement).await;
            *request.headers_mut() = headers;
            match admitted {
                Ok(Some(principal)) => drop(request.extensions_mut().insert(principal)),
                Ok(None) => {}
                Err(rejection) => return Ok(guard.challenge.answer(rejection)),
            }
            inner.call(request).await
        })
    }
}

impl<S> fmt::Debug for Authenticate<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate").field("requirement", &self.requirement).finish_non_exhaustive()
    }
}
