use std::sync::Arc;

use auth_service::Service;
use auth_service::audit::Actor;
use auth_service::entity::signing_key::Entity;
use auth_service::migration::Migrator;
use auth_service::tokens::life::KeyState;
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use secrecy::SecretString;
use shared::database;
use shared::random::SystemRandom;
use shared::testing::{FakeClock, new_shared_database};

use crate::world::{KEY, World, connect, header, settings};

async fn kids(world: &World) -> Vec<String> {
    let set = world.anonymous().get("/.well-known/jwks.json").await.expect(200).body;
    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_that_start_together_end_with_one_key() {
    let directory = tempfile::tempdir().unwrap();
    let url = new_shared_database(directory.path()).await;
    let one = database::connect("TEST", &url).await.unwrap();
    let two = database::connect("TEST", &url).await.unwrap();
    let (first, second) =
        tokio::join!(database::migrate::<Migrator>(&one), database::migrate::<Migrator>(&two));
    first.and(second).unwrap();
    let (one, two) = tokio::join!(World::on(one, &[]), World::on(two, &[]));
    assert_eq!(Entity::find().count(one.database()).await.unwrap(), 1);
    assert_eq!(kids(&one).await, kids(&two).await);
    let tokens = one.librarian().await;
    two.me(&tokens.access).await.expect(200);
    two.refresh(&tokens.refresh).await.expect(200);
}

#[tokio::test]
async fn keys_outlive_a_restart_and_the_wrong_key_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let url = new_shared_database(directory.path()).await;
    let world = World::on(connect(&url).await, &[]).await;
    let (tokens, before) = (world.librarian().await, kids(&world).await);
    drop(world);

    let world = World::on(connect(&url).await, &[]).await;
    assert_eq!(kids(&world).await, before);
    world.refresh(&tokens.refresh).await.expect(200);

    let mut other = settings(&[]);
    other.keys.sealing.key_encryption_key =
        Some(SecretString::from("BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="));
    let (config, sealer) = other.check().unwrap();
    let database = database::connect("TEST", &url).await.unwrap();
    let (clock, random) = (Arc::new(FakeClock::default()), Arc::new(SystemRandom::new()));
    let error = Service::start(config, sealer, database, clock, random).await.unwrap_err();
    assert!(format!("{error:#}").starts_with("AUTH_KEY_ENCRYPTION_KEY: does not open"), "{error:#}");
    assert_eq!(kids(&world).await, before, "and no new key was made");
}

#[tokio::test]
async fn a_key_is_announced_before_it_signs_and_kept_after() {
    let world = World::new().await;
    let old = world.librarian().await;
    let first = kids(&world).await;
    let keyring = &world.service.app.keyring;

    world.advance(30 * 86400);
    keyring.maintain().await.unwrap();
    let both = kids(&world).await;
    assert_eq!((both.len(), &both[0]), (2, &first[0]), "the next key is announced");
    let during = world.log_in("lib").await;
    assert_eq!(header(&during.access)["kid"], *first[0]);

    world.advance(86400);
    keyring.maintain().await.unwrap();
    let after = world.log_in("lib").await;
    assert_eq!(header(&after.access)["kid"], *both[1], "the next key signs");
    assert_eq!(kids(&world).await, both, "what the first key signed can still be verified");
    world.refresh(&during.refresh).await.expect(200);
    world.refresh(&old.refresh).await.unauthorized("Token has expired");

    world.advance(31 * 86400);
    keyring.maintain().await.unwrap();
    assert!(!kids(&world).await.contains(&first[0]), "the first key is gone");
}

#[tokio::test]
async fn a_key_that_leaked_is_dropped_at_once() {
    let world = World::new().await;
    let keyring = &world.service.app.keyring;
    let tokens = world.librarian().await;
    let leaked = kids(&world).await[0].clone();
    keyring.revoke(&leaked, Actor::Command).await.unwrap();
    assert!(!kids(&world).await.contains(&leaked), "no longer published");
    world.me(&tokens.access).await.unauthorized("Token is invalid");
    world.refresh(&tokens.refresh).await.unauthorized("Token is invalid");
    let tokens = world.log_in("lib").await;
    assert_ne!(header(&tokens.access)["kid"], *leaked);
    world.refresh(&tokens.refresh).await.expect(200);
    let again = keyring.revoke(&leaked, Actor::Command).await.unwrap_err();
    assert!(again.to_string().contains(&leaked));
    assert_eq!(keyring.keys().await.unwrap()[0].state, KeyState::Gone);
}

#[tokio::test]
async fn a_key_that_is_rotated_by_hand_is_announced_like_any_other() {
    let world = World::new().await;
    let keyring = &world.service.app.keyring;
    let first = kids(&world).await[0].clone();
    world.advance(86400);
    let next = keyring.rotate(Actor::Command, None).await.unwrap();
    assert_eq!(next.state, KeyState::Announced);
    assert!(keyring.rotate(Actor::Command, None).await.is_err(), "one at a time");
    assert_eq!(header(&world.librarian().await.access)["kid"], *first);
    world.advance(86400);
    keyring.maintain().await.unwrap();
    assert_eq!(header(&world.log_in("lib").await.access)["kid"], *next.kid);
    // The next one is due thirty days after this one.
    world.advance(29 * 86400 - 1);
    keyring.maintain().await.unwrap();
    assert_eq!(kids(&world).await.len(), 2);
    world.advance(1);
    keyring.maintain().await.unwrap();
    assert_eq!(kids(&world).await.len(), 3);
}

#[tokio::test]
async fn verifiers_are_never_given_more_keys_than_they_take() {
    let world = World::with(&["--key-announce", "6m", "--key-rotate-every", "2d"]).await;
    let keyring = &world.service.app.keyring;
    let mut made = 0;
    while keyring.rotate(Actor::Command, None).await.is_ok() {
        made += 1;
        world.advance(360);
        keyring.maintain().await.unwrap();
    }
    assert_eq!(made, shared::jwks::MAX_USABLE - 2);
    assert!(kids(&world).await.len() < shared::jwks::MAX_USABLE);
}

#[tokio::test]
async fn the_encryption_key_is_replaced_without_a_pause() {
    const NEW: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA=";
    let directory = tempfile::tempdir().unwrap();
    let url = new_shared_database(directory.path()).await;
    let old = World::on(connect(&url).await, &[]).await;
    let tokens = old.librarian().await;
    let start = |current: &'static str, previous: Option<&'static str>| {
        let mut settings = settings(&[]);
        settings.keys.sealing.key_encryption_key = Some(SecretString::from(current));
        settings.keys.sealing.previous_key_encryption_key = previous.map(SecretString::from);
        let url = url.clone();
        async move {
            let (config, sealer) = settings.check().unwrap();
            let (clock, random) = (Arc::new(FakeClock::default()), Arc::new(SystemRandom::new()));
            let database = database::connect("TEST", &url).await.unwrap();
            Service::start(config, sealer, database, clock, random).await
        }
    };
    start(NEW, None).await.unwrap_err();
    let both = start(NEW, Some(KEY)).await.unwrap();
    assert_eq!(both.app.keyring.rewrap(Actor::Command).await.unwrap(), 1);
    assert_eq!(both.app.keyring.rewrap(Actor::Command).await.unwrap(), 0, "may be run again");
    let new = start(NEW, None).await.unwrap();
    assert!(new.app.refresh_token(&tokens.refresh).is_ok());
    start(KEY, None).await.unwrap_err();
    old.refresh(&tokens.refresh).await.expect(200);
}

#[tokio::test]
async fn of_replicas_that_rotate_together_one_makes_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let url = new_shared_database(directory.path()).await;
    let mut replicas = Vec::new();
    for _ in 0..3 {
        replicas.push(World::on(connect(&url).await, &[]).await);
    }
    for replica in &replicas {
        replica.advance(30 * 86400);
    }
    let made = replicas.iter().map(|replica| replica.service.app.keyring.maintain());
    for result in futures_util::future::join_all(made).await {
        result.unwrap();
    }
    let set = kids(&replicas[0]).await;
    assert_eq!(set.len(), 2);
    for replica in &replicas {
        assert_eq!(kids(replica).await, set);
    }
    assert_eq!(replicas[0].audit().await.iter().filter(|kind| *kind == "key_created").count(), 2);
}
