//! What a request gets in each failure, what it costs the issuer, and what operators see of it: the table of
//! docs/protect-your-service.md, line by line.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde_json::json;
use shared::bearer::Bearer;
use shared::clock::Clock as _;
use shared::http::{Edge, EdgeSettings, Metrics};
use shared::jwks::{RemoteJwks, RemoteJwksSettings};
use shared::random::SystemRandom;
use shared::testing::{FakeClock, Fault, MockIssuer, TestKey, TokenBuilder, forge};
use shared::token::TokenVerifier;
use tower::ServiceExt as _;

struct World {
    issuer: MockIssuer,
    clock: Arc<FakeClock>,
    app: Router,
    registry: Registry,
    jwks: Arc<RemoteJwks>,
    key: TestKey,
}

impl World {
    fn start(issuer: MockIssuer) -> Self {
        let clock = Arc::new(FakeClock::running());
        let settings = RemoteJwksSettings::new(issuer.issuer().clone());
        let random = Arc::new(SystemRandom::new());
        let jwks = RemoteJwks::start(settings, issuer.transport(), clock.clone(), random).unwrap();
        let jwks = Arc::new(jwks);
        let verifier = TokenVerifier::builder(issuer.issuer().as_str(), "books", jwks.clone(), clock.clone());
        let bearer = Bearer::new(verifier.cache_tokens(100).build().unwrap(), "books");
        let mut registry = Registry::default();
        bearer.register(&mut registry);
        let done = || async { "done" };
        let app = Router::new()
            .route("/public", get(done))
            .route("/any", get(done).layer(bearer.any_token()))
            .route("/optional", get(done).layer(bearer.optional()))
            .route("/read", get(done).layer(bearer.scope("books:read")))
            .route("/recent", get(done).layer(bearer.any_token().require_auth_age(Duration::from_secs(60))));
        Self { issuer, clock, app, registry, jwks, key: TestKey::a() }
    }

    async fn loaded() -> Self {
        let world = Self::start(MockIssuer::in_memory(vec![TestKey::a().jwk()]));
        world.jwks.loaded().await;
        world
    }

    fn token(&self) -> TokenBuilder {
        TokenBuilder::new(self.issuer.issuer().as_str(), "books", self.clock.now())
    }

    async fn send(&self, path: &str, authorization: &[String]) -> Answer {
        let mut request = Request::get(path);
        for value in authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let response = self.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let header =
            |name| parts.headers.get(name).map_or("", |value: &http::HeaderValue| value.to_str().unwrap());
        Answer {
            status: parts.status,
            challenge: header(WWW_AUTHENTICATE).to_owned(),
            retry_after: header(RETRY_AFTER).to_owned(),
            body: String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned(),
        }
    }

    async fn with(&self, path: &str, token: &str) -> Answer {
        self.send(path, &[format!("Bearer {token}")]).await
    }

    fn metrics(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        text
    }

    #[track_caller]
    fn counted(&self, line: &str) {
        let text = self.metrics();
        assert!(text.lines().any(|own| own == line), "{line} is not in\n{text}");
    }
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    challenge: String,
    retry_after: String,
    body: String,
}

const INVALID: &str =
    "Bearer realm=\"books\", error=\"invalid_token\", error_description=\"Token is invalid\"";

#[tokio::test(start_paused = true)]
async fn requests_without_one_well_formed_token() {
    let world = World::loaded().await;
    for authorization in [&[][..], &["Basic dTpw".to_owned()]] {
        let answer = world.send("/any", authorization).await;
        assert_eq!((answer.status.as_u16(), answer.challenge.as_str()), (401, "Bearer realm=\"books\""));
        assert_eq!(world.send("/optional", authorization).await.status, 200);
    }
    let good = format!("Bearer {}", world.token().sign(&world.key));
    for bad in [vec![good.clone(), good.clone()], vec![format!("{good}, {good}")], vec!["Bearer".to_owned()]]
    {
        for path in ["/any", "/optional"] {
            let answer = world.send(path, &bad).await;
            assert_eq!(answer.status, 400, "{answer:?}");
            assert!(answer.challenge.ends_with("error=\"invalid_request\""));
        }
    }
    world.counted(r#"auth_requests_total{outcome="missing",reason="no_credentials"} 1"#);
    world.counted(r#"auth_requests_total{outcome="missing",reason="other_scheme"} 1"#);
    world.counted(r#"auth_requests_total{outcome="anonymous",reason=""} 2"#);
    world.counted(r#"auth_requests_total{outcome="invalid_request",reason="repeated_header"} 2"#);
    world.counted(r#"auth_requests_total{outcome="invalid_request",reason="malformed_header"} 4"#);
}

#[tokio::test(start_paused = true)]
async fn tokens_that_no_key_is_looked_up_for() {
    let world = World::loaded().await;
    let (header, payload) = world.token().parts(world.key.kid());
    let signed = |header: &str, payload: &str| TokenBuilder::sign_parts(header, payload, &world.key);
    let unknown = TestKey::b();
    let mut expected = std::collections::BTreeMap::<&str, u32>::new();
    for (reason, token) in [
        ("too_long", "a".repeat(8193)),
        ("malformed", "a.b".to_owned()),
        ("malformed", "a.b.c.d.e".to_owned()),
        ("malformed", format!("{}=", world.token().sign(&world.key))),
        ("malformed", signed("{", &payload)),
        ("malformed", signed("\u{feff}{}", &payload)),
        (
            "malformed",
            world.token().header("kid", unknown.kid()).raw_header("alg", "\"RS256\"").sign(&unknown),
        ),
        ("algorithm", world.token().header("alg", "RS512").sign(&unknown)),
        ("critical", world.token().header("crit", json!(["x"])).sign(&unknown)),
        ("type", world.token().header("typ", "JWT").sign(&unknown)),
        ("key_id", world.token().header("kid", "").sign(&unknown)),
        ("key_id", world.token().header("kid", "a b").sign(&unknown)),
        ("unknown_key", world.token().claim("iss", "https://other.test").sign(&unknown)),
        ("unknown_key", world.token().claim("exp", 1).sign(&unknown)),
        ("unknown_key", world.token().claim("aud", "shelves").sign(&unknown)),
        ("unknown_key", world.token().header("jwk", unknown.jwk()).sign(&unknown)),
        ("signature", forge::with_signature(&header, &payload, &[7; 256])),
    ] {
        let answer = world.with("/any", &token).await;
        assert_eq!((answer.status.as_u16(), answer.challenge.as_str()), (401, INVALID), "{reason}");
        *expected.entry(reason).or_default() += 1;
    }
    for (reason, count) in expected {
        world
            .counted(&format!(r#"auth_requests_total{{outcome="invalid_token",reason="{reason}"}} {count}"#));
    }
    assert_eq!(world.issuer.fetches(), 1, "none of them was worth a fetch");
}

#[tokio::test(start_paused = true)]
async fn unknown_keys_while_the_issuer_answers() {
    let world = World::loaded().await;
    let unknown = world.token().sign(&TestKey::b());
    let started = tokio::time::Instant::now();
    for fetches in [2, 2] {
        assert_eq!(world.with("/any", &unknown).await.status, 401);
        assert_eq!(world.issuer.fetches(), fetches, "the second falls into the cooldown");
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
    world.counted("jwks_refetch_suppressed_total 1");
    world.counted(r#"jwks_fetch_total{result="ok"} 1"#);
    world.counted(r#"jwks_fetch_total{result="not_modified"} 1"#);
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.issuer.announce(&TestKey::b());
    assert_eq!(world.with("/any", &world.token().sign(&TestKey::b())).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn unknown_keys_while_the_issuer_is_away() {
    let world = World::loaded().await;
    world.issuer.fail(Fault::Status(500));
    for _ in 0..2 {
        let answer = world.with("/any", &world.token().sign(&TestKey::b())).await;
        assert_eq!((answer.status.as_u16(), answer.retry_after.as_str()), (503, "5"), "we cannot know");
        assert!(answer.body.contains("keys_unavailable") && answer.challenge.is_empty());
        assert_eq!(world.with("/any", &world.token().sign(&world.key)).await.status, 200, "known keys");
    }
    world.counted(r#"auth_requests_total{outcome="unavailable",reason="keys_unavailable"} 2"#);
    world.counted(r#"jwks_fetch_total{result="status"} 1"#);
    world.counted("jwks_state 1");
    tokio::time::sleep(Duration::from_secs(300)).await;
    world.counted("jwks_state 2");
    world.counted("jwks_age_seconds 300");
}

#[tokio::test(start_paused = true)]
async fn entries_of_no_use_are_counted_and_the_rest_is_used() {
    let exotic = json!({"kty": "AKP", "kid": "x"});
    let mut private = TestKey::b().jwk();
    private["d"] = json!("AQAB");
    let issuer = MockIssuer::in_memory(vec![exotic, private, TestKey::a().jwk()]);
    let world = World::start(issuer);
    world.jwks.loaded().await;
    assert_eq!(world.with("/any", &world.token().sign(&world.key)).await.status, 200);
    assert_eq!(world.with("/any", &world.token().sign(&TestKey::b())).await.status, 401);
    world.counted(r#"jwk_skipped_total{reason="key_type"} 1"#);
    world.counted(r#"jwk_skipped_total{reason="not_public"} 1"#);
    world.counted("jwks_keys 1");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_vanished_takes_its_tokens_with_it() {
    let world = World::loaded().await;
    let token = world.token().sign(&world.key);
    for _ in 0..2 {
        assert_eq!(world.with("/any", &token).await.status, 200);
    }
    world.counted("token_cache_hit_total 1");
    world.issuer.publish(vec![TestKey::b().jwk()]);
    world.jwks.demand_refresh();
    world.jwks.next_refresh().await;
    assert_eq!(world.with("/any", &token).await.status, 401);
    world.counted("token_cache_stale_generation_total 1");
}

#[tokio::test(start_paused = true)]
async fn an_outage_beyond_the_bound_leaves_public_routes_alone() {
    let world = World::loaded().await;
    world.issuer.fail(Fault::Refuse);
    tokio::time::sleep(Duration::from_secs(3900)).await;
    let answer = world.with("/any", &world.token().sign(&world.key)).await;
    assert_eq!((answer.status.as_u16(), answer.retry_after.as_str()), (503, "5"));
    assert_eq!(world.send("/public", &[]).await.status, 200);
    assert_eq!(world.send("/optional", &[]).await.status, 200);
    assert_eq!(world.send("/any", &[]).await.status, 401);
    world.counted("jwks_state 3");
}

#[tokio::test(start_paused = true)]
async fn a_start_without_an_issuer_recovers_by_itself() {
    let issuer = MockIssuer::in_memory(vec![TestKey::a().jwk()]);
    issuer.fail(Fault::Refuse);
    let world = World::start(issuer);
    assert_eq!(world.with("/any", &world.token().sign(&world.key)).await.status, 503);
    assert_eq!(world.send("/public", &[]).await.status, 200);
    assert!(!world.jwks.is_loaded());
    world.counted("jwks_state 0");
    world.issuer.fail(None);
    world.jwks.loaded().await;
    assert_eq!(world.with("/any", &world.token().sign(&world.key)).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn valid_tokens_that_are_not_enough() {
    let world = World::loaded().await;
    let answer = world.with("/read", &world.token().sign(&world.key)).await;
    assert_eq!(answer.status, 403);
    assert!(answer.challenge.ends_with("error=\"insufficient_scope\", scope=\"books:read\""));
    let answer = world.with("/recent", &world.token().claim("auth_time", 1).sign(&world.key)).await;
    assert_eq!(answer.status, 401);
    assert!(answer.challenge.contains("insufficient_user_authentication"));
    assert!(answer.challenge.ends_with("max_age=\"60\""));
    world.counted(r#"auth_requests_total{outcome="forbidden",reason="scope"} 1"#);
    world.counted(r#"auth_requests_total{outcome="step_up",reason="login_too_old"} 1"#);
    assert!(world.metrics().contains("auth_verify_seconds_count 2"));
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_refused_request_is_not_read() {
    let world = World::loaded().await;
    let body =
        Body::from_stream(futures_util::stream::pending::<Result<axum::body::Bytes, std::io::Error>>());
    let request = Request::get("/read")
        .header(AUTHORIZATION, format!("Bearer {}", world.token().sign(&world.key)))
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = world.app.clone().oneshot(request.body(body).unwrap());
    let answer = tokio::time::timeout(Duration::from_secs(60), answer).await.expect("does not wait for it");
    assert_eq!(answer.unwrap().status(), 403);
}

/// A log that can be read.
#[derive(Clone, Debug, Default)]
struct Buffer(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_line_of_a_request_says_what_was_made_of_its_token() {
    let mut world = World::loaded().await;
    let (metrics, random) = (Arc::new(Metrics::new()), Arc::new(SystemRandom::new()));
    world.app = Edge::new(EdgeSettings::default(), metrics, random).surround(world.app);
    let (log, token) = (Buffer::default(), world.token().sign(&world.key));
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let listening = tracing::subscriber::set_default(subscriber);
    world.with("/any", &token).await;
    world.with("/any", &world.token().claim("exp", 1).sign(&world.key)).await;
    drop(listening);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("path=\"/any\"")).collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines[0].contains("auth.outcome=\"accepted\""), "{log}");
    assert!(lines[0].contains("auth.issuer=\"https://issuer.test\""), "{log}");
    assert!(lines[1].contains("auth.outcome=\"invalid_token\" auth.reason=\"expired\""), "{log}");
    assert!(!log.contains(token.rsplit('.').next().unwrap()), "no part of a token");
}
