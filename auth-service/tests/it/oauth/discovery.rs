use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::world;
use crate::world::{ISSUER, World};

#[tokio::test]
async fn every_endpoint_that_is_named_answers_and_both_documents_agree() {
    let world = world().await;
    let document = world.anonymous().get("/.well-known/openid-configuration").await.expect(200).body;
    let other = world.anonymous().get("/.well-known/oauth-authorization-server").await.expect(200).body;
    assert_eq!(document, other);
    assert_eq!(document["issuer"], ISSUER);
    let mut named = 0;
    for (name, value) in document.as_object().unwrap() {
        if !name.ends_with("_endpoint") && name != "jwks_uri" {
            continue;
        }
        named += 1;
        let path = value.as_str().unwrap().strip_prefix(ISSUER).unwrap();
        for method in [Method::GET, Method::POST] {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            assert_ne!(world.exchange(request).await.status, 404, "{name}");
        }
    }
    assert_eq!(named, 9);
    assert!(document["registration_endpoint"].is_null());
    assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
}

/// What a request says of the host that it is for makes no address of ours: a page whose name resolves to this machine, or
/// whoever gets a proxy to hand their name on, does not lead others astray.
#[tokio::test]
async fn no_address_is_made_from_what_a_request_says_of_its_host() {
    let world = world().await;
    for path in [
        "/.well-known/openid-configuration",
        "/openapi.json",
        "/oauth2/device",
        "/me",
        &super::request("app", &[("prompt", "none")]),
    ] {
        let forwarded =
            [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https")];
        let mut request = Request::get(path);
        for (name, value) in forwarded {
            request = request.header(name, value);
        }
        let response =
            world.service.routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        assert!(!format!("{:?}", parts.headers).contains("evil.example"), "{path}: {:?}", parts.headers);
        assert!(!String::from_utf8_lossy(&body).contains("evil.example"), "{path}");
    }
}

async fn preflight(world: &World, path: &str, origin: &str) -> super::Reply {
    let request = Request::builder().method(Method::OPTIONS).uri(path).header("origin", origin);
    let request = request.header("access-control-request-method", "POST").body(Body::empty()).unwrap();
    world.exchange(request).await
}

#[tokio::test]
async fn pages_of_registered_clients_may_read_the_answers_and_no_others() {
    let world = world().await;
    let allowed = |reply: &super::Reply| {
        reply.headers.get("access-control-allow-origin").map(|value| value.to_str().unwrap().to_owned())
    };
    for path in ["/oauth2/token", "/oauth2/userinfo", "/oauth2/revoke"] {
        let own = preflight(&world, path, "https://app.example").await;
        assert_eq!((own.status.as_u16(), allowed(&own).as_deref()), (204, Some("https://app.example")));
        assert!(!own.headers.contains_key("access-control-allow-credentials"));
        assert_eq!(own.headers["vary"], "Origin");
        assert_eq!(allowed(&preflight(&world, path, "https://evil.example").await), None);
    }
    for path in ["/.well-known/openid-configuration", "/.well-known/jwks.json"] {
        assert_eq!(allowed(&preflight(&world, path, "https://evil.example").await).as_deref(), Some("*"));
    }
    for path in ["/oauth2/authorize", "/login", "/me"] {
        assert_eq!(allowed(&preflight(&world, path, "https://app.example").await), None, "{path}");
    }
}
