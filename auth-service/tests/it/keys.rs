use std::sync::Arc;

use auth_service::Service;
use auth_service::entity::signing_key::Entity;
use auth_service::migration::Migrator;
use sea_orm::{EntityTrait as _, PaginatorTrait as _};
use secrecy::SecretString;
use shared::database;
use shared::random::SystemRandom;
use shared::testing::{FakeClock, new_shared_database};

use crate::world::{World, connect, header, settings};

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
    other.key_encryption_key = Some(SecretString::from("BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA="));
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
