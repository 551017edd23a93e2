//! The tower layer that lets a request pass only with a token that is good enough.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, Ready, ready};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use futures_util::future::Either;
use http::Request;
use http::request::Parts;
use prometheus_client::registry::Registry;
use serde::de::DeserializeOwned;
use tower::{Layer, Service};
use url::Url;

use super::asked::Asked;
use super::challenge::Challenge;
use super::extract::{Admitted, Anonymous, Own};
use super::form::{is_form, without_token};
use super::guard::{Admission, Guard, Rules};
use super::holder::{Certificates, Dpop, Holder};
use super::metrics::Metrics;
use super::requirement::Requirement;
use super::revocation::{RevocationCheck, WhenUnknown};
use crate::token::{Claims, Needed, Rejection, TokenVerifier};

/// What guards the routes of a service. Makes one layer for each requirement.
#[derive(Clone, Debug)]
pub struct Bearer(Arc<Guard>);

impl Bearer {
    /// Guards with `verifier`, challenging for the protection space `realm`.
    pub fn new(verifier: TokenVerifier, realm: &str) -> Self {
        Self::with_challenge(verifier, Challenge::new(realm))
    }

    /// Guards with `verifier` and challenges of one's own making.
    pub fn with_challenge(verifier: TokenVerifier, challenge: Challenge) -> Self {
        Self(Arc::new(Guard {
            verifier: Arc::new(verifier),
            challenge,
            holder: Holder::default(),
            revocation: None,
            responder: None,
            metrics: Metrics::new(),
            subject_hash: false,
        }))
    }

    /// Asks `store` about each request whether its token was revoked.
    pub fn with_revocation(self, store: Arc<dyn RevocationCheck>, when_unknown: WhenUnknown) -> Self {
        self.changed(|guard| guard.revocation = Some((store, when_unknown)))
    }

    /// Accepts tokens that are bound to a key of the caller's (RFC 9449), too: as `Authorization: DPoP <token>`, with a
    /// fresh proof in the header `DPoP`, signed by ES256 or Ed25519 for the very address below `public_url` that is
    /// called. Such a token is never accepted as `Bearer`, nor is any other as `DPoP`.
    ///
    /// A proof counts once within its minute. Each process remembers its own: one that is sent again to another replica
    /// in that minute passes there. Guard the routes outside of a [`Router::nest`](axum::Router::nest), which shortens
    /// the path that is seen inside.
    pub fn with_dpop(self, public_url: &Url) -> Self {
        self.changed(|guard| guard.holder.dpop = Some(Arc::new(Dpop::new(public_url))))
    }

    /// Accepts tokens that are bound to the client's TLS certificate (RFC 8705), too, where a proxy in front ends the TLS
    /// and passes the certificate on as `Client-Cert` (RFC 9440). Taken from peers that `is_trusted` alone: of
    /// connections that [`ConnectInfo`](axum::extract::ConnectInfo) knows. The proxy must remove the header where clients
    /// send it themselves.
    pub fn with_client_certificates(
        self,
        is_trusted: impl Fn(IpAddr) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.changed(|guard| guard.holder.certificates = Some(Certificates::vouched_for_by(is_trusted)))
    }

    /// Answers refused requests with bodies of the service's own. Status, challenge and `Cache-Control` are set
    /// whatever it answers, so that it cannot break RFC 6750.
    pub fn with_responder(
        self,
        respond: impl Fn(Rejection, &Parts) -> Response + Send + Sync + 'static,
    ) -> Self {
        self.changed(|guard| guard.responder = Some(Arc::new(respond)))
    }

    /// Notes a digest of the subject as `auth.sub_hash` in the span of the request, where it has that field: requests of
    /// one subject can be told to be that, without saying whose they are.
    pub fn with_subject_hash(self) -> Self {
        self.changed(|guard| guard.subject_hash = true)
    }

    fn changed(self, change: impl FnOnce(&mut Guard)) -> Self {
        let mut guard = Arc::unwrap_or_clone(self.0);
        change(&mut guard);
        Self(Arc::new(guard))
    }

    /// Lets any valid access token pass.
    pub fn any_token(&self) -> BearerLayer {
        BearerLayer { guard: Arc::clone(&self.0), rules: Rules::default() }
    }

    /// Lets access tokens with this scope pass; 403 for others.
    pub fn scope(&self, scope: &'static str) -> BearerLayer {
        self.any_token().require(Requirement::Scope(Needed::One(scope)))
    }

    /// Lets access tokens with all of these scopes pass; 403 for others.
    pub fn scopes(&self, scopes: &'static [&'static str]) -> BearerLayer {
        self.any_token().require(Requirement::Scope(Needed::All(scopes)))
    }

    /// Lets access tokens with one of these scopes at least pass; 403 for others.
    pub fn any_scope(&self, scopes: &'static [&'static str]) -> BearerLayer {
        self.any_token().require(Requirement::Scope(Needed::Any(scopes)))
    }

    /// Lets requests without any token pass as well. One with a bad token is refused, never taken for anonymous.
    pub fn optional(&self) -> BearerLayer {
        BearerLayer { guard: Arc::clone(&self.0), rules: Rules { optional: true, ..Rules::default() } }
    }

    /// The answer to a request that a handler refuses by itself.
    pub fn refuse(&self, rejection: Rejection) -> Response {
        self.0.challenge.answer(rejection)
    }

    /// Adds the metrics of this guard, its verifier and its keys to a registry.
    pub fn register(&self, registry: &mut Registry) {
        self.0.metrics.register(registry);
        self.0.verifier.register(registry);
    }
}

/// A layer of [`Bearer`]: puts the [`Principal`](super::Principal) into the request, or answers in place of the route. A route with
/// several requirements asks for all of them.
///
/// ```
/// use std::time::Duration;
///
/// use axum::{Router, routing::delete};
/// use shared::bearer::Bearer;
///
/// fn routes(bearer: &Bearer) -> Router {
///     let administrators = bearer
///         .any_scope(&["notes:write", "notes:admin"])
///         .require_roles(&["admin"])
///         .require_auth_age(Duration::from_secs(300));
///     Router::new().route("/notes", delete(|| async { "all gone" })).route_layer(administrators)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct BearerLayer {
    guard: Arc<Guard>,
    rules: Rules,
}

impl BearerLayer {
    /// Asks for all of these roles; 403 without.
    pub fn require_roles(self, roles: &'static [&'static str]) -> Self {
        self.require(Requirement::Role(Needed::All(roles)))
    }

    /// Asks for one of these roles at least; 403 without.
    pub fn require_any_role(self, roles: &'static [&'static str]) -> Self {
        self.require(Requirement::Role(Needed::Any(roles)))
    }

    /// Asks for a user; 403 for a client that speaks for itself, whose `sub` is its `client_id` (RFC 9068 §5).
    pub fn require_user(self) -> Self {
        self.require(Requirement::User)
    }

    /// Asks that the user logged in no longer ago than this; 401 with `max_age` otherwise (RFC 9470).
    pub fn require_auth_age(self, max_age: Duration) -> Self {
        self.require(Requirement::LoginWithin(max_age))
    }

    /// Asks that the user logged in by one of these means (`acr`); 401 with `acr_values` otherwise (RFC 9470).
    pub fn require_acr(self, values: &'static [&'static str]) -> Self {
        self.require(Requirement::LoginBy(values))
    }

    /// Asks for whatever the service has in mind; [`Rejection::Forbidden`] is a 403.
    pub fn require_rule(
        self,
        rule: impl Fn(&Claims) -> Result<(), Rejection> + Send + Sync + 'static,
    ) -> Self {
        self.require(Requirement::Rule(Arc::new(rule)))
    }

    /// Asks for claims of the service's own, all in one type; 401 where one is missing or of another type. Handlers take
    /// them as `Principal<C>`, or do without as `Principal`.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use serde::Deserialize;
    /// use shared::bearer::{Bearer, Principal};
    ///
    /// #[derive(Clone, Deserialize)]
    /// struct Tenant {
    ///     tenant: u32,
    /// }
    ///
    /// fn routes(bearer: &Bearer) -> Router {
    ///     Router::new().route("/tenant", get(tenant).layer(bearer.any_token().with_claims::<Tenant>()))
    /// }
    ///
    /// async fn tenant(caller: Principal<Tenant>) -> String {
    ///     format!("{} of {}", caller.claims().sub, caller.own().tenant)
    /// }
    /// ```
    pub fn with_claims<C: DeserializeOwned + Send + Sync + 'static>(mut self) -> Self {
        self.rules.own = Some(|claims| Ok(Own::new(claims.own::<C>()?)));
        self
    }

    fn require(mut self, requirement: Requirement) -> Self {
        self.rules.requirements.push(requirement);
        self
    }
}

impl<S> Layer<S> for BearerLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Authenticate<S> {
        Authenticate { inner, guard: Arc::clone(&self.guard), rules: Arc::new(self.rules.clone()) }
    }
}

/// A route behind a [`BearerLayer`].
#[derive(Clone)]
pub struct Authenticate<S> {
    inner: S,
    guard: Arc<Guard>,
    rules: Arc<Rules>,
}

type Answer = Result<Response, Infallible>;

impl<S, B> Service<Request<B>> for Authenticate<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    /// Refused at once, handed on at once, or in need of waiting: only the last one takes a box.
    type Future = Either<Either<Ready<Answer>, S::Future>, Pin<Box<dyn Future<Output = Answer> + Send>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut request = request.map(Body::new);
        // What an outer layer put there is not taken for the verdict of this one.
        request.extensions_mut().remove::<Admitted>();
        request.extensions_mut().remove::<Anonymous>();
        match self.guard.admit_now(Asked::from(&request), &self.rules) {
            Admission::Refuse(rejection) => {
                let (parts, _) = request.into_parts();
                Either::Left(Either::Left(ready(Ok(self.guard.refuse(rejection, &parts)))))
            }
            Admission::Pass(caller) if caller.is_none() || !is_form(request.headers()) => {
                self.guard.passed(caller.as_ref());
                Either::Left(Either::Right(self.inner.call(note(request, caller))))
            }
            admission @ (Admission::Pass(_) | Admission::Wait) => {
                Either::Right(Box::pin(self.take_time(request, admission)))
            }
        }
    }
}

impl<S> Authenticate<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    /// The way of requests that wait for keys or for the store of revoked tokens, and of those with a form.
    fn take_time(
        &mut self,
        request: Request<Body>,
        admission: Admission,
    ) -> impl Future<Output = Answer> + Send + use<S> {
        // The clone is not ready; the one that was polled ready is (see the docs of `tower::Service`).
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let (guard, rules) = (Arc::clone(&self.guard), Arc::clone(&self.rules));
        async move {
            let (parts, mut body) = request.into_parts();
            let verdict = match admission {
                Admission::Pass(caller) => Ok(caller),
                Admission::Refuse(rejection) => Err(rejection),
                Admission::Wait => guard.admit(Asked::from(&parts), &rules).await,
            };
            let caller = match verdict {
                Ok(caller) => caller,
                Err(rejection) => return Ok(guard.refuse(rejection, &parts)),
            };
            if caller.is_some() && is_form(&parts.headers) {
                match without_token(body).await {
                    Some(same) => body = same,
                    None => return Ok(guard.refuse(Rejection::TwoMethods, &parts)),
                }
            }
            guard.passed(caller.as_ref());
            inner.call(note(Request::from_parts(parts, body), caller)).await
        }
    }
}

/// The request with who calls.
fn note(mut request: Request<Body>, caller: Option<Admitted>) -> Request<Body> {
    match caller {
        Some(caller) => drop(request.extensions_mut().insert(caller)),
        None => drop(request.extensions_mut().insert(Anonymous)),
    }
    request
}

impl<S> fmt::Debug for Authenticate<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate").field("rules", &self.rules).finish_non_exhaustive()
    }
}
