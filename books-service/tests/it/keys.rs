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
    use tower::ServiceExt as _;
    let request = http::Request::get("/health/ready").body(axum::body::Body::empty()).unwrap();
    world.service.management.clone().oneshot(request).await.unwrap().status().as_u16()
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
