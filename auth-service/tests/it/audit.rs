use auth_service::accounts::Role;
use auth_service::audit::{Actor, Event, Kind, Transaction};
use auth_service::entity::audit_event::{Column, Entity, Model};
use http::Method;
use sea_orm::{EntityTrait as _, QueryOrder as _};
use serde_json::{Value, json};

use crate::log::audit_lines;
use crate::world::{PASSWORD, World, claims};

async fn events(world: &World) -> Vec<Model> {
    Entity::find().order_by_asc(Column::Id).all(world.database()).await.unwrap()
}

/// Each event of a life, with who did it, from where, to which account and session; and each as a line of JSON, too.
#[tokio::test]
async fn everything_that_happens_is_told_twice() {
    let world = World::new().await;
    let boss = world.member("boss", Role::Admin).await;
    let caller = world.bearer(&boss.access);
    let ada = json!({"username": "ada", "password": PASSWORD});
    let id = caller.post("/admin/users", ada).await.expect(201).body["id"].as_str().unwrap().to_owned();
    let path = format!("/admin/users/{id}");

    let first = world.log_in("ada").await;
    let second =
        world.refresh(&first.refresh).await.expect(200).body["refresh_token"].as_str().unwrap().to_owned();
    world.refresh(&second).await.expect(200);
    world.refresh(&first.refresh).await.unauthorized("Token has been revoked");
    for _ in 0..5 {
        world.try_log_in_from("203.0.113.9", "ada", "wrong").await.unauthorized("Bad username or password");
    }
    let third = world.log_in("ada").await;
    let change = json!({"current_password": PASSWORD, "new_password": "another long password"});
    world.bearer(&third.access).put("/me/password", change).await.expect(204);
    world.log_out(&third.access).await.expect(204);
    caller.patch(&path, json!({"roles": ["librarian"]})).await.expect(200);
    caller.patch(&path, json!({"disabled": true})).await.expect(200);
    caller.patch(&path, json!({"disabled": false})).await.expect(200);
    caller.delete(&path).await.expect(204);
    let key = caller.send(Method::POST, "/admin/keys/rotate", &[], None).await.expect(201).body;
    world.service.app.keyring.revoke(key["kid"].as_str().unwrap(), Actor::Command).await.unwrap();

    let (admin, sid) = (format!("account:{}", world.row("boss").await.id), |token: &str| {
        claims(token)["sid"].as_str().unwrap().to_owned()
    });
    let owner = format!("account:{id}");
    let (home, away) = ("0.0.0.0", "203.0.113.9");
    let (bosses, firsts, thirds) = (sid(&boss.access), sid(&first.access), sid(&third.access));
    let told: Vec<_> = events(&world)
        .await
        .into_iter()
        .skip(2)
        .map(|event| {
            let result = if event.success { "" } else { "!" };
            (
                format!("{}{result}", event.kind),
                event.actor,
                event.ip,
                event.session_id.map_or(String::new(), |id| id.to_string()),
            )
        })
        .collect();
    let by = |kind: &str, actor: &str, ip: &str, session: &str| {
        (kind.to_owned(), actor.to_owned(), ip.to_owned(), session.to_owned())
    };
    let mut expected = vec![
        by("account_created", &admin, home, &bosses),
        by("login", &owner, home, &firsts),
        by("refresh", &owner, home, &firsts),
        by("refresh", &owner, home, &firsts),
        by("reuse_detected!", "", home, &firsts),
    ];
    expected.extend((0..5).map(|_| by("login!", "", away, "")));
    expected.extend([
        by("login_throttled", "", away, ""),
        by("login", &owner, home, &thirds),
        by("password_changed", &owner, home, &thirds),
        by("session_ended", &owner, home, &thirds),
        by("roles_changed", &admin, home, &bosses),
        by("account_disabled", &admin, home, &bosses),
        by("account_enabled", &admin, home, &bosses),
        by("account_deleted", &admin, home, &bosses),
        by("key_created", &admin, home, &bosses),
        by("key_revoked", "command", "", ""),
    ]);
    assert_eq!(told, expected);

    let lines = audit_lines(&id);
    assert_eq!(
        lines.len(),
        events(&world)
            .await
            .iter()
            .filter(|event| event.account_id.is_some_and(|of| of.to_string() == id))
            .count()
    );
    let reuse: Value =
        serde_json::from_str(lines.iter().find(|line| line.contains("reuse_detected")).unwrap()).unwrap();
    for (member, value) in [
        ("audit", json!("reuse_detected")),
        ("success", json!(false)),
        ("actor", json!("")),
        ("account", json!(id)),
        ("session", json!(firsts)),
        ("ip", json!(home)),
        ("detail", json!("generation 1 of 3")),
    ] {
        assert_eq!(reuse[member], value, "{member}: {reuse}");
    }
    assert!(reuse["timestamp"].as_str().unwrap().ends_with('Z'), "UTC");
}

#[tokio::test]
async fn what_was_not_committed_is_not_told() {
    let world = World::new().await;
    let id = world.service.app.random.uuid();
    let event = || Event::new(Kind::AccountDisabled, Actor::Command).account(id);
    let mut transaction = Transaction::begin(world.database()).await.unwrap();
    transaction.record(world.now(), event()).await.unwrap();
    assert!(audit_lines(&id.to_string()).is_empty(), "not before the commit");
    drop(transaction);
    assert_eq!(events(&world).await.len(), 1);
    let mut transaction = Transaction::begin(world.database()).await.unwrap();
    transaction.record(world.now(), event()).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!((audit_lines(&id.to_string()).len(), events(&world).await.len()), (1, 2));
}

/// What a client sends stands in no event; and the log writes each event as one line of JSON, which `log` asserts for
/// every line of the whole run.
#[tokio::test]
async fn nobody_forges_a_line() {
    let world = World::new().await;
    let forged = "ada\r\n{\"audit\":\"login\",\"success\":true,\"actor\":\"forged-by-somebody\"}";
    world.try_log_in(forged, "wrong").await.unauthorized("Bad username or password");
    world.anonymous().get("/nowhere%0d%0a{\"audit\":\"forged-by-somebody\"}").await.expect(404);
    assert!(audit_lines("forged-by-somebody").is_empty());
    let events = events(&world).await;
    assert!(events.iter().all(|event| !event.detail.contains("forged") && !event.actor.contains("forged")));
}
