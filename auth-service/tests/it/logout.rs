use auth_service::accounts::Role;
use serde_json::json;

use crate::world::{PASSWORD, World, claims};

#[tokio::test]
async fn either_token_ends_the_session() {
    for by_refresh_token in [true, false] {
        let world = World::new().await;
        let tokens = world.librarian().await;
        let token = if by_refresh_token { &tokens.refresh } else { &tokens.access };
        world.log_out(token).await.expect(204);
        world.refresh(&tokens.refresh).await.unauthorized("Token has been revoked");
        world.me(&tokens.access).await.unauthorized("Token has been revoked");
        world.log_out(token).await.expect(204);
        assert_eq!(world.audit().await[1..], ["login", "session_ended"], "told once");
    }
}

#[tokio::test]
async fn a_logout_leaves_other_sessions_alone() {
    let world = World::new().await;
    let (one, two) = (world.librarian().await, world.log_in("lib").await);
    world.log_out(&one.access).await.expect(204);
    world.refresh(&two.refresh).await.expect(200);
}

#[tokio::test]
async fn a_logout_needs_a_token() {
    let world = World::new().await;
    world
        .anonymous()
        .send(http::Method::POST, "/logout", &[], None)
        .await
        .unauthorized("Missing Authorization Header");
    world.log_out("x.y.z").await.unauthorized("Token is invalid");
}

#[tokio::test]
async fn an_account_sees_its_sessions_and_ends_them() {
    let world = World::new().await;
    let one = world.librarian().await;
    world.advance(1);
    let (two, three) = (world.log_in("lib").await, world.log_in("lib").await);
    let stranger = world.member("stranger", Role::Reader).await;

    let sessions = world.bearer(&one.access).get("/me/sessions").await.expect(200).body;
    let sessions = sessions.as_array().unwrap();
    assert_eq!(sessions.len(), 3);
    assert_eq!(sessions[0]["id"], claims(&one.access)["sid"]);
    assert_eq!((&sessions[0]["current"], &sessions[1]["current"]), (&json!(true), &json!(false)));
    assert_eq!(sessions[0]["user_agent"], "tests/1.0");
    assert_eq!(sessions[0]["created_at"], "2026-01-01T00:00:00.000Z");
    assert_eq!(sessions[0]["address"], "0.0.0.0");

    let two_id = claims(&two.access)["sid"].as_str().unwrap().to_owned();
    let path = format!("/me/sessions/{two_id}");
    world.bearer(&stranger.access).delete(&path).await.expect(404);
    world.bearer(&one.access).delete(&path).await.expect(204);
    assert_eq!(world.bearer(&one.access).delete(&path).await.expect(404).body["error"], "Session not found.");
    world.bearer(&one.access).delete("/me/sessions/nonsense").await.expect(404);
    world.refresh(&two.refresh).await.unauthorized("Token has been revoked");

    world.bearer(&one.access).delete("/me/sessions").await.expect(204);
    world.refresh(&three.refresh).await.unauthorized("Token has been revoked");
    world.refresh(&one.refresh).await.expect(200);
    world.refresh(&stranger.refresh).await.expect(200);
}

#[tokio::test]
async fn sessions_come_in_pages() {
    let world = World::new().await;
    let tokens = world.librarian().await;
    for _ in 0..2 {
        world.advance(1);
        world.log_in("lib").await;
    }
    let caller = world.bearer(&tokens.access);
    let first = caller.get("/me/sessions?limit=2").await.expect(200);
    let link = first.headers["link"].to_str().unwrap().to_owned();
    let next = link.strip_prefix('<').unwrap().split_once('>').unwrap().0;
    let second = caller.get(next).await.expect(200);
    assert_eq!((first.body.as_array().unwrap().len(), second.body.as_array().unwrap().len()), (2, 1));
    assert!(!second.headers.contains_key("link"));
    caller.get("/me/sessions?limit=0&after=x").await.complains_of(&["limit", "after"]);
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let world = World::new().await;
    let (one, two) = (world.librarian().await, world.log_in("lib").await);
    let change = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    let caller = world.bearer(&one.access);
    caller
        .put("/me/password", change("wrong", "another long password"))
        .await
        .complains_of(&["current_password"]);
    caller.put("/me/password", change(PASSWORD, "too short")).await.complains_of(&["new_password"]);
    caller.put("/me/password", change(PASSWORD, "another long password")).await.expect(204);
    world.refresh(&two.refresh).await.unauthorized("Token has been revoked");
    world.refresh(&one.refresh).await.expect(200);
    world.try_log_in("lib", PASSWORD).await.unauthorized("Bad username or password");
    world.try_log_in("lib", "another long password").await.expect(200);
}
