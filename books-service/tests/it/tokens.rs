use axum::body::Body;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{Method, Request};
use serde_json::json;
use shared::clock::Clock as _;
use shared::testing::{FakeClock, MockIssuer, TestKey};
use std::sync::Arc;

use crate::world::World;

#[tokio::test]
async fn tokens_of_the_wrong_kind_are_told_so() {
    let world = World::new().await;
    let refresh = world.token().header("typ", "rt+jwt").claim("type", "refresh").sign(&world.key);
    world.bearer(refresh).get("/protected").await.unauthorized("Only non-refresh tokens are allowed");
    let expired = world.token().claim("exp", world.clock.now().seconds() - 30).sign(&world.key);
    world.bearer(expired).get("/protected").await.unauthorized("Token has expired");
    let elsewhere = world.token().claim("aud", "auth").sign(&world.key);
    world.bearer(elsewhere).get("/protected").await.unauthorized("Token is meant for another service");
    for token in [
        world.token().header("typ", "JWT").sign(&world.key),
        world.token().claim("iss", "https://other.example").sign(&world.key),
        world.token().header("kid", world.key.kid()).sign(&TestKey::b()),
        world.token().header("alg", "none").sign(&world.key),
        world.token().claim("cnf", json!({"jkt": "x"})).sign(&world.key),
        "x".to_owned(),
        "a".repeat(9000),
    ] {
        world.bearer(token).get("/protected").await.unauthorized("Token is invalid");
    }
    assert_eq!(world.issuer.fetches(), 1, "none of them was worth a fetch");
}

#[tokio::test]
async fn authorization_headers_are_read_strictly() {
    let world = World::new().await;
    let token = world.token().sign(&world.key);
    let send = |values: &[String]| {
        let mut request = Request::get("/protected");
        for value in values {
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(Body::empty()).unwrap();
        let caller = world.anonymous();
        async move { caller.raw(request).await }
    };
    let good = format!("Bearer {token}");
    for good in [format!("bearer {token}"), format!("BEARER {token}")] {
        send(&[good]).await.expect(200);
    }
    for bad in [
        vec![good.clone(), "Bearer x".to_owned()],
        vec!["Bearer x".to_owned(), good.clone()],
        vec![format!("{good}, {good}")],
        vec!["Bearer".to_owned()],
        vec![format!("{good} x")],
    ] {
        let answer = send(&bad).await.expect(400);
        assert!(answer.header(WWW_AUTHENTICATE).ends_with("error=\"invalid_request\""), "{bad:?}");
        assert!(answer.body["msg"].is_string());
    }
    send(&["Basic dGVzdDp0ZXN0".to_owned()]).await.unauthorized(
        "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'",
    );
}

#[tokio::test]
async fn no_route_but_the_public_ones_is_reached_without_a_token() {
    let world = World::new().await;
    let public = ["/openapi.json", "/.well-known/oauth-protected-resource"];
    let document = world.anonymous().get("/openapi.json").await.body;
    for (path, item) in document["paths"].as_object().unwrap() {
        let target = path.replace("{id}", "1");
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = world.anonymous().send(method.clone(), &target, &[], None).await;
            let described = method == Method::HEAD || item.get(method.as_str().to_lowercase()).is_some();
            let expected = if public.contains(&path.as_str()) && answer.status == 200 {
                200
            } else if described && (method != Method::HEAD || item.get("get").is_some()) {
                401
            } else {
                405
            };
            assert_eq!(answer.status.as_u16(), expected, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_challenge_leads_to_the_metadata_also_of_a_service_with_a_path() {
    let well_known = "/.well-known/oauth-protected-resource";
    for (public_url, path) in [("https://api.test", ""), ("https://api.test/catalogue", "/catalogue")] {
        let issuer = MockIssuer::with_key(&TestKey::a()).await;
        let flags = ["--public-url", public_url];
        let world = World::with_flags(issuer, Arc::new(FakeClock::default()), &flags).await;
        let challenge = world.anonymous().get("/books").await.expect(401);
        let expected = format!("resource_metadata=\"https://api.test{well_known}{path}\"");
        assert!(challenge.header(WWW_AUTHENTICATE).ends_with(&expected), "{challenge:?}");
        let metadata = world.anonymous().get(&format!("{well_known}{path}")).await.expect(200).body;
        assert_eq!(metadata["resource"], public_url);
        assert_eq!(metadata["bearer_methods_supported"], json!(["header"]));
        assert_eq!(metadata["authorization_servers"], json!([world.issuer.issuer().as_str()]));
    }
}

#[tokio::test]
async fn what_was_made_of_tokens_is_in_the_metrics() {
    use tower::ServiceExt as _;
    let world = World::new().await;
    world.reader().get("/books").await.expect(200);
    world.reader().get("/books").await.expect(200);
    world.anonymous().get("/books").await.expect(401);
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = world.service.management.clone().oneshot(request).await.unwrap();
    let text = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8_lossy(&text).into_owned();
    for line in [
        r#"auth_requests_total{outcome="accepted",reason=""} 2"#,
        r#"auth_requests_total{outcome="missing",reason="no_credentials"} 1"#,
        "token_cache_hit_total 1",
        "jwks_state 1",
        "jwks_keys 1",
    ] {
        assert!(text.lines().any(|own| own == line), "{line} is not in\n{text}");
    }
}
