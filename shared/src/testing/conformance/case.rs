//! One row of the table at work: a service of its own, its issuer, and what both must do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::wire::{self, Reply};
use super::{Build, Setting, Subject};
use crate::clock::Clock as _;
use crate::testing::{FakeClock, Fault, MockIssuer, TestKey, TokenBuilder};

/// What went wrong, in one line.
pub(super) type Outcome = Result<(), String>;

/// A service under attack, on a port of this machine.
pub(super) struct Case<'a> {
    pub(super) subject: &'a Subject,
    build: &'a Build<'a>,
    pub(super) issuer: MockIssuer,
    pub(super) clock: Arc<FakeClock>,
    pub(super) key: TestKey,
    pub(super) address: SocketAddr,
    server: AbortHandle,
}

impl Drop for Case<'_> {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl<'a> Case<'a> {
    /// A service that has loaded its issuer's one key.
    pub(super) async fn loaded(subject: &'a Subject, build: &'a Build<'a>) -> Result<Self, String> {
        Self::publishing(subject, build, vec![TestKey::a().jwk()]).await
    }

    async fn publishing(
        subject: &'a Subject,
        build: &'a Build<'a>,
        keys: Vec<Value>,
    ) -> Result<Self, String> {
        let case = Self::start(subject, build, MockIssuer::start(keys).await).await?;
        case.becomes_ready().await?;
        Ok(case)
    }

    async fn start(subject: &'a Subject, build: &'a Build<'a>, issuer: MockIssuer) -> Result<Self, String> {
        let clock = Arc::new(FakeClock::default());
        let app: Router = build(Setting { issuer: issuer.clone(), clock: Arc::clone(&clock) }).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let server = tokio::spawn(async move { drop(axum::serve(listener, app).await) }).abort_handle();
        Ok(Self { subject, build, issuer, clock, key: TestKey::a(), address, server })
    }

    /// Another service, whose issuer publishes these keys.
    pub(super) async fn with_keys(&self, keys: Vec<Value>) -> Result<Case<'a>, String> {
        Self::publishing(self.subject, self.build, keys).await
    }

    /// Another service that has loaded its keys.
    pub(super) async fn again(&self) -> Result<Case<'a>, String> {
        Self::loaded(self.subject, self.build).await
    }

    /// Another service, whose issuer fails from the start.
    pub(super) async fn failing(&self, fault: Fault) -> Result<Case<'a>, String> {
        let issuer = MockIssuer::with_key(&self.key).await;
        issuer.fail(fault);
        Self::start(self.subject, self.build, issuer).await
    }

    /// Waits for the keys.
    pub(super) async fn becomes_ready(&self) -> Outcome {
        let token = self.token().sign(&self.key);
        for _ in 0..200 {
            if self.get(&token).await?.status != 503 {
                return self.accepts("a valid token", &token).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the service did not load the keys of its issuer in time".to_owned())
    }

    /// A valid token for the guarded route, to be bent.
    pub(super) fn token(&self) -> TokenBuilder {
        let issuer = self.issuer.issuer().as_str();
        TokenBuilder::new(issuer, &self.subject.audience, self.clock.now()).scope(&self.subject.scope)
    }

    /// Asks for the guarded route with this token.
    pub(super) async fn get(&self, token: &str) -> Result<Reply, String> {
        self.send(&[format!("Authorization: Bearer {token}").into_bytes()]).await
    }

    /// Asks for the guarded route with these header lines.
    pub(super) async fn send(&self, lines: &[Vec<u8>]) -> Result<Reply, String> {
        self.request("GET", &self.subject.path, lines, "").await
    }

    pub(super) async fn request(
        &self,
        method: &str,
        target: &str,
        lines: &[Vec<u8>],
        body: &str,
    ) -> Result<Reply, String> {
        wire::send(self.address, method, target, lines, body).await
    }

    /// The token is refused as invalid, the answer is well-formed, and a valid token still passes.
    pub(super) async fn refuses(&self, what: &str, token: &str) -> Outcome {
        let reply = self.get(token).await.map_err(|problem| format!("{what}: {problem}"))?;
        answered(what, &reply, &[401])?;
        self.goes_on(what).await
    }

    /// The same for each of these.
    pub(super) async fn refuses_all(&self, forged: Vec<(String, String)>) -> Outcome {
        for (what, token) in forged {
            self.refuses(&what, &token).await?;
        }
        Ok(())
    }

    /// The token passes.
    pub(super) async fn accepts(&self, what: &str, token: &str) -> Outcome {
        let reply = self.get(token).await.map_err(|problem| format!("{what}: {problem}"))?;
        if (200..300).contains(&reply.status) {
            Ok(())
        } else {
            Err(format!("{what}: expected 2xx, got {} {}", reply.status, reply.body))
        }
    }

    /// A valid token still passes.
    pub(super) async fn goes_on(&self, after: &str) -> Outcome {
        let token = self.token().sign(&self.key);
        self.accepts(&format!("a valid token after {after}"), &token).await
    }

    /// A token that a key signed which nobody has published, or anybody could have.
    pub(super) fn unknown(&self, kid: &str) -> String {
        let (header, payload) = self.token().parts(kid);
        let [header, payload, signature] =
            [header.as_bytes(), payload.as_bytes(), &[7; 256]].map(|part| URL_SAFE_NO_PAD.encode(part));
        format!("{header}.{payload}.{signature}")
    }
}

/// The answer has one of these statuses and is well-formed.
pub(super) fn answered(what: &str, reply: &Reply, expected: &[u16]) -> Outcome {
    if !expected.contains(&reply.status) {
        return Err(format!("{what}: expected {expected:?}, got {} {}", reply.status, reply.body));
    }
    match reply.flaw() {
        Some(flaw) => Err(format!("{what}: {flaw}")),
        None => Ok(()),
    }
}

/// `Ok` where the condition holds.
pub(super) fn holds(condition: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if condition { Ok(()) } else { Err(otherwise()) }
}
