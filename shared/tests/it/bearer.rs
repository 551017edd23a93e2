use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use shared::bearer::{Bearer, Principal};
use shared::clock::Clock as _;
use shared::jwks::{KeySnapshot, LocalKeys};
use shared::testing::{FakeClock, TestKey, TokenBuilder};
use shared::token::TokenVerifier;
use tower::ServiceExt as _;

const ISSUER: &str = "https://id.example";

struct World {
    clock: Arc<FakeClock>,
    app: Router,
    key: TestKey,
}

impl World {
    fn new() -> Self {
        let (clock, key) = (Arc::new(FakeClock::default()), TestKey::a());
        let keys = Arc::new(LocalKeys::new(KeySnapshot::of([key.verifying_key()])));
        let verifier = TokenVerifier::builder(ISSUER, "books", keys, clock.clone())
            .max_lifetime(Duration::from_secs(3600))
            .build();
        let bearer = Bearer::new(verifier, "books");
        let name = |caller: Option<Principal>| async move {
            caller.map_or("anonymous".to_owned(), |caller| caller.claims().sub.clone())
        };
        let app = Router::new()
            .route(
                "/any",
                get(|caller: Principal| async move { caller.claims().sub.clone() }).layer(bearer.any_token()),
            )
            .route("/read", get(name).layer(bearer.scope("books:read")))
            .route("/optional", get(name).layer(bearer.optional()))
            .route("/unguarded", get(|_: Principal| async { "never" }));
        Self { clock, app, key }
    }

    fn token(&self) -> TokenBuilder {
        TokenBuilder::new(ISSUER, "books", self.clock.now())
    }

    async fn get(&self, path: &str, token: Option<&str>) -> (StatusCode, Value, String) {
        let mut request = Request::get(path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = self.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        if parts.status.is_client_error() {
            assert_eq!(parts.headers[CONTENT_TYPE], "application/problem+json");
            assert_eq!(parts.headers[CACHE_CONTROL], "no-store");
        }
        let challenge =
            parts.headers.get(WWW_AUTHENTICATE).map_or("", |value| value.to_str().unwrap()).to_owned();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, serde_json::from_slice(&body).unwrap_or_default(), challenge)
    }

    async fn refused(&self, token: &str) -> Value {
        let (status, body, challenge) = self.get("/any", Some(token)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
        assert!(challenge.starts_with("Bearer realm=\"books\", error=\"invalid_token\""), "{challenge}");
        assert_eq!(body["code"], "invalid_token");
        body["msg"].clone()
    }
}

#[tokio::test]
async fn a_good_token_passes_and_a_scope_is_asked_for() {
    let world = World::new();
    assert_eq!(world.get("/any", Some(&world.token().sign(&world.key))).await.0, StatusCode::OK);
    let reader = world.token().scope("books:read").sign(&world.key);
    assert_eq!(world.get("/read", Some(&reader)).await.0, StatusCode::OK);
    let (status, body, challenge) = world.get("/read", Some(&world.token().sign(&world.key))).await;
    assert_eq!((status, &body["code"]), (StatusCode::FORBIDDEN, &"insufficient_scope".into()));
    assert!(challenge.ends_with("error=\"insufficient_scope\", scope=\"books:read\""), "{challenge}");
}

#[tokio::test]
async fn without_a_token_the_challenge_names_no_error() {
    let world = World::new();
    let (status, body, challenge) = world.get("/any", None).await;
    assert_eq!((status, challenge.as_str()), (StatusCode::UNAUTHORIZED, "Bearer realm=\"books\""));
    assert_eq!(body["msg"], "Missing Authorization Header");
}

#[tokio::test]
async fn times_count_to_the_second_with_the_leeway() {
    let world = World::new();
    let now = world.clock.now().seconds();
    let any = |token: String| async move { World::new().get("/any", Some(&token)).await.0 };
    assert_eq!(any(world.token().claim("exp", now - 29).claim("iat", now - 60).sign(&world.key)).await, 200);
    let expired = world.token().claim("exp", now - 30).claim("iat", now - 60).sign(&world.key);
    assert_eq!(world.refused(&expired).await, "Token has expired");
    assert_eq!(any(world.token().claim("nbf", now + 30).sign(&world.key)).await, 200);
    assert_eq!(
        world.refused(&world.token().claim("nbf", now + 31).sign(&world.key)).await,
        "Token is invalid"
    );
    assert_eq!(
        world.refused(&world.token().claim("iat", now + 31).sign(&world.key)).await,
        "Token is invalid"
    );
    let eternal = world.token().claim("exp", now + 3601).sign(&world.key);
    assert_eq!(world.refused(&eternal).await, "Token is invalid");
}

#[tokio::test]
async fn what_was_not_signed_for_us_is_refused_alike() {
    let world = World::new();
    let good = world.token();
    for (what, token) in [
        ("issuer", good.clone().claim("iss", format!("{ISSUER}/")).sign(&world.key)),
        ("unknown key", good.sign(&TestKey::b())),
        ("signature", good.clone().header("kid", world.key.kid()).sign(&TestKey::b())),
        ("type", good.clone().header("typ", "JWT").sign(&world.key)),
        ("binding", good.clone().claim("cnf", serde_json::json!({"jkt": "x"})).sign(&world.key)),
        ("missing", good.clone().without_claim("jti").sign(&world.key)),
        (
            "forged refresh token",
            good.clone().header("typ", "rt+jwt").header("kid", world.key.kid()).sign(&TestKey::b()),
        ),
        ("expired, unsigned", {
            let expired = good.clone().claim("exp", 1).header("kid", world.key.kid());
            expired.sign(&TestKey::b())
        }),
    ] {
        assert_eq!(world.refused(&token).await, "Token is invalid", "{what}");
    }
    let elsewhere = good.clone().claim("aud", "shelves").sign(&world.key);
    assert_eq!(world.refused(&elsewhere).await, "Token is meant for another service");
    let refresh = good.header("typ", "rt+jwt").sign(&world.key);
    assert_eq!(world.refused(&refresh).await, "Only non-refresh tokens are allowed");
}

#[tokio::test]
async fn a_bad_token_is_never_taken_for_no_token() {
    let world = World::new();
    assert_eq!(world.get("/optional", None).await.0, StatusCode::OK);
    assert_eq!(world.get("/optional", Some("x.y.z")).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_route_that_forgot_its_guard_fails_closed() {
    let world = World::new();
    let token = world.token().sign(&world.key);
    assert_eq!(world.get("/unguarded", Some(&token)).await.0, StatusCode::INTERNAL_SERVER_ERROR);
}
