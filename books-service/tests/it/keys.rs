use serde_json::Value;
use shared::testing::{Fault, MockIssuer, TestKey};

use crate::world::World;

#[tokio::test]
async fn without_an_issuer_it_says_try_again_and_recovers_by_itself() {
    let issuer = MockIssuer::with_key(&TestKey::a()).await;
    issuer.fail(Fault::Status(500));
    let world = World::with(issuer).await;
    let answer = world.reader().get("/books").await.expect(503);
    assert_eq!(answer.body["code"], "keys_unavailable");
    world.anonymous().get("/books").await.expect(401);
    world.anonymous().get("/openapi.json").await.expect(200);
    assert_eq!(readiness(&world).await, 503);

    world.issuer.fail(None);
    tokio::time::timeout(std::time::Duration::from_secs(20), world.service.keys_loaded()).await.unwrap();
    world.reader().get("/books").await.expect(200);
    assert_eq!(readiness(&world).await, 200);
}

async fn readiness(world: &World) -> u16 {
    ready(world).await.0
}

/// The status of readiness, and what it says of the keys.
async fn ready(world: &World) -> (u16, Value) {
    use tower::ServiceExt as _;
    let request = http::Request::get("/health/ready").body(axum::body::Body::empty()).unwrap();
    let response = world.service.management.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
    (status, serde_json::from_slice::<Value>(&body).unwrap()["checks"]["issuer_keys"].clone())
}

#[tokio::test]
async fn readiness_stays_but_says_that_keys_are_old() {
    let world = World::new().await;
    world.issuer.fail(Fault::Status(500));
    assert_eq!(ready(&world).await, (200, "ok".into()));
    world.clock.advance(std::time::Duration::from_secs(301));
    assert_eq!(ready(&world).await, (200, "degraded".into()));
    world.clock.advance(std::time::Duration::from_secs(3600));
    assert_eq!(ready(&world).await, (200, "degraded".into()));
}

#[tokio::test]
async fn a_new_key_is_taken_and_a_removed_one_refused() {
    let world = World::new().await;
    let new = TestKey::b();
    world.issuer.publish(vec![new.jwk()]);
    world.bearer(world.token().sign(&new)).get("/protected").await.expect(200);
    world.bearer(world.token().sign(&world.key)).get("/protected").await.unauthorized("Token is invalid");
}

#[tokio::test]
async fn keys_stay_good_while_the_issuer_is_away() {
    let world = World::new().await;
    world.issuer.fail(Fault::Hang);
    world.reader().get("/books").await.expect(200);
    let unknown = world.bearer(world.token().sign(&TestKey::b())).get("/protected").await;
    assert_eq!(unknown.expect(503).body["code"], Value::from("keys_unavailable"));
    world.reader().get("/books").await.expect(200);
}
