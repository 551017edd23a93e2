//! The known attacks on services that verify tokens, as a suite for any router.
//!
//! Each row of the table starts the service on a port of this machine with an issuer of its own, sends what an attacker
//! would send, as bytes, and looks at what comes back: the status, a well-formed challenge (RFC 6750 §3), no server
//! error, and a valid request that still passes.
//!
//! ```
//! use axum::{Router, routing::get};
//! use shared::bearer::Bearer;
//! use shared::testing::conformance::{self, Subject};
//! use shared::token::TokenVerifier;
//!
//! fn app(verifier: TokenVerifier) -> Router {
//!     let bearer = Bearer::new(verifier, "notes");
//!     Router::new().route("/notes", get(|| async { "…" }).layer(bearer.scope("notes:read")))
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # async fn in_a_test() {
//! let subject = Subject::new("notes", "/notes", "notes:read");
//! conformance::run(subject, |setting| async move { app(setting.verifier("notes")) }).await;
//! # }
//! # }
//! ```
//!
//! In a runtime of one thread, as `#[tokio::test]` makes it, the log of the service is looked through as well.

mod case;
mod claims;
mod header;
mod keys;
mod requests;
mod wire;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use self::case::{Case, Outcome};
use super::{FakeClock, MockIssuer};
use crate::clock::Clock;
use crate::jwks::{KeySource, RemoteJwks, RemoteJwksSettings};
use crate::random::SystemRandom;
use crate::token::TokenVerifier;

/// What there is to attack.
#[derive(Clone, Debug)]
pub struct Subject {
    audience: String,
    path: String,
    scope: String,
    other_scope: Option<(String, String)>,
    optional: Option<String>,
    max_lifetime: bool,
}

impl Subject {
    /// A service for this audience, with a route that answers `GET path` with 2xx to tokens of this scope.
    pub fn new(audience: impl Into<String>, path: impl Into<String>, scope: impl Into<String>) -> Self {
        Self {
            audience: audience.into(),
            path: path.into(),
            scope: scope.into(),
            other_scope: None,
            optional: None,
            max_lifetime: false,
        }
    }

    /// Another route, by method and path, that such a token must not reach.
    pub fn another_scope(mut self, method: impl Into<String>, path: impl Into<String>) -> Self {
        self.other_scope = Some((method.into(), path.into()));
        self
    }

    /// A route that answers `GET path` with 2xx to anybody, and otherwise to those with a token.
    pub fn optional(mut self, path: impl Into<String>) -> Self {
        self.optional = Some(path.into());
        self
    }

    /// Tokens that are valid for centuries are refused.
    pub fn max_lifetime(mut self) -> Self {
        self.max_lifetime = true;
        self
    }
}

/// What the service under attack is to be made with.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Whose tokens it takes: an issuer on a port of this machine.
    pub issuer: MockIssuer,
    /// The time that it goes by.
    pub clock: Arc<FakeClock>,
}

impl Setting {
    /// A verifier for `audience` with this issuer and this time.
    pub fn verifier(&self, audience: &str) -> TokenVerifier {
        self.verifier_with(audience, |builder| builder)
    }

    /// The same, refined.
    #[expect(clippy::expect_used, reason = "a test whose rules cannot be used shall say so")]
    pub fn verifier_with(
        &self,
        audience: &str,
        refine: impl FnOnce(crate::token::TokenVerifierBuilder) -> crate::token::TokenVerifierBuilder,
    ) -> TokenVerifier {
        let settings = RemoteJwksSettings {
            wait_for_keys: Duration::from_millis(200),
            ..RemoteJwksSettings::new(self.issuer.issuer().clone())
        };
        let clock: Arc<dyn Clock> = Arc::<FakeClock>::clone(&self.clock);
        let random = Arc::new(SystemRandom::new());
        let keys = RemoteJwks::start(settings, self.issuer.transport(), Arc::clone(&clock), random);
        let keys: Arc<dyn KeySource> = Arc::new(keys.expect("usable settings"));
        refine(TokenVerifier::builder(self.issuer.issuer().as_str(), audience, keys, clock))
            .build()
            .expect("usable rules")
    }
}

type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
type Build<'a> = dyn Fn(Setting) -> Local<'a, Router> + 'a;
type Row = for<'a, 'b> fn(&'b Case<'a>) -> Local<'b, Outcome>;

/// The table: number, name, and the attack.
const ROWS: [(u8, &str, Row); 35] = [
    (1, "alg none and its spellings", |case| Box::pin(header::none(case))),
    (2, "HMAC with the public key", |case| Box::pin(header::key_confusion(case))),
    (3, "another algorithm of the same family", |case| Box::pin(header::other_rsa(case))),
    (4, "embedded jwk", |case| Box::pin(header::embedded_jwk(case))),
    (5, "jku, x5u, x5c", |case| Box::pin(header::key_by_url(case))),
    (6, "kid injection", |case| Box::pin(header::kid_injection(case))),
    (7, "kid echoed to the issuer", |case| Box::pin(keys::kid_echo(case))),
    (8, "crit", |case| Box::pin(header::crit(case))),
    (9, "b64 false", |case| Box::pin(header::unencoded(case))),
    (10, "psychic signatures", |case| Box::pin(header::psychic(case))),
    (11, "base64 that is not canonical", |case| Box::pin(header::lax_base64(case))),
    (12, "JWE in place of JWS", |case| Box::pin(header::jwe(case))),
    (13, "JSON serialization", |case| Box::pin(header::json_serialization(case))),
    (14, "one name twice", |case| Box::pin(claims::duplicates(case))),
    (15, "claims of the wrong type", |case| Box::pin(claims::types(case))),
    (16, "not yet valid, or for ever", |case| Box::pin(claims::times(case))),
    (17, "tokens of another kind", |case| Box::pin(claims::other_tokens(case))),
    (18, "keys that are not for signing", |case| Box::pin(keys::wrong_use(case))),
    (19, "weak keys", |case| Box::pin(keys::weak(case))),
    (20, "remembered tokens", |case| Box::pin(requests::remembered(case))),
    (21, "a flood of unknown kids", |case| Box::pin(keys::flood(case))),
    (22, "a bad kid during an outage", |case| Box::pin(keys::outage(case))),
    (23, "no keys", |case| Box::pin(keys::never_loaded(case))),
    (24, "poisoned key sets", |case| Box::pin(keys::poisoned(case))),
    (25, "huge tokens", |case| Box::pin(requests::huge(case))),
    (26, "bombs", |case| Box::pin(header::bombs(case))),
    (27, "more than one header, or an odd one", |case| Box::pin(requests::smuggling(case))),
    (28, "parts that are no base64url", |case| Box::pin(requests::odd_parts(case))),
    (29, "server errors on demand", |case| Box::pin(keys::no_server_error(case))),
    (30, "the log", |case| Box::pin(requests::log(case))),
    (31, "answers as an oracle", |case| Box::pin(claims::oracle(case))),
    (32, "HMAC that is not checked", |case| Box::pin(header::hmac(case))),
    (33, "sender-constrained tokens", |case| Box::pin(claims::sender_constrained(case))),
    (34, "a bad token taken for none", |case| Box::pin(requests::downgrade(case))),
    (35, "other methods and paths", |case| Box::pin(requests::bypass(case))),
];

/// Runs every attack against the service that `build` makes.
///
/// # Panics
/// One of them succeeded. The message names each that did, by number and name.
pub async fn run<F>(subject: Subject, build: impl Fn(Setting) -> F)
where
    F: Future<Output = Router>,
{
    let build: &Build<'_> = &|setting| Box::pin(build(setting));
    let mut failures = Vec::new();
    for (number, name, row) in ROWS {
        let outcome = match Case::loaded(&subject, build).await {
            Ok(case) => row(&case).await,
            Err(problem) => Err(problem),
        };
        if let Err(problem) = outcome {
            failures.push(format!("row {number}, {name}: {problem}"));
        }
    }
    assert!(failures.is_empty(), "{} attacks succeeded:\n{}", failures.len(), failures.join("\n"));
}
