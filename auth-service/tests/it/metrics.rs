use auth_service::accounts::Role;
use auth_service::maintenance::look_around;
use axum::body::to_bytes;
use http::Request;
use serde_json::json;
use tower::ServiceExt as _;

use crate::world::World;

/// Everything that Prometheus gets.
async fn metrics(world: &World) -> String {
    let request = Request::get("/metrics").body(axum::body::Body::empty()).unwrap();
    let response = world.service.management.clone().oneshot(request).await.unwrap();
    String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
}

/// How many passwords had a slot so far.
pub(crate) async fn hashes(world: &World) -> u64 {
    let text = metrics(world).await;
    let count = text.lines().find_map(|line| line.strip_prefix("hash_queue_seconds_count "));
    count.unwrap().parse().unwrap()
}

/// Whether no password is being hashed.
pub(crate) async fn all_slots_are_free(world: &World) -> bool {
    metrics(world).await.lines().any(|line| line == "hash_slots_busy 0")
}

#[tokio::test]
async fn sessions_that_are_not_over_are_counted() {
    let world = World::new().await;
    world.account("ada", Role::Reader).await;
    let (first, second) = (world.log_in("ada").await, world.log_in("ada").await);
    world.log_in("ada").await;
    world.bearer(&first.access).delete("/me/sessions").await.expect(204);
    world.log_in("ada").await;
    look_around(&world.service.app).await.unwrap();
    let text = metrics(&world).await;
    assert!(text.contains("\nsessions_live 2\n"), "{text}");
    world.refresh(&second.refresh).await.unauthorized("Token has been revoked");
    world.advance(400 * 86400);
    look_around(&world.service.app).await.unwrap();
    assert!(metrics(&world).await.contains("\nsessions_live 0\n"));
}

#[tokio::test]
async fn hashing_pool_keys_and_events_are_counted() {
    let world = World::new().await;
    world.anonymous().post("/login", json!({"username": "mallory", "password": "wrong"})).await.expect(401);
    let text = metrics(&world).await;
    for series in [
        "hash_slots ",
        "hash_slots_busy 0",
        "hash_queue 0",
        "hash_queue_refused_total 0",
        "hash_queue_seconds_count ",
        "database_connections_max ",
        "database_connections ",
        "database_connections_idle ",
        "signing_keys_signing 1",
        "signing_keys_announced 0",
        "signing_key_age_seconds 0",
        "signing_key_due_seconds 2592000",
        "audit_events_total{kind=\"login\",success=\"false\"} ",
        "http_forwarded_total{trusted=\"false\"} 0",
    ] {
        assert!(text.lines().any(|line| line.starts_with(series)), "{series}: {text}");
    }
    assert!(!text.contains("mallory"));
}
