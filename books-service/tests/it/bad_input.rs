use axum::body::Body;
use http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE};
use http::{Method, Request};
use serde_json::{Value, json};

use crate::world::{Librarian as _, World};

#[tokio::test]
async fn bodies_that_cannot_be_read_are_told_apart() {
    let world = World::new().await;
    let librarian = world.librarian();
    let path = librarian.add("Emma", "Jane Austen").await;
    let json = Some("application/json");
    let large = format!("{{\"title\":\"{}\",\"author\":\"a\"}}", "a".repeat(70_000));
    for (method, path) in
        [(Method::POST, "/books"), (Method::PUT, path.as_str()), (Method::PATCH, path.as_str())]
    {
        for (content_type, body, status, code) in [
            (json, "{", 400, "malformed_json"),
            (json, "", 400, "malformed_json"),
            (json, "{} {}", 400, "malformed_json"),
            (json, "[1]", 422, "invalid_fields"),
            (None, "{}", 415, "unsupported_media_type"),
            (Some("text/json"), "{}", 415, "unsupported_media_type"),
            (json, large.as_str(), 413, "body_too_large"),
        ] {
            let mut request = Request::builder().method(method.clone()).uri(path);
            if let Some(content_type) = content_type {
                request = request.header(CONTENT_TYPE, content_type);
            }
            let request = request.body(Body::from(body.to_owned())).unwrap();
            let answer = librarian.raw(request).await.expect(status);
            assert_eq!(answer.body["code"], code, "{method} {content_type:?}");
        }
    }
    for (method, content_type) in
        [(Method::PUT, "application/merge-patch+json"), (Method::PATCH, "application/json-patch+json")]
    {
        let request = Request::builder().method(method.clone()).uri(&path).header(CONTENT_TYPE, content_type);
        let wanted = if method == Method::PATCH { "accept-patch" } else { "accept" };
        let refused = librarian.raw(request.body(Body::from("{}")).unwrap()).await.expect(415);
        assert!(refused.headers[wanted].to_str().unwrap().ends_with("application/json"));
    }
    let compressed =
        Request::put(&path).header(CONTENT_TYPE, "application/json").header(CONTENT_ENCODING, "gzip");
    let refused = librarian.raw(compressed.body(Body::from("\x1f")).unwrap()).await.expect(415);
    assert_eq!(refused.headers[ACCEPT_ENCODING], "identity");
    let merge_patch = Request::patch(&path).header(CONTENT_TYPE, "application/merge-patch+json");
    librarian.raw(merge_patch.body(Body::from(r#"{"title":"b"}"#)).unwrap()).await.expect(200);
}

#[tokio::test]
async fn a_body_without_a_length_is_cut_off_too() {
    let world = World::new().await;
    let chunks = (0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1000]));
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    let request = Request::post("/books").header(CONTENT_TYPE, "application/json").body(body).unwrap();
    world.librarian().raw(request).await.expect(413);
}

#[tokio::test]
async fn a_body_that_trickles_in_is_not_waited_for() {
    let world = World::new().await;
    tokio::time::pause();
    let body = Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = Request::post("/books").header(CONTENT_TYPE, "application/json").body(body).unwrap();
    assert_eq!(world.librarian().raw(request).await.expect(408).body["code"], "body_timeout");
}

#[tokio::test]
async fn each_bad_field_is_named() {
    let world = World::new().await;
    let librarian = world.librarian();
    let path = librarian.add("Emma", "Jane Austen").await;
    let long = "a".repeat(101);
    let cases: [(Value, &[&str]); 7] = [
        (json!({}), &["title", "author"]),
        (json!({"title": "", "author": "  "}), &["title", "author"]),
        (json!({"title": long, "author": "a".repeat(51)}), &["title", "author"]),
        (json!({"title": 7, "author": ["a"]}), &["title", "author"]),
        (json!({"title": null, "author": "a"}), &["title"]),
        (json!({"title": "a"}), &["author"]),
        (json!({"title": "a\0b", "author": true}), &["title", "author"]),
    ];
    for (body, fields) in cases {
        librarian.post("/books", body.clone()).await.complains_of(fields);
        librarian.put(&path, body).await.complains_of(fields);
    }
    librarian.patch(&path, json!({"title": null})).await.complains_of(&["title"]);
    librarian.patch(&path, json!({"title": "", "author": 7})).await.complains_of(&["title", "author"]);
    assert_eq!(librarian.get(&path).await.body["title"], "Emma", "nothing of it was done");
    librarian
        .post("/books", json!({"title": "a".repeat(100), "author": "b".repeat(50), "id": 7}))
        .await
        .expect(201);
}

#[tokio::test]
async fn unknown_routes_and_wrong_methods_are_problems() {
    let world = World::new().await;
    for path in ["/no", "/nowhere", "/books/", "/books/1/2", "//books", "/protected/"] {
        assert_eq!(world.librarian().get(path).await.expect(404).body["code"], "no_such_route", "{path}");
    }
    let answer = world.librarian().delete("/books").await.expect(405);
    assert_eq!(answer.body["code"], "method_not_allowed");
    let allow = answer
        .headers
        .get_all(ALLOW)
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect::<Vec<_>>()
        .join(",");
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    world.librarian().send(Method::OPTIONS, "/books/1", &[], None).await.expect(405);
    world.librarian().send(Method::POST, "/protected", &[], None).await.expect(405);
}

#[tokio::test]
async fn no_body_is_read_for_somebody_who_may_not_write() {
    let world = World::new().await;
    let request =
        || Request::post("/books").header(CONTENT_TYPE, "application/json").body(Body::from("{")).unwrap();
    world.anonymous().raw(request()).await.expect(401);
    world.reader().raw(request()).await.expect(403);
}
