use axum::body::Body;
use http::Request;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use serde_json::json;

use crate::world::{ISSUER, World, header};

#[tokio::test]
async fn the_key_set_is_public_and_can_be_cached() {
    let world = World::new().await;
    let tokens = world.librarian().await;
    let answer = world.anonymous().get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(answer.headers[CONTENT_TYPE], "application/jwk-set+json");
    assert_eq!(answer.headers[CACHE_CONTROL], "public, max-age=300");
    let key = &answer.body["keys"][0];
    assert_eq!(key["kid"], header(&tokens.access)["kid"]);
    let mut members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);

    let request = Request::get("/.well-known/jwks.json").header(IF_NONE_MATCH, &answer.headers[ETAG]);
    let same = world.anonymous().raw(request.body(Body::empty()).unwrap()).await.expect(304);
    assert_eq!(same.headers[ETAG], answer.headers[ETAG]);
    assert_eq!(same.headers[CACHE_CONTROL], "public, max-age=300");
}

#[tokio::test]
async fn an_issuer_with_a_path_has_its_metadata_before_the_path() {
    let world = World::with(&["--issuer", "https://id.example/tenant"]).await;
    let metadata =
        world.anonymous().get("/.well-known/oauth-authorization-server/tenant").await.expect(200).body;
    assert_eq!(metadata["jwks_uri"], "https://id.example/tenant/.well-known/jwks.json");
    world.anonymous().get("/.well-known/oauth-authorization-server/other").await.expect(404);
}

#[tokio::test]
async fn the_metadata_lead_to_the_keys() {
    let world = World::new().await;
    let metadata = world.anonymous().get("/.well-known/oauth-authorization-server").await.expect(200).body;
    assert_eq!(metadata["issuer"], ISSUER);
    assert_eq!(metadata["jwks_uri"], json!(format!("{ISSUER}/.well-known/jwks.json")));
}
