use axum::body::Body;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};

use crate::world::World;

fn login(content_type: Option<&str>, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::post("/login");
    if let Some(content_type) = content_type {
        request = request.header(CONTENT_TYPE, content_type);
    }
    request.body(body.into()).unwrap()
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_told_apart() {
    let world = World::new().await;
    let send = |request| async { world.anonymous().raw(request).await };
    let json = Some("application/json");
    for (request, status, code) in [
        (login(json, "{\"username\":"), 400, "malformed_json"),
        (login(json, ""), 400, "malformed_json"),
        (login(json, &b"{\"username\":\"\xff\"}"[..]), 400, "malformed_json"),
        (login(json, "[".repeat(1000)), 400, "malformed_json"),
        (login(None, "{}"), 415, "unsupported_media_type"),
        (login(Some("text/plain"), "{}"), 415, "unsupported_media_type"),
        (login(Some("application/x-www-form-urlencoded"), "username=a"), 415, "unsupported_media_type"),
        (login(json, format!("{{\"username\":\"{}\"}}", "a".repeat(70_000))), 413, "body_too_large"),
    ] {
        let answer = send(request).await.expect(status);
        assert_eq!(answer.body["code"], code);
    }
    for other in ["[]", "\"text\"", "null", "7"] {
        send(login(json, other)).await.complains_of(&["body"]);
    }
    send(login(Some("Application/JSON; charset=utf-8"), "{}")).await.complains_of(&["username", "password"]);
    send(login(json, r#"{"username":["a"],"password":7}"#)).await.complains_of(&["username", "password"]);
}

#[tokio::test]
async fn unknown_routes_and_wrong_methods_are_problems() {
    let world = World::new().await;
    let answer = world.anonymous().get("/nowhere").await.expect(404);
    assert_eq!(answer.body["code"], "no_such_route");
    let answer = world.anonymous().get("/login").await.expect(405);
    assert_eq!(
        (answer.headers[ALLOW].to_str().unwrap(), &answer.body["code"]),
        ("POST", &"method_not_allowed".into())
    );
    world.anonymous().send(Method::POST, "/me", &[], None).await.expect(405);
    world.anonymous().get("/login/").await.expect(404);
}

#[tokio::test]
async fn authorization_headers_are_read_strictly() {
    let world = World::new().await;
    let tokens = world.librarian().await;
    for (path, method, token) in
        [("/me", Method::GET, &tokens.access), ("/refresh", Method::POST, &tokens.refresh)]
    {
        let send = |values: Vec<String>| {
            let mut request = Request::builder().method(method.clone()).uri(path);
            for value in values {
                request = request.header(AUTHORIZATION, value);
            }
            let request = request.body(Body::empty()).unwrap();
            async { world.anonymous().raw(request).await }
        };
        let good = format!("Bearer {token}");
        send(vec![format!("bearer {token}")]).await.expect(200);
        for bad in [
            vec![good.clone(), good.clone()],
            vec![format!("{good}, {good}")],
            vec!["Bearer".to_owned()],
            vec!["Bearer a b".to_owned()],
            vec![String::new()],
        ] {
            assert!(send(bad).await.expect(400).body["msg"].is_string());
        }
        send(vec!["Basic dGVzdDp0ZXN0".to_owned()]).await.unauthorized(
            "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'",
        );
        send(vec![]).await.unauthorized("Missing Authorization Header");
    }
}

#[tokio::test]
async fn a_token_in_the_query_is_no_token() {
    let world = World::new().await;
    let tokens = world.librarian().await;
    let path = format!("/me?access_token={}", tokens.access);
    world.anonymous().get(&path).await.unauthorized("Missing Authorization Header");
}
