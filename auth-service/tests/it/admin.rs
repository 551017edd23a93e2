use auth_service::accounts::Role;
use http::header::{LINK, LOCATION};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use shared::testing::{Answer, Caller, new_shared_database};

use crate::world::{CarriesTokens as _, PASSWORD, Tokens, World, claims, connect};

async fn boss(world: &World) -> (Caller, Tokens) {
    let tokens = world.member("boss", Role::Admin).await;
    (world.bearer(&tokens.access), tokens)
}

fn code(answer: &Answer) -> &str {
    answer.body["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn only_administrators_come_in() {
    let world = World::new().await;
    let (boss, _) = boss(&world).await;
    let librarian = world.librarian().await;
    let id = world.row("boss").await.id;
    for (method, path) in [
        (Method::GET, "/admin/users".to_owned()),
        (Method::POST, "/admin/users".to_owned()),
        (Method::GET, format!("/admin/users/{id}")),
        (Method::PATCH, format!("/admin/users/{id}")),
        (Method::DELETE, format!("/admin/users/{id}")),
        (Method::GET, format!("/admin/users/{id}/sessions")),
        (Method::DELETE, format!("/admin/users/{id}/sessions")),
        (Method::DELETE, format!("/admin/users/{id}/sessions/{id}")),
        (Method::GET, "/admin/keys".to_owned()),
        (Method::POST, "/admin/keys/rotate".to_owned()),
        (Method::GET, "/admin/audit".to_owned()),
    ] {
        world.anonymous().send(method.clone(), &path, &[], None).await.expect(401);
        let refused =
            world.bearer(&librarian.access).send(method.clone(), &path, &[], None).await.expect(403);
        assert!(
            refused.headers["www-authenticate"].to_str().unwrap().contains("insufficient_scope"),
            "{path}"
        );
    }
    boss.get("/admin/users").await.expect(200);
    // The token still says that its bearer may; the account does not.
    let second = world.member("second", Role::Admin).await;
    boss.patch(&format!("/admin/users/{}", world.row("second").await.id), json!({"roles": ["reader"]}))
        .await
        .expect(200);
    world.bearer(&second.access).get("/admin/users").await.expect(403);
}

#[tokio::test]
async fn an_administrator_makes_shows_changes_and_deletes_accounts() {
    let world = World::new().await;
    let (boss, _) = boss(&world).await;
    let ada = json!({"username": "Ada", "password": PASSWORD, "roles": ["librarian"]});
    let made = boss.post("/admin/users", ada.clone()).await.expect(201);
    let path = made.headers[LOCATION].to_str().unwrap().to_owned();
    assert_eq!(path, format!("/admin/users/{}", made.body["id"].as_str().unwrap()));
    assert_eq!(made.body["roles"], json!(["librarian"]));
    assert_eq!((&made.body["disabled"], &made.body["last_login_at"]), (&json!(false), &Value::Null));
    assert!(!made.body.to_string().contains("argon2"));
    assert_eq!(code(&boss.post("/admin/users", ada).await.expect(409)), "username_taken");

    let tokens = world.log_in("ada").await;
    assert_eq!(boss.get(&path).await.expect(200).body["last_login_at"], "2026-01-01T00:00:00.000Z");
    let changed = boss.patch(&path, json!({"roles": ["reader", "reader"]})).await.expect(200).body;
    assert_eq!(changed["roles"], json!(["reader"]));
    assert_eq!(world.refresh(&tokens.refresh).await.tokens().body["scope"], "books:read");

    assert_eq!(boss.patch(&path, json!({"disabled": true})).await.expect(200).body["disabled"], true);
    world.refresh(&tokens.refresh).await.unauthorized("Token has been revoked");
    world.try_log_in("ada", PASSWORD).await.unauthorized("Bad username or password");
    boss.patch(&path, json!({"disabled": false})).await.expect(200);
    let tokens = world.log_in("ada").await;

    let password = json!({"password": "another long password", "must_change_password": true});
    assert_eq!(boss.patch(&path, password).await.expect(200).body["must_change_password"], true);
    world.refresh(&tokens.refresh).await.unauthorized("Token has been revoked");
    let tokens = world.try_log_in("ada", "another long password").await.tokens();
    assert_eq!(tokens.body["scope"], "");
    let same = json!({"current_password": "another long password", "new_password": "another long password"});
    world.bearer(&tokens.access).put("/me/password", same).await.complains_of(&["new_password"]);

    boss.delete(&path).await.expect(204);
    world.refresh(&tokens.refresh).await.unauthorized("Token has been revoked");
    world.me(&tokens.access).await.unauthorized("Token has been revoked");
    for answer in [boss.get(&path).await, boss.delete(&path).await, boss.patch(&path, json!({})).await] {
        assert_eq!(code(&answer.expect(404)), "user_not_found");
    }
    let events =
        boss.get(&format!("/admin/audit?account={}", made.body["id"].as_str().unwrap())).await.expect(200);
    assert!(events.body.as_array().unwrap().len() > 5, "what happened to it is still known");
}

#[tokio::test]
async fn bad_requests_name_their_fields() {
    let world = World::new().await;
    let (boss, _) = boss(&world).await;
    boss.post("/admin/users", json!({})).await.complains_of(&["username", "password"]);
    let bad = json!({"username": "a b", "password": "short", "roles": ["king"], "must_change_password": 1});
    boss.post("/admin/users", bad).await.complains_of(&[
        "username",
        "password",
        "roles",
        "must_change_password",
    ]);
    let path = format!("/admin/users/{}", world.row("boss").await.id);
    for bad in [json!({"roles": []}), json!({"roles": null}), json!({"roles": "reader"})] {
        boss.patch(&path, bad).await.complains_of(&["roles"]);
    }
    boss.patch(&path, json!({"disabled": null})).await.complains_of(&["disabled"]);
    boss.patch(&path, json!({"must_change_password": true})).await.complains_of(&["must_change_password"]);
    boss.get("/admin/users/nonsense").await.expect(404);
    boss.get("/admin/users?limit=0&after=%20").await.complains_of(&["limit", "after"]);
    boss.get("/admin/audit?after=x&account=x&kind=x&since=x")
        .await
        .complains_of(&["after", "account", "kind", "since"]);
    boss.get("/admin/keys?after=x").await.complains_of(&["after"]);
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let world = World::new().await;
    let (boss, _) = boss(&world).await;
    let path = format!("/admin/users/{}", world.row("boss").await.id);
    world.account("second", Role::Admin).await;
    world.disable("second").await;
    for answer in [
        boss.delete(&path).await,
        boss.patch(&path, json!({"disabled": true})).await,
        boss.patch(&path, json!({"roles": ["librarian"]})).await,
    ] {
        assert_eq!(code(&answer.expect(409)), "last_admin");
    }
    boss.patch(&path, json!({"roles": ["admin", "reader"], "disabled": false})).await.expect(200);
    let second = format!("/admin/users/{}", world.row("second").await.id);
    boss.patch(&second, json!({"disabled": false})).await.expect(200);
    boss.patch(&path, json!({"roles": ["librarian"]})).await.expect(200);
    boss.get("/admin/users").await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_administrators_who_demote_each_other_one_stays() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::on(connect(&new_shared_database(directory.path()).await).await, &[]).await;
    for round in 0..10 {
        let names = [format!("one{round}"), format!("two{round}")];
        let mut callers = Vec::new();
        for name in &names {
            let tokens = world.member(name, Role::Admin).await;
            callers
                .push((world.bearer(&tokens.access), format!("/admin/users/{}", world.row(name).await.id)));
        }
        let demote = |index: usize| {
            let (caller, path) = (callers[index].0.clone(), callers[1 - index].1.clone());
            async move { caller.patch(&path, json!({"roles": ["reader"]})).await.status }
        };
        let (one, two) = tokio::join!(demote(0), demote(1));
        let left = auth_service::accounts::store::enabled_admins(world.database()).await.unwrap();
        assert_eq!(left.len(), 1, "{one} {two}");
        assert!([one, two].contains(&StatusCode::OK));
        for admin in left {
            world.disable(&admin.username).await;
        }
    }
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new().await;
    let (boss, _) = boss(&world).await;
    for name in ["ada", "Bob", "cyd", "dan"] {
        world.account(name, Role::Reader).await;
    }
    for (path, member) in [("/admin/users?limit=2", "username"), ("/admin/audit?limit=1", "id")] {
        let (mut path, mut seen) = (path.to_owned(), Vec::new());
        loop {
            let page = boss.get(&path).await.expect(200);
            seen.extend(page.body.as_array().unwrap().iter().map(|entry| entry[member].to_string()));
            let Some(link) = page.headers.get(LINK) else { break };
            let link = link.to_str().unwrap();
            path = link.strip_prefix('<').unwrap().split_once('>').unwrap().0.to_owned();
        }
        let whole = boss.get(path.split('?').next().unwrap()).await.expect(200).body;
        let whole: Vec<_> = whole.as_array().unwrap().iter().map(|entry| entry[member].to_string()).collect();
        assert!(whole.len() >= 2);
        assert_eq!(seen, whole, "{path}");
    }
    let names = boss.get("/admin/users").await.expect(200).body;
    let names: Vec<_> =
        names.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect();
    assert_eq!(names, ["ada", "Bob", "boss", "cyd", "dan"]);
}

#[tokio::test]
async fn users_are_found_by_what_their_names_begin_with() {
    let world = World::new().await;
    let (boss, _) = boss(&world).await;
    for name in ["ada", "Bob", "bo", "bob_2", "bobby", "bobx", "böb", "cyd"] {
        world.account(name, Role::Reader).await;
    }
    for (wanted, found) in [
        ("b", &["bo", "Bob", "bob_2", "bobby", "bobx", "boss", "böb"][..]),
        ("BOB", &["Bob", "bob_2", "bobby", "bobx"]),
        ("bob_", &["bob_2"]),
        ("bo&after=bobby&limit=1", &["bobx"]),
        ("b%C3%96", &["böb"]),
        ("zoe", &[]),
    ] {
        let users = boss.get(&format!("/admin/users?username={wanted}")).await.expect(200).body;
        let names: Vec<_> =
            users.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect();
        assert_eq!(names, found, "{wanted}");
    }
    let page = boss.get("/admin/users?limit=2&username=BOB").await.expect(200);
    let link = page.headers[LINK].to_str().unwrap();
    assert!(link.contains("username=BOB") && link.contains("after=bob_2"), "{link}");
    boss.get("/admin/users?username=bo%25").await.complains_of(&["username"]);
}

#[tokio::test]
async fn an_administrator_sees_and_ends_the_sessions_of_others() {
    let world = World::new().await;
    let (boss, own) = boss(&world).await;
    let one = world.librarian().await;
    let (two, three) = (world.log_in("lib").await, world.log_in("lib").await);
    let path = format!("/admin/users/{}/sessions", world.row("lib").await.id);
    let sessions = boss.get(&path).await.expect(200).body;
    assert_eq!(sessions.as_array().unwrap().len(), 3);
    assert!(sessions.as_array().unwrap().iter().all(|session| session["current"] == false));

    let sid = claims(&two.access)["sid"].as_str().unwrap().to_owned();
    boss.delete(&format!("{path}/{sid}")).await.expect(204);
    assert_eq!(code(&boss.delete(&format!("{path}/{sid}")).await.expect(404)), "session_not_found");
    boss.delete(&format!("{path}/nonsense")).await.expect(404);
    let foreign = claims(&own.access)["sid"].as_str().unwrap().to_owned();
    boss.delete(&format!("{path}/{foreign}")).await.expect(404);
    world.refresh(&two.refresh).await.unauthorized("Token has been revoked");
    world.refresh(&one.refresh).await.expect(200);

    boss.delete(&path).await.expect(204);
    for tokens in [&one, &three] {
        world.refresh(&tokens.refresh).await.unauthorized("Token has been revoked");
        world.me(&tokens.access).await.unauthorized("Token has been revoked");
    }
    world.refresh(&own.refresh).await.expect(200);
    boss.get(&format!("/admin/users/{foreign}/sessions")).await.expect(404);
}

#[tokio::test]
async fn an_administrator_sees_and_rotates_keys() {
    let world = World::new().await;
    let (boss, _) = boss(&world).await;
    let keys = boss.get("/admin/keys").await.expect(200).body;
    assert_eq!((keys.as_array().unwrap().len(), &keys[0]["state"]), (1, &json!("signing")));
    assert!(!keys.to_string().contains("private"));
    let next = boss.send(Method::POST, "/admin/keys/rotate", &[], None).await.expect(201).body;
    assert_eq!(
        (&next["state"], &next["signs_from"]),
        (&json!("announced"), &json!("2026-01-02T00:00:00.000Z"))
    );
    let published = world.anonymous().get("/.well-known/jwks.json").await.expect(200).body;
    assert_eq!(
        (published["keys"].as_array().unwrap().len(), &published["keys"][1]["kid"]),
        (2, &next["kid"])
    );
    let again = boss.send(Method::POST, "/admin/keys/rotate", &[], None).await.expect(409);
    assert_eq!(code(&again), "next_key_exists");
    let second = boss.get("/admin/keys?limit=1&after=1").await.expect(200);
    assert_eq!(second.body[0]["kid"], next["kid"]);
}

#[tokio::test]
async fn the_audit_trail_can_be_searched() {
    let world = World::new().await;
    let (boss, own) = boss(&world).await;
    world.account("ada", Role::Reader).await;
    world.advance(60);
    world.log_in("ada").await;
    let id = world.row("ada").await.id;
    let kinds = |answer: Answer| -> Vec<String> {
        let events = answer.expect(200).body;
        events.as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds(boss.get("/admin/audit").await), ["key_created", "login", "login"]);
    assert_eq!(kinds(boss.get(&format!("/admin/audit?account={id}")).await), ["login"]);
    assert_eq!(kinds(boss.get("/admin/audit?kind=key_created").await), ["key_created"]);
    assert_eq!(kinds(boss.get("/admin/audit?since=2026-01-01T00:01:00Z").await), ["login"]);
    assert_eq!(kinds(boss.get("/admin/audit?since=2026-01-01T00:01:00Z&kind=refresh").await), [""; 0]);

    boss.patch(&format!("/admin/users/{id}"), json!({"roles": ["librarian"]})).await.expect(200);
    let event = &boss.get("/admin/audit?kind=roles_changed").await.expect(200).body[0];
    let expected = json!({
        "id": event["id"],
        "at": "2026-01-01T00:01:00.000Z",
        "kind": "roles_changed",
        "success": true,
        "actor": format!("account:{}", world.row("boss").await.id),
        "address": "0.0.0.0",
        "account_id": id,
        "session_id": claims(&own.access)["sid"],
        "detail": "reader to librarian",
    });
    assert_eq!(*event, expected);
}
