//! What is decided about a request before its handler sees it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use ring::digest::{SHA256, digest};
use tokio::time::Instant;

use super::asked::Asked;
use super::challenge::Challenge;
use super::credentials::{Scheme, credentials, holds_token};
use super::extract::{Admitted, Own};
use super::holder::Holder;
use super::metrics::Metrics;
use super::requirement::Requirement;
use super::revocation::{RevocationCheck, WhenUnknown};
use crate::token::{Claims, Rejection, TokenVerifier};

const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Reads the service's own claims.
pub(super) type ReadOwn = fn(&Claims) -> Result<Own, Rejection>;

/// Makes the answer to a refused request.
pub(super) type Responder = Arc<dyn Fn(Rejection, &Parts) -> Response + Send + Sync>;

#[derive(Clone)]
pub(super) struct Guard {
    pub(super) verifier: Arc<TokenVerifier>,
    pub(super) challenge: Challenge,
    pub(super) holder: Holder,
    pub(super) revocation: Option<(Arc<dyn RevocationCheck>, WhenUnknown)>,
    pub(super) responder: Option<Responder>,
    pub(super) metrics: Metrics,
    pub(super) subject_hash: bool,
}

/// The rules of one route.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    pub(super) optional: bool,
    pub(super) requirements: Vec<Requirement>,
    pub(super) own: Option<ReadOwn>,
}

/// What can be said of a request without waiting.
pub(super) enum Admission {
    /// It passes, as this caller's or as nobody's.
    Pass(Option<Admitted>),
    Refuse(Rejection),
    /// It takes [`Guard::admit`] to find out more.
    Wait,
}

impl Guard {
    /// The verdict, where that needs no waiting.
    pub(super) fn admit_now(&self, asked: Asked<'_>, rules: &Rules) -> Admission {
        let started = Instant::now();
        let (scheme, token) = match self.token(asked, rules) {
            Ok(Some(presented)) => presented,
            Ok(None) => return Admission::Pass(None),
            Err(rejection) => return Admission::Refuse(rejection),
        };
        if self.revocation.is_some() {
            return Admission::Wait;
        }
        match self.verifier.verify_now_but_holder(token) {
            None => Admission::Wait,
            Some(verdict) => {
                self.metrics.judged(started.elapsed());
                match verdict.and_then(|claims| self.meet(asked, (scheme, token), claims, rules)) {
                    Ok(admitted) => Admission::Pass(Some(admitted)),
                    Err(rejection) => Admission::Refuse(rejection),
                }
            }
        }
    }

    /// The verdict, after waiting for keys and for the store of revoked tokens where need be.
    pub(super) async fn admit(&self, asked: Asked<'_>, rules: &Rules) -> Result<Option<Admitted>, Rejection> {
        let started = Instant::now();
        let Some((scheme, token)) = self.token(asked, rules)? else { return Ok(None) };
        let verdict = self.verifier.verify_but_holder(token).await;
        self.metrics.judged(started.elapsed());
        let claims = verdict?;
        if let Some((store, when_unknown)) = &self.revocation {
            match (store.is_revoked(&claims).await, when_unknown) {
                (Ok(false), _) => {}
                (Ok(true), _) => return Err(Rejection::Revoked),
                (Err(_), WhenUnknown::FailClosed) => {
                    return Err(Rejection::RevocationUnknown { retry_after: RETRY_AFTER });
                }
                (Err(_), WhenUnknown::FailOpen) => self.metrics.failed_open(),
            }
        }
        self.meet(asked, (scheme, token), claims, rules).map(Some)
    }

    /// The token of the request. `None`: it has none and needs none.
    fn token<'a>(&self, asked: Asked<'a>, rules: &Rules) -> Result<Option<(Scheme, &'a str)>, Rejection> {
        let presented = match credentials(asked.headers) {
            Ok((Scheme::Dpop, _)) if self.holder.dpop.is_none() => Err(Rejection::OtherScheme),
            presented => presented,
        };
        match presented {
            Ok(_) if asked.uri.query().is_some_and(|query| holds_token(query.as_bytes())) => {
                Err(Rejection::TwoMethods)
            }
            Ok(presented) => Ok(Some(presented)),
            Err(Rejection::NoCredentials | Rejection::OtherScheme) if rules.optional => Ok(None),
            Err(rejection) => Err(rejection),
        }
    }

    /// What the handler is told, if the token is the caller's to use and the claims are enough for the route.
    fn meet(
        &self,
        asked: Asked<'_>,
        presented: (Scheme, &str),
        claims: Arc<Claims>,
        rules: &Rules,
    ) -> Result<Admitted, Rejection> {
        self.holder.check(asked, presented, &claims, || self.verifier.now())?;
        if !rules.requirements.is_empty() {
            let now = self.verifier.now();
            rules.requirements.iter().try_for_each(|requirement| requirement.check(&claims, now))?;
        }
        let own = rules.own.map(|read| read(&claims)).transpose()?;
        Ok(Admitted { claims, own })
    }

    /// Counts a request that passes, and notes it in the span of the request.
    pub(super) fn passed(&self, caller: Option<&Admitted>) {
        let outcome = if caller.is_some() {
            self.metrics.accepted();
            "accepted"
        } else {
            self.metrics.counted("anonymous", "");
            "anonymous"
        };
        let issuer = caller.map(|caller| caller.claims.iss.as_str());
        self.record(outcome, "", issuer);
        if let (true, Some(caller)) = (self.subject_hash, caller) {
            let digest = digest(&SHA256, caller.claims.sub.as_bytes());
            tracing::Span::current().record("auth.sub_hash", URL_SAFE_NO_PAD.encode(&digest.as_ref()[..9]));
        }
    }

    /// The answer to a request that does not pass.
    pub(super) fn refuse(&self, rejection: Rejection, request: &Parts) -> Response {
        let (outcome, reason) = (rejection.outcome().name(), rejection.reason());
        self.metrics.counted(outcome, reason);
        // Whose token a refused one is cannot be said, unless there is but one issuer.
        let mut issuers = self.verifier.issuers();
        let issuer = issuers.next().filter(|_| issuers.len() == 0);
        self.record(outcome, reason, issuer);
        let mut response = match &self.responder {
            Some(respond) => self.challenge.complete(respond(rejection, request), rejection),
            None => self.challenge.answer(rejection),
        };
        if self.holder.dpop.is_some() {
            let by_dpop = matches!(credentials(&request.headers), Ok((Scheme::Dpop, _)));
            self.challenge.offer_dpop(&mut response, rejection, by_dpop);
        }
        response
    }

    /// Fields that the span of the request does not have are not recorded.
    fn record(&self, outcome: &str, reason: &str, issuer: Option<&str>) {
        let span = tracing::Span::current();
        // In one go: each is added to what is known of the span already.
        tracing::record_all!(span, auth.outcome = outcome, auth.reason = reason, auth.issuer = issuer);
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("verifier", &self.verifier)
            .field("challenge", &self.challenge)
            .finish_non_exhaustive()
    }
}
