//! How much one account may leave behind: sessions, and rows of the audit trail.

use auth_service::entity::{audit_event, session};
use auth_service::maintenance::sweep;
use auth_service::sessions::store;
use http::Method;
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};
use shared::testing::new_shared_database;

use crate::log::audit_lines;
use crate::oauth;
use crate::world::{CarriesTokens as _, Tokens, World, claims, connect};

async fn three_at_a_time() -> World {
    World::with(&["--sessions-per-account", "3"]).await
}

async fn live(world: &World) -> u64 {
    session::Entity::find()
        .filter(session::Column::RevokedAt.is_null())
        .count(world.database())
        .await
        .unwrap()
}

fn sid(tokens: &Tokens) -> String {
    claims(&tokens.access)["sid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn with_one_session_too_many_the_one_unused_for_longest_ends() {
    let world = three_at_a_time().await;
    let (first, second) = (world.librarian().await, world.log_in("lib").await);
    let other = world.member("kay", auth_service::accounts::Role::Reader).await;
    world.advance(1);
    let third = world.log_in("lib").await;
    world.advance(1);
    world.refresh(&first.refresh).await.expect(200);
    world.advance(1);
    let fourth = world.log_in("lib").await;
    world.me(&second.access).await.unauthorized("Token has been revoked");
    world.refresh(&second.refresh).await.unauthorized("Token has been revoked");
    for tokens in [&first, &third, &fourth, &other] {
        world.me(&tokens.access).await.expect(200);
    }
    assert_eq!(world.bearer(&fourth.access).get("/me/sessions").await.body.as_array().unwrap().len(), 3);

    let ended = audit_event::Entity::find().filter(audit_event::Column::Kind.eq("session_ended"));
    let ended = ended.all(world.database()).await.unwrap();
    let told: Vec<_> =
        ended.iter().map(|event| (event.session_id.unwrap().to_string(), event.success)).collect();
    assert_eq!(told, [(sid(&second), true)]);
    assert_eq!(ended[0].actor, format!("account:{}", world.row("lib").await.id));
    let lines = audit_lines(&sid(&second));
    assert_eq!(lines.iter().filter(|line| line.contains("session_ended")).count(), 1, "{lines:?}");
}

/// The browser of somebody is not signed out by their script, nor is any application, and the other way round.
#[tokio::test]
async fn each_client_has_room_of_its_own_and_so_have_browsers() {
    let world = three_at_a_time().await;
    let (tokens, visitor) = oauth::signed_in_with_consent(&world).await;
    let own = session::Entity::find().filter(session::Column::ClientId.eq("spa"));
    let own = own.one(world.database()).await.unwrap().unwrap();
    let (id, of_another_client) = (world.service.app.random.uuid(), "another".to_owned());
    let another = session::Model { id, client_id: of_another_client, last_used_at: 0, ..own };
    store::open(world.database(), &another).await.unwrap();
    for _ in 0..5 {
        world.log_in("ben").await;
    }
    oauth::refreshed(&world, &tokens).await;
    assert_eq!(
        live(&world).await,
        6,
        "three of /login, the browser, what it has opened, and that of another client"
    );
    for _ in 0..3 {
        oauth::device_let_in(&world, &visitor).await;
        world.advance(1);
    }
    assert_eq!(live(&world).await, 8, "three of the client now, with that of before");
    for _ in 0..2 {
        oauth::device_let_in(&world, &visitor).await;
    }
    assert_eq!(live(&world).await, 8);
    assert!(!store::find(world.database(), id).await.unwrap().unwrap().is_over(world.now()));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_log_in_at_once_no_more_have_a_session() {
    let directory = tempfile::tempdir().unwrap();
    let database = connect(&new_shared_database(directory.path()).await).await;
    let world = World::on(database, &["--sessions-per-account", "3", "--hash-queue-deadline", "60s"]).await;
    world.librarian().await;
    let logins = (0..12).map(|_| world.log_in("lib"));
    futures_util::future::join_all(logins).await;
    assert_eq!(live(&world).await, 3);
    let kinds = world.audit().await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "session_ended").count(), 10);
}

/// The operator has made the setting smaller: each login ends some, until it holds.
#[tokio::test]
async fn a_smaller_setting_is_reached_step_by_step() {
    let database = connect(&shared::testing::new_database().await).await;
    let before = World::on(database.clone(), &[]).await;
    before.librarian().await;
    for _ in 0..23 {
        before.log_in("lib").await;
    }
    let after = World::on(database, &["--sessions-per-account", "2"]).await;
    after.log_in("lib").await;
    assert_eq!(live(&after).await, 5);
    after.log_in("lib").await;
    assert_eq!(live(&after).await, 2);
}

#[tokio::test]
async fn who_logs_in_and_out_all_day_leaves_no_sessions_behind() {
    let world = three_at_a_time().await;
    let mut last = world.librarian().await;
    for _ in 0..6 {
        last = world.log_in("lib").await;
        world.log_out(&last.access).await.expect(204);
    }
    let kept = world.log_in("lib").await;
    sweep(&world.service.app).await.unwrap();
    let left = session::Entity::find().count(world.database()).await.unwrap();
    assert_eq!(left, live(&world).await, "what has ended is swept at the next occasion");
    world.refresh(&kept.refresh).await.expect(200);
    // Whoever holds tokens of one that is gone hears what they would have heard before.
    world.me(&last.access).await.unauthorized("Token has been revoked");
    world.refresh(&last.refresh).await.unauthorized("Token has been revoked");
    world.log_out(&last.access).await.expect(204);
    let sessions = format!("/me/sessions/{}", sid(&last));
    world.bearer(&kept.access).send(Method::DELETE, &sessions, &[], None).await.expect(404);
}

/// A client in a loop: its refreshes have a line each, and rows enough to see what it did.
#[tokio::test]
async fn who_refreshes_all_the_time_fills_no_audit_trail() {
    let world = World::new().await;
    let (mut tokens, calm) =
        (world.librarian().await, world.member("kay", auth_service::accounts::Role::Reader).await);
    for _ in 0..130 {
        tokens = world.refresh(&tokens.refresh).await.tokens();
    }
    world.refresh(&calm.refresh).await.expect(200);
    let rows = || async {
        let rows = audit_event::Entity::find().filter(audit_event::Column::Kind.eq("refresh"));
        rows.all(world.database()).await.unwrap()
    };
    assert_eq!(rows().await.len(), 101, "a hundred of the one, and that of the other");
    let lines = audit_lines(&sid(&tokens));
    assert_eq!(lines.iter().filter(|line| line.contains("\"refresh\"")).count(), 130);
    world.advance(60);
    world.refresh(&tokens.refresh).await.expect(200);
    let rows = rows().await;
    assert_eq!(rows.last().unwrap().detail, "generation 132", "so many have no row as are missing before it");
    assert_eq!(rows[99].detail, "generation 101");
}
