use http::Method;
use shared::testing::check_description;

use crate::world::{Librarian as _, World};

#[tokio::test]
async fn what_is_described_answers() {
    let world = World::new().await;
    world.librarian().add("Emma", "Jane Austen").await;
    let document = world.anonymous().get("/openapi.json").await.expect(200).body;
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let answer = world.librarian().send(method.clone(), &path.replace("{id}", "1"), &[], None).await;
            let code = answer.status.as_u16().to_string();
            let responses = &item[method.as_str().to_lowercase()]["responses"];
            assert!(responses.get(&code).is_some(), "{method} {path} answers {code}, which is not described");
            described += 1;
        }
    }
    assert_eq!(described, 9);
}

#[test]
fn the_committed_description_is_that_of_the_code() {
    let current = books_service::openapi::api("http://127.0.0.1:5001").to_pretty_json().unwrap();
    let committed = include_str!("../../openapi.json");
    assert!(
        current.trim() == committed.trim(),
        "run: cargo run -p books-service -- openapi > books-service/openapi.json"
    );
}

#[test]
fn what_goes_in_and_comes_out_is_described_with_examples() {
    check_description(&serde_json::to_value(books_service::openapi::api("http://127.0.0.1:5001")).unwrap());
}
