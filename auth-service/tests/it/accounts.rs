use serde_json::{Value, json};

use crate::world::{PASSWORD, World};

fn registration(username: &str, password: &str) -> Value {
    json!({"username": username, "password": password})
}

#[tokio::test]
async fn registration_is_closed_unless_it_is_opened() {
    let world = World::new().await;
    let answer = world.anonymous().post("/register", registration("ada", PASSWORD)).await.expect(403);
    assert_eq!(answer.body["code"], "registration_closed");
    world.anonymous().send(http::Method::POST, "/register", &[], None).await.expect(403);
}

#[tokio::test]
async fn who_registers_is_a_reader_and_may_log_in() {
    let world = World::with(&["--registration", "open"]).await;
    let made = world.anonymous().post("/register", registration("Ada", PASSWORD)).await.expect(201).body;
    assert_eq!((&made["username"], &made["roles"]), (&json!("Ada"), &json!(["reader"])));
    let tokens = world.log_in("ada").await;
    let me = world.me(&tokens.access).await.expect(200).body;
    assert_eq!(me, json!({"id": made["id"], "username": "Ada", "roles": ["reader"], "scope": "books:read"}));
}

#[tokio::test]
async fn a_name_is_taken_in_every_spelling() {
    let world = World::with(&["--registration", "open"]).await;
    world.anonymous().post("/register", registration("Ada", PASSWORD)).await.expect(201);
    for name in ["Ada", "ada", "ＡＤＡ"] {
        let answer = world.anonymous().post("/register", registration(name, PASSWORD)).await.expect(409);
        assert_eq!(answer.body["code"], "username_taken");
    }
    // They would read as the same name.
    for name in ["Ada\u{3164}", "A\u{115f}da", "\u{ffa0}Ada"] {
        world.anonymous().post("/register", registration(name, PASSWORD)).await.complains_of(&["username"]);
    }
}

#[tokio::test]
async fn all_bad_fields_are_named_at_once() {
    let world = World::with(&["--registration", "open"]).await;
    let register = |body: Value| async { world.anonymous().post("/register", body).await };
    register(json!({})).await.complains_of(&["username", "password"]);
    register(registration("", "short")).await.complains_of(&["username", "password"]);
    register(json!({"username": 7, "password": null})).await.complains_of(&["username", "password"]);
    register(registration("ada", &"a".repeat(4097))).await.complains_of(&["password"]);
    register(registration("a-very-long-user-name", "A-Very-Long-User-Name"))
        .await
        .complains_of(&["password"]);
    register(registration("ada", "fourteen chars")).await.complains_of(&["password"]);
    register(registration("ada", "fifteen letters")).await.expect(201);
}

#[tokio::test]
async fn me_needs_an_access_token() {
    let world = World::new().await;
    world.anonymous().get("/me").await.unauthorized("Missing Authorization Header");
    let tokens = world.librarian().await;
    world.me(&tokens.access).await.expect(200);
    world.advance(900);
    world.me(&tokens.access).await.unauthorized("Token has expired");
}
