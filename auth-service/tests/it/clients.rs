//! Clients as administrators register them, and as they register themselves.

use auth_service::accounts::Role;
use http::Method;
use serde_json::{Value, json};
use shared::testing::{Caller, TestKey};

use crate::world::World;

async fn admin(world: &World) -> Caller {
    world.bearer(&world.member("root", Role::Admin).await.access)
}

fn app() -> Value {
    json!({"client_name": "App", "redirect_uris": ["https://app.example/cb"]})
}

#[tokio::test]
async fn an_administrator_registers_changes_and_deletes_a_client() {
    let world = World::new().await;
    let admin = admin(&world).await;
    let made = admin.post("/admin/clients", app()).await.expect(201);
    assert_eq!(made.headers["cache-control"], "no-store");
    let id = made.body["client_id"].as_str().unwrap().to_owned();
    let path = format!("/admin/clients/{id}");
    assert_eq!(made.headers["location"].to_str().unwrap(), path);
    let secret = made.body["client_secret"].as_str().unwrap().to_owned();
    assert_eq!(made.body["grant_types"], json!(["authorization_code", "refresh_token"]));
    let shown = admin.get(&path).await.expect(200).body;
    assert_eq!((&shown["client_secret"], &shown["client_name"]), (&Value::Null, &json!("App")));

    let change =
        json!({"client_name": "Other", "scope": "openid", "first_party": true, "access_token_ttl": 60});
    let changed = admin.patch(&path, change).await.expect(200).body;
    assert_eq!((&changed["client_name"], &changed["access_token_ttl"]), (&json!("Other"), &json!(60)));
    assert_eq!(changed["redirect_uris"], shown["redirect_uris"], "what is not sent stays");
    assert_eq!(changed["client_id_issued_at"], shown["client_id_issued_at"]);
    let renewed = admin.send(Method::POST, &format!("{path}/secret"), &[], None).await.expect(200).body;
    assert_ne!(renewed["client_secret"].as_str().unwrap(), secret);

    let list = admin.get("/admin/clients").await.expect(200).body;
    assert_eq!(list.as_array().unwrap().len(), 1);
    admin.delete(&path).await.expect(204);
    admin.delete(&path).await.expect(404);
    admin.get(&path).await.expect(404);
    let events = world.audit().await;
    assert!(events.ends_with(
        &["client_created", "client_changed", "client_changed", "client_deleted"].map(str::to_owned)
    ));
}

#[tokio::test]
async fn each_bad_member_is_named() {
    let world = World::new().await;
    let admin = admin(&world).await;
    admin.post("/admin/clients", json!({})).await.complains_of(&["client_name"]);
    let bad = json!({
        "client_name": 1, "client_id": "a b", "redirect_uris": ["http://app.example/cb"], "grant_types": ["password"],
        "scope": 1, "first_party": "yes", "resources": ["x"], "access_token_ttl": -1,
    });
    let fields = [
        "client_id",
        "client_name",
        "redirect_uris",
        "grant_types",
        "scope",
        "resources",
        "first_party",
        "access_token_ttl",
    ];
    admin.post("/admin/clients", bad).await.complains_of(&fields);
    let mut named = app();
    named["client_id"] = json!("app");
    admin.post("/admin/clients", named.clone()).await.expect(201);
    assert_eq!(admin.post("/admin/clients", named).await.expect(409).body["code"], "client_id_taken");
    admin.patch("/admin/clients/app", json!({"scope": "unheard:of"})).await.complains_of(&["scope"]);
    let uuid = json!({"client_name": "A", "client_id": "01890000-0000-7000-8000-000000000001"});
    admin.post("/admin/clients", uuid).await.complains_of(&["client_id"]);
}

#[tokio::test]
async fn only_administrators_see_clients() {
    let world = World::new().await;
    let librarian = world.bearer(&world.librarian().await.access);
    librarian.get("/admin/clients").await.expect(403);
    librarian.post("/admin/clients", app()).await.expect(403);
    world.anonymous().get("/admin/clients").await.expect(401);
}

#[tokio::test]
async fn clients_register_themselves_where_they_may() {
    let world = World::new().await;
    world.anonymous().post("/oauth2/register", app()).await.expect(404);
    let world = World::with(&["--client-registration", "open"]).await;
    let metadata = world.anonymous().get("/.well-known/openid-configuration").await.expect(200).body;
    assert!(metadata["registration_endpoint"].as_str().unwrap().ends_with("/oauth2/register"));
    let mut asked = app();
    asked["first_party"] = json!(true);
    asked["software_id"] = json!("of no meaning here");
    let made = world.anonymous().post("/oauth2/register", asked).await.expect(201);
    assert_eq!(
        (&made.body["first_party"], &made.body["client_secret_expires_at"]),
        (&json!(false), &json!(0))
    );
    let public = json!({
        "client_name": "Tool", "redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "none",
    });
    let made = world.anonymous().post("/oauth2/register", public).await.expect(201);
    assert!(made.body["client_secret"].is_null());
    let keys = json!({
        "client_name": "Signer", "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [TestKey::a().jwk()]},
    });
    world.anonymous().post("/oauth2/register", keys).await.expect(201);
}

#[tokio::test]
async fn bad_metadata_are_refused_as_rfc_7591_has_it() {
    let world = World::with(&["--client-registration", "open"]).await;
    for (error, member, value) in [
        ("invalid_redirect_uri", "redirect_uris", json!(["javascript:alert(1)"])),
        ("invalid_redirect_uri", "redirect_uris", json!("https://app.example/cb")),
        ("invalid_client_metadata", "scope", json!("openid auth:admin")),
        ("invalid_client_metadata", "scope", json!("\"\\ä")),
        ("invalid_client_metadata", "grant_types", json!(["implicit"])),
        ("invalid_client_metadata", "token_endpoint_auth_method", json!("private_key_jwt")),
        ("invalid_client_metadata", "jwks_uri", json!("https://app.example/jwks")),
        ("invalid_client_metadata", "client_name", json!("")),
    ] {
        let mut bad = app();
        bad[member] = value;
        let request = http::Request::post("/oauth2/register").header("content-type", "application/json");
        let reply = world.exchange(request.body(bad.to_string().into()).unwrap()).await;
        assert_eq!((reply.status.as_u16(), &reply.body["error"]), (400, &json!(error)), "{bad}");
        let said = reply.body["error_description"].as_str().unwrap();
        assert!(said.contains(member) || member == "token_endpoint_auth_method", "{said}");
        assert!(said.chars().all(|char| matches!(char, ' '..='~') && char != '"' && char != '\\'), "{said}");
    }
}

#[tokio::test]
async fn a_network_that_registers_many_clients_is_slowed_down() {
    let world = World::with(&["--client-registration", "open"]).await;
    for _ in 0..20 {
        world.anonymous().post("/oauth2/register", app()).await.expect(201);
    }
    world.anonymous().post("/oauth2/register", app()).await.expect(429);
    world.advance(3600);
    world.anonymous().post("/oauth2/register", app()).await.expect(201);
}
