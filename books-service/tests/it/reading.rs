use http::Method;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ETAG, IF_MATCH, IF_NONE_MATCH, WWW_AUTHENTICATE};
use serde_json::json;

use crate::world::{Librarian as _, World};

#[tokio::test]
async fn protected_greets_by_name() {
    let world = World::new().await;
    let body = world.with_scope("").get("/protected").await.expect(200).body;
    assert_eq!(body, json!({"logged_in_as": "tester"}));
    let machine = world.token().without_claim("preferred_username").claim("sub", "importer").sign(&world.key);
    let body = world.bearer(machine).get("/protected").await.expect(200).body;
    assert_eq!(body, json!({"logged_in_as": "importer"}));
}

#[tokio::test]
async fn a_book_is_shown_with_its_tag_and_not_twice() {
    let world = World::new().await;
    let path = world.librarian().add("Emma", "Jane Austen").await;
    let reader = world.reader();
    let shown = reader.get(&path).await.expect(200);
    assert_eq!(shown.body, json!({"id": 1, "title": "Emma", "author": "Jane Austen"}));
    let tag = shown.header(ETAG).to_owned();
    let again = reader.send(Method::GET, &path, &[(IF_NONE_MATCH, &tag)], None).await.expect(304);
    assert_eq!((again.header(ETAG), &again.body), (tag.as_str(), &json!(null)));
    world.librarian().patch(&path, json!({"title": "Persuasion"})).await.expect(200);
    let changed = reader.send(Method::GET, &path, &[(IF_NONE_MATCH, &tag)], None).await.expect(200);
    assert_ne!(changed.header(ETAG), tag);
    reader.send(Method::GET, &path, &[(IF_MATCH, &tag)], None).await.expect(412);
    reader.send(Method::GET, &path, &[(IF_MATCH, changed.header(ETAG))], None).await.expect(200);
}

#[tokio::test]
async fn what_is_no_book_is_not_found() {
    let world = World::new().await;
    for path in [
        "/books/1",
        "/books/0",
        "/books/-1",
        "/books/x",
        "/books/1.5",
        "/books/9999999999999999999",
        "/books/%20",
    ] {
        let answer = world.reader().get(path).await.expect(404);
        assert_eq!(
            (&answer.body["error"], &answer.body["code"]),
            (&json!("Book not found."), &json!("book_not_found"))
        );
    }
}

#[tokio::test]
async fn the_metadata_say_whose_tokens_to_bring() {
    let world = World::new().await;
    let answer = world.anonymous().get("/.well-known/oauth-protected-resource").await.expect(200);
    assert_eq!(answer.header(ACCESS_CONTROL_ALLOW_ORIGIN), "*");
    let body = answer.body;
    assert_eq!(body["resource"], "http://127.0.0.1:5002");
    assert_eq!(body["authorization_servers"], json!([world.issuer.issuer().as_str()]));
    assert_eq!(body["scopes_supported"], json!(["books:read", "books:write"]));
    assert_eq!(body["bearer_methods_supported"], json!(["header"]));
    let challenge = world.anonymous().get("/books").await.expect(401);
    let expected = "Bearer realm=\"books\", \
                    resource_metadata=\"http://127.0.0.1:5002/.well-known/oauth-protected-resource\"";
    assert_eq!(challenge.header(WWW_AUTHENTICATE), expected);
}
