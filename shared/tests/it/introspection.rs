//! Tokens that the issuer is asked about (RFC 7662).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use shared::clock::{Clock as _, Timestamp};
use shared::testing::FakeClock;
use shared::token::{Introspection, Rejection, TokenVerifier};
use url::Url;

const ISSUER: &str = "https://id.example";

/// An endpoint that answers as it is told to.
struct World {
    endpoint: Url,
    issuer: Arc<Issuer>,
    clock: Arc<FakeClock>,
}

#[derive(Default)]
struct Issuer {
    answer: Mutex<Option<Value>>,
    asked: AtomicUsize,
    seen: Mutex<(String, String)>,
}

async fn introspect(State(issuer): State<Arc<Issuer>>, headers: HeaderMap, form: String) -> Response {
    issuer.asked.fetch_add(1, Ordering::SeqCst);
    *issuer.seen.lock().unwrap() = (headers["authorization"].to_str().unwrap().to_owned(), form);
    let answer = issuer.answer.lock().unwrap().clone();
    answer
        .map_or_else(|| StatusCode::BAD_GATEWAY.into_response(), |answer| answer.to_string().into_response())
}

impl World {
    async fn start() -> Self {
        let issuer = Arc::new(Issuer::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/introspect", listener.local_addr().unwrap()).parse().unwrap();
        let app = Router::new().route("/introspect", post(introspect)).with_state(Arc::clone(&issuer));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { endpoint, issuer, clock: Arc::new(FakeClock::at(Timestamp::from_seconds(1_000_000))) }
    }

    fn verifier(&self, refine: impl FnOnce(Introspection) -> Introspection) -> TokenVerifier {
        let introspection = refine(Introspection::new(self.endpoint.clone(), "a client", "s:e%c").unwrap());
        let clock = Arc::<FakeClock>::clone(&self.clock);
        TokenVerifier::introspected(ISSUER, "notes", introspection, clock).build().unwrap()
    }

    fn answers(&self, answer: impl Into<Option<Value>>) {
        *self.issuer.answer.lock().unwrap() = answer.into();
    }

    fn asked(&self) -> usize {
        self.issuer.asked.load(Ordering::SeqCst)
    }

    /// What is said of an active token, but for one member.
    fn active_but(&self, name: &str, value: Value) -> Value {
        let now = self.clock.now().seconds();
        let mut answer = json!({
            "active": true, "iss": ISSUER, "sub": "s", "aud": ["notes"], "exp": now + 900, "iat": now, "jti": "j",
            "client_id": "c", "scope": "notes:read", "username": "ada", "token_type": "Bearer",
        });
        answer[name] = value;
        answer
    }

    fn active(&self) -> Value {
        self.active_but("active", json!(true))
    }
}

#[tokio::test]
async fn the_issuer_is_asked_about_each_request() {
    let world = World::start().await;
    let verifier = world.verifier(|introspection| introspection);
    world.answers(world.active());
    let claims = verifier.verify("any+thing&at=all").await.unwrap();
    assert_eq!((claims.sub.as_str(), claims.preferred_username.as_deref()), ("s", Some("ada")));
    assert!(claims.scope.contains("notes:read"));
    let (authorization, form) = world.issuer.seen.lock().unwrap().clone();
    assert_eq!(form, "token=any%2Bthing%26at%3Dall");
    assert_eq!(authorization, "Basic YStjbGllbnQ6cyUzQWUlMjVj", "a+client:s%3Ae%25c");
    world.answers(json!({"active": false}));
    assert_eq!(verifier.verify("any+thing&at=all").await, Err(Rejection::Inactive));
    assert_eq!(verifier.verify(&"x".repeat(8193)).await, Err(Rejection::TooLong));
    assert_eq!(world.asked(), 2);
    assert_eq!(verifier.verify_now("any+thing&at=all"), None);
}

#[tokio::test]
async fn an_answer_is_held_to_the_rules_for_tokens() {
    let world = World::start().await;
    let verifier = world.verifier(|introspection| introspection);
    let now = world.clock.now().seconds();
    for (name, value, expected) in [
        ("active", json!("true"), Rejection::Inactive),
        ("active", json!(1), Rejection::Inactive),
        ("iss", json!("https://other.example"), Rejection::Issuer),
        ("aud", json!("somebody-else"), Rejection::Audience),
        ("aud", json!(null), Rejection::IllTypedClaim("aud")),
        ("exp", json!(now - 31), Rejection::Expired),
        ("nbf", json!(now + 31), Rejection::NotYetValid),
        ("sub", json!(""), Rejection::IllTypedClaim("sub")),
        ("cnf", json!({"jkt": "x"}), Rejection::SenderConstrained),
        ("username", json!(7), Rejection::IllTypedClaim("username")),
    ] {
        world.answers(world.active_but(name, value.clone()));
        assert_eq!(verifier.verify("t").await, Err(expected), "{name} {value}");
    }
    for missing in ["iss", "sub", "aud", "exp", "jti", "client_id"] {
        let mut answer = world.active();
        answer.as_object_mut().unwrap().remove(missing);
        world.answers(answer);
        assert_eq!(verifier.verify("t").await, Err(Rejection::MissingClaim(missing)));
    }
    world.answers(json!([]));
    assert_eq!(verifier.verify("t").await, Err(Rejection::Malformed));
}

#[tokio::test]
async fn nobody_passes_while_the_issuer_cannot_be_asked() {
    let world = World::start().await;
    let verifier = world.verifier(|introspection| introspection.remember_for(Duration::from_secs(10)));
    let unavailable = Rejection::IntrospectionUnavailable { retry_after: Duration::from_secs(5) };
    assert_eq!(verifier.verify("t").await, Err(unavailable));
    world.answers(world.active());
    assert!(verifier.verify("t").await.is_ok());
    world.answers(None);
    assert!(verifier.verify("t").await.is_ok(), "for as long as the answer is remembered");
    assert_eq!(verifier.verify("another").await, Err(unavailable));
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(verifier.verify("t").await, Err(unavailable));
}

#[tokio::test]
async fn an_answer_is_remembered_no_longer_than_said_and_than_the_token_lives() {
    let world = World::start().await;
    let verifier = world.verifier(|introspection| introspection.remember_for(Duration::from_secs(60)));
    world.answers(world.active_but("exp", json!(world.clock.now().seconds() + 10)));
    for _ in 0..3 {
        assert!(verifier.verify("t").await.is_ok());
    }
    assert_eq!(world.asked(), 1);
    world.clock.advance(Duration::from_secs(40));
    assert_eq!(verifier.verify("t").await, Err(Rejection::Expired), "exp and leeway");
    world.answers(world.active());
    assert!(verifier.verify("t").await.is_ok());
    world.clock.advance(Duration::from_secs(59));
    assert!(verifier.verify("t").await.is_ok());
    assert_eq!(world.asked(), 3);
    world.clock.advance(Duration::from_secs(1));
    assert!(verifier.verify("t").await.is_ok());
    assert_eq!(world.asked(), 4);
}

#[tokio::test]
async fn only_one_issuer_can_be_asked_and_only_over_tls() {
    let of = |endpoint: &str| {
        let introspection = Introspection::new(endpoint.parse().unwrap(), "c", "s").unwrap();
        TokenVerifier::introspected(ISSUER, "notes", introspection, Arc::new(shared::clock::SystemClock))
    };
    assert!(of("https://id.example/introspect").build().is_ok());
    assert_eq!(of("http://id.example/introspect").build().unwrap_err().problems().len(), 1);
    let several = of("https://id.example/introspect").also_issuer("https://two.example").build();
    assert_eq!(several.unwrap_err().problems().len(), 1);
}
