use auth_service::accounts::Role;
use http::Method;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use serde_json::json;

use crate::world::{ISSUER, World};

#[tokio::test]
async fn the_docs_load_what_is_their_own_and_are_kept_by_browsers() {
    let world = World::new().await;
    let anybody = world.anonymous();
    let page = anybody.get("/docs").await.expect(200);
    assert_eq!(page.header(CONTENT_TYPE), "text/html; charset=utf-8");
    assert_eq!(page.header(CACHE_CONTROL), "no-cache");
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; "), "{policy}");
    assert!(policy.contains(&format!("; connect-src 'self' {ISSUER}; ")), "{policy}");
    let known = [(IF_NONE_MATCH, page.header(ETAG))];
    anybody.send(Method::GET, "/docs", &known, None).await.expect(304);
    anybody.send(Method::HEAD, "/docs", &[], None).await.expect(200);

    let script = "/docs/x/swagger-ui-bundle.js";
    let zipped = anybody.send(Method::GET, script, &[(ACCEPT_ENCODING, "gzip, br")], None).await.expect(200);
    assert_eq!(zipped.header(CONTENT_TYPE), "text/javascript; charset=utf-8");
    assert_eq!(zipped.header(CONTENT_ENCODING), "gzip");
    assert_eq!(zipped.header(CACHE_CONTROL), "no-cache", "another version's address");
    let plain = anybody.get(script).await.expect(200);
    assert!(!plain.headers.contains_key(CONTENT_ENCODING));
    assert_ne!(plain.header(ETAG), zipped.header(ETAG));
    anybody.get("/docs/x/elsewhere.js").await.expect(404);
}

#[tokio::test]
async fn nobody_registers_a_client_by_the_name_of_our_pages() {
    let world = World::new().await;
    let admin = world.bearer(&world.member("root", Role::Admin).await.access);
    for id in ["imprimatur-pages", "imprimatur-resource-pages"] {
        let client = json!({"client_id": id, "client_name": "x", "redirect_uris": ["https://evil.example/"]});
        assert_eq!(admin.post("/admin/clients", client).await.expect(409).body["code"], "client_id_taken");
        admin.delete(&format!("/admin/clients/{id}")).await.expect(404);
    }
}
