use auth_service::accounts::Role;
use http::Method;
use shared::testing::check_description;

use crate::world::World;

#[tokio::test]
async fn what_is_described_answers() {
    let world = World::with(&["--client-registration", "open"]).await;
    let document = world.anonymous().get("/openapi.json").await.expect(200).body;
    assert_eq!(document["openapi"], "3.1.0");
    world.account("boss", Role::Admin).await;
    let mut described = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let at = path.replace("{id}", "x").replace("{session}", "x").replace("{client_id}", "x");
            // Of a session of its own: some of these end it.
            let bearer = format!("Bearer {}", world.log_in("boss").await.access);
            let request =
                http::Request::builder().method(method.clone()).uri(&at).header("authorization", bearer);
            let answer = world.exchange(request.body(axum::body::Body::empty()).unwrap()).await;
            let code = answer.status.as_u16().to_string();
            let known = operation["responses"].get(&code).is_some();
            assert!(known, "{method} {path} answers {code}, which is not described");
            described += 1;
        }
    }
    assert_eq!(described, 38);
}

#[test]
fn the_committed_description_is_that_of_the_code() {
    let current = auth_service::openapi::api("http://127.0.0.1:5001").to_pretty_json().unwrap();
    let committed = include_str!("../../openapi.json");
    assert!(
        current.trim() == committed.trim(),
        "run: cargo run -p auth-service -- openapi > auth-service/openapi.json"
    );
}

#[test]
fn what_goes_in_and_comes_out_is_described_with_examples() {
    check_description(&serde_json::to_value(auth_service::openapi::api("http://127.0.0.1:5001")).unwrap());
}

#[tokio::test]
async fn the_example_of_a_client_can_be_registered() {
    let world = World::new().await;
    let admin = world.bearer(&world.member("root", Role::Admin).await.access);
    let document = serde_json::to_value(auth_service::openapi::api("http://127.0.0.1:5001")).unwrap();
    let schema = &document["components"]["schemas"]["ClientMembers"];
    let made = admin.post("/admin/clients", schema["example"].clone()).await.expect(201).body;
    // What is described can be set, and what can be set is described.
    let shown: Vec<_> = made
        .as_object()
        .unwrap()
        .keys()
        .filter(|key| !key.starts_with("client_id") && !key.starts_with("client_secret"))
        .collect();
    for member in shown {
        assert!(schema["properties"].get(member).is_some(), "{member}");
    }
}
