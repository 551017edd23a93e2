//! Clients as administrators register them, and as they register themselves.

use auth_service::accounts::Role;
use auth_service::audit::{Actor, Event, Kind};
use auth_service::clients::{Client, change, store};
use auth_service::entity::client::Entity;
use auth_service::entity::consent;
use auth_service::error::Error;
use auth_service::maintenance::sweep;
use auth_service::oauth::consent::forget_account;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
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
async fn what_goes_together_is_looked_at_as_a_whole() {
    let world = World::new().await;
    let admin = admin(&world).await;
    let long = format!("https://{}.example/cb", "a.".repeat(125));
    for (field, bad) in [
        ("access_token_ttl", json!({"access_token_ttl": 61, "refresh_token_ttl": 60})),
        ("access_token_ttl", json!({"access_token_ttl": 0})),
        ("refresh_token_ttl", json!({"refresh_token_ttl": 366 * 86400})),
        ("redirect_uris", json!({"redirect_uris": []  , "grant_types": ["authorization_code"]})),
        ("redirect_uris", json!({"redirect_uris": [long]})),
        ("post_logout_redirect_uris", json!({"post_logout_redirect_uris": vec!["https://app.example"; 26]})),
        ("grant_types", json!({"grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"})),
        ("resources", json!({"resources": [format!("https://api.example/{}", "a".repeat(512))]})),
        ("response_types", json!({"response_types": ["token"]})),
        ("client_name", json!({"client_name": "Bank\u{202e}"})),
    ] {
        let mut request = app();
        request.as_object_mut().unwrap().extend(bad.as_object().unwrap().clone());
        admin.post("/admin/clients", request).await.complains_of(&[field]);
    }
    // Whatever is said often is kept once: the tables hold no more.
    let mut often = app();
    often["grant_types"] = json!(vec!["authorization_code"; 2000]);
    often["redirect_uris"] = json!(vec!["https://app.example/cb"; 25]);
    let made = admin.post("/admin/clients", often).await.expect(201).body;
    assert_eq!(made["grant_types"], json!(["authorization_code"]));
    assert_eq!(made["redirect_uris"], json!(["https://app.example/cb"]));
}

#[tokio::test]
async fn how_a_client_proves_who_it_is_can_be_changed() {
    let world = World::new().await;
    let admin = admin(&world).await;
    let mut public = app();
    public["client_id"] = json!("app");
    public["token_endpoint_auth_method"] = json!("none");
    admin.post("/admin/clients", public).await.expect(201);
    let (path, secret) = ("/admin/clients/app", "/admin/clients/app/secret");
    assert_eq!(
        admin.send(Method::POST, secret, &[], None).await.expect(409).body["code"],
        "client_has_no_secret"
    );
    let method = |method: &str| json!({"token_endpoint_auth_method": method});
    let made = admin.patch(path, method("client_secret_post")).await.expect(200);
    assert_eq!(made.headers["cache-control"], "no-store");
    let first = made.body["client_secret"].as_str().unwrap().to_owned();
    let again = admin.patch(path, method("client_secret_basic")).await.expect(200).body;
    assert_eq!(again["client_secret"], Value::Null, "it has one");
    let introspects = async |secret: &str| {
        let pairs = [("client_id", "app"), ("client_secret", secret), ("token", "x")];
        world.form("/oauth2/introspect", None, &pairs).await.status.as_u16()
    };
    assert_eq!(introspects(&first).await, 200);
    let second = admin.send(Method::POST, secret, &[], None).await.expect(200).body;
    let second = second["client_secret"].as_str().unwrap();
    assert_eq!((introspects(&first).await, introspects(second).await), (401, 200));

    admin.patch(path, method("private_key_jwt")).await.complains_of(&["jwks"]);
    let keys =
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [TestKey::a().jwk()]}});
    admin.patch(path, keys).await.expect(200);
    assert_eq!(introspects(second).await, 401, "the secret went with the method");
    admin.patch(path, method("private_key_jwt")).await.expect(200);
    admin.patch(path, json!({"jwks": {"keys": [TestKey::b().jwk()]}})).await.expect(200);
    let mut leaked = TestKey::a().jwk();
    leaked["d"] = json!("AQAB");
    admin.patch(path, json!({"jwks": {"keys": [leaked]}})).await.complains_of(&["jwks"]);
    admin.patch(path, json!({"jwks": {"keys": [oversized()]}})).await.complains_of(&["jwks"]);

    admin.patch(path, json!({"access_token_ttl": 60, "refresh_token_ttl": 3600})).await.expect(200);
    let usual = admin.patch(path, json!({"access_token_ttl": null})).await.expect(200).body;
    assert_eq!((&usual["access_token_ttl"], &usual["refresh_token_ttl"]), (&Value::Null, &json!(3600)));
}

/// One administrator replaces the secret while another one changes the name: the old secret does not come back with it.
#[tokio::test]
async fn of_two_changes_at_a_time_the_second_one_is_told() {
    let world = World::new().await;
    let admin = admin(&world).await;
    let mut named = app();
    named["client_id"] = json!("app");
    admin.post("/admin/clients", named).await.expect(201);
    let before = store::find(world.database(), &"app".parse().unwrap()).await.unwrap().unwrap();
    admin.send(Method::POST, "/admin/clients/app/secret", &[], None).await.expect(200);
    let renamed = Client { name: "Other".to_owned(), ..before.clone() };
    let event = Event::new(Kind::ClientChanged, Actor::Command);
    let late = change::replace(world.database(), &before, &renamed, &event, world.now()).await;
    assert!(matches!(late, Err(Error::ClientChangedMeanwhile)), "{late:?}");
    assert_eq!(admin.get("/admin/clients/app").await.expect(200).body["client_name"], "App");
}

#[tokio::test]
async fn only_administrators_see_clients() {
    let world = World::new().await;
    let librarian = world.bearer(&world.librarian().await.access);
    librarian.get("/admin/clients").await.expect(403);
    librarian.post("/admin/clients", app()).await.expect(403);
    librarian.send(Method::POST, "/admin/clients/app/secret", &[], None).await.expect(403);
    librarian.patch("/admin/clients/app", json!({})).await.expect(403);
    librarian.delete("/admin/clients/app").await.expect(403);
    world.anonymous().get("/admin/clients").await.expect(401);
}

/// A stranger gets nothing for the asking: neither books without a person who has agreed, nor administration.
#[tokio::test]
async fn a_stranger_acts_for_people_who_were_asked_and_for_nobody_else() {
    let world = World::with(&["--client-registration", "open"]).await;
    let stranger = world.anonymous();
    let register = async |members: Value| {
        let mut asked = app();
        asked.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let request = http::Request::post("/oauth2/register").header("content-type", "application/json");
        world.exchange(request.body(asked.to_string().into()).unwrap()).await
    };
    for members in [
        json!({"grant_types": ["client_credentials"]}),
        json!({"redirect_uris": []}),
        json!({"scope": "auth:admin"}),
        json!({"scope": "openid\tauth:admin"}),
        json!({"scope": "openid\nauth:admin books:read"}),
    ] {
        assert_eq!(register(members.clone()).await.status, 400, "{members}");
    }
    let least = json!({"redirect_uris": ["https://app.example/cb"], "scope": null, "jwks_uri": null});
    let made = stranger.post("/oauth2/register", least).await.expect(201).body;
    assert_eq!(made["client_name"], made["client_id"], "nobody said what it is called");
    assert_eq!(made["grant_types"], json!(["authorization_code", "refresh_token"]));
    assert_eq!(made["response_types"], json!(["code"]));
    assert_eq!(made["scope"], "openid profile offline_access books:read books:write");
    let reply = register(json!({"scope": "openid email  books:read", "first_party": true, "resources": [1],
        "access_token_ttl": 1, "client_id": "app"}))
    .await;
    assert_eq!((reply.status.as_u16(), &reply.body["scope"]), (201, &json!("openid books:read")));
    assert_ne!(reply.body["client_id"], "app");
    assert_eq!((&reply.body["first_party"], &reply.body["access_token_ttl"]), (&json!(false), &Value::Null));
}

#[tokio::test]
async fn a_client_that_registered_itself_and_that_nobody_uses_is_forgotten() {
    let world = World::with(&["--client-registration", "open", "--audit-retention", "365d"]).await;
    let admin = admin(&world).await;
    let register = || async {
        let made = world.anonymous().post("/oauth2/register", app()).await.expect(201).body;
        made["client_id"].as_str().unwrap().to_owned()
    };
    let (used, unused) = (register().await, register().await);
    admin.post("/admin/clients", app()).await.expect(201);
    let root = world.row("root").await.id;
    let allowed = consent::Model {
        account_id: root,
        client_id: used,
        scope: "openid".to_owned(),
        resource: String::new(),
        granted_at: 0,
        others: None,
    };
    let allowed = consent::Entity::insert(consent::ActiveModel::from(allowed));
    allowed.exec_without_returning(world.database()).await.unwrap();
    world.advance(30 * 86400 - 1);
    assert_eq!(sweep(&world.service.app).await.unwrap().clients, 0);
    world.advance(1);
    assert_eq!(sweep(&world.service.app).await.unwrap().clients, 1);
    let left = async || Entity::find().count(world.database()).await.unwrap();
    assert_eq!(left().await, 2, "the operator's stays, and so does the one that somebody has allowed");
    assert!(Entity::find_by_id(unused).one(world.database()).await.unwrap().is_none());
    forget_account(world.database(), root).await.unwrap();
    assert_eq!(sweep(&world.service.app).await.unwrap().clients, 0, "looked at again after as long a time");
    world.advance(30 * 86400);
    assert_eq!(sweep(&world.service.app).await.unwrap().clients, 1);
    assert_eq!(left().await, 1);
}

#[tokio::test]
async fn pages_register_clients_where_anybody_may() {
    let asks = [(ORIGIN, "https://new.example"), (ACCESS_CONTROL_REQUEST_METHOD, "POST")];
    let closed = World::new().await;
    closed.anonymous().send(Method::OPTIONS, "/oauth2/register", &asks, None).await.expect(404);
    let open = World::with(&["--client-registration", "open"]).await;
    let allowed = open.anonymous().send(Method::OPTIONS, "/oauth2/register", &asks, None).await.expect(204);
    assert_eq!(allowed.headers["access-control-allow-origin"], "*");
    let made = open.anonymous().send(Method::POST, "/oauth2/register", &asks[..1], Some(app())).await;
    assert_eq!(made.expect(201).headers["access-control-allow-origin"], "*");
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
        "client_name": "Signer", "redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [TestKey::a().jwk()]},
    });
    world.anonymous().post("/oauth2/register", keys).await.expect(201);
}

/// A key whose signatures take long to check: 8192 bits.
fn oversized() -> Value {
    let mut jwk = TestKey::a().jwk();
    jwk["n"] = json!(URL_SAFE_NO_PAD.encode([0xff; 1024]));
    jwk
}

#[tokio::test]
async fn keys_of_a_client_that_registers_itself_are_bounded() {
    let world = World::with(&["--client-registration", "open"]).await;
    let many: Vec<_> = (0..6).map(|_| TestKey::a().jwk()).collect();
    for (keys, told) in [
        (json!(many), "jwks: must hold at most 5 keys"),
        (json!([oversized()]), "jwks: has an RSA key of 8192 bits"),
    ] {
        let mut metadata = app();
        metadata["token_endpoint_auth_method"] = json!("private_key_jwt");
        metadata["jwks"] = json!({ "keys": keys });
        let request = http::Request::post("/oauth2/register").header("content-type", "application/json");
        let reply = world.exchange(request.body(metadata.to_string().into()).unwrap()).await;
        let answer = reply.body;
        assert_eq!((reply.status.as_u16(), &answer["error"]), (400, &json!("invalid_client_metadata")));
        assert!(answer["error_description"].as_str().unwrap().starts_with(told), "{answer}");
    }
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
