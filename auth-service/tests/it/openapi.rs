use auth_service::accounts::Role;
use http::Method;

use crate::world::World;

#[tokio::test]
async fn what_is_described_answers() {
    let world = World::with(&["--client-registration", "open"]).await;
    let document = world.anonymous().get("/openapi.json").await.expect(200).body;
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{id}", "x").replace("{session}", "x").replace("{client_id}", "x");
            let request = http::Request::builder().method(method.clone()).uri(&path);
            let answer = world.exchange(request.body(axum::body::Body::empty()).unwrap()).await;
            assert!(!matches!(answer.status.as_u16(), 404 | 405), "{method} {path}: {}", answer.status);
            described += 1;
        }
    }
    assert_eq!(described, 38);
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = serde_json::to_value(auth_service::openapi::api("http://127.0.0.1:5001")).unwrap();
    let operations =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    let mut names: Vec<_> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
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
fn every_operation_says_what_it_does_and_what_goes_in() {
    let document = serde_json::to_value(auth_service::openapi::api("http://127.0.0.1:5001")).unwrap();
    let items = document["paths"].as_object().unwrap();
    for operation in items.values().flat_map(|item| item.as_object().unwrap().values()) {
        let name = operation["operationId"].as_str().unwrap();
        assert_ne!(operation["summary"].as_str().unwrap_or_default(), "", "{name}");
        let Some(bodies) = operation["requestBody"]["content"].as_object() else { continue };
        for body in bodies.values() {
            let schema = body["schema"]["$ref"].as_str().unwrap_or_else(|| panic!("{name} has no schema"));
            let schema = document.pointer(schema.trim_start_matches('#')).unwrap();
            assert!(schema["properties"].as_object().is_some_and(|members| !members.is_empty()), "{name}");
            let by_member =
                schema["properties"].as_object().unwrap().values().any(|one| one.get("example").is_some());
            assert!(schema.get("example").is_some() || by_member, "{name} has no example");
        }
    }
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
