use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use auth_service::accounts::Role;
use auth_service::passwords::Password;
use axum::body::Body;
use axum::extract::ConnectInfo;
use futures_util::future::join_all;
use http::Request;
use serde_json::json;
use shared::testing::{new_database, new_shared_database};

use crate::metrics::hashes;
use crate::world::{CarriesTokens as _, PASSWORD, World, claims, connect};

/// A service whose requests meet in the database: with one connection, each would have it to itself.
async fn busy_world(directory: &tempfile::TempDir, flags: &[&str]) -> World {
    World::on(connect(&new_shared_database(directory.path()).await).await, flags).await
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_refreshes_of_one_token_make_one_successor() {
    let directory = tempfile::tempdir().unwrap();
    let world = busy_world(&directory, &[]).await;
    let tokens = world.librarian().await;
    let refreshes = (0..50).map(|_| world.refresh(&tokens.refresh));
    let answers = join_all(refreshes).await;
    let successors: HashSet<_> = answers.into_iter().map(|answer| answer.tokens().refresh).collect();
    assert_eq!(successors.len(), 1);
    assert_eq!(claims(successors.iter().next().unwrap())["gen"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_register_one_name_together_one_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let world = busy_world(&directory, &["--registration", "open"]).await;
    let body = json!({"username": "ada", "password": PASSWORD});
    let caller = world.anonymous();
    let (one, two) = tokio::join!(caller.post("/register", body.clone()), caller.post("/register", body));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn who_finds_the_hashing_queue_full_is_sent_away() {
    let world = World::with(&["--hash-slots", "1", "--hash-queue-deadline", "1ms"]).await;
    world.librarian().await;
    let logins = (0..8).map(|_| world.try_log_in("lib", PASSWORD));
    let answers = join_all(logins).await;
    let full: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!full.is_empty(), "one slot, and nobody waits longer than a millisecond");
    for answer in full {
        assert_eq!(
            (&answer.body["code"], &answer.headers["retry-after"]),
            (&json!("hash_queue_full"), &"1".parse().unwrap())
        );
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.log_in("lib").await;
}

/// Forty log in at a time, with two slots. Whoever does not log in is answered meanwhile, and not behind them all: a thread
/// that hashes is none that answers.
#[tokio::test]
async fn nobody_else_waits_for_those_who_log_in() {
    let directory = tempfile::tempdir().unwrap();
    let world = busy_world(&directory, &["--hash-slots", "2", "--hash-queue-deadline", "60s"]).await;
    let tokens = world.librarian().await;
    let before = hashes(&world).await;
    let logins = (0..40).map(|_| async { world.try_log_in("lib", PASSWORD).await.status.as_u16() });
    let others = async {
        for _ in 0..5 {
            world.anonymous().get("/.well-known/jwks.json").await.expect(200);
            world.me(&tokens.access).await.expect(200);
        }
        hashes(&world).await - before
    };
    let (statuses, hashed) = tokio::join!(join_all(logins), others);
    assert_eq!(statuses, [200; 40]);
    assert!(hashed < 40, "answered when all were hashed");
}

/// With eight places, of which one network gets four.
async fn crowded_world(flags: &[&str]) -> World {
    let database = connect(&new_database().await).await;
    let world = World::configured(database, flags, |config| config.edge.max_in_flight = 8).await;
    world.account("lib", Role::Reader).await;
    world
}

/// Four of one network log in at a time. Asserts that somebody else there is answered before the first of them is.
async fn four_are_no_crowd(world: &World, password: &str) {
    const CROWD: &str = "203.0.113.9";
    let logins = (0..4).map(|_| Box::pin(world.try_log_in_from(CROWD, "lib", password)));
    let somebody = async {
        loop {
            let request = Request::get("/.well-known/jwks.json");
            let from = ConnectInfo(SocketAddr::new(CROWD.parse().unwrap(), 40_000));
            let request = request.extension(from).body(Body::empty()).unwrap();
            match world.anonymous().raw(request).await.status.as_u16() {
                503 => tokio::time::sleep(Duration::from_millis(2)).await,
                status => break assert_eq!(status, 200),
            }
        }
    };
    tokio::select! {
        biased;
        (first, ..) = futures_util::future::select_all(logins) => panic!("{} first", first.status),
        () = somebody => {}
    }
}

#[tokio::test]
async fn who_waits_for_a_slot_takes_no_place() {
    let world = crowded_world(&["--hash-slots", "1", "--hash-queue-deadline", "60s"]).await;
    let ahead = (0..20).map(|_| world.service.app.passwords.hash(Password::presented("x").unwrap()));
    let ahead = join_all(ahead);
    tokio::select! {
        biased;
        _ = ahead => panic!("twenty were hashed first"),
        () = four_are_no_crowd(&world, PASSWORD) => {}
    }
}

#[tokio::test]
async fn a_refusal_that_is_held_back_takes_no_place() {
    four_are_no_crowd(&crowded_world(&[]).await, "wrong").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_minted_after_a_session_was_ended() {
    let directory = tempfile::tempdir().unwrap();
    let world = busy_world(&directory, &[]).await;
    for round in 0..20 {
        let tokens = if round == 0 { world.librarian().await } else { world.log_in("lib").await };
        let (refreshed, ended) = tokio::join!(world.refresh(&tokens.refresh), world.log_out(&tokens.access));
        ended.expect(204);
        let latest =
            if refreshed.status == 200 { refreshed.tokens().refresh } else { tokens.refresh.clone() };
        world.refresh(&latest).await.unauthorized("Token has been revoked");
        world.refresh(&tokens.refresh).await.unauthorized("Token has been revoked");
    }
}

/// Somebody holds a request open while an operator acts: the operator wins.
#[tokio::test]
async fn a_password_change_does_not_undo_what_was_done_meanwhile() {
    use auth_service::accounts::store::{self, NewPassword};
    let world = World::new().await;
    let tokens = world.librarian().await;
    let account = store::find_by_name(world.database(), &"lib".parse().unwrap()).await.unwrap().unwrap();
    let stale = account.clone();
    let another = NewPassword::chosen("$another".to_owned());
    store::set_password(world.database(), account.id, another, world.now()).await.unwrap();
    assert!(
        !store::replace_password(world.database(), &stale, "$mine".to_owned(), world.now()).await.unwrap()
    );
    let now = store::find_by_name(world.database(), &"lib".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(now.password_hash, "$another");
    assert!(store::replace_password(world.database(), &now, stale.password_hash, world.now()).await.unwrap());
    store::disable(world.database(), account.id, world.now()).await.unwrap();
    let disabled = store::find_by_name(world.database(), &"lib".parse().unwrap()).await.unwrap().unwrap();
    assert!(
        !store::replace_password(world.database(), &disabled, "$mine".to_owned(), world.now()).await.unwrap()
    );
    world.me(&tokens.access).await.unauthorized("Token has been revoked");
}

/// Somebody may keep the queue long, with right passwords or wrong ones: nobody else stands behind all of theirs.
#[tokio::test]
async fn whoever_comes_from_elsewhere_is_next_in_the_queue() {
    let world = World::with(&["--hash-slots", "1"]).await;
    let names: Vec<_> = (0..12).map(|number| format!("many-{number}")).collect();
    for name in names.iter().map(String::as_str).chain(["ada"]) {
        world.account(name, Role::Reader).await;
    }
    let order = Mutex::new(Vec::new());
    let log_in = async |ip: &str, name: &str| {
        world.try_log_in_from(ip, name, PASSWORD).await.expect(200);
        order.lock().unwrap().push(name.to_owned());
    };
    let elsewhere = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        log_in("203.0.113.9", "ada").await;
    };
    let many = join_all(names.iter().map(|name| log_in("198.51.100.7", name)));
    futures_util::future::join(many, elsewhere).await;
    let order = order.into_inner().unwrap();
    assert!(order.iter().position(|name| name == "ada").unwrap() < 8, "{order:?}");
}
